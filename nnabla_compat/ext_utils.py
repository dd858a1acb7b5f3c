"""Extensions by name: the processors a context can choose."""
import importlib

from .logger import logger

_PACKAGE = __package__ + ".ext"
_KNOWN = ("cpu", "cuda", "cudnn")


def import_extension_module(ext_name):
    """The module of an extension, such as ``"cpu"``, ``"cuda"`` or ``"cudnn"``.

    Args:
        ext_name (str): Its name.

    Returns:
        Module with ``context``, ``device_synchronize``, ``synchronize``, ``get_device_count``, ``get_devices``,
        ``clear_memory_cache`` and ``array_classes``.

    Raises:
        ModuleNotFoundError: There is no such extension, or no device for it; the text says which.
    """
    try:
        return importlib.import_module("." + ext_name, _PACKAGE)
    except ModuleNotFoundError as error:
        logger.error("Extension `%s` is not available here.", ext_name)
        if error.name == f"{_PACKAGE}.{ext_name}":
            raise ModuleNotFoundError(
                f"No module named 'nnabla_ext.{ext_name}': expected one of {', '.join(_KNOWN)}.",
                name=f"nnabla_ext.{ext_name}") from None
        raise


def list_extensions():
    """Names of the extensions that can be used here."""
    from .ext._cuda import missing
    return [name for name in _KNOWN if name == "cpu" or not missing()]


def get_extension_context(ext_name, **kw):
    """A context of an extension::

        nn.set_default_context(get_extension_context("cudnn", device_id="0", type_config="half"))

    Args:
        ext_name (str): Name of the extension.
        **kw: For its ``context`` function: ``device_id``, ``type_config``.

    Returns:
        Context: Contexts name wishes; arrays move when something is computed.

    Raises:
        ModuleNotFoundError: As :func:`import_extension_module`.
        ValueError: Unknown ``type_config``.
    """
    if ext_name == "cuda.cudnn":
        logger.warning('The extension name "cuda.cudnn" is old, use "cudnn".')
        ext_name = "cudnn"
    return import_extension_module(ext_name).context(**kw)
