"""Convolutions and their transposes."""
from math import prod

import numpy as np

from .. import functions as F
from ..initializer import ConstantInitializer
from ..parameter import get_parameter
from .affine import register
from .api import layer
from .weights import bias, channels_of, filter_shape, glorot, statistic, weight

_W_AND_B = [("W", "Filters", "(outmaps, inmaps / group, *kernel)", True), ("b", "Bias", "(outmaps,)", True)]


@layer("conv", _W_AND_B)
def convolution(inp, outmaps, kernel, pad=None, stride=None, dilation=None, group=1, channel_last=False, w_init=None,
                b_init=None, base_axis=1, fix_parameters=False, rng=None, with_bias=True, apply_w=None, apply_b=None):
    r"""N-dimensional convolution with bias.

    Args:
        inp: Array of batch axes, channels (at ``base_axis``) and spatial axes.
        outmaps (int): Number of output channels.

    Returns:
        Array with ``outmaps`` channels; a spatial axis of size n becomes
        ``(n + 2 pad - dilation (kernel - 1) - 1) // stride + 1``.
    """
    channels = channels_of("convolution", inp, base_axis, channel_last)
    w = weight("W", (outmaps,) + filter_shape(channels, kernel, group, channel_last), w_init, fix_parameters,
               glorot, channels, outmaps, tuple(kernel), rng)
    if apply_w is not None:
        w = apply_w(w)
    b = bias((outmaps,), b_init, fix_parameters, with_bias, apply_b)
    return F.convolution(inp, w, b, base_axis, pad, stride, dilation, group, channel_last)


@layer("deformable_conv", _W_AND_B)
def deformable_convolution(inp, outmaps, kernel, offset, mask=None, pad=None, stride=None, dilation=None, group=1,
                           deformable_group=1, channel_last=False, w_init=None, b_init=None, base_axis=1,
                           fix_parameters=False, rng=None, with_bias=True, apply_w=None, apply_b=None):
    r"""2-dimensional convolution whose taps are moved by learnt offsets.

    Args:
        inp: Array of shape (batch, channels, height, width).
        outmaps (int): Number of output channels.
        offset: Moves of each tap, (batch, 2 * deformable_group * prod(kernel), out height, out width).
        mask: Weight of each tap, (batch, deformable_group * prod(kernel), out height, out width).
        deformable_group (int): Groups of channels with offsets of their own.

    Returns:
        Array with ``outmaps`` channels.

    Source: Zhu et al., Deformable ConvNets v2, 2018.
    """
    channels = channels_of("deformable_convolution", inp, base_axis, channel_last)
    w = weight("W", (outmaps,) + filter_shape(channels, kernel, group, channel_last), w_init, fix_parameters,
               glorot, channels, outmaps, tuple(kernel), rng)
    if apply_w is not None:
        w = apply_w(w)
    b = bias((outmaps,), b_init, fix_parameters, with_bias, apply_b)
    return F.deformable_convolution(inp, w, offset, mask, b, base_axis, pad, stride, dilation, group, deformable_group,
                                    channel_last)


@layer("depthwise_conv", [("W", "A filter for each output channel", "(inmaps * multiplier, *kernel)", True),
                          ("b", "Bias", "(inmaps * multiplier,)", True)])
def depthwise_convolution(inp, kernel, pad=None, stride=None, dilation=None, multiplier=1, w_init=None, b_init=None,
                          base_axis=1, fix_parameters=False, rng=None, with_bias=True):
    r"""Convolution of each channel by filters of its own.

    Args:
        inp: Array of batch axes, channels (at ``base_axis``) and spatial axes.
        multiplier (int): Output channels made of each input channel.

    Returns:
        Array with ``multiplier`` times the channels.
    """
    channels = channels_of("depthwise_convolution", inp, base_axis)
    outmaps = channels * multiplier
    w = weight("W", (outmaps,) + tuple(kernel), w_init, fix_parameters, glorot, outmaps, channels, tuple(kernel), rng)
    b = bias((outmaps,), b_init, fix_parameters, with_bias)
    return F.depthwise_convolution(inp, w, b, base_axis, pad, stride, dilation, multiplier)


@layer("deconv", [("W", "Filters", "(inmaps, outmaps / group, *kernel)", True), ("b", "Bias", "(outmaps,)", True)])
def deconvolution(inp, outmaps, kernel, pad=None, stride=None, dilation=None, group=1, channel_last=False,
                  output_padding=None, w_init=None, b_init=None, base_axis=1, fix_parameters=False, rng=None,
                  with_bias=True, apply_w=None, apply_b=None):
    r"""Transposed convolution with bias.

    Args:
        inp: Array of batch axes, channels (at ``base_axis``) and spatial axes.
        outmaps (int): Number of output channels.
        output_padding (tuple of int): Extra size at the end of each spatial axis.

    Returns:
        Array with ``outmaps`` channels; a spatial axis of size n becomes
        ``stride (n - 1) - 2 pad + dilation (kernel - 1) + 1 + output_padding``.
    """
    channels = channels_of("deconvolution", inp, base_axis, channel_last)
    shape = (channels,) + filter_shape(outmaps, kernel, group, channel_last)
    w = weight("W", shape, w_init, fix_parameters, glorot, outmaps, channels, tuple(kernel), rng)
    if apply_w is not None:
        w = apply_w(w)
    b = bias((outmaps,), b_init, fix_parameters, with_bias, apply_b)
    return F.deconvolution(inp, w, b, base_axis, pad, stride, dilation, group, channel_last, output_padding)


@layer("depthwise_deconv", [("W", "A filter for each input channel", "(inmaps, *kernel)", True),
                            ("b", "Bias", "(inmaps / divisor,)", True)])
def depthwise_deconvolution(inp, kernel, pad=None, stride=None, dilation=None, divisor=1, w_init=None, b_init=None,
                            base_axis=1, fix_parameters=False, rng=None, with_bias=True):
    r"""Transposed convolution of each channel by a filter of its own.

    Args:
        inp: Array of batch axes, channels (at ``base_axis``) and spatial axes.
        divisor (int): Input channels summed into each output channel.

    Returns:
        Array with the channels divided by ``divisor``.
    """
    channels = channels_of("depthwise_deconvolution", inp, base_axis)
    w = weight("W", (channels,) + tuple(kernel), w_init, fix_parameters, glorot, channels, channels, tuple(kernel), rng)
    b = bias((channels // divisor,), b_init, fix_parameters, with_bias)
    return F.depthwise_deconvolution(inp, w, b, base_axis, pad, stride, dilation, divisor)


@layer("svd_conv", [("U", "Filters of each channel", "(inmaps * r, *kernel)", True),
                    ("V", "Mixing weights", "(outmaps, inmaps * r, 1, ...)", True), ("b", "Bias", "(outmaps,)", True)])
def svd_convolution(inp, outmaps, kernel, r, pad=None, stride=None, dilation=None, uv_init=None, b_init=None,
                    base_axis=1, fix_parameters=False, rng=None, with_bias=True):
    r"""Convolution with filters of rank ``r`` per channel: a depthwise convolution, then one of size 1.

    The factors start as the truncated singular value decompositions of full filters, channel by channel.

    Args:
        inp: Array of batch axes, channels (at ``base_axis``) and spatial axes.
        outmaps (int): Number of output channels.
        r (int): Rank, at least 1.
        uv_init: The full filters to decompose: array, or initializer; uniform with Glorot's limit by default.

    Returns:
        Array with ``outmaps`` channels.
    """
    if r <= 0:
        raise AssertionError(f"svd_convolution: expected a rank r of at least 1, received {r}.")
    inmaps, kernel = channels_of("svd_convolution", inp, base_axis), tuple(kernel)
    uv = _full_filters(uv_init, inmaps, outmaps, kernel, rng)
    u, v = get_parameter("U"), get_parameter("V")
    if u is None or v is None:
        taps = np.zeros((inmaps, prod(kernel), r))
        mixing = np.zeros((inmaps, r, outmaps))
        for channel in range(inmaps):
            left, singular, right = np.linalg.svd(np.transpose(uv[:, channel, :]), full_matrices=False)
            taps[channel] = np.dot(left[:, :r], np.diag(singular[:r]))
            mixing[channel] = right[:r, :]
        shape_u, shape_v = (inmaps * r,) + kernel, (outmaps, inmaps * r) + (1,) * len(kernel)
        u = register("U", shape_u, taps.transpose(0, 2, 1).reshape(shape_u))
        v = register("V", shape_v, mixing.transpose(2, 0, 1).reshape(shape_v))
    u, v = (p.get_unlinked_variable(need_grad=not fix_parameters) for p in (u, v))
    b = bias((outmaps,), b_init, fix_parameters, with_bias)
    y = F.depthwise_convolution(inp, u, None, base_axis, pad, stride, dilation, r)
    return F.convolution(y, v, b, base_axis)


def _full_filters(init, inmaps, outmaps, kernel, rng):
    """Filters to decompose, as (outmaps, inmaps, taps). Drawn at each call, as nnabla does."""
    if init is None:
        init = glorot(inmaps, outmaps, kernel, rng)
    filters = init if isinstance(init, np.ndarray) else init((outmaps, inmaps) + kernel)
    return filters.reshape((outmaps, inmaps, prod(kernel)))


@layer("cpd3_conv", [("I", "Weights of the input channels", "(r, inmaps, 1, ...)", True),
                     ("K", "Filters", "(r, *kernel)", True),
                     ("O", "Weights of the output channels", "(outmaps, r, 1, ...)", True),
                     ("b", "Bias", "(outmaps,)", True)])
def cpd3_convolution(inp, outmaps, kernel, r, pad=None, stride=None, dilation=None, oik_init=None, b_init=None,
                     base_axis=1, fix_parameters=False, rng=None, with_bias=True, max_iter=500,
                     stopping_criterion=1e-5, lambda_reg=0.0):
    r"""Convolution with filters given by a CP decomposition of rank ``r``.

    Computed as a convolution of size 1 to ``r`` channels, a depthwise convolution, and a convolution of
    size 1 to ``outmaps`` channels. The factors start as the decomposition, by alternating least squares,
    of full filters.

    Args:
        inp: Array of batch axes, channels (at ``base_axis``) and spatial axes.
        outmaps (int): Number of output channels.
        r (int): Rank, at least 1.
        oik_init: The full filters to decompose: array, or initializer; uniform with Glorot's limit by default.
        max_iter (int): Most iterations of the decomposition.
        stopping_criterion (float): It ends when the fit changes by less; never early when negative.
        lambda_reg (float): Weight of the factors' squared norm in the least squares problems.

    Returns:
        Array with ``outmaps`` channels.
    """
    inmaps, kernel = channels_of("cpd3_convolution", inp, base_axis), tuple(kernel)
    oik = _full_filters(oik_init, inmaps, outmaps, kernel, rng)
    factors = [get_parameter(name) for name in "OIK"]
    if any(factor is None for factor in factors):
        if r <= 0:
            raise AssertionError(f"cpd3_convolution: expected a rank r of at least 1, received {r}.")
        from ..utils.factorization import cpd
        (out, in_, taps), scale = cpd.ALS().solve(
            X=oik, rank=r, max_iter=max_iter, stopping_criterion=stopping_criterion, lambda_reg=lambda_reg,
            dtype=oik.dtype, rng=rng)
        ones = (1,) * len(kernel)
        i = register("I", (r, inmaps) + ones, in_.T.reshape((r, inmaps) + ones))
        o = register("O", (outmaps, r) + ones, (out * scale).reshape((outmaps, r) + ones))
        k = register("K", (r,) + kernel, taps.T.reshape((r,) + kernel))
        factors = [o, i, k]
    o, i, k = (p.get_unlinked_variable(need_grad=not fix_parameters) for p in factors)
    b = bias((outmaps,), b_init, fix_parameters, with_bias)
    y = F.convolution(inp, i, None, base_axis)
    y = F.depthwise_convolution(y, k, None, base_axis, pad, stride, dilation, 1)
    return F.convolution(y, o, b, base_axis)


@layer("bicon_conv", [("W", "Filters before binarization", "(outmaps, inmaps, *kernel)", True),
                      ("Wb", "Binary filters", "(outmaps, inmaps, *kernel)", False), ("b", "Bias", "(outmaps,)", True)])
def binary_connect_convolution(inp, outmaps, kernel, pad=None, stride=None, dilation=None, group=1,
                               quantize_zero_to=1.0, w_init=None, wb_init=None, b_init=None, base_axis=1,
                               fix_parameters=False, rng=None, with_bias=True):
    r"""Convolution with filters of -1 and 1 (BinaryConnect).

    Args:
        inp: Array of batch axes, channels (at ``base_axis``) and spatial axes.
        outmaps (int): Number of output channels.
        quantize_zero_to (float): Binary value of a weight that is 0.
        wb_init: Initial binary filters, overwritten by the first forward.

    Returns:
        Array with ``outmaps`` channels.

    Source: Courbariaux et al., BinaryConnect: Training Deep Neural Networks with binary weights, 2015.
    """
    w, wb = _binary_filters("binary_connect_convolution", inp, outmaps, kernel, base_axis, w_init, wb_init,
                            fix_parameters, rng)
    b = bias((outmaps,), b_init, fix_parameters, with_bias)
    return F.binary_connect_convolution(inp, w, wb, b, base_axis, pad, stride, dilation, group, quantize_zero_to)


@layer("bwn_conv", [("W", "Filters before binarization", "(outmaps, inmaps, *kernel)", True),
                    ("Wb", "Binary filters", "(outmaps, inmaps, *kernel)", False),
                    ("alpha", "Scale of each output channel", "(outmaps,)", False), ("b", "Bias", "(outmaps,)", True)])
def binary_weight_convolution(inp, outmaps, kernel, pad=None, stride=None, dilation=None, group=1,
                              quantize_zero_to=1.0, w_init=None, wb_init=None, b_init=None, base_axis=1,
                              fix_parameters=False, rng=None, with_bias=True):
    r"""Convolution with binary filters and a scale for each output channel (Binary Weight Networks).

    Args:
        inp: Array of batch axes, channels (at ``base_axis``) and spatial axes.
        outmaps (int): Number of output channels.
        quantize_zero_to (float): Binary value of a weight that is 0.
        wb_init: Initial binary filters, overwritten by the first forward.

    Returns:
        Array with ``outmaps`` channels.

    Source: Rastegari et al., XNOR-Net, 2016.
    """
    w, wb = _binary_filters("binary_weight_convolution", inp, outmaps, kernel, base_axis, w_init, wb_init,
                            fix_parameters, rng)
    alpha = statistic("alpha", (outmaps,), ConstantInitializer(0))
    b = bias((outmaps,), b_init, fix_parameters, with_bias)
    return F.binary_weight_convolution(inp, w, wb, alpha, b, base_axis, pad, stride, dilation, group, quantize_zero_to)


def _binary_filters(name, inp, outmaps, kernel, base_axis, w_init, wb_init, fix_parameters, rng):
    channels, kernel = channels_of(name, inp, base_axis), tuple(kernel)
    shape = (outmaps, channels) + kernel
    w = weight("W", shape, w_init, fix_parameters, glorot, channels, outmaps, kernel, rng)
    wb = statistic("Wb", shape, glorot(channels, outmaps, kernel, rng) if wb_init is None else wb_init)
    return w, wb


@layer("inq_conv", [("W", "Filters", "(outmaps, inmaps, *kernel)", True),
                    ("I", "1 where a weight is fixed", "(outmaps, inmaps, *kernel)", False),
                    ("b", "Bias", "(outmaps,)", True)])
def inq_convolution(inp, outmaps, kernel, pad=None, stride=None, dilation=None, group=1, num_bits=4,
                    inq_iterations=(), selection_algorithm="random", seed=-1, w_init=None, i_init=None, b_init=None,
                    base_axis=1, fix_parameters=False, rng=None, with_bias=True):
    r"""Convolution whose weights are fixed to powers of two, some more at given iterations.

    Args:
        inp: Array of batch axes, channels (at ``base_axis``) and spatial axes.
        outmaps (int): Number of output channels.
        num_bits (int): Bits of a weight, sign included; at least 2.
        inq_iterations (tuple of int): Iterations at which half of the free weights are fixed; at the last, all.
        selection_algorithm (str): Which are fixed first: ``"largest_abs"`` or ``"random"``.
        seed (int): Of the random selection; -1 takes the global stream.
        i_init: Initial indicator; zeros by default.

    Returns:
        Array with ``outmaps`` channels.

    Source: Zhou et al., Incremental Network Quantization, 2017.
    """
    channels, kernel = channels_of("inq_convolution", inp, base_axis), tuple(kernel)
    shape = (outmaps, channels) + kernel
    w = weight("W", shape, w_init, fix_parameters, glorot, channels, outmaps, kernel, rng)
    i = statistic("I", shape, ConstantInitializer() if i_init is None else i_init)
    b = bias((outmaps,), b_init, fix_parameters, with_bias)
    return F.inq_convolution(inp, w, i, b, base_axis, pad, stride, dilation, group, num_bits, inq_iterations,
                             selection_algorithm, seed)
