"""Convolutions, their transposes, and the depthwise, deformable, separable and fused variants.

Everything before ``base_axis`` is batch and is flattened to torch's one batch axis; what follows is
the channel axis and the spatial axes (or the other way round with ``channel_last``).
"""
from math import prod

import torch
from torch.nn import functional as F

from ..registry import Floats, Shape, State, Tensor, operator
from . import precision
from .normalization import normalize_batch
from .sampling import interpolate_linear
from .shapes import left_to_torch, normalize_axis

_CONVOLUTIONS = {1: torch.conv1d, 2: torch.conv2d, 3: torch.conv3d}
_DECONVOLUTIONS = {1: torch.conv_transpose1d, 2: torch.conv_transpose2d, 3: torch.conv_transpose3d}


# -- arguments and shapes

def _fill_windows(arguments, x, *_):
    """Defaults of pad, stride and dilation: one entry for each spatial axis."""
    spatial = len(x) - (arguments["base_axis"] + 1)
    for name, value in (("pad", 0), ("stride", 1), ("dilation", 1), ("output_padding", 0)):
        if name in arguments:
            if arguments[name] is None:
                arguments[name] = (value,) * spatial
            elif len(arguments[name]) != spatial and not (name == "pad" and "pad_mode" in arguments):
                raise ValueError(f"expected {name} with one entry for each of the {spatial} spatial axes, received {arguments[name]}")


def _split(x, base_axis, channel_last=False):
    """(batch axes, channels, spatial axes) of a shape."""
    axis = normalize_axis(base_axis, len(x))
    if axis >= len(x) - 1:
        raise ValueError(f"expected x with a channel axis and at least one spatial axis after base_axis={base_axis}, "
                         f"received shape {x}. Add the missing axes, or lower base_axis")
    if channel_last:
        return x[:axis], x[-1], x[axis:-1]
    return x[:axis], x[axis], x[axis + 1:]


def _check_windows(spatial, **windows):
    for name, value in windows.items():
        if len(value) != len(spatial):
            raise ValueError(f"expected {name} with one entry for each of the {len(spatial)} spatial axes, received {value}")


def _check_bias(bias, channels):
    if bias is not None and bias != (channels,):
        raise ValueError(f"expected a bias of shape {(channels,)}, one for each output channel, received {bias}")


def _convolved(spatial, kernel, pad, stride, dilation):
    """Spatial output shape of a convolution; ``pad`` is the total of both sides."""
    out = tuple((n + p - d * (k - 1) - 1) // s + 1 for n, k, p, s, d in zip(spatial, kernel, pad, stride, dilation))
    if out and min(out) <= 0:
        raise ValueError(f"expected spatial axes no smaller than the kernel, received input {spatial}, kernel {kernel}, "
                         f"padding {pad} in all, stride {stride} and dilation {dilation}, which leaves {out}. Pad more, "
                         "or use a smaller kernel")
    return out


def _transposed(spatial, kernel, pad, stride, dilation, output_padding):
    """Spatial output shape of a deconvolution."""
    out = tuple(s * (n - 1) + d * (k - 1) + 1 - 2 * p + o
                for n, k, p, s, d, o in zip(spatial, kernel, pad, stride, dilation, output_padding))
    if out and min(out) <= 0:
        raise ValueError(f"expected an output of positive size, received input {spatial}, kernel {kernel}, pad {pad}, "
                         f"stride {stride} and dilation {dilation}, which leaves {out}. Pad less")
    return out


def _conv_weight(x, weight, spatial, channels, group, channel_last):
    """(output channels, kernel) of a convolution weight, checked against x."""
    if len(weight) != 2 + len(spatial):
        raise ValueError(f"expected a weight with {2 + len(spatial)} axes (outputs, inputs of a group, kernel...) for x of "
                         f"shape {x}, received shape {weight}")
    inner, kernel = (weight[-1], weight[1:-1]) if channel_last else (weight[1], weight[2:])
    if channels % group or weight[0] % group:
        raise ValueError(f"expected channel counts divisible by group={group}, received {channels} input and {weight[0]} "
                         "output channels")
    if channels // group != inner:
        raise ValueError(f"expected a weight taking {channels // group} channels for x of shape {x} in {group} groups, "
                         f"received shape {weight}, which takes {inner}")
    return weight[0], kernel


def _join(batch, channels, spatial, channel_last=False):
    return batch + spatial + (channels,) if channel_last else batch + (channels,) + spatial


@left_to_torch
def convolution_shape(x, weight, bias=None, base_axis=1, pad=None, stride=None, dilation=None, group=1,
                      channel_last=False):
    """Shape rule of Convolution."""
    batch, channels, spatial = _split(x, base_axis, channel_last)
    _check_windows(spatial, pad=pad, stride=stride, dilation=dilation)
    outputs, kernel = _conv_weight(x, weight, spatial, channels, group, channel_last)
    _check_bias(bias, outputs)
    return _join(batch, outputs, _convolved(spatial, kernel, [2 * p for p in pad], stride, dilation), channel_last)


def deconvolution_shape(x, weight, bias=None, base_axis=1, pad=None, stride=None, dilation=None, group=1,
                        channel_last=False, output_padding=None):
    """Shape rule of Deconvolution."""
    batch, channels, spatial = _split(x, base_axis, channel_last)
    _check_windows(spatial, pad=pad, stride=stride, dilation=dilation, output_padding=output_padding)
    if len(weight) != 2 + len(spatial):
        raise ValueError(f"expected a weight with {2 + len(spatial)} axes (inputs, outputs of a group, kernel...) for x of "
                         f"shape {x}, received shape {weight}")
    if weight[0] != channels or channels % group:
        raise ValueError(f"expected a weight with {channels} input channels, a multiple of group={group}, for x of shape "
                         f"{x}, received shape {weight}")
    if any(o >= s for o, s in zip(output_padding, stride)):
        raise ValueError(f"expected output_padding smaller than stride along each axis, received {output_padding} and "
                         f"stride {stride}")
    inner, kernel = (weight[-1], weight[1:-1]) if channel_last else (weight[1], weight[2:])
    _check_bias(bias, inner * group)
    return _join(batch, inner * group, _transposed(spatial, kernel, pad, stride, dilation, output_padding), channel_last)


def _depthwise(x, weight, base_axis, **windows):
    batch, channels, spatial = _split(x, base_axis)
    if len(spatial) > 2:
        raise ValueError(f"expected 1 or 2 spatial axes after base_axis={base_axis}, received x of shape {x}")
    _check_windows(spatial, **windows)
    if len(weight) != 1 + len(spatial):
        raise ValueError(f"expected a weight with {1 + len(spatial)} axes (channels, kernel...) for x of shape {x}, "
                         f"received shape {weight}")
    return batch, channels, spatial


def depthwise_convolution_shape(x, weight, bias=None, base_axis=1, pad=None, stride=None, dilation=None, multiplier=1):
    """Shape rule of DepthwiseConvolution."""
    batch, channels, spatial = _depthwise(x, weight, base_axis, pad=pad, stride=stride, dilation=dilation)
    outputs = channels * multiplier
    if weight[0] != outputs:
        raise ValueError(f"expected a weight for {channels} * {multiplier} channels (x's times multiplier), received shape "
                         f"{weight}")
    _check_bias(bias, outputs)
    return batch + (outputs,) + _convolved(spatial, weight[1:], [2 * p for p in pad], stride, dilation)


def depthwise_deconvolution_shape(x, weight, bias=None, base_axis=1, pad=None, stride=None, dilation=None, divisor=1):
    """Shape rule of DepthwiseDeconvolution."""
    batch, channels, spatial = _depthwise(x, weight, base_axis, pad=pad, stride=stride, dilation=dilation)
    if channels % divisor or weight[0] != channels:
        raise ValueError(f"expected a weight for {channels} channels, a multiple of divisor={divisor}, received shape "
                         f"{weight}")
    _check_bias(bias, channels // divisor)
    return batch + (channels // divisor,) + _transposed(spatial, weight[1:], pad, stride, dilation, (0,) * len(spatial))


# -- arithmetic on one batch axis

def _convolve(x, weight, bias, pad, stride, dilation, group):
    """Convolution of (N, C, spatial...) with any number of spatial axes."""
    n = x.dim() - 2
    if n in _CONVOLUTIONS:
        return _CONVOLUTIONS[n](x, weight, bias, stride, pad, dilation, group)
    # torch convolves up to 3 axes. Windows are gathered as strided views, one axis at a time.
    x = F.pad(x, [p for one in reversed(pad) for p in (one, one)])
    kernel = weight.shape[2:]
    for i in range(n):
        x = x.unfold(2 + i, dilation[i] * (kernel[i] - 1) + 1, stride[i])[..., ::dilation[i]]
    batch, out = x.shape[0], x.shape[2:2 + n]
    windows = x.reshape(batch, group, x.shape[1] // group, *out, prod(kernel))
    y = torch.einsum("ngc...k,gock->ngo...", windows,
                     weight.reshape(group, weight.shape[0] // group, weight.shape[1], prod(kernel)))
    y = y.reshape(batch, weight.shape[0], *out)
    return y if bias is None else y + bias.reshape(-1, *(1,) * n)


def _deconvolve(x, weight, bias, pad, stride, dilation, group, output_padding):
    """Transposed convolution of (N, C, spatial...) with 1 to 3 spatial axes."""
    n = x.dim() - 2
    if n not in _DECONVOLUTIONS:
        raise NotImplementedError(f"deconvolution with {n} spatial axes: torch has 1 to 3. Split the convolution along an axis")
    if not any(output_padding):
        return _DECONVOLUTIONS[n](x, weight, bias, stride, pad, output_padding, group, dilation)
    # torch refuses second gradients of output padding: the whole result is computed, and cut.
    y = _DECONVOLUTIONS[n](x, weight, None, stride, 0, 0, group, dilation)
    y = F.pad(y, [c for p, o in zip(reversed(pad), reversed(output_padding)) for c in (-p, o - p)])
    return y if bias is None else y + bias.reshape(-1, *(1,) * n)


def _one_batch(x, base_axis, channel_last):
    """(N, C, spatial...) from an array with any batch axes, and a function that undoes it."""
    axis = normalize_axis(base_axis, x.dim())
    batch = x.shape[:axis]
    if axis != 1:
        x = x.reshape(prod(batch), *x.shape[axis:])
    if channel_last:
        x = x.movedim(-1, 1)

    def restore(y):
        if channel_last:
            y = y.movedim(1, -1)
        return y if axis == 1 else y.reshape(*batch, *y.shape[1:])
    return x, restore


# -- operators

@operator("Convolution", shape=convolution_shape, resolve=_fill_windows,
          backward_reads={"x": "weight", "weight": "x"})
def convolution(x: Tensor, weight: Tensor, bias: Tensor = None, base_axis: int = 1, pad: Shape = None,
                stride: Shape = None, dilation: Shape = None, group: int = 1, channel_last: bool = False):
    r"""N-dimensional convolution (cross-correlation) with bias.

    .. math:: y_{o, i} = \sum_{c, k} w_{o, c, k} \, x_{c, s i + d k - p} + b_o

    with stride :math:`s`, dilation :math:`d` and padding :math:`p` along each spatial axis.

    Args:
        x: Array (batch..., channels, spatial...); axes before ``base_axis`` are batch.
        weight: Array (outputs, channels / group, kernel...).
        bias: Array (outputs,); none is added by default.
        base_axis (int): Position of the channel axis.
        pad (sequence of int): Zeros added at both ends of each spatial axis; 0 by default.
        stride (sequence of int): Step of the window along each spatial axis; 1 by default.
        dilation (sequence of int): Distance of kernel elements along each spatial axis; 1 by default.
        group (int): Channels are split into this many groups that do not see each other.
        channel_last (bool): Channels are the last axis, of x, of the output and of the weight
            (outputs, kernel..., channels / group).

    Returns:
        Array (batch..., outputs, spatial...).

    Raises:
        ValueError: Shapes do not agree, or the kernel does not fit into the padded input.

    Source: Chen et al., DeepLab: Semantic Image Segmentation with Deep Convolutional Nets, Atrous
    Convolution, and Fully Connected CRFs, 2016 (dilation).
    """
    if base_axis == 1 and not channel_last and x.dim() == 4:
        return torch.conv2d(x, weight, bias, stride, pad, dilation, group)
    x, restore = _one_batch(x, base_axis, channel_last)
    if channel_last:
        weight = weight.movedim(-1, 1)
    return restore(_convolve(x, weight, bias, pad, stride, dilation, group))


@operator("Deconvolution", shape=deconvolution_shape, resolve=_fill_windows,
          backward_reads={"x": "weight", "weight": "x"})
def deconvolution(x: Tensor, weight: Tensor, bias: Tensor = None, base_axis: int = 1, pad: Shape = None,
                  stride: Shape = None, dilation: Shape = None, group: int = 1, channel_last: bool = False,
                  output_padding: Shape = None):
    r"""Transposed convolution: the map from a convolution's output gradient to its input gradient.

    Each output axis has :math:`s (n - 1) + d (k - 1) + 1 - 2 p + o` elements for :math:`n` of input,
    with kernel :math:`k`, stride :math:`s`, dilation :math:`d`, padding :math:`p` and output padding
    :math:`o`.

    Args:
        x: Array (batch..., channels, spatial...); axes before ``base_axis`` are batch.
        weight: Array (channels, outputs / group, kernel...).
        bias: Array (outputs,); none is added by default.
        base_axis (int): Position of the channel axis.
        pad (sequence of int): Elements cut from both ends of each spatial output axis; 0 by default.
        stride (sequence of int): Spread of the input along each spatial axis; 1 by default.
        dilation (sequence of int): Distance of kernel elements along each spatial axis; 1 by default.
        group (int): Channels are split into this many groups that do not see each other.
        channel_last (bool): Channels are the last axis, of x, of the output and of the weight
            (channels, kernel..., outputs / group).
        output_padding (sequence of int): Elements added at the end of each spatial output axis,
            fewer than the stride; 0 by default.

    Returns:
        Array (batch..., outputs, spatial...).

    Raises:
        ValueError: Shapes do not agree, or nothing is left after cutting ``pad``.
    """
    if base_axis == 1 and not channel_last and x.dim() == 4:
        return _deconvolve(x, weight, bias, pad, stride, dilation, group, output_padding)
    x, restore = _one_batch(x, base_axis, channel_last)
    if channel_last:
        weight = weight.movedim(-1, 1)
    return restore(_deconvolve(x, weight, bias, pad, stride, dilation, group, output_padding))


@operator("DepthwiseConvolution", shape=depthwise_convolution_shape, resolve=_fill_windows,
          backward_reads={"x": "weight", "weight": "x"})
def depthwise_convolution(x: Tensor, weight: Tensor, bias: Tensor = None, base_axis: int = 1, pad: Shape = None,
                          stride: Shape = None, dilation: Shape = None, multiplier: int = 1):
    r"""Convolution of each channel on its own, over 1 or 2 spatial axes.

    Channel :math:`c` gives the output channels :math:`m c` to :math:`m c + m - 1`.

    Args:
        x: Array (batch..., channels, spatial...); axes before ``base_axis`` are batch.
        weight: Array (channels * multiplier, kernel...).
        bias: Array (channels * multiplier,); none is added by default.
        base_axis (int): Position of the channel axis.
        pad (sequence of int): Zeros added at both ends of each spatial axis; 0 by default.
        stride (sequence of int): Step of the window along each spatial axis; 1 by default.
        dilation (sequence of int): Distance of kernel elements along each spatial axis; 1 by default.
        multiplier (int): Output channels for each input channel.

    Returns:
        Array (batch..., channels * multiplier, spatial...).

    Raises:
        ValueError: Shapes do not agree, or the kernel does not fit into the padded input.

    Source: Chollet, Xception: Deep Learning with Depthwise Separable Convolutions, 2016.
    """
    x, restore = _one_batch(x, base_axis, False)
    return restore(_convolve(x, weight.unsqueeze(1), bias, pad, stride, dilation, x.shape[1]))


@operator("DepthwiseDeconvolution", shape=depthwise_deconvolution_shape, resolve=_fill_windows,
          backward_reads={"x": "weight", "weight": "x"})
def depthwise_deconvolution(x: Tensor, weight: Tensor, bias: Tensor = None, base_axis: int = 1, pad: Shape = None,
                            stride: Shape = None, dilation: Shape = None, divisor: int = 1):
    r"""Transposed convolution of each channel on its own, over 1 or 2 spatial axes.

    Args:
        x: Array (batch..., channels, spatial...); axes before ``base_axis`` are batch.
        weight: Array (channels, kernel...).
        bias: Array (channels / divisor,); none is added by default.
        base_axis (int): Position of the channel axis.
        pad (sequence of int): Elements cut from both ends of each spatial output axis; 0 by default.
        stride (sequence of int): Spread of the input along each spatial axis; 1 by default.
        dilation (sequence of int): Distance of kernel elements along each spatial axis; 1 by default.
        divisor (int): So many neighbouring channels are summed to one output channel.

    Returns:
        Array (batch..., channels / divisor, spatial...).

    Raises:
        ValueError: Shapes do not agree, or ``divisor`` does not divide the channels.

    Source: Chollet, Xception: Deep Learning with Depthwise Separable Convolutions, 2016.
    """
    x, restore = _one_batch(x, base_axis, False)
    return restore(_deconvolve(x, weight.unsqueeze(1), bias, pad, stride, dilation, x.shape[1] // divisor,
                               (0,) * len(stride)))


def deformable_convolution_shape(x, weight, offset, mask=None, bias=None, base_axis=1, pad=None, stride=None, dilation=None,
                                 group=1, deformable_group=1, channel_last=False):
    """Shape rule of DeformableConvolution."""
    mask, bias = _maskless(mask, bias)
    batch, channels, spatial = _split(x, base_axis, channel_last)
    if len(spatial) != 2:
        raise ValueError(f"expected x with 2 spatial axes after base_axis={base_axis}, received shape {x}")
    _check_windows(spatial, pad=pad, stride=stride, dilation=dilation)
    outputs, kernel = _conv_weight(x, weight, spatial, channels, group, channel_last)
    _check_bias(bias, outputs)
    if mask is not None and all(p >= (k + 1) // 2 for p, k in zip(pad, kernel)):
        raise ValueError(f"expected pad smaller than half the kernel along an axis, received {pad} and {kernel}")
    if channels % deformable_group:
        raise ValueError(f"expected deformable_group to divide the {channels} channels, received {deformable_group}")
    taps = deformable_group * prod(kernel)
    for name, shape, count in (("offset", offset, 2 * taps), ("mask", mask, taps)):
        expected = _join(batch, count, spatial, channel_last)
        if shape is not None and shape != expected:
            raise ValueError(f"expected {name} of shape {expected} (spatial axes as x's), received {shape}")
    return _join(batch, outputs, _convolved(spatial, kernel, [2 * p for p in pad], stride, dilation), channel_last)


def _displacements(t, stride, out):
    """The entries of an offset or mask that the output positions read; the last ones where they run out."""
    for axis in (0, 1):
        if stride[axis] * (out[axis] - 1) < t.shape[2 + axis]:
            t = t.narrow(2 + axis, 0, stride[axis] * (out[axis] - 1) + 1)
            t = t[:, :, ::stride[0]] if axis == 0 else t[:, :, :, ::stride[1]]
        else:
            index = torch.arange(out[axis], device=t.device) * stride[axis]
            t = t.index_select(2 + axis, index.clamp(max=t.shape[2 + axis] - 1))
    return t


def _maskless(mask, bias):
    """(mask, bias) where the bias moved up to the place of an absent mask."""
    if mask is not None and bias is None and (len(mask) if isinstance(mask, tuple) else mask.dim()) == 1:
        return None, mask
    return mask, bias


@operator("DeformableConvolution", shape=deformable_convolution_shape, resolve=_fill_windows,
          backward_reads="x weight offset mask")
def deformable_convolution(x: Tensor, weight: Tensor, offset: Tensor, mask: Tensor = None, bias: Tensor = None,
                           base_axis: int = 1, pad: Shape = None, stride: Shape = None, dilation: Shape = None,
                           group: int = 1, deformable_group: int = 1, channel_last: bool = False):
    r"""2-D convolution whose kernel elements are displaced, and weighted, at each position.

    .. math:: y_i = \sum_k w_k \, m_{k, i} \, x(s i + d k - p + \Delta_{k, i})

    with bilinear interpolation, and zero outside of x.

    Args:
        x: Array (batch..., channels, height, width).
        weight: Array (outputs, channels / group, kernel height, kernel width).
        offset: Displacements, (batch..., 2 * deformable_group * kernel elements, height, width) with the
            spatial axes of x: for each kernel element one vertical, one horizontal. Output
            position (i, j) reads the entry at (stride * i, stride * j).
        mask: Weights of the kernel elements, (batch..., deformable_group * kernel elements, height,
            width); 1 by default.
        bias: Array (outputs,); none is added by default.
        base_axis (int): Position of the channel axis.
        pad (sequence of int): Zeros added at both ends of each spatial axis; 0 by default.
        stride (sequence of int): Step of the window along each spatial axis; 1 by default.
        dilation (sequence of int): Distance of kernel elements along each spatial axis; 1 by default.
        group (int): Channels are split into this many groups that do not see each other.
        deformable_group (int): So many groups of channels have displacements of their own.
        channel_last (bool): Channels are the last axis, as in :func:`convolution`.

    Returns:
        Array (batch..., outputs, height, width).

    Raises:
        ValueError: Shapes do not agree, or, with a mask, padding reaches the kernel's centre along both
            axes.

    Source: Zhu et al., Deformable ConvNets v2, 2018.
    """
    mask, bias = _maskless(mask, bias)
    x, restore = _one_batch(x, base_axis, channel_last)
    offset = _one_batch(offset, base_axis, channel_last)[0]
    mask = None if mask is None else _one_batch(mask, base_axis, channel_last)[0]
    if channel_last:
        weight = weight.movedim(-1, 1)
    kernel = weight.shape[2:]
    n, channels, taps = x.shape[0], x.shape[1], kernel[0] * kernel[1]
    out = _convolved(tuple(x.shape[2:]), kernel, [2 * p for p in pad], stride, dilation)
    groups = n * deformable_group
    shift = _displacements(offset, stride, out).reshape(groups, taps, 2, *out)
    positions = []
    for axis in range(2):
        window = torch.arange(out[axis], device=x.device, dtype=x.dtype) * stride[axis] - pad[axis]
        tap = torch.arange(kernel[axis], device=x.device, dtype=x.dtype) * dilation[axis]
        if axis == 0:
            base = tap[:, None, None, None] + window[:, None]
        else:
            base = tap[:, None, None] + window
        base = base.expand(*kernel, *out).reshape(taps, *out)
        positions.append((shift[:, :, axis] + base).flatten(1))
    values = interpolate_linear(x.reshape(groups, channels // deformable_group, *x.shape[2:]), positions)
    # One pixel outside the value is zero already; so is the gradient, by definition.
    inside = (positions[0] > -1) & (positions[1] > -1)
    values = torch.where(inside[:, None], values, torch.zeros((), dtype=x.dtype, device=x.device))
    values = values.reshape(groups, channels // deformable_group, taps, *out)
    if mask is not None:
        values = values * _displacements(mask, stride, out).reshape(groups, 1, taps, *out)
    columns = values.reshape(n, group, channels // group * taps, prod(out))
    y = torch.matmul(weight.reshape(group, weight.shape[0] // group, -1), columns).reshape(n, weight.shape[0], *out)
    return restore(y if bias is None else y + bias.reshape(-1, 1, 1))


def _adaptive_shape(x, vertical_kernel, horizontal_kernel):
    if len(x) != 4 or len(vertical_kernel) != 4 or len(horizontal_kernel) != 4:
        raise ValueError(f"expected x and kernels with 4 axes, received {x}, {vertical_kernel} and {horizontal_kernel}")
    n, channels, height, width = x
    if vertical_kernel[0] != n or horizontal_kernel[0] != n or vertical_kernel[2:] != horizontal_kernel[2:]:
        raise ValueError(f"expected kernels of shape ({n}, taps, height, width) with equal sizes, received {vertical_kernel} "
                         f"and {horizontal_kernel}")
    out = vertical_kernel[2:]
    for size, taps, length, axis in ((height, vertical_kernel[1], out[0], "height"),
                                     (width, horizontal_kernel[1], out[1], "width")):
        if not size - taps + 1 <= length <= size:
            raise ValueError(f"expected kernels with a {axis} in [{size - taps + 1}, {size}] for x of shape {x} and {taps} "
                             f"taps, received {length}")
    return n, channels, height - vertical_kernel[1] + 1, width - horizontal_kernel[1] + 1


@operator("AdaptiveSeparableConvolution", shape=_adaptive_shape,
          backward_reads={"x": "vertical_kernel horizontal_kernel", "vertical_kernel": "x horizontal_kernel", "horizontal_kernel": "x vertical_kernel"})
def adaptive_separable_convolution(x: Tensor, vertical_kernel: Tensor, horizontal_kernel: Tensor):
    r"""2-D convolution with a separable kernel of its own at each pixel.

    .. math:: y_{c, h, w} = \sum_{i, j} v_{i, h, w} \, u_{j, h, w} \, x_{c, h + i, w + j}

    Args:
        x: Array (batch, channels, height, width).
        vertical_kernel: Array (batch, vertical taps, output height, output width); what it has past
            the output, up to the height and width of x, is ignored.
        horizontal_kernel: Array (batch, horizontal taps, output height, output width).

    Returns:
        Array (batch, channels, height - vertical taps + 1, width - horizontal taps + 1).

    Raises:
        ValueError: Shapes do not agree.

    Source: Niklaus et al., Video Frame Interpolation via Adaptive Separable Convolution, 2017.
    """
    taps = vertical_kernel.shape[1], horizontal_kernel.shape[1]
    height, width = x.shape[2] - taps[0] + 1, x.shape[3] - taps[1] + 1
    vertical_kernel, horizontal_kernel = vertical_kernel[:, :, :height, :width], horizontal_kernel[:, :, :height, :width]
    y = x.new_zeros(())
    for i in range(taps[0]):  # taps, not pixels: the windows of all taps at once would not fit in memory
        row = x.new_zeros(())
        for j in range(taps[1]):
            row = torch.addcmul(row, x[:, :, i:i + height, j:j + width], horizontal_kernel[:, j:j + 1])
        y = torch.addcmul(y, row, vertical_kernel[:, i:i + 1])
    return y


# -- convolution, batch normalization, addition and activation in one

_PAD_MODES = {"constant": "constant", "reflect": "reflect", "repeat": "replicate"}
# Activation by name: (how many values nonlinearity_args has, function).
_NONLINEARITIES = {
    "identity": (0, lambda x: x),
    "relu": (0, torch.relu),
    "sigmoid": (0, torch.sigmoid),
    "tanh": (0, torch.tanh),
    "leaky_relu": (1, F.leaky_relu),
    "elu": (1, F.elu),
    "relu6": (0, F.relu6),
}


def _fused_inputs(*inputs):
    """bias, beta, gamma, mean, variance and z, when absent ones let later ones move up."""
    bias, beta, gamma, mean, variance, z = inputs
    given = [t for t in inputs if t is not None]
    if bias is not None and (len(bias) if isinstance(bias, tuple) else bias.dim()) != 1 and len(given) in (4, 5):
        return (None, *given, *[None] * (5 - len(given)))
    if bias is not None and len(given) == 2 and z is None:
        return bias, None, None, None, None, given[1]
    return inputs


def _fused_shape(x, weight, bias=None, beta=None, gamma=None, mean=None, variance=None, z=None, base_axis=1, pad=None,
                 stride=None, dilation=None, group=1, channel_last=False, decay_rate=0.9, eps=1e-5, batch_stat=True,
                 nonlinearity="relu", nonlinearity_args=(), pad_mode="constant", constant_value=0.0):
    bias, *normalization, z = _fused_inputs(bias, beta, gamma, mean, variance, z)
    batch, channels, spatial = _split(x, base_axis, channel_last)
    if len(pad) == 2 * len(spatial):
        total = [a + b for a, b in zip(pad[::2], pad[1::2])]
    else:
        _check_windows(spatial, pad=pad)
        total = [2 * p for p in pad]
    _check_windows(spatial, stride=stride, dilation=dilation)
    if pad_mode not in _PAD_MODES:
        raise ValueError(f"expected pad_mode 'constant', 'reflect' or 'repeat', received {pad_mode!r}")
    if nonlinearity and nonlinearity not in _NONLINEARITIES:
        raise ValueError(f"expected nonlinearity to be one of {', '.join(_NONLINEARITIES)}, received {nonlinearity!r}")
    count = _NONLINEARITIES[nonlinearity or "identity"][0]
    if count and len(nonlinearity_args) != count:
        raise ValueError(f"expected nonlinearity_args with {count} value (alpha) for {nonlinearity!r}, received "
                         f"{nonlinearity_args}")
    outputs, kernel = _conv_weight(x, weight, spatial, channels, group, channel_last)
    _check_bias(bias, outputs)
    given = sum(t is not None for t in normalization)
    if given not in (0, 4) or (given and bias is not None):
        raise ValueError("expected either a bias, or beta, gamma, mean and variance together, or none of them")
    y = _join(batch, outputs, _convolved(spatial, kernel, total, stride, dilation), channel_last)
    channel = len(y) - 1 if channel_last else base_axis % len(y)
    expected = tuple(n if i == channel else 1 for i, n in enumerate(y))
    for name, shape in zip(("beta", "gamma", "mean", "variance"), normalization):
        if shape is not None and shape != expected:
            raise ValueError(f"expected {name} of shape {expected}, received {shape}")
    if z is not None and z != y:
        raise ValueError(f"expected z shaped as the output, {y}, received {z}")
    return y


@operator("FusedConvolution", shape=_fused_shape, resolve=_fill_windows)
def fused_convolution(x: Tensor, weight: Tensor, bias: Tensor = None, beta: Tensor = None, gamma: Tensor = None,
                      mean: State = None, variance: State = None, z: Tensor = None, base_axis: int = 1, pad: Shape = None,
                      stride: Shape = None, dilation: Shape = None, group: int = 1, channel_last: bool = False,
                      decay_rate: float = 0.9, eps: float = 1e-5, batch_stat: bool = True, nonlinearity: str = "relu",
                      nonlinearity_args: Floats = (), pad_mode: str = "constant", constant_value: float = 0.0):
    r"""Padding, convolution, batch normalization, addition and activation in one.

    .. math:: y = \phi(\mathrm{BN}(w * \mathrm{pad}(x) + b) + z)

    Each step without its inputs is left out. A bias excludes batch normalization.

    Args:
        x: Array (batch..., channels, spatial...); axes before ``base_axis`` are batch.
        weight: Array (outputs, channels / group, kernel...).
        bias: Array (outputs,).
        beta, gamma, mean, variance: Inputs of :func:`batch_normalization`, all or none.
        z: Array shaped as the output, added before the activation.
        base_axis (int): Position of the channel axis.
        pad (sequence of int): Padding at both ends of each spatial axis, or one number for each end in
            turn; 0 by default.
        stride (sequence of int): Step of the window along each spatial axis; 1 by default.
        dilation (sequence of int): Distance of kernel elements along each spatial axis; 1 by default.
        group (int): Channels are split into this many groups that do not see each other.
        channel_last (bool): Channels are the last axis, as in :func:`convolution`.
        decay_rate (float): Share of the running statistics that stays.
        eps (float): Added to the variance.
        batch_stat (bool): Normalize by the batch (training) or by the running statistics.
        nonlinearity (str): ``identity`` (or empty), ``relu``, ``sigmoid``, ``tanh``, ``leaky_relu``,
            ``elu`` or ``relu6``.
        nonlinearity_args (sequence of float): The slope or scale alpha of ``leaky_relu`` and ``elu``.
        pad_mode (str): ``constant``, ``reflect`` or ``repeat``.
        constant_value (float): What ``constant`` pads with.

    Returns:
        Array (batch..., outputs, spatial...).

    Raises:
        ValueError: Shapes do not agree, or a mode or nonlinearity is unknown.
    """
    bias, beta, gamma, mean, variance, z = _fused_inputs(bias, beta, gamma, mean, variance, z)
    x, restore = _one_batch(x, base_axis, channel_last)
    if channel_last:
        weight = weight.movedim(-1, 1)
    spatial = x.dim() - 2
    if len(pad) != spatial or pad_mode != "constant" or constant_value:
        ends = pad if len(pad) == 2 * spatial else [p for one in pad for p in (one, one)]
        ends = [p for i in reversed(range(spatial)) for p in ends[2 * i:2 * i + 2]]
        x = precision.pad(x, ends, _PAD_MODES[pad_mode], constant_value if pad_mode == "constant" else None)
        pad = (0,) * spatial
    y = _convolve(x, weight, bias, pad, stride, dilation, group)
    if beta is not None:
        y = normalize_batch(y, gamma, beta, mean, variance, 1, decay_rate, eps, batch_stat)
    y = restore(y)
    if z is not None:
        y = y + z
    count, function = _NONLINEARITIES[nonlinearity or "identity"]
    return function(y, *nonlinearity_args[:count])
