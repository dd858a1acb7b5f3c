"""Function objects, PythonFunction, and a constructor for each operator type, made when first asked for."""
from . import ops  # noqa: F401  (declares the operators)
from .engine.function import Function, Info
from .engine.python_function import PythonFunction
from .registry import OPERATORS

__all__ = ["Function", "Info", "PythonFunction", *OPERATORS]


def __getattr__(name):
    if name not in OPERATORS:
        raise AttributeError(f"module 'nnabla_compat.function' has no attribute {name!r}")
    from .faces import constructor
    made = globals()[name] = constructor(OPERATORS[name])
    return made


def __dir__():
    return sorted({*globals(), *OPERATORS})
