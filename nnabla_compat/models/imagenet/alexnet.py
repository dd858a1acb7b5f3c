"""AlexNet."""
from .base import ImageNetBase


class AlexNet(ImageNetBase):
    """AlexNet, for images of 227 x 227.

    ``use_up_to`` takes ``'classifier'`` (scores), ``'lastfeature'`` (what the last affine layer before the classifier
    gives, without activation), ``'pool'`` (the last max pooling), ``'lastconv'`` and ``'lastconv+relu'`` (its input
    before and after activation).

    Source: Krizhevsky et al., ImageNet Classification with Deep Convolutional Neural Networks, 2012.
    """

    _FILE = "AlexNet"
    _NETWORK = "Training"
    _INPUT = "TrainingInput"
    _IMAGE = (3, 227, 227)
    _DROPOUTS = ("TrainNet/Dropout", "TrainNet/Dropout_2")
    _KEY_VARIABLE = {
        "classifier": "TrainNet/Affine_3",
        "pool": "TrainNet/MaxPooling_3",
        "lastconv": "TrainNet/Convolution_5",
        "lastconv+relu": "TrainNet/ReLU_5",
        "lastfeature": "TrainNet/Affine_2",
    }

    def __call__(self, input_var=None, use_from=None, use_up_to='classifier', training=False,
                 force_global_pooling=False, check_global_pooling=True, returns_net=False, verbose=0,
                 with_aux_tower=False):
        """As :meth:`ImageNetBase.__call__`; ``with_aux_tower`` changes nothing, there is no tower."""
        return super().__call__(input_var, use_from, use_up_to, training, force_global_pooling, check_global_pooling,
                                returns_net, verbose)
