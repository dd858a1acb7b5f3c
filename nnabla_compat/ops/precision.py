"""Kernels whose torch functions have no half precision on every device."""
import functools

import torch

_SHORT = (torch.float16, torch.bfloat16)


def in_float32(kernel):
    """Compute half precision inputs in float32, and give results in theirs again."""
    @functools.wraps(kernel)
    def compute(x, *rest, **arguments):
        dtype = x.dtype
        if dtype not in _SHORT:
            return kernel(x, *rest, **arguments)
        rest = [t.float() if isinstance(t, torch.Tensor) and t.dtype is dtype else t for t in rest]
        y = kernel(x.float(), *rest, **arguments)
        return y.to(dtype) if isinstance(y, torch.Tensor) else tuple([t.to(dtype) for t in y])
    return compute


# Earlier releases of torch lack these for half precision on the CPU.
grid_sample = in_float32(torch.nn.functional.grid_sample)
pad = in_float32(torch.nn.functional.pad)
