"""How a recorded case is declared: a function's name, input specifications and arguments.

Declarations are pure Python, so that the recorder (which runs under the original library) and the
tests (which run under this one) read the same list. A case is known by its own text, which is
the key of its record and the seed of its inputs: a changed declaration is an unrecorded case.
"""
import zlib

import numpy as np

CASES = {}  # function name -> list of Case


class Spec:
    """One array input: how to draw it, and whether its gradient is wanted."""

    def __init__(self, kind, shape, grad, dtype="float32", **options):
        self.kind, self.shape, self.grad, self.dtype, self.options = kind, shape, grad, dtype, options
        self.default_grad = grad

    def without_grad(self):
        self.grad = False
        return self

    def with_grad(self):
        self.grad = True
        return self

    def __repr__(self):
        if self.kind == "values":
            parts = [show(self.options["values"])]
        else:
            parts = [repr(d) for d in self.shape]
            parts += [f"{k}={show(v)}" for k, v in self.options.items()]
        if self.dtype != "float32":
            parts.append(f"dtype={self.dtype!r}")
        text = f"{self.kind}({', '.join(parts)})"
        return text if self.grad == self.default_grad else text + (".with_grad()" if self.grad else ".without_grad()")

    def draw(self, rng):
        o = self.options
        if self.kind == "values":
            return np.array(o["values"], dtype=self.dtype)
        if self.kind == "normal":
            a = rng.randn(*self.shape) * o.get("scale", 1.0) + o.get("shift", 0.0)
        elif self.kind == "uniform":
            a = rng.uniform(o["low"], o["high"], size=self.shape)
        elif self.kind == "integers":
            a = rng.randint(o["low"], o["high"], size=self.shape)
        elif self.kind == "ties":
            a = rng.randint(-2, 3, size=self.shape) * 0.5
        elif self.kind == "boolean":
            a = rng.randint(0, 2, size=self.shape)
        elif self.kind == "one_hot_rows":
            a = np.eye(self.shape[-1])[rng.randint(0, self.shape[-1], size=self.shape[:-1])]
        elif self.kind == "probabilities":
            a = rng.uniform(0.1, 1.0, size=self.shape)
            a = a / a.sum(o.get("axis", -1), keepdims=True)
        elif self.kind == "permutation":
            a = rng.permutation(int(np.prod(self.shape))).reshape(self.shape) * o.get("step", 0.25) + o.get("shift", 0.0)
        elif self.kind == "spd":  # symmetric positive definite matrices
            a = rng.randn(*self.shape)
            a = a @ np.swapaxes(a, -1, -2) + np.eye(self.shape[-1])
        elif self.kind == "invertible":
            a = rng.randn(*self.shape) * 0.3 + np.eye(self.shape[-1]) * 1.5
        else:
            raise ValueError(f"unknown kind of input {self.kind!r}")
        return np.ascontiguousarray(np.asarray(a).astype(self.dtype))


def normal(*shape, **options):
    return Spec("normal", shape, True, **options)


def uniform(*shape, low=-1.0, high=1.0):
    return Spec("uniform", shape, True, low=low, high=high)


def positive(*shape):
    return Spec("uniform", shape, True, low=0.2, high=2.5)


def integers(*shape, low=0, high=10, dtype="int64"):
    return Spec("integers", shape, False, dtype=dtype, low=low, high=high)


def ties(*shape):
    """Multiples of one half in [-1, 1]: many equal elements, and every kink of interest."""
    return Spec("ties", shape, True)


def boolean(*shape, dtype="float32"):
    return Spec("boolean", shape, False, dtype=dtype)


def one_hot_rows(*shape):
    return Spec("one_hot_rows", shape, False)


def probabilities(*shape, **options):
    return Spec("probabilities", shape, True, **options)


def permutation(*shape, **options):
    """Distinct values on a grid: safe for order statistics."""
    return Spec("permutation", shape, True, **options)


def spd(*shape):
    return Spec("spd", shape, True)


def invertible(*shape):
    return Spec("invertible", shape, True)


def values(values, dtype="float32"):
    return Spec("values", np.shape(values), dtype.startswith("float"), dtype=dtype, values=values)


def show(value):
    if isinstance(value, type):
        return value.__name__
    if isinstance(value, np.ndarray):
        return f"array({value.tolist()})"
    if isinstance(value, tuple):
        return "(" + ", ".join(show(v) for v in value) + (",)" if len(value) == 1 else ")")
    if isinstance(value, list):
        return "[" + ", ".join(show(v) for v in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{show(k)}: {show(v)}" for k, v in value.items()) + "}"
    return repr(value)


class Case:
    """One call to record: ``function(*args, **kwargs)``, or a piece of code over named operands.

    Flags (see :meth:`flags`):
        forwards: How many times to run forward before reading results (stateful functions).
        random: Results depend on a random stream: repeated runs are not compared.
        stream: The random stream is reproduced: values are compared, not only shapes.
        backward, second: Whether gradients, and gradients of gradients, are recorded.
        imperative: Whether the call is also made with NdArrays.
        auto: The call is made in auto-forward mode (functions that refuse the static one).
        bad: The call is expected to raise.
        why: A remark for the reader.
    """

    def __init__(self, function, args=(), kwargs=None, code=None):
        self.function, self.args, self.kwargs, self.code = function, args, kwargs or {}, code
        self.forwards, self.random, self.backward, self.second = 1, False, True, True
        self.stream, self.imperative, self.auto, self.bad, self.why = True, True, False, False, ""
        parts = [show(a) for a in args] + [f"{k}={show(v)}" for k, v in self.kwargs.items()]
        self.key = f"{code} | {', '.join(parts)}" if code else f"{function}({', '.join(parts)})"

    def flags(self, **flags):
        for name, value in flags.items():
            if not hasattr(self, name):
                raise AttributeError(f"a case has no flag {name!r}")
            setattr(self, name, value)
        if "forwards" in flags:
            self.key += f" x{self.forwards}"
        if "auto" in flags:
            self.key += " auto"
        return self

    def __repr__(self):
        return self.key

    @property
    def specs(self):
        found = []

        def walk(value):
            if isinstance(value, Spec):
                found.append(value)
            elif isinstance(value, (list, tuple)):
                for v in value:
                    walk(v)
        walk(list(self.args))
        walk(list(self.kwargs.values()))
        return found

    def fill(self, inputs):
        """Arguments with each input specification replaced by the next of ``inputs``."""
        stream = iter(inputs)

        def put(value):
            if isinstance(value, Spec):
                return next(stream)
            if isinstance(value, (list, tuple)):
                return type(value)([put(v) for v in value])
            return value
        args = [put(a) for a in self.args]
        return args, {k: put(v) for k, v in self.kwargs.items()}

    def draw_inputs(self):
        rng = np.random.RandomState(zlib.crc32(self.key.encode()))
        return [s.draw(rng) for s in self.specs]

    def draw_gradient(self, shape, index=0):
        """The gradient fed to the ``index``-th output (or used as second-order weights)."""
        rng = np.random.RandomState((zlib.crc32(self.key.encode()) + 7919 * (index + 1)) % 2**32)
        return np.asarray(rng.randn(*shape), dtype=np.float32)


def case(function, *args, **kwargs):
    """Declare a call of ``nnabla.functions.<function>``, or of ``function_bases.<name>`` if so written."""
    return _add(Case(function, args, kwargs))


def bad(function, *args, **kwargs):
    """Declare a call that must raise."""
    return _add(Case(function, args, kwargs).flags(bad=True))


def expression(group, code, **operands):
    """Declare a piece of code over named arrays; its value is the expression, or ``y`` after statements."""
    return _add(Case(group, (), operands, code=code))


def _add(new):
    CASES.setdefault(new.function, []).append(new)
    return new
