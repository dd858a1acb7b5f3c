"""What segmentation networks share."""
from functools import cached_property
from pathlib import Path

from .. import object_detection
from ..pretrained import Pretrained


class SemanticSegmentation(Pretrained):
    """A network that gives every pixel the scores of the classes of Pascal VOC."""

    _FOLDER = "semantic_segmentation"

    @cached_property
    def category_names(self):
        """Names of the classes, without the background."""
        return (Path(object_detection.__file__).parent / "voc.names").read_text().splitlines()

    def __call__(self, input_var=None, use_from=None, use_up_to='segmentation', training=False, returns_net=False,
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
        self._fit(edits, input_var.shape)
        return self._build(edits, input_var, returns_net)

    def _fit(self, edits, shape):
        """Add the edits that fit the network to images of ``shape``."""
