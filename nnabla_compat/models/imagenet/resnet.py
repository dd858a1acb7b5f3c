"""ResNet."""
from ..pretrained import one_of, variant
from .base import ImageNetBase


class ResNet(ImageNetBase):
    """ResNet, for images of 224 x 224.

    ``use_up_to`` takes ``'classifier'`` (scores), ``'pool'`` (the average over the image), ``'lastconv'`` and
    ``'lastconv+relu'`` (its input before and after activation).

    Args:
        num_layers (int): 18, 34, 50, 101 or 152.

    Source: He et al., Deep Residual Learning for Image Recognition, 2015.
    """

    _NETWORK = "Training"
    _INPUT = "InputX"
    _IMAGE = (3, 224, 224)
    _POOLING = "AveragePooling"
    _KEY_VARIABLE = {
        "classifier": "Affine",
        "pool": "AveragePooling",
        "lastconv": "Add2_7_RepeatStart_4[{index}]",
        "lastconv+relu": "ReLU_25_RepeatStart_4[{index}]",
    }

    def __init__(self, num_layers=18):
        self.num_layers = one_of("num_layers", num_layers, (18, 34, 50, 101, 152))
        self._FIELDS = {"index": 0 if num_layers == 18 else 1}  # the last turn of the last loop of blocks
        self._load(f"Resnet-{num_layers}")


ResNet18 = variant(ResNet, "ResNet18", 18)
ResNet34 = variant(ResNet, "ResNet34", 34)
ResNet50 = variant(ResNet, "ResNet50", 50)
ResNet101 = variant(ResNet, "ResNet101", 101)
ResNet152 = variant(ResNet, "ResNet152", 152)
