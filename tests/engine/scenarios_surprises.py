"""What surprises people who think in PyTorch: one scenario for each entry of the engine reference's list."""
import io
import logging
import operator
from contextlib import redirect_stdout

import numpy as np

from .scenarios import caught, scenario, var


def start(nn, seed=1):
    nn.clear_parameters()
    nn.seed(seed)


@scenario
def surprise_01_static_by_default(nn, F):
    x = var(nn, [1.0, 2.0])
    y = F.exp(x)
    before = y.d.copy()
    y.forward()
    x.d = 0
    return [before, y.d.copy(), (y.forward(), y.d.copy())[1]]


@scenario
def surprise_02_graphs_persist(nn, F):
    x = var(nn, [1.0, 2.0])
    y = F.sum(x * x)
    out = []
    for batch in ([1, 2], [3, 4], [3, 4]):
        x.d = np.array(batch, np.float32)
        y.forward()
        x.grad.zero()
        y.backward()
        out.append([float(y.d), x.g.copy()])
    y.backward()
    return out + [x.g.copy()]


@scenario
def surprise_03_gradients_of_loss_intermediates_and_leaves(nn, F):
    x = var(nn, [1.0, 2.0])
    h = x * 3
    y = F.sum(h * h)
    x.grad.zero()
    out = []
    for _ in range(2):
        y.forward()
        y.backward()
        out.append([float(y.g), h.g.copy(), x.g.copy()])
    return out


@scenario
def surprise_04_seeds_of_any_shape(nn, F):
    x = var(nn, [[1.0, 2.0]])
    y = F.exp(x)
    y.forward()
    x.grad.zero()
    y.backward()
    return [x.g.copy(), caught(lambda: y.backward(np.ones((2,), np.float32))), caught(lambda: y.backward(np.ones((1, 2), np.float32)))]


@scenario
def surprise_05_views_are_live_until_swapped(nn, F):
    x = nn.NdArray.from_numpy_array(np.zeros(3, np.float32))
    seen = []
    for write in (lambda: x.data.__setitem__(0, 5), lambda: setattr(x, "data", 7), lambda: x.zero(),
                  lambda: setattr(x, "data", np.arange(3))):
        view = x.data
        write()
        seen.append([view.copy(), x.data.copy(), str(x.dtype)])
    return seen


@scenario
def surprise_06_assignment_and_dtypes(nn, F):
    x = nn.Variable((2,))
    out = []
    for value in (np.array([1, 2]), 0.5, np.array([1.5, 2.5]), 0.1, True, np.array([True, False])):
        x.d = value
        out.append([str(x.d.dtype), x.d.astype(np.float64)])
    return out


@scenario
def surprise_07_reading_a_gradient_changes_the_step(nn, F):
    def step(read):
        p = var(nn, [1.0])
        solver = nn.solvers.Momentum(0.1, 0.9)
        solver.set_parameters({"p": p})
        p.g = 1
        solver.update()
        solver.zero_grad()
        read(p)
        solver.update()
        return [p.d.copy(), solver.get_states()["p"].t]
    return [step(lambda p: None), step(lambda p: p.g), step(lambda p: p.grad.get_data("r")), step(lambda p: setattr(p, "g", 0)),
            step(lambda p: setattr(p, "g", np.zeros(1)))]


@scenario
def surprise_08_equality_is_identity(nn, F):
    x, y = var(nn, [1.0]), var(nn, [1.0])
    twin = x.get_unlinked_variable()
    return [x == y, x == twin, hash(x) == hash(twin), len({x, twin}), caught(lambda: x == 1), caught(lambda: x == None),  # noqa: E711
            caught(lambda: x.data == 1), x.data == twin.data, x != y]


@scenario
def surprise_09_twins_of_parameters(nn, F):
    start(nn)
    PF = nn.parametric_functions
    x = nn.Variable((2, 3))
    y = PF.affine(x, 4)
    y.parent.inputs[1].need_grad = False
    registered = nn.get_parameters(grad_only=False)["affine/W"]
    out = [registered.need_grad, y.parent.inputs[1].need_grad, y.parent.inputs[1] == registered, y.parent.inputs[1] is registered]
    twin = nn.parameter.get_parameter_or_create("affine/W", (3, 4), need_grad=False)
    return out + [twin.need_grad, registered.need_grad]


@scenario
def surprise_10_need_grad(nn, F):
    start(nn)
    x = nn.Variable((2, 3))
    y = F.exp(x)
    p = nn.parametric_functions.affine(x, 2)
    out = [x.need_grad, y.need_grad, p.need_grad]
    x.need_grad = True
    F.sum(y).forward()
    out += [y.need_grad, y.parent.need_grad]
    h = F.sin(x)
    h.need_grad = False
    z = F.sum(h * x)
    x.d = 0.5
    z.forward()
    x.grad.zero()
    z.backward()
    return out + [h.need_grad, x.g.copy()]


@scenario
def surprise_11_no_broadcasting_of_ranks(nn, F):
    a, b, c = nn.Variable((2, 3)), nn.Variable((3,)), nn.Variable((1, 3))
    return [caught(lambda: a + b), caught(lambda: a * nn.Variable(())), list((a + c).shape), list(F.mean(a).shape), list(F.sum(a).shape)]


@scenario
def surprise_12_inplace_flags(nn, F):
    x = var(nn, [-1.0, 2.0])
    y = F.relu(x, inplace=True)
    y.forward()
    r = F.reshape(x, (2, 1))
    before = x.d.copy()
    r.d[0, 0] = 9
    s = F.reshape(x, (2, 1), inplace=False)
    s.d[0, 0] = 7
    return [before, x.d.copy()]


@scenario
def surprise_13_integers_are_read_as_floats(nn, F):
    x = nn.Variable.from_numpy_array(np.arange(6).reshape(2, 3))
    outs = [x + 1, x[0], F.exp(x), F.sum(x), F.reshape(x, (6,)), F.identity(x)]
    nn.forward_all(outs)
    return [[str(o.d.dtype), o.d.astype(np.float64)] for o in outs] + [str(x.d.dtype), str(nn.NdArray.from_numpy_array(np.arange(3))[1:].dtype)]


@scenario
def surprise_14_indices(nn, F):
    x = var(nn, [1.0, 2.0, 3.0])
    out = [caught(lambda: x[np.int64(1)])]
    y = x[x.d > 1.5]
    x.d = np.array([5, 0, 0], np.float32)
    y.forward()
    out.append(y.d.copy())
    node = x
    x[1] = 4.0
    x.forward()
    return out + [node is x, x.parent is not None, x.d.copy()]


@scenario
def surprise_15_in_place_operators(nn, F):
    a, b = nn.NdArray.from_numpy_array(np.ones(2, np.float32)), nn.NdArray.from_numpy_array(np.full(2, 3, np.float32))
    out = []
    for op in (operator.iadd, operator.isub, operator.imul, operator.itruediv, operator.ipow):
        for other in (2.0, b):
            c = nn.NdArray.from_numpy_array(np.full(2, 4, np.float32))
            result = op(c, other)
            out.append([op.__name__, result is c, result.data.copy(), c.data.copy()])
    v = w = var(nn, [1.0])
    v += 1
    return out + [v is w, a.data.copy()]


@scenario
def surprise_16_one_array_makes_calls_eager(nn, F):
    x = var(nn, [1.0, 2.0])
    y = F.exp(x)
    z = y + x.data
    return [type(z).__name__, z.data.copy(), type(F.add2(x, x.data)).__name__, F.add2(x, x.data).data.copy()]


@scenario
def surprise_17_no_grad(nn, F):
    start(nn)
    x = var(nn, [[1.0, 2.0]])
    with nn.no_grad():
        y = nn.parametric_functions.affine(F.exp(x), 2)
        with nn.auto_forward():
            z = F.exp(x)
    return [y.parent is not None, y.need_grad, y.parent.inputs[1].need_grad, nn.get_parameters()["affine/W"].need_grad,
            z.parent is None, z.need_grad]


@scenario
def surprise_18_clearing_and_persistence(nn, F):
    x = var(nn, [1.0, 2.0])
    h, k = F.exp(x), F.sin(x)
    k.persistent = True
    y = F.sum(h * k)
    y.forward(clear_buffer=True)
    return [h.data.clear_called, k.data.clear_called, k.d.copy(), float(y.d)]


@scenario
def surprise_19_modules(nn, F):
    class Layer(nn.Module):
        def call(self, x):
            return nn.parametric_functions.affine(x, 2)

    class Net(nn.Module):
        def __init__(self):
            self.one = Layer()

        def call(self, x):
            return self.one(x)
    start(nn)
    net, x = Net(), nn.Variable((1, 3))
    net(x)
    before = net.get_parameters()["@one/affine/W"]
    buffer = io.BytesIO()
    logging.disable(logging.INFO)
    nn.save_parameters(buffer, net.get_parameters(), extension=".h5")
    logging.disable(logging.NOTSET)
    buffer.seek(0)
    net.set_parameters({"@one/affine/W": nn.Variable((3, 2), need_grad=True)})
    net.one = 3
    return [bool(Layer()), bool(net), net.get_parameters()["@one/affine/W"] is before, list(net.submodules)]


@scenario
def surprise_20_set_parameters(nn, F):
    p, q = var(nn, [1.0]), var(nn, [2.0])
    solver = nn.solvers.Momentum(0.1)
    solver.set_parameters({"p": p})
    p.g = 1
    solver.update()
    solver.set_parameters({"p": q}, reset=False, retain_state=True)
    out = [solver.get_parameters()["p"] == p, solver.get_states()["p"].t]
    solver.set_parameters({"p": q})
    return out + [solver.get_parameters()["p"] == q, solver.get_states()["p"].t]


@scenario
def surprise_21_clipping_and_decay(nn, F):
    p, q = var(nn, [3.0, 4.0]), var(nn, [1.0, 0.0])
    solver, fused = nn.solvers.Sgd(1.0), nn.solvers.AdamW(0.1)
    out = []
    for s in (solver, fused):
        s.set_parameters({"p": p, "q": q})
        p.g, q.g = np.array([3, 4], np.float32), np.array([1, 0], np.float32)
        s.clip_grad_by_norm(2.0)
        out.append([p.g.copy(), q.g.copy()])
        s.weight_decay(0.5)
        out.append([p.g.copy(), q.g.copy()])
    return out


@scenario
def surprise_22_solver_hooks_come_before_the_update(nn, F):
    p = var(nn, [1.0])
    solver = nn.solvers.Sgd(1.0)
    solver.set_parameters({"p": p})
    p.g = 1
    seen = []
    solver.update(update_pre_hook=lambda: seen.append(float(p.d[0])), update_post_hook=lambda: seen.append(float(p.d[0])))
    return [seen, p.d.copy()]


@scenario
def surprise_23_seeds(nn, F):
    out = []
    for seed in (313, 1, 313):
        start(nn, seed)
        nn.parametric_functions.affine(nn.Variable((1, 2)), 2)
        y = F.rand(shape=(2,))
        y.forward()
        out.append([nn.get_parameters()["affine/W"].d.copy(), y.d.copy(), nn.random.pseed])
    return out


@scenario
def surprise_24_shapes(nn, F):
    x = nn.Variable((2, 3))
    y = F.sum(F.exp(x), axis=0)
    out = [caught(lambda: F.affine(x, nn.Variable((2, 2))))]
    x.reset_shape((4, 3), True)
    x.d = 0
    text = io.StringIO()
    with redirect_stdout(text):
        before = list(F.exp(x).shape)
        y.forward()
    return out + [before, list(y.parent.inputs[0].shape), y.d.copy()]


@scenario
def surprise_25_running_statistics(nn, F):
    start(nn)
    x = nn.Variable((2, 2))
    x.d = np.array([[1, 2], [3, 6]])
    y = nn.parametric_functions.batch_normalization(x)
    y.forward()
    y.forward()

    class Net(nn.Module):
        def call(self, x):
            return nn.parametric_functions.batch_normalization(x)
    net = Net()
    net(x)
    return [nn.get_parameters(grad_only=False)["bn/mean"].d.copy(), list(nn.get_parameters()), list(net.get_parameters())]


@scenario
def surprise_26_division(nn, F):
    x = var(nn, [1.0])
    return [(x / 2).parent.name, (x / 2).parent.info.args, caught(lambda: x / 0), (2 / x).parent.name]


@scenario
def surprise_27_grad(nn, F):
    x, unrelated = var(nn, [1.0, 2.0]), var(nn, [1.0, 2.0])
    y = F.sum(x ** 3)
    g = nn.grad([y], [x, unrelated])
    nn.forward_all(g)
    return [type(g).__name__, y.persistent, g[0].d.copy(), list(g[1].shape), g[1].d.copy()]


@scenario
def surprise_28_contexts(nn, F):
    half = nn.Context(["cpu:half", "cpu:float"], "CpuCachedArray", "0")
    x = var(nn, [1.0, 2.0])
    with nn.context_scope(half):
        y = F.exp(x)
    z = F.exp(x)
    nn.forward_all([y, z])
    return [y.parent.context.backend, str(y.data.dtype), z.parent.context.backend, str(z.data.dtype), hasattr(x, "to")]
