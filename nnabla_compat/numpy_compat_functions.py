"""Functions with the behaviour of NumPy's of the same name."""
import numpy as _np
import torch as _torch

from . import function_bases as _base
from .engine import NdArray as _NdArray
from .engine import Variable as _Variable

__all__ = ["dot"]

_ARRAYS = (_Variable, _NdArray, _torch.Tensor)


def dot(a, b, out=None):
    """Product of two arrays as of ``numpy.dot``.

    Two vectors give their inner product, two matrices their product, a scalar scales; otherwise the sum
    runs over the last axis of ``a`` and the last but one (or only) axis of ``b``.

    Args:
        a, b: Variables, NdArrays or torch tensors, or what ``numpy.dot`` takes.
        out: Receives the result; of the type, shape and dtype the result has.

    Returns:
        The product; None when ``out`` is given.

    Raises:
        ValueError: ``out`` does not fit the result.
    """
    if isinstance(a, _ARRAYS) and isinstance(b, _ARRAYS):
        y = _dot(a, b)
    else:
        y = _np.dot(a, b)
    if out is None:
        return y
    if type(out) is not type(y) or tuple(out.shape) != tuple(y.shape) or _dtype(out) != _dtype(y):
        raise ValueError(f"dot: expected out of the type, shape {tuple(y.shape)} and dtype of the result, "
                         f"received {type(out).__name__} of shape {tuple(out.shape)}")
    if isinstance(out, _Variable):
        out.rewire_on(y)
    elif isinstance(out, _NdArray):
        out.copy_from(y)
    else:
        out[...] = y
    return None


def _dtype(x):
    if isinstance(x, _Variable):
        return x.d.dtype
    return x.data.dtype if isinstance(x, _NdArray) else x.dtype


def _dot(a, b):
    if a.ndim == 0 or b.ndim == 0:
        scalar, other = (a, b) if a.ndim == 0 else (b, a)
        return _base.mul2(_base.reshape(scalar, (1,) * other.ndim), other)
    if a.ndim == b.ndim == 1:
        return _base.sum(_base.mul2(a, b), (0,))
    if b.ndim == 1:
        y = _base.affine(a, _base.reshape(b, (-1, 1)), base_axis=a.ndim - 1)
        return _base.reshape(y, y.shape[:-1])
    if a.ndim == 1:
        y = _dot(_base.reshape(a, (1, -1)), b)
        return _base.reshape(y, y.shape[1:])
    if b.ndim > 2:
        n = b.ndim
        b = _base.transpose(b, (n - 2, *range(n - 2), n - 1))
    return _base.affine(a, b, base_axis=a.ndim - 1)
