"""ResNeXt."""
from ..pretrained import one_of, variant
from .base import ImageNetBase


class ResNeXt(ImageNetBase):
    """ResNeXt, for images of 224 x 224.

    ``use_up_to`` takes ``'classifier'`` (scores), ``'pool'`` (the average over the image), ``'lastconv'`` and
    ``'lastconv+relu'`` (its input before and after activation).

    Args:
        num_layers (int): 50 or 101.

    Source: Xie et al., Aggregated Residual Transformations for Deep Neural Networks, 2016.
    """

    _NETWORK = "Training"
    _INPUT = "InputX"
    _IMAGE = (3, 224, 224)
    _POOLING = "AveragePooling"
    _KEY_VARIABLE = {
        "classifier": "Affine",
        "pool": "AveragePooling",
        "lastconv": "Add2_7_RepeatStart_4[1]",
        "lastconv+relu": "ReLU_25_RepeatStart_4[1]",
    }

    def __init__(self, num_layers=50):
        self.num_layers = one_of("num_layers", num_layers, (50, 101))
        self._load(f"ResNeXt-{num_layers}")


ResNeXt50 = variant(ResNeXt, "ResNeXt50", 50)
ResNeXt101 = variant(ResNeXt, "ResNeXt101", 101)
