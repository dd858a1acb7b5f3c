"""nnabla's path to Variable and Context."""
from .engine.context import Context
from .engine.variable import Variable

__all__ = ["Context", "Variable"]
