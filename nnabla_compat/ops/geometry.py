"""Warping of images and correlation of their patches."""
import torch
from torch.nn import functional as F

from ..registry import Ints, Shape, Tensor, operator
from . import precision
from .sampling import gather

_PADDING = {"zero": "zeros", "repeat": "border", "reflect": "reflection"}


def _affine_grid_shape(theta, size, align_corners=False):
    n = len(size)
    if n not in (2, 3):
        raise ValueError(f"expected size of 2 or 3 axes, received {size}")
    if len(theta) != 3 or theta[1:] != (n, n + 1):
        raise ValueError(f"expected theta of shape (batch, {n}, {n + 1}) for size {size}, received {theta}")
    return theta[:1] + size + (n,)


@operator("AffineGrid", shape=_affine_grid_shape)
def affine_grid(theta: Tensor, size: Ints, align_corners: bool = False):
    r"""Positions to sample for an affine transform, in coordinates from -1 to 1.

    .. math:: (x_s, y_s)^\top = \theta \, (x, y, 1)^\top

    Args:
        theta: Array (batch, 2, 3), or (batch, 3, 4) for volumes.
        size (sequence of int): Spatial size of the output.
        align_corners (bool): -1 and 1 are the centres of the corner elements, not their outer edges.

    Returns:
        Array (batch, ``size``, 2 or 3), with x (then y, z) coordinates in the last axis.

    Raises:
        ValueError: ``size`` or the shape of theta is none of these.

    Source: Jaderberg et al., Spatial Transformer Networks, 2015.
    """
    # Each axis adds its part: broadcast, many times faster than torch's product of all positions with theta.
    batch, n_axes, _ = theta.shape
    *columns, grid = theta.unbind(-1)
    for axis, n in enumerate(size):
        at = torch.linspace(-1, 1, n, dtype=theta.dtype, device=theta.device)
        if not align_corners:
            at = at * ((n - 1) / max(n, 1))
        elif n == 1:
            at = torch.zeros_like(at)
        part = at[:, None] * columns[-1 - axis][:, None]
        grid = grid[..., None, :] + part.reshape(batch, *(1,) * axis, n, n_axes)
    return grid


def _warp_by_grid_shape(x, grid, mode="linear", padding_mode="zero", align_corners=False, channel_last=False):
    if mode not in ("linear", "nearest"):
        raise ValueError(f"expected mode 'linear' or 'nearest', received {mode!r}")
    if padding_mode not in _PADDING:
        raise ValueError(f"expected padding_mode 'zero', 'repeat' or 'reflect', received {padding_mode!r}")
    n = len(x) - 2
    if n not in (2, 3) or len(grid) != n + 2 or grid[-1] != n or grid[0] != x[0]:
        raise ValueError(f"expected x with 2 or 3 spatial axes and a grid of shape (batch, spatial..., coordinates) to go "
                         f"with it, received {x} and {grid}")
    return grid[:-1] + x[-1:] if channel_last else x[:2] + grid[1:-1]


def _sample_nearest(x, grid, padding_mode, align_corners):
    """Nearest elements; halfway rounds away from zero, where torch's grid_sample rounds to even."""
    index = []
    for axis, size in enumerate(x.shape[2:]):
        at = grid[..., -1 - axis].flatten(1)
        at = (at + 1) * ((size - 1) / 2) if align_corners else ((at + 1) * size - 1) / 2
        if padding_mode == "reflect":
            low, span = (0.0, size - 1.0) if align_corners else (-0.5, float(size))
            at = (at - low).remainder(2 * span) if span else torch.zeros_like(at)
            at = torch.minimum(at, 2 * span - at) + low
        if padding_mode != "zero":
            at = at.clamp(0, size - 1)
        index.append(torch.where(at < 0, (at - 0.5).ceil(), (at + 0.5).floor()).clamp(-1, size).long())
    return gather(x, index).reshape(*x.shape[:2], *grid.shape[1:-1])


@operator("WarpByGrid", shape=_warp_by_grid_shape)
def warp_by_grid(x: Tensor, grid: Tensor, mode: str = "linear", padding_mode: str = "zero", align_corners: bool = False,
                 channel_last: bool = False):
    r"""Sample an image or a volume at the positions of a grid.

    Args:
        x: Array (batch, channels, height, width) or (batch, channels, depth, height, width).
        grid: Array (batch, output spatial..., 2 or 3) of coordinates from -1 to 1, x first.
        mode (str): ``linear`` or ``nearest``. The latter gives the grid no gradient.
        padding_mode (str): Outside of x: ``zero``, ``repeat`` the border, or ``reflect``.
        align_corners (bool): -1 and 1 are the centres of the corner elements, not their outer edges.
        channel_last (bool): Channels of x and of the output are in the last axis.

    Returns:
        Array (batch, channels, output spatial...).

    Raises:
        ValueError: A mode is unknown, or shapes do not agree.

    Source: Jaderberg et al., Spatial Transformer Networks, 2015.
    """
    if channel_last:
        x = x.movedim(-1, 1)
    if mode == "linear":
        y = precision.grid_sample(x, grid, "bilinear", _PADDING[padding_mode], align_corners)
    else:
        y = _sample_nearest(x, grid.detach(), padding_mode, align_corners)
    return y.movedim(1, -1) if channel_last else y


def _warp_by_flow_shape(data, flow):
    if len(data) != 4 or len(flow) != 4:
        raise ValueError(f"expected data and flow with 4 axes, received {data} and {flow}")
    if flow != (data[0], 2) + data[2:]:
        raise ValueError(f"expected a flow of shape {(data[0], 2) + data[2:]} for data of shape {data}, received {flow}")
    return data


@operator("WarpByFlow", shape=_warp_by_flow_shape, backward_reads={"data": "flow", "flow": "data flow"})
def warp_by_flow(data: Tensor, flow: Tensor):
    r"""Sample each pixel of an image where a flow field points.

    .. math:: y_{h, w} = x(h + f_1, w + f_0)

    with bilinear interpolation; the border repeats outside of the image.

    Args:
        data: Array (batch, channels, height, width).
        flow: Array (batch, 2, height, width): horizontal, then vertical displacement in pixels.

    Returns:
        Array shaped as ``data``.

    Raises:
        ValueError: Shapes do not agree.
    """
    channels, height, width = data.shape[1:]
    position = [flow[:, 1] + torch.arange(height, device=flow.device, dtype=flow.dtype)[:, None],
                flow[:, 0] + torch.arange(width, device=flow.device, dtype=flow.dtype)]
    below = [p.detach().floor() for p in position]
    part = [(p - b).flatten(1)[:, None] for p, b in zip(position, below)]
    corners = []
    for b, size in zip(below, (height, width)):
        b = b.clamp(-1, size).long()
        corners.append([(b + i).clamp(0, size - 1) for i in (0, 1)])
    (top, bottom), (left, right) = corners
    pixels = data.flatten(2)

    def between(row):
        at = [(row * width + column).flatten(1)[:, None].expand(-1, channels, -1) for column in (left, right)]
        return torch.lerp(pixels.gather(2, at[0]), pixels.gather(2, at[1]), part[1])

    return torch.lerp(between(top), between(bottom), part[0]).reshape(data.shape)


def _patch_correlation_shape(x1, x2, patch=(1, 1), shift=(0, 0), patch_step=(1, 1), shift_step=(1, 1), padding=(0, 0, 0, 0)):
    if len(x1) != 4 or x1 != x2:
        raise ValueError(f"expected x1 and x2 of one shape (batch, height, width, channels), received {x1} and {x2}")
    for name, value, count in (("patch", patch, 2), ("shift", shift, 2), ("patch_step", patch_step, 2),
                               ("shift_step", shift_step, 2), ("padding", padding, 4)):
        if len(value) != count:
            raise ValueError(f"expected {name} of {count} values, received {value}")
        if min(value) < (0 if name in ("shift", "padding") else 1):
            raise ValueError(f"expected positive sizes and steps, and no negative shift or padding, received {name}={value}")
    out = tuple((n + a + b - k) // s + 1
                for n, a, b, k, s in zip(x1[1:3], padding[::2], padding[1::2], patch, patch_step))
    if min(out) < 1:
        raise ValueError(f"expected a patch no larger than the padded image, received {patch} for x1 of shape {x1}")
    return x1[:1] + out + tuple(2 * m // s + 1 for m, s in zip(shift, shift_step))


@operator("PatchCorrelation", shape=_patch_correlation_shape, backward_reads={"x1": "x2", "x2": "x1"})
def patch_correlation(x1: Tensor, x2: Tensor, patch: Shape = (1, 1), shift: Shape = (0, 0), patch_step: Shape = (1, 1),
                      shift_step: Shape = (1, 1), padding: Shape = (0, 0, 0, 0)):
    r"""Inner products of the patches of one image with displaced patches of another.

    .. math:: y_{h, w, i, j} = \sum_{c, k, l} x^1_{h + k, w + l, c} \, x^2_{h + k + i, w + l + j, c}

    Zeros surround both images.

    Args:
        x1: Array (batch, height, width, channels).
        x2: Array shaped as ``x1``.
        patch (sequence of int): Height and width of a patch.
        shift (sequence of int): Largest displacement down and right, and up and left.
        patch_step (sequence of int): Step from one patch to the next.
        shift_step (sequence of int): Step from one displacement to the next.
        padding (sequence of int): Zeros at top, bottom, left and right.

    Returns:
        Array (batch, patch rows, patch columns, vertical displacements, horizontal displacements).

    Raises:
        ValueError: Shapes do not agree, or the patch does not fit.

    Source: Fischer et al., FlowNet: Learning Optical Flow with Convolutional Networks, 2015.
    """
    top, bottom, left, right = padding
    x1 = F.pad(x1, [0, 0, left, right, top, bottom])
    x2 = F.pad(x2, [0, 0, left + shift[1], right + shift[1], top + shift[0], bottom + shift[0]])
    rows = _row_products(x1, x2, 2 * shift[1] + 1, range(0, 2 * shift[0] + 1, shift_step[0]))
    # (batch, rows, columns, vertical, horizontal displacements)
    products = torch.stack([row[..., ::shift_step[1]] for row in rows], 3)
    if patch == patch_step == (1, 1):
        return products
    products = products.permute(0, 3, 4, 1, 2)
    sums = F.avg_pool2d(products.flatten(0, 1), patch, patch_step, divisor_override=1)
    return sums.reshape(*products.shape[:3], *sums.shape[2:]).permute(0, 3, 4, 1, 2)


def _row_products(x1, x2, displacements, rows, tile=16):
    """Inner products of each pixel of x1 with those of x2 from its column on, one array for each of the given rows of x2.

    A few neighbours are multiplied with all pixels that any of them meets, as a matrix product; a diagonal band of it is wanted.
    """
    height, width = x1.shape[1:3]
    tile = min(tile, width, 2 * displacements)
    tiles = -(-width // tile)
    met = tile + displacements - 1
    # One pixel more in each tile: a row of the product read as one longer by 1 begins a place further right than the last.
    x1 = F.pad(x1, [0, 0, 0, tiles * tile + 1 - width]).unfold(2, tile + 1, tile).transpose(-1, -2).contiguous()
    x2 = F.pad(x2, [0, 0, 0, tiles * tile - width])
    for i in rows:
        product = torch.matmul(x1, x2[:, i:i + height].unfold(2, met, tile)).flatten(-2)
        band = product[..., :tile * (met + 1)].unflatten(-1, (tile, met + 1))[..., :displacements]
        yield band.flatten(2, 3)[:, :, :width]
