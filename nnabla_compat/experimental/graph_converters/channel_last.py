"""Networks of images with channels in the last axis."""
import numpy as np

from ...parameter import get_parameter_or_create, parameter_scope
from ...variable import Variable
from .graph_converter import FunctionModifier

_POOLING = ("MaxPooling", "AveragePooling", "SumPooling", "Unpooling")


class LayoutModifier(FunctionModifier):
    """What both directions share. Subclasses say where axes come from.

    Convolutions, poolings, batch normalizations, concatenations and the affine layer on images are converted. Other
    functions are copied: those with axes or shapes as arguments have to be adapted by hand.
    """

    channel_last = None    # the layout to convert to
    permutation = ()       # for transpose: where each axis of the new layout comes from
    suffix = ""            # of the names of new parameters

    def _prepare(self, inputs, new_inputs):
        if new_inputs is None:
            new_inputs = []
            for v in inputs:
                if v.ndim != 4:
                    raise ValueError(f"{type(self).__name__}: expected images as inputs, with 4 axes, received shape "
                                     f"{v.shape}")
                new = Variable([v.shape[k] for k in self.permutation])
                new.d = v.d.transpose(self.permutation)
                new_inputs.append(new)
        for v, new in zip(inputs, new_inputs):
            self.replace_variable(v, new)
        return new_inputs

    def connect(self, fname, inputs, args):
        """A function in the other layout, by type name, inputs (in the new layout) and arguments (of the old one)."""
        inputs, changes = self._converted(fname, inputs, args) or (inputs, {})
        return self._call_function(fname, inputs, {**args, **changes})

    def modify(self, f, inputs):
        converted = self._converted(f.info.type_name, inputs, f.info.args, f.mask)
        if converted is None:
            return None
        inputs, changes = converted
        return self._modify_as_same(f, inputs, **changes)

    def _converted(self, name, inputs, args, mask=None):
        """Inputs and changed arguments of a function in the new layout; None if it is as before."""
        x, *parameters = inputs
        if name in ("Convolution", "Deconvolution"):
            w = self._convert_parameter(parameters[0], f"W_{self.suffix}")
            return [x, w, *parameters[1:]], {"channel_last": self.channel_last}
        if name in _POOLING:
            return inputs, {"channel_last": self.channel_last}
        if x.ndim != 4:
            return None
        if name == "BatchNormalization":
            names = [n for n, there in zip(("beta", "gamma", "mean", "var"), (mask or (True,) * 5)[1:]) if there]
            with parameter_scope(self.get_parameter_scope(parameters[0])):
                parameters = [self._parameter(v, f"{n}_{self.suffix}", v.need_grad) for n, v in zip(names, parameters)]
            return [x, *parameters], {"axes": tuple(self.permutation.index(a) for a in args["axes"])}
        if name == "Concatenate":
            return inputs, {"axis": self.permutation.index(args["axis"])}
        if name == "Affine" and args["base_axis"] == 1:
            return [x, self._convert_rows(x, parameters[0]), *parameters[1:]], {}
        return None

    def _convert_parameter(self, v, name):
        with parameter_scope(self.get_parameter_scope(v)):
            return self._parameter(v, name)

    def _parameter(self, v, name, need_grad=True):
        values = np.ascontiguousarray(v.d.transpose(self.permutation))
        return get_parameter_or_create(name, values.shape, values, need_grad)

    def _convert_rows(self, x, w):
        """Weights of an affine layer with the rows in the order of the new layout."""
        before = [x.shape[self.permutation.index(k)] for k in (1, 2, 3)]
        values = w.d.reshape(*before, -1).transpose(*(k - 1 for k in self.permutation[1:]), 3).reshape(w.shape)
        with parameter_scope(self.get_parameter_scope(w)):
            return get_parameter_or_create(f"w_{self.suffix}", values.shape, np.ascontiguousarray(values), False)


class ChannelLastModifier(LayoutModifier):
    """Converts a network of images (N, C, H, W) to (N, H, W, C).

    Convolutions get parameters ``W_cl``, batch normalizations ``beta_cl``, ``gamma_cl``, ``mean_cl``, ``var_cl``, the
    affine layer that reads an image ``w_cl``. Functions without a layout are copied; arguments that count axes
    (of a reduction, say) are not adapted.

    Args:
        inputs (list of Variable): Inputs of the network, (N, C, H, W).
        inputs_cl (list of Variable): Inputs for the new network; made with the values of ``inputs`` by default.

    Attributes:
        inputs_cl (list of Variable): Inputs of the new network.
    """

    channel_last, permutation, suffix = True, (0, 2, 3, 1), "cl"

    def __init__(self, inputs, inputs_cl=None):
        super().__init__()
        self._inputs, self._inputs_cl = inputs, inputs_cl
        self.inputs_cl = self._prepare(inputs, inputs_cl)

    def __finish__(self):
        self.inputs_cl = self._prepare(self._inputs, self.inputs_cl)
