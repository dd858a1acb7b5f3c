"""Pooling over windows of the last spatial axes, its inverses, and region-of-interest pooling.

nnabla pools the last ``len(kernel)`` axes (the ones before the last with ``channel_last``) of an array
with any leading axes. Where torch's window arithmetic differs (``ignore_border=False`` gives a window
to every start inside the padded input, and padding may exceed half the kernel) the input is padded
here so that torch sees whole windows only.
"""
from math import prod

import torch
from torch.nn import functional as F

from ..registry import Floats, Shape, Tensor, operator
from .autograd import apply
from .positions import readable
from .precision import in_float32
from .shapes import left_to_torch

_MAX = {1: torch.max_pool1d, 2: torch.max_pool2d, 3: torch.max_pool3d}
_AVERAGE = {1: torch.avg_pool1d, 2: torch._C._nn.avg_pool2d, 3: in_float32(torch._C._nn.avg_pool3d)}


def _fill_windows(arguments, x, *_):
    kernel = arguments["kernel"]
    if arguments["stride"] is None:
        arguments["stride"] = kernel
    if arguments["pad"] is None:
        arguments["pad"] = (0,) * len(kernel)
    if not 0 < len(kernel) == len(arguments["stride"]) == len(arguments["pad"]) <= len(x):
        raise ValueError(f"expected kernel, stride and pad of the same length, at least 1 and at most that of x, received {kernel}, "
                         f"{arguments['stride']}, {arguments['pad']} and x of shape {x}")


def _windows(n, k, s, p, ignore_border):
    """How many windows an axis of length n has."""
    if not ignore_border:
        return -(-(n + p) // s)
    room = n + 2 * p - k
    return (room // s if room >= 0 else -(-room // s)) + 1  # C++ division: a kernel slightly too large fits once


class _Windows:
    """The windows of a pooling that torch cannot do by itself, and the padding with which it can."""

    __slots__ = ("out", "pads", "spatial", "kernel", "stride", "pad")

    def __init__(self, x, kernel, stride, pad, ignore_border):
        self.spatial, self.kernel, self.stride, self.pad = x.shape[2:], kernel, stride, pad
        self.out = [_windows(*a, ignore_border) for a in zip(self.spatial, kernel, stride, pad)]
        self.pads = []
        for n, k, s, p, o in reversed(list(zip(self.spatial, kernel, stride, pad, self.out))):
            self.pads += [p, (o - 1) * s + k - n - p]  # a negative one crops what no window covers

    def counts(self, including_pad, dtype, device):
        """Number of elements each window averages over."""
        total = torch.ones((), dtype=dtype, device=device)
        for n, k, s, p, o in zip(self.spatial, self.kernel, self.stride, self.pad, self.out):
            starts = [i * s - p for i in range(o)]
            if including_pad:
                axis = [min(a + k, n + p) - a for a in starts]
            else:
                axis = [max(min(a + k, n) - max(a, 0), 0) for a in starts]
            total = total[..., None] * torch.tensor(axis, dtype=dtype, device=device)
        return total


def _direct(x, kernel, pad, ignore_border):
    """Whether torch's own pooling of (batch, channels, spatial...) has nnabla's windows."""
    if not ignore_border:
        return False
    for n, k, p in zip(x.shape[2:], kernel, pad):
        if 2 * p > k or n + 2 * p < k:
            return False
    return True


# Two-dimensional windows on the CPU. torch walks them element by element; whole slices are several times faster.

def _by_slices(x, kernel, pad):
    return readable(x) and len(kernel) == 2 and x.numel() >= 4096 and max(kernel) <= 4 and not any(pad)


def _slices(x, axis, k, s):
    """The first, second ... elements of all windows along an axis."""
    count = (x.shape[axis] - k) // s + 1
    return [x[(..., slice(i, i + s * (count - 1) + 1, s)) + (slice(None),) * (-1 - axis)] for i in range(k)]


def _reduce_windows(combine, x, kernel, stride):
    for axis in (-2, -1):
        parts = _slices(x, axis, kernel[axis], stride[axis])
        x = parts[0].clone() if len(parts) == 1 else combine(parts[0], parts[1])
        for part in parts[2:]:
            x = combine(x, part)
    return x


class _SumPool2d(torch.autograd.Function):
    @staticmethod
    def forward(x, kernel, stride):
        return _reduce_windows(torch.add, x, kernel, stride)

    @staticmethod
    def setup_context(ctx, inputs, output):
        x, ctx.kernel, ctx.stride = inputs
        ctx.shape = x.shape

    @staticmethod
    def backward(ctx, grad):
        return apply(_SpreadOverWindows, grad, ctx.shape, ctx.kernel, ctx.stride), None, None


class _SpreadOverWindows(torch.autograd.Function):
    """Each element added to all of its window: the gradient of sums."""

    @staticmethod
    def forward(grad, shape, kernel, stride):
        for axis in (-1, -2):
            size = list(grad.shape)
            size[axis] = shape[axis]
            spread = grad.new_zeros(size)
            for part in _slices(spread, axis, kernel[axis], stride[axis]):
                part.add_(grad)
            grad = spread
        return grad

    @staticmethod
    def setup_context(ctx, inputs, output):
        _, _, ctx.kernel, ctx.stride = inputs

    @staticmethod
    def backward(ctx, grad):
        return apply(_SumPool2d, grad, ctx.kernel, ctx.stride), None, None, None


class _MaxPool2d(torch.autograd.Function):
    """torch's pooling with channels last, where its loop runs along vectors of channels."""

    @staticmethod
    def forward(x, kernel, stride):
        y, at = F.max_pool2d(x.contiguous(memory_format=torch.channels_last), kernel, stride, return_indices=True)
        return y.contiguous(), at.contiguous()

    @staticmethod
    def setup_context(ctx, inputs, output):
        x, ctx.kernel, ctx.stride = inputs
        ctx.mark_non_differentiable(output[1])
        ctx.save_for_backward(output[1])
        ctx.shape = x.shape

    @staticmethod
    def backward(ctx, grad, _):
        at, = ctx.saved_tensors
        spread = grad.new_zeros(ctx.shape).flatten(2).scatter_add(2, at.flatten(2), grad.flatten(2))
        return spread.reshape(ctx.shape), None, None


class _MaxPool2x2(torch.autograd.Function):
    """Windows of two rows and two columns side by side, on the CPU: numbers next to each other are halves of longer ones,
    which torch takes apart and puts together several times faster than it strides."""

    @staticmethod
    def suits(x, kernel, stride):
        return (kernel == stride == (2, 2) and not any(n % 2 for n in x.shape[2:]) and x.dtype is torch.float32
                and x.is_contiguous() and not x.storage_offset() % 2)

    @staticmethod
    def forward(x):
        pairs = x.view(torch.int64)
        # (Where memory begins with the high half, columns come in the other order.)
        first, second = [half.view(torch.float32) for half in (pairs.to(torch.int32), (pairs >> 32).to(torch.int32))]
        rows = torch.maximum(first, second).unflatten(-2, (-1, 2))
        upper, lower = rows[..., 0, :], rows[..., 1, :]
        in_first, in_upper = [torch.ge(a, b, out=torch.empty(a.shape)) for a, b in ((first, second), (upper, lower))]
        return torch.maximum(upper, lower), in_first, in_upper

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.mark_non_differentiable(*output[1:])
        ctx.save_for_backward(*output[1:])

    @staticmethod
    def backward(ctx, grad, *_):
        return apply(_SpreadOver2x2, grad, *ctx.saved_tensors)


def _parted(x, mask):
    """``x`` where the mask is 1, else 0; and the reverse."""
    return torch.ops.aten.threshold_backward(x, mask, 0.5), torch.ops.aten.hardtanh_backward(x, mask, -1.0, 0.5)


class _SpreadOver2x2(torch.autograd.Function):
    """Each element put where its window is largest."""

    @staticmethod
    def forward(grad, in_first, in_upper):
        rows = torch.stack(_parted(grad, in_upper), -2).flatten(-3, -2)
        return torch.view_as_real(torch.complex(*_parted(rows, in_first))).flatten(-2)

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs[1:])

    @staticmethod
    def backward(ctx, grad):
        in_first, in_upper = ctx.saved_tensors
        columns = grad.unflatten(-1, (-1, 2))
        rows = torch.where(in_first > 0, columns[..., 0], columns[..., 1]).unflatten(-2, (-1, 2))
        return torch.where(in_upper > 0, rows[..., 0, :], rows[..., 1, :]), None, None


def _spatial(x, kernel, channel_last):
    """(leading axes, spatial axes, trailing channel axis) of a shape."""
    n = len(kernel)
    if channel_last:
        return x[:-n - 1], x[-n - 1:-1], x[-1:]
    return x[:len(x) - n], x[len(x) - n:], ()


@left_to_torch
def pooling_shape(x, kernel, stride=None, ignore_border=True, pad=None, channel_last=False, **_):
    """Shape rule of the window poolings."""
    if not 1 <= len(kernel) <= 3:
        raise ValueError(f"expected a kernel of 1 to 3 axes, received {kernel}")
    if len(x) < len(kernel) + channel_last:
        raise ValueError(f"expected x with at least {len(kernel) + channel_last} axes for kernel {kernel}, received shape {x}")
    if min(kernel) < 1 or min(stride) < 1 or min(pad) < 0:
        raise ValueError(f"expected positive kernel and stride and no negative pad, received {kernel}, {stride} and {pad}")
    lead, spatial, trail = _spatial(x, kernel, channel_last)
    out = tuple(_windows(*a, ignore_border) for a in zip(spatial, kernel, stride, pad))
    if min(out) < 1:
        raise ValueError(f"expected a kernel that fits into x, received kernel {kernel}, pad {pad} and x of shape {x}. Pad "
                         "more, or use a smaller kernel")
    return lead + out + trail


def _pooled(x, n, channel_last, pool):
    """``pool`` applied to x seen as (batch, channels, spatial...), with n spatial axes."""
    if channel_last:
        x = x.movedim(-1, -n - 1)
    if x.dim() == n + 2:
        y = pool(x)
    elif x.dim() == n + 1:
        y = pool(x[None])[0]
    else:
        lead = x.shape[:x.dim() - n]
        y = pool(x.reshape(1, prod(lead), *x.shape[x.dim() - n:]))
        y = y.reshape(*lead, *y.shape[2:])
    return y.movedim(-n - 1, -1) if channel_last else y


def _refuse_empty_windows(kernel, pad):
    if any(p >= k for k, p in zip(kernel, pad)):
        raise ValueError(f"expected pad smaller than kernel, received {pad} and {kernel}: a window of padding has no maximum")


@operator("MaxPooling", shape=pooling_shape, resolve=_fill_windows, backward_reads="")
def max_pooling(x: Tensor, kernel: Shape, stride: Shape = None, ignore_border: bool = True, pad: Shape = None,
                channel_last: bool = False):
    r"""Largest element of each window over the last spatial axes.

    .. math:: y_i = \max_k x_{s i + k - p}

    Padding never wins. The gradient goes to the first largest element of a window.

    Args:
        x: Array (..., spatial...), with as many spatial axes as ``kernel`` has entries, 1 to 3.
        kernel (sequence of int): Window size along each spatial axis.
        stride (sequence of int): Step of the window; ``kernel`` by default.
        ignore_border (bool): Take whole windows only. Otherwise a window starts wherever a step lands
            before the end of the input, cut off there.
        pad (sequence of int): Padding at both ends of each spatial axis; 0 by default.
        channel_last (bool): The last axis holds channels, the spatial ones come before it.

    Returns:
        Array (..., pooled spatial...).

    Raises:
        ValueError: Lengths of kernel, stride and pad differ, no window fits, or padding fills one.
    """
    n = len(kernel)
    if x.dim() != n + 2 or channel_last:
        return _pooled(x, n, channel_last, lambda x: max_pooling(x, kernel, stride, ignore_border, pad))
    if _direct(x, kernel, pad, ignore_border):
        if _by_slices(x, kernel, pad):
            if not (x.requires_grad and torch.is_grad_enabled()):
                return _reduce_windows(torch.maximum, x, kernel, stride)
            if _MaxPool2x2.suits(x, kernel, stride):
                return apply(_MaxPool2x2, x)[0]
            if x.shape[1] >= 8:
                return apply(_MaxPool2d, x, kernel, stride)[0]
        return _MAX[n](x, kernel, stride, pad)
    _refuse_empty_windows(kernel, pad)
    return _MAX[n](F.pad(x, _Windows(x, kernel, stride, pad, ignore_border).pads, value=-torch.inf), kernel, stride)


@operator("MaxPoolingBackward", shape=lambda dy, x, **_: x, resolve=_fill_windows)
def max_pooling_backward(dy: Tensor, x: Tensor, kernel: Shape, stride: Shape = None, ignore_border: bool = True,
                         pad: Shape = None, channel_last: bool = False):
    r"""Input gradient of :func:`max_pooling`: each element of ``dy`` added where its window is largest.

    Args:
        dy: Gradient of the pooled array.
        x: The array that was pooled.
        kernel (sequence of int): Window size along each spatial axis.
        stride (sequence of int): Step of the window; ``kernel`` by default.
        ignore_border (bool): As given to the pooling.
        pad (sequence of int): Padding at both ends of each spatial axis; 0 by default.
        channel_last (bool): As given to the pooling.

    Returns:
        Array shaped as x; linear in ``dy``, constant in x.

    Raises:
        ValueError: The shape of ``dy`` is not that of the pooled x.
    """
    expected = pooling_shape(tuple(x.shape), kernel, stride, ignore_border, pad, channel_last)
    if tuple(dy.shape) != expected:
        raise ValueError(f"expected dy of shape {expected} for x of shape {tuple(x.shape)}, received {tuple(dy.shape)}")
    n = len(kernel)
    pooled = (F.max_pool1d, F.max_pool2d, F.max_pool3d)[n - 1]
    if channel_last:
        dy = dy.movedim(-1, -n - 1)

    def scatter(x):
        _refuse_empty_windows(kernel, pad)
        pads = _Windows(x, kernel, stride, pad, ignore_border).pads
        padded = F.pad(x.detach(), pads, value=-torch.inf)
        winners = pooled(padded, kernel, stride, return_indices=True)[1].flatten(2)
        dx = dy.new_zeros(*padded.shape[:2], prod(padded.shape[2:]))
        dx = dx.scatter_add(2, winners, dy.reshape(winners.shape)).reshape(padded.shape)
        return F.pad(dx, [-p for p in pads])

    return _pooled(x, n, channel_last, scatter)


def _summed(x, kernel, stride, pad):
    """Sums over the windows of (batch, channels, spatial...)."""
    n = len(kernel)
    if n == 1:
        return torch.avg_pool1d(x, kernel, stride, pad) * kernel[0]
    return _AVERAGE[n](x, kernel, stride, pad, False, True, 1)


@operator("AveragePooling", shape=pooling_shape, resolve=_fill_windows, backward_reads="")
def average_pooling(x: Tensor, kernel: Shape, stride: Shape = None, ignore_border: bool = True, pad: Shape = None,
                    channel_last: bool = False, including_pad: bool = True):
    r"""Mean of each window over the last spatial axes.

    .. math:: y_i = \frac{1}{N_i} \sum_k x_{s i + k - p}

    Args:
        x: Array (..., spatial...), with as many spatial axes as ``kernel`` has entries, 1 to 3.
        kernel (sequence of int): Window size along each spatial axis.
        stride (sequence of int): Step of the window; ``kernel`` by default.
        ignore_border (bool): Take whole windows only. Otherwise a window starts wherever a step lands
            before the end of the input, cut off there.
        pad (sequence of int): Zeros at both ends of each spatial axis; 0 by default.
        channel_last (bool): The last axis holds channels, the spatial ones come before it.
        including_pad (bool): Padding counts in :math:`N_i`. Without, a window of padding alone is NaN.

    Returns:
        Array (..., pooled spatial...).

    Raises:
        ValueError: Lengths of kernel, stride and pad differ, or no window fits.
    """
    n = len(kernel)
    if x.dim() != n + 2 or channel_last:
        return _pooled(x, n, channel_last,
                       lambda x: average_pooling(x, kernel, stride, ignore_border, pad, False, including_pad))
    if _direct(x, kernel, pad, ignore_border):
        if _by_slices(x, kernel, pad):
            return apply(_SumPool2d, x, kernel, stride) * (1 / prod(kernel))
        return _AVERAGE[n](x, kernel, stride, pad, False, including_pad)
    windows = _Windows(x, kernel, stride, pad, ignore_border)
    return _summed(F.pad(x, windows.pads), kernel, stride, (0,) * n) / windows.counts(including_pad, x.dtype, x.device)


@operator("SumPooling", shape=pooling_shape, resolve=_fill_windows, backward_reads="")
def sum_pooling(x: Tensor, kernel: Shape, stride: Shape = None, ignore_border: bool = True, pad: Shape = None,
                channel_last: bool = False):
    r"""Sum of each window over the last spatial axes.

    .. math:: y_i = \sum_k x_{s i + k - p}

    Args:
        x: Array (..., spatial...), with as many spatial axes as ``kernel`` has entries, 1 to 3.
        kernel (sequence of int): Window size along each spatial axis.
        stride (sequence of int): Step of the window; ``kernel`` by default.
        ignore_border (bool): Take whole windows only. Otherwise a window starts wherever a step lands
            before the end of the input, cut off there.
        pad (sequence of int): Zeros at both ends of each spatial axis; 0 by default.
        channel_last (bool): The last axis holds channels, the spatial ones come before it.

    Returns:
        Array (..., pooled spatial...).

    Raises:
        ValueError: Lengths of kernel, stride and pad differ, or no window fits.
    """
    n = len(kernel)
    if x.dim() != n + 2 or channel_last:
        return _pooled(x, n, channel_last, lambda x: sum_pooling(x, kernel, stride, ignore_border, pad))
    if _direct(x, kernel, pad, ignore_border):
        if _by_slices(x, kernel, pad):
            return apply(_SumPool2d, x, kernel, stride)
        return _summed(x, kernel, stride, pad)
    return _summed(F.pad(x, _Windows(x, kernel, stride, pad, ignore_border).pads), kernel, stride, (0,) * n)


def _global_shape(x):
    if len(x) < 2:
        raise ValueError(f"expected x with at least 2 axes (batch, channels), received shape {x}")
    return x[:2] + (1, 1)


@operator("GlobalAveragePooling", shape=_global_shape, backward_reads="")
def global_average_pooling(x: Tensor):
    r"""Mean over everything but the first two axes.

    Args:
        x: Array (batch, channels, spatial...).

    Returns:
        Array (batch, channels, 1, 1), whatever the number of spatial axes.

    Raises:
        ValueError: x has fewer than 2 axes.

    Source: Lin et al., Network in Network, 2013.
    """
    if x.dim() == 4:
        return x.mean((2, 3), keepdim=True)
    return x.flatten(2).mean(2)[..., None, None] if x.dim() > 2 else x.reshape(*_global_shape(x.shape)).clone()


def _unpooling_shape(x, kernel, channel_last=False):
    if len(kernel) + channel_last > len(x):
        raise ValueError(f"expected a kernel of at most {len(x) - channel_last} axes for x of shape {x}, received {kernel}")
    lead, spatial, trail = _spatial(x, kernel, channel_last)
    return lead + tuple(n * k for n, k in zip(spatial, kernel)) + trail


@operator("Unpooling", shape=_unpooling_shape, backward_reads="")
def unpooling(x: Tensor, kernel: Shape, channel_last: bool = False):
    r"""Enlarge the last spatial axes by repeating each element over a window.

    .. math:: y_i = x_{\lfloor i / k \rfloor}

    Args:
        x: Array (..., spatial...).
        kernel (sequence of int): Times each of the last axes is enlarged.
        channel_last (bool): The last axis holds channels, the spatial ones come before it.

    Returns:
        Array (..., enlarged spatial...).

    Raises:
        ValueError: ``kernel`` has more entries than x has axes.
    """
    shape = _unpooling_shape(tuple(x.shape), kernel, channel_last)
    if not channel_last and _by_slices(x, kernel, ()):
        return apply(_SpreadOverWindows, x, shape, kernel, kernel)
    lead, spatial, trail = _spatial(tuple(x.shape), kernel, channel_last)
    split, spread = list(lead), list(lead)
    for n, k in zip(spatial, kernel):
        split += [n, 1]
        spread += [n, k]
    return x.reshape(*split, *trail).expand(*spread, *trail).clone().reshape(shape)


def _fill_roi(arguments, *_):
    if arguments["sampling_ratio"] is None:
        arguments["sampling_ratio"] = -1
    if arguments["channel_last"] is None:
        arguments["channel_last"] = False


def _roi_shape(input, boxes, output_size, spatial_scale=(1.0, 1.0), sampling_ratio=-1, channel_last=False):
    if len(input) != 4:
        raise ValueError(f"expected input with 4 axes (batch, channels, height, width), received shape {input}")
    if len(boxes) != 2 or boxes[1] != 5:
        raise ValueError(f"expected boxes of shape (K, 5), received {boxes}")
    if len(output_size) != 2 or len(spatial_scale) != 2 or min(output_size) <= 0:
        raise ValueError(f"expected output_size and spatial_scale as (height, width), received {output_size} and "
                         f"{spatial_scale}")
    if channel_last:
        return boxes[:1] + output_size + input[3:]
    return (boxes[0], input[1]) + output_size


@operator("RoiAlign", shape=_roi_shape, resolve=_fill_roi, backward_reads="input boxes out")
def roi_align(input: Tensor, boxes: Tensor, output_size: Shape, spatial_scale: Floats = (1.0, 1.0),
              sampling_ratio: int = None, channel_last: bool = None):
    r"""Pool each region of interest to a fixed size by averaging bilinear samples.

    A box is cut into ``output_size`` bins, each bin gets a regular grid of sampling points, and the
    values interpolated there are averaged. Points more than one pixel outside count as zero.

    Args:
        input: Array (batch, channels, height, width).
        boxes: Array (K, 5) with rows (batch index, left, top, right, bottom). Takes no gradient.
        output_size (sequence of int): Height and width of the output.
        spatial_scale (sequence of float): Vertical and horizontal factor from box coordinates to input
            pixels.
        sampling_ratio (int): Sampling points of a bin along each axis; by default (or if not
            positive) the size of the bin in pixels, rounded up.
        channel_last (bool): Input and output are (batch, height, width, channels).

    Returns:
        Array (K, channels, output height, output width).

    Raises:
        ValueError: ``input`` or ``boxes`` have the wrong shape.

    Source: He et al., Mask R-CNN, 2017.
    """
    if channel_last:
        input = input.permute(0, 3, 1, 2)
    boxes = boxes.detach()
    batch = boxes[:, 0].long()
    weights, positions = [], []
    for axis, (low, high) in enumerate(((2, 4), (1, 3))):
        size, bins, scale = input.shape[2 + axis], output_size[axis], spatial_scale[axis]
        start = boxes[:, low] * scale - 0.5
        step = (boxes[:, high] * scale - 0.5 - start) / bins
        if sampling_ratio > 0:
            points = torch.full_like(step, sampling_ratio)
            most = sampling_ratio
        else:
            points = step.ceil()
            most = max(int(points.max()), 1) if points.numel() else 1
        grid = torch.arange(most, device=boxes.device, dtype=boxes.dtype)
        used = grid < points[:, None]
        offset = (grid + 0.5) * (step / points.clamp(min=1))[:, None]
        at = start[:, None, None] + torch.arange(bins, device=boxes.device, dtype=boxes.dtype)[:, None] * step[:, None, None]
        at = at + offset[:, None, :]  # (K, bins, points)
        inside = used[:, None, :] & (at >= -1) & (at <= size)
        at = at.clamp(0, size - 1)
        below = at.floor()
        part = at - below
        share = inside / points.clamp(min=1)[:, None, None]
        below = below.long()
        positions.append(torch.stack([below, (below + 1).clamp(max=size - 1)], -1).flatten(2))
        weights.append(torch.stack([(1 - part) * share, part * share], -1).flatten(2).to(input.dtype))
    # Sampling is separable: one small matrix for each box and axis.
    rows = torch.zeros(len(batch), output_size[0], input.shape[2], dtype=input.dtype, device=input.device)
    rows = rows.scatter_add(2, positions[0], weights[0])
    columns = torch.zeros(len(batch), output_size[1], input.shape[3], dtype=input.dtype, device=input.device)
    columns = columns.scatter_add(2, positions[1], weights[1])
    y = torch.matmul(torch.matmul(rows[:, None], input[batch]), columns[:, None].transpose(2, 3))
    return y.permute(0, 2, 3, 1) if channel_last else y
