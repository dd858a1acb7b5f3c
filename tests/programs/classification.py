"""Image classification as nnabla's examples and papers' reproductions write it."""
import nnabla as nn
import nnabla.functions as F
import nnabla.initializer as I
import nnabla.parametric_functions as PF
import nnabla.solvers as S
import numpy as np
from nnabla.parameter import get_parameter_or_create

from .kit import brief, gradients, initial, program, values


def batches(steps, shape, classes, seed=1):
    rng = np.random.RandomState(seed)
    for _ in range(steps):
        label = rng.randint(0, classes, (shape[0], 1))
        image = rng.rand(*shape) + 0.1 * label.reshape(-1, 1, 1, 1)
        yield image, label


def categorical_error(pred, label):
    return (pred.argmax(1) != label.flat).mean()


@program
def lenet():
    def network(image, test=False):
        image /= 255.0
        c1 = PF.convolution(image, 16, (5, 5), name='conv1')
        c1 = F.relu(F.max_pooling(c1, (2, 2)), inplace=True)
        c2 = PF.convolution(c1, 16, (5, 5), name='conv2')
        c2 = F.relu(F.max_pooling(c2, (2, 2)), inplace=True)
        c3 = F.relu(PF.affine(c2, 50, name='fc3'), inplace=True)
        c4 = PF.affine(c3, 10, name='fc4')
        return c4

    image = nn.Variable([8, 1, 28, 28])
    label = nn.Variable([8, 1])
    pred = network(image)
    pred.persistent = True
    loss = F.mean(F.softmax_cross_entropy(pred, label))
    vimage = nn.Variable([4, 1, 28, 28])
    vlabel = nn.Variable([4, 1])
    vpred = network(vimage, test=True)
    verror = F.mean(F.top_n_error(vpred, vlabel))
    solver = S.Adam(1e-3)
    solver.set_parameters(nn.get_parameters())
    start = initial(nn.get_parameters())
    curve, errors, validation = [], [], []
    for i, (x, t) in enumerate(batches(20, image.shape, 10)):
        if i % 5 == 0:
            vimage.d, vlabel.d = x[:4] * 255, t[:4]
            verror.forward(clear_buffer=True)
            validation.append(float(verror.d))
        image.d, label.d = (x * 255).astype(np.uint8), t
        solver.zero_grad()
        loss.forward(clear_no_need_grad=True)
        loss.backward(clear_buffer=True)
        solver.weight_decay(1e-3)
        solver.update()
        loss.data.cast(np.float32)
        errors.append(float(categorical_error(pred.d, label.d)))
        curve.append(loss.d.copy())
    return start, [float(v) for v in curve], errors, validation, values(nn.get_parameters()), gradients(nn.get_parameters())


@program
def batch_norm_network_with_test_graph():
    def network(x, test):
        h = x
        for i, maps in enumerate((8, 12)):
            with nn.parameter_scope(f"block{i}"):
                h = PF.convolution(h, maps, (3, 3), pad=(1, 1), stride=(1 + i, 1 + i), with_bias=False)
                h = PF.batch_normalization(h, axes=[1], decay_rate=0.9, eps=1e-4, batch_stat=not test)
                h = F.elu(h)
                if not test:
                    h = F.dropout(h, 0.25)
        h = F.average_pooling(h, h.shape[2:])
        return PF.affine(h, 5, w_init=I.NormalInitializer(0.05), b_init=I.ConstantInitializer(0.1))

    x, t = nn.Variable((6, 3, 10, 10)), nn.Variable((6, 1))
    y = network(x, False)
    loss = F.mean(F.softmax_cross_entropy(y, t))
    ty = network(x, True)
    tloss = F.mean(F.softmax_cross_entropy(ty, t))
    solver = S.Momentum(0.05, 0.9)
    solver.set_parameters(nn.get_parameters())
    out = [initial(nn.get_parameters(grad_only=False)), [], [], str(y.shape), repr(loss.parent), loss.parent.name]
    for a, b in batches(20, x.shape, 5):
        x.d, t.d = a, b
        loss.forward(clear_no_need_grad=True)
        solver.zero_grad()
        loss.backward(clear_buffer=True)
        solver.weight_decay(5e-4)
        solver.update()
        out[1].append(float(loss.d))
        tloss.forward(clear_buffer=True)
        out[2].append(float(tloss.d))
    return out, values(nn.get_parameters(grad_only=False)), list(nn.get_parameters())


def resnet(x, classes, maps=8, units=(1, 1), test=False, fix=False):
    def shortcut(x, ochannels, stride):
        if x.shape[1] != ochannels or stride != 1:
            with nn.parameter_scope("shortcut_conv"):
                return PF.batch_normalization(
                    PF.convolution(x, ochannels, (1, 1), stride=(stride, stride), with_bias=False, fix_parameters=fix),
                    batch_stat=not test, fix_parameters=fix)
        return x

    def basic_block(x, ochannels, stride):
        def bn(h):
            return PF.batch_normalization(h, axes=[1], batch_stat=not test, fix_parameters=fix)
        with nn.parameter_scope("basic_block1"):
            h = F.relu(bn(PF.convolution(x, ochannels, (3, 3), pad=(1, 1), stride=(stride, stride), with_bias=False,
                                         fix_parameters=fix)))
        with nn.parameter_scope("basic_block2"):
            h = bn(PF.convolution(h, ochannels, (3, 3), pad=(1, 1), with_bias=False, fix_parameters=fix))
        with nn.parameter_scope("basic_block_s"):
            s = shortcut(x, ochannels, stride)
        return F.relu(F.add2(h, s, inplace=True), inplace=True)

    with nn.parameter_scope("conv1"):
        r = PF.convolution(x, maps, (3, 3), pad=(1, 1), with_bias=False, fix_parameters=fix,
                           w_init=I.NormalInitializer(I.calc_normal_std_he_forward(x.shape[1], maps, (3, 3))))
        r = F.relu(PF.batch_normalization(r, batch_stat=not test, fix_parameters=fix))
        r = F.max_pooling(r, (3, 3), (2, 2), pad=(1, 1))
    for n, count in enumerate(units):
        for i in range(count):
            with nn.parameter_scope(f"res{n}.{i}"):
                r = basic_block(r, maps * 2 ** n, 2 if n and not i else 1)
    pool = F.global_average_pooling(r)
    with nn.parameter_scope("fc"):
        return PF.affine(pool, classes, w_init=I.UniformInitializer(I.calc_uniform_lim_glorot(pool.shape[1], classes))), pool


@program
def resnet_training_and_fine_tuning():
    x, t = nn.Variable((4, 3, 16, 16)), nn.Variable((4, 1))
    y, _ = resnet(x, 6)
    loss = F.mean(F.softmax_cross_entropy(y, t))
    solver = S.Nesterov(0.02, 0.9)
    solver.set_parameters(nn.get_parameters())
    out = [initial(nn.get_parameters(grad_only=False))]
    curve = []
    for a, b in batches(10, x.shape, 6):
        x.d, t.d = a, b
        loss.forward(clear_no_need_grad=True)
        solver.zero_grad()
        loss.backward(clear_buffer=True)
        solver.weight_decay(1e-4)
        solver.update()
        curve.append(float(loss.d))
    out.append(curve)
    # A new head on frozen features.
    _, features = resnet(x, 6, test=True, fix=True)
    head = PF.affine(features, 3, name="new_head")
    tuned = F.mean(F.softmax_cross_entropy(head, t))
    out.append([features.need_grad, head.need_grad, list(nn.get_parameters()), features.parent.need_grad])
    with nn.parameter_scope("new_head"):
        params = nn.get_parameters()
    solver = S.Sgd(0.1)
    solver.set_parameters(params)
    before = values(nn.get_parameters(grad_only=False))
    curve = []
    for a, b in batches(8, x.shape, 3, seed=5):
        x.d, t.d = a, b
        tuned.forward(clear_no_need_grad=True)
        solver.zero_grad()
        tuned.backward(clear_buffer=True)
        solver.update()
        curve.append(float(tuned.d))
    after = values(nn.get_parameters(grad_only=False))
    out.append([curve, [k for k in before if before[k] != after[k]], after])
    return out


@program
def densenet():
    growth = 4

    def dense_layer(x, test):
        h = F.relu(PF.batch_normalization(x, batch_stat=not test))
        h = PF.convolution(h, growth, (3, 3), pad=(1, 1), with_bias=False)
        return F.concatenate(x, h, axis=1)

    def transition(x, test):
        h = F.relu(PF.batch_normalization(x, batch_stat=not test))
        h = PF.convolution(h, x.shape[1] // 2, (1, 1), with_bias=False)
        return F.average_pooling(h, (2, 2))

    x, t = nn.Variable((4, 3, 8, 8)), nn.Variable((4, 1))
    h = PF.convolution(x, 8, (3, 3), pad=(1, 1), with_bias=False, name="stem")
    for b in range(2):
        for i in range(3):
            with nn.parameter_scope(f"dense{b}/{i}"):
                h = dense_layer(h, False)
        with nn.parameter_scope(f"transition{b}"):
            h = transition(h, False)
    h = F.global_average_pooling(h)
    y = PF.affine(h, 4)
    prob = F.softmax(y)
    loss = F.mean(F.categorical_cross_entropy(prob, t))
    params = nn.get_parameters()
    solver = S.AdamW(1e-2, wd=1e-2)
    solver.set_parameters(params)
    curve = []
    start = initial(params)
    for a, b in batches(15, x.shape, 4):
        x.d, t.d = a, b
        loss.forward()
        solver.zero_grad()
        loss.backward()
        solver.update()
        curve.append(float(loss.d))
    kinds = []
    loss.visit(lambda f: kinds.append(f.info.type_name))
    return start, curve, kinds, [list(h.shape), h.rank, loss.rank], brief(h.g), brief(h.d), values(nn.get_parameters(grad_only=False))


@program
def siamese():
    def embed(x):
        with nn.parameter_scope("siamese"):
            h = F.tanh(PF.convolution(x, 6, (3, 3), name="c1"))
            h = F.max_pooling(h, (2, 2))
            h = F.relu(PF.affine(h, 16, name="f1"))
            return PF.affine(h, 2, name="f2")

    def contrastive(d, t, margin=1.0, eps=1e-4):
        return F.mean(t * d + (1 - t) * F.maximum_scalar(margin - (d + eps) ** 0.5, 0.0) ** 2)

    x0, x1, t = nn.Variable((5, 1, 8, 8)), nn.Variable((5, 1, 8, 8)), nn.Variable((5,))
    y0, y1 = embed(x0), embed(x1)
    loss = contrastive(F.sum(F.squared_error(y0, y1), axis=1), t)
    solver = S.AMSGRAD(5e-3)
    solver.set_parameters(nn.get_parameters())
    rng = np.random.RandomState(3)
    curve = []
    for _ in range(15):
        x0.d, x1.d, t.d = rng.rand(*x0.shape), rng.rand(*x0.shape), rng.randint(0, 2, 5)
        loss.forward(clear_no_need_grad=True)
        solver.zero_grad()
        loss.backward(clear_buffer=True)
        solver.update()
        curve.append(float(loss.d))
    return curve, values(nn.get_parameters()), gradients(nn.get_parameters())


@program
def knowledge_distillation():
    def net(x, width, test=False):
        h = F.relu(PF.affine(x, width, name="l1"))
        h = PF.batch_normalization(h, batch_stat=not test)
        return PF.affine(h, 4, name="l2")

    x, t = nn.Variable((8, 10)), nn.Variable((8, 1))
    with nn.parameter_scope("teacher"):
        teacher = net(x, 32, test=True)
        teacher.need_grad = False
    with nn.parameter_scope("student"):
        student = net(x, 8)
    temperature = 3.0
    soft = F.softmax(teacher / temperature)
    soft.need_grad = False
    distill = F.mean(-F.sum(soft * F.log_softmax(student / temperature), axis=1)) * temperature ** 2
    hard = F.mean(F.softmax_cross_entropy(student, t))
    loss = 0.3 * hard + 0.7 * distill
    with nn.parameter_scope("student"):
        solver = S.RMSprop(1e-2)
        solver.set_parameters(nn.get_parameters())
    rng = np.random.RandomState(3)
    curve = []
    for _ in range(20):
        x.d, t.d = rng.randn(8, 10), rng.randint(0, 4, (8, 1))
        for p in nn.get_parameters().values():
            p.grad.zero()
        loss.forward(clear_no_need_grad=True)
        loss.backward(clear_buffer=True)
        solver.update()
        curve.append(float(loss.d))
    return curve, values(nn.get_parameters(grad_only=False)), [p.grad.zeroing for p in nn.get_parameters().values()]


@program
def gradient_accumulation_and_clipping():
    x, t = nn.Variable((3, 7)), nn.Variable((3, 2))
    h = F.leaky_relu(PF.affine(x, 9, name="a"), 0.2)
    h = F.swish(PF.affine(h, 9, name="b"))
    y = PF.affine(h, 2, name="c")
    accumulate = 4
    loss = F.mean(F.huber_loss(y, t, 0.5)) / accumulate
    solver = S.Adam(2e-3, 0.5, 0.99)
    solver.set_parameters(nn.get_parameters())
    rng = np.random.RandomState(3)
    out = []
    for _ in range(6):
        solver.zero_grad()
        total = 0.0
        for _ in range(accumulate):
            x.d, t.d = rng.randn(3, 7), 5 * rng.randn(3, 2)
            loss.forward(clear_no_need_grad=True)
            loss.backward(clear_buffer=True)
            total += loss.d
        norms = [float(np.linalg.norm(p.g)) for p in nn.get_parameters().values()]
        solver.clip_grad_by_norm(0.1)
        clipped = [float(np.linalg.norm(p.g)) for p in nn.get_parameters().values()]
        solver.scale_grad(0.5)
        out.append([float(total), norms, clipped, solver.check_inf_grad(), solver.check_nan_grad(), solver.check_inf_or_nan_grad()])
        solver.update()
    states = {k: [s.t] + [[name, brief(v.d)] for name, v in sorted(s.pstate.items())] for k, s in sorted(solver.get_states().items())}
    return out, values(nn.get_parameters()), states, solver.learning_rate(), solver.name, solver.info


@program
def mixup_label_smoothing_and_own_parameters():
    def dense(x, n, name):
        with nn.parameter_scope(name):
            w = get_parameter_or_create("W", (x.shape[1], n), I.OrthogonalInitializer(np.sqrt(2)))
            g = get_parameter_or_create("g", (1, n), I.ConstantInitializer(1.0))
            b = get_parameter_or_create("b", (1, n), need_grad=True)
            step = get_parameter_or_create("step", (1, 1), need_grad=False)
            step += 1
            w = w / (F.pow_scalar(F.sum(w ** 2, axis=0, keepdims=True), 0.5) + 1e-6) * F.broadcast(g, w.shape)
            return F.broadcast(b, (x.shape[0], n)) + x @ w

    x, t, lam = nn.Variable((6, 12)), nn.Variable((6, 1)), nn.Variable((6, 1))
    mixed = lam * x + (1 - lam) * F.flip(x, axes=[0])
    onehot = F.one_hot(t, (5,))
    target = lam * onehot + (1 - lam) * onehot[::-1]
    target = F.mul_scalar(target, 0.9) + 0.1 / 5
    y = dense(F.gelu(dense(mixed, 8, "d1")), 5, "d2")
    loss = -F.mean(F.sum(target * F.log_softmax(y), axis=-1))
    solver = S.Lamb(1e-2)
    solver.set_parameters(nn.get_parameters())
    rng = np.random.RandomState(9)
    start = initial(nn.get_parameters(grad_only=False))
    curve = []
    for _ in range(12):
        x.d, t.d, lam.d = rng.randn(6, 12), rng.randint(0, 5, (6, 1)), rng.beta(1., 1., (6, 1))
        loss.forward(clear_no_need_grad=True)
        solver.zero_grad()
        loss.backward(clear_buffer=True)
        solver.weight_decay(1e-2)
        solver.update()
        curve.append(float(loss.d))
    return start, curve, values(nn.get_parameters(grad_only=False)), list(target.shape)
