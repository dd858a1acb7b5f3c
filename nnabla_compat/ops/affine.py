"""The fully connected layer."""
from math import prod

import torch

from ..registry import Prepared, Tensor, operator
from .shapes import left_to_torch, normalize_axis


@left_to_torch
def affine_shape(x, weight, bias=None, base_axis=1):
    """Axes of x before ``base_axis``, then the weight's output axes."""
    axis = normalize_axis(base_axis, len(x))
    if len(weight) < 2:
        raise ValueError(f"expected a weight with at least 2 axes (inputs, outputs...), received shape {weight}")
    size = prod(x[axis:])
    if size != weight[0]:
        raise ValueError(f"expected a weight with {size} rows for x of shape {x} and base_axis={base_axis}, received "
                         f"shape {weight}. Change base_axis or the weight's first axis")
    if bias is not None and bias != weight[1:]:
        raise ValueError(f"expected a bias of shape {weight[1:]} to go with a weight of shape {weight}, received {bias}")
    return x[:axis] + weight[1:]


def _direct_affine(x, weight, bias, base_axis):
    axis = normalize_axis(base_axis, len(x))
    if len(x) == len(weight) == 2 and axis == 1:
        return torch.mm if bias is None else _addmm
    if len(weight) == 2 and axis == len(x) - 1:
        return Prepared(torch.nn.functional.linear, {1: torch.t})
    rows, weight_rows, shape = prod(x[:axis]), weight[0], affine_shape(x, weight, bias, base_axis)
    flat, flat_shape = x == (rows, weight_rows), (rows, prod(weight[1:]))

    def multiply(x, matrix, bias=None):
        if not flat:
            x = x.reshape(rows, weight_rows)
        y = torch.mm(x, matrix) if bias is None else torch.addmm(bias, x, matrix)
        return y if shape == flat_shape else y.view(shape)
    return Prepared(multiply, {} if len(weight) == 2 else {1: _matrix, 2: torch.flatten})


def _addmm(x, weight, bias):
    return torch.addmm(bias, x, weight)


def _matrix(weight):
    return weight.flatten(1)


@operator("Affine", shape=affine_shape, backward_reads={"x": "weight", "weight": "x"}, direct=_direct_affine)
def affine(x: Tensor, weight: Tensor, bias: Tensor = None, base_axis: int = 1):
    r"""Linear map of everything from ``base_axis`` on: the fully connected layer.

    .. math:: y = x W + b

    Args:
        x: Array whose axes before ``base_axis`` are samples and whose other axes, flattened, hold
            the ``L`` features.
        weight: Array of shape :math:`(L, M_1, ...)`.
        bias: Array of shape :math:`(M_1, ...)`; nothing is added without it.
        base_axis (int): First feature axis. A negative one counts from the end.

    Returns:
        Array of shape ``x.shape[:base_axis] + weight.shape[1:]``.

    Raises:
        ValueError: Feature counts of x and weight, or shapes of weight and bias, do not agree.
    """
    if x.dim() == 2 and base_axis == 1 and weight.dim() == 2:
        if bias is None:
            return torch.mm(x, weight)
        if bias.shape == weight.shape[1:]:  # addmm would broadcast others
            return torch.addmm(bias, x, weight)
    shape = affine_shape(x.shape, weight.shape, None if bias is None else bias.shape, base_axis)
    rows = weight.shape[0]
    flat = x.reshape(prod(x.shape[:normalize_axis(base_axis, x.dim())]), rows)
    matrix = weight.reshape(rows, prod(weight.shape[1:]))
    y = torch.mm(flat, matrix) if bias is None else torch.addmm(bias.reshape(-1), flat, matrix)
    return y.reshape(shape)
