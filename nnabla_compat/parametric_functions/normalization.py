"""Normalizations of activations and of weights."""
from .. import functions as F
from ..initializer import ConstantInitializer, NormalInitializer, WeightNormalizationScaleInitializer
from ..parameter import get_parameter_or_create
from .api import layer
from .weights import statistic, weight

_BETA_GAMMA = [("beta", "Bias", "see above", True), ("gamma", "Scale", "see above", True)]
_BATCH = [("beta", "Bias", "that of inp on axes, 1 elsewhere", True),
          ("gamma", "Scale", "that of inp on axes, 1 elsewhere", True),
          ("mean", "Running mean", "that of inp on axes, 1 elsewhere", False),
          ("var", "Running variance", "that of inp on axes, 1 elsewhere", False)]


def _beta_gamma(shape, param_init, fix_parameters, no_bias, no_scale):
    param_init = param_init or {}
    beta = gamma = None
    if not no_bias:
        beta = weight("beta", shape, param_init.get("beta"), fix_parameters, ConstantInitializer, 0)
    if not no_scale:
        gamma = weight("gamma", shape, param_init.get("gamma"), fix_parameters, ConstantInitializer, 1)
    return beta, gamma


def _batch_parameters(inp, axes, param_init, fix_parameters, no_bias, no_scale):
    shape = [1] * len(inp.shape)
    for axis in axes:
        shape[axis] = inp.shape[axis]
    beta, gamma = _beta_gamma(shape, param_init, fix_parameters, no_bias, no_scale)
    param_init = param_init or {}
    mean = statistic("mean", shape, param_init.get("mean", _ZERO))
    var = statistic("var", shape, param_init.get("var", _ONE))
    return beta, gamma, mean, var


# These draw nothing and are not changed by use.
_ZERO, _ONE = ConstantInitializer(0), ConstantInitializer(1)


@layer("bn", _BATCH)
def batch_normalization(inp, axes=[1], decay_rate=0.9, eps=1e-5, batch_stat=True, output_stat=False,
                        fix_parameters=False, param_init=None, no_scale=False, no_bias=False):
    r"""Batch normalization.

    .. math:: y = \gamma \frac{x - \mu}{\sqrt{\sigma^2 + \epsilon}} + \beta

    With ``batch_stat`` the mean and variance are the batch's, and each forward moves the running
    statistics: ``running = decay_rate * running + (1 - decay_rate) * batch``. Without, the running
    statistics are used and stay.

    Args:
        inp: Array.
        axes (sequence of int): Axes that keep statistics of their own: the channels.
        decay_rate (float): Weight of the past in the running statistics.
        eps (float): Added to the variance.
        batch_stat (bool): Use the batch's statistics: True in training, False in evaluation.
        output_stat (bool): Return mean and variance too.
        param_init (dict): Initial values of ``beta``, ``gamma``, ``mean`` and ``var``.
        no_scale (bool): Leave out ``gamma``.
        no_bias (bool): Leave out ``beta``.

    Returns:
        Array shaped as ``inp``; with ``output_stat`` a tuple of it, mean and variance.

    Source: Ioffe & Szegedy, Batch Normalization, 2015.
    """
    beta, gamma, mean, var = _batch_parameters(inp, axes, param_init, fix_parameters, no_bias, no_scale)
    return F.batch_normalization(inp, beta, gamma, mean, var, axes, decay_rate, eps, batch_stat, output_stat)


@layer("bn", _BATCH)
def fused_batch_normalization(inp, z=None, axes=[1], decay_rate=0.9, eps=1e-5, batch_stat=True, nonlinearity="relu",
                              output_stat=False, fix_parameters=False, param_init=None, no_scale=False, no_bias=False):
    r"""Batch normalization, addition of ``z`` and rectifier in one.

    Args:
        inp: Array.
        z: Array shaped as ``inp``, added before the rectifier.
        axes (sequence of int): Axes that keep statistics of their own: the channels.
        decay_rate (float): Weight of the past in the running statistics.
        eps (float): Added to the variance.
        batch_stat (bool): Use the batch's statistics: True in training, False in evaluation.
        nonlinearity (str): ``"relu"``.
        output_stat (bool): Return mean and variance too.
        param_init (dict): Initial values of ``beta``, ``gamma``, ``mean`` and ``var``.
        no_scale (bool): Leave out ``gamma``.
        no_bias (bool): Leave out ``beta``.

    Returns:
        Array shaped as ``inp``; with ``output_stat`` a tuple of it, mean and variance.
    """
    beta, gamma, mean, var = _batch_parameters(inp, axes, param_init, fix_parameters, no_bias, no_scale)
    return F.fused_batch_normalization(inp, beta, gamma, mean, var, z, axes, decay_rate, eps, batch_stat, nonlinearity,
                                       output_stat)


@layer("bn", _BATCH)
def sync_batch_normalization(inp, comm, group="world", axes=[1], decay_rate=0.9, eps=1e-5, batch_stat=True,
                             output_stat=False, fix_parameters=False, param_init=None, no_scale=False, no_bias=False):
    r"""Batch normalization over the batches of all processes.

    Args:
        inp: Array.
        comm: Communicator whose processes share the statistics.
        group (str): Group of that communicator.
        axes (sequence of int): Axes that keep statistics of their own: the channels.
        decay_rate (float): Weight of the past in the running statistics.
        eps (float): Added to the variance.
        batch_stat (bool): Use the batch's statistics: True in training, False in evaluation.
        output_stat (bool): Return mean and variance too.
        param_init (dict): Initial values of ``beta``, ``gamma``, ``mean`` and ``var``.
        no_scale (bool): Leave out ``gamma``.
        no_bias (bool): Leave out ``beta``.

    Returns:
        Array shaped as ``inp``; with ``output_stat`` a tuple of it, mean and variance.
    """
    beta, gamma, mean, var = _batch_parameters(inp, axes, param_init, fix_parameters, no_bias, no_scale)
    return F.sync_batch_normalization(inp, beta, gamma, mean, var, comm, group, axes, decay_rate, eps, batch_stat,
                                      output_stat)


@layer("mean_subtraction", [("mean", "Running mean", "inp.shape[base_axis:]", False),
                            ("t", "Batches seen", "(1,)", False)])
def mean_subtraction(inp, base_axis=1, update_running_mean=True, fix_parameters=False):
    r"""Subtract the running mean over batches, to centre inputs.

    Args:
        inp: Array.
        update_running_mean (bool): Subtract the batch's mean and move the running mean; otherwise subtract
            the running mean.

    Returns:
        Array shaped as ``inp``.
    """
    if len(inp.shape) < base_axis:
        raise AssertionError(f"mean_subtraction: expected inp with at least {base_axis} axes for "
                             f"base_axis={base_axis}, "
                             f"received shape {inp.shape}.")
    mean = statistic("mean", inp.shape[base_axis:], _ZERO)
    t = statistic("t", (1,), _ZERO)
    return F.mean_subtraction(inp, mean, t, base_axis=base_axis, update_running_mean=update_running_mean)


@layer("layer_normalization", _BETA_GAMMA)
def layer_normalization(inp, batch_axis=0, eps=1e-5, output_stat=False, fix_parameters=False, param_init=None,
                        no_scale=False, no_bias=False):
    r"""Normalization over everything but the batch. Parameters are shaped as ``inp`` with 1 on the batch axes.

    Args:
        inp: Array.
        batch_axis (int or sequence of int): Axes that keep statistics of their own.
        eps (float): Added to the variance.
        output_stat (bool): Return mean and variance too.
        no_scale (bool): Leave out ``gamma``.
        no_bias (bool): Leave out ``beta``.

    Returns:
        Array shaped as ``inp``; with ``output_stat`` a tuple of it, mean and variance.

    Source: Ba et al., Layer Normalization, 2016.
    """
    batch_axis = _as_list(batch_axis)
    shape = list(inp.shape)
    for axis in batch_axis:
        shape[axis] = 1
    beta, gamma = _beta_gamma(shape, param_init, fix_parameters, no_bias, no_scale)
    return F.layer_normalization(inp, beta, gamma, batch_axis=batch_axis, eps=eps, output_stat=output_stat)


@layer("instance_normalization", _BETA_GAMMA)
def instance_normalization(inp, channel_axis=1, batch_axis=0, eps=1e-5, output_stat=False, fix_parameters=False,
                           param_init=None, no_scale=False, no_bias=False):
    r"""Normalization of each channel of each sample. Parameters have the channels on ``channel_axis``, 1 elsewhere.

    Args:
        inp: Array.
        channel_axis (int): Axis of the channels.
        batch_axis (int or sequence of int): Axes of the batch.
        eps (float): Added to the variance.
        output_stat (bool): Return mean and variance too.
        no_scale (bool): Leave out ``gamma``.
        no_bias (bool): Leave out ``beta``.

    Returns:
        Array shaped as ``inp``; with ``output_stat`` a tuple of it, mean and variance.

    Source: Ulyanov et al., Instance Normalization, 2016.
    """
    beta, gamma = _beta_gamma(_channel_shape(inp, channel_axis), param_init, fix_parameters, no_bias, no_scale)
    return F.instance_normalization(inp, beta, gamma, channel_axis=channel_axis, batch_axis=batch_axis, eps=eps,
                                    output_stat=output_stat)


@layer("group_normalization", _BETA_GAMMA)
def group_normalization(inp, num_groups, channel_axis=1, batch_axis=0, eps=1e-5, output_stat=False,
                        fix_parameters=False, param_init=None, no_scale=False, no_bias=False):
    r"""Normalization of each group of channels. Parameters have the channels on ``channel_axis``, 1 elsewhere.

    Args:
        inp: Array.
        num_groups (int): Number of groups; divides the number of channels.
        channel_axis (int): Axis of the channels.
        batch_axis (int or sequence of int): Axes of the batch.
        eps (float): Added to the variance.
        output_stat (bool): Return mean and variance too.
        no_scale (bool): Leave out ``gamma``.
        no_bias (bool): Leave out ``beta``.

    Returns:
        Array shaped as ``inp``; with ``output_stat`` a tuple of it, mean and variance.

    Source: Wu & He, Group Normalization, 2018.
    """
    beta, gamma = _beta_gamma(_channel_shape(inp, channel_axis), param_init, fix_parameters, no_bias, no_scale)
    return F.group_normalization(inp, beta, gamma, num_groups=num_groups, channel_axis=channel_axis,
                                 batch_axis=_as_list(batch_axis), eps=eps, output_stat=output_stat)


def _as_list(axis):
    return axis if hasattr(axis, "__iter__") else [axis]


def _channel_shape(inp, channel_axis):
    shape = [1] * len(inp.shape)
    shape[channel_axis] = inp.shape[channel_axis]
    return shape


@layer("wn", [("g", "Length of each filter", "(w.shape[dim],)", True)])
def weight_normalization(w, dim=0, eps=1e-12, g_init=None, fix_parameters=False):
    r"""Weights split into direction and length, the length a parameter.

    .. math:: w' = g \frac{w}{\sqrt{\lVert w \rVert^2 + \epsilon}}

    Made for the ``apply_w`` of other layers: ``PF.affine(x, 10, apply_w=PF.weight_normalization)``.

    Args:
        w: Weights.
        dim (int): Axis of the outputs, which have a length each.
        eps (float): Added to the squared length.
        g_init: Initial lengths; by default those of ``w``, so that nothing changes at first.

    Returns:
        Array shaped as ``w``.

    Source: Salimans & Kingma, Weight Normalization, 2016.
    """
    g = weight("g", (w.shape[dim],), g_init, fix_parameters, WeightNormalizationScaleInitializer, w, dim, eps)
    return F.weight_normalization(w, g, dim, eps)


@layer("spectral-norm", [("u", "Estimate of the first singular vector", "(w.shape[dim],)", False)])
def spectral_norm(w, dim=0, itr=1, eps=1e-12, test=False, u_init=None, fix_parameters=True):
    r"""Weights divided by their largest singular value, estimated by power iteration.

    Made for the ``apply_w`` of other layers: ``PF.convolution(x, 8, (3, 3), apply_w=PF.spectral_norm)``.

    Args:
        w: Weights.
        dim (int): Axis of the outputs; the others are flattened.
        itr (int): Iterations in each forward.
        eps (float): Added to norms.
        test (bool): Leave ``u`` as it is.
        u_init: Initial ``u``; standard normal by default.

    Returns:
        Array shaped as ``w``.

    Source: Miyato et al., Spectral Normalization for Generative Adversarial Networks, 2018.
    """
    if not 0 <= dim < len(w.shape):
        raise AssertionError(f"spectral_norm: expected 0 <= dim < {len(w.shape)} for weights of shape {w.shape}, "
                             f"received dim={dim}.")
    u = get_parameter_or_create("u", (w.shape[dim],), NormalInitializer() if u_init is None else u_init, False, False)
    return F.spectral_norm(w, u, dim=dim, itr=itr, eps=eps, test=test)
