"""Choosing between two arrays, element by element.

On the CPU torch reads its boolean masks one element at a time, which is several times slower than
arithmetic. There the bits of the elements are masked instead, a vector at a time; so nothing is rounded and
infinities and NaN that are not chosen leave no trace. Elsewhere, and when compiled, this is torch.where.
"""
import torch

from .autograd import apply

_INTEGERS = {torch.float32: torch.int32, torch.float64: torch.int64, torch.float16: torch.int16, torch.bfloat16: torch.int16}


def select(mask, x0, x1):
    """``x0`` where ``mask`` is 1 and ``x1`` where it is 0; all of one floating dtype, broadcast together."""
    if _worth_it(mask, x0):
        return apply(_Select, _all_ones(mask, x0.dtype), x0, x1)
    return torch.where(mask != 0, x0, x1)


def keep(mask, x):
    """``x`` where ``mask`` is 1, else 0."""
    if _worth_it(mask, x):
        return apply(_Keep, _all_ones(mask, x.dtype), x)
    return torch.where(mask != 0, x, 0.0)


def _worth_it(mask, x):
    return not torch.compiler.is_compiling() and mask.numel() >= 2048 and x.is_cpu and x.dtype in _INTEGERS


def _all_ones(mask, dtype):
    """Integers as wide as ``dtype``, with all bits set where the mask is 1."""
    return mask.detach().to(_INTEGERS[dtype]).neg_()


class _Keep(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(bits, x):
        return (x.view(bits.dtype) & bits).view(x.dtype)

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(inputs[0])
        ctx.shape = inputs[1].shape

    @staticmethod
    def backward(ctx, grad):
        return None, apply(_Keep, ctx.saved_tensors[0], grad).sum_to_size(ctx.shape)


class _Select(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(bits, x0, x1):
        a, b = x0.view(bits.dtype), x1.view(bits.dtype)
        return ((a ^ b).bitwise_and_(bits) if a.shape == b.shape == bits.shape else (a ^ b) & bits).bitwise_xor(b).view(x0.dtype)

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(inputs[0])
        ctx.shapes = inputs[1].shape, inputs[2].shape

    @staticmethod
    def backward(ctx, grad):
        bits, = ctx.saved_tensors
        first = apply(_Keep, bits, grad).sum_to_size(ctx.shapes[0]) if ctx.needs_input_grad[1] else None
        second = apply(_Keep, ~bits, grad).sum_to_size(ctx.shapes[1]) if ctx.needs_input_grad[2] else None
        return None, first, second
