"""nnabla's path to Variable and Context, as some public code imports them."""
from .engine.context import Context
from .engine.variable import Variable

__all__ = ["Context", "Variable"]
