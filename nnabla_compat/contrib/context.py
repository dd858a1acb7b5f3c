"""The old name of :func:`nnabla_compat.ext_utils.get_extension_context`."""
from ..ext_utils import get_extension_context
from ..logger import logger


def extension_context(extension_name="cpu", **kw):
    """A context of an extension. Use ``nnabla.ext_utils.get_extension_context`` in new code."""
    logger.warning("nnabla.contrib.context.extension_context is old, use nnabla.ext_utils.get_extension_context.")
    return get_extension_context(extension_name, **kw)
