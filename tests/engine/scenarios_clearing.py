"""Which buffers passes free in random graphs: the flags are nnabla's, whatever torch keeps by itself."""
import importlib
import random

import numpy as np

from .scenarios import scenario

UNARY = ["exp", "relu", "tanh", "sin", "mul_scalar", "add_scalar", "leaky_relu", "reshape", "copying_reshape", "softmax", "identity",
         "abs", "pow_scalar", "transpose", "split", "unlink", "gelu", "round", "sigmoid", "maximum_scalar"]
BINARY = ["add2", "mul2", "sub2", "maximum2", "affine", "concatenate", "where"]


def program(rng, recomputing):
    """A random graph of (2, 2) variables and what to do with it, as plain data."""
    n = rng.randint(1, 3)
    p = dict(leaves=[rng.random() < 0.6 for _ in range(n)], nodes=[], persistent=[], need_grad={}, recompute=[], kept=[], gone=[])
    made = []
    for _ in range(rng.randint(1, 8)):
        def pick():
            return rng.randrange(max(0, n - 3), n) if rng.random() < 0.7 else rng.randrange(n)
        name, inputs = (rng.choice(UNARY), [pick()]) if rng.random() < 0.6 else (rng.choice(BINARY), [pick(), pick()])
        p["nodes"].append([name, inputs])
        outputs = 2 if name == "split" else 1
        made += range(n, n + outputs)
        n += outputs
    if rng.random() < 0.3:
        p["persistent"] = [rng.choice(made)]
    if rng.random() < 0.15:
        p["need_grad"] = {rng.choice(made): rng.random() < 0.3}
    if recomputing:
        p["recompute"] = [rng.choice(made) for _ in range(rng.randint(1, 3))]
    if rng.random() < 0.2:
        p["kept"] = [rng.choice(made)]
    elif rng.random() < 0.1:
        p["gone"] = [rng.choice(made)]
    choice = rng.random()
    p["sink"] = choice > 0.9
    p["roots"] = [n - 1] if choice < 0.75 else sorted({rng.choice(made) for _ in range(2)})
    p["forward"] = [rng.choice([(0, 1), (0, 1), (1, 0), (0, 0), (1, 1)]) for _ in range(rng.randint(1, 2))]
    p["backward"] = [rng.random() < 0.7 for _ in p["forward"]]
    return p


def build(nn, F, p):
    values = np.random.RandomState(0)
    vs = [nn.Variable.from_numpy_array(values.rand(2, 2).astype(np.float32) + 0.1, need_grad=g) for g in p["leaves"]]
    mask = nn.Variable.from_numpy_array(np.float32([[1, 0], [0, 1]]))
    special = {
        "reshape": lambda x: F.reshape(x, (2, 2)),
        "copying_reshape": lambda x: F.reshape(x, (2, 2), inplace=False),
        "mul_scalar": lambda x: F.mul_scalar(x, 1.5),
        "add_scalar": lambda x: F.add_scalar(x, 1.5),
        "pow_scalar": lambda x: F.pow_scalar(x, 1.5),
        "maximum_scalar": lambda x: F.maximum_scalar(x, 0.5),
        "transpose": lambda x: F.transpose(x, (1, 0)),
        "split": lambda x: F.split(F.stack(x, x, axis=0), axis=0),
        "concatenate": lambda x, y: F.slice(F.concatenate(x, y, axis=0), start=(1, 0), stop=(3, 2)),
        "where": lambda x, y: F.where(mask, x, y),
    }
    for name, inputs in p["nodes"]:
        y = (special[name] if name in special else getattr(F, name))(*[vs[i] for i in inputs])
        vs += y if isinstance(y, (tuple, list)) else [y]
    for i in p["persistent"]:
        vs[i].persistent = True
    for i, flag in p["need_grad"].items():
        vs[i].need_grad = flag
    for i in p["recompute"]:
        vs[i].recompute = True
    extra = [F.relu(vs[i]) for i in p["kept"]]
    for i in p["gone"]:
        F.relu(vs[i])
    return vs, extra


def run(nn, F, p):
    vs, extra = build(nn, F, p)
    roots = [vs[i] for i in p["roots"]]
    if p["sink"]:
        roots = [F.sink(*roots)]
    log = []
    for (clear_buffer, clear_no_need_grad), back in zip(p["forward"], p["backward"]):
        options = dict(clear_buffer=bool(clear_buffer), clear_no_need_grad=bool(clear_no_need_grad))
        if len(roots) == 1:
            roots[0].forward(**options)
        else:
            nn.forward_all(roots, **options)
        after = "".join("01"[v.data.clear_called] for v in vs)
        log.append(after)
        if back and not clear_buffer and len(roots) == 1:
            roots[0].backward(clear_buffer=True)
            # nnabla's backward may touch, and so allocate again, what forward freed: those are left out.
            log.append("".join("x" if a == "1" else "01"[v.data.clear_called] for a, v in zip(after, vs)))
            log.append("".join("01"[v.grad.clear_called] for v in vs))
    del extra
    grads = [] if any(c for c, _ in p["forward"]) else [float(v.g.sum()) if g else 0.0 for v, g in zip(vs, p["leaves"])]
    return log, grads


@scenario
def random_graphs(nn, F):
    rng = random.Random(20)
    return [run(nn, F, program(rng, recomputing=False)) for _ in range(300)]


@scenario
def random_graphs_with_recomputation(nn, F):
    rng = random.Random(21)
    return [run(nn, F, program(rng, recomputing=True)) for _ in range(200)]


@scenario
def recorded_flags(nn, F):
    """What nnabla.testing's recorder notes, function by function."""
    recorder = importlib.import_module(f"{nn.__name__}.testing.clear_called_flag_recorder")
    rng, out = random.Random(33), []

    def recorded(act):
        recorder.activate_clear_called_flag_recorder()
        act()
        flags = recorder.get_input_clear_called_flags(), recorder.get_output_clear_called_flags()
        recorder.deactivate_clear_called_flag_recorder()
        return flags
    for _ in range(100):
        p = program(rng, recomputing=False)
        vs, extra = build(nn, F, p)
        roots = [vs[i] for i in p["roots"]]
        root = roots[0] if len(roots) == 1 else F.sink(*roots)
        for clear_buffer, clear_no_need_grad in p["forward"]:
            inputs, outputs = recorded(lambda: root.forward(clear_buffer=bool(clear_buffer), clear_no_need_grad=bool(clear_no_need_grad)))
            out.append([[[int(data) for data, _ in flags] for flags in inputs], [[int(data) for data, _ in flags] for flags in outputs]])
            if not clear_buffer:
                _, outputs = recorded(lambda: root.backward(clear_buffer=True))
                out.append([[int(grad) for _, grad in flags] for flags in outputs])
        del extra
    return out


@scenario
def recorded_flags_without_clearing(nn, F):
    """A gradient that backward made for the root is freed in passes that clear only."""
    recorder = importlib.import_module(f"{nn.__name__}.testing.clear_called_flag_recorder")
    out = []
    for clear_buffer in (False, True):
        for grad in (1, None, np.ones(3), nn.NdArray.from_numpy_array(np.ones(3))):
            y = F.tanh(F.identity(nn.Variable((3,), need_grad=True)))
            y.forward()
            recorder.activate_clear_called_flag_recorder()
            y.backward(grad, clear_buffer=clear_buffer)
            out.append([[list(pair) for pair in flags] for flags in recorder.get_output_clear_called_flags()])
            recorder.deactivate_clear_called_flag_recorder()
    return out


@scenario
def recorded_flags_of_backward(nn, F):
    """Elementwise functions take hold of the memory of all that they may read, others of what they read."""
    recorder = importlib.import_module(f"{nn.__name__}.testing.clear_called_flag_recorder")
    unary = """abs acos acosh add_scalar asin asinh atan atanh average_pooling binary_sigmoid binary_tanh ceil cos cosh cumsum elu erf exp
        floor gelu hard_sigmoid hard_tanh identity leaky_relu log log_sigmoid maximum_scalar mean minimum_scalar mish mul_scalar
        pow_scalar r_div_scalar relu relu6 reset_inf reset_nan round r_pow_scalar r_sub_scalar selu sigmoid sign sin sinc sinh
        softmax softplus softsign sum swish tan tanh tanh_shrink""".split()
    binary = "absolute_error add2 atan2 bc_add2 concatenate div2 huber_loss maximum2 minimum2 mul2 pow2 squared_error sub2".split()
    out = {}
    for clear_buffer in (False, True):
        for name in unary + binary:
            x, u = (nn.Variable((1, 2, 2), need_grad=True) for _ in range(2))
            x.d = u.d = 0.5
            inputs = [F.identity(x), F.identity(u)][:1 if name in unary else 2]
            y = F.average_pooling(inputs[0], (1, 2)) if name == "average_pooling" else getattr(F, name)(*inputs)
            y.forward(clear_no_need_grad=True)
            recorder.activate_clear_called_flag_recorder()
            y.backward(clear_buffer=clear_buffer)
            out[f"{name} {clear_buffer}"] = [[[data for data, _ in flags] for flags in recorder.get_input_clear_called_flags()],
                                             [v.data.clear_called for v in inputs]]
            recorder.deactivate_clear_called_flag_recorder()
    return out


@scenario
def recorded_flags_of_recomputation(nn, F):
    """Random graphs with marked variables, run twice, the second time by a pass that frees nothing.

    Without functions whose gradient reads their result: nnabla frees that once more, and goes on with what the memory holds.
    """
    recorder = importlib.import_module(f"{nn.__name__}.testing.clear_called_flag_recorder")
    rng, out = random.Random(52), []
    for _ in range(80):
        p = program(rng, recomputing=True)
        vs, extra = build(nn, F, p)
        root = vs[p["roots"][-1]]
        if {"unlink", "split", "tanh", "sigmoid", "softmax"} & {name for name, _ in p["nodes"]} or root.parent is None:
            continue
        for clear_buffer in (True, False):
            root.forward(clear_no_need_grad=True)
            recorder.activate_clear_called_flag_recorder()
            root.backward(clear_buffer=clear_buffer)
            out.append(["".join("01"[data] for flags in recorder.get_input_clear_called_flags() for data, _ in flags),
                        "".join("0123"[data + 2 * grad] for flags in recorder.get_output_clear_called_flags() for data, grad in flags),
                        "".join("01"[v.data.clear_called] for v in vs)])
            recorder.deactivate_clear_called_flag_recorder()
        del extra
    return out


@scenario
def data_after_recomputation(nn, F):
    """A pass that frees nothing leaves the data it computed again, but not what no gradient reads."""
    out = []
    for clear_no_need_grad in (False, True):
        x, u = nn.Variable((2, 3), need_grad=True), nn.Variable((2, 3))
        x.d, x.g, u.d = 0.3, 0, 0.7
        graphs = [lambda a, b: [F.add2(a, b)], lambda a, b: [F.mul2(a, b)], lambda a, b: [F.cos(a), F.sin(F.cos(a)) * b],
                  lambda a, b: [F.mul2(b, F.cos(b)) * a]]
        for graph in graphs:
            a, b = F.sin(u), F.sin(x)
            a.recompute = b.recompute = True
            made = graph(a, b)
            made[-1].forward(clear_no_need_grad=clear_no_need_grad)
            freed = [v.data.clear_called for v in [a, b, *made]]
            made[-1].backward()
            out.append([freed, [v.data.clear_called for v in [a, b, *made]], x.g.copy()])
        h = F.cos(F.sin(u).apply(recompute=True))
        k, v = F.sin(h).apply(recompute=True), F.identity(x).apply(recompute=True)
        y = F.mul2(k, v)
        y.forward(clear_no_need_grad=clear_no_need_grad)
        y.backward()
        out.append([[w.data.clear_called for w in (h, k, v, y)], k.d.copy(), v.d.copy()])
    return out


@scenario
def random_gradients(nn, F):
    """Gradients of everything in random graphs, with and without clearing, hooks and several roots."""
    rng, out = random.Random(41), []
    for k in range(150):
        p = program(rng, recomputing=False)
        if any(name == "unlink" for name, _ in p["nodes"]) and len(p["roots"]) > 1:
            continue    # nnabla zeroes what earlier passes left beyond an unlinked variable
        if any(i in p["need_grad"] for i in p["roots"]):
            continue    # a root that others use and that takes no gradient starts none here
        vs, extra = build(nn, F, p)
        roots = [vs[i] for i in p["roots"]]
        gradient = [1, 2.5, np.full((2, 2), 0.5, np.float32)][k % 3]
        for i, (_, clear_no_need_grad) in enumerate(p["forward"]):
            for v in vs[:len(p["leaves"])]:
                v.grad.zero()
            nn.forward_all(roots, clear_no_need_grad=bool(clear_no_need_grad))
            for root in roots:
                root.backward(gradient, function_post_hook=None if k % 4 else lambda f: None)
            out.append([float(v.g.sum()) for v in vs])
            if i == 0:
                vs[0].d = np.float32([[1, 2], [0.3, 0.4]])
        del extra
    return out


@scenario
def need_grad_of_roots_that_others_use(nn, F):
    x = nn.Variable.from_numpy_array(np.float32([1, 2]), need_grad=True)
    target = x * 3
    target.need_grad = False
    loss = F.sum((target - x) ** 2)
    out = []
    for forward in (lambda: nn.forward_all([loss, target]), lambda: nn.forward_all([target, loss], clear_no_need_grad=True), loss.forward):
        forward()
        x.grad.zero()
        loss.backward()
        out.append([x.g.copy(), target.d.copy()])
    return out
