"""Operators that move, repeat or select elements by position."""
import math
from functools import partial, reduce

import torch

from ..registry import AsIs, Index, Ints, Shape, Tensor, operator
from .autograd import apply
from .positions import readable
from .shapes import left_to_torch, normalize_axis


def _copy(view):
    """Own, contiguous storage: writes to an output must not reach the input."""
    return view.clone(memory_format=torch.contiguous_format)


def infer_shape(size, shape):
    """``shape`` with its -1 replaced so that it holds ``size`` elements; ValueError when it cannot."""
    known, free = 1, None
    for i, n in enumerate(shape):
        if n >= 0:
            known *= n
        elif free is not None:
            raise ValueError(f"expected at most one negative size in shape, received {shape}")
        else:
            free = i
    if free is not None and known:
        shape = shape[:free] + (size // known,) + shape[free + 1:]
        known *= shape[free]
    if known != size or (free is not None and shape[free] < 0):
        raise ValueError(f"expected a shape of {size} elements, received {shape}")
    return shape


@left_to_torch
def _reshape_shape(x, shape, inplace=True):
    return infer_shape(math.prod(x), shape)


def _direct_reshape(x, shape, inplace):
    return partial(torch.reshape, shape=infer_shape(math.prod(x), shape)) if inplace else None


@operator("Reshape", shape=_reshape_shape, aliases=True, backward_reads=lambda args: "out" if args["inplace"] else "",
          direct=_direct_reshape)
def reshape(x: Tensor, shape: Shape, inplace: bool = True):
    """Give the elements of ``x``, in row-major order, another shape.

    Args:
        x: Array of any shape.
        shape (tuple of int): New sizes; one may be -1 and takes what is left.
        inplace (bool): Share the storage of ``x``, so that a write to one is seen in the other.

    Returns:
        Array of shape ``shape``.

    Raises:
        ValueError: the element counts differ, or more than one size is negative.
    """
    return x.reshape(shape) if inplace else x.clone().reshape(shape)


@left_to_torch
def _transpose_shape(x, axes):
    ndim = len(x)
    if len(axes) != ndim:
        raise ValueError(f"expected {ndim} axes, one for each axis of the input, received {axes}")
    for a in axes:
        normalize_axis(a, ndim)
    if len({a % ndim for a in axes}) != ndim:
        raise ValueError(f"expected each axis once, received {axes}")
    return tuple([x[a] for a in axes])


@operator("Transpose", shape=_transpose_shape, backward_reads="",
          direct=lambda x, axes: partial(torch.permute, dims=axes))
def transpose(x: Tensor, axes: Ints):
    """Reorder the axes: axis ``i`` of the output is axis ``axes[i]`` of ``x``.

    Args:
        x: Array of any shape.
        axes (tuple of int): Permutation of the axes.

    Returns:
        Array with shape ``[x.shape[a] for a in axes]``.

    Raises:
        ValueError: ``axes`` is no permutation of the axes of ``x``.
    """
    return _copy(x.permute(axes))


def _resolve_last_axis(arguments, *x):
    if arguments["axis"] is None:
        arguments["axis"] = len(x[0]) - 1


def _resolve_concatenate(arguments, *x):
    _resolve_last_axis(arguments, *x)
    if len(x) < 2:
        raise ValueError(f"expected at least 2 inputs, received {len(x)}")


@left_to_torch
def _concatenate_shape(*x, axis):
    first = x[0]
    a = normalize_axis(axis, len(first))
    total = 0
    for s in x:
        if len(s) != len(first) or s[:a] != first[:a] or s[a + 1:] != first[a + 1:]:
            raise ValueError(f"expected inputs of equal sizes on all axes but {a}, received shapes {list(x)}")
        total += s[a]
    return first[:a] + (total,) + first[a + 1:]


def _direct_concatenate(*x, axis):
    return lambda *tensors: torch.cat(tensors, axis)


@operator("Concatenate", shape=_concatenate_shape, resolve=_resolve_concatenate, backward_reads="",
          direct=_direct_concatenate)
def concatenate(*x: Tensor, axis: int = None):
    """Join arrays along an axis.

    Args:
        x: Two or more arrays whose shapes agree except along ``axis``.
        axis (int): Axis to join along; the last by default.

    Returns:
        Array whose size along ``axis`` is the sum of the inputs'.

    Raises:
        ValueError: fewer than two inputs, or shapes that do not fit.
    """
    return torch.cat(x, axis)


def _split_shape(x, axis=0, n_outputs=-1):
    a = normalize_axis(axis, len(x))
    n = 2 if n_outputs < 0 else n_outputs
    if n < 2 or n != x[a]:
        raise ValueError(f"expected at least 2 outputs, as many as the {x[a]} elements of axis {axis}, received {n}")
    return [x[:a] + x[a + 1:]] * n


@operator("Split", shape=_split_shape, backward_reads="", min_outputs=2, direct=lambda x, axis: partial(torch.unbind, dim=axis))
def split(x: Tensor, axis: int = 0, *, n_outputs: int = -1):
    """Cut ``x`` into its slices along an axis, which disappears.

    Args:
        x: Array with at least two elements along ``axis``.
        axis (int): Axis to take apart.

    Returns:
        ``x.shape[axis]`` arrays of the shape of ``x`` without ``axis``.

    Raises:
        ValueError: ``axis`` is out of range or the number of outputs is not its size.
    """
    # One copy for all: the outputs are separate parts of a storage of their own.
    return list(x.clone().unbind(axis))


@left_to_torch
def _stack_shape(*x, axis=0):
    first = x[0]
    for s in x:
        if s != first:
            raise ValueError(f"expected inputs of the same shape, received {list(x)}")
    a = normalize_axis(axis, len(first) + 1)
    return first[:a] + (len(x),) + first[a:]


@operator("Stack", shape=_stack_shape, backward_reads="")
def stack(*x: Tensor, axis: int = 0):
    """Join arrays of one shape along a new axis.

    Args:
        x: Arrays of the same shape.
        axis (int): Place of the new axis in the output.

    Returns:
        Array with one axis more than the inputs, of size ``len(x)``.

    Raises:
        ValueError: the shapes differ or ``axis`` is out of range.
    """
    return torch.stack(x, axis)


def _resolve_slice(arguments, x):
    if arguments["start"] is None:
        arguments["start"] = (0,) * len(x)
    if arguments["stop"] is None:
        arguments["stop"] = tuple(x)
    if arguments["step"] is None:
        arguments["step"] = (1,) * len(x)
    start, stop, step = arguments["start"], arguments["stop"], arguments["step"]
    if not len(start) == len(stop) == len(step) <= len(x):
        raise ValueError(f"expected start, stop and step of the same length, at most {len(x)}, "
                         f"received {start}, {stop} and {step}")


@left_to_torch
def _slice_shape(x, start, stop, step):
    if 0 in step:
        raise ValueError(f"expected steps other than 0, received {step}")
    lead = len(x) - len(start)
    return x[:lead] + tuple([len(range(*slice(a, b, c).indices(n)))
                             for a, b, c, n in zip(start, stop, step, x[lead:])])


def _direct_slice(x, start, stop, step):
    if min(step, default=1) > 0:
        index = [slice(None)] * (len(x) - len(start))
        for n, *bounds in zip(x[len(index):], start, stop, step):
            part = slice(*bounds)
            index.append(slice(None) if range(n)[part] == range(n) else part)    # whole axes cost nothing
        index = tuple(index)
        return lambda x: x[index]


@operator("Slice", shape=_slice_shape, resolve=_resolve_slice, backward_reads="", direct=_direct_slice)
def slice_(x: Tensor, start: Ints = None, stop: Ints = None, step: Ints = None):
    """Take ``x[start:stop:step]`` along each axis, with Python's rules for negative and excess positions.

    Args:
        x: Array of any shape.
        start (tuple of int): First positions; 0 by default. Fewer values than axes belong to the last axes.
        stop (tuple of int): Ends, exclusive; ``x.shape`` by default.
        step (tuple of int): Strides, negative to walk backwards; 1 by default.

    Returns:
        Copy of the selected elements.

    Raises:
        ValueError: the lengths of the three differ or a step is 0.
    """
    index, backwards = [...], []
    ndim = len(start)
    for i in range(ndim):
        if step[i] > 0:
            index.append(slice(start[i], stop[i], step[i]))
        else:
            # torch has no negative steps: take the same elements forwards, then flip.
            r = range(*slice(start[i], stop[i], step[i]).indices(x.shape[i - ndim]))[::-1]
            index.append(slice(r.start, r.stop, r.step))
            backwards.append(i - ndim)
    y = x[tuple(index)]
    return y.flip(backwards) if backwards else _copy(y)


_PAD_MODES = {"constant": "constant", "reflect": "reflect", "repeat": "replicate"}


def _pad_shape(x, pad_width, mode="constant", constant_value=0.0):
    if mode not in _PAD_MODES:
        raise ValueError(f"expected mode 'constant', 'reflect' or 'repeat', received '{mode}'")
    if len(pad_width) % 2 or len(pad_width) > 2 * len(x) or (pad_width and min(pad_width) < 0):
        raise ValueError(f"expected a pair of non-negative widths for each of at most {len(x)} last axes, "
                         f"received {pad_width}")
    lead = len(x) - len(pad_width) // 2
    return x[:lead] + tuple([n + a + b for n, a, b in zip(x[lead:], pad_width[::2], pad_width[1::2])])


@operator("Pad", shape=_pad_shape, backward_reads="")
def pad(x: Tensor, pad_width: Ints, mode: str = "constant", constant_value: float = 0):
    """Add elements before and after each of the last axes.

    Args:
        x: Array of any shape.
        pad_width (tuple of int): Counts ``(before, after, before, after, ...)`` for the last
            ``len(pad_width) / 2`` axes, outermost first.
        mode (str): What to add: ``"constant"`` the value below, ``"reflect"`` the mirror image without
            the border element, ``"repeat"`` the border element.
        constant_value (float): Value of the constant mode.

    Returns:
        The padded array.

    Raises:
        ValueError: the widths are odd in number, too many or negative, or the mode is unknown.
    """
    n_axes = len(pad_width) // 2
    if mode == "constant":
        if not any(pad_width):
            return x.clone()
        last_first = [w for i in range(n_axes - 1, -1, -1) for w in pad_width[2 * i:2 * i + 2]]
        return torch.nn.functional.pad(x, last_first, value=constant_value)
    y = x
    for i in range(n_axes):
        before, after = pad_width[2 * i:2 * i + 2]
        if before or after:
            axis, n = x.ndim - n_axes + i, x.shape[i - n_axes]
            at = torch.arange(-before, n + after, device=x.device)
            if mode == "repeat" or n == 1:
                at = at.clamp_(0, n - 1)
            else:
                period = 2 * (n - 1)
                at = at.remainder_(period)
                at = torch.minimum(at, period - at)
            y = y.index_select(axis, at)
    return x.clone() if y is x else y


def _broadcast_shape(x, shape):
    lead = len(shape) - len(x)
    if lead < 0 or any(a != b and (a != 1 or b < 0) for a, b in zip(x, shape[lead:])):
        raise ValueError(f"expected a shape whose last sizes are the input's {x}, where that is not 1, received {shape}")
    return shape


@operator("Broadcast", shape=_broadcast_shape, backward_reads="")
def broadcast(x: Tensor, shape: Shape):
    """Repeat ``x`` along its axes of size 1, and along new leading axes, until it has ``shape``.

    Args:
        x: Array of any shape.
        shape (tuple of int): Shape to reach; its last sizes are those of ``x`` where these are not 1.

    Returns:
        Array of shape ``shape``.

    Raises:
        ValueError: ``x`` cannot be repeated to ``shape``.
    """
    return _copy(x.expand(shape))


def _resolve_broadcast_to(arguments, *_):
    if arguments["axis"] is None:
        arguments["axis"] = -1


def _broadcast_to_shape(x, y, axis=-1):
    at = len(x) - len(y) if axis < 0 else axis
    if at < 0 or x[at:at + len(y)] != y:
        raise ValueError(f"expected a second input shaped as the first, {x}, "
                         + ("at its end" if axis < 0 else f"from axis {axis}") + f", received shape {y}")
    return x


@operator("BroadcastTo", shape=_broadcast_to_shape, resolve=_resolve_broadcast_to, backward_reads="")
def broadcast_to(x: AsIs, y: Tensor, axis: int = None):
    """Repeat ``y`` to the shape of ``x``.

    Args:
        x: Array that gives the shape.
        y: Array whose shape is part of that of ``x``.
        axis (int): Axis of ``x`` at which the axes of ``y`` begin; -1, the default, aligns the last axes.

    Returns:
        Array shaped as ``x``.

    Raises:
        ValueError: the shape of ``y`` is not found there.
    """
    if axis >= 0:
        y = y.reshape(y.shape + (1,) * (x.ndim - y.ndim - axis))
    return _copy(y.expand(x.shape))


class _Tile(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(x, reps):
        return x.repeat(reps)

    @staticmethod
    def setup_context(ctx, inputs, output):
        x, ctx.reps = inputs
        ctx.shape = x.shape

    @staticmethod
    def backward(ctx, grad):
        missing = len(ctx.reps) - len(ctx.shape)
        for axis, (n, count) in enumerate(zip((1,) * missing + tuple(ctx.shape), ctx.reps)):
            if count > 1:
                tiles = grad.unflatten(axis, (count, n))
                # A few whole tiles are added faster than torch sums over such axes.
                grad = reduce(torch.add, tiles.unbind(axis)) if count <= 8 else tiles.sum(axis)
        return grad.reshape(ctx.shape), None


def _tile_shape(x, reps):
    if any(r < 1 for r in reps):
        raise ValueError(f"expected repetitions of at least 1, received {reps}")
    n = max(len(x), len(reps))
    return tuple([a * b for a, b in zip((1,) * (n - len(x)) + x, (1,) * (n - len(reps)) + reps)])


@operator("Tile", shape=_tile_shape, backward_reads="")
def tile(x: Tensor, reps: Ints):
    """Lay copies of ``x`` side by side, ``reps[i]`` of them along axis ``i``.

    Args:
        x: Array of any shape.
        reps (tuple of int): Repetitions; the shorter of ``reps`` and ``x.shape`` is extended by ones in front.

    Returns:
        The tiled array.

    Raises:
        ValueError: a repetition is less than 1.
    """
    return apply(_Tile, x, (1,) * (x.ndim - len(reps)) + reps)


def _one_hot_shape(x, shape):
    if not x or x[-1] != len(shape):
        raise ValueError(f"expected indices of {len(shape)} parts, the length of shape, along the last axis, "
                         f"received indices of shape {x}")
    return x[:-1] + shape


def _direct_one_hot(x, shape):
    if len(shape) == 1 and shape[0]:
        return partial(_one_hot_along_axis, zeros=torch.zeros(()).expand(x[:-1] + shape))


def _one_hot_along_axis(x, zeros):
    if readable(x):
        try:
            return zeros.scatter(-1, x, 1.0)
        except RuntimeError:    # some position is negative or out of range
            pass
    n = zeros.shape[-1]
    if not x.is_cpu:
        zeros = torch.zeros(zeros.shape, device=x.device)
    return zeros.scatter(-1, x.remainder(n), ((x >= -n) & (x < n)).to(zeros.dtype))


@operator("OneHot", shape=_one_hot_shape, backward_reads="", direct=_direct_one_hot)
def one_hot(x: Index, shape: Shape):
    """Arrays of zeros with a single one at each given position.

    Args:
        x: Positions, integers of shape ``(..., len(shape))``. Negative ones count from the end;
            those out of range give zeros only.
        shape (tuple of int): Shape of each of the arrays.

    Returns:
        Array of shape ``(..., *shape)``.

    Raises:
        ValueError: the last axis of ``x`` is not as long as ``shape``.
    """
    if len(shape) == 1 and shape[0]:
        return _one_hot_along_axis(x, torch.zeros(()).expand(x.shape[:-1] + shape))
    hot = torch.zeros(x.shape[:-1] + (math.prod(shape),), device=x.device)
    if hot.numel():
        at, valid = 0, True
        for i, n in enumerate(shape):
            part = x[..., i:i + 1]
            at, valid = at * n + part.remainder(n), valid & (part >= -n) & (part < n)
        hot.scatter_(-1, at, valid.to(hot.dtype))
    return hot.reshape(x.shape[:-1] + shape)


def _resolve_flip(arguments, x):
    if arguments["axes"] is None:
        arguments["axes"] = (len(x) - 1,)


def _flip_shape(x, axes):
    for a in axes:
        normalize_axis(a, len(x))
    return x


@operator("Flip", shape=_flip_shape, resolve=_resolve_flip, backward_reads="")
def flip(x: Tensor, axes: Ints = None):
    """Reverse the order of the elements along some axes.

    Args:
        x: Array of any shape.
        axes (tuple of int): Axes to reverse; the last by default.

    Returns:
        Array shaped as ``x``.

    Raises:
        ValueError: an axis is out of range.
    """
    return x.flip(sorted({a % x.ndim for a in axes}))


def border_positions(at, n, border_mode):
    """Where what is looked for at the positions ``at``, some of them beyond an axis of ``n`` elements, is found."""
    if border_mode == "reflect":
        at = at.remainder(2 * n)
        return torch.minimum(at, 2 * n - 1 - at)
    return at.clamp(0, n - 1)


def _resolve_shift(arguments, x):
    if arguments["shifts"] is None:
        arguments["shifts"] = (0,) * len(x)


def _shift_shape(x, shifts, border_mode="nearest"):
    if len(shifts) > len(x):
        raise ValueError(f"expected at most {len(x)} shifts, one an axis, received {shifts}")
    if border_mode not in ("nearest", "reflect"):
        raise ValueError(f"expected border_mode 'nearest' or 'reflect', received '{border_mode}'")
    return x


@operator("Shift", shape=_shift_shape, resolve=_resolve_shift, backward_reads="")
def shift(x: Tensor, shifts: Ints = None, border_mode: str = "nearest"):
    """Move the elements along each axis and fill the gap from the border.

    Args:
        x: Array of any shape.
        shifts (tuple of int): Distance for each of the last ``len(shifts)`` axes, positive towards the
            end; 0 by default.
        border_mode (str): ``"nearest"`` repeats the border element, ``"reflect"`` mirrors, border included.

    Returns:
        Array shaped as ``x``.

    Raises:
        ValueError: more shifts than axes, or an unknown mode.
    """
    y = x
    for axis, s in enumerate(shifts, x.ndim - len(shifts)):
        if s:
            n = x.shape[axis]
            y = y.index_select(axis, border_positions(torch.arange(-s, n - s, device=x.device), n, border_mode))
    return x.clone() if y is x else y


def _sort_shape(x, axis=-1, reverse=False, with_index=False, only_index=False):
    normalize_axis(axis, len(x))
    return [x, x] if with_index and not only_index else x


class _SortedValues(torch.autograd.Function):
    """Values taken by a permutation; the gradient is permuted the same way, not back.

    So does nnabla 1.39, though the transpose would be the derivative. Both agree where the permutation
    is its own inverse.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(x, index, axis):
        return x.gather(axis, index)

    @staticmethod
    def setup_context(ctx, inputs, output):
        _, index, ctx.axis = inputs
        ctx.save_for_backward(index)

    @staticmethod
    def backward(ctx, grad):
        return apply(_SortedValues, grad, ctx.saved_tensors[0], ctx.axis), None, None


@operator("Sort", shape=_sort_shape, backward_reads="")
def sort(x: Tensor, axis: int = -1, reverse: bool = False, with_index: bool = False, only_index: bool = False):
    """Sort along an axis; equal elements keep their order.

    Args:
        x: Array with at least one axis.
        axis (int): Axis to sort along.
        reverse (bool): Largest first.
        with_index (bool): Give the positions the elements came from too.
        only_index (bool): Give only the positions.

    Returns:
        The sorted array, the positions (uint64), or both. As nnabla's, the gradient of the array is taken
        by the positions, not put back to them.

    Raises:
        ValueError: ``axis`` is out of range.
    """
    y, index = torch.sort(x.detach(), dim=axis, descending=reverse, stable=True)
    if only_index:
        return index.view(torch.uint64)
    if x.requires_grad:
        y = apply(_SortedValues, x, index, axis)
    return (y, index.view(torch.uint64)) if with_index else y


def _resolve_shape_of(arguments, *_):
    for name in ("start", "end"):
        if arguments[name] is None:
            arguments[name] = 0


def _shape_shape(x, start=0, end=0):
    return (len(x[start:end or None]),)


def _direct_shape(x, start, end):
    sizes = torch.tensor(x[start:end or None], dtype=torch.float32)
    return lambda x: sizes.clone() if x.is_cpu and x.dtype is sizes.dtype else sizes.to(x.device, x.dtype)


@operator("Shape", shape=_shape_shape, resolve=_resolve_shape_of, backward_reads="x out", direct=_direct_shape)
def shape(x: Tensor, start: int = None, end: int = None):
    """The sizes of the axes of ``x`` as an array.

    Args:
        x: Array of any shape.
        start (int): First axis; 0 by default, negative values count from the end.
        end (int): Axis to stop before; 0, the default, means after the last.

    Returns:
        One-dimensional array of sizes.
    """
    return torch.tensor(x.shape[start:end or None], dtype=x.dtype, device=x.device)


def _meshgrid_shape(*x, ij_indexing=False):
    if any(len(s) != 1 for s in x):
        raise ValueError(f"expected inputs with one axis, received shapes {list(x)}")
    out = tuple([s[0] for s in x])
    if not ij_indexing and len(out) > 1:
        out = (out[1], out[0]) + out[2:]
    return [out] * len(x)


@operator("Meshgrid", shape=_meshgrid_shape, backward_reads="")
def meshgrid(*x: Tensor, ij_indexing: bool = False):
    """Coordinate arrays of a grid, from the coordinates along its axes.

    Args:
        x: One-dimensional arrays.
        ij_indexing (bool): Order the axes of the grid as the inputs; otherwise the first two change places.

    Returns:
        As many arrays as inputs, all of the shape of the grid.

    Raises:
        ValueError: an input has not one axis.
    """
    grids = [_copy(g) for g in torch.meshgrid(*x, indexing="ij" if ij_indexing else "xy")]
    return grids if len(grids) > 1 else grids[0]


def _matrix_shape(x, **_):
    if len(x) < 2:
        raise ValueError(f"expected an input with at least 2 axes, received shape {x}")
    return x


@operator("Trilu", shape=_matrix_shape, backward_reads="")
def trilu(x: Tensor, k: int = 0, upper: bool = True):
    """Keep the upper or lower triangle of matrices and clear the rest.

    Args:
        x: Matrices of shape ``(..., M, N)``.
        k (int): Diagonal at which the kept triangle ends; above the main one when positive.
        upper (bool): Keep the upper triangle, else the lower.

    Returns:
        Array shaped as ``x``.

    Raises:
        ValueError: ``x`` has fewer than two axes.
    """
    return torch.triu(x, k) if upper else torch.tril(x, k)


def _matrix_diag_shape(x):
    if not x:
        raise ValueError("expected an input with at least 1 axis, received a scalar")
    return x + (x[-1],)


@operator("MatrixDiag", shape=_matrix_diag_shape, backward_reads="")
def matrix_diag(x: Tensor):
    """Matrices with the last axis of ``x`` on their main diagonals and zeros elsewhere.

    Args:
        x: Array of shape ``(..., N)``.

    Returns:
        Array of shape ``(..., N, N)``.

    Raises:
        ValueError: ``x`` is a scalar.
    """
    return torch.diag_embed(x)


def _matrix_diag_part_shape(x):
    if len(x) < 2 or x[-1] != x[-2]:
        raise ValueError(f"expected square matrices (..., N, N), received shape {x}")
    return x[:-1]


@operator("MatrixDiagPart", shape=_matrix_diag_part_shape, backward_reads="")
def matrix_diag_part(x: Tensor):
    """The main diagonals of square matrices.

    Args:
        x: Array of shape ``(..., N, N)``.

    Returns:
        Array of shape ``(..., N)``.

    Raises:
        ValueError: the matrices are not square.
    """
    return _copy(x.diagonal(dim1=-2, dim2=-1))
