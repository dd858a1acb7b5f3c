"""nnabla's path to NdArray."""
from .engine.nd_array import NdArray

__all__ = ["NdArray"]
