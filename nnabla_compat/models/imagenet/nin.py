"""Network in network."""
from .base import ImageNetBase


class NIN(ImageNetBase):
    """Network in network, for images of 227 x 227.

    ``use_up_to`` takes ``'classifier'`` (scores), ``'pool'`` (the average over the image), ``'lastconv'`` and
    ``'lastconv+relu'`` (its input before and after activation).

    Source: Lin et al., Network In Network, 2013.
    """

    _FILE = "NIN"
    _NETWORK = "Training"
    _INPUT = "TrainingInput"
    _IMAGE = (3, 227, 227)
    _POOLING = "NIN/AveragePooling"
    _DROPOUTS = ("NIN/Dropout",)
    _KEY_VARIABLE = {
        "classifier": "NIN/Reshape",
        "pool": "NIN/AveragePooling",
        "lastconv": "NIN/Convolution_3",
        "lastconv+relu": "NIN/ReLU_3",
    }
