"""GoogLeNet."""
from .base import WithAuxiliaryTowers


class GoogLeNet(WithAuxiliaryTowers):
    """GoogLeNet, for images of 224 x 224, with two auxiliary classifiers.

    ``use_up_to`` takes ``'classifier'`` (scores), ``'pool'`` (the average over the image), ``'prepool'`` (its input,
    the output of the last inception block).

    Source: Szegedy et al., Going Deeper with Convolutions, 2014.
    """

    _FILE = "GoogLeNet"
    _NETWORK = "Train"
    _INPUT = "InputX"
    _IMAGE = (3, 224, 224)
    _POOLING = "AveragePooling_3"
    _DROPOUTS = ("Dropout_3",)
    _KEY_VARIABLE = {
        "classifier": "Affine_5",
        "pool": "AveragePooling_3",
        "prepool": "Concatenate_9",
        "_aux_classifier_1": "Affine_2",
        "_branching_point_1": "AveragePooling",
        "_aux_classifier_2": "Affine_4",
        "_branching_point_2": "AveragePooling_2",
    }
    _LOSSES = ("Affine_2", "SoftmaxCrossEntropy", "MulScalarLoss1",
               "Affine_4", "SoftmaxCrossEntropy_2", "MulScalarLoss2")
    _TOWERS = {
        True: (("_aux_classifier_1", "_aux_classifier_2"), _LOSSES),
        False: (("_branching_point_1", "_branching_point_2"),
                ("AveragePooling", "Convolution_22", "ReLU_22", "Affine", "ReLU_23", "Dropout",
                 "AveragePooling_2", "Convolution_41", "ReLU_42", "Affine_3", "ReLU_43", "Dropout_2", *_LOSSES)),
    }
