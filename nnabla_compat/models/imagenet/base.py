"""What classifiers of ImageNet share."""
from functools import cached_property
from pathlib import Path

from ..pretrained import Pretrained


class ImageNetBase(Pretrained):
    """A classifier. Beyond what :class:`~nnabla_compat.models.pretrained.Pretrained` asks for, a model declares:

    * ``_FILE``: name of its file, without ending.
    * ``_AUGMENTATION``: the function that augments images, which is left out. Where ``_INPUT`` is its name, the image
      stands for what it made.
    * ``_POOLING``: the average pooling over the whole image before the classifier, None if there is none;
      ``_POOLING_BY_TYPE``: that is the name of a type of functions, all of which are meant.
    * ``_DROPOUTS``: functions left out unless the network is to be trained.

    ``_FIELDS`` gives values for fields in braces of these names.
    """

    _FOLDER = "imagenet"
    _FILE = None
    _AUGMENTATION = "ImageAugmentationX"
    _POOLING = None
    _POOLING_BY_TYPE = False
    _DROPOUTS = ()
    _FIELDS = {}

    def __init__(self):
        if self._FILE is not None:
            self._load(self._FILE)

    def _load(self, name, kept_as=None):
        self._load_nnp(f"{kept_as or name}.nnp", f"{name}/{name}.nnp")

    @cached_property
    def category_names(self):
        """Names of the 1000 classes, in the order of the scores."""
        return (Path(__file__).parent / "category_names.txt").read_text().splitlines()

    def use_up_to(self, key, callback, **variable_format_dict):
        super().use_up_to(key, callback, **{**self._FIELDS, **variable_format_dict})

    use_up_to.__doc__ = Pretrained.use_up_to.__doc__

    def configure_global_average_pooling(self, callback, force_global_pooling, check_global_pooling, name,
                                         by_type=False):
        """Add to the edits ``callback`` that an average pooling is made global, or else that it is checked to be.

        Args:
            callback (NnpNetworkPass): Edits of the network.
            force_global_pooling (bool): Make it pool over the whole image.
            check_global_pooling (bool): Raise ValueError if it does not.
            name (str): Name of the function.
            by_type (bool): ``name`` is a type of functions, all of which are meant.
        """
        if force_global_pooling:
            callback.force_average_pooling_global(name, by_type=by_type)
        elif check_global_pooling:
            callback.check_average_pooling_global(name, by_type=by_type)

    def _classifier(self, input_var, use_from, use_up_to, training, force_global_pooling, check_global_pooling,
                    verbose):
        """The edits of a classifier without towers."""
        edits = self._edits(input_var, use_from, training, verbose)
        if self._AUGMENTATION == self._INPUT:
            edits.drop_function(self._AUGMENTATION)
        else:
            edits.remove_and_rewire(self._AUGMENTATION)
        if self._POOLING is not None:
            self.configure_global_average_pooling(edits, force_global_pooling, check_global_pooling,
                                                  self._POOLING.format(**self._FIELDS), self._POOLING_BY_TYPE)
        if not training:
            for name in self._DROPOUTS:
                edits.remove_and_rewire(name.format(**self._FIELDS))
        self.use_up_to(use_up_to, edits)
        return edits

    def __call__(self, input_var=None, use_from=None, use_up_to='classifier', training=False,
                 force_global_pooling=False, check_global_pooling=True, returns_net=False, verbose=0):
        """Build a network of the model.

        Args:
            input_var (Variable): Images of shape (batch, 3, height, width); by default a new Variable for one image of
                :attr:`input_shape`, to be found in the network that ``returns_net`` gives.
            use_from: Not used, None.
            use_up_to (str): Where the network ends, a word listed in the model's documentation.
            training (bool): Build a network to be trained further: batch normalization takes the batch's statistics,
                dropout works, and parameters need gradients. Without it, nothing needs a gradient.
            force_global_pooling (bool): Let the last average pooling cover the whole image whatever its size.
            check_global_pooling (bool): Raise ValueError if the last average pooling does not cover the whole image.
                False takes it as it is.
            returns_net (bool): Return the :class:`~nnabla_compat.utils.nnp_graph.NnpNetwork`.
            verbose (int): 1 prints the edits made.

        Returns:
            Variable: the network's last one.

        Raises:
            AssertionError: ``input_var`` is no batch of images with three channels.
            ValueError: no such ``use_up_to``; the image does not fit the average pooling.
        """
        input_var = self.get_input_var(input_var)
        edits = self._classifier(input_var, use_from, use_up_to, training, force_global_pooling, check_global_pooling,
                                 verbose)
        return self._build(edits, input_var, returns_net)


class WithAuxiliaryTowers(ImageNetBase):
    """A classifier with classifiers at intermediate layers, which help to train it.

    ``_TOWERS[with_aux_tower]`` declares the words of ``_KEY_VARIABLE`` at which the towers end, and the functions that
    are left out: those of the loss, or whole towers.
    """

    _TOWERS = {True: ((), ()), False: ((), ())}

    def __call__(self, input_var=None, use_from=None, use_up_to='classifier', training=False,
                 force_global_pooling=False, check_global_pooling=True, returns_net=False, verbose=0,
                 with_aux_tower=False):
        """As :meth:`ImageNetBase.__call__`, and:

        Args:
            with_aux_tower (bool): Return the outputs of the towers too, for training.

        Returns:
            Variable, or with ``with_aux_tower`` a list of all outputs.

        Raises:
            AssertionError: ``with_aux_tower`` without ``training``.
        """
        if with_aux_tower and not training:
            raise AssertionError(f"{type(self).__name__}: with_aux_tower=True helps to train, pass training=True too.")
        input_var = self.get_input_var(input_var)
        edits = self._classifier(input_var, use_from, use_up_to, training, force_global_pooling, check_global_pooling,
                                 verbose)
        ends, dropped = self._TOWERS[bool(with_aux_tower)]
        for key in ends:
            self.use_up_to(key, edits)
        edits.drop_function(*dropped)
        net = self._build(edits, input_var, returns_net=True)
        if returns_net:
            return net
        outputs = list(net.outputs.values())
        return outputs if with_aux_tower else outputs[0]
