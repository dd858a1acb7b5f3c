"""SqueezeNet."""
from ..pretrained import one_of, variant
from .base import ImageNetBase


class SqueezeNet(ImageNetBase):
    """SqueezeNet, for images of 227 x 227.

    ``use_up_to`` takes ``'classifier'`` (scores), ``'pool'`` (the average over the image), ``'lastconv'`` and
    ``'lastconv+relu'`` (its input before and after activation).

    Args:
        version (str): ``'v1.0'`` or ``'v1.1'``.

    Source: Iandola et al., SqueezeNet: AlexNet-level accuracy with 50x fewer parameters and <0.5MB model size, 2016.
    """

    _NETWORK = "Training"
    _INPUT = "TrainingInput"
    _IMAGE = (3, 227, 227)
    _POOLING = "{prefix}AveragePooling"
    _DROPOUTS = ("{prefix}Dropout",)
    _KEY_VARIABLE = {
        "classifier": "{prefix}Reshape",
        "pool": "{prefix}AveragePooling",
        "lastconv": "{prefix}Convolution_2",
        "lastconv+relu": "{prefix}ReLU_2",
    }

    def __init__(self, version='v1.1'):
        self.version = one_of("version", version, ("v1.0", "v1.1"))
        self._FIELDS = {"prefix": "SqueezeNet/" if version == "v1.1" else ""}
        self._load(f"SqueezeNet-{version[1:]}")


SqueezeNetV10 = variant(SqueezeNet, "SqueezeNetV10", "v1.0")
SqueezeNetV11 = variant(SqueezeNet, "SqueezeNetV11", "v1.1")
