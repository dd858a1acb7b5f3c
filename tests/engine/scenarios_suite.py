"""Scenarios in the style of nnabla's own test-suite: functions by hand, graphs, arrays, scopes, modules."""
import numpy as np

from .scenarios import caught, flags, scenario, var


def start(nn, seed=0):
    nn.clear_parameters()
    nn.seed(seed)
    return np.random.RandomState(seed)


# -- functions by hand --------------------------------------------------------------------------------

def check_function(nn, make, inputs, need_grad):
    """What a function tester looks at: values, accumulation by flags, propagation by need_grad."""
    variables = [nn.Variable.from_numpy_array(i, need_grad=g) for i, g in zip(inputs, need_grad)]
    out = make(*variables)
    outs = list(out) if isinstance(out, tuple) else [out]
    f = outs[0].parent
    record = [f.name, f.info.args, [list(o.shape) for o in outs]]
    made = [nn.Variable(o.shape) for o in outs]
    f.setup(variables, made)
    f.forward(variables, made)
    record.append([o.d.copy() for o in made])
    rng = np.random.RandomState(7)
    for o in made:
        o.g = rng.randn(*o.shape)
    for accum in ([True] * len(inputs), [False] * len(inputs), [i % 2 == 0 for i in range(len(inputs))]):
        for v in variables:
            v.g = 1.5
        f.forward(variables, made)
        f.backward(variables, made, accum)
        record.append([v.g.copy() for v in variables])
    for v in variables:
        v.g = 0.5
    f.backward(variables, made)
    record.append([v.g.copy() for v in variables])
    for k in range(len(inputs)):
        for i, v in enumerate(variables):
            v.need_grad, v.g = i == k and need_grad[k], 2.0
        f.backward(variables, made, [False] * len(inputs))
        record.append([v.g.copy() for v in variables])
    return record


@scenario
def functions_by_hand(nn, F):
    rng = np.random.RandomState(0)
    a, b = rng.randn(2, 3).astype(np.float32), rng.rand(2, 3).astype(np.float32) + 0.5
    x = rng.randn(2, 2, 5, 5).astype(np.float32)
    w = rng.randn(3, 2, 3, 3).astype(np.float32)
    cases = [
        (lambda x: F.exp(x), [a], [True]),
        (lambda x: F.relu(x, inplace=True), [a], [True]),
        (lambda x, y: F.add2(x, y, inplace=True), [a, b], [True, True]),
        (lambda x, y: F.mul2(x, y), [a, b], [True, True]),
        (lambda x, y: F.div2(x, y), [a, b], [True, True]),
        (lambda x: F.softmax(x, axis=-1), [a], [True]),
        (lambda x: F.sum(x, axis=1, keepdims=True), [a], [True]),
        (lambda x: F.transpose(x, (1, 0)), [a], [True]),
        (lambda x: F.reshape(x, (3, 2), inplace=False), [a], [True]),
        (lambda x: F.split(x, axis=1), [a], [True]),
        (lambda *x: F.concatenate(*x, axis=0), [a, b, a], [True, True, True]),
        (lambda x, w: F.convolution(x, w, pad=(1, 1)), [x, w], [True, True]),
        (lambda x: F.max_pooling(x, (2, 2)), [x], [True]),
        (lambda x, t: F.softmax_cross_entropy(x, t), [a, np.array([[0], [2]])], [True, False]),
        (lambda x, w: F.affine(x, w), [a, b.T.copy()], [True, True]),
        (lambda x: F.broadcast(x, (4, 2, 3)), [a[None]], [True]),
        (lambda x, y: F.maximum2(x, y), [a, b], [True, True]),
        (lambda x: F.pow_scalar(x, 3.0), [a], [True]),
        (lambda i, w: F.embed(i, w), [np.array([[0, 1], [1, 0]]), a], [False, True]),
    ]
    return [check_function(nn, *case) for case in cases]


@scenario
def functions_by_hand_errors(nn, F):
    ctx = nn.get_current_context()
    x = var(nn, np.ones((2, 3)))
    relu = nn.function.ReLU(ctx, True)
    y = nn.Variable((1,))
    relu.setup([x], [y])
    relu.forward([x], [y])
    first = [list(y.shape), y.d.copy(), relu.name, str(relu), relu.arguments if relu.info else None, relu.min_outputs()]
    affine = nn.function.Affine(ctx, 1)
    bad = [caught(lambda: affine.setup([x, x], [y])), caught(lambda: nn.function.Affine(ctx)), caught(lambda: nn.function.ReLU(ctx, 1, 2)),
           caught(lambda: nn.function.Affine(ctx, "a")), caught(lambda: relu.setup([3], [y])), caught(lambda: F.relu(np.ones(3)))]
    new = nn.Variable((3, 2))
    affine.setup([x, new], [y])
    affine.forward([x, new], [y])
    return first, bad, list(y.shape), affine.inplace_data(0), caught(lambda: affine.inplace_data_with(0))


@scenario
def gradient_facts(nn, F):
    x, w = var(nn, np.ones((2, 3))), var(nn, np.ones((3, 2)))
    rows = {}
    for y in (F.exp(x), F.relu(x), F.affine(x, w), F.mul2(x, x), F.add2(x, x), F.sin(x), F.softmax(x), F.mul_scalar(x, 2), F.sigmoid(x),
              F.reshape(x, (3, 2)), F.reshape(x, (3, 2), inplace=False), F.concatenate(x, x), F.where(x, x, x), F.max(x, axis=1),
              F.sum(x), F.mul_n(x, x, x), F.dropout(x), F.tanh(x), F.leaky_relu(x), F.elu(x), F.swish(x), F.gelu(x), F.log(x),
              F.squared_error(x, x), F.abs(x), F.div2(x, x), F.prelu(x, w[0, 0].reshape((1,))), F.embed(x, w), F.batch_normalization(
                  x, *[nn.Variable((1, 3)) for _ in range(4)]), F.layer_normalization(x, None, None)):
        f = y.parent
        n = range(len(f.inputs))
        key, k = f.name, 2
        while key in rows:
            key, k = f"{f.name}{k}", k + 1
        rows[key] = [[[f.grad_depends_input_data(i, j) for j in n] for i in n],
                     [[f.grad_depends_output_data(i, o) for o in range(len(f.outputs))] for i in n], [int(f.inplace_data(i)) for i in n]]
    return rows


# -- graphs -------------------------------------------------------------------------------------------

@scenario
def graph_clearing(nn, F):
    """Which buffers clearing passes free, over a few typical graphs and all options."""
    def state(variables):
        return "".join("01"[v.data.clear_called] for v in variables), "".join("01"[v.grad.clear_called] for v in variables)

    def chain(x):
        a = F.identity(x)
        b = F.add_scalar(a, 1)
        c = F.exp(b)
        d = F.mul2(c, a)
        return [a, b, c, d, F.sum(d)]

    def residual(x):
        h = F.relu(x + 1)
        k = F.tanh(h)
        s = h + k
        return [h, k, s, F.relu(s), F.mean(F.relu(s) * 2)]

    def reshaped(x):
        a = F.sin(x)
        b = F.reshape(a, (3, 2))
        c = F.mul_scalar(b, 2)
        d = F.reshape(c, (6,), inplace=False)
        return [a, b, c, d, F.sum(d)]

    def split(x):
        a = F.identity(x)
        b, c = F.split(a, axis=0)
        d = b * 2
        return [a, b, c, d, F.sum(d)]

    def normalized(x):
        a = x * 3
        y = F.batch_normalization(a, *[nn.Variable((1, 3)).apply(need_grad=i < 2) for i in range(4)])
        z = F.relu(y)
        return [a, y, z, F.affine(z, nn.Variable((3, 1), need_grad=True)), F.sum(F.affine(z, nn.Variable((3, 1), need_grad=True)))]

    table = {}
    for make in (chain, residual, reshaped, split, normalized):
        for need_grad in (True, False):
            for change in ("none", "persistent", "cut", "kept"):
                for forward in ({}, {"clear_buffer": True}, {"clear_no_need_grad": True}):
                    x = var(nn, np.ones((2, 3)), need_grad)
                    vs = make(x)
                    keep = F.relu(vs[1]) if change == "kept" else None
                    if change == "persistent":
                        vs[1].persistent = True
                    if change == "cut":
                        vs[1].need_grad = False
                    log = []
                    for _ in range(2):
                        vs[-1].forward(**forward)
                        log.append(state([x, *vs])[0])
                        if not forward.get("clear_buffer"):
                            vs[-1].backward(clear_buffer=True)
                            log.append(state([x, *vs])[1])
                    table[f"{make.__name__} {need_grad} {change} {sorted(forward)}"] = log
                    del keep
    return table


@scenario
def graph_clearing_keeps_gradients(nn, F):
    """After clear_no_need_grad the gradients of intermediates whose data was freed are still there."""
    out = []
    for kwargs in ({}, {"clear_no_need_grad": True}):
        x = var(nn, [[1., 2.], [3., 4.]])
        a = x * 2
        b = F.exp(a * 0.1)
        c, d = F.split(b + 1, axis=0)
        y = F.sum(c * 3) + F.sum(F.tanh(d))
        for _ in range(2):
            x.grad.zero()
            y.forward(**kwargs)
            y.backward()
            out.append([v.g.copy() for v in (x, a, b, c, d)])
        calls = []
        y.forward(**kwargs)
        y.backward(function_post_hook=lambda f: calls.append([f.name, [i.g.copy() for i in f.inputs if i.need_grad]]))
        out.append(sorted(name for name, _ in calls))
        out.append([v.g.copy() for v in (a, b, c, d)])
    return out


@scenario
def graph_gradients_are_apart(nn, F):
    """No two gradients share memory unless asked to: later accumulation reaches only its own."""
    x, z = var(nn, np.ones((2, 3))), var(nn, np.ones((2, 3)))
    y = F.reshape(F.sub2(x, z), (3, 2), inplace=False)
    out = []
    for _ in range(3):
        y.forward()
        y.backward()
        out.append([x.g.copy(), z.g.copy()])
    seed = nn.NdArray.from_numpy_array(np.full((3, 2), 2, np.float32))
    x.grad.zero()
    y.backward(seed)
    y.backward(seed)
    out.append([x.g.copy(), seed.data.copy()])
    y.g = 3
    x.grad.zero()
    y.backward(None)
    y.backward(None)
    out.append([x.g.copy(), y.g.copy()])
    w = var(nn, np.ones((2, 3)))
    h = F.transpose(w, (1, 0))
    k = F.add2(h, h)
    w.grad.zero()
    k.forward()
    k.backward()
    before = h.g.copy()
    w.g[...] = 9
    out.append([before, h.g.copy()])
    s = var(nn, 2.0)
    t = F.reshape(s, (1,), inplace=False)
    s.grad.zero()
    for _ in range(3):
        t.forward()
        t.backward()
        out.append(s.g.copy())
    return out


@scenario
def graph_recomputation(nn, F):
    rng = start(nn)
    out = []

    def build(x, flag):
        hs = [x]
        for i in range(5):
            h = F.sin(hs[-1]) if i % 2 else F.mul_scalar(hs[-1], 1.5)
            hs.append(h.apply(recompute=flag and i in (0, 1, 3)))
        return hs[1:], F.sum(hs[-1] * hs[2])
    for flag in (False, True):
        for kwargs in ({}, {"clear_no_need_grad": True}):
            x = var(nn, np.linspace(-1, 1, 6).reshape(2, 3))
            hs, y = build(x, flag)
            for _ in range(2):
                y.forward(**kwargs)
                cleared = "".join("01"[h.data.clear_called] for h in hs)
                x.grad.zero()
                y.backward(clear_buffer=True)
                out.append([cleared if flag else "", float(y.d), x.g.copy()])
            y.forward(clear_buffer=True)
            out.append([float(y.d), "".join("01"[h.data.clear_called] for h in hs)])
            y.forward(**kwargs)
            x.grad.zero()
            y.backward()
            out.append(x.g.copy())
    nn.seed(9)
    PF = nn.parametric_functions
    x = var(nn, rng.randn(4, 3))
    with nn.recompute():
        h = F.dropout(F.relu(PF.batch_normalization(PF.affine(x, 6))), 0.4)
    y = F.sum(PF.affine(h, 1, name="out") ** 2)
    for _ in range(3):
        y.forward(clear_no_need_grad=True)
        for p in nn.get_parameters().values():
            p.grad.zero()
        x.grad.zero()
        y.backward(clear_buffer=True)
        out.append([float(y.d), x.g.copy(), {k: float(np.abs(v.g).sum()) for k, v in nn.get_parameters().items()},
                    nn.get_parameters(grad_only=False)["bn/mean"].d.copy()])
    return out


@scenario
def graph_intermediate_outputs(nn, F):
    rng = start(nn)
    x = var(nn, rng.randn(2, 3))
    h = F.tanh(x)
    a, b = F.sum(h), F.mean(h * h)
    out = []
    for y in (a, b):
        x.grad.zero()
        y.forward()
        y.backward()
        out.append([float(y.d), x.g.copy(), h.g.copy()])
    x.grad.zero()
    nn.forward_all([a, b])
    a.backward()
    first = x.g.copy()
    b.backward()
    out.append([first, x.g.copy()])
    h.forward()
    h.backward(np.ones((2, 3)))
    out.append(x.g.copy())
    u = h.get_unlinked_variable(need_grad=True)
    y = F.exp(u)
    x.grad.zero()
    y.forward()
    h.grad.zero()
    y.backward()
    out.append([h.g.copy(), x.g.copy()])
    h.backward(None)
    out.append(x.g.copy())
    return out


@scenario
def graph_shared_and_dangling(nn, F):
    x = var(nn, np.ones((2, 2)))
    y = x
    for _ in range(6):
        y = y + y
    z = F.mul_scalar(y, 0.5)
    y.forward()
    y.backward()
    out = [y.d.copy(), x.g.copy(), [f.name for f in y.function_references], y.rank]
    del z
    import gc
    gc.collect()
    out.append([f.name for f in y.function_references])
    parts = F.split(F.concatenate(x, x * 2, axis=0), axis=0)
    loss = F.sum(parts[1] * parts[3])
    keep = [loss.parent.rank, loss.rank]
    del parts
    loss.forward(clear_no_need_grad=True)
    x.grad.zero()
    loss.backward(clear_buffer=True)
    out += [float(loss.d), x.g.copy(), keep, [len(f.outputs) for f in [loss.parent.inputs[0].parent.inputs[0].parent]]]
    return out


@scenario
def graph_hooks(nn, F):
    x = var(nn, [[1., -2.]])
    y = F.sum(F.relu(x * 3) ** 2)
    log = []

    def pre(f):
        log.append(["pre", f.name])

    def post(f):
        log.append(["post", f.name, f.outputs[0].d.copy()])
    y.forward(function_pre_hook=pre, function_post_hook=post)
    y.backward(function_pre_hook=lambda f: log.append(["bpre", f.name]),
               function_post_hook=lambda f: log.append(["bpost", f.name, [i.g.copy() for i in f.inputs]]))
    nn.set_function_pre_hook("a", lambda f: log.append(["gpre", f.name]))
    nn.set_function_pre_hook("a", lambda f: log.append(["never"]))
    nn.set_function_post_hook("b", lambda f: log.append(["gpost", f.name]))
    y.forward(function_pre_hook=pre)
    nn.forward_all([y])
    nn.unset_function_pre_hook("a")
    nn.unset_function_pre_hook("unknown")
    nn.unset_function_post_hook("b")
    with nn.auto_forward():
        F.relu(x)
    y.forward()
    return log


@scenario
def half_contexts(nn, F):
    from importlib import import_module
    ext = import_module(nn.__name__ + ".ext_utils")
    out = []
    PF = nn.parametric_functions
    start(nn)
    for config in ("half", "float"):
        ctx = ext.get_extension_context("cpu", type_config=config)
        with nn.context_scope(ctx):
            x = var(nn, np.linspace(-2, 2, 12).reshape(3, 4))
            y = F.exp(x * 1.1)
            z = PF.affine(y, 2, name=config)
            loss = F.mean(z ** 2)
        loss.forward()
        for p in nn.get_parameters().values():
            p.grad.zero()
        x.grad.zero()
        loss.backward()
        out.append([str(v.d.dtype) for v in (x, y, z, loss)] + [str(v.g.dtype) for v in (y, z)]
                   + [str(nn.get_parameters()[f"{config}/affine/W"].d.dtype)]
                   + [list(loss.parent.context.backend)])
    return out, caught(lambda: ext.get_extension_context("cpu", type_config="double"))


# -- arrays, variables, scopes, modules ---------------------------------------------------------------

@scenario
def suite_variable(nn, F):
    out = []
    for shape in ([], [1, 2, 3, 4], (3,)):
        v = nn.Variable(shape)
        out.append([list(v.shape), v.ndim, v.size, v.need_grad, v.parent is None, flags(v.data), flags(v.grad), v.rank])
    v = nn.Variable([2, 3, 4])
    v.d = np.arange(24).reshape(2, 3, 4)
    v.g = -1
    u = v.reshape((3, -1))
    w = v.reshape((4, 6), unlink=True)
    w.d[0, 0] = 77
    out.append([list(u.shape), list(w.shape), v.d[0, 0, 0], w.parent is None, w == v, u.parent.name, w.g.copy()])
    v.reset_shape((6, 4))
    out.append([list(v.shape), list(w.shape), v.d[0, 0]])
    out.append([caught(lambda: v.reset_shape((5,))), caught(lambda: setattr(v, "shape", (2,))), caught(lambda: v.nothing), caught(lambda: len(v))])
    v.reset_shape((5,), True)
    out.append([list(v.shape), v.d.copy(), v.g.copy()])
    a, b = nn.Variable((2,)), nn.Variable((2,))
    a.data, a.grad = b.data, b.grad
    a.d, b.g = [1, 2], 3
    out.append([b.d.copy(), a.g.copy(), a == b, a.data == b.data])
    p = nn.Variable((2, 2)).apply(d=4, need_grad=True, persistent=True, name="p")
    out.append([p.d.copy(), p.need_grad, p.persistent, p.name, caught(lambda: p.apply(nothing=3)), caught(lambda: p.apply(parent=3))])
    q = p.get_unlinked_variable()
    out.append([q.need_grad, q.persistent, q.name, q == p, hash(q) == hash(p), p.get_unlinked_variable(need_grad=False).need_grad])
    fs = [p + 1, p * p]
    out.append([sorted(f.name for f in p.function_references), [f.rank for f in fs], p.rank])
    return out


@scenario
def suite_parameters(nn, F):
    rng = start(nn)
    PF, out = nn.parametric_functions, []
    get = nn.parameter.get_parameter_or_create
    a = get("a", (2, 3))
    out.append([a.need_grad, a.d.copy(), caught(lambda: get("a", (3, 2))), get("a", (2, 3)) == a, caught(lambda: get("a"))])
    b = get("b", (2,), initializer=lambda shape: np.full(shape, 3), need_grad=True, as_need_grad=False)
    out.append([b.need_grad, nn.get_parameters()["b"].need_grad, str(b.d.dtype), b.d.copy()])
    c = get("c", (2,), initializer=np.array([1, 2]), need_grad=False)
    out.append([str(c.d.dtype), c.need_grad, list(nn.get_parameters()), list(nn.get_parameters(grad_only=False))])
    out.append([caught(lambda: get("d")), caught(lambda: get("e", (2,), initializer=np.zeros(3))), caught(lambda: get("f", (2,), initializer="abc"))])
    with nn.parameter_scope("s"):
        with nn.parameter_scope("t/u"):
            d = get("w", (1,))
            path = nn.parameter.get_current_parameter_scope() is not None if hasattr(nn.parameter, "get_current_parameter_scope") else True
        out.append([list(nn.get_parameters()), list(nn.get_parameters(path="t")), nn.parameter.get_parameter("t/u/w") == d, path])
        nn.parameter.set_parameter("x/y", nn.Variable((2,), need_grad=True))
        out.append([list(nn.get_parameters()), nn.parameter.pop_parameter("t/u/w") == d, nn.parameter.pop_parameter("nothing") is None])
    out.append([list(nn.get_parameters(grad_only=False))])
    with nn.no_grad():
        e = get("a", (2, 3))
        y = PF.affine(nn.Variable((1, 2)), 2, name="n")
        out.append([e.need_grad, nn.get_parameters()["a"].need_grad, [i.need_grad for i in y.parent.inputs]])
    out.append([[v.need_grad for v in nn.get_parameters().values()]])
    f = get("a", (2, 3), need_grad=False)
    out.append([f.need_grad, nn.get_parameters(grad_only=False)["a"].need_grad])
    nn.clear_parameters()
    out.append([list(nn.get_parameters(grad_only=False)), e.d.copy() * 0 + 1, caught(lambda: nn.parameter_scope(3).__enter__())])
    I = nn.initializer
    for init in (I.NormalInitializer(0.5), I.UniformInitializer((-1, 2)), I.ConstantInitializer(4), I.OrthogonalInitializer(2.0),
                 I.UniformIntInitializer((0, 9)), I.RangeInitializer(1, 2)):
        value = init((3, 4))
        out.append([np.asarray(value, np.float64), str(value.dtype)])
    del rng
    return out


@scenario
def suite_modules(nn, F):
    rng = start(nn)
    PF, out = nn.parametric_functions, []

    class Cell(nn.Module):
        def __init__(self, n):
            self.n = n

        def call(self, x):
            h = PF.convolution(x, self.n, (3, 3), pad=(1, 1))
            return F.relu(PF.batch_normalization(h, batch_stat=self.training))

    class Net(nn.Module):
        def __init__(self):
            self.first, self.second = Cell(3), Cell(4)
            self.tail = nn.Sequential(Cell(2), Cell(1))

        def call(self, x):
            return self.tail(self.second(self.first(x)))
    net = Net()
    out.append([list(net.get_parameters()), net.training])
    x = nn.Variable.from_numpy_array(rng.randn(2, 1, 4, 4).astype(np.float32))
    y = net(x)
    y.forward()
    out.append([list(net.get_parameters()), list(net.get_parameters(grad_only=True)), list(nn.get_parameters()), float(np.abs(y.d).sum())])
    net.training = False
    out.append([net.first.training, net.tail.training])
    z = net(x)
    z.forward(clear_buffer=True)
    with nn.auto_forward():
        w = net(x)
    out.append([float(np.abs(z.d).sum()), np.allclose(z.d, w.d)])
    loss = F.mean(y)
    loss.forward()
    net.zero_grad()
    loss.backward()
    out.append([{k: float(np.abs(v.g).sum()) for k, v in net.get_parameters(grad_only=True).items()}])
    import os
    import tempfile
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "m.h5")
        net.save_parameters(path)
        other = Net()
        other.load_parameters(path)
        other.training = False
        v = other(x)
        v.forward()
        out.append([np.allclose(v.d, z.d), list(other.get_parameters()) == list(net.get_parameters())])
        out.append(caught(lambda: Cell(2).load_parameters(path, raise_if_missing=True)))
    out.append([net.first.name if hasattr(net.first, "name") else "", caught(lambda: nn.Module()(x)), len(net.get_parameters(recursive=False))])
    return out


@scenario
def suite_python_function(nn, F):
    class Scale(nn.function.PythonFunction):
        def __init__(self, ctx, factor):
            super().__init__(ctx)
            self.factor, self.calls = factor, []

        @property
        def name(self):
            return "Scale"

        @property
        def args(self):
            return {"factor": self.factor}

        def min_outputs(self):
            return 2

        def grad_depends_output_data(self, i, o):
            return o == 0

        def grad_depends_input_data(self, i, j):
            return False

        def setup_impl(self, inputs, outputs):
            self.calls.append(["setup", [list(i.shape) for i in inputs]])
            for o in outputs:
                o.reset_shape(inputs[0].shape, True)

        def forward_impl(self, inputs, outputs):
            self.calls.append("forward")
            outputs[0].d = self.factor * inputs[0].d
            outputs[1].data.copy_from(F.exp(inputs[0].data))

        def backward_impl(self, inputs, outputs, propagate_down, accum):
            self.calls.append(["backward", list(propagate_down)])
            if propagate_down[0]:
                g = self.factor * outputs[0].g + outputs[1].d * outputs[1].g
                inputs[0].g = inputs[0].g + g if accum[0] else g
            if len(inputs) > 1 and propagate_down[1]:
                inputs[1].g = 0 * inputs[1].g

    out = []
    f = Scale(nn.get_current_context(), 3.0)
    x = var(nn, [[1., 2.]])
    h = F.identity(x)
    a, b = f(h)
    y = F.sum(a * b)
    y.forward(clear_no_need_grad=True)
    out.append([h.data.clear_called, a.data.clear_called, b.data.clear_called])
    x.grad.zero()
    y.backward(clear_buffer=True)
    out.append([float(y.d), x.g.copy(), a.parent.name, a.parent.info.type_name, a.parent.info.args, f.calls])
    f.calls = []
    r, s = f(nn.NdArray.from_numpy_array(np.float32([1, 2])))
    out.append([r.data.copy(), s.data.copy(), isinstance(r, nn.NdArray), f.calls])
    f.calls = []
    with nn.auto_forward():
        a, b = f(x, nn.Variable((1,)))
        out.append([a.d.copy(), f.calls])
    a.backward()
    out.append([x.g.copy(), f.calls])
    f.calls = []
    x.need_grad = False
    c, _ = f(x)
    c.forward()
    c.backward()
    out.append([c.need_grad, f.calls, caught(lambda: f())])

    class Broken(nn.function.PythonFunction):
        name = "Broken"
        grad_depends_input_data = grad_depends_output_data = lambda self, i, j: True

        def min_outputs(self):
            return 1

        def setup_impl(self, inputs, outputs):
            outputs[0].reset_shape(inputs[0].shape, True)

        def forward_impl(self, inputs, outputs):
            raise KeyError("inside")
    y = Broken()(h)
    out.append(caught(y.forward) in ("SystemError", "KeyError"))
    return out


@scenario
def writes_between_passes(nn, F):
    """Values written to leaves after forward are what backward reads; numpy views taken before keep theirs where nnabla's do."""
    start(nn)
    out = []
    new32, new64 = np.float32([5, 6]), np.float64([5, 6])
    writes = [lambda v: setattr(v, "d", new32), lambda v: setattr(v, "d", new64), lambda v: setattr(v, "d", 3), lambda v: setattr(v, "d", 0),
              lambda v: v.data.zero(), lambda v: v.data.fill(2), lambda v: v.data.copy_from(nn.NdArray.from_numpy_array(new64)),
              lambda v: v.data.__iadd__(1), lambda v: v.data.__imul__(3), lambda v: F.add_scalar(v.data, 3, outputs=[v.data]),
              lambda v: v.d.__setitem__(Ellipsis, 7)]
    for i, write in enumerate(writes):
        for x in (var(nn, [1., 2.]), nn.parameter.get_parameter_or_create(f"w{i}", (2,), initializer=np.float32([1, 2]))):
            view = x.d
            y = F.sum(x * x)
            y.forward()
            x.grad.zero()
            write(x)
            y.backward()
            out.append([x.g.copy(), view.copy(), x.d.copy()])
            y.forward()
            x.grad.zero()
            y.backward()
            out.append([y.d.copy(), x.g.astype(np.float32)])    # of a float64 parameter, torch's gradient is float64
    return out


@scenario
def in_place_array_operators(nn, F):
    start(nn)
    p = nn.parameter.get_parameter_or_create("p", (2,))
    p.d = 1
    view = p.d
    p.data += 1
    out = [view.copy(), p.d.copy()]
    p.data -= nn.NdArray.from_numpy_array(np.float32([0.5, 1]))
    p.data *= 4
    p.data /= 2
    out += [view.copy(), p.d.copy()]
    a = nn.NdArray.from_numpy_array(np.zeros(6, np.float32))
    b = a.narrow(0, 2, 2)
    b += 1
    F.add_scalar(b, 3, outputs=[b])
    out.append(a.data.copy())
    c = nn.NdArray.from_numpy_array(np.zeros(3, np.int64))
    c += 1
    view = c.data
    c += 1
    out += [view.copy(), c.data.copy(), str(c.dtype)]
    y = F.sum(p * p)
    y.forward()
    p.grad.zero()
    y.backward()
    return out, p.g.copy()


@scenario
def shared_gradients(nn, F):
    """Variables given one gradient array add up in it."""
    out = []
    for share_first in (True, False):
        x, z = var(nn, [1., 2.]), var(nn, [3., 4.])
        y = F.sum(x * z)
        if share_first:
            z.grad = x.grad
        y.forward()
        y.backward()
        z.grad = x.grad
        for _ in range(2):
            x.grad.zero()
            y.forward()
            y.backward()
            y.backward()
            out.append([x.g.copy(), z.g.copy(), x.grad == z.grad])
    x = var(nn, [1., 2.])
    h = x * 2
    z = var(nn, [3., 4.])
    z.grad = h.grad
    loss = F.sum(z * z)
    loss.forward()
    z.grad.zero()
    loss.backward()
    h.forward()
    h.backward(None)
    out.append([h.g.copy(), x.g.copy()])
    g = nn.NdArray((2,))
    x.grad = g
    for values in ([5., 6.], np.float32([7, 8])):
        x.d = values
        g.zero()
        h.forward()
        h.backward(np.ones(2))
        out.append([g.data.copy(), x.g.copy()])
    return out
