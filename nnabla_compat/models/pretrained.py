"""What all pretrained models share: finding the file, checking it, building a network of it."""
import os

from ..logger import logger
from ..utils.download import download
from ..utils.nnp_graph import NnpLoader, NnpNetworkPass
from ..variable import Variable
from .utils import get_model_home, get_model_url_base


class Pretrained:
    """A network from a file. A model is a subclass that declares, as attributes:

    * ``_FOLDER``: folder of its kind below the home of models and the address they come from.
    * ``_NETWORK``, ``_INPUT``: network of the file to build, and the variable that takes the image.
    * ``_IMAGE``: shape (channels, height, width) of an image when none is given.
    * ``_KEY_VARIABLE``: for each word that ``use_up_to`` takes, the variable the network ends in.
    """

    _FOLDER = _NETWORK = _INPUT = _IMAGE = None
    _KEY_VARIABLE = {}

    @property
    def input_shape(self):
        """Shape (channels, height, width) of the images the model was trained with."""
        return self._input_shape()

    def _input_shape(self):
        if self._IMAGE is None:
            raise NotImplementedError(f"{type(self).__name__} does not say the shape of its images.")
        return self._IMAGE

    def _load_nnp(self, rel_name, rel_url):
        """Load the file kept as ``rel_name``, published as ``rel_url``, into ``self.nnp``."""
        path = find_file(f"{self._FOLDER}/{rel_name}", f"{self._FOLDER}/{rel_url}")
        logger.info("Loading %s.", path)
        self.nnp = NnpLoader(path)
        names = self.nnp.get_network_names()
        if self._NETWORK is not None and self._NETWORK not in names:
            raise ValueError(f"{type(self).__name__}: expected '{path}' to hold the network '{self._NETWORK}', it "
                             f"holds {names}. Remove it to fetch it again.")

    def use_up_to(self, key, callback, **variable_format_dict):
        """Let a network end early.

        Args:
            key (str): Where, a word listed in the model's documentation.
            callback (NnpNetworkPass): Edits of the network, to which this is added.
            **variable_format_dict: Values for the fields in braces of ``_KEY_VARIABLE``.

        Raises:
            ValueError: no such word.
        """
        if key not in self._KEY_VARIABLE:
            words = [k for k in self._KEY_VARIABLE if not k.startswith("_")]
            raise ValueError(f"{type(self).__name__}: expected use_up_to to be one of {words}, received '{key}'.")
        callback.use_up_to(self._KEY_VARIABLE[key].format(**variable_format_dict))

    def get_input_var(self, input_var):
        """``input_var``, or a Variable for one image of :attr:`input_shape` in place of None.

        Raises:
            AssertionError: it is no batch of images with three channels.
        """
        if input_var is None:
            return Variable((1,) + tuple(self.input_shape))
        if input_var.ndim != 4 or input_var.shape[1] != 3:
            raise AssertionError(f"{type(self).__name__}: expected input_var of shape (batch, 3, height, width), "
                                 f"received shape {input_var.shape}.")
        return input_var

    def _edits(self, input_var, use_from, training, verbose):
        """The edits every network starts with."""
        if use_from is not None:
            raise AssertionError(f"{type(self).__name__}: use_from stands for later use, leave it None; received "
                                 f"{use_from!r}.")
        edits = NnpNetworkPass(verbose)
        edits.set_variable(self._INPUT, input_var)
        edits.set_batch_normalization_batch_stat_all(training)
        if not training:
            edits.fix_parameters()
        return edits

    def _build(self, edits, input_var, returns_net):
        net = self.nnp.get_network(self._NETWORK, batch_size=input_var.shape[0], callback=edits)
        return net if returns_net else next(iter(net.outputs.values()))


def find_file(kept_as, published_as):
    """Path of a model's file: the one kept from before, the one in a local folder, or a fetched one.

    Args:
        kept_as (str): Path in :func:`~nnabla_compat.models.utils.get_model_home`.
        published_as (str): Path below :func:`~nnabla_compat.models.utils.get_model_url_base`.

    Raises:
        FileNotFoundError: it is nowhere; the text says where it was looked for.
    """
    kept = os.path.join(get_model_home(), kept_as)
    if os.path.exists(kept):
        return kept
    base = get_model_url_base()
    if "://" not in base:
        places = [os.path.join(base, name) for name in dict.fromkeys((published_as, kept_as))]
        for place in places:
            if os.path.exists(place):
                return place
        raise _nowhere(kept, places)
    url = f"{base.rstrip('/')}/{published_as}"
    os.makedirs(os.path.dirname(kept), exist_ok=True)
    logger.info("Downloading %s from %s", kept_as, url)
    try:
        download(url, kept, open_file=False)
    except OSError as error:
        raise _nowhere(kept, [f"{url} ({error})"]) from error
    return kept


def _nowhere(kept, places):
    return FileNotFoundError(f"No file of the model: looked for {kept}, {', '.join(places)}. Put the file at the first "
                             "place, or let the environment variable NNABLA_MODELS_URL_BASE name a folder or an "
                             "address that has it.")


def one_of(name, value, choices):
    """``value``, if it is one of ``choices`` (AssertionError)."""
    if value not in choices:
        raise AssertionError(f"expected {name} to be one of {list(choices)}, received {value!r}.")
    return value


def variant(cls, name, choice):
    """Class ``name``: the model ``cls`` for one ``choice``."""
    def __init__(self):
        cls.__init__(self, choice)
    return type(name, (cls,), {"__init__": __init__, "__module__": cls.__module__,
                               "__doc__": f"The model :class:`{cls.__name__}` ``({choice!r})``."})
