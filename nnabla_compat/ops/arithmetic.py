"""Arithmetic on arrays and scalars."""
from functools import partial

import torch

from ..registry import Double, Tensor, operator
from .autograd import apply
from .shapes import broadcast_pair, equal_shapes, require_equal_axes, require_equal_shapes, same_shape


# Two arrays

@operator("Add2", shape=broadcast_pair, backward_reads="", direct=lambda x0, x1, inplace: torch.add)
def add2(x0: Tensor, x1: Tensor, inplace: bool = False):
    r"""Sum of two arrays.

    .. math:: y = x_0 + x_1

    Args:
        x0: Array of any shape.
        x1: Array with as many axes as ``x0``; axes of length 1 are stretched, in either.
        inplace (bool): Accepted for compatibility; nothing is overwritten.

    Returns:
        Array of the broadcast shape.

    Raises:
        ValueError: The shapes do not match.
    """
    require_equal_axes(x0, x1)
    return x0 + x1


@operator("BcAdd2", shape=broadcast_pair, backward_reads="")
def bc_add2(x0: Tensor, x1: Tensor, inplace: bool = False):
    r"""Sum of two arrays; an old name of :func:`add2`.

    .. math:: y = x_0 + x_1

    Args:
        x0: Array of any shape.
        x1: Array with as many axes as ``x0``; axes of length 1 are stretched, in either.
        inplace (bool): Accepted for compatibility; nothing is overwritten.

    Returns:
        Array of the broadcast shape.

    Raises:
        ValueError: The shapes do not match.
    """
    require_equal_axes(x0, x1)
    return x0 + x1


@operator("Sub2", shape=broadcast_pair, backward_reads="", direct=lambda x0, x1, inplace: torch.sub)
def sub2(x0: Tensor, x1: Tensor, inplace: bool = False):
    r"""Difference of two arrays.

    .. math:: y = x_0 - x_1

    Args:
        x0: Array of any shape.
        x1: Array with as many axes as ``x0``; axes of length 1 are stretched, in either.
        inplace (bool): Accepted for compatibility; nothing is overwritten.

    Returns:
        Array of the broadcast shape.

    Raises:
        ValueError: The shapes do not match.
    """
    require_equal_axes(x0, x1)
    return x0 - x1


@operator("Mul2", shape=broadcast_pair, direct=lambda x0, x1, inplace: torch.mul)
def mul2(x0: Tensor, x1: Tensor, inplace: bool = False):
    r"""Product of two arrays, element by element.

    .. math:: y = x_0 x_1

    Args:
        x0: Array of any shape.
        x1: Array with as many axes as ``x0``; axes of length 1 are stretched, in either.
        inplace (bool): Accepted for compatibility; nothing is overwritten.

    Returns:
        Array of the broadcast shape.

    Raises:
        ValueError: The shapes do not match.
    """
    require_equal_axes(x0, x1)
    return x0 * x1


@operator("Div2", shape=broadcast_pair, direct=lambda x0, x1, inplace: torch.div)
def div2(x0: Tensor, x1: Tensor, inplace: bool = False):
    r"""Quotient of two arrays, element by element.

    .. math:: y = \frac{x_0}{x_1}

    Args:
        x0: Array of any shape.
        x1: Array with as many axes as ``x0``; axes of length 1 are stretched, in either.
        inplace (bool): Accepted for compatibility; nothing is overwritten.

    Returns:
        Array of the broadcast shape; division by 0 gives infinity or NaN.

    Raises:
        ValueError: The shapes do not match.
    """
    require_equal_axes(x0, x1)
    return x0 / x1


@operator("Pow2", shape=broadcast_pair)
def pow2(x0: Tensor, x1: Tensor, inplace: bool = False):
    r"""One array to the power of the other.

    .. math:: y = x_0^{x_1}

    Args:
        x0: The base, of any shape.
        x1: The exponent, with as many axes; axes of length 1 are stretched, in either.
        inplace (bool): Accepted for compatibility; nothing is overwritten.

    Returns:
        Array of the broadcast shape; NaN for a fractional power of a negative number.

    Raises:
        ValueError: The shapes do not match.
    """
    require_equal_axes(x0, x1)
    return torch.pow(x0, x1)


# Any number of arrays

@operator("AddN", shape=equal_shapes, backward_reads="")
def add_n(*x: Tensor):
    r"""Sum of any number of arrays.

    .. math:: y = \sum_i x_i

    Args:
        *x: Arrays of one shape; nothing is broadcast.

    Returns:
        Array of that shape.

    Raises:
        ValueError: The shapes differ, or there is no array.
    """
    require_equal_shapes(*x)
    if len(x) == 1:
        return x[0].clone()
    total = x[0] + x[1]
    for term in x[2:]:
        total = total + term
    return total


@operator("MulN", shape=equal_shapes, backward_reads="self out")
def mul_n(*x: Tensor):
    r"""Product of any number of arrays, element by element.

    .. math:: y = \prod_i x_i

    The gradient is the product of the other factors, also where a factor is 0 (nnabla divides the
    product by the factor there, and gets NaN).

    Args:
        *x: Arrays of one shape; nothing is broadcast.

    Returns:
        Array of that shape.

    Raises:
        ValueError: The shapes differ, or there is no array.
    """
    require_equal_shapes(*x)
    if len(x) == 1:
        return x[0].clone()
    product = x[0] * x[1]
    for factor in x[2:]:
        product = product * factor
    return product


# Array and scalar

def _direct(operation):
    """The operation with the scalar as a tensor, which torch would make of it in each call: as slow as a small operation."""
    return lambda x, val, inplace=False: partial(operation, other=torch.tensor(val, dtype=torch.float32))


@operator("AddScalar", shape=same_shape, backward_reads="", direct=_direct(torch.add))
def add_scalar(x: Tensor, val: Double = 1, inplace: bool = False):
    r"""Array plus a scalar.

    .. math:: y = x + v

    Args:
        x: Array of any shape.
        val (float): :math:`v`.
        inplace (bool): Accepted for compatibility; nothing is overwritten.

    Returns:
        Array shaped as ``x``.
    """
    return x + val


@operator("MulScalar", shape=same_shape, backward_reads="", direct=_direct(torch.mul))
def mul_scalar(x: Tensor, val: Double = 1, inplace: bool = False):
    r"""Array times a scalar.

    .. math:: y = v x

    Args:
        x: Array of any shape.
        val (float): :math:`v`.
        inplace (bool): Accepted for compatibility; nothing is overwritten.

    Returns:
        Array shaped as ``x``.
    """
    return x * val


@operator("PowScalar", shape=same_shape, direct=lambda x, val, inplace: partial(torch.pow, exponent=val))
def pow_scalar(x: Tensor, val: Double = 1, inplace: bool = False):
    r"""Array to the power of a scalar.

    .. math:: y = x^v

    Args:
        x: Array of any shape.
        val (float): :math:`v`.
        inplace (bool): Accepted for compatibility; nothing is overwritten.

    Returns:
        Array shaped as ``x``; NaN for a fractional power of a negative number.
    """
    return torch.pow(x, val)


@operator("RSubScalar", shape=same_shape, backward_reads="", direct=_direct(torch.rsub))
def r_sub_scalar(x: Tensor, val: Double = 1):
    r"""Scalar minus an array.

    .. math:: y = v - x

    Args:
        x: Array of any shape.
        val (float): :math:`v`.

    Returns:
        Array shaped as ``x``.
    """
    return val - x


class _RDivScalar(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(x, val):
        return torch.div(torch.tensor(val, dtype=x.dtype), x)   # (a number would be multiplied with reciprocals)

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(inputs[0], output)

    @staticmethod
    def backward(ctx, grad):
        x, y = ctx.saved_tensors
        return (grad * y).div_(x).neg_(), None


@operator("RDivScalar", shape=same_shape)
def r_div_scalar(x: Tensor, val: Double = 1):
    r"""Scalar divided by an array.

    .. math:: y = \frac{v}{x}

    Args:
        x: Array of any shape.
        val (float): :math:`v`.

    Returns:
        Array shaped as ``x``; division by 0 gives infinity or NaN.
    """
    return apply(_RDivScalar, x, val)


@operator("RPowScalar", shape=same_shape)
def r_pow_scalar(x: Tensor, val: Double = 1):
    r"""Scalar to the power of an array.

    .. math:: y = v^x

    Args:
        x: Array of any shape.
        val (float): :math:`v`.

    Returns:
        Array shaped as ``x``; NaN for a fractional power of a negative number.
    """
    return torch.pow(val, x)
