"""Operators that read or write elements at positions held by arrays."""
import math

import numpy as np
import torch

from ..registry import AsIs, Index, Ints, Own, Tensor, operator
from .positions import flat_positions, true_positions
from .selection import select
from .shapes import normalize_axis


def _out_of_range(error):
    # nnabla's class for positions outside an array, where torch has IndexError.
    return RuntimeError(f"expected positions within the array, received others: {error}")


def _resolve_gather(arguments, *_):
    for name in ("axis", "batch_dims"):
        if arguments[name] is None:
            arguments[name] = 0


def _gather_shape(x, Indices, axis=0, batch_dims=0):
    axis = normalize_axis(axis, len(x))
    if not 0 <= batch_dims <= min(len(Indices), axis):
        raise ValueError(f"expected batch_dims from 0 to {min(len(Indices), axis)} (at most axis and the number of "
                         f"axes of the indices), received {batch_dims}")
    if x[:batch_dims] != Indices[:batch_dims]:
        raise ValueError(f"expected inputs whose first {batch_dims} sizes are equal, received shapes {x} and {Indices}")
    return x[:axis] + Indices[batch_dims:] + x[axis + 1:]


@operator("Gather", shape=_gather_shape, resolve=_resolve_gather, backward_reads={"x": "Indices"})
def gather(x: Tensor, Indices: Index, axis: int = None, batch_dims: int = None):
    """Take elements or slices of ``x`` at positions along one axis.

    Args:
        x: Array of any shape.
        Indices: Positions along ``axis``, none negative.
        axis (int): Axis positions count along; 0 by default.
        batch_dims (int): Number of first axes that ``x`` and ``Indices`` share: each position looks only into
            its own part. 0 by default.

    Returns:
        Array of shape ``x.shape[:axis] + Indices.shape[batch_dims:] + x.shape[axis + 1:]``.

    Raises:
        ValueError: ``axis`` or ``batch_dims`` does not fit the shapes.
        RuntimeError: a position is out of range.
    """
    axis %= x.ndim
    if not batch_dims:
        try:
            flat = x.index_select(axis, Indices.reshape(-1))
        except IndexError as e:
            raise _out_of_range(e) from None
        return flat.reshape(x.shape[:axis] + Indices.shape + x.shape[axis + 1:])
    # One batch axis; then the axes between, `axis` itself, and the rest.
    batch, outer, inner = math.prod(x.shape[:batch_dims]), x.shape[batch_dims:axis], x.shape[axis + 1:]
    rows = x.reshape(batch, math.prod(outer), x.shape[axis], math.prod(inner))
    index = Indices.reshape(batch, 1, -1, 1).expand(-1, rows.shape[1], -1, rows.shape[3])
    return rows.gather(2, index).reshape(x.shape[:axis] + Indices.shape[batch_dims:] + inner)


def _positions(indices, shape):
    """Check an array of positions, of shape (M, ...), against the shape of the array they point into."""
    if len(indices) < 2:
        raise ValueError(f"expected indices with at least 2 axes, received shape {indices}. "
                         "The first axis counts the axes positions refer to")
    if indices[0] > len(shape):
        raise ValueError(f"expected indices for at most {len(shape)} axes, received shape {indices}")


def _gather_nd_shape(x, indices):
    _positions(indices, x)
    return indices[1:] + x[indices[0]:]


@operator("GatherNd", shape=_gather_nd_shape, backward_reads={"x": "indices"})
def gather_nd(x: Tensor, indices: Index):
    """Take elements, or slices, of ``x`` at positions along its first axes.

    Args:
        x: Array of shape ``(X_0, ..., X_{N-1})``.
        indices: Positions of shape ``(M, Y_0, ..., Y_{K-1})``; negative ones count from the end.

    Returns:
        Array of shape ``(Y_0, ..., Y_{K-1}, X_M, ..., X_{N-1})``.

    Raises:
        ValueError: ``indices`` has fewer than two axes, or refers to more axes than ``x`` has.
        RuntimeError: a position is out of range.
    """
    if not indices.shape[0]:
        return x.expand(indices.shape[1:] + x.shape).clone(memory_format=torch.contiguous_format)
    n_axes = len(indices)
    at = flat_positions(indices.unbind(0), x.shape)
    if at is not None:
        return x.flatten(0, n_axes - 1).index_select(0, at.reshape(-1)).reshape(at.shape + x.shape[n_axes:])
    try:
        return x[tuple(indices.unbind(0))]
    except IndexError as e:
        raise _out_of_range(e) from None


def _resolve_scatter_nd(arguments, data, indices, out=None):
    if arguments["shape"] is None:
        arguments["shape"] = out if out is not None else ()


def _scatter_nd_shape(data, indices, out=None, shape=(), add=False):
    _positions(indices, shape)
    expected = indices[1:] + shape[indices[0]:]
    if data != expected:
        raise ValueError(f"expected data of shape {expected} for indices of shape {indices} into shape {shape}, "
                         f"received {data}")
    if out is not None and out != shape:
        raise ValueError(f"expected out to have the given shape {shape}, received {out}")
    return shape


def _all_different(positions):
    return not positions.numel() or int(np.bincount(positions.reshape(-1).numpy()).max()) == 1


def _write_back(out, y):
    """An array handed in is written too, as in nnabla; what a graph computed is left as it was, and so is a constant's one number."""
    if out.grad_fn is None and 0 not in out.stride():
        out.data.copy_(y.data)


def _without_positions(grad, indices, shape, add):
    return grad if add else grad.index_put(indices.long().unbind(0), grad.new_zeros(()))


@operator("ScatterNd", shape=_scatter_nd_shape, resolve=_resolve_scatter_nd, backward_reads={"data": "indices"},
          overwrites="out", left_gradient=_without_positions)
def scatter_nd(data: Tensor, indices: Index, out: Tensor = None, shape: Ints = None, add: bool = False):
    """Write elements, or slices, to positions of an array of zeros or of ``out``.

    Args:
        data: Array of shape ``(Y_0, ..., Y_{K-1}, X_M, ..., X_{N-1})``.
        indices: Positions of shape ``(M, Y_0, ..., Y_{K-1})``; negative ones count from the end.
        out: Array to write into, of shape ``shape``.
        shape (tuple of int): Shape ``(X_0, ..., X_{N-1})`` of the result.
        add (bool): Add what goes to one position, and to what is there.

    Returns:
        Array of shape ``shape``. The gradient at the positions goes to ``data``, the rest to ``out``
        (all of it with ``add``).

    Raises:
        ValueError: the shapes do not fit together.
        RuntimeError: a position is out of range.
    """
    base = data.new_zeros(shape) if out is None else out
    axes = indices.unbind(0)
    at = flat_positions(axes, shape)
    if at is not None:
        rows = (base if out is None else base.clone()).flatten(0, len(axes) - 1)
        # Adding to zeros is twice as fast as copying.
        write = rows.index_add_ if add or out is None and _all_different(at) else rows.index_copy_
        y = write(0, at.reshape(-1), data.reshape((-1,) + rows.shape[1:])).reshape(shape)
    else:
        try:
            y = base.index_put(axes, data, accumulate=add)
        except IndexError as e:
            raise _out_of_range(e) from None
    if out is not None:
        _write_back(out, y)
    return y


def _scatter_add_shape(x0, indices, x1, axis=0):
    axis = normalize_axis(axis, len(x0))
    if not len(x0) == len(indices) == len(x1):
        raise ValueError(f"expected inputs with the same number of axes, received shapes {x0}, {indices} and {x1}")
    if any(n > m or (n > k and i != axis) for i, (k, n, m) in enumerate(zip(x0, indices, x1))):
        raise ValueError(f"expected indices no larger than x1, and than x0 except along axis {axis}, "
                         f"received shapes {x0}, {indices} and {x1}")
    return x0


def _resolve_axis_0(arguments, *_):
    if arguments["axis"] is None:
        arguments["axis"] = 0


@operator("ScatterAdd", shape=_scatter_add_shape, resolve=_resolve_axis_0, backward_reads={"x1": "indices"})
def scatter_add(x0: Tensor, indices: Index, x1: Tensor, axis: int = None):
    """Add the elements of ``x1`` to a copy of ``x0``, at positions along one axis.

    Args:
        x0: Array to add to.
        indices: Positions along ``axis``, with as many axes as ``x0`` and no size above that of ``x1``.
        x1: Array whose elements are added.
        axis (int): The axis positions count along; 0 by default.

    Returns:
        Array shaped as ``x0``.

    Raises:
        ValueError: the shapes do not fit together.
        RuntimeError: a position is out of range.
    """
    if x1.shape != indices.shape:
        # torch takes the larger x1 too, but cannot differentiate it then.
        x1 = x1[tuple([slice(n) for n in indices.shape])]
    return x0.scatter_add(axis, indices, x1)


def _bool_gather_check(input, mask):
    if len(mask) > len(input) or input[:len(mask)] != mask:
        raise ValueError(f"expected a mask with the first sizes of the input {tuple(input)}, received shape {tuple(mask)}")


@operator("BoolGather", data_dependent=True)
def bool_gather(input: Tensor, mask: AsIs):
    """The elements, or slices, of ``input`` where ``mask`` is not zero.

    Args:
        input: Array of any shape.
        mask: Array whose shape is the first sizes of ``input``.

    Returns:
        Array of shape ``(count, *input.shape[mask.ndim:])``; two and more axes after those of the mask come
        out as one, as in nnabla.

    Raises:
        ValueError: the mask's shape does not fit.
    """
    _bool_gather_check(input.shape, mask.shape)
    if not mask.ndim:
        return input[mask != 0]
    found = input.flatten(0, mask.ndim - 1).index_select(0, true_positions(mask))
    return found.flatten(1) if found.ndim > 2 else found


def _bool_scatter_shape(input, mask, output=None):
    shape = mask + input[1:]
    if output is not None and output != shape:
        raise ValueError(f"expected output of shape {shape}, received {output}")
    return shape


@operator("BoolScatter", shape=_bool_scatter_shape, backward_reads={"input": "mask"}, overwrites="output")
def bool_scatter(input: Tensor, mask: AsIs, output: Tensor = None):
    """Write the rows of ``input``, in order, where ``mask`` is not zero.

    Args:
        input: Array of shape ``(count, ...)``.
        mask: Array with ``count`` elements that are not zero.
        output: Array to write into, of shape ``mask.shape + input.shape[1:]``; zeros by default.

    Returns:
        Array of shape ``mask.shape + input.shape[1:]``. The gradient at the mask goes to ``input``, the rest
        to ``output``.

    Raises:
        ValueError: the shapes do not fit together.
    """
    base = input.new_zeros(mask.shape + input.shape[1:]) if output is None else output
    # A row for each element of the mask: the next of the input where it is set. Rows lacking or in
    # excess are ignored, without looking at how many there are.
    on = mask.reshape(-1) != 0
    row = on.cumsum(0) - 1
    on = on & (row < input.shape[0])
    if not input.shape[0]:
        return base.clone()
    picked = input.index_select(0, row.clamp(0, input.shape[0] - 1)).reshape(base.shape)
    on = on.reshape(mask.shape + (1,) * (input.ndim - 1))
    y = torch.where(on, picked, base)
    if output is not None:
        _write_back(output, y)
    return y


def _bool_fill_shape(data, mask, value=0):
    if len(mask) > len(data) or any(m not in (1, n) for m, n in zip(mask[::-1], data[::-1])):
        raise ValueError(f"expected a mask that can be repeated to shape {data}, received shape {mask}")
    return data


@operator("BoolFill", shape=_bool_fill_shape, backward_reads={"data": "mask", "mask": "data"})
def bool_fill(data: Tensor, mask: AsIs, value: float = 0):
    """Replace the elements of ``data`` where ``mask`` is not zero by a value.

    Args:
        data: Array of any shape.
        mask: Array that can be repeated to the shape of ``data``.
        value (float): The value to fill with.

    Returns:
        Array shaped as ``data``. No gradient passes through filled elements.

    Raises:
        ValueError: the mask's shape does not fit.
    """
    if mask.shape != data.shape:
        return data.masked_fill(mask != 0, value)
    return select(mask != 0, torch.full((1,) * data.dim(), value, dtype=data.dtype, device=data.device), data)


@operator("NonZero", data_dependent=True, backward_reads="out")
def nonzero(x: AsIs):
    """Positions of the elements that are not zero, in row-major order.

    Args:
        x: Array of any shape.

    Returns:
        Positions (uint64) of shape ``(x.ndim, count)``.
    """
    return torch.nonzero(x).T.contiguous().view(torch.uint64)


@operator("Unique", data_dependent=True, backward_reads="x out")
def unique(x: Tensor, flatten: bool = True, axis: int = None, sorted: bool = True, with_index: bool = False,
           with_inverse: bool = False, with_counts: bool = False):
    """The different elements, or slices, of ``x``.

    Args:
        x: Array of any shape.
        flatten (bool): Compare elements, whatever the shape; otherwise slices along ``axis``.
        axis (int): Axis whose slices are compared.
        sorted (bool): In ascending order; otherwise in order of first appearance.
        with_index (bool): Give where each was first met too.
        with_inverse (bool): Give for each element of ``x`` its place in the result too.
        with_counts (bool): Give how often each occurs too.

    Returns:
        The different elements (one-dimensional) or slices; then those positions and counts asked for, int32.

    Raises:
        ValueError: slices are to be compared and ``axis`` is missing or out of range.
    """
    if flatten:
        x, dim = x.reshape(-1), 0
    elif axis is None:
        raise ValueError("expected an axis with flatten=False, received None")
    else:
        dim = normalize_axis(axis, x.ndim)
    values, inverse, counts = torch.unique(x.detach(), dim=None if flatten else dim, return_inverse=True, return_counts=True)
    n, places = counts.shape[0], torch.arange(x.shape[dim], device=x.device)
    first = torch.full((n,), x.shape[dim], device=x.device).scatter_reduce(0, inverse, places, "amin")
    if not sorted:
        order = first.argsort()
        first, counts = first[order], counts[order]
        inverse = order.argsort()[inverse]
    outputs = [x.index_select(dim, first)]
    for wanted, index in ((with_index, first), (with_inverse, inverse), (with_counts, counts)):
        if wanted:
            outputs.append(index.to(torch.int32))
    return outputs if len(outputs) > 1 else outputs[0]


def _eye_like_shape(x, k=0):
    if len(x) != 2:
        raise ValueError(f"expected an input with 2 axes, received shape {x}")
    return x


@operator("EyeLike", shape=_eye_like_shape, backward_reads="")
def eye_like(x: Tensor, k: int = 0):
    """A matrix shaped as ``x`` with ones on a diagonal and zeros elsewhere.

    Args:
        x: Matrix that gives the shape.
        k (int): The diagonal; above the main one when positive.

    Returns:
        Array shaped as ``x``.

    Raises:
        ValueError: ``x`` is no matrix.
    """
    y = torch.zeros(x.shape, dtype=x.dtype, device=x.device)
    if -x.shape[0] < k < x.shape[1]:
        y.diagonal(k).fill_(1)
    return y


def _assign_shape(dst, src):
    if dst != src:
        raise ValueError(f"expected inputs of the same shape, received {dst} and {src}")
    return dst


@operator("Assign", shape=_assign_shape, backward_reads="")
def assign(dst: Own, src: Tensor):
    """Write ``src`` into ``dst`` when the graph runs.

    Args:
        dst: Array that is overwritten.
        src: Its new content.

    Returns:
        Copy of ``src``. Its gradient goes to ``dst``, none to ``src``.

    Raises:
        ValueError: the shapes differ.
    """
    dst.data.copy_(src.data)
    return dst.to(src.dtype, copy=True)
