"""Operators that round values or weights to few levels, and pass gradients straight through."""
import math

import torch

from ..registry import AsIs, Ints, Own, Shape, State, Tensor, operator
from .autograd import apply
from .affine import affine, affine_shape
from .convolution import _fill_windows, convolution, convolution_shape
from .logical import compared
from .shapes import same_shape


class _Straight(torch.autograd.Function):
    """Value ``y``, gradient of ``x``, times ``mask`` where there is one."""

    @staticmethod
    def forward(x, y, mask):
        return y.clone()

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.masked = inputs[2] is not None
        if ctx.masked:
            ctx.save_for_backward(inputs[2])

    @staticmethod
    def backward(ctx, dy):
        return dy * ctx.saved_tensors[0] if ctx.masked else dy, None, None


class _Step(torch.autograd.Function):
    """``low`` up to 0 and ``low + height`` above, with the gradient ``slope`` between -1 and 1."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x, low, height, slope):
        y = compared(torch.gt, x, 0)
        return y.mul_(height).add_(low) if low else y

    @staticmethod
    def setup_context(ctx, inputs, output):
        x, _, _, ctx.slope = inputs
        ctx.save_for_backward(x)

    @staticmethod
    def backward(ctx, dy):
        return dy * ctx.saved_tensors[0].detach().abs().lt_(1).mul_(ctx.slope), None, None, None


def straight_through(x, y, mask=None):
    """``y``, whose gradient goes to ``x`` as if it were ``x``, where ``mask`` (if any) is not zero."""
    return apply(_Straight, x, y.detach(), None if mask is None else mask.detach().to(y.dtype))


def _round_away(x):
    """Round halves away from zero, as C does (torch rounds them to even)."""
    return torch.copysign(torch.floor(x.abs() + 0.5), x)


@operator("BinarySigmoid", shape=same_shape)
def binary_sigmoid(x: Tensor):
    r"""1 where ``x`` is positive, else 0; with the gradient of a clipped line.

    .. math:: \frac{\partial y}{\partial x} = \frac{1}{2} [|x| < 1]

    Args:
        x: Array of any shape.

    Returns:
        Array shaped as ``x``.

    Source: Courbariaux et al., BinaryConnect, 2015; Hubara et al., Binarized neural networks, 2016.
    """
    return apply(_Step, x, 0, 1, 0.5)


@operator("BinaryTanh", shape=same_shape)
def binary_tanh(x: Tensor):
    r"""1 where ``x`` is positive, else -1; with the gradient of a clipped line.

    .. math:: \frac{\partial y}{\partial x} = [|x| < 1]

    Args:
        x: Array of any shape.

    Returns:
        Array shaped as ``x``.

    Source: Hubara et al., Binarized neural networks, 2016.
    """
    return apply(_Step, x, -1, 2, 1)


def _signs(weight, zero_to):
    w = weight.detach()
    return torch.where(w == 0, zero_to, w.sign())


def _binary_weight(weight, binary_weight, zero_to, alpha=None, axes=None):
    """Binarized weight with the gradient of ``weight``; what was found is kept in the buffers."""
    binary = _signs(weight, zero_to)
    binary_weight.data.copy_(binary)
    if alpha is not None:
        scale = weight.detach().abs().mean(axes, keepdim=True)
        alpha.data.copy_(scale.reshape(alpha.shape))
        binary = binary * scale
    return straight_through(weight, binary)


def _check_same(binary_weight, weight):
    if binary_weight != weight:
        raise ValueError(f"expected binary_weight shaped as weight {weight}, received {binary_weight}")


def _check_alpha(alpha, size):
    if math.prod(alpha) != size:
        raise ValueError(f"expected an alpha of {size} elements, one for each output, received shape {alpha}")


def _connect_affine_shape(x, weight, binary_weight, bias=None, base_axis=1, quantize_zero_to=1.0):
    _check_same(binary_weight, weight)
    return affine_shape(x, weight, bias, base_axis)


@operator("BinaryConnectAffine", shape=_connect_affine_shape,
          backward_reads={"x": "binary_weight", "binary_weight": "x"})
def binary_connect_affine(x: Tensor, weight: Tensor, binary_weight: State, bias: Tensor = None, base_axis: int = 1,
                          quantize_zero_to: float = 1.0):
    r"""Affine map with the signs of the weight, :math:`y = x \, \mathrm{sign}(W) + b`.

    Args:
        x: Array whose axes before ``base_axis`` count samples.
        weight: Real weight of shape ``(inputs, ...)``; the gradient of the signs goes to it.
        binary_weight: Buffer shaped as ``weight`` that keeps the signs.
        bias: Array of shape ``weight.shape[1:]``, optional.
        base_axis (int): First axis of a sample.
        quantize_zero_to (float): Sign given to 0.

    Returns:
        Array of shape ``x.shape[:base_axis] + weight.shape[1:]``.

    Raises:
        ValueError: the shapes do not fit.

    Source: Courbariaux et al., BinaryConnect: training deep neural networks with binary weights during
    propagations, 2015.
    """
    return affine(x, _binary_weight(weight, binary_weight, quantize_zero_to), bias, base_axis)


def _connect_convolution_shape(x, weight, binary_weight, bias=None, base_axis=1, pad=None, stride=None, dilation=None,
                               group=1, quantize_zero_to=1.0):
    _check_same(binary_weight, weight)
    return convolution_shape(x, weight, bias, base_axis, pad, stride, dilation, group)


@operator("BinaryConnectConvolution", shape=_connect_convolution_shape, resolve=_fill_windows,
          backward_reads={"x": "binary_weight", "binary_weight": "x"})
def binary_connect_convolution(x: Tensor, weight: Tensor, binary_weight: State, bias: Tensor = None,
                               base_axis: int = 1, pad: Shape = None, stride: Shape = None, dilation: Shape = None,
                               group: int = 1, quantize_zero_to: float = 1.0):
    """Convolution with the signs of the weight.

    Args:
        x: Array ``(batch..., channels, spatial...)``.
        weight: Real weight ``(outputs, channels / group, kernel...)``; the gradient of the signs goes to it.
        binary_weight: Buffer shaped as ``weight`` that keeps the signs.
        bias: Array ``(outputs,)``, optional.
        base_axis (int): Position of the channel axis.
        pad, stride, dilation (sequence of int): As of a convolution; 0, 1 and 1 by default.
        group (int): Number of groups of channels.
        quantize_zero_to (float): Sign given to 0.

    Returns:
        Array ``(batch..., outputs, spatial...)``.

    Raises:
        ValueError: the shapes do not fit.

    Source: Courbariaux et al., BinaryConnect, 2015.
    """
    w = _binary_weight(weight, binary_weight, quantize_zero_to)
    return convolution(x, w, bias, base_axis, pad, stride, dilation, group)


def _weight_affine_shape(x, weight, binary_weight, alpha, bias=None, base_axis=1, quantize_zero_to=1.0):
    _check_same(binary_weight, weight)
    _check_alpha(alpha, math.prod(weight[1:]))
    return affine_shape(x, weight, bias, base_axis)


@operator("BinaryWeightAffine", shape=_weight_affine_shape, backward_reads={"weight": "x"})
def binary_weight_affine(x: Tensor, weight: Tensor, binary_weight: State, alpha: State, bias: Tensor = None,
                         base_axis: int = 1, quantize_zero_to: float = 1.0):
    r"""Affine map with the signs of the weight, scaled by the mean absolute weight of each output.

    Args:
        x: Array whose axes before ``base_axis`` count samples.
        weight: Real weight of shape ``(inputs, ...)``; the gradient of the scaled signs goes to it.
        binary_weight: Buffer shaped as ``weight`` that keeps the signs.
        alpha: Buffer with one element an output that keeps the scales.
        bias: Array of shape ``weight.shape[1:]``, optional.
        base_axis (int): First axis of a sample.
        quantize_zero_to (float): Sign given to 0.

    Returns:
        Array of shape ``x.shape[:base_axis] + weight.shape[1:]``.

    Raises:
        ValueError: the shapes do not fit.

    Source: Rastegari et al., XNOR-Net: ImageNet classification using binary convolutional neural
    networks, 2016.
    """
    return affine(x, _binary_weight(weight, binary_weight, quantize_zero_to, alpha, (0,)), bias, base_axis)


def _weight_convolution_shape(x, weight, binary_weight, alpha, bias=None, base_axis=1, pad=None, stride=None,
                              dilation=None, group=1, quantize_zero_to=1.0):
    _check_same(binary_weight, weight)
    _check_alpha(alpha, weight[0])
    return convolution_shape(x, weight, bias, base_axis, pad, stride, dilation, group)


@operator("BinaryWeightConvolution", shape=_weight_convolution_shape, resolve=_fill_windows,
          backward_reads={"weight": "x"})
def binary_weight_convolution(x: Tensor, weight: Tensor, binary_weight: State, alpha: State, bias: Tensor = None,
                              base_axis: int = 1, pad: Shape = None, stride: Shape = None, dilation: Shape = None,
                              group: int = 1, quantize_zero_to: float = 1.0):
    """Convolution with the signs of the weight, scaled by the mean absolute weight of each output.

    Args:
        x: Array ``(batch..., channels, spatial...)``.
        weight: Real weight ``(outputs, channels / group, kernel...)``; the gradient of the scaled signs goes
            to it.
        binary_weight: Buffer shaped as ``weight`` that keeps the signs.
        alpha: Buffer ``(outputs,)`` that keeps the scales.
        bias: Array ``(outputs,)``, optional.
        base_axis (int): Position of the channel axis.
        pad, stride, dilation (sequence of int): As of a convolution; 0, 1 and 1 by default.
        group (int): Number of groups of channels.
        quantize_zero_to (float): Sign given to 0.

    Returns:
        Array ``(batch..., outputs, spatial...)``.

    Raises:
        ValueError: the shapes do not fit.

    Source: Rastegari et al., XNOR-Net, 2016.
    """
    w = _binary_weight(weight, binary_weight, quantize_zero_to, alpha, tuple(range(1, weight.ndim)))
    return convolution(x, w, bias, base_axis, pad, stride, dilation, group)


def _check_inq(selection_algorithm, indicator, weight):
    if selection_algorithm not in ("largest_abs", "random"):
        raise ValueError(f"expected selection_algorithm 'largest_abs' or 'random', received '{selection_algorithm}'")
    if indicator != weight:
        raise ValueError(f"expected indicator_fixedweights shaped as weight {weight}, received {indicator}")


def _inq_update(weight, indicator, num_bits, iterations, selection, rng, memo):
    """Count the forward passes; at those listed, fix half of the free weights to powers of two."""
    w, fixed = weight.data, indicator.data == 1
    step = memo["step"] = memo.get("step", -1) + 1
    if step:    # a solver may have moved fixed weights: they are put back
        w.copy_(torch.where(memo["fixed"], memo["weight"], w))
    if step in iterations:
        if step == iterations[-1]:
            chosen = ~fixed
        elif selection == "random":
            words = rng.words(2 * int((~fixed).sum()))
            draws = (words[0::2] + words[1::2] * 4294967296.0) * 2.0 ** -64
            chosen = ~fixed
            chosen[chosen.clone()] = torch.from_numpy(draws < 0.5).to(w.device)
        else:
            count = int((~fixed).sum()) // 2
            order = torch.where(fixed, -1.0, w.abs()).reshape(-1).argsort(descending=True, stable=True)
            chosen = torch.zeros_like(fixed).reshape(-1)
            chosen[order[:count]] = True
            chosen = chosen.reshape(w.shape)
        indicator.data.masked_fill_(chosen, 1)
        fixed = fixed | chosen
    w.copy_(torch.where(fixed, _inq_levels(w, num_bits), w))    # the levels follow the largest weight
    memo["weight"], memo["fixed"] = w.clone(), fixed


def _inq_levels(w, num_bits):
    """Nearest of 0 and the 2^(b-2) signed powers of two that end near the largest weight."""
    size = w.abs()
    highest = torch.floor(torch.log2(4 * size.max() / 3))
    lowest = highest + 1 - 2 ** (num_bits - 2)
    exponent = torch.floor(torch.log2(4 * size / 3)).clamp(lowest, highest)
    return torch.where(size >= torch.exp2(lowest - 1), torch.sign(w) * torch.exp2(exponent), 0.0)


def _inq_affine_shape(x, weight, indicator_fixedweights, bias=None, base_axis=1, num_bits=4, inq_iterations=(),
                      selection_algorithm="largest_abs", seed=-1):
    _check_inq(selection_algorithm, indicator_fixedweights, weight)
    return affine_shape(x, weight, bias, base_axis)


@operator("INQAffine", shape=_inq_affine_shape, backward_reads={"x": "weight", "weight": "x"})
def inq_affine(x: Tensor, weight: Own, indicator_fixedweights: State, bias: Tensor = None, base_axis: int = 1,
               num_bits: int = 4, inq_iterations: Ints = (), selection_algorithm: str = "largest_abs", seed: int = -1,
               *, rng, memo):
    """Affine map whose weights become powers of two step by step, while the others go on learning.

    Args:
        x: Array whose axes before ``base_axis`` count samples.
        weight: Weight of shape ``(inputs, ...)``, changed in place.
        indicator_fixedweights: Buffer shaped as ``weight``, 1 where a weight is fixed.
        bias: Array of shape ``weight.shape[1:]``, optional.
        base_axis (int): First axis of a sample.
        num_bits (int): Bits of a weight; one is for 0, one for the sign.
        inq_iterations (sequence of int): Forward passes, counted from 0, at which half of the free weights
            are fixed; all at the last.
        selection_algorithm (str): Fix those with the ``"largest_abs"`` values, or ``"random"`` ones.
        seed (int): Seed of the random choice; -1 draws from the common stream.

    Returns:
        Array of shape ``x.shape[:base_axis] + weight.shape[1:]``.

    Raises:
        ValueError: the shapes do not fit, or the algorithm is unknown.

    Source: Zhou et al., Incremental network quantization: towards lossless CNNs with low-precision
    weights, 2017.
    """
    _inq_update(weight, indicator_fixedweights, num_bits, inq_iterations, selection_algorithm, rng, memo)
    return affine(x, weight.to(x.dtype), bias, base_axis)


def _inq_convolution_shape(x, weight, indicator_fixedweights, bias=None, base_axis=1, pad=None, stride=None,
                           dilation=None, group=1, num_bits=4, inq_iterations=(), selection_algorithm="largest_abs",
                           seed=-1):
    _check_inq(selection_algorithm, indicator_fixedweights, weight)
    return convolution_shape(x, weight, bias, base_axis, pad, stride, dilation, group)


@operator("INQConvolution", shape=_inq_convolution_shape, resolve=_fill_windows,
          backward_reads={"x": "weight", "weight": "x"})
def inq_convolution(x: Tensor, weight: Own, indicator_fixedweights: State, bias: Tensor = None, base_axis: int = 1,
                    pad: Shape = None, stride: Shape = None, dilation: Shape = None, group: int = 1,
                    num_bits: int = 4, inq_iterations: Ints = (), selection_algorithm: str = "largest_abs",
                    seed: int = -1, *, rng, memo):
    """Convolution whose weights become powers of two step by step, while the others go on learning.

    Args:
        x: Array ``(batch..., channels, spatial...)``.
        weight: Weight ``(outputs, channels / group, kernel...)``, changed in place.
        indicator_fixedweights: Buffer shaped as ``weight``, 1 where a weight is fixed.
        bias: Array ``(outputs,)``, optional.
        base_axis (int): Position of the channel axis.
        pad, stride, dilation (sequence of int): As of a convolution; 0, 1 and 1 by default.
        group (int): Number of groups of channels.
        num_bits (int): Bits of a weight; one is for 0, one for the sign.
        inq_iterations (sequence of int): Forward passes, counted from 0, at which half of the free weights
            are fixed; all at the last.
        selection_algorithm (str): Fix those with the ``"largest_abs"`` values, or ``"random"`` ones.
        seed (int): Seed of the random choice; -1 draws from the common stream.

    Returns:
        Array ``(batch..., outputs, spatial...)``.

    Raises:
        ValueError: the shapes do not fit, or the algorithm is unknown.

    Source: Zhou et al., Incremental network quantization, 2017.
    """
    _inq_update(weight, indicator_fixedweights, num_bits, inq_iterations, selection_algorithm, rng, memo)
    return convolution(x, weight.to(x.dtype), bias, base_axis, pad, stride, dilation, group)


def _positive_bits(x, sign=True, n=8, delta=0.0625, **_):
    if n <= sign or delta <= 0:
        raise ValueError(f"expected delta above 0 and more bits than the sign takes, received n={n} and delta={delta}")
    return x


@operator("FixedPointQuantize", shape=_positive_bits,
          backward_reads=lambda args: "x" if args["ste_fine_grained"] else "")
def fixed_point_quantize(x: Tensor, sign: bool = True, n: int = 8, delta: float = 0.0625,
                         ste_fine_grained: bool = True):
    r"""Round to multiples of ``delta`` that fit in ``n`` bits.

    .. math:: y = \mathrm{sign}(x) \lfloor |x| / \delta + 1/2 \rfloor \delta

    within :math:`\pm (2^{n-1} - 1) \delta`, or from 0 to :math:`(2^n - 1) \delta` without sign.

    Args:
        x: Array of any shape.
        sign (bool): Give one of the bits to the sign.
        n (int): Number of bits.
        delta (float): Step.
        ste_fine_grained (bool): Clear the gradient of clipped elements; otherwise it passes everywhere.

    Returns:
        Array shaped as ``x``.

    Raises:
        ValueError: ``delta`` is not positive, or no bits are left beside the sign.
    """
    highest = (2 ** (n - 1) - 1 if sign else 2 ** n - 1) * delta
    lowest = -highest if sign else 0.0
    v = x.detach()
    y = (_round_away(v / delta) * delta).clamp(lowest, highest)
    return straight_through(x, y, (v >= lowest) & (v <= highest) if ste_fine_grained else None)


def _pow2_shape(x, sign=True, with_zero=True, n=8, m=1, ste_fine_grained=True):
    if n - sign - with_zero <= 0:
        raise ValueError(f"expected more bits than the {int(sign) + int(with_zero)} that sign and zero take, received n={n}")
    return x


@operator("Pow2Quantize", shape=_pow2_shape, backward_reads=lambda args: "x" if args["ste_fine_grained"] else "")
def pow2_quantize(x: Tensor, sign: bool = True, with_zero: bool = True, n: int = 8, m: int = 1,
                  ste_fine_grained: bool = True):
    r"""Round to signed powers of two, of exponents from :math:`m - 2^k + 1` to :math:`m`.

    :math:`k` is ``n`` less the bits for sign and zero. Exponents are rounded, so the threshold between two
    levels is their geometric mean.

    Args:
        x: Array of any shape.
        sign (bool): Give one of the bits to the sign; otherwise negative elements become the smallest level.
        with_zero (bool): Give one of the bits to the value 0.
        n (int): Number of bits.
        m (int): Exponent of the largest level.
        ste_fine_grained (bool): Clear the gradient of clipped elements; otherwise it passes everywhere.

    Returns:
        Array shaped as ``x``.

    Raises:
        ValueError: no bits are left for the exponent.
    """
    v = x.detach()
    highest = 2.0 ** m
    # Far below the smallest float for many bits: zero then, as in nnabla.
    lowest = math.ldexp(1.0, m - (2 ** (n - sign - with_zero) - 1))
    size = v.abs() if sign else v.clamp_min(0)
    level = torch.exp2(_round_away(torch.log2(size)))
    y = level.clamp(lowest, highest)
    if with_zero:
        y = torch.where(size < lowest * 2 ** -0.5, 0.0, y)
    mask = level <= highest
    if sign:
        y = torch.where(v < 0, -y, y)
    else:
        mask = mask & (v >= 0)
    return straight_through(x, y, mask if ste_fine_grained else None)


def _min_max_shape(x, qr_min, qr_max, ql_min, ql_max, **_):
    if not qr_min == qr_max == ql_min == ql_max:
        raise ValueError("expected qr_min, qr_max, ql_min and ql_max of one shape, received "
                         f"{qr_min}, {qr_max}, {ql_min} and {ql_max}")
    if len(qr_min) > len(x) or any(a not in (1, b) for a, b in zip(qr_min[::-1], x[::-1])):
        raise ValueError(f"expected ranges with sizes of x {x} or 1, received shape {qr_min}")
    return x


class _MinMax(torch.autograd.Function):
    """Quantized value; clipped elements give their gradient to the end of the range they were clipped to."""

    @staticmethod
    def forward(x, qr_min, qr_max, y, lowest, highest, fine):
        return y.clone()

    @staticmethod
    def setup_context(ctx, inputs, output):
        x, qr_min, _, _, lowest, highest, ctx.fine = inputs
        ctx.save_for_backward(x < lowest, x > highest)
        ctx.range_shape = qr_min.shape

    @staticmethod
    def backward(ctx, dy):
        below, above = ctx.saved_tensors
        dx = dy * ~(below | above) if ctx.fine else dy
        d_min, d_max = [(dy * mask).sum_to_size(ctx.range_shape) for mask in (below, above)]
        return dx, d_min, d_max, None, None, None, None


@operator("MinMaxQuantize", shape=_min_max_shape,
          backward_reads={"x": "x qr_min qr_max ql_min ql_max", "qr_min": "x qr_min qr_max ql_min ql_max", "qr_max": "x qr_min qr_max ql_min ql_max"})
def min_max_quantize(x: Tensor, qr_min: AsIs, qr_max: AsIs, ql_min: Tensor, ql_max: Tensor, decay: float = 0.999,
                     x_min_max: bool = False, ema: bool = False, ste_fine_grained: bool = True, eps: float = 0.01):
    r"""Round to equally spaced levels between a smallest and a largest value.

    .. math:: y = \mathrm{round}\left(\frac{\min(\max(x, m), M) - m}{s}\right) s + m,
              \quad s = \frac{M - m}{M_q - m_q}

    The range :math:`[m, M]` is first shifted so that 0 is one of the levels.

    Args:
        x: Array of any shape.
        qr_min, qr_max: Range, with axes of size 1 where ``x`` shares it; updated in place when measured.
        ql_min, ql_max: Smallest and largest level, shaped as ``qr_min``.
        decay (float): Weight of the past in the running average of the range.
        x_min_max (bool): Measure the range on ``x``.
        ema (bool): With ``x_min_max``, keep a running average of the measured ranges.
        ste_fine_grained (bool): Clear the gradient of clipped elements; otherwise it passes everywhere.
        eps (float): Smallest width of the range.

    Returns:
        Array shaped as ``x``. When the range is neither measured nor averaged it is learnt: each end
        receives the gradient of the elements clipped to it.

    Raises:
        ValueError: the shapes do not fit.

    Source: Jacob et al., Quantization and training of neural networks for efficient
    integer-arithmetic-only inference, 2018.
    """
    v = x.detach()
    low, high = qr_min.detach().to(v.dtype), qr_max.detach().to(v.dtype)
    ql_min, ql_max = ql_min.detach(), ql_max.detach()
    if x_min_max:
        lead = x.ndim - low.ndim
        axes = tuple(range(lead)) + tuple([lead + i for i, n in enumerate(low.shape) if n == 1])
        smallest, largest = [t.reshape(low.shape) for t in ((v.amin(axes), v.amax(axes)) if axes else (v, v))]
        if ema:
            smallest, largest = decay * low + (1 - decay) * smallest, decay * high + (1 - decay) * largest
        low, high = smallest, largest
        qr_min.data.copy_(low)
    high = torch.where(high - low < eps, low + eps, high)
    qr_max.data.copy_(high)
    scale = (high - low) / (ql_max - ql_min)
    zero = torch.minimum(torch.maximum(_round_away(ql_min - low / scale), ql_min), ql_max)
    lowest, highest = (ql_min - zero) * scale, (ql_max - zero) * scale
    y = torch.floor((torch.minimum(torch.maximum(v, lowest), highest) - lowest) / scale + 0.5) * scale + lowest
    if x_min_max or ema:
        return straight_through(x, y, (v >= lowest) & (v <= highest) if ste_fine_grained else None)
    return apply(_MinMax, x, qr_min, qr_max, y, lowest, highest, ste_fine_grained)


def _prune_shape(x, rate=0.9):
    if not 0 <= rate <= 1:
        raise ValueError(f"expected rate in [0, 1], received {rate}")
    return x


@operator("Prune", shape=_prune_shape, backward_reads="", half=False)
def prune(x: Tensor, rate: float = 0.9):
    """Clear the given share of the elements, the smallest in absolute value. The gradient passes everywhere.

    Args:
        x: Array of any shape.
        rate (float): Share to clear, in [0, 1].

    Returns:
        Array shaped as ``x``.

    Raises:
        ValueError: ``rate`` is outside [0, 1].
    """
    v = x.detach()
    if rate == 1 or not v.numel():
        return straight_through(x, torch.zeros_like(v))
    size = v.abs()
    threshold = size.reshape(-1).kthvalue(int(rate * (v.numel() - 1)) + 1)[0]
    return straight_through(x, torch.where(size < threshold, 0.0, v))


_LEVELS = {1: (-128, 127), 2: (0, 255)}
_ROUNDINGS = {"HALF_AWAY_FROM_ZERO": _round_away, "HALF_TO_EVEN": torch.round}


def _same_scale_shape(x, scale, zero_point):
    if scale != zero_point:
        raise ValueError(f"expected scale and zero_point of one shape, received {scale} and {zero_point}")
    if len(scale) != len(x) or any(a not in (1, b) for a, b in zip(scale, x)):
        raise ValueError(f"expected a scale with sizes of x {x} or 1, received shape {scale}")
    return x


def _quantize_linear_shape(x, scale, zero_point, round_mode="HALF_AWAY_FROM_ZERO", narrow_range=False, dtype=1):
    if round_mode not in _ROUNDINGS:
        raise ValueError(f"expected round_mode 'HALF_AWAY_FROM_ZERO' or 'HALF_TO_EVEN', received '{round_mode}'")
    if dtype not in _LEVELS:
        raise ValueError(f"expected dtype 1 (int8) or 2 (uint8), received {dtype}")
    return _same_scale_shape(x, scale, zero_point)


@operator("QuantizeLinear", shape=_quantize_linear_shape)
def quantize_linear(x: Tensor, scale: Tensor, zero_point: State, round_mode: str = "HALF_AWAY_FROM_ZERO",
                    narrow_range: bool = False, dtype: int = 1):
    r"""Quantize to 8-bit integers, held as floats: ``round(x / scale) + zero_point``, clipped.

    Args:
        x: Array of any shape.
        scale: Step, with axes of size 1 where ``x`` shares it.
        zero_point: Level that stands for 0, shaped as ``scale``; rounded and clipped in place.
        round_mode (str): ``"HALF_AWAY_FROM_ZERO"`` or ``"HALF_TO_EVEN"``.
        narrow_range (bool): Leave out the smallest level.
        dtype (int): Number of the integer type: 1 for int8, 2 for uint8.

    Returns:
        Array shaped as ``x``. Its gradient, divided by ``scale``, goes to ``x``, clipped or not.

    Raises:
        ValueError: the shapes do not fit, or the mode or type is unknown.
    """
    round_ = _ROUNDINGS[round_mode]
    lowest, highest = _LEVELS[dtype]
    lowest += narrow_range
    zero = zero_point.data
    zero.copy_(round_(zero).clamp(lowest, highest))
    scaled = x / scale.detach()
    y = (round_(scaled.detach()) + zero).clamp(lowest, highest)
    return straight_through(scaled, y.to(x.dtype))


@operator("DequantizeLinear", shape=_same_scale_shape, backward_reads={"x": "scale"})
def dequantize_linear(x: Tensor, scale: Tensor, zero_point: Tensor):
    r"""Undo :class:`QuantizeLinear`: ``(x - zero_point) * scale``.

    Args:
        x: Levels, array of any shape.
        scale: Step, with axes of size 1 where ``x`` shares it.
        zero_point: Level that stands for 0, shaped as ``scale``.

    Returns:
        Array shaped as ``x``.

    Raises:
        ValueError: the shapes do not fit.
    """
    return (x - zero_point) * scale
