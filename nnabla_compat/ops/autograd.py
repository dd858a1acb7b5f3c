"""Calling operators that bring a gradient of their own (subclasses of torch.autograd.Function)."""
import torch

# The compiler of torch 2.4 knows Functions with ``setup_context`` only where there is a gradient.
_NEEDS_GRADIENT = torch.__version__.startswith("2.4.")


def apply(function, *inputs):
    """``function.apply(*inputs)`` for a Function with ``setup_context``, called with all of its parameters.

    Where nothing is recorded, that is its ``forward``. torch looks up the signature of ``forward`` in each such call to
    fill in defaults, which takes longer than many a kernel. Only function transforms (vmap, grad ...) and the compiler
    need the long way.
    """
    if torch.compiler.is_compiling():
        if _NEEDS_GRADIENT and not (torch.is_grad_enabled() and any([isinstance(x, torch.Tensor) and x.requires_grad for x in inputs])):
            return function.forward(*inputs)
        return function.apply(*inputs)
    if torch._C._are_functorch_transforms_active():
        return function.apply(*inputs)
    if not torch.is_grad_enabled():
        return function.forward(*inputs)
    return super(torch.autograd.Function, function).apply(*inputs)
