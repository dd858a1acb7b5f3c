"""Batch normalization as a class."""
from ... import functions as F
from ...initializer import ConstantInitializer
from .module import Module, make


class BatchNormalization(Module):
    """Batch normalization with the parameters ``beta``, ``gamma``, ``mean`` and ``var``.

    Args:
        n_features (int): Number of channels.
        n_dims (int): Number of axes of the input.
        axes (list of int): The axis of the channels.
        decay_rate (float): Weight of the past in the running statistics.
        eps (float): Added to the variance.
        batch_stat (bool): Not used: the argument ``test`` of a call says which statistics to use.
        output_stat (bool): Return mean and variance too.
        fix_parameters (bool): Parameters need no gradients.
        param_init (dict): Initializers by parameter name.
    """

    def __init__(self, n_features, n_dims, axes=[1], decay_rate=0.9, eps=1e-5, batch_stat=True, output_stat=False,
                 fix_parameters=False, param_init=None):
        if len(axes) != 1:
            raise AssertionError(f"BatchNormalization: expected one axis of channels, received axes={axes}.")
        shape = [1] * n_dims
        shape[axes[0]] = n_features
        init = {"beta": ConstantInitializer(0), "gamma": ConstantInitializer(1), "mean": ConstantInitializer(0),
                "var": ConstantInitializer(1), **(param_init or {})}
        self.beta = make(init["beta"], shape, not fix_parameters)
        self.gamma = make(init["gamma"], shape, not fix_parameters)
        self.mean = make(init["mean"], shape, False)
        self.var = make(init["var"], shape, False)
        self.axes, self.decay_rate, self.eps, self.output_stat = axes, decay_rate, eps, output_stat

    def __call__(self, inp, test=False):
        return F.batch_normalization(inp, self.beta, self.gamma, self.mean, self.var, self.axes, self.decay_rate,
                                     self.eps, not test, self.output_stat)


class BatchNorm1d(BatchNormalization):
    """:class:`BatchNormalization` of (batch, channels, length) arrays."""

    def __init__(self, n_features, axes=[1], decay_rate=0.9, eps=1e-5, batch_stat=True, output_stat=False,
                 fix_parameters=False, param_init=None):
        super().__init__(n_features, 3, axes, decay_rate, eps, batch_stat, output_stat, fix_parameters, param_init)


class BatchNorm2d(BatchNormalization):
    """:class:`BatchNormalization` of (batch, channels, height, width) arrays."""

    def __init__(self, n_features, axes=[1], decay_rate=0.9, eps=1e-5, batch_stat=True, output_stat=False,
                 fix_parameters=False, param_init=None):
        super().__init__(n_features, 4, axes, decay_rate, eps, batch_stat, output_stat, fix_parameters, param_init)


class BatchNorm3d(BatchNormalization):
    """:class:`BatchNormalization` of (batch, channels, depth, height, width) arrays."""

    def __init__(self, n_features, axes=[1], decay_rate=0.9, eps=1e-5, batch_stat=True, output_stat=False,
                 fix_parameters=False, param_init=None):
        super().__init__(n_features, 5, axes, decay_rate, eps, batch_stat, output_stat, fix_parameters, param_init)
