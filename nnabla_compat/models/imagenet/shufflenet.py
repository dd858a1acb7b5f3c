"""ShuffleNet."""
from ..pretrained import one_of, variant
from .base import ImageNetBase


class ShuffleNet(ImageNetBase):
    """ShuffleNet, for images of 224 x 224.

    ``use_up_to`` takes ``'classifier'`` (scores), ``'pool'`` (the average over the image), ``'lastconv'`` and
    ``'lastconv+relu'`` (its input before and after activation).

    Args:
        scaling_factor (int): Ten times the factor on the number of channels: 10, 5 or 20.

    Source: Zhang et al., ShuffleNet: An Extremely Efficient Convolutional Neural Network for Mobile Devices, 2017.
    """

    _NETWORK = "Training"
    _INPUT = "InputX"
    _IMAGE = (3, 224, 224)
    _POOLING = "AveragePooling"
    _KEY_VARIABLE = {
        "classifier": "Affine",
        "pool": "AveragePooling",
        "lastconv": "Add2_3_RepeatStart_3[2]",
        "lastconv+relu": "ReLU_8_RepeatStart_3[2]",
    }
    _FILES = {10: "ShuffleNet", 5: "ShuffleNet-0.5x", 20: "ShuffleNet-2.0x"}

    def __init__(self, scaling_factor=10):
        self.scaling_factor = one_of("scaling_factor", scaling_factor, tuple(self._FILES))
        # nnabla keeps one of the files under another name than it is published with.
        self._load(self._FILES[scaling_factor], kept_as="ShuffleNet-.05x" if scaling_factor == 5 else None)


ShuffleNet10 = variant(ShuffleNet, "ShuffleNet10", 10)
ShuffleNet05 = variant(ShuffleNet, "ShuffleNet05", 5)
ShuffleNet20 = variant(ShuffleNet, "ShuffleNet20", 20)
