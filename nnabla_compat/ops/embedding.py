"""Table look-up."""
import torch

from ..registry import Index, Tensor, operator
from .shapes import left_to_torch


@left_to_torch
def _embed_shape(x0, w):
    if not w:
        raise ValueError("expected a table with at least one axis as w, received a scalar")
    return x0 + w[1:]


def _direct_embed(x0, w):
    shape = x0 + w[1:]
    return lambda x0, w: w.index_select(0, x0.reshape(-1)).view(shape)


@operator("Embed", shape=_embed_shape, backward_reads={"w": "x0"}, direct=_direct_embed)
def embed(x0: Index, w: Tensor):
    r"""Rows of ``w`` at the positions ``x0``.

    .. math:: y_{i, j} = w_{x_i, j}

    Args:
        x0: Array of any shape with row numbers from 0 to ``w.shape[0] - 1``.
        w: Table, its rows along the first axis.

    Returns:
        Array of shape ``x0.shape + w.shape[1:]``.

    Raises:
        IndexError: A row number is out of range (on a GPU: reported by the device, later).
    """
    # In the backward pass several times faster than torch.embedding.
    return w.index_select(0, x0.reshape(-1)).reshape(x0.shape + w.shape[1:])
