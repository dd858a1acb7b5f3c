"""Data, monitors, schedules, files and compressed networks around the training loop."""
import os

import nnabla as nn
import nnabla.functions as F
import nnabla.initializer as I
import nnabla.parametric_functions as PF
import nnabla.solvers as S
import numpy as np
from nnabla.logger import logger
from nnabla.monitor import Monitor, MonitorImageTile, MonitorSeries, MonitorTimeElapsed
from nnabla.utils.data_iterator import data_iterator, data_iterator_simple
from nnabla.utils.data_source import DataSource

from .kit import bits, brief, gradients, initial, program, values


class Digits(DataSource):
    def __init__(self, count, shuffle=True, rng=None):
        super().__init__(shuffle=shuffle, rng=rng)
        self._size = count
        self._variables = ("x", "y")
        make = np.random.RandomState(5)
        self.images, self.labels = make.rand(count, 1, 6, 6).astype(np.float32), make.randint(0, 3, (count, 1))
        self.reset()

    def reset(self):
        self._indexes = self._rng.permutation(self._size) if self._shuffle else np.arange(self._size)
        super().reset()

    @property
    def images(self):
        return self._images

    @images.setter
    def images(self, value):
        self._images = value

    def _get_data(self, position):
        i = self._indexes[position]
        return self.images[i], self.labels[i]


@program
def data_iterators_and_monitors():
    it = data_iterator(Digits(20, rng=np.random.RandomState(1)), 6, rng=None, with_memory_cache=False, with_file_cache=False)
    vit = data_iterator_simple(lambda i: (np.full((1, 6, 6), i, np.float32), np.array([i % 3])), 10, 5, shuffle=False, with_file_cache=False)
    x, t = nn.Variable((6, 1, 6, 6)), nn.Variable((6, 1))
    y = PF.affine(F.relu(PF.convolution(x, 4, (3, 3))), 3)
    loss, error = F.mean(F.softmax_cross_entropy(y, t)), F.mean(F.top_n_error(y, t))
    solver = S.Momentum(0.1)
    solver.set_parameters(nn.get_parameters())
    monitor = Monitor("monitored")
    series = MonitorSeries("Training loss", monitor, interval=4, verbose=False)
    every = MonitorSeries("Training error", monitor, interval=1, verbose=False)
    MonitorTimeElapsed("Training time", monitor, interval=5, verbose=False).add(4)
    tile = MonitorImageTile("Tile", monitor, interval=1, num_images=4, normalize_method=lambda v: v)
    labels, epochs = [], []
    for i in range(12):
        x.d, t.d = it.next()
        labels.append(t.d.ravel().astype(int))
        epochs.append([it.epoch, it.size])   # the position runs ahead in a thread
        solver.zero_grad()
        nn.forward_all([loss, error], clear_no_need_grad=True)
        loss.backward(clear_buffer=True)
        solver.update()
        series.add(i, loss.d.copy())
        every.add(i, error.d.copy())
    tile.add(0, x.d)
    with open(os.path.join("monitored", "Training-loss.series.txt")) as f:
        lines = [[float(v) for v in line.split()] for line in f]
    with open(os.path.join("monitored", "Training-error.series.txt")) as f:
        errors = [[float(v) for v in line.split()] for line in f]
    seen = [vit.next()[1].ravel() for _ in range(4)]
    half = it.slice(np.random.RandomState(2), num_of_slices=2, slice_pos=1)
    part = [half.next()[1].ravel() for _ in range(3)]
    names = sorted(os.listdir("monitored"))
    it.close()
    logger.info("done")
    return labels, epochs, lines, errors, seen, part, half.size, names, it.variables


@program
def schedules():
    from nnabla.utils.learning_rate_scheduler import CosineScheduler, ExponentialScheduler, LinearWarmupScheduler, PolynomialScheduler, StepScheduler
    x, t = nn.Variable((4, 3)), nn.Variable((4, 1))
    loss = F.mean(F.squared_error(PF.affine(x, 1), t))
    solver = S.Sgd(0.1)
    solver.set_parameters(nn.get_parameters())
    rng = np.random.RandomState(0)
    out = []
    for schedule in (CosineScheduler(0.1, 8), PolynomialScheduler(0.1, 8, 2), StepScheduler(0.1, 0.5, (2, 5)), ExponentialScheduler(0.1, 0.9, 2),
                     LinearWarmupScheduler(CosineScheduler(0.1, 8), 3)):
        for i in range(8):
            x.d, t.d = rng.randn(4, 3), rng.randn(4, 1)
            loss.forward()
            solver.zero_grad()
            loss.backward()
            solver.set_learning_rate(schedule.get_learning_rate(i))
            solver.update()
            out.append([float(loss.d), solver.learning_rate()])
    return out


@program
def interrupted_and_resumed():
    """Parameters and solver states go through files in the middle of training; the curve continues."""
    def build():
        x, t = nn.Variable((4, 5)), nn.Variable((4, 2))
        h = PF.batch_normalization(PF.affine(x, 6, name="a", with_bias=False), name="n")
        return x, t, F.mean(F.squared_error(PF.affine(F.relu(h), 2, name="b"), t))

    def run(x, t, loss, solver, steps, seed):
        rng = np.random.RandomState(seed)
        curve = []
        for _ in range(steps):
            x.d, t.d = rng.randn(4, 5), rng.randn(4, 2)
            loss.forward(clear_no_need_grad=True)
            solver.zero_grad()
            loss.backward(clear_buffer=True)
            solver.update()
            curve.append(float(loss.d))
        return curve

    out = []
    for extension in (".h5", ".protobuf"):
        nn.clear_parameters()
        nn.seed(4)
        net = build()
        solver = S.Adam(1e-2)
        solver.set_parameters(nn.get_parameters())
        out.append(initial(nn.get_parameters(grad_only=False)))
        out.append(run(*net, solver, 5, 0))
        nn.save_parameters("p" + extension)
        solver.save_states("s" + extension)
        kept = {k: v.d.copy() for k, v in nn.get_parameters(grad_only=False).items()}
        out.append(run(*net, solver, 5, 1))
        nn.clear_parameters()
        nn.load_parameters("p" + extension)
        loaded = {k: bool(np.all(v.d == kept[k])) for k, v in nn.get_parameters(grad_only=False).items()}
        out.append([loaded, list(nn.get_parameters())])
        net = build()
        solver = S.Adam(1e-2)
        solver.set_parameters(nn.get_parameters())
        solver.load_states("s" + extension)
        out.append({k: [s.t] + [[n, brief(v.d)[2:]] for n, v in sorted(s.pstate.items())] for k, s in sorted(solver.get_states().items())})
        out.append(run(*net, solver, 5, 1))
    # Loading in place: graph and solver notice.
    nn.load_parameters("p.h5")
    out.append(run(*net, solver, 2, 1))
    with nn.parameter_scope("part"):
        nn.load_parameters("p.h5")
    out.append(list(nn.get_parameters(grad_only=False)))
    nn.save_parameters("some.h5", {k: v for k, v in nn.get_parameters().items() if "affine" in k})
    nn.clear_parameters()
    nn.load_parameters("some.h5")
    out.append(list(nn.get_parameters()))
    return out


@program
def several_solvers_and_changed_parameters():
    x = nn.Variable((4, 5))
    x.d = np.random.RandomState(0).randn(4, 5)
    h = F.tanh(PF.affine(x, 6, name="body"))
    one = F.mean(PF.affine(h, 1, name="one") ** 2)
    params = nn.get_parameters()
    solver = S.Adam(1e-2)
    solver.set_parameters(params)
    body, head = S.Sgd(0.1), S.Momentum(0.1)
    body.set_parameters({k: v for k, v in params.items() if k.startswith("body")})
    head.set_parameters({k: v for k, v in params.items() if k.startswith("one")})
    out = []
    for i in range(4):
        for s in (body, head):
            s.zero_grad()
        one.forward()
        one.backward()
        body.update()
        head.weight_decay(0.1)
        if i % 2:
            head.update()
        out.append(float(one.d))
    two = F.mean(PF.affine(h, 1, name="two") ** 2)
    head.set_parameters({k: v for k, v in nn.get_parameters().items() if k.startswith("two")}, reset=False, retain_state=True)
    out.append(sorted(head.get_parameters()))
    for _ in range(3):
        head.zero_grad()
        nn.forward_all([one, two])
        two.backward()
        head.update()
    out.append({k: s.t for k, s in sorted(head.get_states().items())})
    head.remove_parameters(["one/affine/W"])
    out.append(sorted(head.get_parameters()))
    before = {k: v.d.copy() for k, v in params.items()}
    solver.update()
    out.append({k: bool(np.any(before[k] != v.d)) for k, v in params.items()})
    return out, values(nn.get_parameters())


@program
def binary_connect():
    x, t = nn.Variable((6, 1, 10, 10)), nn.Variable((6, 1))
    h = PF.binary_connect_convolution(x, 8, (3, 3), name="c1")
    h = F.binary_tanh(PF.batch_normalization(F.max_pooling(h, (2, 2)), name="n1"))
    h = PF.binary_connect_affine(h, 12, name="f1")
    h = F.binary_sigmoid(PF.batch_normalization(h, name="n2"))
    y = PF.binary_weight_affine(h, 3, name="f2")
    loss = F.mean(F.softmax_cross_entropy(y, t))
    solver = S.Sgd(0.01)
    solver.set_parameters(nn.get_parameters())
    rng = np.random.RandomState(0)
    start, curve = initial(nn.get_parameters(grad_only=False)), []
    for _ in range(4):
        x.d, t.d = rng.rand(*x.shape), rng.randint(0, 3, (6, 1))
        loss.forward()
        solver.zero_grad()
        loss.backward()
        solver.update()
        curve.append(float(loss.d))
    return start, curve, gradients(nn.get_parameters())


@program
def fixed_point_and_pow2():
    x, t = nn.Variable((6, 1, 8, 8)), nn.Variable((6, 1))
    q = {"n_w": 8, "delta_w": 2 ** -4, "n_b": 8, "delta_b": 2 ** -4}
    h = PF.fixed_point_quantized_convolution(x, 6, (3, 3), name="c1", **q)
    h = F.fixed_point_quantize(F.relu(h), sign=False, n=8, delta=2 ** -5)
    h = PF.pow2_quantized_convolution(h, 6, (3, 3), name="c2", n_w=6, m_w=1, n_b=6, m_b=1)
    h = F.pow2_quantize(F.tanh(h), n=6, m=1)
    h = F.relu(PF.affine(F.prune(h, 0.2), 8, name="p"))
    h = F.min_max_quantize(h, F.constant(0, (1, 1)), F.constant(2, (1, 1)), F.constant(0, (1, 1)), F.constant(255, (1, 1)))
    y = PF.fixed_point_quantized_affine(h, 3, name="f", **q)
    loss = F.mean(F.softmax_cross_entropy(y, t))
    solver = S.Sgd(0.05)
    solver.set_parameters(nn.get_parameters())
    rng = np.random.RandomState(0)
    start, curve = initial(nn.get_parameters(grad_only=False)), []
    for _ in range(4):
        x.d, t.d = rng.rand(*x.shape), rng.randint(0, 3, (6, 1))
        loss.forward()
        solver.zero_grad()
        loss.backward()
        solver.update()
        curve.append(float(loss.d))
    return start, curve, gradients(nn.get_parameters())


class ConvBn(nn.Module):
    def __init__(self, maps, kernel=3, stride=1, act=None):
        self.maps, self.kernel, self.stride, self.act = maps, kernel, stride, act

    def call(self, x):
        k, s = self.kernel, self.stride
        h = PF.convolution(x, self.maps, (k, k), pad=(k // 2, k // 2), stride=(s, s), with_bias=False)
        h = PF.batch_normalization(h, batch_stat=self.training)
        return h if self.act is None else self.act(h)


class ResUnit(nn.Module):
    def __init__(self, maps, stride=1):
        self.conv1 = ConvBn(maps, 3, stride, F.relu)
        self.conv2 = ConvBn(maps, 3)
        self.shortcut = ConvBn(maps, 1, stride)

    def call(self, x, scale=1.0):
        return F.relu(self.shortcut(x) + scale * self.conv2(self.conv1(x)))


class TwoTowers(nn.Module):
    def __init__(self, maps):
        self.image = nn.Sequential(ConvBn(maps, act=F.relu), ResUnit(maps * 2, 2))
        self.text_dim = 6

    def pooled(self, h):
        return F.mean(h, axis=(2, 3))

    def call(self, image, words):
        a = PF.affine(self.pooled(self.image(image)), self.text_dim, name="image_head")
        b = PF.embed(words, 12, self.text_dim)
        b = F.mean(b, axis=1)
        return F.sum(a * b, axis=1, keepdims=True), (a, b)


@program
def modules_with_two_inputs():
    net = TwoTowers(4)
    image, words, t = nn.Variable((4, 3, 8, 8)), nn.Variable((4, 5)), nn.Variable((4, 1))
    y, (a, b) = net(image, words)
    loss = F.mean(F.sigmoid_cross_entropy(y, t))
    params = net.get_parameters(grad_only=True)
    solver = S.Momentum(0.1)
    solver.set_parameters(params)
    start, curve = initial(net.get_parameters()), []
    rng = np.random.RandomState(0)
    for _ in range(8):
        image.d, words.d, t.d = rng.rand(*image.shape), rng.randint(0, 12, words.shape), rng.randint(0, 2, (4, 1))
        loss.forward(clear_no_need_grad=True)
        solver.zero_grad()
        loss.backward(clear_buffer=True)
        solver.update()
        curve.append(float(loss.d))
    net.training = False
    y2, _ = net(image, words)
    y2.forward(clear_buffer=True)
    net.save_parameters("net.h5")
    other = TwoTowers(4)
    other.training = False
    other.load_parameters("net.h5")
    y3, _ = other(image, words)
    y3.forward(clear_buffer=True)
    with nn.auto_forward():
        y4, _ = net(image, words)
    names = [m.__class__.__name__ for m in (net, net.image)]
    return start, curve, brief(y2.d), bool(np.all(y2.d == y3.d)), bool(np.allclose(y2.d, y4.d)), names, list(nn.get_parameters()), \
        net.name, list(net.submodules), values(other.get_parameters())


@program
def nas_like_mixed_operations():
    """Weighted candidates per edge, architecture weights trained by a second solver."""
    x, t = nn.Variable((4, 2, 8, 8)), nn.Variable((4, 1))

    def mixed(x, name):
        with nn.parameter_scope(name):
            ops = [PF.convolution(x, 4, (3, 3), pad=(1, 1), name="c3", with_bias=False), PF.convolution(x, 4, (5, 5), pad=(2, 2), name="c5", with_bias=False),
                   PF.convolution(F.max_pooling(x, (3, 3), (1, 1), pad=(1, 1)), 4, (1, 1), name="pool", with_bias=False),
                   PF.convolution(x, 4, (3, 3), pad=(2, 2), dilation=(2, 2), name="dil", with_bias=False)]
            alpha = nn.parameter.get_parameter_or_create("alpha", (len(ops), 1, 1, 1), I.ConstantInitializer(0.1))
            weights = F.softmax(alpha, axis=0)
            return F.add_n(*[o * w for o, w in zip(ops, F.split(F.reshape(weights, (1, len(ops), 1, 1, 1)), axis=1))])

    h = F.relu(mixed(x, "edge0"))
    h = F.relu(mixed(h, "edge1"))
    y = PF.affine(F.global_average_pooling(h), 3)
    loss = F.mean(F.softmax_cross_entropy(y, t))
    params = nn.get_parameters()
    arch = {k: v for k, v in params.items() if k.endswith("alpha")}
    weights = {k: v for k, v in params.items() if k not in arch}
    sa, sw = S.Adam(0.05), S.Sgd(0.1)
    sa.set_parameters(arch)
    sw.set_parameters(weights)
    rng = np.random.RandomState(0)
    start, curve = initial(params), []
    for i in range(8):
        x.d, t.d = rng.rand(*x.shape), rng.randint(0, 3, (4, 1))
        solver = (sw, sa)[i % 2]
        for group, flag in ((arch, solver is sa), (weights, solver is sw)):
            for p in group.values():
                p.need_grad = flag
        solver.zero_grad()
        loss.forward()
        loss.backward()
        solver.update()
        curve.append(float(loss.d))
    return start, curve, values(arch), bits(np.int64(loss.rank)), values(weights)


@program
def all_solvers_on_one_problem():
    out = {}
    makers = {"Sgd": {}, "Momentum": {}, "Nesterov": {}, "Adam": {}, "AdamW": {}, "Adamax": {}, "AMSGRAD": {"bias_correction": True}, "AdaBound": {},
              "AMSBound": {}, "Adagrad": {}, "Adadelta": {}, "RMSprop": {}, "RMSpropGraves": {}, "Lamb": {}, "Lars": {}, "SgdW": {}, "Lion": {},
              "AdaBelief": {"rectify": True}}
    for name, arguments in makers.items():
        nn.clear_parameters()
        nn.seed(1)
        x, t = nn.Variable((5, 4)), nn.Variable((5, 1))
        loss = F.mean(F.squared_error(PF.affine(F.tanh(PF.affine(x, 6, name="a")), 1, name="b"), t))
        solver = getattr(S, name)(**arguments)
        solver.set_parameters(nn.get_parameters())
        rng = np.random.RandomState(0)
        curve = []
        for i in range(10):
            x.d = rng.randn(5, 4)
            t.d = x.d[:, :1] * 2
            loss.forward(clear_no_need_grad=True)
            solver.zero_grad()
            loss.backward(clear_buffer=True)
            solver.weight_decay(0.01)
            if i > 5:
                solver.clip_grad_by_norm(0.5)
            solver.update()
            curve.append(float(loss.d))
        out[name] = [curve, values(nn.get_parameters())]
    return out


class ClippedByGlobalNorm(nn.solver.Solver):
    """A solver around another one, as the reinforcement learning library has them."""

    def __init__(self, solver, limit):
        super().__init__()
        self._solver, self._limit = solver, limit

    @property
    def name(self):
        return "Clipped" + self._solver.name

    def set_parameters(self, params, reset=True, retain_state=False):
        self._solver.set_parameters(params, reset=reset, retain_state=retain_state)

    def zero_grad(self):
        self._solver.zero_grad()

    def update(self, update_pre_hook=None, update_post_hook=None):
        norm = np.linalg.norm([np.linalg.norm(p.g) for p in self._solver.get_parameters().values()])
        if norm > self._limit:
            self._solver.scale_grad(self._limit / norm)
        self._solver.update(update_pre_hook, update_post_hook)


@program
def a_solver_around_a_solver():
    x, t = nn.Variable((4, 5)), nn.Variable((4, 1))
    loss = F.mean(F.squared_error(PF.affine(x, 1), t))
    solver = ClippedByGlobalNorm(S.Momentum(0.1), 0.5)
    solver.set_parameters(nn.get_parameters())
    rng = np.random.RandomState(0)
    curve = []
    for _ in range(5):
        x.d, t.d = rng.randn(4, 5), rng.randn(4, 1)
        loss.forward()
        solver.zero_grad()
        loss.backward()
        solver.update()
        curve.append(float(loss.d))
    return curve, solver.name, isinstance(solver, nn.solver.Solver), values(nn.get_parameters())
