"""Embedding as a class."""
import numpy as np

from ... import functions as F
from ...initializer import UniformInitializer
from .module import Module, make


class Embed(Module):
    """Rows of the parameter ``W`` (n_inputs, n_features), picked by index. (In nnabla 1.39 it cannot be built.)

    Args:
        n_inputs (int): Number of rows: words, classes.
        n_features (int): Length of a row.
        w_init: Initializer; uniform between minus and plus the square root of 3 by default.
        fix_parameters (bool): The parameter needs no gradient.
    """

    def __init__(self, n_inputs, n_features, w_init=None, fix_parameters=False):
        w_init = UniformInitializer((-np.sqrt(3.), np.sqrt(3))) if w_init is None else w_init
        self.W = make(w_init, (n_inputs, n_features), not fix_parameters)

    def __call__(self, inp):
        return F.embed(inp, self.W)
