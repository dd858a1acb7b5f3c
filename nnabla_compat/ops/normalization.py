"""Normalizations by statistics of the input or the weight, and clipping of gradients.

Scale and bias have nnabla's shapes: as many axes as x, 1 where a statistic is shared.
"""
from math import prod

import torch
from torch.nn import functional as F

from ..registry import AsIs, Ints, State, Tensor, operator
from .autograd import apply
from .shapes import normalize_axis, same_shape


def _others(ndim, axes):
    """The axes not in ``axes``, which may be negative."""
    kept = {normalize_axis(a, ndim) for a in axes}
    return tuple(i for i in range(ndim) if i not in kept)


def _kept(x, axes):
    """Shape of x with every axis but ``axes`` reduced to 1."""
    shape = [1] * len(x)
    for a in axes:
        a = normalize_axis(a, len(x))
        shape[a] = x[a]
    return tuple(shape)


def _check(expected, **shapes):
    for name, shape in shapes.items():
        if shape is not None and tuple(shape) != expected:
            raise ValueError(f"expected {name} of shape {expected}, received {tuple(shape)}. Reshape it: it has one axis for "
                             "each of x's")


def _check_outputs(n_outputs):
    if n_outputs not in (-1, 1, 3):
        raise ValueError(f"expected 1 output, or 3 (with mean and variance), received n_outputs={n_outputs}")


def _scale_and_bias(beta, gamma, no_scale, no_bias):
    """(beta, gamma) where one left out by no_bias lets gamma come first, as in a network file."""
    if no_bias and not no_scale and gamma is None:
        return None, beta
    return beta, gamma


def _affine(y, gamma, beta):
    if gamma is not None:
        return y * gamma if beta is None else torch.addcmul(beta, y, gamma)
    return y if beta is None else y + beta


def _grouped(x, groups, gamma, beta, eps):
    """Group normalization of (batch, channels, ...) with one scale and bias for each channel."""
    if gamma is None:  # torch's backward on the CPU fails with a bias and no scale
        return _affine(F.group_norm(x, groups, eps=eps), None, beta)
    return F.group_norm(x, groups, gamma.reshape(-1), None if beta is None else beta.reshape(-1), eps)


# -- batch normalization

def _batch_inputs(beta, gamma, mean, variance, no_scale, no_bias):
    """The four inputs by name, when no_scale or no_bias let the later ones move up."""
    if variance is None and (no_scale or no_bias):
        given = [t for t in (beta, gamma, mean, variance) if t is not None]
        if len(given) == 4 - no_scale - no_bias:
            beta = None if no_bias else given.pop(0)
            gamma = None if no_scale else given.pop(0)
            mean, variance = given
    return beta, gamma, mean, variance


def batch_normalization_shape(x, beta=None, gamma=None, mean=None, variance=None, axes=(1,), decay_rate=0.9, eps=1e-5,
                              batch_stat=True, no_scale=False, no_bias=False, n_outputs=-1):
    """Shape rule of BatchNormalization."""
    if len(axes) != 1:
        raise ValueError(f"expected one axis in axes, received {axes}. Transpose and reshape the others into one first, as "
                         "functions.batch_normalization does")
    if not batch_stat and n_outputs > 1:
        raise ValueError("expected batch_stat=True with n_outputs=3: without it there are no batch statistics to return")
    _check_outputs(n_outputs)
    beta, gamma, mean, variance = _batch_inputs(beta, gamma, mean, variance, no_scale, no_bias)
    for name, given, absent in (("beta", beta, no_bias), ("gamma", gamma, no_scale), ("mean", mean, False),
                                ("variance", variance, False)):
        if (given is None) != absent:
            raise ValueError(f"expected {'no ' if absent else ''}{name}: beta and gamma are left out exactly when no_bias and "
                             "no_scale say so, mean and variance never")
    expected = _kept(x, axes)
    _check(expected, beta=beta, gamma=gamma, mean=mean, variance=variance)
    return [x, expected, expected] if n_outputs == 3 else x


def normalize_batch(x, gamma, beta, mean, variance, axis, decay_rate, eps, batch_stat):
    """Batch normalization of x along one axis, by torch's fused kernel; updates mean and variance in place."""
    ndim = x.dim()
    if axis != 1:
        shape = x.shape
        axis = normalize_axis(axis, ndim)
        if axis == ndim - 1:
            if ndim == 4 or ndim == 5:  # stays channels-last in memory, which torch has kernels for
                return normalize_batch(x.movedim(-1, 1), gamma, beta, mean, variance, 1, decay_rate, eps,
                                       batch_stat).movedim(1, -1)
            x = x.reshape(-1, shape[axis])
        else:
            x = x.reshape(prod(shape[:axis]), shape[axis], prod(shape[axis + 1:]))
        return normalize_batch(x, gamma, beta, mean, variance, 1, decay_rate, eps, batch_stat).reshape(shape)
    if gamma is not None:
        gamma = gamma.reshape(-1).contiguous()     # torch's backward reads it as such, whatever its strides
        if beta is not None:
            beta = beta.reshape(-1)
    elif beta is not None:  # torch has no second derivative of a bias without a scale
        return normalize_batch(x, None, None, mean, variance, 1, decay_rate, eps, batch_stat) + \
            beta.reshape(-1, *(1,) * (ndim - 2))
    if mean is None or variance is None:
        return torch.batch_norm(x, gamma, beta, None, None, batch_stat, 1.0 - decay_rate, eps, True)
    mean, variance = mean.view(-1), variance.view(-1)
    if mean.requires_grad or variance.requires_grad:  # computed ones: no gradient reaches them in nnabla either
        mean, variance = mean.detach(), variance.detach()
    if mean.dtype == x.dtype:
        return torch.batch_norm(x, gamma, beta, mean, variance, batch_stat, 1.0 - decay_rate, eps, True)
    if x.dtype == torch.float64:  # torch mixes only half and float32
        wide_mean, wide_variance = mean.double(), variance.double()
        y = torch.batch_norm(x, gamma, beta, wide_mean, wide_variance, batch_stat, 1.0 - decay_rate, eps, True)
        mean.data.copy_(wide_mean)
        variance.data.copy_(wide_variance)
        return y
    # A half array goes with float32 statistics, and torch then wants scale and bias in float32 too.
    gamma = None if gamma is None else gamma.to(mean.dtype)
    beta = None if beta is None else beta.to(mean.dtype)
    return torch.batch_norm(x, gamma, beta, mean, variance, batch_stat, 1.0 - decay_rate, eps, True)


def _batch_statistics(x, axes):
    """Mean and variance over all other axes, kept as axes of length 1."""
    others = _others(x.dim(), axes)
    if not others:  # torch takes no axes for all
        return x.clone(), torch.zeros_like(x)
    variance, mean = torch.var_mean(x, others, correction=0, keepdim=True)
    return mean, variance


def _batch_reads(arguments):
    if arguments["batch_stat"]:
        statistics = dict.fromkeys(("beta", "mean", "variance"), "out1 out2")
        return {"x": "x gamma out1 out2", "gamma": "x out1 out2", **statistics}
    return {"x": "gamma variance", "gamma": "x mean variance"}


@operator("BatchNormalization", shape=batch_normalization_shape, backward_reads=_batch_reads)
def batch_normalization(x: Tensor, beta: Tensor = None, gamma: Tensor = None, mean: State = None, variance: State = None,
                        axes: Ints = (1,), decay_rate: float = 0.9, eps: float = 1e-5, batch_stat: bool = True,
                        no_scale: bool = False, no_bias: bool = False, *, n_outputs: int = -1):
    r"""Normalize each channel by the mean and variance over the batch and all other axes.

    .. math::
        y = \gamma \, \frac{x - \mu}{\sqrt{\sigma^2 + \epsilon}} + \beta

    With ``batch_stat`` the statistics are those of x, and the running ones follow with decay
    :math:`d`, the variance corrected for the number of samples :math:`M`:
    :math:`m \leftarrow d m + (1 - d) \mu`, :math:`v \leftarrow d v + (1 - d) \frac{M}{M - 1} \sigma^2`.
    Without, the running ones are used and left alone.

    Args:
        x: Array of any shape.
        beta, gamma: Bias and scale, shaped as x with every axis but the channel's 1. Left out with
            ``no_bias`` and ``no_scale``.
        mean, variance: Running statistics of the same shape, updated in place.
        axes (sequence of int): The channel axis, one.
        decay_rate (float): Share of the running statistics that stays.
        eps (float): Added to the variance.
        batch_stat (bool): Normalize by the batch (training) or by the running statistics.
        no_scale (bool): There is no ``gamma``.
        no_bias (bool): There is no ``beta``.

    Returns:
        Array shaped as x; with ``n_outputs=3`` also the batch mean and variance, differentiable.

    Raises:
        ValueError: Shapes do not agree, ``axes`` has not one entry, or statistics are asked for
            without ``batch_stat``.

    Source: Ioffe and Szegedy, Batch Normalization, 2015.
    """
    if no_bias or no_scale:
        beta, gamma, mean, variance = _batch_inputs(beta, gamma, mean, variance, no_scale, no_bias)
    y = normalize_batch(x, gamma, beta, mean, variance, axes[0], decay_rate, eps, batch_stat)
    if n_outputs == 3:
        return (y, *_batch_statistics(x, axes))
    return y


def _fused_shape(x, beta, gamma, mean, variance, z=None, axes=(1,), decay_rate=0.9, eps=1e-5, batch_stat=True,
                 nonlinearity="relu", n_outputs=-1):
    if nonlinearity != "relu":
        raise ValueError(f"expected nonlinearity='relu', received {nonlinearity!r}. Apply another one after "
                         "batch_normalization")
    if z is not None and z != x:
        raise ValueError(f"expected z shaped as x, {x}, received {z}")
    return batch_normalization_shape(x, beta, gamma, mean, variance, axes, batch_stat=batch_stat, n_outputs=n_outputs)


def _fused_reads(arguments):
    reads = dict.fromkeys(("beta", "mean", "variance", "z"), "out")
    if arguments["batch_stat"]:
        return {"x": "x gamma out", "gamma": "x out", **reads}
    return {"x": "gamma variance out", "gamma": "x mean out", **reads}


@operator("FusedBatchNormalization", shape=_fused_shape, backward_reads=_fused_reads)
def fused_batch_normalization(x: Tensor, beta: Tensor, gamma: Tensor, mean: State, variance: State, z: Tensor = None,
                              axes: Ints = (1,), decay_rate: float = 0.9, eps: float = 1e-5, batch_stat: bool = True,
                              nonlinearity: str = "relu", *, n_outputs: int = -1):
    r"""Batch normalization, then the sum with ``z``, then ReLU.

    .. math:: y = \max(0, \mathrm{BN}(x) + z)

    Args:
        x: Array of any shape.
        beta, gamma: Bias and scale, shaped as x with every axis but the channel's 1.
        mean, variance: Running statistics of the same shape, updated in place with ``batch_stat``.
        z: Array shaped as x, such as a residual branch; nothing is added without it.
        axes (sequence of int): The channel axis, one.
        decay_rate (float): Share of the running statistics that stays.
        eps (float): Added to the variance.
        batch_stat (bool): Normalize by the batch (training) or by the running statistics.
        nonlinearity (str): ``"relu"``, the only one.

    Returns:
        Array shaped as x; with ``n_outputs=3`` also the batch mean and variance.

    Raises:
        ValueError: Shapes do not agree, or another nonlinearity is named.

    Source: Ioffe and Szegedy, Batch Normalization, 2015.
    """
    y = normalize_batch(x, gamma, beta, mean, variance, axes[0], decay_rate, eps, batch_stat)
    y = torch.relu(y if z is None else y + z)
    if n_outputs == 3:
        return (y, *_batch_statistics(x, axes))
    return y


def _fill_group(arguments, *_):
    if arguments["group"] is None:
        arguments["group"] = "world"


def _sync_shape(x, beta, gamma, mean, variance, comm=None, group=None, axes=(1,), decay_rate=0.9, eps=1e-5, batch_stat=True,
                n_outputs=-1):
    return batch_normalization_shape(x, beta, gamma, mean, variance, axes, batch_stat=batch_stat, n_outputs=n_outputs)


@operator("SyncBatchNormalization", shape=_sync_shape, resolve=_fill_group)
def sync_batch_normalization(x: Tensor, beta: Tensor, gamma: Tensor, mean: State, variance: State, comm: object,
                             group: str = None, axes: Ints = (1,), decay_rate: float = 0.9, eps: float = 1e-5,
                             batch_stat: bool = True, *, n_outputs: int = -1):
    r"""Batch normalization with statistics shared by all processes of a communicator.

    In one process it is :func:`batch_normalization`.

    Args:
        x: Array of any shape.
        beta, gamma: Bias and scale, shaped as x with every axis but the channel's 1.
        mean, variance: Running statistics of the same shape, updated in place with ``batch_stat``.
        comm: The communicator.
        group (str): Name of the communicator's group; ``"world"`` by default.
        axes (sequence of int): The channel axis, one.
        decay_rate (float): Share of the running statistics that stays.
        eps (float): Added to the variance.
        batch_stat (bool): Normalize by the batch (training) or by the running statistics.

    Returns:
        Array shaped as x; with ``n_outputs=3`` also the batch mean and variance.

    Raises:
        ValueError: Shapes do not agree.
        NotImplementedError: The communicator has more than one process.

    Source: Zhang, Implementing Synchronized Multi-GPU Batch Normalization, 2018.
    """
    if batch_stat and getattr(comm, "size", 1) > 1:
        raise NotImplementedError(f"sync_batch_normalization over {comm.size} processes. Use batch_normalization, or one "
                                  "process")
    y = normalize_batch(x, gamma, beta, mean, variance, axes[0], decay_rate, eps, batch_stat)
    if n_outputs == 3:
        return (y, *_batch_statistics(x, axes))
    return y


# -- normalization of each sample

def _tensor_shape(x, beta=None, gamma=None, axes=(1,), eps=1e-5, no_scale=False, no_bias=False, n_outputs=-1):
    _check_outputs(n_outputs)
    beta, gamma = _scale_and_bias(beta, gamma, no_scale, no_bias)
    expected = _kept(x, axes)
    _check(expected, beta=beta, gamma=gamma)
    return [x, expected, expected] if n_outputs == 3 else x


@operator("TensorNormalization", shape=_tensor_shape, backward_reads={"x": "x gamma", "gamma": "x"})
def tensor_normalization(x: Tensor, beta: Tensor = None, gamma: Tensor = None, axes: Ints = (1,), eps: float = 1e-5,
                         no_scale: bool = False, no_bias: bool = False, *, n_outputs: int = -1):
    r"""Normalize by the mean and variance over all axes but ``axes``.

    .. math:: y = \gamma \, \frac{x - \mu}{\sqrt{\sigma^2 + \epsilon}} + \beta

    Args:
        x: Array of any shape.
        beta, gamma: Bias and scale, shaped as x with every axis not in ``axes`` 1.
        axes (sequence of int): Axes that have statistics of their own.
        eps (float): Added to the variance.
        no_scale (bool): There is no ``gamma``.
        no_bias (bool): There is no ``beta``.

    Returns:
        Array shaped as x; with ``n_outputs=3`` also mean and variance.

    Raises:
        ValueError: Shapes do not agree.
    """
    beta, gamma = _scale_and_bias(beta, gamma, no_scale, no_bias)
    if len(axes) == 1 and n_outputs != 3:
        return normalize_batch(x, gamma, beta, None, None, axes[0], 1.0, eps, True)
    mean, variance = _batch_statistics(x, axes)
    y = _affine((x - mean) * torch.rsqrt(variance + eps), gamma, beta)
    return (y, mean, variance) if n_outputs == 3 else y


def _layer_shape(x, beta=None, gamma=None, batch_axis=(0,), eps=1e-5, no_scale=False, no_bias=False, n_outputs=-1):
    _check_outputs(n_outputs)
    beta, gamma = _scale_and_bias(beta, gamma, no_scale, no_bias)
    _check(_kept(x, _others(len(x), batch_axis)), beta=beta, gamma=gamma)
    statistic = _kept(x, batch_axis)
    return [x, statistic, statistic] if n_outputs == 3 else x


@operator("LayerNormalization", shape=_layer_shape,
          backward_reads={"x": "x beta gamma out1 out2", "beta": "x beta out1 out2", "gamma": "x gamma out1 out2"})
def layer_normalization(x: Tensor, beta: Tensor = None, gamma: Tensor = None, batch_axis: Ints = (0,), eps: float = 1e-5,
                        no_scale: bool = False, no_bias: bool = False, *, n_outputs: int = -1):
    r"""Normalize each sample by the mean and variance of all its elements.

    .. math:: y = \gamma \, \frac{x - \mu}{\sqrt{\sigma^2 + \epsilon}} + \beta

    Args:
        x: Array of any shape.
        beta, gamma: Bias and scale, shaped as x with the batch axes 1.
        batch_axis (sequence of int): Axes along which samples differ.
        eps (float): Added to the variance.
        no_scale (bool): There is no ``gamma``.
        no_bias (bool): There is no ``beta``.

    Returns:
        Array shaped as x; with ``n_outputs=3`` also mean and variance.

    Raises:
        ValueError: Shapes do not agree.

    Source: Ba et al., Layer Normalization, 2016.
    """
    beta, gamma = _scale_and_bias(beta, gamma, no_scale, no_bias)
    ndim = x.dim()
    lead = len(batch_axis)
    if n_outputs != 3 and lead < ndim and (batch_axis == (0,) or sorted(a % ndim for a in batch_axis) == list(range(lead))):
        inner = x.shape[lead:]
        if gamma is None:  # torch has no second derivative of a bias without a scale
            return _affine(F.layer_norm(x, inner, eps=eps), None, beta)
        return F.layer_norm(x, inner, gamma.reshape(inner), None if beta is None else beta.reshape(inner), eps)
    mean, variance = _batch_statistics(x, batch_axis)
    y = _affine((x - mean) * torch.rsqrt(variance + eps), gamma, beta)
    return (y, mean, variance) if n_outputs == 3 else y


def _fill_instance(arguments, *_):
    if arguments["channel_axis"] is None:
        arguments["channel_axis"] = 1


def _instance_axes(ndim, channel_axis, batch_axis):
    return tuple(sorted({normalize_axis(a, ndim) for a in (*batch_axis, channel_axis)}))


def _instance_shape(x, beta=None, gamma=None, channel_axis=1, batch_axis=(0,), eps=1e-5, no_scale=False, no_bias=False,
                    n_outputs=-1):
    _check_outputs(n_outputs)
    beta, gamma = _scale_and_bias(beta, gamma, no_scale, no_bias)
    statistic = _kept(x, _instance_axes(len(x), channel_axis, batch_axis))
    shared = _kept(x, (channel_axis,))
    for name, shape in (("beta", beta), ("gamma", gamma)):
        if shape is not None and shape not in (shared, statistic):
            raise ValueError(f"expected {name} of shape {shared} (or {statistic}), received {shape}. Reshape it: it has one "
                             "axis for each of x's")
    return [x, statistic, statistic] if n_outputs == 3 else x


@operator("InstanceNormalization", shape=_instance_shape, resolve=_fill_instance,
          backward_reads={"x": "x beta gamma out1 out2", "beta": "x beta out1 out2", "gamma": "x gamma out1 out2"})
def instance_normalization(x: Tensor, beta: Tensor = None, gamma: Tensor = None, channel_axis: int = None,
                           batch_axis: Ints = (0,), eps: float = 1e-5, no_scale: bool = False, no_bias: bool = False, *,
                           n_outputs: int = -1):
    r"""Normalize each channel of each sample by its own mean and variance.

    .. math:: y = \gamma \, \frac{x - \mu}{\sqrt{\sigma^2 + \epsilon}} + \beta

    Args:
        x: Array of any shape.
        beta, gamma: Bias and scale, shaped as x with every axis but the channel's 1; the batch axes
            may keep their length, giving each sample its own.
        channel_axis (int): The channel axis; 1 by default.
        batch_axis (sequence of int): Axes along which samples differ.
        eps (float): Added to the variance.
        no_scale (bool): There is no ``gamma``.
        no_bias (bool): There is no ``beta``.

    Returns:
        Array shaped as x; with ``n_outputs=3`` also mean and variance.

    Raises:
        ValueError: Shapes do not agree.

    Source: Ulyanov et al., Instance Normalization: The Missing Ingredient for Fast Stylization, 2016.
    """
    beta, gamma = _scale_and_bias(beta, gamma, no_scale, no_bias)
    ndim = x.dim()
    if n_outputs != 3 and channel_axis == 1 and batch_axis == (0,) and ndim > 2:
        channels = x.shape[1]
        if (gamma is None or gamma.numel() == channels) and (beta is None or beta.numel() == channels):
            return _grouped(x, channels, gamma, beta, eps)
        return _affine(F.group_norm(x, channels, eps=eps), gamma, beta)
    mean, variance = _batch_statistics(x, _instance_axes(ndim, channel_axis, batch_axis))
    y = _affine((x - mean) * torch.rsqrt(variance + eps), gamma, beta)
    return (y, mean, variance) if n_outputs == 3 else y


def _fill_groups(arguments, *_):
    if arguments["num_groups"] is None:
        arguments["num_groups"] = 1
    _fill_instance(arguments)


def _group_axes(channel, batch):
    """Axes with statistics of their own once the channel axis is split in two."""
    return sorted({channel, *batch})


def _group_shape(x, beta=None, gamma=None, num_groups=1, channel_axis=1, batch_axis=(0,), eps=1e-5, no_scale=False,
                 no_bias=False, n_outputs=-1):
    _check_outputs(n_outputs)
    beta, gamma = _scale_and_bias(beta, gamma, no_scale, no_bias)
    channel = normalize_axis(channel_axis, len(x))
    batch = [normalize_axis(a, len(x)) for a in batch_axis]
    if channel in batch:
        raise ValueError(f"expected a channel axis that is no batch axis, received channel_axis={channel_axis} and "
                         f"batch_axis={batch_axis}")
    if num_groups < 1 or x[channel] % num_groups:
        raise ValueError(f"expected num_groups to divide the {x[channel]} channels, received {num_groups}")
    _check(_kept(x, (channel,)), beta=beta, gamma=gamma)
    if n_outputs != 3:
        return x
    split = x[:channel] + (num_groups, x[channel] // num_groups) + x[channel + 1:]
    statistic = _kept(split, _group_axes(channel, batch))
    return [x, statistic, statistic]


@operator("GroupNormalization", shape=_group_shape, resolve=_fill_groups,
          backward_reads={"x": "x beta gamma out1 out2", "beta": "x beta out1 out2", "gamma": "x gamma out1 out2"})
def group_normalization(x: Tensor, beta: Tensor = None, gamma: Tensor = None, num_groups: int = None,
                        channel_axis: int = None, batch_axis: Ints = (0,), eps: float = 1e-5, no_scale: bool = False,
                        no_bias: bool = False, *, n_outputs: int = -1):
    r"""Normalize each group of neighbouring channels of each sample by its own mean and variance.

    .. math:: y = \gamma \, \frac{x - \mu}{\sqrt{\sigma^2 + \epsilon}} + \beta

    Args:
        x: Array of any shape.
        beta, gamma: Bias and scale, shaped as x with every axis but the channel's 1.
        num_groups (int): Number of groups, a divisor of the number of channels; 1 by default.
        channel_axis (int): The channel axis; 1 by default.
        batch_axis (sequence of int): Axes along which samples differ.
        eps (float): Added to the variance.
        no_scale (bool): There is no ``gamma``.
        no_bias (bool): There is no ``beta``.

    Returns:
        Array shaped as x; with ``n_outputs=3`` also mean and variance, whose channel axis is split
        into (groups, 1).

    Raises:
        ValueError: Shapes do not agree, or the channels cannot be split into ``num_groups``.

    Source: Wu and He, Group Normalization, 2018.
    """
    beta, gamma = _scale_and_bias(beta, gamma, no_scale, no_bias)
    if n_outputs != 3 and channel_axis == 1 and batch_axis == (0,):
        return _grouped(x, num_groups, gamma, beta, eps)
    shape = x.shape
    channel = normalize_axis(channel_axis, len(shape))
    # The channel axis becomes (group, channel of the group).
    split = x.reshape(*shape[:channel], num_groups, shape[channel] // num_groups, *shape[channel + 1:])
    batch = [normalize_axis(a, len(shape)) for a in batch_axis]
    # nnabla takes batch axes after the channel axis in that array's numbering, and so do we.
    mean, variance = _batch_statistics(split, _group_axes(channel, batch))
    y = _affine(((split - mean) * torch.rsqrt(variance + eps)).reshape(shape), gamma, beta)
    return (y, mean, variance) if n_outputs == 3 else y


# -- norms

def _fill_norm(arguments, x):
    if arguments["p"] is None:
        arguments["p"] = 2.0
    if arguments["axes"] is None:
        arguments["axes"] = tuple(range(len(x)))


def _norm_shape(x, p=2.0, axes=(), eps=1e-12):
    if p < 1:
        raise ValueError(f"expected p of at least 1, received {p}")
    for a in axes:
        normalize_axis(a, len(x))
    return x


@operator("NormNormalization", shape=_norm_shape, resolve=_fill_norm)
def norm_normalization(x: Tensor, p: float = None, axes: Ints = None, eps: float = 1e-12):
    r"""Scale to a p-norm of 1 along ``axes``.

    .. math:: y = x / \lVert x \rVert_p

    The norm of zeros is not guarded: they become NaN, as in nnabla.

    Args:
        x: Array of any shape.
        p (float): Order of the norm, at least 1; 2 by default.
        axes (sequence of int): Axes the norm runs over; all by default.
        eps (float): Has no effect, as in nnabla.

    Returns:
        Array shaped as x.

    Raises:
        ValueError: ``p`` is less than 1, or an axis does not exist.
    """
    if not axes:
        return x / x.abs()
    return x / torch.linalg.vector_norm(x, p, axes, keepdim=True)


def _weight_norm_shape(w, g, dim=0, eps=1e-12):
    axis = normalize_axis(dim, len(w))
    if g != (w[axis],):
        raise ValueError(f"expected g of shape {(w[axis],)}, one entry for each slice of w along dim={dim}, received {g}")
    if eps <= 0:
        raise ValueError(f"expected eps above 0, received {eps}")
    return w


@operator("WeightNormalization", shape=_weight_norm_shape)
def weight_normalization(w: Tensor, g: Tensor, dim: int = 0, eps: float = 1e-12):
    r"""Give each slice of a weight along ``dim`` the norm ``g``.

    .. math:: y = g \, \frac{w}{\sqrt{\sum w^2 + \epsilon}}

    Args:
        w: Weight of any shape.
        g: Array (w.shape[dim],) of norms.
        dim (int): The axis of the outputs.
        eps (float): Added to the squared norm.

    Returns:
        Array shaped as ``w``.

    Raises:
        ValueError: ``g`` has another shape.

    Source: Salimans and Kingma, Weight Normalization, 2016.
    """
    _weight_norm_shape(tuple(w.shape), tuple(g.shape), dim)
    others = _others(w.dim(), (dim,))
    squares = w * w
    scale = g.reshape(_kept(w.shape, (dim,))) * torch.rsqrt((squares.sum(others, keepdim=True) if others else squares) + eps)
    return w * scale


def _fill_standardization(arguments, *_):
    if arguments["channel_axis"] is None:
        arguments["channel_axis"] = 0


def _standardization_shape(w, channel_axis=0, eps=1e-5, n_outputs=-1):
    _check_outputs(n_outputs)
    statistic = _kept(w, (channel_axis,))
    return [w, statistic, statistic] if n_outputs == 3 else w


@operator("WeightStandardization", shape=_standardization_shape, resolve=_fill_standardization,
          backward_reads="w out1 out2")
def weight_standardization(w: Tensor, channel_axis: int = None, eps: float = 1e-5, *, n_outputs: int = -1):
    r"""Give each slice of a weight along ``channel_axis`` mean 0 and variance 1.

    .. math:: y = \frac{w - \mu}{\sqrt{\sigma^2 + \epsilon}}

    Args:
        w: Weight of any shape.
        channel_axis (int): The axis of the outputs; 0 by default.
        eps (float): Added to the variance.

    Returns:
        Array shaped as ``w``; with ``n_outputs=3`` also mean and variance.

    Raises:
        ValueError: The axis does not exist.

    Source: Qiao et al., Micro-Batch Training with Batch-Channel Normalization and Weight
    Standardization, 2019.
    """
    mean, variance = _batch_statistics(w, (channel_axis,))
    y = (w - mean) * torch.rsqrt(variance + eps)
    return (y, mean, variance) if n_outputs == 3 else y


def _spectral_shape(w, u, dim=0, itr=1, eps=1e-12, test=False, output_u=False):
    if not 0 <= dim < len(w):
        raise ValueError(f"expected dim in [0, {len(w)}), received {dim}")
    if itr < 1 or eps <= 0:
        raise ValueError(f"expected itr of at least 1 and eps above 0, received {itr} and {eps}")
    if prod(u) != w[dim]:
        raise ValueError(f"expected u with {w[dim]} elements, one for each slice of w along dim={dim}, received shape {u}")
    return [w, u] if output_u else w


@operator("SpectralNorm", shape=_spectral_shape, backward_reads={"w": "w u out", "u": "w u"})
def spectral_norm(w: Tensor, u: State, dim: int = 0, itr: int = 1, eps: float = 1e-12, test: bool = False,
                  output_u: bool = False):
    r"""Divide a weight by an estimate of its largest singular value.

    .. math:: y = w / \sigma(w), \quad \sigma(w) = u^\top W v

    ``W`` is w as a matrix with a row for each slice along ``dim``; ``itr`` steps of the power method
    refine the singular vectors u and v, which count as constants in the gradient.

    Args:
        w: Weight of any shape.
        u: Array (w.shape[dim],), the singular vector of the last call, updated in place.
        dim (int): The axis of the outputs.
        itr (int): Steps of the power method.
        eps (float): Added to the squared norm of the singular vectors.
        test (bool): Leave ``u`` as it is.
        output_u (bool): Also return ``u``.

    Returns:
        Array shaped as ``w``, and ``u`` as it was before the call with ``output_u``.

    Raises:
        ValueError: ``u`` has another size, ``dim`` does not exist, or ``itr`` is not positive.

    Source: Miyato et al., Spectral Normalization for Generative Adversarial Networks, 2018.
    """
    matrix = w if dim == 0 else w.movedim(dim, 0)
    matrix = matrix.reshape(w.shape[dim], -1)
    before = u.detach()
    fixed = matrix.detach()
    left = before.reshape(-1).to(w.dtype)
    for _ in range(itr):
        right = torch.mv(fixed.t(), left)
        right = right * torch.rsqrt(right.dot(right) + eps)
        left = torch.mv(fixed, right)
        left = left * torch.rsqrt(left.dot(left) + eps)
    y = w / left.dot(torch.mv(matrix, right))
    given = before.to(w.dtype, copy=True) if output_u else None
    if not test:
        before.data.copy_(left.reshape(before.shape))
    return (y, given) if output_u else y


def _mean_subtraction_shape(x, rmean, t, base_axis=1, update_running_mean=True):
    expected = x[normalize_axis(base_axis, len(x)):]
    if rmean != expected:
        raise ValueError(f"expected rmean of shape {expected} for x of shape {x} and base_axis={base_axis}, received {rmean}")
    if prod(t) != 1:
        raise ValueError(f"expected a counter t of one element, received shape {t}")
    return x


@operator("MeanSubtraction", shape=_mean_subtraction_shape,
          backward_reads=lambda args: {"x": "t"} if args["update_running_mean"] else "")
def mean_subtraction(x: Tensor, rmean: State, t: AsIs, base_axis: int = 1, update_running_mean: bool = True):
    r"""Subtract the running mean of all batches seen.

    With ``update_running_mean``, ``rmean`` moves towards the mean of this batch first, by
    :math:`1 / (t + 1)` of the way, and ``t`` counts up. The gradient is then
    :math:`\left(1 - \frac{1}{N (t + 1)}\right) dy`, for N samples and the old t: each sample answers
    for its own share of the mean only.

    Args:
        x: Array of samples.
        rmean: Running mean of shape ``x.shape[base_axis:]``, updated in place.
        t: Array of one element, the number of batches seen, updated in place.
        base_axis (int): Axes before this one are samples.
        update_running_mean (bool): Follow the data (training) or leave the mean alone.

    Returns:
        Array shaped as x.

    Raises:
        ValueError: ``rmean`` has another shape.
    """
    axis = normalize_axis(base_axis, x.dim())
    mean = rmean.detach()
    if not update_running_mean:
        return (x - mean).to(x.dtype)
    samples = max(prod(x.shape[:axis]), 1)
    rate = 1.0 / (t.detach().reshape(()).to(mean.dtype) + 1.0)
    batch = x.detach().mean(tuple(range(axis)), dtype=mean.dtype) if axis else x.detach()
    mean.data.add_((batch - mean) * rate)
    t.detach().data.add_(1)
    fixed = x.detach()
    return ((fixed - mean) + (x - fixed) * (1.0 - rate / samples)).to(x.dtype)


# -- clipping of gradients

class _ClipGradByValue(torch.autograd.Function):
    @staticmethod
    def forward(x, low, high):
        return x.clone()

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(inputs[1], inputs[2])

    @staticmethod
    def backward(ctx, dy):
        low, high = ctx.saved_tensors
        return torch.where(dy > high, high, torch.maximum(dy, low)), None, None


def _clip_value_shape(x, min, max):
    for name, shape in (("min", min), ("max", max)):
        if shape != x:
            raise ValueError(f"expected {name} shaped as x, {x}, received {shape}. Broadcast it first")
    return x


@operator("ClipGradByValue", shape=_clip_value_shape, backward_reads={"x": "min max"})
def clip_grad_by_value(x: Tensor, min: Tensor, max: Tensor):
    r"""Pass x on; clip its gradient to a range.

    .. math:: y = x, \quad dx = \min(\max(dy, \mathrm{min}), \mathrm{max})

    Args:
        x: Array of any shape.
        min, max: Bounds shaped as x, which take no gradient.

    Returns:
        Array shaped as x.

    Raises:
        ValueError: A bound has another shape.
    """
    return apply(_ClipGradByValue, x, min, max)


class _ClipGradByNorm(torch.autograd.Function):
    @staticmethod
    def forward(x, clip_norm, axes):
        return x.clone()

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.clip_norm, ctx.axes = inputs[1], inputs[2]

    @staticmethod
    def backward(ctx, dy):
        norm = torch.linalg.vector_norm(dy, 2, ctx.axes, keepdim=True) if ctx.axes else dy.abs()
        return dy / norm * ctx.clip_norm, None, None


def _fill_clip(arguments, x):
    if arguments["clip_norm"] is None:
        arguments["clip_norm"] = 1.0
    if arguments["axes"] is None:
        arguments["axes"] = tuple(range(len(x)))


@operator("ClipGradByNorm", shape=same_shape, resolve=_fill_clip, backward_reads="")
def clip_grad_by_norm(x: Tensor, clip_norm: float = None, axes: Ints = None):
    r"""Pass x on; scale its gradient to a given L2 norm.

    .. math:: y = x, \quad dx = c \, \frac{dy}{\lVert dy \rVert_2}

    Despite its name the norm is set, not only limited: shorter gradients grow, and a zero one becomes
    NaN, as in nnabla.

    Args:
        x: Array of any shape.
        clip_norm (float): Norm of the gradient; 1 by default.
        axes (sequence of int): Axes the norm runs over; all by default.

    Returns:
        Array shaped as x.

    Source: Pascanu et al., On the difficulty of training recurrent neural networks, 2013.
    """
    return apply(_ClipGradByNorm, x, clip_norm, axes)
