"""Running a declared case through a library: one body for the original and for this package.

``nn`` is the library's top module; everything else is reached from it. Nothing here knows which
of the two it is.
"""
import importlib

import numpy as np

STREAM_SEED = 412  # nn.seed before each call: functions without a seed of their own repeat too


class Failed(Exception):
    """The library under test raised ``error`` while ``stage`` (build, forward, backward) ran."""

    def __init__(self, stage, error):
        super().__init__(f"{stage}: {type(error).__name__}: {error}")
        self.stage, self.error = stage, error


def module(nn, name):
    return importlib.import_module(f"{nn.__name__}.{name}")


def call(nn, case, inputs):
    """Make the call of ``case`` with library objects as inputs."""
    args, kwargs = case.fill(inputs)
    F = module(nn, "functions")
    if case.code:
        names = dict(kwargs, nn=nn, np=np, F=F)
        if " = " in case.code or "= " in case.code.split("(")[0]:
            exec(case.code, names)
            return names["y"]
        return eval(case.code, names)
    if case.function.startswith("function_bases."):
        return getattr(module(nn, "function_bases"), case.function.split(".")[1])(*args, **kwargs)
    return getattr(F, case.function)(*args, **kwargs)


def listed(outputs):
    if isinstance(outputs, (tuple, list)):
        return [o for o in outputs if o is not None]
    return [outputs]


def variables(nn, case, arrays):
    return [nn.Variable.from_numpy_array(a, need_grad=bool(s.grad)) for s, a in zip(case.specs, arrays)]


def build(nn, case, xs):
    nn.seed(STREAM_SEED)
    try:
        if case.auto:
            with nn.auto_forward():
                return listed(call(nn, case, xs))
        return listed(call(nn, case, xs))
    except Exception as e:
        raise Failed("build", e) from e


def forward(nn, case, ys):
    try:
        for _ in range(0 if case.auto else case.forwards):
            if len(ys) == 1:
                ys[0].forward()
            else:
                nn.forward_all(ys)
        return [np.array(y.d) for y in ys]
    except Exception as e:
        raise Failed("forward", e) from e


def floating(outputs):
    return [o.dtype.kind == "f" for o in outputs]


def backward(nn, case, xs, ys, outputs, zero=True):
    """Gradients of the inputs that want one, for the case's own output gradients."""
    F = module(nn, "functions")
    try:
        if zero:
            for x in xs:
                x.grad.zero()
        grads = [case.draw_gradient(y.shape, i) if f else np.zeros(y.shape, np.float32)
                 for i, (y, f) in enumerate(zip(ys, floating(outputs)))]
        if len(ys) == 1:
            ys[0].backward(grads[0])
        else:
            for y, g in zip(ys, grads):
                y.g = g
            F.sink(*ys, one_input_grad=False).backward()
        return [np.array(x.g) if s.grad else None for s, x in zip(case.specs, xs)]
    except Exception as e:
        raise Failed("backward", e) from e


def second_order(nn, case, arrays, outputs):
    """Gradients by nn.grad, and the gradients of their weighted sum."""
    F = module(nn, "functions")
    xs = variables(nn, case, arrays)
    ys = build(nn, case, xs)
    try:
        chosen = [(y, case.draw_gradient(y.shape, i)) for i, (y, f) in enumerate(zip(ys, floating(outputs))) if f]
        wanted = [x for s, x in zip(case.specs, xs) if s.grad]
        firsts = nn.grad([y for y, _ in chosen], wanted, grad_outputs=[g for _, g in chosen])
        total = None
        for i, g in enumerate(firsts):
            term = F.sum(F.mul2(g, nn.Variable.from_numpy_array(case.draw_gradient(g.shape, 100 + i))))
            total = term if total is None else total + term
        total.forward()
        for x in xs:
            x.grad.zero()
        total.backward()
        firsts, seconds = iter([np.array(g.d) for g in firsts]), iter([np.array(x.g) for x in wanted])
        return ([next(firsts) if s.grad else None for s in case.specs],
                [next(seconds) if s.grad else None for s in case.specs])
    except Exception as e:
        raise Failed("second", e) from e


def imperative(nn, case, arrays):
    """Values of the call made with NdArrays, and the arrays after it."""
    nn.seed(STREAM_SEED)
    xs = [nn.NdArray.from_numpy_array(a) for a in arrays]
    try:
        for _ in range(case.forwards):
            ys = listed(call(nn, case, xs))
        return [np.array(y.data) for y in ys], [np.array(x.data) for x in xs]
    except Exception as e:
        raise Failed("imperative", e) from e


def describe(ys):
    """Type name and arguments of the function that made each output, and all types of the graph."""
    first = ys[0].parent
    types = set()
    for y in ys:
        y.visit(lambda f: types.add(f.info.type_name))
    return {"type": first.info.type_name, "args": plain(first.info.args), "types": sorted(types)}


def plain(value):
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, np.generic):
        return value.item()
    return value if value is None or isinstance(value, (bool, int, float, str)) else repr(type(value).__name__)
