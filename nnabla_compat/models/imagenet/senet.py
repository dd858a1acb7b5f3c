"""SENet."""
from .base import ImageNetBase


class SENet(ImageNetBase):
    """SENet with 154 layers: squeeze-and-excitation blocks in a ResNeXt, for images of 224 x 224.

    ``use_up_to`` takes ``'classifier'`` (scores), ``'pool'`` (the average over the image), ``'lastconv'`` and
    ``'lastconv+relu'`` (its input before and after activation).

    Source: Hu et al., Squeeze-and-Excitation Networks, 2017.
    """

    _FILE = "SENet-154"
    _NETWORK = "Training"
    _INPUT = "InputX"
    _IMAGE = (3, 224, 224)
    _POOLING = "AveragePooling"
    _POOLING_BY_TYPE = True  # the blocks squeeze by average pooling too
    _DROPOUTS = ("Dropout",)
    _KEY_VARIABLE = {
        "classifier": "Affine",
        "pool": "AveragePooling",
        "lastconv": "Add2_7_RepeatStart_4[1]",
        "lastconv+relu": "ReLU_25_RepeatStart_4[1]",
    }
