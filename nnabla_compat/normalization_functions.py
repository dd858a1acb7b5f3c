"""Normalization functions as users call them: several axes, absent scale, bias or running statistics.

Each one calls the function of the same name in :mod:`~nnabla_compat.function_bases`. They work on
Variables, NdArrays and torch tensors.
"""
from math import prod as _prod

import torch as _torch

from . import function_bases as _base
from .engine import NdArray as _NdArray
from .engine import Variable as _Variable

__all__ = ["BatchNormalizationInOutAdapter", "batch_normalization", "fused_batch_normalization", "group_normalization",
           "instance_normalization", "layer_normalization", "sync_batch_normalization", "tensor_normalization",
           "weight_standardization"]


# These two names are nnabla's: programs import them.
def _force_list(axes):
    """``axes`` as a list, from a sequence or one int."""
    return list(axes) if hasattr(axes, "__iter__") else [axes]


def _get_axes_excluding(ndim, axes):
    """The axes of an array of ``ndim`` axes that aren't in ``axes``."""
    taken = _from_front(ndim, axes)
    return [a for a in range(ndim) if a not in taken]


def _from_front(ndim, axes):
    """Axes of an array of ``ndim`` axes, counted from the front."""
    return [a + ndim if a < 0 else a for a in _force_list(axes)]


def _statistic_shape(x, axes):
    shape = x.shape
    return tuple([n if i in axes else 1 for i, n in enumerate(shape)])


def _check_shapes(shape, beta, gamma):
    for name, t in (("beta", beta), ("gamma", gamma)):
        if t is not None and tuple(t.shape) != shape:
            raise ValueError(f"expected {name} of shape {shape}, received {tuple(t.shape)}. To scale or shift with another "
                             "shape, pass None and multiply or add afterwards")


def _filled(x, shape, value):
    """An array of one value, of the kind x is, that takes no gradient."""
    if isinstance(x, _torch.Tensor):
        return _torch.full(shape, value, dtype=_torch.float32, device=x.device)
    array = _NdArray(shape)
    array.fill(value)
    if isinstance(x, _NdArray):
        return array
    variable = _Variable(shape, need_grad=False)
    variable.data = array
    return variable


def _statistics(x, shape, mean, variance, batch_stat):
    """The running statistics, or stand-ins for absent ones (whose updates nobody sees)."""
    if mean is None or variance is None:
        if not batch_stat:
            raise ValueError("expected mean and variance, received None: batch_stat=False normalizes by them. Pass them, or "
                             "batch_stat=True")
        if mean is None:
            mean = _filled(x, shape, 0.0)
        if variance is None:
            variance = _filled(x, shape, 1.0)
    elif batch_stat and not isinstance(mean, _torch.Tensor) and (
            getattr(mean, "parent", None) is not None or getattr(variance, "parent", None) is not None):
        raise ValueError("expected mean and variance that are no function outputs: batch_stat=True updates them. Pass "
                         "variables of their own")
    return mean, variance


class BatchNormalizationInOutAdapter:
    """Move several axes to the end and flatten them into one, and back.

    Args:
        ndim (int): Number of axes of the arrays.
        axes (sequence of int): Axes that become the last one; not a single one.
    """

    def __init__(self, ndim, axes):
        assert len(axes) != 1, "expected several axes: a single one needs no adapter"
        self.ndim = ndim
        self.axes = axes
        self.outer_axes = sorted(set(range(ndim)) - set(axes))
        self.transpose_axes = self.outer_axes + sorted(axes)
        self.inv_transpose_axes = sorted(range(ndim), key=self.transpose_axes.__getitem__)
        self.transposed_shape = None

    def __call__(self, x):
        """x with the axes flattened into the last one."""
        y = _base.transpose(x, self.transpose_axes)
        shape = tuple(y.shape)
        assert self.transposed_shape in (None, shape), \
            f"expected an array that transposes to {self.transposed_shape} as before, received one that gives {shape}"
        self.transposed_shape = shape
        outer = len(self.outer_axes)
        return _base.reshape(y, shape[:outer] + (_prod(shape[outer:]),))

    def inv(self, y):
        """y, shaped as a result of this adapter, with the axes as they were."""
        return _base.transpose(_base.reshape(y, self.transposed_shape), self.inv_transpose_axes)


def _over_axes(function, x, inputs, z, axes, output_stat, **arguments):
    """A batch normalization over the product of several axes."""
    ndim = len(x.shape)
    whole, small = BatchNormalizationInOutAdapter(ndim, axes), BatchNormalizationInOutAdapter(ndim, axes)
    inputs = [t if t is None else small(t) for t in inputs]
    flat = whole(x)
    if z is not None:
        inputs.append(whole(z))
    out = function(flat, *inputs, axes=[ndim - len(axes)], n_outputs=3 if output_stat else 1, **arguments)
    if not output_stat:
        return whole.inv(out)
    y, mean, variance = out
    return whole.inv(y), small.inv(mean), small.inv(variance)


def batch_normalization(x, beta, gamma, mean, variance, axes=[1], decay_rate=0.9, eps=1e-05, batch_stat=True,
                        output_stat=False, n_outputs=None):
    r"""Normalize by the mean and variance over all axes but ``axes``.

    .. math:: y = \gamma \, \frac{x - \mu}{\sqrt{\sigma^2 + \epsilon}} + \beta

    With ``batch_stat`` the statistics are those of x, and the running ones follow them; see
    :func:`nnabla_compat.function_bases.batch_normalization`. Over several axes it works on transposed
    copies.

    Args:
        x: Array of any shape.
        beta (array or None): Bias, shaped as x with every axis not in ``axes`` 1; none is added for None.
        gamma (array or None): Scale of the same shape; None for none.
        mean (array or None): Running mean of the same shape, updated in place. None, with
            ``batch_stat`` only: there is none.
        variance (array or None): Running variance, likewise.
        axes (int or sequence of int): Axes that have statistics of their own, the channels.
        decay_rate (float): Share of the running statistics that stays.
        eps (float): Added to the variance.
        batch_stat (bool): Normalize by the batch (training) or by the running statistics.
        output_stat (bool): Also return the batch mean and variance, differentiable.
        n_outputs: Ignored.

    Returns:
        Array shaped as x; with ``output_stat`` a tuple with mean and variance as well.

    Raises:
        ValueError: beta or gamma have another shape, running statistics are missing though they are
            needed, or are function outputs though they would be updated.
        AssertionError: ``output_stat`` without ``batch_stat``.

    Source: Ioffe and Szegedy, Batch Normalization, 2015.
    """
    assert batch_stat or not output_stat, "expected batch_stat=True with output_stat=True"
    axes = _from_front(len(x.shape), axes)
    shape = _statistic_shape(x, axes)
    mean, variance = _statistics(x, shape, mean, variance, batch_stat)
    _check_shapes(shape, beta, gamma)
    if len(axes) == 1:
        return _base.batch_normalization(x, beta, gamma, mean, variance, axes, decay_rate, eps, batch_stat, gamma is None,
                                         beta is None, n_outputs=3 if output_stat else 1)
    return _over_axes(_base.batch_normalization, x, [beta, gamma, mean, variance], None, axes, output_stat,
                      decay_rate=decay_rate, eps=eps, batch_stat=batch_stat, no_scale=gamma is None, no_bias=beta is None)


def _scaled_statistics(x, axes, beta, gamma, mean, variance, batch_stat):
    """All four inputs, with stand-ins for absent ones."""
    shape = _statistic_shape(x, axes)
    mean, variance = _statistics(x, shape, mean, variance, batch_stat)
    _check_shapes(shape, beta, gamma)
    return [_constant(x, shape, 0.0) if beta is None else beta, _constant(x, shape, 1.0) if gamma is None else gamma, mean,
            variance]


def _constant(x, shape, value):
    """An array of one value, of the kind x is; in a graph a function, which a saved network describes."""
    return _filled(x, shape, value) if isinstance(x, (_torch.Tensor, _NdArray)) else _base.constant(value, shape)


def fused_batch_normalization(x, beta, gamma, mean, variance, z=None, axes=[1], decay_rate=0.9, eps=1e-05, batch_stat=True,
                              nonlinearity='relu', output_stat=False, n_outputs=None):
    r"""Batch normalization, then the sum with ``z``, then an activation.

    .. math:: y = \max(0, \mathrm{BN}(x) + z)

    Args:
        x: Array of any shape.
        beta, gamma, mean, variance (array or None): As for :func:`batch_normalization`.
        z (array, optional): Array shaped as x to add.
        axes (int or sequence of int): Axes that have statistics of their own, the channels.
        decay_rate (float): Share of the running statistics that stays.
        eps (float): Added to the variance.
        batch_stat (bool): Normalize by the batch (training) or by the running statistics.
        nonlinearity (str): ``"relu"``, the only one.
        output_stat (bool): Also return the batch mean and variance, differentiable.
        n_outputs: Ignored.

    Returns:
        Array shaped as x; with ``output_stat`` a tuple with mean and variance as well.

    Raises:
        ValueError: As for :func:`batch_normalization`.
        RuntimeError: The nonlinearity is another.

    Source: Ioffe and Szegedy, Batch Normalization, 2015.
    """
    axes = _from_front(len(x.shape), axes)
    inputs = _scaled_statistics(x, axes, beta, gamma, mean, variance, batch_stat)
    if len(axes) == 1:
        return _base.fused_batch_normalization(x, *inputs, z, axes, decay_rate, eps, batch_stat, nonlinearity,
                                               n_outputs=3 if output_stat else 1)
    return _over_axes(_base.fused_batch_normalization, x, inputs, z, axes, output_stat, decay_rate=decay_rate, eps=eps,
                      batch_stat=batch_stat, nonlinearity=nonlinearity)


def sync_batch_normalization(x, beta, gamma, mean, variance, comm, group="world", axes=[1], decay_rate=0.9, eps=1e-05,
                             batch_stat=True, output_stat=False, n_outputs=None):
    """Batch normalization with statistics shared by the processes of a communicator.

    Args:
        x: Array of any shape.
        beta, gamma, mean, variance (array or None): As for :func:`batch_normalization`.
        comm (Communicator): The communicator.
        group (str): Name of the communicator's group.
        axes (int or sequence of int): The channel axis, one.
        decay_rate (float): Share of the running statistics that stays.
        eps (float): Added to the variance.
        batch_stat (bool): Normalize by the batch (training) or by the running statistics.
        output_stat (bool): Also return the batch mean and variance, differentiable.
        n_outputs: Ignored.

    Returns:
        Array shaped as x; with ``output_stat`` a tuple with mean and variance as well.

    Raises:
        ValueError: As for :func:`batch_normalization`.

    Source: Zhang, Implementing Synchronized Multi-GPU Batch Normalization, 2018.
    """
    axes = _from_front(len(x.shape), axes)
    inputs = _scaled_statistics(x, axes, beta, gamma, mean, variance, batch_stat)
    return _base.sync_batch_normalization(x, *inputs, comm, group, axes, decay_rate, eps, batch_stat,
                                          n_outputs=3 if output_stat else 1)


def tensor_normalization(x, axes, beta=None, gamma=None, eps=1e-05, output_stat=False):
    r"""Normalize x by its own mean and variance over all axes but ``axes``.

    Args:
        x: Array of any shape.
        axes (int or sequence of int): Axes that have statistics of their own: for x of shape
            (B, C, H, W) and axes [0, 1] there are B * C means.
        beta (array or None): Bias, shaped as x with every axis not in ``axes`` 1.
        gamma (array or None): Scale of the same shape.
        eps (float): Added to the variance.
        output_stat (bool): Also return mean and variance, differentiable.

    Returns:
        Array shaped as x; with ``output_stat`` a tuple with mean and variance as well.

    Raises:
        ValueError: beta or gamma have another shape.
    """
    return batch_normalization(x, beta, gamma, None, None, axes=axes, decay_rate=0.0, eps=eps, batch_stat=True,
                               output_stat=output_stat)


def weight_standardization(w, channel_axis=0, eps=1e-05, output_stat=False):
    r"""Give each slice of a weight along ``channel_axis`` mean 0 and variance 1.

    .. math:: y = \frac{w - \mu}{\sqrt{\sigma^2 + \epsilon}}

    Args:
        w: Weight of any shape.
        channel_axis (int): The axis of the outputs: 0 for a convolution's weight, 1 for an affine one's.
        eps (float): Added to the variance.
        output_stat (bool): Also return mean and variance, differentiable.

    Returns:
        Array shaped as ``w``; with ``output_stat`` a tuple with mean and variance as well.

    Raises:
        ValueError: ``channel_axis`` is out of range.

    Source: Qiao et al., Micro-Batch Training with Batch-Channel Normalization and Weight
    Standardization, 2019.
    """
    return _base.weight_standardization(w, channel_axis, eps, n_outputs=3 if output_stat else 1)


def layer_normalization(x, beta, gamma, batch_axis=0, eps=1e-05, output_stat=False):
    r"""Normalize each sample by the mean and variance of all its elements.

    .. math:: y = \gamma \, \frac{x - \mu}{\sqrt{\sigma^2 + \epsilon}} + \beta

    Args:
        x: Array of any shape.
        beta (array or None): Bias, shaped as x with the batch axes 1; none is added for None.
        gamma (array or None): Scale of the same shape; None for none.
        batch_axis (int or sequence of int): Axes along which samples differ.
        eps (float): Added to the variance.
        output_stat (bool): Also return mean and variance, differentiable.

    Returns:
        Array shaped as x; with ``output_stat`` a tuple with mean and variance as well.

    Raises:
        ValueError: a shape does not fit that of ``x``, or an axis is out of range.

    Source: Ba et al., Layer Normalization, 2016.
    """
    return _base.layer_normalization(x, beta, gamma, _force_list(batch_axis), eps, gamma is None, beta is None,
                                     n_outputs=3 if output_stat else 1)


def instance_normalization(x, beta, gamma, channel_axis=1, batch_axis=0, eps=1e-05, output_stat=False):
    r"""Normalize each channel of each sample by its own mean and variance.

    .. math:: y = \gamma \, \frac{x - \mu}{\sqrt{\sigma^2 + \epsilon}} + \beta

    Args:
        x: Array of any shape.
        beta (array or None): Bias, shaped as x with every axis but the channel's 1 (batch axes may keep
            their length); none is added for None.
        gamma (array or None): Scale of the same shape; None for none.
        channel_axis (int): The channel axis.
        batch_axis (int or sequence of int): Axes along which samples differ.
        eps (float): Added to the variance.
        output_stat (bool): Also return mean and variance, differentiable.

    Returns:
        Array shaped as x; with ``output_stat`` a tuple with mean and variance as well.

    Raises:
        ValueError: a shape does not fit that of ``x``, or an axis is out of range.

    Source: Ulyanov et al., Instance Normalization: The Missing Ingredient for Fast Stylization, 2016.
    """
    return _base.instance_normalization(x, beta, gamma, channel_axis, _force_list(batch_axis), eps, gamma is None, beta is None,
                                        n_outputs=3 if output_stat else 1)


def group_normalization(x, beta, gamma, num_groups, channel_axis=1, batch_axis=0, eps=1e-05, output_stat=False):
    r"""Normalize each group of neighbouring channels of each sample by its own mean and variance.

    .. math:: y = \gamma \, \frac{x - \mu}{\sqrt{\sigma^2 + \epsilon}} + \beta

    Args:
        x: Array of any shape.
        beta (array or None): Bias, shaped as x with every axis but the channel's 1; none is added for
            None.
        gamma (array or None): Scale of the same shape; None for none.
        num_groups (int): Number of groups, a divisor of the number of channels.
        channel_axis (int): The channel axis.
        batch_axis (int or sequence of int): Axes along which samples differ.
        eps (float): Added to the variance.
        output_stat (bool): Also return mean and variance, differentiable; their channel axis is split
            into (groups, 1).

    Returns:
        Array shaped as x; with ``output_stat`` a tuple with mean and variance as well.

    Raises:
        ValueError: ``num_groups`` does not divide the channels, a shape does not fit, or an axis is out of range.

    Source: Wu and He, Group Normalization, 2018.
    """
    return _base.group_normalization(x, beta, gamma, num_groups, channel_axis, _force_list(batch_axis), eps, gamma is None,
                                     beta is None, n_outputs=3 if output_stat else 1)
