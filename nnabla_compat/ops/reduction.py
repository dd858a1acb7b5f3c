"""Reductions over axes, and running sums and products."""
import math
from functools import partial

import torch

from ..registry import Ints, Tensor, operator
from .math import abs_
from .positions import readable
from .shapes import along_axis, no_shape, reduced


def all_axes(arguments, x):
    """The axes not given are all."""
    if arguments["axes"] is None:
        arguments["axes"] = tuple(range(len(x)))


def flatten_axes(x, axes):
    """``x`` with the reduced axes, in their order in ``x``, gathered into one last axis."""
    ndim = x.dim()
    if len(axes) == ndim:
        return x.reshape(-1)
    axes = [a % ndim for a in axes]
    kept = [a for a in range(ndim) if a not in axes]
    return x.permute(kept + sorted(axes)).reshape([x.shape[a] for a in kept] + [-1])


def restore_axes(y, x, axes):
    """``y``, reduced from ``x``, with the reduced axes put back as axes of length 1."""
    axes = [a % x.dim() for a in axes]
    return y.reshape([1 if a in axes else n for a, n in enumerate(x.shape)])


# Sums and means

# From here on torch.mean divides for each element in the backward pass, a sum and a division for each mean.
_LARGE = 4096


# Over all axes at once torch needs no axes to be put back in the backward pass.

def _direct_sum(x, axes, keep_dims):
    return torch.sum if len(axes) == len(x) > 0 and not keep_dims else None


def _direct_mean(x, axes, keep_dims):
    if len(axes) == len(x) > 0 and not keep_dims:
        return torch.mean if math.prod(x) < _LARGE else partial(_mean_of_many, torch.tensor(float(math.prod(x))))


def _mean_of_many(count, x):
    return torch.mean(x) if x.dtype is torch.float16 else torch.sum(x).div(count)     # as in `mean`


@operator("Sum", shape=reduced, resolve=all_axes, backward_reads="", direct=_direct_sum)
def sum_(x: Tensor, axes: Ints = None, keep_dims: bool = False):
    r"""Sum over axes.

    .. math:: y = \sum_i x_i

    Args:
        x: Array of any shape.
        axes (sequence of int): Axes that are summed over; all by default.
        keep_dims (bool): Keep them as axes of length 1.

    Returns:
        Array of the shape that remains.

    Raises:
        ValueError: ``x`` has no such axis, or one is named twice.
    """
    if not axes:
        return x.clone()
    return torch.sum(x, axes, keep_dims)


@operator("Mean", shape=reduced, resolve=all_axes, backward_reads="", direct=_direct_mean)
def mean(x: Tensor, axes: Ints = None, keep_dims: bool = False):
    r"""Mean over axes.

    .. math:: y = \frac{1}{n} \sum_{i=1}^n x_i

    Args:
        x: Array of any shape.
        axes (sequence of int): Axes that are averaged over; all by default.
        keep_dims (bool): Keep them as axes of length 1.

    Returns:
        Array of the shape that remains.

    Raises:
        ValueError: ``x`` has no such axis, or one is named twice.
    """
    if not axes:
        return x.clone()
    # (A float16 sum may exceed the largest number. A compiler shall not look at sizes.)
    if torch.compiler.is_compiling() or x.numel() < _LARGE or x.dtype is torch.float16:
        return torch.mean(x, axes, keep_dims)
    # Dividing first of all in the backward pass, one number for each mean.
    return torch.sum(x, axes, keep_dims) / math.prod([x.shape[a] for a in axes])


@operator("ReduceSum", shape=no_shape, backward_reads="")
def reduce_sum(x: Tensor):
    r"""Sum of all elements.

    .. math:: y = \sum_i x_i

    Args:
        x: Array of any shape.

    Returns:
        A scalar.
    """
    return torch.sum(x)


@operator("ReduceMean", shape=no_shape, backward_reads="")
def reduce_mean(x: Tensor):
    r"""Mean of all elements.

    .. math:: y = \frac{1}{n} \sum_{i=1}^n x_i

    Args:
        x: Array of any shape.

    Returns:
        A scalar.
    """
    return torch.mean(x)


# Extremes

def _extreme_shape(x, axes, keep_dims=False, with_index=False, only_index=False):
    shape = reduced(x, axes, keep_dims)
    return [shape, shape] if with_index and not only_index else shape


def _found(find, x, axis, keep_dims):
    """The values that ``find`` (torch.max, torch.min) selects along an axis, and their positions."""
    # Not torch.amax: these give a tie's whole gradient to the first one.
    if axis not in (-1, x.dim() - 1) or x.dtype is not torch.float32 or not readable(x) or x.shape[axis] < 128:
        return find(x, axis, keep_dims)
    # Along rows numpy finds positions five times as fast.
    rows = x.detach().numpy()
    index = torch.from_numpy((rows.argmax if find is torch.max else rows.argmin)(-1, keepdims=True))
    y = x.gather(-1, index)
    return (y, index) if keep_dims else (y.squeeze(-1), index.squeeze(-1))


def _extreme(find, x, axes, keep_dims, with_index, only_index):
    if len(axes) == 1:
        y, index = _found(find, x, axes[0], keep_dims)
    elif axes:
        y, index = _found(find, flatten_axes(x, axes), -1, False)
        if keep_dims:
            y, index = restore_axes(y, x, axes), restore_axes(index, x, axes)
    else:
        y, index = x.clone(), torch.zeros_like(x, dtype=torch.int64)
    if only_index:
        return index.view(torch.uint64)
    return (y, index.view(torch.uint64)) if with_index else y


@operator("Max", shape=_extreme_shape, resolve=all_axes, backward_reads="")
def max_(x: Tensor, axes: Ints = None, keep_dims: bool = False, with_index: bool = False, only_index: bool = False):
    r"""Largest element over axes, its position, or both.

    .. math:: y = \max_i x_i

    At a tie the first element counts, and takes the gradient. NaN wins over every number.

    Args:
        x: Array of any shape.
        axes (sequence of int): Axes that are reduced; all by default.
        keep_dims (bool): Keep them as axes of length 1.
        with_index (bool): Give the positions as a second output: uint64, counted over the reduced
            axes taken as one, in their order in ``x``.
        only_index (bool): Give the positions alone.

    Returns:
        Array of the shape that remains; the pair of values and positions under ``with_index``.

    Raises:
        ValueError: ``x`` has no such axis, or one is named twice.
    """
    return _extreme(torch.max, x, axes, keep_dims, with_index, only_index)


@operator("Min", shape=_extreme_shape, resolve=all_axes, backward_reads="")
def min_(x: Tensor, axes: Ints = None, keep_dims: bool = False, with_index: bool = False, only_index: bool = False):
    r"""Smallest element over axes, its position, or both.

    .. math:: y = \min_i x_i

    At a tie the first element counts, and takes the gradient. NaN wins over every number.

    Args:
        x: Array of any shape.
        axes (sequence of int): Axes that are reduced; all by default.
        keep_dims (bool): Keep them as axes of length 1.
        with_index (bool): Give the positions as a second output: uint64, counted over the reduced
            axes taken as one, in their order in ``x``.
        only_index (bool): Give the positions alone.

    Returns:
        Array of the shape that remains; the pair of values and positions under ``with_index``.

    Raises:
        ValueError: ``x`` has no such axis, or one is named twice.
    """
    return _extreme(torch.min, x, axes, keep_dims, with_index, only_index)


# Products and norms

@operator("Prod", shape=reduced, resolve=all_axes, backward_reads="x out")
def prod(x: Tensor, axes: Ints = None, keep_dims: bool = False):
    r"""Product over axes.

    .. math:: y = \prod_i x_i

    The gradient is the product of the other elements, also where an element is 0 (nnabla gives 0 there).

    Args:
        x: Array of any shape.
        axes (sequence of int): Axes that are multiplied over; all by default.
        keep_dims (bool): Keep them as axes of length 1.

    Returns:
        Array of the shape that remains.

    Raises:
        ValueError: ``x`` has no such axis, or one is named twice.
    """
    if not axes:
        return x.clone()
    if len(axes) == 1:
        return torch.prod(x, axes[0], keep_dims)
    y = torch.prod(flatten_axes(x, axes), -1)
    return restore_axes(y, x, axes) if keep_dims else y


def _norm_resolve(arguments, x):
    if arguments["p"] is None:
        arguments["p"] = 2.0
    all_axes(arguments, x)


def _norm_shape(x, p, axes, keep_dims=False):
    if not p >= 1:
        raise ValueError(f"expected p of at least 1, received p={p}")
    return reduced(x, axes, keep_dims)


@operator("Norm", shape=_norm_shape, resolve=_norm_resolve)
def norm(x: Tensor, p: float = None, axes: Ints = None, keep_dims: bool = False):
    r"""p-norm over axes.

    .. math:: y = \left(\sum_i |x_i|^p\right)^{1/p}

    The gradient of a norm that is 0 is 0 for p > 1 (nnabla gives NaN).

    Args:
        x: Array of any shape.
        p (float): Order of the norm, at least 1, or infinity for the largest magnitude; 2 by default.
        axes (sequence of int): Axes the norm runs over; all by default.
        keep_dims (bool): Keep them as axes of length 1.

    Returns:
        Array of the shape that remains, not negative.

    Raises:
        ValueError: ``p`` is below 1, ``x`` has no such axis, or one is named twice.
    """
    if not p >= 1:
        _norm_shape(x.shape, p, axes)
    if not axes:
        return abs_(x)
    if p == 1:  # vector_norm has gradient 0 at 0, nnabla 1
        return torch.sum(abs_(x), axes, keep_dims)
    return torch.linalg.vector_norm(x, p, axes, keep_dims)


# Running sums and products

def _running_resolve(arguments, *_):
    if arguments["axis"] is None:
        arguments["axis"] = 0


def _running(accumulate, x, axis, exclusive, reverse, start):
    if reverse:
        x = x.flip(axis)
    if exclusive and x.shape[axis]:
        first = torch.full_like(x.narrow(axis, 0, 1), start)
        x = torch.cat((first, x.narrow(axis, 0, x.shape[axis] - 1)), axis)
    y = accumulate(x, axis)
    return y.flip(axis) if reverse else y


@operator("CumSum", shape=along_axis, resolve=_running_resolve, backward_reads="", half=False)
def cumsum(x: Tensor, axis: int = None, exclusive: bool = False, reverse: bool = False):
    r"""Running sum along an axis.

    .. math:: y_i = \sum_{j \le i} x_j

    Args:
        x: Array with at least one axis.
        axis (int): Axis the sum runs along; the first one by default.
        exclusive (bool): Leave the element itself out, so that the sum starts with 0.
        reverse (bool): Run from the end.

    Returns:
        Array shaped as ``x``.

    Raises:
        ValueError: ``x`` has no such axis.
    """
    if exclusive or reverse:
        return _running(torch.cumsum, x, axis, exclusive, reverse, 0.0)
    return torch.cumsum(x, axis)


@operator("CumProd", shape=along_axis, resolve=_running_resolve, half=False)
def cumprod(x: Tensor, axis: int = None, exclusive: bool = False, reverse: bool = False):
    r"""Running product along an axis.

    .. math:: y_i = \prod_{j \le i} x_j

    Args:
        x: Array with at least one axis.
        axis (int): Axis the product runs along; the first one by default.
        exclusive (bool): Leave the element itself out, so that the product starts with 1.
        reverse (bool): Run from the end.

    Returns:
        Array shaped as ``x``.

    Raises:
        ValueError: ``x`` has no such axis.
    """
    if exclusive or reverse:
        return _running(torch.cumprod, x, axis, exclusive, reverse, 1.0)
    return torch.cumprod(x, axis)
