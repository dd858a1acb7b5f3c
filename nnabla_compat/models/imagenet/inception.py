"""Inception."""
from .base import WithAuxiliaryTowers


class InceptionV3(WithAuxiliaryTowers):
    """Inception v3, for images of 299 x 299, with an auxiliary classifier.

    ``use_up_to`` takes ``'classifier'`` (scores), ``'pool'`` (the average over the image), ``'prepool'`` (its input,
    the output of the last inception block).

    Source: Szegedy et al., Rethinking the Inception Architecture for Computer Vision, 2015.
    """

    _FILE = "Inception-v3"
    _NETWORK = "Train"
    _INPUT = "Iv3TrainInput"
    _IMAGE = (3, 299, 299)
    _AUGMENTATION = "ImageAugmentation"
    _POOLING = "AveragePooling_2"
    _DROPOUTS = ("Dropout",)
    _KEY_VARIABLE = {
        "classifier": "Affine",
        "pool": "AveragePooling_2",
        "prepool": "Inception_11/Concatenate",
        "_aux_classifier": "Affine_2",
        "_include_no_aux": "Conv_6/Convolution",
    }
    _LOSS = ("Affine_2", "SoftmaxCrossEntropy_2", "MulScalar_2")
    _TOWERS = {
        True: (("_aux_classifier",), _LOSS),
        False: (("_include_no_aux",),
                ("Conv_6/Convolution", "Conv_6/BatchNormalization", "Conv_6/ReLU", "AveragePooling",
                 "Conv_7/Convolution", "Conv_7/BatchNormalization", "Conv_7/ReLU", *_LOSS)),
    }
