"""Convolutions, their transposes, and the depthwise, deformable, separable and fused variants.

Everything before ``base_axis`` is batch and is flattened to torch's one batch axis; what follows is
the channel axis and the spatial axes (or the other way round with ``channel_last``).
"""
from math import prod

import torch
from torch.nn import functional as F

from ..registry import Floats, Shape, State, Tensor, operator
from .shapes import normalize_axis

_CONVOLUTIONS = {1: torch.conv1d, 2: torch.conv2d, 3: torch.conv3d}
_DECONVOLUTIONS = {1: torch.conv_transpose1d, 2: torch.conv_transpose2d, 3: torch.conv_transpose3d}


# -- arguments and shapes

def _fill_windows(arguments, x, *_):
    """Defaults of pad, stride and dilation: one entry for each spatial axis."""
    spatial = len(x) - (arguments["base_axis"] + 1)
    for name, value in (("pad", 0), ("stride", 1), ("dilation", 1), ("output_padding", 0)):
        if name in arguments and arguments[name] is None:
            arguments[name] = (value,) * spatial


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
    return _DECONVOLUTIONS[n](x, weight, bias, stride, pad, output_padding, group, dilation)


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

@operator("Convolution", shape=convolution_shape, resolve=_fill_windows)
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


@operator("Deconvolution", shape=deconvolution_shape, resolve=_fill_windows)
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
        return torch.conv_transpose2d(x, weight, bias, stride, pad, output_padding, group, dilation)
    x, restore = _one_batch(x, base_axis, channel_last)
    if channel_last:
        weight = weight.movedim(-1, 1)
    return restore(_deconvolve(x, weight, bias, pad, stride, dilation, group, output_padding))


@operator("DepthwiseConvolution", shape=depthwise_convolution_shape, resolve=_fill_windows)
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


@operator("DepthwiseDeconvolution", shape=depthwise_deconvolution_shape, resolve=_fill_windows)
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
