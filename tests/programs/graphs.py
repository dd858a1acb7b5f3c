"""What nnabla lets its users do with graphs, as they do it."""
import nnabla as nn
import nnabla.functions as F
import nnabla.initializer as I
import nnabla.parametric_functions as PF
import nnabla.solvers as S
import numpy as np
from nnabla.function import PythonFunction

from .kit import brief, gradients, initial, program, values


@program
def maml_by_nn_grad():
    def net(x, params):
        h = F.tanh(F.affine(x, params["w1"], params["b1"]))
        return F.affine(h, params["w2"], params["b2"])

    with nn.parameter_scope("meta"):
        meta = {
            "w1": nn.parameter.get_parameter_or_create("w1", (1, 10), I.NormalInitializer(0.5)),
            "b1": nn.parameter.get_parameter_or_create("b1", (10,)),
            "w2": nn.parameter.get_parameter_or_create("w2", (10, 1), I.NormalInitializer(0.5)),
            "b2": nn.parameter.get_parameter_or_create("b2", (1,)),
        }
    xs, ys, xq, yq = (nn.Variable((2, 5, 1)) for _ in range(4))
    losses = []
    for task in range(2):
        fast = dict(meta)
        for _ in range(2):
            inner = F.mean(F.squared_error(net(xs[task], fast), ys[task]))
            grads = nn.grad([inner], list(fast.values()))
            fast = {k: v - 0.1 * g for (k, v), g in zip(fast.items(), grads)}
        losses.append(F.mean(F.squared_error(net(xq[task], fast), yq[task])))
    loss = F.mean(F.stack(*losses))
    solver = S.Adam(1e-2)
    solver.set_parameters(nn.get_parameters())
    rng = np.random.RandomState(1)
    curve = []
    for _ in range(8):
        for v in (xs, xq):
            v.d = rng.uniform(-3, 3, v.shape)
        phase = rng.uniform(0, 3, (2, 1, 1))
        ys.d, yq.d = np.sin(xs.d + phase), np.sin(xq.d + phase)
        loss.forward(clear_no_need_grad=True)
        solver.zero_grad()
        loss.backward(clear_buffer=True)
        solver.update()
        curve.append(float(loss.d))
    return curve, initial(nn.get_parameters())[0][0], values(nn.get_parameters()), gradients(nn.get_parameters())


@program
def maml_in_place_parameters():
    """The published reimplementation: inner steps write the parameters, outer gradients are summed up."""
    x, y = nn.Variable((6, 2)), nn.Variable((6, 1))
    with nn.parameter_scope("train"):
        h = F.relu(PF.affine(x, 8, name="a"))
        loss = F.mean(F.squared_error(PF.affine(h, 1, name="b"), y))
        params = nn.get_parameters()
        names, variables = list(params), list(params.values())
    grads = nn.grad([loss], variables)
    rng = np.random.RandomState(1)
    out = []
    for _ in range(3):
        backup = [v.d.copy() for v in variables]
        for _ in range(3):
            x.d = rng.randn(6, 2)
            y.d = x.d.sum(axis=1, keepdims=True)
            nn.forward_all(grads + [loss], clear_no_need_grad=True)
            for v, g in zip(variables, grads):
                v.d = v.d - 0.05 * g.d
        out.append([float(loss.d), [brief(g.d) for g in grads]])
        for v, b in zip(variables, backup):
            v.d = b + 0.5 * (v.d - b)
    return names, out, [g.need_grad for g in grads], [list(g.shape) for g in grads]


@program
def auto_forward_training():
    curve = []
    nn.set_auto_forward(True)
    solver = S.Momentum(0.05)
    rng = np.random.RandomState(1)
    for step in range(10):
        x = nn.Variable.from_numpy_array(rng.randn(4, 6))
        t = nn.Variable.from_numpy_array(rng.randint(0, 3, (4, 1)))
        h = PF.batch_normalization(PF.affine(x, 8, name="a", with_bias=False), name="n")
        h = F.relu(h) if float(F.mean(h).d) > -10 else F.tanh(h)
        y = PF.affine(h, 3, name="b")
        loss = F.mean(F.softmax_cross_entropy(y, t))
        if step == 0:
            solver.set_parameters(nn.get_parameters())
        solver.zero_grad()
        loss.backward(clear_buffer=True)
        solver.update()
        curve.append(float(loss.d))
    with nn.auto_forward(False):
        static = PF.affine(nn.Variable((1, 6)), 8, name="a", with_bias=False)
        untouched = static.d.tolist()
    with nn.no_grad():
        free = PF.affine(x, 8, name="a", with_bias=False)
    state = nn.get_auto_forward()
    nn.set_auto_forward(False)
    return curve, untouched, free.parent is None, free.need_grad, state, values(nn.get_parameters(grad_only=False))


@program
def mixed_static_and_dynamic():
    x = nn.Variable((3, 4), need_grad=True)
    x.d = np.arange(12).reshape(3, 4)
    y = PF.affine(x, 2, name="s")
    with nn.auto_forward():
        c = nn.Variable.from_numpy_array(np.float32([[1, 2]]))
        scale = F.exp(c * 0.1)
    z = y * scale
    before = z.d.copy()
    z.forward()
    z.backward(np.float32([[1, 0], [0, 1], [1, 1]]))
    with nn.auto_forward():
        w = F.sum(z * 2)
    imperative = F.relu(y.data)
    total = imperative + z.data
    y.data.zero()
    return before, brief(z.d), brief(x.g), float(w.d), type(imperative).__name__, brief(imperative.data), brief(total.data)


@program
def frozen_and_unlinked_parts():
    x = nn.Variable((4, 5))
    x.d = np.random.RandomState(0).randn(4, 5)
    h = F.sigmoid(PF.affine(x, 6, name="trunk"))
    branch = h.get_unlinked_variable(need_grad=True)
    y1 = F.sum(PF.affine(h, 1, name="one") ** 2)
    y2 = F.sum(PF.affine(branch, 1, name="two") ** 2)
    y1.forward()
    y2.forward(clear_no_need_grad=True)
    for p in nn.get_parameters().values():
        p.grad.zero()
    h.grad.zero()
    y2.backward(clear_buffer=False)
    first = gradients(nn.get_parameters())
    touched = [p.grad.zeroing for p in nn.get_parameters().values()]
    h.backward(grad=branch.grad)
    second = gradients(nn.get_parameters())
    h.need_grad = False
    y1.forward()
    y1.backward()
    third = gradients(nn.get_parameters())
    return first, second, third, touched, brief(branch.g), y1.parent.need_grad, h == branch, h.parent.name, branch.parent is None


@program
def several_losses_by_sink():
    x = nn.Variable((3, 4), need_grad=True)
    x.d = np.random.RandomState(0).randn(3, 4)
    h = F.tanh(PF.affine(x, 5, name="h"))
    a, b = F.mean(h ** 2), F.sum(PF.affine(h, 2, name="o"))
    hidden = F.sin(h)
    sink = F.sink(a, b, hidden)
    out = []
    for clear in (False, True):
        for p in nn.get_parameters().values():
            p.grad.zero()
        x.grad.zero()
        sink.forward(clear_no_need_grad=clear)
        sink.backward(clear_buffer=clear)
        out.append([float(a.d), float(b.d), brief(hidden.d), brief(x.g), gradients(nn.get_parameters())])
    other = F.sink(a, b, one_input_grad=False)
    a.g, b.g = 2.0, 0.5
    x.g = 0
    other.forward()
    other.backward()
    out.append(brief(x.g))
    return out, list(sink.shape)


@program(rtol=3e-3)
def half_precision_context():
    from nnabla.ext_utils import get_extension_context
    ctx = get_extension_context("cpu", type_config="half")
    with nn.context_scope(ctx):
        x, t = nn.Variable((4, 6)), nn.Variable((4, 1))
        h = F.relu(PF.affine(x, 16, name="a"))
        h = F.tanh(PF.affine(h, 8, name="b"))
        loss = F.mean(F.softmax_cross_entropy(PF.affine(h, 3, name="c"), t))
        solver = S.Sgd(0.1)
    solver.set_parameters(nn.get_parameters())
    rng = np.random.RandomState(0)
    scale = 8.0
    curve = []
    for _ in range(6):
        x.d, t.d = rng.randn(4, 6), rng.randint(0, 3, (4, 1))
        loss.forward()
        solver.zero_grad()
        loss.backward(scale)
        solver.scale_grad(1.0 / scale)
        if solver.check_inf_or_nan_grad():
            scale /= 2
        else:
            solver.update()
        curve.append(float(loss.d))
    params = nn.get_parameters()
    return curve, [[str(p.d.dtype), str(p.g.dtype)] for p in params.values()], str(h.d.dtype), str(loss.d.dtype), str(x.d.dtype), \
        ctx.backend, ctx.array_class, ctx.device_id, h.parent.context.backend


@program
def batch_size_changes_between_steps():
    x, t = nn.Variable((4, 3)), nn.Variable((4, 1))
    h = PF.batch_normalization(F.relu(PF.affine(x, 6, name="a")))
    y = PF.affine(h, 2, name="b")
    loss = F.mean(F.softmax_cross_entropy(y, t))
    rng = np.random.RandomState(0)
    out = []
    for n in (4, 5, 7):
        x.reset_shape((n, 3), True)
        t.reset_shape((n, 1), True)
        x.d, t.d = rng.randn(n, 3), rng.randint(0, 2, (n, 1))
        for p in nn.get_parameters().values():
            p.grad.zero()
        loss.forward()
        loss.backward()
        out.append([list(y.shape), float(loss.d), gradients(nn.get_parameters())])
    return out


@program
def hooks_and_traversal():
    x = nn.Variable((2, 3), need_grad=True)
    x.d = np.arange(6).reshape(2, 3) - 2
    y = F.sum(F.relu(PF.affine(x, 4, name="l")) * 2 + 1)
    seen = []
    y.forward(function_pre_hook=lambda f: seen.append("pre " + f.name), function_post_hook=lambda f: seen.append("post " + f.info.type_name))
    y.backward(function_post_hook=lambda f: seen.append(["back", f.name, [list(v.shape) for v in f.inputs], f.rank]))
    kinds = {}

    def visit(f):
        kinds.setdefault(f.name, []).append([f.info.args, [v.name for v in f.inputs], len(f.outputs), f.need_grad])

    y.visit(visit)
    relu = x.function_references[0].outputs[0].function_references[0]
    out = relu.outputs[0]
    grads = []
    y.backward(function_pre_hook=lambda f: grads.append(brief(f.outputs[0].g)) if f == relu else None)
    return seen, kinds, relu.name, brief(out.d), brief(out.g), grads, y.visit_check(lambda f: f.name == "ReLU"), brief(x.g)


class Clip(PythonFunction):
    """Straight through outside [low, high]."""

    def __init__(self, low, high, ctx=None):
        super().__init__(ctx)
        self.low, self.high = low, high

    @property
    def name(self):
        return self.__class__.__name__

    def min_outputs(self):
        return 1

    def grad_depends_output_data(self, i, o):
        return False

    def grad_depends_input_data(self, i, j):
        return False

    def setup_impl(self, inputs, outputs):
        outputs[0].reset_shape(inputs[0].shape, True)

    def forward_impl(self, inputs, outputs):
        outputs[0].d = np.clip(inputs[0].d, self.low, self.high)

    def backward_impl(self, inputs, outputs, propagate_down, accum):
        if not propagate_down[0]:
            return
        if accum[0]:
            inputs[0].g = inputs[0].g + outputs[0].g * 0.5
        else:
            inputs[0].g = outputs[0].g * 0.5


@program
def own_function_in_a_training_loop():
    x, t = nn.Variable((5, 4)), nn.Variable((5, 3))
    h = Clip(-0.5, 0.5)(PF.affine(x, 6, name="a"))
    y = PF.affine(h, 3, name="b") + F.pad(h[:, :2], (0, 0, 0, 1))
    loss = F.mean(F.squared_error(y, t))
    solver = S.Sgd(0.1)
    solver.set_parameters(nn.get_parameters())
    rng = np.random.RandomState(0)
    curve = []
    for _ in range(8):
        x.d, t.d = rng.randn(5, 4), rng.randn(5, 3)
        loss.forward(clear_no_need_grad=True)
        solver.zero_grad()
        loss.backward(clear_buffer=True)
        solver.update()
        curve.append(float(loss.d))
    clipped = F.sum(Clip(0, 1)(nn.NdArray.from_numpy_array(np.float32([-1, 0.5, 3]))))
    return curve, values(nn.get_parameters()), h.parent.name, h.parent.info.type_name, clipped.data


@program
def dqn_with_target_network():
    def q_function(s, scope):
        with nn.parameter_scope(scope):
            h = F.relu(PF.affine(s, 16, name="fc1"))
            return PF.affine(h, 3, name="fc2")

    s, a, r, s1, done = nn.Variable((4, 5)), nn.Variable((4, 1)), nn.Variable((4, 1)), nn.Variable((4, 5)), nn.Variable((4, 1))
    q = q_function(s, "online")
    target = q_function(s1, "target")
    q_a = F.sum(q * F.one_hot(F.reshape(a, (-1, 1), inplace=False), (3,)), axis=1, keepdims=True)
    y = r + 0.9 * (1 - done) * F.max(target, axis=1, keepdims=True)
    y.need_grad = False
    loss = F.mean(F.huber_loss(q_a, y))
    with nn.parameter_scope("online"):
        online = nn.get_parameters()
    with nn.parameter_scope("target"):
        frozen = nn.get_parameters()
    update = F.sink(*[F.assign(frozen[k], p) for k, p in online.items()], one_input_grad=False)
    soft = F.sink(*[F.assign(frozen[k], 0.9 * frozen[k] + 0.1 * p) for k, p in online.items()])
    update.forward()
    synced = [bool(np.all(frozen[k].d == p.d)) for k, p in online.items()]
    solver = S.RMSpropGraves(1e-2)
    solver.set_parameters(online)
    rng = np.random.RandomState(0)
    curve = []
    for step in range(12):
        s.d, s1.d, r.d = rng.randn(4, 5), rng.randn(4, 5), rng.randn(4, 1)
        a.d, done.d = rng.randint(0, 3, (4, 1)), rng.rand(4, 1) < 0.3
        loss.forward(clear_no_need_grad=True)
        solver.zero_grad()
        loss.backward(clear_buffer=True)
        solver.update()
        soft.forward(clear_buffer=True)
        curve.append(float(loss.d))
    return synced, curve, values(nn.get_parameters()), F.max(q.data, axis=1, only_index=True).data.dtype.name


@program
def soft_actor_critic_like_policy():
    s = nn.Variable((4, 3))
    h = F.relu(PF.affine(s, 8, name="pi1"))
    mean, log_sigma = F.split(PF.affine(h, (2, 2), name="pi2"), axis=1)
    sigma = F.exp(F.clip_by_value(log_sigma, -5, 2))
    noise = F.randn(0.0, 1.0, shape=mean.shape)
    u = mean + noise * sigma
    a = F.tanh(u)
    logp = -0.5 * ((u - mean) / (sigma + 1e-9)) ** 2 - F.log(sigma) - 0.5 * np.log(2 * np.pi)
    logp = F.sum(logp - F.log(1 - a ** 2 + 1e-6), axis=1, keepdims=True)
    q = [PF.affine(F.relu(PF.affine(F.concatenate(s, a, axis=1), 8, name=f"q{i}/1")), 1, name=f"q{i}/2") for i in range(2)]
    alpha = nn.parameter.get_parameter_or_create("log_alpha", (1, 1), I.ConstantInitializer(0.0))
    loss = F.mean(F.exp(alpha) * logp - F.minimum2(*q))
    ratio = F.exp(logp - F.constant(-1.5, logp.shape))
    adv = nn.Variable((4, 1))
    surrogate = -F.mean(F.minimum2(ratio * adv, F.clip_by_value(ratio, 0.8, 1.2) * adv))
    total = loss + surrogate
    solver = S.AdaBound(1e-3)
    solver.set_parameters(nn.get_parameters())
    rng = np.random.RandomState(0)
    curve = []
    for _ in range(8):
        s.d, adv.d = rng.randn(4, 3), rng.randn(4, 1)
        total.forward(clear_no_need_grad=True)
        solver.zero_grad()
        total.backward(clear_buffer=True)
        solver.update()
        curve.append(float(total.d))
    return curve, gradients(nn.get_parameters())


@program
def exponential_moving_average_of_weights():
    x, t = nn.Variable((4, 3)), nn.Variable((4, 2))
    loss = F.mean(F.squared_error(PF.affine(x, 2), t))
    params = nn.get_parameters(grad_only=False)
    ema = {k: nn.Variable.from_numpy_array(v.d.copy(), need_grad=False) for k, v in params.items()}
    updates = [F.assign(e, 0.9 * e + 0.1 * params[k]) for k, e in ema.items()]
    solver = S.Sgd(0.1)
    solver.set_parameters(params)
    rng = np.random.RandomState(0)
    for _ in range(5):
        x.d, t.d = rng.randn(4, 3), rng.randn(4, 2)
        loss.forward(clear_no_need_grad=True)
        solver.zero_grad()
        loss.backward(clear_buffer=True)
        solver.update()
        nn.forward_all(updates, clear_buffer=True)
    with nn.parameter_scope("ema"):
        for k, e in ema.items():
            nn.parameter.set_parameter(k, e)
    with nn.parameter_scope("ema"):
        y = PF.affine(x, 2)
    y.forward(clear_buffer=True)
    return values(nn.get_parameters(grad_only=False)), list(nn.get_parameters()), brief(y.d), [v.need_grad for v in y.parent.inputs]


@program
def adversarial_examples():
    x, t = nn.Variable((3, 1, 6, 6), need_grad=True), nn.Variable((3, 1))
    h = F.max_pooling(F.relu(PF.convolution(x, 4, (3, 3))), (2, 2))
    loss = F.sum(F.softmax_cross_entropy(PF.affine(h, 3), t))
    rng = np.random.RandomState(0)
    clean, t.d = rng.rand(*x.shape).astype(np.float32), [[0], [1], [2]]
    x.d = clean
    out = []
    for p in nn.get_parameters().values():
        p.need_grad = False
    for _ in range(4):
        x.grad.zero()
        loss.forward(clear_no_need_grad=True)
        loss.backward(clear_buffer=True)
        step = x.d + 0.05 * np.sign(x.g)
        x.d = np.clip(step, clean - 0.1, clean + 0.1)
        out.append([float(loss.d), str(x.d.dtype), brief(x.d)])
    return out, [float(np.abs(p.g).sum()) for p in nn.get_parameters(grad_only=False).values()], list(nn.get_parameters())


@program
def what_goes_wrong():
    """The mistakes users make, and the exceptions they get to see."""
    def caught(f):
        try:
            f()
        except Exception as error:
            return type(error).__name__
        return "no error"

    x = nn.Variable((2, 3))
    image = nn.Variable((2, 3, 8, 8))
    PF.affine(x, 4, name="taken")
    solver = S.Adam()
    return [
        caught(lambda: PF.affine(x, 5, name="taken")), caught(lambda: F.affine(x, nn.Variable((4, 2)))),
        caught(lambda: x + nn.Variable((3,))), caught(lambda: F.concatenate(x, nn.Variable((3, 4)), axis=1)),
        caught(lambda: F.reshape(x, (4, 2))), caught(lambda: PF.convolution(image, 4, (9, 9))),
        caught(lambda: PF.convolution(x, 4, (3, 3))), caught(lambda: F.relu(x.d)), caught(lambda: F.relu(x, slope=1)),
        caught(lambda: F.max_pooling(image, (2,), stride=(1, 1, 1))), caught(x.forward), caught(x.backward),
        caught(lambda: F.sum(x).backward(np.ones((2,)))), caught(lambda: setattr(x, "data", nn.NdArray((3, 2)))),
        caught(lambda: S.Adam(lr=0.1)), caught(lambda: solver.set_parameters([x])), caught(lambda: nn.load_parameters("missing.h5")),
        caught(lambda: nn.save_parameters("weights.npz")), caught(lambda: F.dropout(x, 1.5)), caught(lambda: F.softmax(x, axis=4)),
        caught(lambda: F.split(x, axis=3)), caught(lambda: PF.embed(x, 5)), caught(lambda: nn.Variable((2, 3)).parent.name),
        caught(lambda: x.reset_shape((4, 4))), caught(lambda: F.transpose(x, (0, 2))), caught(lambda: x.d.__setitem__((5, 5), 1)),
        caught(lambda: setattr(x, "d", np.zeros((4, 4)))), caught(lambda: F.batch_matmul(x, x)), caught(lambda: x == None),  # noqa: E711
        caught(lambda: nn.seed("a")), caught(lambda: F.broadcast(x, (2, 4))), caught(lambda: F.one_hot(x, (3,))),
        caught(lambda: F.binary_cross_entropy(x, nn.Variable((2, 4)))), caught(lambda: F.softmax_cross_entropy(x, nn.Variable((2, 3)))),
        caught(lambda: PF.batch_normalization(x, axes=[3])), caught(lambda: nn.grad([x], [x])), caught(lambda: F.mean(x).reshape((2,))),
        caught(lambda: x[0, 5]), caught(lambda: x[0, 0, 0]), caught(lambda: F.interpolate(image, mode="cubic", scale=(2, 2))),
        caught(lambda: PF.lstm_cell(x, nn.Variable((2, 4)), nn.Variable((2, 4)), 5)), caught(lambda: F.where(x, x, nn.Variable((3, 2)))),
        caught(lambda: I.ConstantInitializer(1)((2, 3)).foo), caught(lambda: nn.parameter_scope(3).__enter__()),
        caught(lambda: nn.parameter.get_parameter_or_create("new")), caught(lambda: F.pad(x, (1, 1, 1), mode="constant")),
        caught(lambda: F.pad(x, (1, 1), mode="mirror")), caught(lambda: F.tile(x, -1)), caught(lambda: F.mean(x, axis=5)),
        caught(lambda: F.stack(x, nn.Variable((3, 2)))), caught(lambda: F.slice(x, (0,), (1,), (0,))), caught(lambda: float(x)),
        caught(lambda: len(x)), caught(lambda: x % 2), caught(lambda: 2 // x), caught(lambda: x.unknown), caught(lambda: F.no_such_function),
    ]


class Weight(nn.Variable):
    """As the architecture search library makes its parameters."""

    def __new__(cls, shape, initializer=None, tag=""):
        made = super().__new__(cls, shape, True)
        made.d = initializer(shape=shape) if initializer else 0
        made.grad.zero()
        return made

    def __init__(self, *args, **kwargs):
        super().__init__()
        self.tag = kwargs.get("tag")
        nn.parameter.set_parameter(self.tag, self)

    def __repr__(self):
        return f"<Weight {self.tag} {self.shape}>"


@program
def variables_of_a_class_of_their_own():
    w = Weight((3, 2), I.ConstantInitializer(0.5), tag="w")
    b = Weight((2,), tag="b")
    x = nn.Variable((4, 3))
    x.d = np.arange(12).reshape(4, 3)
    y = F.affine(x, w, b)
    loss = F.sum(y ** 2)
    solver = S.Sgd(1e-3)
    solver.set_parameters(nn.get_parameters())
    loss.forward()
    solver.zero_grad()
    loss.backward()
    solver.update()
    with nn.parameter_scope("copy"):
        nn.parameter.set_parameter("w", Weight((3, 2), tag="again"))
    found = nn.get_parameters()
    return list(found), [type(v).__name__ for v in found.values()], repr(found["w"]), w.tag, w.need_grad, type(y).__name__, \
        y.parent.inputs[1] == w, type(w.get_unlinked_variable()).__name__, brief(w.d), brief(b.g)


@program
def parameters_written_in_double_precision():
    """numpy gives float64 wherever one does not look; graphs, gradients and solvers take it."""
    x = nn.Variable((4, 3))
    x.d = np.arange(12).reshape(4, 3)
    y = F.sum(PF.affine(x, 2) ** 2)
    z = F.mean(PF.affine(x, 2))
    w = nn.get_parameters()["affine/W"]
    out = []
    nn.forward_all([y, z])
    y.backward()
    w.d = w.d.astype(np.float64) * 2
    nn.forward_all([y, z])
    out.append([float(y.d), float(z.d), str(w.d.dtype)])
    for _ in range(3):
        w.d = np.float64(w.d) + 0.5
        y.forward(clear_no_need_grad=True)
        w.grad.zero()
        y.backward(clear_buffer=True)
        out.append([float(y.d), brief(np.float32(w.g))])
    w.data.cast(np.float32)
    y.forward()
    out.append(float(y.d))
    solver = S.Sgd(1e-3)
    solver.set_parameters({"w": w})
    w.d = np.arange(6).reshape(3, 2).astype(float)
    y.forward()
    w.grad.zero()
    y.backward()
    solver.update()
    y.forward()
    out.append([float(y.d), str(w.d.dtype)])
    w.data.copy_from(nn.NdArray.from_numpy_array(np.ones((3, 2))))
    y.forward()
    out.append([float(y.d), str(w.d.dtype)])
    w.data = nn.NdArray.from_numpy_array(np.ones((3, 2)) * 2)
    y.forward()
    out.append([float(y.d), str(w.d.dtype)])
    return out
