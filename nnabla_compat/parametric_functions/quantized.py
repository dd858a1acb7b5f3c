"""Layers whose weights and biases are quantized or pruned in each forward.

Each keeps two copies of a parameter: ``W``, which is trained, and ``W_q``, which receives the quantized
values at each forward and is what a deployed network needs. Gradients pass the quantizer as it says.
"""
import numpy as np

from .. import functions as F
from .. import parameter
from ..initializer import ConstantInitializer
from ..parameter import get_parameter_or_create
from .api import layer
from .weights import affine_shape, channels_of, filter_shape, glorot

_CONV_PARAMETERS = [("W", "Filters", "(outmaps, inmaps / group, *kernel)", True), ("b", "Bias", "(outmaps,)", True),
                    ("W_q", "Quantized filters", "(outmaps, inmaps / group, *kernel)", False),
                    ("b_q", "Quantized bias", "(outmaps,)", False)]
_AFFINE_PARAMETERS = [("W", "Weights", "(inmaps, outmaps)", True), ("b", "Bias", "(outmaps,)", True),
                      ("W_q", "Quantized weights", "(inmaps, outmaps)", False),
                      ("b_q", "Quantized bias", "(outmaps,)", False)]
_RANGES = [("min_max_quantize_w/..., min_max_quantize_b/...", "Ranges, see min_max_quantize", "1 on each axis", True)]


def _quantized(name, shape, init, default, fix_parameters, quantizer):
    """The parameter ``name``, passed through ``quantizer(parameter, array for the result)`` unless that is None."""
    scope = parameter.current_scope
    if init is None and not (name in scope and (quantizer is None or name + "_q" in scope)):
        init = default()
    value = get_parameter_or_create(name, shape, init, True, not fix_parameters)
    if quantizer is None:
        return value
    result = get_parameter_or_create(name + "_q", shape, init, False)
    value = quantizer(value, result.data)
    value.persistent = True
    return value


def _affine(inp, n_outmaps, base_axis, w_init, b_init, fix_parameters, rng, with_bias, quantize_w, quantize_b):
    shape, outmaps, fan_in, fan_out = affine_shape(inp, n_outmaps, base_axis)
    w = _quantized("W", shape, w_init, lambda: glorot(fan_in, fan_out, rng=rng), fix_parameters, quantize_w)
    b = _quantized("b", outmaps, b_init, ConstantInitializer, fix_parameters, quantize_b) if with_bias else None
    return F.affine(inp, w, b, base_axis)


def _convolution(name, inp, outmaps, kernel, pad, stride, dilation, group, channel_last, w_init, b_init, base_axis,
                 fix_parameters, rng, with_bias, quantize_w, quantize_b):
    channels = channels_of(name, inp, base_axis, channel_last)
    w = _quantized("W", (outmaps,) + filter_shape(channels, kernel, group, channel_last), w_init,
                   lambda: glorot(channels, outmaps, tuple(kernel), rng), fix_parameters, quantize_w)
    b = _quantized("b", (outmaps,), b_init, ConstantInitializer, fix_parameters, quantize_b) if with_bias else None
    return F.convolution(inp, w, b, base_axis, pad, stride, dilation, group, channel_last)


def _fixed_point(quantize, sign, n, delta, ste_fine_grained):
    return quantize and (lambda x, out: F.fixed_point_quantize(
        x, quantize=quantize, sign=sign, n=n, delta=delta, ste_fine_grained=ste_fine_grained, outputs=[out])) or None


def _pow2(quantize, sign, with_zero, n, m, ste_fine_grained):
    return quantize and (lambda x, out: F.pow2_quantize(
        x, quantize=quantize, sign=sign, with_zero=with_zero, n=n, m=m, ste_fine_grained=ste_fine_grained,
        outputs=[out])) or None


def _prune(prune, rate):
    return prune and (lambda x, out: F.prune(x, rate=rate, outputs=[out])) or None


def _min_max(quantize, ql_min, ql_max, min_max, qr_min_init, qr_max_init, limit, ste_fine_grained, eps, fix_parameters,
             name):
    return quantize and (lambda x, out: min_max_quantize(
        x, ql_min, ql_max, 0.999, min_max, False, ste_fine_grained=ste_fine_grained, eps=eps,
        qr_min_init=ConstantInitializer(-limit) if qr_min_init is None else qr_min_init,
        qr_max_init=ConstantInitializer(limit) if qr_max_init is None else qr_max_init,
        fix_parameters=fix_parameters, outputs=[out], name=name)) or None


@layer("fp_quantized_affine", _AFFINE_PARAMETERS)
def fixed_point_quantized_affine(inp, n_outmaps, base_axis=1, w_init=None, b_init=None, fix_parameters=False, rng=None,
                                 with_bias=True, quantize_w=True, sign_w=True, n_w=8, delta_w=2**-4,
                                 ste_fine_grained_w=True, quantize_b=True, sign_b=True, n_b=8, delta_b=2**-4,
                                 ste_fine_grained_b=True):
    r"""Fully connected layer with weights and bias on a fixed-point grid.

    Args:
        inp: Array; the axes from ``base_axis`` on are flattened.
        n_outmaps (int or tuple of int): Number of outputs, or the shape they form.
        quantize_w, quantize_b (bool): Whether to quantize the weights, the bias.
        sign_w, sign_b (bool): Signed grid.
        n_w, n_b (int): Bits.
        delta_w, delta_b (float): Step of the grid.
        ste_fine_grained_w, ste_fine_grained_b (bool): No gradient for values beyond the grid.

    Returns:
        Array of the batch axes and ``n_outmaps``.
    """
    return _affine(inp, n_outmaps, base_axis, w_init, b_init, fix_parameters, rng, with_bias,
                   _fixed_point(quantize_w, sign_w, n_w, delta_w, ste_fine_grained_w),
                   _fixed_point(quantize_b, sign_b, n_b, delta_b, ste_fine_grained_b))


@layer("fp_quantized_conv", _CONV_PARAMETERS)
def fixed_point_quantized_convolution(inp, outmaps, kernel, pad=None, stride=None, dilation=None, group=1,
                                      channel_last=False, w_init=None, b_init=None, base_axis=1, fix_parameters=False,
                                      rng=None, with_bias=True, quantize_w=True, sign_w=True, n_w=8, delta_w=2**-4,
                                      ste_fine_grained_w=True, quantize_b=True, sign_b=True, n_b=8, delta_b=2**-4,
                                      ste_fine_grained_b=True):
    r"""Convolution with filters and bias on a fixed-point grid.

    Args:
        inp: Array of batch axes, channels (at ``base_axis``) and spatial axes.
        outmaps (int): Number of output channels.
        quantize_w, quantize_b (bool): Whether to quantize the filters, the bias.
        sign_w, sign_b (bool): Signed grid.
        n_w, n_b (int): Bits.
        delta_w, delta_b (float): Step of the grid.
        ste_fine_grained_w, ste_fine_grained_b (bool): No gradient for values beyond the grid.

    Returns:
        Array with ``outmaps`` channels.
    """
    return _convolution("fixed_point_quantized_convolution", inp, outmaps, kernel, pad, stride, dilation, group,
                        channel_last, w_init, b_init, base_axis, fix_parameters, rng, with_bias,
                        _fixed_point(quantize_w, sign_w, n_w, delta_w, ste_fine_grained_w),
                        _fixed_point(quantize_b, sign_b, n_b, delta_b, ste_fine_grained_b))


@layer("pow2_quantized_affine", _AFFINE_PARAMETERS)
def pow2_quantized_affine(inp, n_outmaps, base_axis=1, w_init=None, b_init=None, fix_parameters=False, rng=None,
                          with_bias=True, quantize_w=True, sign_w=True, with_zero_w=False, n_w=8, m_w=2,
                          ste_fine_grained_w=True, quantize_b=True, sign_b=True, with_zero_b=False, n_b=8, m_b=2,
                          ste_fine_grained_b=True):
    r"""Fully connected layer with weights and bias that are powers of two.

    Args:
        inp: Array; the axes from ``base_axis`` on are flattened.
        n_outmaps (int or tuple of int): Number of outputs, or the shape they form.
        quantize_w, quantize_b (bool): Whether to quantize the weights, the bias.
        sign_w, sign_b (bool): Negative values too.
        with_zero_w, with_zero_b (bool): Zero too.
        n_w, n_b (int): Bits.
        m_w, m_b (int): Exponent of the largest power.
        ste_fine_grained_w, ste_fine_grained_b (bool): No gradient for values beyond the largest power.

    Returns:
        Array of the batch axes and ``n_outmaps``.
    """
    return _affine(inp, n_outmaps, base_axis, w_init, b_init, fix_parameters, rng, with_bias,
                   _pow2(quantize_w, sign_w, with_zero_w, n_w, m_w, ste_fine_grained_w),
                   _pow2(quantize_b, sign_b, with_zero_b, n_b, m_b, ste_fine_grained_b))


@layer("pow2_quantized_conv", _CONV_PARAMETERS)
def pow2_quantized_convolution(inp, outmaps, kernel, pad=None, stride=None, dilation=None, group=1, w_init=None,
                               b_init=None, base_axis=1, fix_parameters=False, rng=None, with_bias=True,
                               quantize_w=True, with_zero_w=False, sign_w=True, n_w=8, m_w=2, ste_fine_grained_w=True,
                               quantize_b=True, with_zero_b=False, sign_b=True, n_b=8, m_b=2, ste_fine_grained_b=True):
    r"""Convolution with filters and bias that are powers of two.

    Args:
        inp: Array of batch axes, channels (at ``base_axis``) and spatial axes.
        outmaps (int): Number of output channels.
        quantize_w, quantize_b (bool): Whether to quantize the filters, the bias.
        with_zero_w, with_zero_b (bool): Zero too.
        sign_w, sign_b (bool): Negative values too.
        n_w, n_b (int): Bits.
        m_w, m_b (int): Exponent of the largest power.
        ste_fine_grained_w, ste_fine_grained_b (bool): No gradient for values beyond the largest power.

    Returns:
        Array with ``outmaps`` channels.
    """
    return _convolution("pow2_quantized_convolution", inp, outmaps, kernel, pad, stride, dilation, group, False, w_init,
                        b_init, base_axis, fix_parameters, rng, with_bias,
                        _pow2(quantize_w, sign_w, with_zero_w, n_w, m_w, ste_fine_grained_w),
                        _pow2(quantize_b, sign_b, with_zero_b, n_b, m_b, ste_fine_grained_b))


@layer("pruned_affine", _AFFINE_PARAMETERS)
def pruned_affine(inp, n_outmaps, base_axis=1, w_init=None, b_init=None, fix_parameters=False, rng=None, with_bias=True,
                  prune_w=True, rate_w=0.9, prune_b=True, rate_b=0.9):
    r"""Fully connected layer whose smallest weights are set to zero.

    Args:
        inp: Array; the axes from ``base_axis`` on are flattened.
        n_outmaps (int or tuple of int): Number of outputs, or the shape they form.
        prune_w, prune_b (bool): Whether to prune the weights, the bias.
        rate_w, rate_b (float): Share of values set to zero.

    Returns:
        Array of the batch axes and ``n_outmaps``.
    """
    return _affine(inp, n_outmaps, base_axis, w_init, b_init, fix_parameters, rng, with_bias,
                   _prune(prune_w, rate_w), _prune(prune_b, rate_b))


@layer("pruned_conv", _CONV_PARAMETERS)
def pruned_convolution(inp, outmaps, kernel, pad=None, stride=None, dilation=None, group=1, channel_last=False,
                       w_init=None, b_init=None, base_axis=1, fix_parameters=False, rng=None, with_bias=True,
                       prune_w=True, rate_w=0.9, prune_b=True, rate_b=0.9):
    r"""Convolution whose smallest weights are set to zero.

    Args:
        inp: Array of batch axes, channels (at ``base_axis``) and spatial axes.
        outmaps (int): Number of output channels.
        prune_w, prune_b (bool): Whether to prune the filters, the bias.
        rate_w, rate_b (float): Share of values set to zero.

    Returns:
        Array with ``outmaps`` channels.
    """
    return _convolution("pruned_convolution", inp, outmaps, kernel, pad, stride, dilation, group, channel_last, w_init,
                        b_init, base_axis, fix_parameters, rng, with_bias,
                        _prune(prune_w, rate_w), _prune(prune_b, rate_b))


@layer("min_max_quantize", [("qr_min", "Smallest representable value", "that of ql_min", True),
                            ("qr_max", "Largest representable value", "that of ql_max", True),
                            ("ql_min, ql_max", "Levels given as numbers", "1 on each axis", False)])
def min_max_quantize(x, ql_min=0, ql_max=255, decay=0.999, x_min_max=False, ema=False, ste_fine_grained=True, eps=0.01,
                     qr_min_init=None, qr_max_init=None, fix_parameters=False, outputs=None):
    r"""Quantization to the integer levels ``ql_min`` to ``ql_max`` spread over a range.

    The range is trained, or follows the smallest and largest values met.

    Args:
        x: Array.
        ql_min (int or Variable): Lowest level.
        ql_max (int or Variable): Highest level.
        decay (float): Weight of the past in moving averages of the range.
        x_min_max (bool): Take the range from ``x`` rather than train it.
        ema (bool): With ``x_min_max``, a moving average of it.
        ste_fine_grained (bool): No gradient for values out of range.
        eps (float): Smallest width of the range.
        qr_min_init: Initial lower end; -6 by default.
        qr_max_init: Initial upper end; 6 by default.
        outputs (list of NdArray): Where the result goes.

    Returns:
        Array shaped as ``x``.
    """
    ql_min, ql_max = _level("ql_min", ql_min, x), _level("ql_max", ql_max, x)
    trained = not (x_min_max and ema)
    qr_min = get_parameter_or_create("qr_min", ql_min.shape, ConstantInitializer(-6.0) if qr_min_init is None
                                     else qr_min_init, trained, not fix_parameters)
    qr_max = get_parameter_or_create("qr_max", ql_min.shape, ConstantInitializer(6.0) if qr_max_init is None
                                     else qr_max_init, trained, not fix_parameters)
    return F.min_max_quantize(x, qr_min, qr_max, ql_min, ql_max, decay, x_min_max, ema, ste_fine_grained, eps,
                              outputs=outputs)


def _level(name, level, x):
    if not isinstance(level, (int, float)):
        return level
    shape = [1] * x.ndim
    return get_parameter_or_create(name, shape, np.array(level).reshape(shape), False, False)


@layer("min_max_quantized_affine", _AFFINE_PARAMETERS + _RANGES)
def min_max_quantized_affine(inp, n_outmaps, base_axis=1, w_init=None, b_init=None, fix_parameters=False, rng=None,
                             with_bias=True, quantize_w=True, ql_min_w=0, ql_max_w=255, w_min_max=False,
                             qr_min_w_init=None, qr_max_w_init=None, ste_fine_grained_w=True, quantize_b=True,
                             ql_min_b=0, ql_max_b=255, b_min_max=False, qr_min_b_init=None, qr_max_b_init=None,
                             ste_fine_grained_b=True, eps=0.01):
    r"""Fully connected layer with weights and bias quantized to levels over a range, see :func:`min_max_quantize`.

    Args:
        inp: Array; the axes from ``base_axis`` on are flattened.
        n_outmaps (int or tuple of int): Number of outputs, or the shape they form.
        quantize_w, quantize_b (bool): Whether to quantize the weights, the bias.
        ql_min_w, ql_max_w, ql_min_b, ql_max_b (int): Lowest and highest levels.
        w_min_max, b_min_max (bool): Take the range from the values rather than train it.
        qr_min_w_init, qr_max_w_init: Initial range of the weights; -2 to 2 by default.
        qr_min_b_init, qr_max_b_init: Initial range of the bias; -6 to 6 by default.
        ste_fine_grained_w, ste_fine_grained_b (bool): No gradient for values out of range.
        eps (float): Smallest width of a range.

    Returns:
        Array of the batch axes and ``n_outmaps``.
    """
    return _affine(inp, n_outmaps, base_axis, w_init, b_init, fix_parameters, rng, with_bias,
                   _min_max(quantize_w, ql_min_w, ql_max_w, w_min_max, qr_min_w_init, qr_max_w_init, 2.0,
                            ste_fine_grained_w, eps, fix_parameters, "min_max_quantize_w"),
                   _min_max(quantize_b, ql_min_b, ql_max_b, b_min_max, qr_min_b_init, qr_max_b_init, 6.0,
                            ste_fine_grained_b, eps, fix_parameters, "min_max_quantize_b"))


@layer("min_max_quantized_conv", _CONV_PARAMETERS + _RANGES)
def min_max_quantized_convolution(inp, outmaps, kernel, pad=None, stride=None, dilation=None, group=1,
                                  channel_last=False, w_init=None, b_init=None, base_axis=1, fix_parameters=False,
                                  rng=None, with_bias=True, quantize_w=True, ql_min_w=0, ql_max_w=255, w_min_max=False,
                                  qr_min_w_init=None, qr_max_w_init=None, ste_fine_grained_w=True, quantize_b=True,
                                  ql_min_b=0, ql_max_b=255, b_min_max=False, qr_min_b_init=None, qr_max_b_init=None,
                                  ste_fine_grained_b=True, eps=0.01):
    r"""Convolution with filters and bias quantized to levels over a range, see :func:`min_max_quantize`.

    Args:
        inp: Array of batch axes, channels (at ``base_axis``) and spatial axes.
        outmaps (int): Number of output channels.
        quantize_w, quantize_b (bool): Whether to quantize the filters, the bias.
        ql_min_w, ql_max_w, ql_min_b, ql_max_b (int): Lowest and highest levels.
        w_min_max, b_min_max (bool): Take the range from the values rather than train it.
        qr_min_w_init, qr_max_w_init: Initial range of the filters; -2 to 2 by default.
        qr_min_b_init, qr_max_b_init: Initial range of the bias; -6 to 6 by default.
        ste_fine_grained_w, ste_fine_grained_b (bool): No gradient for values out of range.
        eps (float): Smallest width of a range.

    Returns:
        Array with ``outmaps`` channels.
    """
    return _convolution("min_max_quantized_convolution", inp, outmaps, kernel, pad, stride, dilation, group,
                        channel_last, w_init, b_init, base_axis, fix_parameters, rng, with_bias,
                        _min_max(quantize_w, ql_min_w, ql_max_w, w_min_max, qr_min_w_init, qr_max_w_init, 2.0,
                                 ste_fine_grained_w, eps, fix_parameters, "min_max_quantize_w"),
                        _min_max(quantize_b, ql_min_b, ql_max_b, b_min_max, qr_min_b_init, qr_max_b_init, 6.0,
                                 ste_fine_grained_b, eps, fix_parameters, "min_max_quantize_b"))
