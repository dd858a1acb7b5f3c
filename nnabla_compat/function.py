"""Function objects, PythonFunction, and a constructor for each operator type."""
from . import ops  # noqa: F401  (declares the operators)
from .engine.function import Function, Info
from .engine.python_function import PythonFunction
from .faces import constructor
from .registry import OPERATORS

for _operator in list(OPERATORS.values()):
    globals()[_operator.type_name] = constructor(_operator)

__all__ = ["Function", "Info", "PythonFunction", *OPERATORS]
