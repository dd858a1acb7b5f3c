"""nnabla's path to forward_all."""
from .engine.tape import forward_all

__all__ = ["forward_all"]
