"""Creating the weights and biases that layers share."""
from math import prod

from .. import parameter
from ..initializer import ConstantInitializer, UniformInitializer, calc_uniform_lim_glorot
from ..parameter import get_parameter_or_create


def glorot(fan_in, fan_out, kernel=(1, 1), rng=None):
    """Uniform initializer with Glorot's limit."""
    return UniformInitializer(calc_uniform_lim_glorot(fan_in, fan_out, kernel), rng=rng)


def weight(name, shape, init, fix_parameters, default, *default_arguments):
    """The trainable parameter ``name``. ``default(*default_arguments)`` makes its initializer, if one is needed."""
    if init is None and name not in parameter.current_scope:
        init = default(*default_arguments)
    return get_parameter_or_create(name, shape, init, True, not fix_parameters)


def bias(shape, init, fix_parameters, with_bias=True, apply_b=None, name="b"):
    """The bias, or None without one."""
    if not with_bias:
        return None
    b = weight(name, shape, init, fix_parameters, ConstantInitializer)
    return b if apply_b is None else apply_b(b)


def statistic(name, shape, init):
    """A parameter without gradient, such as a running mean."""
    return get_parameter_or_create(name, shape, init, False)


def affine_shape(inp, n_outmaps, base_axis):
    """Weight shape of an affine layer, its output shape (a list), fan-in and fan-out."""
    outmaps = list(n_outmaps) if hasattr(n_outmaps, "__iter__") else [n_outmaps]
    fan_in = prod(inp.shape[base_axis:])
    return [fan_in] + outmaps, outmaps, fan_in, prod(outmaps)


def channels_of(layer_name, inp, base_axis, channel_last=False):
    """Number of channels of ``inp``."""
    try:
        return inp.shape[-1] if channel_last else inp.shape[base_axis]
    except IndexError:
        raise IndexError(f"{layer_name} (scope '{parameter.scope_path(parameter.current_scope)}'): expected inp with "
                         f"channels on axis {base_axis} (base_axis), received shape {inp.shape}. Add a batch axis, or "
                         "pass another base_axis.") from None


def filter_shape(channels, kernel, group, channel_last):
    """Shape of one convolution filter."""
    if channel_last:
        return tuple(kernel) + (channels // group,)
    return (channels // group,) + tuple(kernel)
