"""Where the files of pretrained models are kept, and where they come from."""
import os

from .. import logger
from ..utils.download import get_data_home


def get_model_home():
    """The folder that keeps the files, created when missing: ``nnp_models`` in
    :func:`~nnabla_compat.utils.download.get_data_home`."""
    home = os.path.join(get_data_home(), "nnp_models")
    os.makedirs(home, exist_ok=True)
    return home


def get_model_url_base_from_env():
    """What the environment variable ``NNABLA_MODELS_URL_BASE`` holds, or None."""
    return os.environ.get("NNABLA_MODELS_URL_BASE")


def get_model_url_base():
    """What the files' addresses begin with: ``NNABLA_MODELS_URL_BASE`` (an address, or a local folder, which is
    read in place), or else nnabla's server."""
    base = get_model_url_base_from_env()
    if base is None:
        return "https://nnabla.org/pretrained-models/nnp_models/"
    logger.info(f"NNABLA_MODELS_URL_BASE is set: models come from {base}.")
    return base
