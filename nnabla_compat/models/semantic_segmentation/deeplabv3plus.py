"""DeepLab v3+."""
from ..pretrained import one_of
from .base import SemanticSegmentation

# How often an interpolation's output has been halved with respect to the image.
_HALVINGS = {"Interpolate": 4, "Interpolate_2": 2, "Interpolate_3": 0}


class DeepLabV3plus(SemanticSegmentation):
    """DeepLab v3+, for images of any size.

    ``use_up_to`` takes ``'segmentation'`` (scores of shape (batch, classes, height, width)), ``'lastconv'`` and
    ``'lastconv+relu'`` (the output of the last convolution but one, before and after activation).

    Args:
        dataset (str): What it was trained with, ``'voc'`` or ``'voc-coco'``.
        output_stride (int): 16, or 8 for finer features, with twice the dilation.

    Source: Chen et al., Encoder-Decoder with Atrous Separable Convolution for Semantic Image Segmentation, 2018.
    """

    _NETWORK = "runtime"
    _INPUT = "x"
    _IMAGE = (3, 513, 513)
    _KEY_VARIABLE = {
        "segmentation": "y",
        "lastconv": "BatchNormalization_146_Output",
        "lastconv+relu": "ReLU_82_Output",
    }

    def __init__(self, dataset='voc', output_stride=16):
        self._dataset_name = one_of("dataset", dataset, ("voc", "voc-coco"))
        self._output_stride = one_of("output_stride", output_stride, (16, 8))
        name = f"DeepLabV3-{dataset}-os-{output_stride}.nnp"
        self._load_nnp(name, name)

    def _fit(self, edits, shape):
        edits.force_average_pooling_global("AveragePooling")
        for name, times in _HALVINGS.items():
            size = [_halved(n, times) for n in shape[2:]]

            @edits.on_generate_function_by_name(name)
            def resize(f, size=size):
                f.proto.interpolate_param.output_size[:] = size
                return f


def _halved(size, times):
    """Size after ``times`` convolutions of stride 2, each of which rounds up."""
    for _ in range(times):
        size = (size + 1) // 2
    return size
