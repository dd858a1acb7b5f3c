"""Networks of images with channels in the second axis."""
from .channel_last import LayoutModifier


class ChannelFirstModifier(LayoutModifier):
    """Converts a network of images (N, H, W, C) to (N, C, H, W).

    Convolutions get parameters ``W_cf``, batch normalizations ``beta_cf``, ``gamma_cf``, ``mean_cf``, ``var_cf``, the
    affine layer that reads an image ``w_cf``. Functions without a layout are copied; arguments that count axes
    (of a reduction, say) are not adapted.

    Args:
        inputs (list of Variable): Inputs of the network, (N, H, W, C).
        inputs_cf (list of Variable): Inputs for the new network; made with the values of ``inputs`` by default.

    Attributes:
        inputs_cf (list of Variable): Inputs of the new network.
    """

    channel_last, permutation, suffix = False, (0, 3, 1, 2), "cf"

    def __init__(self, inputs, inputs_cf=None):
        super().__init__()
        self._inputs, self._inputs_cf = inputs, inputs_cf
        self.inputs_cf = self._prepare(inputs, inputs_cf)

    def __finish__(self):
        self.inputs_cf = self._prepare(self._inputs, self.inputs_cf)
