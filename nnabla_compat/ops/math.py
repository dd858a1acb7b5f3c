"""Elementary functions and constant arrays."""
import functools
import math

import numpy as np
import torch

from ..registry import AsIs, Shape, Tensor, operator
from .autograd import apply
from .positions import readable
from .shapes import broadcast_pair, require_equal_axes, same_shape


class StraightThrough(torch.autograd.Function):
    """``StraightThrough.apply(x, step, arguments)`` is ``step(x, *arguments)`` with the gradient of x."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x, step, arguments):
        return step(x, *arguments)

    @staticmethod
    def setup_context(ctx, inputs, output):
        pass

    @staticmethod
    def backward(ctx, grad):
        return grad, None, None


# Elementary functions

@operator("Identity", shape=same_shape, keeps_dtype=True, backward_reads="", direct=lambda x: torch.clone)
def identity(x: AsIs):
    """Copy of the input.

    Args:
        x: Array of any shape and dtype.

    Returns:
        Array shaped as ``x``, of its dtype.
    """
    return x.clone()


@operator("Exp", shape=same_shape, backward_reads="out")
def exp(x: Tensor):
    r"""Exponential.

    .. math:: y = e^x

    Args:
        x: Array of any shape.

    Returns:
        Array shaped as ``x``.
    """
    return torch.exp(x)


@operator("Log", shape=same_shape)
def log(x: Tensor):
    r"""Natural logarithm.

    .. math:: y = \ln x

    Args:
        x: Array of any shape.

    Returns:
        Array shaped as ``x``: minus infinity at 0, NaN below.
    """
    return torch.log(x)


_BELOW_ZERO = torch.tensor(-1e-45)


class _Absolute(torch.autograd.Function):
    # torch.abs has gradient 0 at 0, nnabla's 1.
    generate_vmap_rule = True

    @staticmethod
    def forward(x):
        return torch.abs(x)

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(inputs[0])

    @staticmethod
    def backward(ctx, grad):
        x = ctx.saved_tensors[0].detach()
        if x.dtype is torch.float32 and readable(x):
            # The distance to the number just below 0, which 0 lies above: the same in one pass.
            return torch.ops.aten.smooth_l1_loss_backward(grad, x, _BELOW_ZERO, 0, 0.0)
        return torch.sub(grad, torch.ops.aten.hardtanh_backward(grad, x, -math.inf, 0.0), alpha=2)


@operator("Abs", shape=same_shape)
def abs_(x: Tensor):
    r"""Absolute value.

    .. math:: y = |x|

    The gradient at 0 is 1.

    Args:
        x: Array of any shape.

    Returns:
        Array shaped as ``x``.
    """
    return apply(_Absolute, x)


@operator("Erf", shape=same_shape)
def erf(x: Tensor):
    r"""Gauss error function.

    .. math:: y = \frac{2}{\sqrt{\pi}} \int_0^x e^{-t^2} dt

    Args:
        x: Array of any shape.

    Returns:
        Array shaped as ``x``, in (-1, 1).
    """
    return torch.erf(x)


# Trigonometric and hyperbolic functions

@operator("Sin", shape=same_shape)
def sin(x: Tensor):
    r"""Sine.

    .. math:: y = \sin x

    Args:
        x: Angles in radians, array of any shape.

    Returns:
        Array shaped as ``x``.
    """
    return torch.sin(x)


@operator("Cos", shape=same_shape)
def cos(x: Tensor):
    r"""Cosine.

    .. math:: y = \cos x

    Args:
        x: Angles in radians, array of any shape.

    Returns:
        Array shaped as ``x``.
    """
    return torch.cos(x)


@operator("Tan", shape=same_shape)
def tan(x: Tensor):
    r"""Tangent.

    .. math:: y = \tan x

    Args:
        x: Angles in radians, array of any shape.

    Returns:
        Array shaped as ``x``.
    """
    return torch.tan(x)


@operator("ASin", shape=same_shape)
def asin(x: Tensor):
    r"""Inverse sine.

    .. math:: y = \arcsin x

    Args:
        x: Array of any shape; NaN comes out of elements outside [-1, 1].

    Returns:
        Array shaped as ``x``, angles in radians.
    """
    return torch.asin(x)


@operator("ACos", shape=same_shape)
def acos(x: Tensor):
    r"""Inverse cosine.

    .. math:: y = \arccos x

    Args:
        x: Array of any shape; NaN comes out of elements outside [-1, 1].

    Returns:
        Array shaped as ``x``, angles in radians.
    """
    return torch.acos(x)


@operator("ATan", shape=same_shape)
def atan(x: Tensor):
    r"""Inverse tangent.

    .. math:: y = \arctan x

    Args:
        x: Array of any shape.

    Returns:
        Array shaped as ``x``, angles in radians.
    """
    return torch.atan(x)


@operator("ATan2", shape=broadcast_pair)
def atan2(x0: Tensor, x1: Tensor):
    r"""Angle of the point (x1, x0) seen from the origin.

    .. math:: y = \operatorname{arctan2}(x_0, x_1)

    Args:
        x0: Ordinates, array of any shape.
        x1: Abscissas, with as many axes; axes of length 1 are stretched, in either.

    Returns:
        Array of the broadcast shape, angles in radians from :math:`-\pi` to :math:`\pi`.

    Raises:
        ValueError: The shapes do not match.
    """
    require_equal_axes(x0, x1)
    return torch.atan2(x0, x1)


@operator("Sinh", shape=same_shape)
def sinh(x: Tensor):
    r"""Hyperbolic sine.

    .. math:: y = \sinh x

    Args:
        x: Array of any shape.

    Returns:
        Array shaped as ``x``.
    """
    return torch.sinh(x)


@operator("Cosh", shape=same_shape)
def cosh(x: Tensor):
    r"""Hyperbolic cosine.

    .. math:: y = \cosh x

    Args:
        x: Array of any shape.

    Returns:
        Array shaped as ``x``.
    """
    return torch.cosh(x)


@operator("ASinh", shape=same_shape)
def asinh(x: Tensor):
    r"""Inverse hyperbolic sine.

    .. math:: y = \operatorname{arsinh} x

    Args:
        x: Array of any shape.

    Returns:
        Array shaped as ``x``.
    """
    return torch.asinh(x)


@operator("ACosh", shape=same_shape)
def acosh(x: Tensor):
    r"""Inverse hyperbolic cosine.

    .. math:: y = \operatorname{arcosh} x

    Args:
        x: Array of any shape; NaN comes out of elements below 1.

    Returns:
        Array shaped as ``x``.
    """
    return torch.acosh(x)


@operator("ATanh", shape=same_shape)
def atanh(x: Tensor):
    r"""Inverse hyperbolic tangent.

    .. math:: y = \operatorname{artanh} x

    Args:
        x: Array of any shape; NaN comes out of elements outside [-1, 1].

    Returns:
        Array shaped as ``x``.
    """
    return torch.atanh(x)


# Rounding, with straight-through gradients

def round_half_away(x):
    """Nearest integer, halves away from 0 (torch.round takes them to the even one)."""
    # The largest number below a half: a half itself would carry 0.49999997 over to 1.
    half = 0.5 - torch.finfo(x.dtype).eps / 4
    return torch.trunc(x + torch.sign(x) * half)


@operator("Round", shape=same_shape, backward_reads="")
def round_(x: Tensor):
    """Nearest integer, halves away from 0, with a straight-through gradient.

    The gradient passes unchanged, as if the output were the input.

    Args:
        x: Array of any shape.

    Returns:
        Array shaped as ``x``.
    """
    return apply(StraightThrough, x, round_half_away, ())


@operator("Ceil", shape=same_shape, backward_reads="")
def ceil(x: Tensor):
    r"""Smallest integer not below, with a straight-through gradient.

    .. math:: y = \lceil x \rceil

    The gradient passes unchanged, as if the output were the input.

    Args:
        x: Array of any shape.

    Returns:
        Array shaped as ``x``.
    """
    return apply(StraightThrough, x, torch.ceil, ())


@operator("Floor", shape=same_shape, backward_reads="")
def floor(x: Tensor):
    r"""Largest integer not above, with a straight-through gradient.

    .. math:: y = \lfloor x \rfloor

    The gradient passes unchanged, as if the output were the input.

    Args:
        x: Array of any shape.

    Returns:
        Array shaped as ``x``.
    """
    return apply(StraightThrough, x, torch.floor, ())


# Constant arrays, on torch's default device

def _direct_constant(val, shape):
    if math.prod(shape) > 1:    # one number in memory, of which graphs make no array unless somebody looks at it
        return torch.full((), val, dtype=torch.float32).expand(shape).detach


def _constant_shape(val=0, shape=()):
    if any(n < 0 for n in shape):
        raise ValueError(f"expected a shape without negative lengths, received {tuple(shape)}")
    return tuple(shape)


@operator("Constant", shape=_constant_shape, half=False, direct=_direct_constant)
def constant(val: float = 0, shape: Shape = ()):
    """Array filled with one value.

    Args:
        val (float): The value.
        shape (tuple of int): Shape of the array; a scalar by default.

    Returns:
        Array of the given shape.

    Raises:
        ValueError: A length is negative.
    """
    return torch.full(shape, val, dtype=torch.float32)


@functools.lru_cache(maxsize=64)
def _progression(start, stop, step):
    """The numbers of :func:`arange`, added up in float32 as nnabla does: which ones there are depends on it."""
    start, stop, step = np.float32([start, stop, step])
    if step == 0:
        raise ValueError("expected a step other than 0, received step=0")
    count = max(0, math.ceil((float(stop) - float(start)) / float(step)))
    numbers = np.full(count + count // 8 + 8, step)  # rounding may add some
    numbers[0] = start
    numbers = np.add.accumulate(numbers)
    return numbers[(numbers < stop if step > 0 else numbers > stop).cumprod(dtype=bool)]


def _arange_shape(start, stop, step=1.0):
    return _progression(start, stop, step).shape


@operator("Arange", shape=_arange_shape)
def arange(start: float, stop: float, step: float = 1):
    r"""Numbers of equal distance, from ``start`` on and short of ``stop``.

    .. math:: y_0 = \mathrm{start}, \quad y_{i+1} = y_i + \mathrm{step}

    Args:
        start (float): The first number.
        stop (float): The end, itself left out.
        step (float): The distance, which may be negative.

    Returns:
        Array (count,), empty when ``step`` leads away from ``stop``.

    Raises:
        ValueError: ``step`` is 0.
    """
    return torch.tensor(_progression(start, stop, step))


def _linspace_shape(start, stop, num):
    if num < 0:
        raise ValueError(f"expected num of at least 0, received {num}")
    return (num,)


@operator("Linspace", shape=_linspace_shape)
def linspace(start: float, stop: float, num: int, *, memo):
    r"""Numbers of equal distance, from ``start`` to ``stop``, both included.

    .. math:: y_i = \mathrm{start} + i \cdot \frac{\mathrm{stop} - \mathrm{start}}{\mathrm{num} - 1}

    Args:
        start (float): The first number.
        stop (float): The last number.
        num (int): How many; a single one is ``start``.

    Returns:
        Array (num,).

    Raises:
        ValueError: ``num`` is negative.
    """
    if "y" not in memo:
        start, stop = np.float32([start, stop])
        step = float(stop - start) / max(num - 1, 1)
        memo["y"] = torch.from_numpy((start + np.arange(num) * step).astype(np.float32))  # rounds where nnabla rounds
    return memo["y"].clone()
