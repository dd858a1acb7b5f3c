"""Batch normalization folded into the weights of the layer before or after it."""
import numpy as np

from ...initializer import ConstantInitializer
from ...parameter import get_parameter_or_create, parameter_scope
from .graph_converter import FunctionModifier, bound_inputs

_LAYERS = ("Affine", "Convolution", "Deconvolution")


def scale_and_shift(bn):
    """What a batch normalization with running statistics does: a factor and a summand, shaped as its parameters."""
    named = bound_inputs(bn)
    mean, variance = named["mean"].d, named["variance"].d
    beta = named["beta"].d if "beta" in named else np.zeros_like(mean)
    gamma = named["gamma"].d if "gamma" in named else np.ones_like(mean)
    scale = gamma / np.sqrt(variance + bn.info.args["eps"])
    return scale.astype(np.float32), (beta - scale * mean).astype(np.float32)


def _is_batch_normalization(f):
    return f is not None and f.info.type_name == "BatchNormalization"


class BatchNormBase:
    """What the folding modifiers share."""

    def connect(self, f, x, w, b):
        """The layer ``f`` on another input with other weights and bias."""
        return self._modify_as_same(f, [x, w, b])

    def _per_channel(self, bn, layer, after):
        """Scale and shift of ``bn`` by output channels of the layer before it, or input channels of the one after."""
        scale, shift = scale_and_shift(bn)
        base_axis = layer.info.args["base_axis"]
        if layer.info.type_name == "Affine":
            # an affine layer sees all axes from base_axis on: every element has its own factor
            shape = (layer.outputs if after else layer.inputs)[0].shape
            return [np.broadcast_to(c, (1,) * base_axis + shape[base_axis:]).reshape(-1) for c in (scale, shift)]
        variable = (layer.outputs if after else layer.inputs)[0]
        axis = variable.ndim - 1 if layer.info.args["channel_last"] else base_axis
        if scale.size != scale.shape[axis]:
            raise ValueError(f"batch normalization over axes {bn.info.args['axes']} can't be folded into a "
                             f"{layer.name} whose channels are axis {axis}")
        return scale.reshape(-1), shift.reshape(-1)


def _split_groups(layer, w):
    """Weights as (group, out, in, kernel) of a convolution, (group, in, out, kernel) of a deconvolution."""
    args = layer.info.args
    if args["channel_last"]:
        w = np.moveaxis(w, -1, 1)
    return w.reshape((args["group"], w.shape[0] // args["group"], *w.shape[1:]))


def _join_groups(layer, w):
    w = w.reshape((-1, *w.shape[2:]))
    return np.moveaxis(w, 1, -1) if layer.info.args["channel_last"] else w


def _multiply_channels(layer, w, factors, output):
    """Weights with the channels on one side multiplied by ``factors``."""
    if layer.info.type_name == "Affine":
        return w * factors.reshape(w.shape[1:]) if output else w * factors.reshape((-1,) + (1,) * (w.ndim - 1))
    groups = _split_groups(layer, w)
    axis = 1 if output == (layer.info.type_name == "Convolution") else 2
    shape = [1] * groups.ndim
    shape[0], shape[axis] = groups.shape[0], groups.shape[axis]
    return _join_groups(layer, groups * factors.reshape(shape))


def _sum_to_outputs(layer, w):
    """Sum of weights by output channel."""
    if layer.info.type_name == "Affine":
        return w.sum(axis=0)
    groups = _split_groups(layer, w)
    axis = 1 if layer.info.type_name == "Convolution" else 2
    return groups.sum(axis=tuple(i for i in range(1, groups.ndim) if i != axis)).reshape(-1)


def _output_shape(layer, w):
    """Shape of a layer's bias."""
    if layer.info.type_name == "Affine":
        return w.shape[1:]
    args = layer.info.args
    if layer.info.type_name == "Convolution":
        return (w.shape[0],)
    return (w.shape[-1 if args["channel_last"] else 1] * args["group"],)


class AddBiasModifier(FunctionModifier, BatchNormBase):
    """Gives layers before or after a batch normalization a bias, if they have none: a new parameter ``b`` of zeros."""

    def modify(self, f, inputs):
        if f.info.type_name not in _LAYERS or len(inputs) == 3:
            return None
        consumers = f.outputs[0].function_references
        after = consumers and _is_batch_normalization(consumers[0])
        if not after and not _is_batch_normalization(f.inputs[0].parent):
            return None
        with parameter_scope(self.get_parameter_scope(inputs[1])):
            b = get_parameter_or_create("b", _output_shape(f, inputs[1]), ConstantInitializer(), True, True)
        return self.connect(f, inputs[0], inputs[1], b)


class BatchNormalizationFoldingModifierInner(FunctionModifier, BatchNormBase):
    """Folds batch normalizations into the layer right before them, as parameters ``w-folded`` and ``b-folded``.

    Layers need a bias already (:class:`AddBiasModifier`). A layer whose output somebody else reads too is left alone.

    Args:
        channel_last (bool): As in nnabla; each layer knows its own layout.
    """

    def __init__(self, channel_last=False):
        super().__init__()
        self._channel_last = channel_last

    @staticmethod
    def _folds(layer):
        """The batch normalization to fold into a layer, None if there is none."""
        if layer is None or layer.info.type_name not in _LAYERS or len(layer.inputs) < 3:
            return None
        consumers = layer.outputs[0].function_references
        return consumers[0] if len(consumers) == 1 and _is_batch_normalization(consumers[0]) else None

    def modify(self, f, inputs):
        if _is_batch_normalization(f):
            return inputs[0] if self._folds(f.inputs[0].parent) is f else None
        bn = self._folds(f)
        if bn is None:
            return None
        x, w, b = inputs
        w_data, b_data = self._compute_folded_parameters(f, bn)
        with parameter_scope(self.get_parameter_scope(w)):
            folded = get_parameter_or_create("w-folded", w.shape, w_data, w.need_grad)
            bias = get_parameter_or_create("b-folded", b.shape, b_data, b.need_grad)
        return self.connect(f, x, folded, bias)

    def reshape_bn_parameters(self, ip_func, bn_parameters, channel_last):
        """Parameters of a batch normalization of 4 (2 for an affine layer) axes, to multiply with weights before it."""
        if ip_func.info.type_name == "Convolution":
            return [np.swapaxes(p, 0, -1 if channel_last else 1) for p in bn_parameters]
        return list(bn_parameters)

    def _compute_folded_parameters(self, layer, bn):
        scale, shift = self._per_channel(bn, layer, after=True)
        w, b = layer.inputs[1].d, layer.inputs[2].d
        bias = scale.reshape(b.shape) * b + shift.reshape(b.shape)
        return _multiply_channels(layer, w, scale, output=True).astype(np.float32), bias.astype(np.float32)


class BatchNormalizationFoldingOppositeModifierInner(FunctionModifier, BatchNormBase):
    """Folds batch normalizations into the layers that read them, **changing the layers' weights and biases in place**.

    Exact where each output sees all weights: with padding, or a deconvolution's stride, the borders differ. Layers
    need a bias already (:class:`AddBiasModifier`). A batch normalization that something else reads too is left alone.

    Args:
        channel_last (bool): As in nnabla; each layer knows its own layout.
    """

    def __init__(self, channel_last=False):
        super().__init__()
        self._channel_last = channel_last

    @staticmethod
    def _folds(bn):
        """Whether all that reads a batch normalization can take it in."""
        if not _is_batch_normalization(bn):
            return False
        output = bn.outputs[0]
        consumers = output.function_references
        return bool(consumers) and all(c.info.type_name in _LAYERS and len(c.inputs) == 3 and c.inputs[0] is output
                                       for c in consumers)

    def modify(self, f, inputs):
        if _is_batch_normalization(f):
            return inputs[0] if self._folds(f) else None
        if f.info.type_name not in _LAYERS or not self._folds(f.inputs[0].parent):
            return None
        w, b = f.inputs[1:]
        w.d, b.d = self._compute_folded_parameters(f, f.inputs[0].parent)
        return self.connect(f, inputs[0], w, b)

    def reshape_bn_parameters(self, ip_func, bn_parameters, channel_last):
        """Parameters of a batch normalization of 4 axes, to multiply with weights after it (affine: rows by image)."""
        if ip_func.info.type_name == "Deconvolution":
            return [np.swapaxes(p, 0, -1 if channel_last else 1) for p in bn_parameters]
        if ip_func.info.type_name == "Affine":
            return [p.reshape(-1, 1, 1, 1) for p in bn_parameters]
        return list(bn_parameters)

    def _compute_folded_parameters(self, layer, bn):
        scale, shift = self._per_channel(bn, layer, after=False)
        w, b = layer.inputs[1].d, layer.inputs[2].d
        bias = b + _sum_to_outputs(layer, _multiply_channels(layer, w, shift, output=False))
        return _multiply_channels(layer, w, scale, output=False).astype(np.float32), bias.astype(np.float32)


class BatchNormalizationFoldingModifier:
    """Modifiers that fold batch normalizations, by running statistics, into layers before them or (``opposite``) after.

    See :class:`BatchNormalizationFoldingModifierInner` and :class:`BatchNormalizationFoldingOppositeModifierInner`.

    Args:
        opposite (bool): Fold into the layer after the batch normalization.
        channel_last (bool): As in nnabla; each layer knows its own layout.

    Returns:
        list: Modifiers, for :class:`GraphConverter`.
    """

    def __new__(cls, opposite=False, channel_last=False):
        inner = BatchNormalizationFoldingOppositeModifierInner if opposite else BatchNormalizationFoldingModifierInner
        return [AddBiasModifier(), inner(channel_last=channel_last)]
