"""nnabla's path to forward_all."""
from .engine.plan import forward_all

__all__ = ["forward_all"]
