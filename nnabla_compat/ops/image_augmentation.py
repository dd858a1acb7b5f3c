"""Random changes of images for training: crops, flips, shifts, erased regions and affine distortions.

Each sample draws its own numbers, in the order nnabla draws them.
"""
import math

import numpy as np
import torch

from ..registry import Floats, Ints, Shape, Tensor, operator
from . import precision
from .autograd import apply
from .layout import border_positions
from .quantization import straight_through
from .shapes import normalize_axis


def _words(rng, *shape):
    """32-bit words of the function's stream, uint64 so that arithmetic on them does not wrap."""
    return rng.words(math.prod(shape)).reshape(shape)


def _normals(rng, count):
    """Standard normal numbers by Marsaglia's polar method, from uniform ones of two words each."""
    pairs, found = (count + 1) // 2, []
    while pairs:
        words = rng.words(4 * pairs).reshape(pairs, 2, 2)
        a, b = ((words[..., 0] + words[..., 1] * 4294967296.0) * 2.0 ** -63 - 1).T
        s = a * a + b * b
        good = (s <= 1) & (s != 0)
        a, b, s = a[good], b[good], s[good]
        scale = np.sqrt(-2 * np.log(s) / s)
        found.append(np.stack([b * scale, a * scale], 1))
        pairs -= len(s)
    return np.concatenate(found).reshape(-1)[:count] if count else np.empty(0)


def _sample_words(rng, lead, count, kept=None):
    """``count`` words for each sample, (samples, count), as nnabla hands them out.

    It draws one row a sample, then walks the sample axes and moves on a row after each step of each of
    them, the outer ones too, beginning again when the rows are used up. With one sample axis that is in order.
    It walks the axes of the samples ``kept``, all of them by default.
    """
    kept = lead if kept is None else kept
    samples, row, weight = math.prod(lead), np.zeros((), np.int64), 1
    for axis in range(len(kept) - 1, -1, -1):
        row = row + weight * np.arange(kept[axis]).reshape((-1,) + (1,) * (len(kept) - 1 - axis))
        weight = kept[axis] * weight + 1
    return _words(rng, samples, count)[np.broadcast_to(row, kept).reshape(-1) % max(samples, 1)]


def _first_of_runs(words, axis, base_axis):
    """The words that decide about a sample axis: of the first sample of each run along it; ``words`` is (*samples, count)."""
    return words[(slice(None),) * axis + (slice(1),) * (base_axis - axis)]


def _gather_rows(x, positions, base_axis):
    """``x`` with each sample re-indexed along each of its axes: positions[k] has shape (samples, size)."""
    y = x.flatten(0, base_axis - 1) if base_axis else x.unsqueeze(0)
    for axis, at in enumerate(positions, 1):
        if at is None:
            continue
        at = torch.as_tensor(at, device=x.device)
        view = [len(at)] + [1] * (y.ndim - 1)
        view[axis] = at.shape[1]
        shape = list(y.shape)
        shape[axis] = at.shape[1]
        y = y.gather(axis, at.reshape(view).expand(shape))
    return y.reshape(x.shape[:base_axis] + y.shape[1:])


class _Segments(torch.autograd.Function):
    """Rows of ``length`` elements of ``x`` that lie side by side, from the given places among all its elements on."""

    @staticmethod
    def forward(x, starts, length):
        return x.reshape(-1).unfold(0, length, 1).index_select(0, starts)

    @staticmethod
    def setup_context(ctx, inputs, output):
        x, starts, ctx.length = inputs
        ctx.shape = x.shape
        ctx.save_for_backward(starts)

    @staticmethod
    def backward(ctx, grad):
        return apply(_PutSegments, grad, ctx.saved_tensors[0], ctx.shape), None, None


class _PutSegments(torch.autograd.Function):
    """The rows put back, none of them upon another, among zeros."""

    @staticmethod
    def forward(rows, starts, shape):
        x = rows.new_zeros(shape)
        x.reshape(-1).unfold(0, rows.shape[1], 1).index_copy_(0, starts, rows)
        return x

    @staticmethod
    def setup_context(ctx, inputs, output):
        rows, starts, _ = inputs
        ctx.length = rows.shape[1]
        ctx.save_for_backward(starts)

    @staticmethod
    def backward(ctx, grad):
        return apply(_Segments, grad, ctx.saved_tensors[0], ctx.length), None, None


def _cut(x, source, first, sizes, base_axis):
    """A block of each sample of ``source``, of the given sizes, from the positions ``first`` of shape (samples, axes) on."""
    starts = source.reshape(-1)
    for k, (n, m) in enumerate(zip(x.shape[base_axis:], sizes)):
        along = np.arange(m if k < len(sizes) - 1 else 1)
        starts = starts[..., None] * n + first[:, k].reshape((-1,) + (1,) * (k + 1)) + along
    rows = apply(_Segments, x, torch.from_numpy(starts.reshape(-1)).to(x.device), sizes[-1])
    return rows.reshape(source.shape + tuple(sizes))


def _widened(x, axis, width, border_mode, value):
    """``x`` with ``width`` elements more at both ends of an axis."""
    n = x.shape[axis]
    if border_mode == "constant":
        shape = list(x.shape)
        shape[axis] = width
        before = after = x.new_full(shape, value)
    else:
        before, after = [x.index_select(axis, border_positions(torch.arange(a, a + width, device=x.device), n, border_mode))
                         for a in (-width, n)]
    return torch.cat([before, x, after], axis)


def _resolve_crop(arguments, x):
    if arguments["shape"] is None:
        arguments["shape"] = tuple(x)


def _random_crop_shape(x, shape, base_axis=1, seed=-1):
    normalize_axis(base_axis, len(x))
    n = len(shape)
    if n > len(x) or any(a > b for a, b in zip(shape, x[len(x) - n:])):
        raise ValueError(f"expected a shape no larger than the input's {x}, received {shape}")
    return x[:len(x) - n] + shape


@operator("RandomCrop", shape=_random_crop_shape, resolve=_resolve_crop, backward_reads="")
def random_crop(x: Tensor, shape: Shape = None, base_axis: int = 1, seed: int = -1, *, rng):
    """Cut a part of the given size out of each sample, at a random place.

    Args:
        x: Array whose axes before ``base_axis`` count samples.
        shape (tuple of int): Sizes of the last axes of the result; the input's by default. Where it reaches the
            sample axes, a random part of the samples is kept.
        base_axis (int): First axis of a sample.
        seed (int): Seed of a stream of the function's own; -1 draws from the common stream.

    Returns:
        Array of shape ``x.shape[:-len(shape)] + shape``.

    Raises:
        ValueError: ``shape`` is larger than that of ``x``.
    """
    base_axis %= x.ndim
    first, lead = x.ndim - len(shape), x.shape[:base_axis]
    sizes = x.shape[:first] + shape
    kept = sizes[:base_axis]
    words = _sample_words(rng, lead, len(shape), kept)
    at = np.indices(kept)
    for a in range(first, base_axis):
        by_run = _first_of_runs(words.reshape(*kept, len(shape)), a, base_axis)
        at[a] += by_run[..., a - first].astype(np.int64) % (lead[a] - kept[a] + 1)
    source = np.ravel_multi_index(tuple(at), lead) if lead else np.zeros((), np.int64)
    places = np.zeros((len(words), x.ndim - base_axis), np.int64)
    for k, (n, m) in enumerate(zip(x.shape[base_axis:], sizes[base_axis:])):
        if n != m:
            places[:, k] = words[:, base_axis + k - first] % (n - m + 1)
    return _cut(x, source, places, sizes[base_axis:], base_axis)


def _resolve_flip(arguments, x):
    if arguments["axes"] is None:
        arguments["axes"] = (len(x) - 1,)


def _random_flip_shape(x, axes, base_axis=1, seed=-1):
    normalize_axis(base_axis, len(x))
    for a in axes:
        normalize_axis(a, len(x))
    return x


@operator("RandomFlip", shape=_random_flip_shape, resolve=_resolve_flip, backward_reads="")
def random_flip(x: Tensor, axes: Ints = None, base_axis: int = 1, seed: int = -1, *, rng):
    """Reverse each sample along each of the given axes, or not, with even chances.

    Args:
        x: Array whose axes before ``base_axis`` count samples.
        axes (tuple of int): Axes that may be reversed; the last by default.
        base_axis (int): First axis of a sample.
        seed (int): Seed of a stream of the function's own; -1 draws from the common stream.

    Returns:
        Array shaped as ``x``.

    Raises:
        ValueError: an axis is out of range.
    """
    base_axis %= x.ndim
    lead = x.shape[:base_axis]
    # A word for every axis of x, whichever may be flipped.
    turned = _sample_words(rng, lead, x.ndim) % 2 == 1
    axes = {a % x.ndim for a in axes}
    if any(a < base_axis for a in axes):    # samples change places, by the words of the first of each run along the axis
        words, at = turned.reshape(*lead, x.ndim), np.indices(lead)
        for a in axes:
            if a < base_axis:
                reverse = _first_of_runs(words, a, base_axis)[..., a]
                at[a] = np.where(reverse, lead[a] - 1 - at[a], at[a])
        source = torch.from_numpy(np.ravel_multi_index(tuple(at), lead).reshape(-1)).to(x.device)
        x = x.flatten(0, base_axis - 1).index_select(0, source).reshape(x.shape)
    positions = [np.where(turned[:, a, None], np.arange(n)[::-1], np.arange(n)) if a in axes else None
                 for a, n in enumerate(x.shape)][base_axis:]
    return x.clone() if all(p is None for p in positions) else _gather_rows(x, positions, base_axis)


def _resolve_shift(arguments, x):
    if arguments["shifts"] is None:
        arguments["shifts"] = (0,) * len(x)


def _random_shift_shape(x, shifts, border_mode="nearest", constant_value=0.0, base_axis=1, seed=-1):
    normalize_axis(base_axis, len(x))
    if border_mode not in ("nearest", "reflect", "constant"):
        raise ValueError(f"expected border_mode 'nearest', 'reflect' or 'constant', received '{border_mode}'")
    if len(shifts) > len(x) or any(s < 0 for s in shifts):
        raise ValueError(f"expected at most {len(x)} shifts, one an axis and none negative, received {shifts}")
    return x


@operator("RandomShift", shape=_random_shift_shape, resolve=_resolve_shift, backward_reads="")
def random_shift(x: Tensor, shifts: Ints = None, border_mode: str = "nearest", constant_value: float = 0,
                 base_axis: int = 1, seed: int = -1, *, rng):
    """Move each sample by a random distance along each axis and fill the gap.

    Args:
        x: Array whose axes before ``base_axis`` count samples.
        shifts (tuple of int): Largest distance, both ways, for each of the last ``len(shifts)`` axes.
        border_mode (str): Fill with the border element (``"nearest"``), the mirror image (``"reflect"``) or
            the value below (``"constant"``).
        constant_value (float): Value of the constant mode.
        base_axis (int): First axis of a sample.
        seed (int): Seed of a stream of the function's own; -1 draws from the common stream.

    Returns:
        Array shaped as ``x``.

    Raises:
        ValueError: more shifts than axes, a negative one, or an unknown mode.
    """
    base_axis %= x.ndim
    sizes = x.shape[base_axis:]
    span = np.array([2 * s + 1 for s in shifts], np.uint64)
    by = (_sample_words(rng, x.shape[:base_axis], len(shifts)) % span).astype(np.int64) - np.array(shifts, np.int64)
    places = np.zeros((len(by), len(sizes)), np.int64)
    for k, width in enumerate(shifts, len(sizes) - len(shifts)):
        if k >= 0 and width:
            x = _widened(x, base_axis + k, width, border_mode, constant_value)
            places[:, k] = width - by[:, k - len(sizes)]
    return _cut(x, np.arange(len(by)), places, sizes, base_axis).reshape(x.shape[:base_axis] + tuple(sizes))


def _resolve_erase(arguments, *_):
    if arguments["n"] is None:
        arguments["n"] = 1


def _random_erase_shape(x, prob=0.5, area_ratios=(), aspect_ratios=(), replacements=(), n=1, share=True, inplace=False,
                        base_axis=1, seed=-1, channel_last=False, ste_fine_grained=True):
    if not 0 <= prob <= 1 or n < 1:
        raise ValueError(f"expected prob in [0, 1] and n of at least 1, received {prob} and {n}")
    for name, pair in (("area_ratios", area_ratios), ("aspect_ratios", aspect_ratios), ("replacements", replacements)):
        if len(pair) != 2 or pair[0] > pair[1]:
            raise ValueError(f"expected {name} as (low, high), received {pair}")
    if len(x) - normalize_axis(base_axis, len(x)) != 3:
        raise ValueError(f"expected 3 axes (channels and two spatial ones) from base_axis={base_axis} on, "
                         f"received shape {x}")
    return x


@operator("RandomErase", shape=_random_erase_shape, resolve=_resolve_erase, backward_reads="")
def random_erase(x: Tensor, prob: float = 0.5, area_ratios: Floats = (0.02, 0.4),
                 aspect_ratios: Floats = (0.3, 3.3333), replacements: Floats = (0.0, 255.0), n: int = None,
                 share: bool = True, inplace: bool = False, base_axis: int = 1, seed: int = -1,
                 channel_last: bool = False, ste_fine_grained: bool = True, *, rng):
    """Fill random rectangles of each image with random values.

    Args:
        x: Images of shape ``(..., C, H, W)``, or ``(..., H, W, C)`` with ``channel_last``.
        prob (float): Probability of a rectangle to be erased.
        area_ratios (pair of float): Range of its share of the image.
        aspect_ratios (pair of float): Range of its height divided by its width.
        replacements (pair of float): Range of the values filled in.
        n (int): Rectangles an image; 1 by default.
        share (bool): All channels of an image share their rectangles.
        inplace (bool): Accepted, has no effect.
        base_axis (int): First axis of an image.
        seed (int): Seed of a stream of the function's own; -1 draws from the common stream.
        channel_last (bool): The last axis holds the channels.
        ste_fine_grained (bool): Clear the gradient of erased elements; otherwise it passes everywhere.

    Returns:
        Array shaped as ``x``.

    Raises:
        ValueError: a range is no pair in order, or ``x`` holds no images from ``base_axis`` on.

    Source: Zhong et al., Random erasing data augmentation, 2017.
    """
    base_axis %= x.ndim
    images = x.detach().reshape(math.prod(x.shape[:base_axis]), *x.shape[base_axis:])
    if channel_last:
        images = images.movedim(-1, 1)
    batch, channels, height, width = images.shape
    u = _words(rng, n, batch, 1 if share else channels, 5) * 2.0 ** -32
    area = (area_ratios[0] + u[..., 0] * (area_ratios[1] - area_ratios[0])) * height * width
    aspect = aspect_ratios[0] + u[..., 1] * (aspect_ratios[1] - aspect_ratios[0])
    h = np.minimum(np.sqrt(area * aspect), height).astype(np.int64)
    w = np.minimum(np.sqrt(area / aspect), width).astype(np.int64)
    top = (u[..., 3] * (height - h + 1)).astype(np.int64)[..., None]
    left = (u[..., 4] * (width - w + 1)).astype(np.int64)[..., None]
    rows, columns = np.arange(height), np.arange(width)
    inside = ((rows >= top) & (rows <= top + h[..., None]))[..., None] & (
        (columns >= left) & (columns <= left + w[..., None]))[..., None, :]
    inside &= (u[..., 2] <= prob)[..., None, None]
    inside = np.broadcast_to(inside, (n, batch, channels, height, width))
    erased = [np.flatnonzero(layer) for layer in inside]
    fills = [replacements[0] + rng.words(len(at)) * (2.0 ** -32 * (replacements[1] - replacements[0])) for at in erased]
    at, fill = erased[0], fills[0]
    if n > 1:    # later rectangles cover earlier ones
        whole = np.empty(images.numel())
        for at, fill in zip(erased, fills):
            whole[at] = fill
        at = np.flatnonzero(inside.any(0))
        fill = whole[at]
    fill = torch.from_numpy(fill.astype(np.float32)).to(device=x.device, dtype=x.dtype)
    if channel_last:
        at = np.arange(images.numel()).reshape(batch, height, width, channels).transpose(0, 3, 1, 2).reshape(-1)[at]
    y = x.reshape(-1).index_copy(0, torch.from_numpy(at).to(x.device), fill).reshape(x.shape)
    return y if ste_fine_grained else straight_through(x, y)


def _resolve_augmentation(arguments, x):
    if arguments["shape"] is None:
        arguments["shape"] = tuple(x)


def _image_augmentation_shape(x, shape, pad=(0, 0), **_):
    if len(pad) != 2:
        raise ValueError(f"expected pad as (rows, columns), received {pad}")
    if len(x) < 2 or not 2 <= len(shape) <= len(x):
        raise ValueError(f"expected images with at least 2 axes and a shape with no more axes than they have, "
                         f"received {x} and {shape}")
    full = x[:len(x) - len(shape)] + shape
    if full[:-2] != x[:-2]:
        raise ValueError(f"expected a shape that changes only the last two axes of {x}, received {shape}")
    return full


@operator("ImageAugmentation", shape=_image_augmentation_shape, resolve=_resolve_augmentation, backward_reads="")
def image_augmentation(x: Tensor, shape: Shape = None, pad: Shape = (0, 0), min_scale: float = 1.0,
                       max_scale: float = 1.0, angle: float = 0.0, aspect_ratio: float = 1.0, distortion: float = 0.0,
                       flip_lr: bool = False, flip_ud: bool = False, brightness: float = 0.0,
                       brightness_each: bool = False, contrast: float = 1.0, contrast_center: float = 0.0,
                       contrast_each: bool = False, noise: float = 0.0, seed: int = -1, *, rng):
    r"""Randomly crop, scale, rotate, distort, flip and recolour each image.

    Args:
        x: Images of shape ``(..., C, H, W)``.
        shape (tuple of int): Sizes of the last axes of the result; the input's by default.
        pad (pair of int): Rows and columns added by repeating the border, at each side.
        min_scale, max_scale (float): Range of the magnification; its logarithm is uniform.
        angle (float): Largest rotation in radians, both ways.
        aspect_ratio (float): Largest change of the ratio of the sides, both ways.
        distortion (float): Strength of the barrel or pincushion distortion.
        flip_lr, flip_ud (bool): Mirror one image in two, left to right or upside down.
        brightness (float): Largest value added, both ways.
        brightness_each (bool): Draw the brightness for each channel.
        contrast (float): Largest factor, or its inverse.
        contrast_center (float): Value the contrast leaves unchanged.
        contrast_each (bool): Draw the contrast for each channel.
        noise (float): Largest standard deviation of normal noise.
        seed (int): Seed of a stream of the function's own; -1 draws from the common stream.

    Returns:
        Array of shape ``x.shape[:-len(shape)] + shape``.

    Raises:
        ValueError: ``shape`` does not fit that of ``x``, or ``pad`` is no pair.
    """
    height, width = x.shape[-2:]
    rows, columns = shape[-2:]
    channels = x.shape[-3] if x.ndim > 2 else 1
    batch = math.prod(x.shape[:-3])
    images = x.reshape(batch, channels, height, width)
    # Nine words for the image, one or two for each channel, two more for the image.
    each = brightness_each + contrast_each
    after = 9 + channels * each
    grains = []
    if noise:    # drawn image by image, between the images' words
        rows_of_words = [_words(rng, 0, after + 2)]
        for _ in range(batch):
            rows_of_words.append(_words(rng, 1, after + 2))
            grains.append(_normals(rng, channels * rows * columns))
        words = np.concatenate(rows_of_words)
    else:
        words = _words(rng, batch, after + 2)
    u = (words % 1001).astype(np.float64) * 0.001
    turned = words[:, 5:7] % 2 == 1
    light = u[:, 9:after:each] if brightness_each else u[:, 7:8]
    power = u[:, 8 + each:after:each] if contrast_each else u[:, 8:9]

    # Source coordinates of the output's pixels: scale and turn about the centre, then move.
    scale = min_scale * np.exp(u[:, 0] * math.log(max_scale / min_scale))
    stretch = np.exp((u[:, 1] - 0.5) * math.log(aspect_ratio))
    step_x, step_y = 1 / (scale * stretch), stretch / scale
    turn = (2 * u[:, 2] - 1) * angle
    centre_x = u[:, 3] * (width + 2 * pad[1] - columns * step_x) - pad[1] + (columns - 1) / 2 * step_x
    centre_y = u[:, 4] * (height + 2 * pad[0] - rows * step_y) - pad[0] + (rows - 1) / 2 * step_y
    bend = np.exp(distortion * (1 - 2 * u[:, after])) - 1

    def numbers(values):
        """One or two numbers for each image, beside its rows and columns."""
        return torch.as_tensor(values, dtype=torch.float32, device=x.device).reshape(batch, 1, 1, math.prod(values.shape[1:]))

    j = torch.arange(columns, dtype=torch.float32, device=x.device)[:, None]
    i = torch.arange(rows, dtype=torch.float32, device=x.device)[:, None, None]
    if distortion:
        radius = (2 * j / columns - 1) ** 2 + (2 * i / rows - 1) ** 2
        factor = 1 + numbers(bend) * (1 - radius)
        i, j = rows / 2 + factor * (i - rows / 2), columns / 2 + factor * (j - columns / 2)
    # All else is linear. grid_sample wants x before y, and -1 and 1 at the outer edges of the border pixels.
    mirror = np.where(turned & [flip_lr, flip_ud], -1.0, 1.0)
    size = np.array([width, height])
    by_j = mirror * np.stack([np.cos(turn), np.sin(turn)], 1) * step_x[:, None] * 2 / size
    by_i = mirror * np.stack([-np.sin(turn), np.cos(turn)], 1) * step_y[:, None] * 2 / size
    centre = (2 * np.stack([centre_x, centre_y], 1) + 1) / size - 1
    grid = (i - (rows - 1) / 2) * numbers(by_i) + numbers(centre) + (j - (columns - 1) / 2) * numbers(by_j)
    y = precision.grid_sample(images, grid.to(x.dtype), "bilinear", "border", align_corners=False)

    power = np.exp((2 * power - 1) * math.log(contrast))
    light = ((2 * light - 1) * brightness - contrast_center) * power + contrast_center
    if contrast != 1:
        y = y.mul_(torch.as_tensor(power, dtype=x.dtype, device=x.device)[:, :, None, None])
    if brightness or contrast != 1:
        y = y.add_(torch.as_tensor(light, dtype=x.dtype, device=x.device)[:, :, None, None])
    if noise:
        grain = np.array(grains).reshape(batch, rows, columns, channels).transpose(0, 3, 1, 2)
        grain = grain * (u[:, after + 1] * noise)[:, None, None, None]
        y = y + torch.as_tensor(grain, dtype=x.dtype, device=x.device)
    return y.reshape(x.shape[:-2] + (rows, columns))
