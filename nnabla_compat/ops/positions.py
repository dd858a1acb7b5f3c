"""Positions held by arrays, looked at where that costs little: then index operations need no care for what is out of range."""
import numpy as np
import torch


def readable(x):
    """Whether looking at values of ``x`` costs little: on the CPU, and neither compiling, tracing nor transforming."""
    return x.is_cpu and x.__class__ is torch.Tensor and not torch.compiler.is_compiling() and not torch._C._are_functorch_transforms_active()


def wrapped(index, size):
    """``index`` with negative positions counted from the end of an axis of ``size``.

    None where some lie outside, or where they cannot be looked at: on another device, while compiling.
    """
    if not readable(index) or not index.numel():
        return None
    least, most = torch.aminmax(index)
    least = least.item()
    if least < -size or most.item() >= size:
        return None
    return index if least >= 0 else index.remainder(size)


def taken(x, axis, index):
    """Elements of ``x`` at the positions ``index`` along an axis; None where some lie outside, or as for :func:`wrapped`."""
    if readable(index):
        try:
            return x.gather(axis, index)
        except RuntimeError:    # torch looks at each position anyway
            pass
    return None


def flat_positions(indices, sizes):
    """Positions along several axes, one array for each, as positions among all their elements; None as for :func:`wrapped`."""
    flat = None
    for index, size in zip(indices, sizes):
        index = wrapped(index, size)
        if index is None:
            return None
        flat = index if flat is None else flat * size + index
    return flat


def true_positions(mask):
    """Where ``mask`` is not zero, as positions among all its elements."""
    on = mask != 0
    if readable(on):
        return torch.from_numpy(np.flatnonzero(on.numpy()))     # many times faster than torch's
    return on.reshape(-1).nonzero()[:, 0]
