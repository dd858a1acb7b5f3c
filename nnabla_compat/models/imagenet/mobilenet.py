"""MobileNet, versions 1 and 2."""
from .base import ImageNetBase


class MobileNet(ImageNetBase):
    """MobileNet, for images of 224 x 224.

    ``use_up_to`` takes ``'classifier'`` (scores), ``'pool'`` (the average over the image), ``'lastconv'`` and
    ``'lastconv+relu'`` (its input before and after activation).

    Source: Howard et al., MobileNets: Efficient Convolutional Neural Networks for Mobile Vision Applications, 2017.
    """

    _FILE = "MobileNet"
    _NETWORK = "Training"
    _INPUT = "InputX"
    _IMAGE = (3, 224, 224)
    _POOLING = "AveragePooling"
    _KEY_VARIABLE = {
        "classifier": "Affine",
        "pool": "AveragePooling",
        "lastconv": "BatchNormalization_19",
        "lastconv+relu": "ReLU_19",
    }


class MobileNetV2(ImageNetBase):
    """MobileNet v2, for images of 224 x 224; ``use_up_to`` as in :class:`MobileNet`.

    Source: Sandler et al., MobileNetV2: Inverted Residuals and Linear Bottlenecks, 2018.
    """

    _FILE = "MobileNet-v2"
    _NETWORK = "Training"
    _INPUT = "ImageAugmentationX"
    _IMAGE = (3, 224, 224)
    _POOLING = "AveragePooling"
    _KEY_VARIABLE = {
        "classifier": "Reshape",
        "pool": "AveragePooling",
        "lastconv": "BatchNormalization_2",
        "lastconv+relu": "ReLU_2",
    }
