"""Embedding and trainable activation."""
import numpy as np

from .. import functions as F
from ..initializer import ConstantInitializer, UniformInitializer
from .api import layer
from .weights import weight


@layer("embed", [("W", "A vector for each index", "(n_inputs, n_features)", True)])
def embed(inp, n_inputs, n_features, initializer=None, fix_parameters=False, apply_w=None):
    r"""Rows of a trainable matrix, picked by index.

    Args:
        inp: Indices in ``[0, n_inputs)``, any shape.
        n_inputs (int): Number of rows: words, classes.
        n_features (int): Length of a row.
        initializer: Initial rows; uniform between minus and plus the square root of 3 by default.

    Returns:
        Array shaped as ``inp`` with an axis of ``n_features`` added.
    """
    w = weight("W", [n_inputs, n_features], initializer, fix_parameters, UniformInitializer,
               (-np.sqrt(3.), np.sqrt(3)))
    if apply_w is not None:
        w = apply_w(w)
    return F.embed(inp, w)


@layer("prelu", [("slope", "Slope of the negative side", "() or (channels,)", True)])
def prelu(inp, base_axis=1, shared=True, fix_parameters=False, slope_init=None):
    r"""Rectifier with a trained slope on the negative side.

    .. math:: y = \max(0, x) + w \min(0, x)

    Args:
        inp: Array with channels at ``base_axis``.
        base_axis (int): Axis of the channels.
        shared (bool): One slope for all channels, rather than one each.
        slope_init: Initial slope; 0.25 by default.

    Returns:
        Array shaped as ``inp``.
    """
    w = weight("slope", () if shared else (inp.shape[base_axis],), slope_init, fix_parameters, ConstantInitializer,
               0.25)
    return F.prelu(inp, w, base_axis)
