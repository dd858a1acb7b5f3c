"""Interpolation at arbitrary positions, shared by kernels that warp, deform or resample."""
import itertools

import torch


def gather(x, index):
    """Elements of x (N, C, spatial...) at integer positions: one (N, P) array for each spatial axis.

    Positions outside read as zero. Returns (N, C, P).
    """
    flat, inside, stride = None, None, 1
    for axis in range(len(index) - 1, -1, -1):
        size = x.shape[2 + axis]
        within = (index[axis] >= 0) & (index[axis] < size)
        place = index[axis].clamp(0, size - 1) * stride
        flat = place if flat is None else flat + place
        inside = within if inside is None else inside & within
        stride *= size
    values = x.flatten(2).gather(2, flat[:, None].expand(-1, x.shape[1], -1))
    return torch.where(inside[:, None], values, torch.zeros((), dtype=x.dtype, device=x.device))


def interpolate_linear(x, position):
    """Multilinear interpolation of x (N, C, spatial...) at real positions, zero outside.

    ``position`` has one (N, P) array for each spatial axis. At a whole position the neighbours are
    that element and the next one, which decides the gradient there. Returns (N, C, P).
    """
    below = [p.detach().floor() for p in position]
    part = [p - b for p, b in zip(position, below)]
    below = [b.long() for b in below]
    total = None
    for corner in itertools.product(*[(0, 1)] * len(position)):
        values = gather(x, [b + c for b, c in zip(below, corner)])
        for c, p in zip(corner, part):
            values = values * (p if c else 1 - p)[:, None]
        total = values if total is None else total + values
    return total
