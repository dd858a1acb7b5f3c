"""Measures of how well predictions match labels. They have no gradient."""
from functools import partial

import torch

from ..registry import Index, Tensor, operator
from .activation import last_axis
from .logical import compared
from .loss import label_shape
from .positions import taken
from .shapes import equal_shapes, normalize_axis, require_equal_shapes


def _top_n_error(x, target, axis, n):
    x = x.detach()
    right = taken(x, axis, target)
    if right is not None:
        return compared(torch.ge, x, right).sum(axis, keepdim=True).gt_(n)
    label = target.clamp(0, x.shape[axis] - 1)
    rank = compared(torch.ge, x, x.gather(axis, label)).sum(axis, keepdim=True)
    return ((rank > n) | (label != target)).type_as(x)


@operator("TopNError", shape=label_shape, resolve=last_axis, backward_reads="",
          direct=lambda x, target, axis, n: partial(_top_n_error, axis=axis, n=n))
def top_n_error(x: Tensor, target: Index, axis: int = None, n: int = 1):
    r"""1 where the right class is not among the ``n`` highest scores, else 0.

    .. math:: y = \begin{cases} 1 & |\{i : x_i \ge x_t\}| > n \\ 0 & \text{otherwise} \end{cases}

    A score equal to the right one counts as higher, so a tie is an error.

    Args:
        x: Scores, with the classes along ``axis``.
        target: Class labels from 0 on, shaped as ``x`` with length 1 along ``axis``. A label that
            is no class is an error.
        axis (int): Axis of the classes; the last one by default.
        n (int): How many of the highest scores are accepted.

    Returns:
        Array shaped as ``target``.

    Raises:
        ValueError: The shapes do not match.
    """
    label_shape(x.shape, target.shape, axis)
    return _top_n_error(x, target, axis, n)


@operator("BinaryError", shape=equal_shapes, backward_reads="")
def binary_error(x: Tensor, target: Tensor):
    r"""1 where prediction and target lie on different sides of a half, else 0.

    .. math:: y = \begin{cases} 1 & (x \ge 0.5) \ne (t \ge 0.5) \\ 0 & \text{otherwise} \end{cases}

    Args:
        x: Probabilities, array of any shape.
        target: Labels 0 or 1, shaped as ``x``.

    Returns:
        Array shaped as ``x``.

    Raises:
        ValueError: The shapes differ.
    """
    require_equal_shapes(x, target)
    return compared(torch.ne, compared(torch.ge, x, 0.5), compared(torch.ge, target, 0.5))


def _confusion_shape(x, target, axis):
    label_shape(x, target, axis)
    classes = x[normalize_axis(axis, len(x))]
    return (classes, classes)


@operator("ConfusionMatrix", shape=_confusion_shape, resolve=last_axis, backward_reads="")
def confusion_matrix(x: Tensor, target: Index, axis: int = None):
    """How often each class was taken for each.

    The prediction is the first of the highest scores.

    Args:
        x: Scores, with the classes along ``axis``.
        target: Class labels from 0 on, shaped as ``x`` with length 1 along ``axis``. Labels that are
            no class are left out.
        axis (int): Axis of the classes; the last one by default.

    Returns:
        Array (classes, classes) of int32 counts: rows are the labels, columns the predictions.

    Raises:
        ValueError: The shapes do not match.
    """
    classes = _confusion_shape(x.shape, target.shape, axis)[0]
    cell = target * classes + x.argmax(axis, keepdim=True)
    cell = torch.where((target >= 0) & (target < classes), cell, classes * classes).reshape(-1)
    counts = torch.zeros(classes * classes + 1, dtype=torch.int32, device=x.device)
    counts.scatter_add_(0, cell, torch.ones_like(cell, dtype=torch.int32))
    return counts[:-1].reshape(classes, classes)
