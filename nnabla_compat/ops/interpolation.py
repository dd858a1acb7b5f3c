"""Resampling of the spatial axes to another size."""
from math import floor, prod

import torch
from torch.nn import functional as F

from ..registry import Floats, Ints, Tensor, operator
from . import precision

_LINEAR = {1: "linear", 2: "bilinear", 3: "trilinear"}


def _interpolate_shape(x, output_size, mode, align_corners=True, half_pixel=False, half_pixel_for_nn=False, channel_last=False):
    n = len(output_size)
    if mode not in ("linear", "nearest"):
        raise ValueError(f"expected mode 'linear' or 'nearest', received {mode!r}")
    if not 1 <= n <= 3:
        raise ValueError(f"expected an output_size of 1 to 3 axes, received {output_size}")
    if n + channel_last > len(x):
        raise ValueError(f"expected x with at least {n + channel_last} axes for output_size {output_size}, received shape {x}")
    if align_corners and half_pixel:
        raise ValueError("expected at most one of align_corners and half_pixel: pass align_corners=False with half_pixel=True")
    return x[:-n - 1] + output_size + x[-1:] if channel_last else x[:len(x) - n] + output_size


def _positions(size, out, align_corners, half_pixel, device):
    """Source positions of the ``out`` elements of a resampled axis, before clamping."""
    i = torch.arange(out, device=device, dtype=torch.float32)
    if align_corners:
        return i * ((size - 1) / (out - 1) if out > 1 else 0.0)
    scale = size / out if out > 1 else 0.0
    return (i + 0.5) * scale - 0.5 if half_pixel else i * scale


def _nearest(x, axis, out, align_corners, half_pixel):
    size = x.shape[axis]
    at = _positions(size, out, align_corners, half_pixel, x.device)
    return x.index_select(axis, at.floor().long().clamp(0, size - 1))


def _linear(x, axis, out, half_pixel):
    size = x.shape[axis]
    at = _positions(size, out, False, half_pixel, x.device).clamp(0, size - 1)
    low = at.floor()
    part = (at - low).to(x.dtype).reshape(-1, *(1,) * (x.dim() - 1 - axis))
    low = low.long()
    return x.index_select(axis, low) * (1 - part) + x.index_select(axis, (low + 1).clamp(max=size - 1)) * part


def _is_small(x, output_size):
    """Whether matrices of weights are faster than torch's loops: up to maps of some fifty pixels a side, on the CPU."""
    return x.is_cpu and not torch.compiler.is_compiling() and max(x.shape[2:]) <= 48 and max(output_size) <= 128


def _by_matrices(x, output_size, align_corners, half_pixel, memo):
    for axis, (size, out) in enumerate(zip(x.shape[2:], output_size), 2):
        key = (size, out, x.dtype)
        if key not in memo:
            at = _positions(size, out, align_corners, half_pixel, x.device).clamp(0, size - 1)
            memo[key] = _resize_matrix(at, size, "linear", 0.0, 0).to(x.dtype)
        if axis == x.dim() - 1:
            x = torch.matmul(x, memo[key].t())
        else:
            x = torch.matmul(memo[key], x.flatten(axis + 1)).unflatten(-1, x.shape[axis + 1:])
    return x


@operator("Interpolate", shape=_interpolate_shape, backward_reads="")
def interpolate(x: Tensor, output_size: Ints, mode: str, align_corners: bool = True, half_pixel: bool = False,
                half_pixel_for_nn: bool = False, channel_last: bool = False, *, memo):
    r"""Resample the last spatial axes to ``output_size``.

    Output position i reads input position :math:`i (n - 1) / (m - 1)` with ``align_corners``,
    :math:`(i + 1/2) n / m - 1/2` with ``half_pixel``, and :math:`i n / m` with neither, for n input
    and m output elements: between two elements with ``linear``, rounded down with ``nearest``.

    Args:
        x: Array (..., spatial...), with as many spatial axes as ``output_size`` has entries.
        output_size (sequence of int): Sizes of the spatial axes, 1 to 3.
        mode (str): ``"linear"`` or ``"nearest"``.
        align_corners (bool): First and last elements of input and output lie on each other.
        half_pixel (bool): Elements lie at the centres of their pixels. Excludes ``align_corners``.
        half_pixel_for_nn (bool): ``nearest`` reads :math:`\lfloor (i + 1/2) n / m \rfloor`, whatever the
            other two say.
        channel_last (bool): The last axis holds channels, the spatial ones come before it.

    Returns:
        Array (..., ``output_size``).

    Raises:
        ValueError: The mode is unknown, or ``output_size`` has too many entries.
    """
    n = len(output_size)
    if channel_last:
        x = x.movedim(-1, -n - 1)
    lead = x.shape[:x.dim() - n]
    flat = x if x.dim() == n + 2 else x.reshape(1, prod(lead), *x.shape[len(lead):])
    if mode == "linear":
        if _is_small(flat, output_size):
            y = _by_matrices(flat, output_size, align_corners, half_pixel, memo)
        elif align_corners or (half_pixel and min(output_size) > 1):
            y = F.interpolate(flat, output_size, mode=_LINEAR[n], align_corners=align_corners)
        elif half_pixel:
            y = flat
            for axis, out in enumerate(output_size):
                y = _linear(y, 2 + axis, out, half_pixel)
        else:
            # Positions i n / m are those of aligned corners for n + 1 elements, the last one twice, and m + 1 results.
            longer = precision.pad(flat, (0, 1) * n, mode="replicate")
            y = F.interpolate(longer, [m + 1 for m in output_size], mode=_LINEAR[n], align_corners=True)
            y = y[(...,) + tuple([slice(m) for m in output_size])].contiguous()
    elif half_pixel_for_nn:
        y = F.interpolate(flat, output_size, mode="nearest-exact")
    elif not (align_corners or half_pixel):
        y = F.interpolate(flat, output_size, mode="nearest")
    else:
        y = flat
        for axis, out in enumerate(output_size):
            y = _nearest(y, 2 + axis, out, align_corners, half_pixel)
    if flat is not x:
        y = y.reshape(*lead, *output_size)
    return y.movedim(-n - 1, -1) if channel_last else y


# -- ONNX's Resize

_COORDINATES = ("half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric", "tf_half_pixel_for_nn",
                "tf_crop_and_resize")
_NEAREST = {
    "round_prefer_floor": lambda at: (at - 0.5).ceil(),
    "round_prefer_ceil": lambda at: (at + 0.5).floor(),
    "floor": torch.floor,
    "ceil": torch.ceil,
}


def _fill_resize(arguments, *_):
    for name, value in (("cubic_coeff_a", -0.75), ("exclude_outside", 0), ("extrapolation_value", 0.0)):
        if arguments[name] is None:
            arguments[name] = value


def _resize_shape(x, roi=(), scales=(), sizes=(), mode="nearest", coordinate_transformation_mode="half_pixel",
                  cubic_coeff_a=-0.75, exclude_outside=0, extrapolation_value=0.0, nearest_mode="round_prefer_floor"):
    if mode not in ("nearest", "linear", "cubic"):
        raise ValueError(f"expected mode 'nearest', 'linear' or 'cubic', received {mode!r}")
    if coordinate_transformation_mode not in _COORDINATES:
        raise ValueError(f"expected coordinate_transformation_mode to be one of {', '.join(_COORDINATES)}, received "
                         f"{coordinate_transformation_mode!r}")
    if nearest_mode not in _NEAREST:
        raise ValueError(f"expected nearest_mode to be one of {', '.join(_NEAREST)}, received {nearest_mode!r}")
    if bool(sizes) == bool(scales):
        raise ValueError(f"expected either sizes or scales, received sizes={sizes} and scales={scales}")
    if len(sizes or scales) != len(x):
        raise ValueError(f"expected {'sizes' if sizes else 'scales'} with an entry for each axis of x of shape {x}, received "
                         f"{sizes or scales}")
    if coordinate_transformation_mode == "tf_crop_and_resize" and len(roi) != 2 * len(x):
        raise ValueError(f"expected roi with {2 * len(x)} values, a start for each axis and then an end for each, received "
                         f"{roi}")
    out = sizes or tuple(floor(n * s) for n, s in zip(x, scales))
    changed = [i for i, (n, m) in enumerate(zip(x, out)) if n != m]
    if changed and len(x) - changed[0] > 3:
        raise ValueError(f"expected a change of the last 3 axes only, received x of shape {x} and output {out}")
    return out


def _resize_positions(size, out, scale, transformation, start, end, device):
    i = torch.arange(out, device=device, dtype=torch.float32)
    if transformation == "align_corners":
        return i * ((size - 1) / (out - 1) if out > 1 else 0.0)
    if transformation == "asymmetric":
        return i / scale
    if transformation == "tf_half_pixel_for_nn":
        return (i + 0.5) / scale
    if transformation == "tf_crop_and_resize":
        if out > 1:
            return start * (size - 1) + i * ((end - start) * (size - 1) / (out - 1))
        return i + 0.5 * (start + end) * (size - 1)
    if transformation == "pytorch_half_pixel" and out == 1:
        return i * 0.0
    return (i + 0.5) / scale - 0.5


def _resize_matrix(at, size, mode, a, exclude_outside):
    """Weights (out, size) of the input elements in each output element."""
    low = at.floor()
    part = at - low
    if mode == "linear":
        taps, weights = (0, 1), [1 - part, part]
    else:
        def inner(d):
            return ((a + 2) * d - (a + 3)) * d * d + 1

        def outer(d):
            return ((a * d - 5 * a) * d + 8 * a) * d - 4 * a
        taps, weights = (-1, 0, 1, 2), [outer(1 + part), inner(part), inner(1 - part), outer(2 - part)]
    index = torch.stack([low + t for t in taps], 1).long()
    weight = torch.stack(weights, 1)
    if mode == "cubic" and exclude_outside:
        weight = torch.where((index >= 0) & (index < size), weight, torch.zeros_like(weight))
        weight = weight / weight.sum(1, keepdim=True)
    matrix = torch.zeros(len(at), size, device=at.device)
    return matrix.scatter_add(1, index.clamp(0, size - 1), weight)


@operator("ONNXResize", shape=_resize_shape, resolve=_fill_resize, backward_reads="")
def onnx_resize(x: Tensor, roi: Floats = (), scales: Floats = (), sizes: Ints = (), mode: str = "nearest",
                coordinate_transformation_mode: str = "half_pixel", cubic_coeff_a: float = None,
                exclude_outside: int = None, extrapolation_value: float = None,
                nearest_mode: str = "round_prefer_floor"):
    r"""Resample an array the way ONNX's Resize does.

    Args:
        x: Array of any shape. Only its last 3 axes can change.
        roi (sequence of float): Start of the region along each axis, then the ends, as fractions; used
            by ``tf_crop_and_resize``.
        scales (sequence of float): Factor for each axis. Either this or ``sizes``.
        sizes (sequence of int): Output size of each axis.
        mode (str): ``nearest``, ``linear`` or ``cubic``.
        coordinate_transformation_mode (str): Which input position an output element reads:
            ``half_pixel``, ``pytorch_half_pixel``, ``align_corners``, ``asymmetric``,
            ``tf_half_pixel_for_nn`` or ``tf_crop_and_resize``.
        cubic_coeff_a (float): Shape of the cubic kernel; -0.75 by default.
        exclude_outside (int): Give elements outside of x no weight (cubic), rather than repeating the
            border; 0 by default.
        extrapolation_value (float): What ``tf_crop_and_resize`` puts outside of x; 0 by default.
        nearest_mode (str): ``round_prefer_floor``, ``round_prefer_ceil``, ``floor`` or ``ceil``.

    Returns:
        Array of the new size. Unlike nnabla's it has a gradient.

    Raises:
        ValueError: An option is unknown, both or neither of ``sizes`` and ``scales`` are given, or an
            axis before the last 3 would change.

    Source: ONNX operator Resize, version 11.
    """
    out = _resize_shape(tuple(x.shape), roi, scales, sizes, mode, coordinate_transformation_mode, nearest_mode=nearest_mode)
    crop = coordinate_transformation_mode == "tf_crop_and_resize"
    ndim = x.dim()
    changed = [i for i, (n, m) in enumerate(zip(x.shape, out)) if n != m]
    y, outside = x, None
    for axis in range(changed[0] if changed else ndim, ndim):
        size, length = x.shape[axis], out[axis]
        scale = scales[axis] if scales else length / size
        at = _resize_positions(size, length, scale, coordinate_transformation_mode, roi[axis] if crop else 0.0,
                               roi[ndim + axis] if crop else 1.0, x.device)
        if mode == "nearest":
            y = y.index_select(axis, _NEAREST[nearest_mode](at).long().clamp(0, size - 1))
        else:
            matrix = _resize_matrix(at, size, mode, cubic_coeff_a, exclude_outside).to(x.dtype)
            y = torch.matmul(y.movedim(axis, -1), matrix.t()).movedim(-1, axis)
        if crop:
            beyond = ((at < 0) | (at > size - 1)).reshape(-1, *(1,) * (ndim - 1 - axis))
            outside = beyond if outside is None else outside | beyond
    if outside is not None:
        y = torch.where(outside, torch.full((), extrapolation_value, dtype=y.dtype, device=y.device), y)
    return y.clone() if y is x else y
