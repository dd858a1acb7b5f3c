"""nnabla's path to nn.grad."""
from .engine.gradient import grad

__all__ = ["grad"]
