"""Structured pruning: whole output channels set to zero."""
import numpy as np

from ...parameter import get_parameter_or_create, parameter_scope
from .graph_converter import FunctionModifier

_KNOWN = ("Convolution", "Deconvolution", "DepthwiseConvolution", "DepthwiseDeconvolution", "Affine")


class PruningModifier(FunctionModifier):
    """Sets the weights and biases of weak output channels to zero, as new parameters ``w-pruned`` and ``b-pruned``.

    Args:
        pruning_threshold (float): A channel stays if the sum of its squared weights is larger.
        functions_to_prune (sequence of str): Function types to work on.
        channel_last (bool): Whether deconvolutions have their channels in the last axis.
    """

    def __init__(self, pruning_threshold, functions_to_prune=_KNOWN, channel_last=False):
        super().__init__()
        self._channel_last = channel_last
        self._pruning_threshold = pruning_threshold
        self._types = [name for name in functions_to_prune if name in _KNOWN]

    def calculate_axis(self, f):
        """Axis of the weights that runs over the output channels."""
        if f.info.type_name == "Deconvolution":
            return -1 if self._channel_last else 1
        return 1 if f.info.type_name == "Affine" else 0

    def modify(self, f, inputs):
        if f.info.type_name not in self._types:
            return None
        w, b = inputs[1], inputs[2] if len(inputs) == 3 else None
        axes = list(range(w.ndim))
        axes.pop(self.calculate_axis(f))
        kept = (w.d**2).sum(axis=tuple(axes), keepdims=True) > self._pruning_threshold
        with parameter_scope(self.get_parameter_scope(w)):
            pruned = [get_parameter_or_create("w-pruned", w.shape, w.d * kept, True, True)]
            if b is not None:
                values = (b.d * kept.reshape(-1)).astype(np.float32)
                pruned.append(get_parameter_or_create("b-pruned", b.shape, values, True, True))
        return self._modify_as_same(f, [inputs[0], *pruned])
