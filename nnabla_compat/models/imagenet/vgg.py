"""VGG."""
from ..pretrained import one_of, variant
from .base import ImageNetBase


class VGG(ImageNetBase):
    """VGG, for images of 224 x 224.

    ``use_up_to`` takes ``'classifier'`` (scores), ``'lastfeature'`` (what the last affine layer before the classifier
    gives, without activation), ``'pool'`` (the last max pooling), ``'lastconv'`` and ``'lastconv+relu'`` (its input
    before and after activation).

    Args:
        num_layers (int): 11, 13 or 16.

    Source: Simonyan and Zisserman, Very Deep Convolutional Networks for Large-Scale Image Recognition, 2014.
    """

    _NETWORK = "Training"
    _INPUT = "TrainingInput"
    _IMAGE = (3, 224, 224)
    _DROPOUTS = ("VGG{layers}/Dropout_1", "VGG{layers}/Dropout_2")
    _KEY_VARIABLE = {
        "classifier": "VGG{layers}/Affine_3",
        "pool": "VGG{layers}/MaxPooling_5",
        "lastconv": "VGG{layers}/Convolution_{last}",
        "lastconv+relu": "VGG{layers}/ReLU_{last}",
        "lastfeature": "VGG{layers}/Affine_2",
    }

    def __init__(self, num_layers=11):
        self.num_layers = one_of("num_layers", num_layers, (11, 13, 16))
        self._FIELDS = {"layers": num_layers, "last": 13 if num_layers == 16 else 12}
        self._load(f"VGG-{num_layers}")


VGG11 = variant(VGG, "VGG11", 11)
VGG13 = variant(VGG, "VGG13", 13)
VGG16 = variant(VGG, "VGG16", 16)
