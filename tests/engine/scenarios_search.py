"""Scenarios in the style of architecture search libraries: modules of their own, mixed operations, graph inspection."""
import os
import tempfile
from collections import OrderedDict

import numpy as np

from .scenarios import caught, scenario


class Module:
    """A module class of a library's own: dict of children and parameters, scopes by dicts."""

    def __init__(self, nn, name=""):
        self.__dict__.update(nn=nn, _name=name, _modules=OrderedDict(), _parameters=OrderedDict(), _training=True, _need_grad=True)

    def __setattr__(self, name, value):
        if isinstance(value, self.nn.Variable):
            self._parameters[name] = value
        elif isinstance(value, Module):
            self._modules[name] = value
        object.__setattr__(self, name, value)

    @property
    def modules(self):
        return dict(self._modules)

    def get_modules(self, prefix="", memo=None):
        memo = set() if memo is None else memo
        if self not in memo:
            memo.add(self)
            yield prefix, self
            for name, child in self._modules.items():
                yield from child.get_modules(prefix + ("/" if prefix else "") + name, memo)

    def get_parameters(self, grad_only=False):
        found = OrderedDict()
        for prefix, module in self.get_modules():
            for k, v in module._parameters.items():
                if grad_only and not v.need_grad:
                    continue
                found[prefix + ("/" if prefix else "") + k] = v
        return found

    def set_parameters(self, parameters, raise_if_missing=False):
        for prefix, module in self.get_modules():
            for name, v in module._parameters.items():
                key = prefix + ("/" if prefix else "") + name
                if key in parameters:
                    v.data = parameters[key].data
                    v.need_grad = parameters[key].need_grad
                elif raise_if_missing:
                    raise ValueError(f"{key} is missing")

    def apply(self, **kwargs):
        for _, m in self.get_modules():
            for k, v in kwargs.items():
                m.__dict__["_" + k] = v
        return self

    def __call__(self, *args):
        return self.call(*args)


class Conv(Module):
    def __init__(self, nn, i, o, k, **kw):
        super().__init__(nn)
        self.kw = kw
        w = nn.initializer.UniformInitializer(nn.initializer.calc_uniform_lim_glorot(i, o, k))
        self.W = nn.Variable.from_numpy_array(w((o, i // kw.get("group", 1)) + k)).apply(need_grad=True)
        self.b = nn.Variable((o,), need_grad=True)
        self.b.d = 0

    def call(self, x):
        return self.nn.functions.convolution(x, self.W, self.b, **self.kw)


class BatchNorm(Module):
    def __init__(self, nn, n):
        super().__init__(nn)
        self.scope = {}
        self.n = n

    def call(self, x):
        nn = self.nn
        with nn.parameter_scope("", self.scope):
            y = nn.parametric_functions.batch_normalization(x, batch_stat=self._training)
            for k, v in nn.get_parameters(grad_only=False).items():
                setattr(self, k.replace("/", "_"), v)
        return y


class Identity(Module):
    def call(self, x):
        return self.nn.functions.identity(x)


class ReLU(Module):
    def call(self, x):
        return self.nn.functions.relu(x)


class Sequential(Module):
    def __init__(self, nn, *modules):
        super().__init__(nn)
        for i, m in enumerate(modules):
            setattr(self, str(i), m)

    def call(self, x):
        for m in self._modules.values():
            x = m(x)
        return x


class Mixed(Module):
    def __init__(self, nn, operators, mode="full"):
        super().__init__(nn)
        for i, o in enumerate(operators):
            setattr(self, f"op{i}", o)
        self.n, self.mode = len(operators), mode
        self.alpha = nn.Variable((self.n,) + (1,) * 4 if mode == "full" else (1, self.n), need_grad=True)
        self.alpha.d = np.linspace(-0.5, 0.5, self.n).reshape(self.alpha.shape)
        self.active = 0

    def call(self, x):
        F = self.nn.functions
        if self.mode == "max":
            return self._modules[f"op{self.active}"](x)
        stacked = F.stack(*[m(x) for m in self._modules.values()], axis=0)
        weights = F.softmax(self.alpha, axis=0)
        return F.sum(F.mul2(F.broadcast(weights, stacked.shape), stacked), axis=0)


class Net(Module):
    def __init__(self, nn, mode="full"):
        super().__init__(nn)
        self.stem = Sequential(nn, Conv(nn, 1, 4, (3, 3), pad=(1, 1)), BatchNorm(nn, 4), ReLU(nn))
        self.mixed = Mixed(nn, [Conv(nn, 4, 4, (1, 1)), Conv(nn, 4, 4, (3, 3), pad=(1, 1), group=2), Identity(nn)], mode)
        self.head = Conv(nn, 4, 3, (1, 1))

    def call(self, x):
        F = self.nn.functions
        y = self.head(self.mixed(self.stem(x)))
        return F.reshape(F.global_average_pooling(y), (x.shape[0], -1))


def start(nn):
    nn.clear_parameters()
    nn.seed(3)


@scenario
def nas_search(nn, F):
    start(nn)
    net = Net(nn)
    rng = np.random.RandomState(0)
    x, t = nn.Variable((4, 1, 6, 6)), nn.Variable((4, 1))
    y = net(x)
    loss = F.mean(F.softmax_cross_entropy(y, t))
    arch = {k: v for k, v in net.get_parameters(grad_only=True).items() if "alpha" in k}
    model = {k: v for k, v in net.get_parameters(grad_only=True).items() if "alpha" not in k}
    a, m = nn.solvers.Adam(0.1), nn.solvers.Momentum(0.05)
    a.set_parameters(arch)
    m.set_parameters(model)
    log = []
    for step in range(4):
        for solver in (m, a):
            x.d, t.d = rng.randn(4, 1, 6, 6), rng.randint(0, 3, (4, 1))
            loss.forward(clear_no_need_grad=True)
            solver.zero_grad()
            loss.backward(clear_buffer=True)
            solver.weight_decay(1e-4)
            solver.update()
        log.append([float(loss.d), net.mixed.alpha.d.ravel().copy()])
    net.apply(training=False)
    test = net(x)
    test.forward(clear_buffer=True)
    return (log, test.d.copy(), list(net.get_parameters()), list(net.get_parameters(grad_only=True)), [n for n, _ in net.get_modules()],
            {k: float(np.abs(v.d).sum()) for k, v in net.get_parameters().items()})


@scenario
def nas_sampled_paths(nn, F):
    start(nn)
    net = Net(nn, mode="max")
    x = nn.Variable((2, 1, 6, 6))
    x.d = np.random.RandomState(0).randn(2, 1, 6, 6)
    parameters = net.get_parameters(grad_only=True)
    solver = nn.solvers.Sgd(0.1)
    log = []
    for path in (0, 2, 1, 0):
        net.mixed.active = path
        y = F.sum(net(x) ** 2)
        y.forward(clear_no_need_grad=True)
        used = net.get_parameters(grad_only=True)
        solver.set_parameters(used, reset=False, retain_state=True)
        solver.zero_grad()
        y.backward(clear_buffer=True)
        log.append([float(y.d), [k for k, v in used.items() if v.grad.zeroing], sorted(k for k, v in used.items() if not v.grad.zeroing)])
        solver.update()
    return log, len(parameters)


@scenario
def nas_profile(nn, F):
    start(nn)
    net = Net(nn)
    x = nn.Variable((2, 1, 6, 6))
    y = net(x)
    table, latency = [], []
    names = {v: k for k, v in net.get_parameters().items()}

    def look(f):
        info = f.info
        table.append([f.name, info.type_name, {k: v for k, v in info.args.items()}, [list(i.shape) for i in f.inputs],
                      [list(o.shape) for o in f.outputs], [names.get(i, "") for i in f.inputs]])
    y.visit(look)
    unique = OrderedDict()

    def cost(f):
        key = f.info.type_name + "-" + "-".join(str(i.shape) for i in f.inputs) + str(sorted(f.info.args.items()))
        unique.setdefault(key, []).append(f)
        if f.info.type_name == "Convolution":
            latency.append(int(np.prod(f.inputs[1].shape) * np.prod(f.outputs[0].shape[2:])))
    y.visit(cost)
    # each distinct function on its own, as latency estimators do
    alone = []
    for key, functions in unique.items():
        f = functions[0]
        ins = [nn.Variable(i.shape, need_grad=i.need_grad) for i in f.inputs]
        for i in ins:
            i.d = 0.5
        args = f.info.args
        made = getattr(nn.function, f.info.type_name)(nn.get_current_context(), *args.values())
        out = made(*ins, n_outputs=len(f.outputs))
        out = out[0] if isinstance(out, tuple) else out
        out.forward()
        alone.append([f.info.type_name, list(out.shape), float(np.abs(out.d).sum())])
    return table, latency, alone


@scenario
def nas_surgery(nn, F):
    start(nn)
    x = nn.Variable((2, 3), need_grad=True)
    PF = nn.parametric_functions
    h = F.relu(PF.affine(x, 4, name="a"))
    y = PF.affine(F.identity(h), 2, name="b")
    types = []
    y.visit(lambda f: types.append(f.info.type_name))
    identity = y.parent.inputs[0].parent
    source = identity.inputs[0]
    y.parent.inputs[0].rewire_on(source)
    after = []
    y.visit(lambda f: after.append(f.info.type_name))
    x.d = 1
    y.forward()
    stop = y.visit_check(lambda f: f.info.type_name == "ReLU")
    none = y.visit_check(lambda f: f.info.type_name == "Tanh")
    leaves = OrderedDict()
    y.visit(lambda f: leaves.update({k: 1 for k, v in nn.get_parameters().items() for i in f.inputs if i == v}))
    replaced = nn.Variable((2, 3))
    replaced.d = 2
    z = F.sin(replaced)
    x.rewire_on(z)
    y.forward()
    return types, after, stop, none, list(leaves), y.d.copy(), x.parent.name, source.parent is None, caught(lambda: y.rewire_on(nn.Variable((2, 2))))


@scenario
def nas_scope_dicts(nn, F):
    start(nn)
    PF = nn.parametric_functions
    mine = {}
    x = nn.Variable((2, 3))
    with nn.parameter_scope("", mine):
        PF.affine(x, 2)
        with nn.parameter_scope("deep"):
            PF.affine(x, 2)
            inside = nn.get_parameters()
        names = list(nn.get_parameters())
    outside = list(nn.get_parameters())
    shape = {k: type(v).__name__ for k, v in mine.items()}
    with nn.parameter_scope("left"), nn.parameter_scope("right/far"):
        PF.affine(x, 1, name="z")
        PF.batch_normalization(F.reshape(x, (2, 3)), name="n")
    with nn.parameter_scope("left"):
        sub = list(nn.get_parameters(path="right"))
        allsub = list(nn.get_parameters(grad_only=False))
    with nn.parameter_scope("left/right"):
        nn.parameter.pop_parameter("far/z/affine/W")
        rest = list(nn.get_parameters(grad_only=False))
        nn.clear_parameters()
    return list(inside), names, outside, shape, sub, allsub, rest, list(nn.get_parameters()), caught(lambda: nn.parameter.set_parameter("a", 3))


@scenario
def nas_saving(nn, F):
    start(nn)
    net = Net(nn)
    x = nn.Variable((2, 1, 6, 6))
    x.d = 1
    net(x).forward()
    parameters = net.get_parameters()
    out = []
    with tempfile.TemporaryDirectory() as folder:
        for extension in (".h5", ".protobuf"):
            path = os.path.join(folder, "w" + extension)
            nn.save_parameters(path, parameters)
            scope = OrderedDict()
            with nn.parameter_scope("", scope):
                nn.load_parameters(path)
                loaded = nn.get_parameters(grad_only=False)
            out.append([list(loaded) if extension == ".h5" else sorted(loaded), [v.need_grad for k, v in sorted(loaded.items())],
                        all(np.array_equal(loaded[k].d, v.d) for k, v in parameters.items())])
            fresh = Net(nn)
            fresh(x)
            fresh.set_parameters(loaded)
            y, z = net(x), fresh(x)
            nn.forward_all([y, z])
            out.append(np.allclose(y.d, z.d))
            missing = dict(list(loaded.items())[1:])
            out.append(caught(lambda: fresh.set_parameters(missing, raise_if_missing=True)))
    return out, list(nn.get_parameters())


@scenario
def nas_hooks(nn, F):
    start(nn)
    net = Net(nn)
    x = nn.Variable((2, 1, 6, 6))
    x.d = 1
    y = F.sum(net(x))
    calls = []
    nn.set_function_post_hook("count", lambda f: calls.append(f.name))
    y.forward()
    nn.unset_function_post_hook("count")
    sparsity = {}
    y.forward(function_post_hook=lambda f: sparsity.setdefault(f.name, float((f.outputs[0].d == 0).mean())), clear_buffer=True)
    grads = []
    y.forward()
    y.backward(function_post_hook=lambda f: grads.append([f.name, [float(np.abs(i.g).sum()) for i in f.inputs if i.need_grad]]))
    # The order among branches, and so what has arrived at a branching point so far, is torch's.
    return calls, sparsity, sorted(name for name, _ in grads), {name: sums for name, sums in grads if name in ("Sum", "Reshape", "Stack")}
