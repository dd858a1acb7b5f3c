"""Comparisons, logic and selection.

Comparisons and logic give 0 or 1 in the dtype of their input. They have no gradient: the outputs
stand outside torch's graph, where nnabla raises when it meets them in a backward pass.
"""
import math
from functools import partial

import torch

from ..registry import Double, Tensor, operator
from .autograd import apply
from .math import StraightThrough
from .selection import select
from .shapes import broadcast_pair, require_equal_axes, same_shape


def compared(compare, x0, x1):
    """What ``compare`` finds, as 0 and 1 in the dtype of ``x0``, outside the graph; ``x1`` may be a scalar."""
    x0, other = x0.detach(), x1.detach() if isinstance(x1, torch.Tensor) else x1
    if torch.compiler.is_compiling() or torch._C._are_functorch_transforms_active():
        return compare(x0, other).to(x0.dtype)
    # Numbers at once: going through torch.bool is several times slower.
    shape = x0.shape if other is x1 else broadcast_pair(x0.shape, other.shape)
    return compare(x0, other, out=torch.empty(shape, dtype=x0.dtype, device=x0.device))


def directly(compare):
    """``direct`` of a comparison with a scalar, which comes as a tensor: torch would make one of it in each call."""
    return lambda x0, val: partial(_compared_now, compare, torch.tensor(val, dtype=torch.float32))


def _compared_now(compare, val, x0):
    x0 = x0.detach()
    return compare(x0, val, out=torch.empty_like(x0))


def _truth(x):
    """1 where an element is not 0."""
    return compared(torch.ne, x, 0)


# Comparison of two arrays

@operator("Equal", shape=broadcast_pair, backward_reads="")
def equal(x0: Tensor, x1: Tensor):
    """1 where ``x0`` equals ``x1``, else 0.

    Args:
        x0: Array of any shape.
        x1: Array with as many axes as ``x0``; axes of length 1 are stretched, in either.

    Returns:
        Array of the broadcast shape, without gradient.

    Raises:
        ValueError: The shapes do not match.
    """
    require_equal_axes(x0, x1)
    return compared(torch.eq, x0, x1)


@operator("NotEqual", shape=broadcast_pair, backward_reads="")
def not_equal(x0: Tensor, x1: Tensor):
    """1 where ``x0`` differs from ``x1``, else 0.

    Args:
        x0: Array of any shape.
        x1: Array with as many axes as ``x0``; axes of length 1 are stretched, in either.

    Returns:
        Array of the broadcast shape, without gradient.

    Raises:
        ValueError: The shapes do not match.
    """
    require_equal_axes(x0, x1)
    return compared(torch.ne, x0, x1)


@operator("Greater", shape=broadcast_pair, backward_reads="")
def greater(x0: Tensor, x1: Tensor):
    r"""1 where :math:`x_0 > x_1`, else 0.

    Args:
        x0: Array of any shape.
        x1: Array with as many axes as ``x0``; axes of length 1 are stretched, in either.

    Returns:
        Array of the broadcast shape, without gradient.

    Raises:
        ValueError: The shapes do not match.
    """
    require_equal_axes(x0, x1)
    return compared(torch.gt, x0, x1)


@operator("GreaterEqual", shape=broadcast_pair, backward_reads="")
def greater_equal(x0: Tensor, x1: Tensor):
    r"""1 where :math:`x_0 \ge x_1`, else 0.

    Args:
        x0: Array of any shape.
        x1: Array with as many axes as ``x0``; axes of length 1 are stretched, in either.

    Returns:
        Array of the broadcast shape, without gradient.

    Raises:
        ValueError: The shapes do not match.
    """
    require_equal_axes(x0, x1)
    return compared(torch.ge, x0, x1)


@operator("Less", shape=broadcast_pair, backward_reads="")
def less(x0: Tensor, x1: Tensor):
    r"""1 where :math:`x_0 < x_1`, else 0.

    Args:
        x0: Array of any shape.
        x1: Array with as many axes as ``x0``; axes of length 1 are stretched, in either.

    Returns:
        Array of the broadcast shape, without gradient.

    Raises:
        ValueError: The shapes do not match.
    """
    require_equal_axes(x0, x1)
    return compared(torch.lt, x0, x1)


@operator("LessEqual", shape=broadcast_pair, backward_reads="")
def less_equal(x0: Tensor, x1: Tensor):
    r"""1 where :math:`x_0 \le x_1`, else 0.

    Args:
        x0: Array of any shape.
        x1: Array with as many axes as ``x0``; axes of length 1 are stretched, in either.

    Returns:
        Array of the broadcast shape, without gradient.

    Raises:
        ValueError: The shapes do not match.
    """
    require_equal_axes(x0, x1)
    return compared(torch.le, x0, x1)


# Comparison with a scalar

@operator("EqualScalar", shape=same_shape, backward_reads="", direct=directly(torch.eq))
def equal_scalar(x0: Tensor, val: Double = 1):
    """1 where ``x0`` equals the scalar, else 0.

    Args:
        x0: Array of any shape.
        val (float): The scalar.

    Returns:
        Array shaped as ``x0``, without gradient.
    """
    return compared(torch.eq, x0, val)


@operator("NotEqualScalar", shape=same_shape, backward_reads="", direct=directly(torch.ne))
def not_equal_scalar(x0: Tensor, val: Double = 1):
    """1 where ``x0`` differs from the scalar, else 0.

    Args:
        x0: Array of any shape.
        val (float): The scalar.

    Returns:
        Array shaped as ``x0``, without gradient.
    """
    return compared(torch.ne, x0, val)


@operator("GreaterScalar", shape=same_shape, backward_reads="", direct=directly(torch.gt))
def greater_scalar(x0: Tensor, val: Double = 1):
    r"""1 where :math:`x_0 > v`, else 0.

    Args:
        x0: Array of any shape.
        val (float): :math:`v`.

    Returns:
        Array shaped as ``x0``, without gradient.
    """
    return compared(torch.gt, x0, val)


@operator("GreaterEqualScalar", shape=same_shape, backward_reads="", direct=directly(torch.ge))
def greater_equal_scalar(x0: Tensor, val: Double = 1):
    r"""1 where :math:`x_0 \ge v`, else 0.

    Args:
        x0: Array of any shape.
        val (float): :math:`v`.

    Returns:
        Array shaped as ``x0``, without gradient.
    """
    return compared(torch.ge, x0, val)


@operator("LessScalar", shape=same_shape, backward_reads="", direct=directly(torch.lt))
def less_scalar(x0: Tensor, val: Double = 1):
    r"""1 where :math:`x_0 < v`, else 0.

    Args:
        x0: Array of any shape.
        val (float): :math:`v`.

    Returns:
        Array shaped as ``x0``, without gradient.
    """
    return compared(torch.lt, x0, val)


@operator("LessEqualScalar", shape=same_shape, backward_reads="", direct=directly(torch.le))
def less_equal_scalar(x0: Tensor, val: Double = 1):
    r"""1 where :math:`x_0 \le v`, else 0.

    Args:
        x0: Array of any shape.
        val (float): :math:`v`.

    Returns:
        Array shaped as ``x0``, without gradient.
    """
    return compared(torch.le, x0, val)


# Logic: every value but 0 is true

@operator("LogicalNot", shape=same_shape, backward_reads="")
def logical_not(x0: Tensor):
    """1 where ``x0`` is 0, else 0.

    Args:
        x0: Array of any shape.

    Returns:
        Array shaped as ``x0``, without gradient.
    """
    return compared(torch.eq, x0, 0)


@operator("LogicalAnd", shape=broadcast_pair, backward_reads="")
def logical_and(x0: Tensor, x1: Tensor):
    """1 where both inputs differ from 0, else 0.

    Args:
        x0: Array of any shape.
        x1: Array with as many axes as ``x0``; axes of length 1 are stretched, in either.

    Returns:
        Array of the broadcast shape, without gradient.

    Raises:
        ValueError: The shapes do not match.
    """
    require_equal_axes(x0, x1)
    return _truth(x0) * _truth(x1)


@operator("LogicalOr", shape=broadcast_pair, backward_reads="")
def logical_or(x0: Tensor, x1: Tensor):
    """1 where at least one input differs from 0, else 0.

    Args:
        x0: Array of any shape.
        x1: Array with as many axes as ``x0``; axes of length 1 are stretched, in either.

    Returns:
        Array of the broadcast shape, without gradient.

    Raises:
        ValueError: The shapes do not match.
    """
    require_equal_axes(x0, x1)
    return torch.maximum(_truth(x0), _truth(x1))


@operator("LogicalXor", shape=broadcast_pair, backward_reads="")
def logical_xor(x0: Tensor, x1: Tensor):
    """1 where exactly one input differs from 0, else 0.

    Args:
        x0: Array of any shape.
        x1: Array with as many axes as ``x0``; axes of length 1 are stretched, in either.

    Returns:
        Array of the broadcast shape, without gradient.

    Raises:
        ValueError: The shapes do not match.
    """
    require_equal_axes(x0, x1)
    return compared(torch.ne, _truth(x0), _truth(x1))


@operator("LogicalAndScalar", shape=same_shape, backward_reads="")
def logical_and_scalar(x0: Tensor, val: bool):
    """1 where ``x0`` differs from 0 and the scalar is true, else 0.

    Args:
        x0: Array of any shape.
        val (bool): The scalar.

    Returns:
        Array shaped as ``x0``, without gradient.
    """
    return _truth(x0) if val else torch.zeros_like(x0)


@operator("LogicalOrScalar", shape=same_shape, backward_reads="")
def logical_or_scalar(x0: Tensor, val: bool):
    """1 where ``x0`` differs from 0 or the scalar is true, else 0.

    Args:
        x0: Array of any shape.
        val (bool): The scalar.

    Returns:
        Array shaped as ``x0``, without gradient.
    """
    return torch.ones_like(x0) if val else _truth(x0)


@operator("LogicalXorScalar", shape=same_shape, backward_reads="")
def logical_xor_scalar(x0: Tensor, val: bool):
    """1 where either ``x0`` differs from 0 or the scalar is true, but not both, else 0.

    Args:
        x0: Array of any shape.
        val (bool): The scalar.

    Returns:
        Array shaped as ``x0``, without gradient.
    """
    return compared(torch.eq, x0, 0) if val else _truth(x0)


# Larger, smaller, sign

_hardtanh = torch._C._nn.hardtanh   # (clamp, of which it is made, has gradient 1 at the bounds)


@operator("Maximum2", shape=broadcast_pair)
def maximum2(x0: Tensor, x1: Tensor):
    r"""The larger of two arrays, element by element.

    .. math:: y = \max(x_0, x_1)

    The gradient goes to the input taken, at a tie to ``x1``.

    Args:
        x0: Array of any shape.
        x1: Array with as many axes as ``x0``; axes of length 1 are stretched, in either.

    Returns:
        Array of the broadcast shape.

    Raises:
        ValueError: The shapes do not match.
    """
    require_equal_axes(x0, x1)
    return select(compared(torch.gt, x0, x1), x0, x1)  # torch.maximum shares the gradient of a tie


@operator("Minimum2", shape=broadcast_pair)
def minimum2(x0: Tensor, x1: Tensor):
    r"""The smaller of two arrays, element by element.

    .. math:: y = \min(x_0, x_1)

    The gradient goes to the input taken, at a tie to ``x1``.

    Args:
        x0: Array of any shape.
        x1: Array with as many axes as ``x0``; axes of length 1 are stretched, in either.

    Returns:
        Array of the broadcast shape.

    Raises:
        ValueError: The shapes do not match.
    """
    require_equal_axes(x0, x1)
    return select(compared(torch.lt, x0, x1), x0, x1)  # torch.minimum shares the gradient of a tie


@operator("MaximumScalar", shape=same_shape, direct=lambda x, val: partial(_hardtanh, min_val=val, max_val=math.inf))
def maximum_scalar(x: Tensor, val: Double = 1.0):
    r"""The larger of an array and a scalar.

    .. math:: y = \max(x, v)

    The gradient is 1 where :math:`x > v`, else 0. NaN stays NaN, so that a diverged network shows.

    Args:
        x: Array of any shape.
        val (float): :math:`v`.

    Returns:
        Array shaped as ``x``.
    """
    return _hardtanh(x, val, math.inf)


@operator("MinimumScalar", shape=same_shape, direct=lambda x, val: partial(_hardtanh, min_val=-math.inf, max_val=val))
def minimum_scalar(x: Tensor, val: Double = 1.0):
    r"""The smaller of an array and a scalar.

    .. math:: y = \min(x, v)

    The gradient is 1 where :math:`x < v`, else 0. NaN stays NaN, so that a diverged network shows.

    Args:
        x: Array of any shape.
        val (float): :math:`v`.

    Returns:
        Array shaped as ``x``.
    """
    return _hardtanh(x, -math.inf, val)


def _sign(x, alpha):
    y = torch.sign(x)
    return y if alpha == 0 else torch.where(y == 0, alpha, y)


@operator("Sign", shape=same_shape, backward_reads="")
def sign(x: Tensor, alpha: float = 1.0):
    r"""Sign, with a straight-through gradient.

    .. math:: y = \begin{cases} 1 & x > 0 \\ \alpha & x = 0 \\ -1 & x < 0 \end{cases}

    The gradient passes unchanged, as if :math:`y = x`.

    Args:
        x: Array of any shape.
        alpha (float): Value at 0.

    Returns:
        Array shaped as ``x``.
    """
    return apply(StraightThrough, x, _sign, (alpha,))


# Selection and repair

def _where_shape(condition, x_true, x_false):
    if x_true != x_false:
        raise ValueError(f"expected x_true and x_false of one shape, received {x_true} and {x_false}")
    if condition != x_true[:len(condition)]:
        raise ValueError(f"expected a condition shaped as the first axes of x_true {x_true}, received shape "
                         f"{condition}")
    return x_true


@operator("Where", shape=_where_shape, backward_reads={"x_true": "condition", "x_false": "condition"})
def where(condition: Tensor, x_true: Tensor, x_false: Tensor):
    r"""Elements of one array where a condition holds, of another elsewhere.

    .. math:: y = \begin{cases} x_\mathrm{true} & c \ne 0 \\ x_\mathrm{false} & c = 0 \end{cases}

    Args:
        condition: Array that is 0 where the condition fails; no gradient. With fewer axes than
            ``x_true`` it chooses among whole sub-arrays: its axes are the first ones of ``x_true``.
        x_true: Array of any shape.
        x_false: Array shaped as ``x_true``.

    Returns:
        Array shaped as ``x_true``.

    Raises:
        ValueError: The shapes do not match.
    """
    shape = condition.shape
    if shape != x_true.shape or shape != x_false.shape:
        _where_shape(tuple(shape), tuple(x_true.shape), tuple(x_false.shape))
        condition = condition.reshape(shape + (1,) * (x_true.dim() - len(shape)))
    return select(_truth(condition), x_true, x_false)


def _searchsorted_shape(sorted_sequence, values, right=False):
    if len(sorted_sequence) != len(values) or not values or sorted_sequence[:-1] != values[:-1]:
        raise ValueError("expected sorted_sequence and values of equal shapes up to the last axis, received "
                         f"{sorted_sequence} and {values}")
    return values


def _searchsorted_resolve(arguments, *_):
    if arguments["right"] is None:
        arguments["right"] = False


@operator("SearchSorted", shape=_searchsorted_shape, resolve=_searchsorted_resolve, backward_reads="")
def searchsorted(sorted_sequence: Tensor, values: Tensor, right: bool = None):
    """Positions at which values would have to be inserted to keep a sequence sorted.

    Args:
        sorted_sequence: Array (..., length), ascending along the last axis; equal elements are allowed.
        values: Array (..., count) with the same leading axes.
        right (bool): Insert behind elements equal to the value instead of before them.

    Returns:
        Array shaped as ``values`` of positions from 0 to length, as floating point numbers, without
        gradient.

    Raises:
        ValueError: The leading axes differ.
    """
    if sorted_sequence.shape[:-1] != values.shape[:-1] or sorted_sequence.dim() != values.dim():
        _searchsorted_shape(tuple(sorted_sequence.shape), tuple(values.shape))
    return torch.searchsorted(sorted_sequence.contiguous(), values.contiguous(), right=bool(right)).type_as(values)


@operator("IsNaN", shape=same_shape, backward_reads="")
def isnan(x0: Tensor):
    """1 where ``x0`` is NaN, else 0.

    Args:
        x0: Array of any shape.

    Returns:
        Array shaped as ``x0``, without gradient.
    """
    return compared(torch.ne, x0, x0)  # NaN differs from itself


@operator("IsInf", shape=same_shape, backward_reads="")
def isinf(x0: Tensor):
    """1 where ``x0`` is infinite, of either sign, else 0.

    Args:
        x0: Array of any shape.

    Returns:
        Array shaped as ``x0``, without gradient.
    """
    return compared(torch.eq, x0.detach().abs(), math.inf)


class _ResetNaN(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(x, val):
        return torch.nan_to_num(x, val, math.inf, -math.inf)

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(inputs[0])

    @staticmethod
    def backward(ctx, grad):
        marked = torch.nan_to_num(ctx.saved_tensors[0].detach(), math.inf, 0.0, 0.0)
        return torch.ops.aten.hardtanh_backward(grad, marked, -math.inf, math.inf), None


class _ResetInf(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(x, val):
        return torch.nan_to_num(x, math.nan, val, val)

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(inputs[0])

    @staticmethod
    def backward(ctx, grad):
        return torch.ops.aten.hardtanh_backward(grad, ctx.saved_tensors[0].detach(), -math.inf, math.inf), None


@operator("ResetNaN", shape=same_shape)
def reset_nan(x0: Tensor, val: Double = 0):
    """Replace NaN by a number. Replaced elements get no gradient.

    Args:
        x0: Array of any shape.
        val (float): The replacement.

    Returns:
        Array shaped as ``x0``.
    """
    return apply(_ResetNaN, x0, val)


@operator("ResetInf", shape=same_shape)
def reset_inf(x0: Tensor, val: Double = 0):
    """Replace infinities, of either sign, by a number. Replaced elements get no gradient.

    Args:
        x0: Array of any shape.
        val (float): The replacement.

    Returns:
        Array shaped as ``x0``.
    """
    return apply(_ResetInf, x0, val)
