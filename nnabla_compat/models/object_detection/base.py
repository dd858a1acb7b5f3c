"""What detectors share."""
from pathlib import Path

from ..pretrained import Pretrained


class ObjectDetection(Pretrained):
    """A detector; ``_dataset_name`` says what it was trained with, ``'voc'`` or ``'coco'``."""

    _FOLDER = "object_detection"

    def get_category_names(self):
        """Names of the classes, in the order of the scores (AssertionError without ``_dataset_name``)."""
        if not hasattr(self, "_dataset_name"):
            raise AssertionError(f"{type(self).__name__} does not say what it was trained with: set _dataset_name.")
        return (Path(__file__).parent / f"{self._dataset_name}.names").read_text().splitlines()

    def get_nnp_input_size(self):
        """Height and width of the image that the file's network was written for."""
        network = self.nnp.g.default_graph()
        return network.variables[network.inputs[0]].shape[2:]

    def __call__(self, input_var=None, use_from=None, use_up_to='detection', training=False, returns_net=False,
                 verbose=0):
        """Build a network of the model.

        Args:
            input_var (Variable): Images of shape (batch, 3, height, width); by default a new Variable for one image of
                :attr:`input_shape`, to be found in the network that ``returns_net`` gives.
            use_from: Not used, None.
            use_up_to (str): Where the network ends, a word listed in the model's documentation.
            training (bool): Build a network to be trained further: batch normalization takes the batch's statistics,
                and parameters need gradients. Without it, nothing needs a gradient.
            returns_net (bool): Return the :class:`~nnabla_compat.utils.nnp_graph.NnpNetwork`.
            verbose (int): 1 prints the edits made.

        Returns:
            Variable: the network's last one.

        Raises:
            AssertionError: ``input_var`` is no batch of images with three channels.
            ValueError: no such ``use_up_to``.
        """
        input_var = self.get_input_var(input_var)
        edits = self._edits(input_var, use_from, training, verbose)
        self.use_up_to(use_up_to, edits)
        self._fit(edits, input_var.shape, use_up_to)
        return self._build(edits, input_var, returns_net)

    def _fit(self, edits, shape, use_up_to):
        """Add the edits that fit the network to images of ``shape``."""
