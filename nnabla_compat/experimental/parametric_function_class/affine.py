"""Fully connected layer as a class."""
from math import prod

from ... import functions as F
from ...initializer import ConstantInitializer
from ...parametric_functions.weights import glorot
from .module import Module, make


class Affine(Module):
    """Fully connected layer with the parameters ``W`` (n_inmaps, n_outmaps) and ``b``.

    Args:
        n_inmaps (int): Number of inputs.
        n_outmaps (int or tuple of int): Number of outputs; a tuple is multiplied out.
        base_axis (int): Axes before this one are the batch.
        w_init: Initializer of the weights; uniform with Glorot's limit by default.
        b_init: Initializer of the bias; zeros by default.
        fix_parameters (bool): Parameters need no gradients.
        rng (numpy.random.RandomState): Source of the default initial weights.
        with_bias (bool): Whether there is a bias.
    """

    def __init__(self, n_inmaps, n_outmaps, base_axis=1, w_init=None, b_init=None, fix_parameters=False, rng=None,
                 with_bias=True):
        outmaps = prod(n_outmaps) if hasattr(n_outmaps, "__iter__") else n_outmaps
        w_init = glorot(n_inmaps, outmaps, rng=rng) if w_init is None else w_init
        b_init = ConstantInitializer() if b_init is None else b_init
        self.W = make(w_init, (n_inmaps, outmaps), not fix_parameters)
        self.b = make(b_init, (outmaps,), not fix_parameters) if with_bias else None
        self.base_axis = base_axis

    def __call__(self, inp):
        return F.affine(inp, self.W, self.b, self.base_axis)


Linear = Affine
