"""DenseNet."""
from .base import ImageNetBase


class DenseNet(ImageNetBase):
    """DenseNet with 161 layers, for images of 224 x 224.

    ``use_up_to`` takes ``'classifier'`` (scores), ``'pool'`` (the average over the image), ``'lastconv'`` and
    ``'lastconv+relu'`` (its input before and after activation).

    Source: Huang et al., Densely Connected Convolutional Networks, 2016.
    """

    _FILE = "DenseNet-161"
    _NETWORK = "Train"
    _INPUT = "InputX"
    _IMAGE = (3, 224, 224)
    _POOLING = "DenseNet/AveragePooling_4"
    _KEY_VARIABLE = {
        "classifier": "DenseNet/Affine",
        "pool": "DenseNet/AveragePooling_4",
        "lastconv": "DenseNet/BatchNormalization_5",
        "lastconv+relu": "DenseNet/ReLU_5",
    }
