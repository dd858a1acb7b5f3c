"""Function objects, PythonFunction, and a constructor for each operator type, made when first asked for."""
from . import ops  # noqa: F401  (declares the operators)
from .engine.function import Function, Info
from .engine.python_function import Port as UnsafeVariable
from .engine.python_function import PythonFunction
from .registry import OPERATORS

__all__ = ["Dummy", "Function", "Info", "PythonFunction", "UnsafeVariable", *OPERATORS]


class Dummy(PythonFunction):
    """A function of one output of shape (), which it never writes: nnabla's own test object.

    Args:
        ctx (Context): Context.
    """

    name = "PythonDummy"

    def __init__(self, ctx):
        super().__init__(ctx)

    def min_outputs(self):
        return 1

    def grad_depends_output_data(self, i, o):
        return False

    def grad_depends_input_data(self, i, j):
        return False

    def setup_impl(self, inputs, outputs):
        """Leaves the output's shape ()."""

    def forward_impl(self, inputs, outputs):
        """Writes nothing."""

    def backward_impl(self, inputs, outputs, propagate_down, accum):
        """Writes nothing."""


def __getattr__(name):
    if name not in OPERATORS:
        raise AttributeError(f"module 'nnabla_compat.function' has no attribute {name!r}")
    from .faces import constructor
    made = globals()[name] = constructor(OPERATORS[name])
    return made


def __dir__():
    return sorted({*globals(), *OPERATORS})
