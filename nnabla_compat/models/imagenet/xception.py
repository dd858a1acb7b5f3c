"""Xception."""
from .base import ImageNetBase


class Xception(ImageNetBase):
    """Xception, for images of 299 x 299.

    ``use_up_to`` takes ``'classifier'`` (scores), ``'pool'`` (the average over the image), ``'lastconv'`` and
    ``'lastconv+relu'`` (its input before and after activation).

    Source: Chollet, Xception: Deep Learning with Depthwise Separable Convolutions, 2016.
    """

    _FILE = "Xception"
    _NETWORK = "Training"
    _INPUT = "InputX"
    _IMAGE = (3, 299, 299)
    _AUGMENTATION = "ImageAugmentation"
    _POOLING = "Unit/AveragePooling"
    _DROPOUTS = ("Unit/Dropout",)
    _KEY_VARIABLE = {
        "classifier": "Unit/Affine",
        "pool": "Unit/AveragePooling",
        "lastconv": "Unit/SeparableConv_13/SepConvBN",
        "lastconv+relu": "Unit/ReLU_14",
    }
