"""Backward functions: the registry's entries called by hand, and a PythonFunction's own one under nn.grad."""
from importlib import import_module

import numpy as np

SCENARIOS = {}


def scenario(f):
    SCENARIOS[f.__name__] = f
    return f


def var(nn, values):
    return nn.Variable.from_numpy_array(np.asarray(values, np.float32), need_grad=True)


def cube(library, nn, registered=True):
    function, backward_functions = import_module(f"{library}.function"), import_module(f"{library}.backward_functions")

    class Cube(function.PythonFunction):
        def __init__(self, scale):
            super().__init__()
            self.scale = scale

        @property
        def name(self):
            return "Cube"

        @property
        def args(self):
            return {"scale": self.scale}

        def min_outputs(self):
            return 1

        def grad_depends_output_data(self, i, o):
            return False

        def grad_depends_input_data(self, i, j):
            return True

        def setup_impl(self, inputs, outputs):
            outputs[0].reset_shape(inputs[0].shape, True)

        def forward_impl(self, inputs, outputs):
            outputs[0].d = self.scale * inputs[0].d ** 3

        def backward_impl(self, inputs, outputs, propagate_down, accum):
            g = 3 * self.scale * inputs[0].d ** 2 * outputs[0].g
            if propagate_down[0]:
                inputs[0].g = inputs[0].g + g if accum[0] else g

    calls = []

    def cube_backward(grad_inputs, inputs, input_shapes, outputs, output_shapes, scale=1):
        calls.append([len(grad_inputs), inputs[0] is None, list(input_shapes[0]), outputs[0] is None,
                      list(output_shapes[0]), scale])
        return grad_inputs[0] * (3 * scale) * inputs[0] ** 2

    if registered:
        backward_functions.register("Cube", cube_backward)
    else:
        backward_functions.registry.pop("Cube", None)
    return Cube, calls


@scenario
def own_backward_function(library):
    nn, F = import_module(library), import_module(f"{library}.functions")
    Cube, calls = cube(library, nn)
    x, w = var(nn, [[1, -2, 3]]), var(nn, [[2, 1, 1]])
    y = F.sum(Cube(0.5)(x * w) * F.tanh(x) + Cube(2)(x))
    first = nn.grad([y], [x, w])
    second = nn.grad(F.sum(first[0] ** 2) + F.sum(first[1]), [x, w])
    third = nn.grad(F.sum(second[0]), [w])
    F.sink(*first, *second, *third).forward()
    y.forward()
    y.backward()
    return [g.d for g in first + second + third], x.g, sorted(set(map(str, calls)))


@scenario
def given_gradients(library):
    nn, F = import_module(library), import_module(f"{library}.functions")
    Cube, _ = cube(library, nn)
    x = var(nn, [[1, -2, 3]])
    h = F.exp(x)
    y, z = Cube(1)(h), Cube(2)(h)
    seed = var(nn, [[1, 0, 2]])
    unrelated = var(nn, [1, 2])
    made = nn.grad([y, z], [x, h, unrelated], [seed, 3.0])
    F.sink(*made).forward()
    nested = nn.grad(F.sum(made[0]), [seed])[0]
    nested.forward()
    return [g.d for g in made], nested.d, y.persistent


@scenario
def blocked_inputs(library):
    nn, F = import_module(library), import_module(f"{library}.functions")
    Cube, _ = cube(library, nn)
    x, w = var(nn, [[1, -2, 3]]), var(nn, [[2, 1, 1]])
    w.need_grad = False
    y = F.sum(Cube(1)(x * w))
    made = nn.grad(y, [x, w])
    F.sink(*made).forward()
    return [g.d for g in made]


def by_hand(library, name, inputs, args, second=True):
    """An entry called as the original's nn.grad does, and differentiated once more."""
    nn, F = import_module(library), import_module(f"{library}.functions")
    base, registry = import_module(f"{library}.function_bases"), import_module(f"{library}.backward_functions").registry
    variables = [var(nn, v) for v in inputs]
    y = getattr(base, name)(*variables, **args)
    ys = list(y) if isinstance(y, tuple) else [y]
    seeds = [var(nn, np.random.RandomState(i).randn(*v.shape)) for i, v in enumerate(ys)]
    f = ys[0].parent
    made = registry[f.info.type_name](seeds, variables, [v.shape for v in variables], ys, [v.shape for v in ys],
                                      **f.info.args)
    made = list(made) if isinstance(made, (list, tuple)) else [made]
    present = [g for g in made if g is not None]
    F.sink(*present).forward()
    result = [None if g is None else g.d for g in made]
    if second:
        total = sum(F.sum(g ** 2) for g in present)
        again = nn.grad(total, variables[:1] + seeds)
        F.sink(*again).forward()
        result += [g.d for g in again]
    return result


_RNG = np.random.RandomState(0)
_X, _W = _RNG.randn(2, 3, 5, 5), _RNG.randn(4, 3, 3, 3)
HAND = {
    "relu": ([_X], {}), "sigmoid": ([_X], {}), "softmax": ([_X], {"axis": 1}), "mul2": ([_X, _X[:, :1] * 2], {}),
    "affine": ([_RNG.randn(3, 4), _RNG.randn(4, 2), _RNG.randn(2)], {}), "sum": ([_X], {"axes": (1, 3)}),
    "convolution": ([_X, _W], {"pad": (1, 0), "stride": (2, 1)}), "transpose": ([_X], {"axes": (0, 2, 3, 1)}),
    "pow_scalar": ([np.abs(_X)], {"val": 2.5}), "concatenate": ([_X, _X * 2], {"axis": 1}), "add2": ([_X, _X], {}),
    "div2": ([_X, np.abs(_X[:, :, :1]) + 1], {}), "slice": ([_X], {"start": (0, 1), "stop": (2, 3), "step": (1, 1)}),
    "max_pooling": ([_X], {"kernel": (2, 2)}), "squared_error": ([_X, _X[::-1].copy()], {}),
    "layer_normalization": ([_RNG.randn(2, 6), _RNG.rand(1, 6), _RNG.rand(1, 6)], {"batch_axis": (0,), "eps": 1e-5}),
}


# Of these the original's second gradients with respect to data are zeros of shape (), as the data isn't in the graph.
LINEAR = ("sum", "transpose", "concatenate", "add2", "slice")


def _add(name, inputs, args):
    SCENARIOS[f"by_hand_{name}"] = lambda library: by_hand(library, name, inputs, args, second=name not in LINEAR)


for _name, (_inputs, _args) in HAND.items():
    _add(_name, _inputs, _args)


@scenario
def registry_itself(library):
    nn = import_module(library)
    functions = import_module(f"{library}.backward_functions")
    functions.registry.pop("Cube", None)
    entries = sorted(functions.registry)
    Cube, _ = cube(library, nn, registered=False)
    return len(entries), entries, type(functions.registry).__name__
