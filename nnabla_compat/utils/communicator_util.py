"""The communicator of this process, when several processes train together."""
import os

from ..logger import logger

_current_communicator = None


def current_communicator():
    """The communicator made by :func:`create_communicator`, or None in a single process."""
    return _current_communicator


def create_communicator(ignore_error=False, extension_module="cudnn", type_config="float"):
    """Make the process-wide communicator when an MPI launcher started this process.

    Args:
        ignore_error (bool): Go on as a single process, with a warning, when it cannot be made.
        extension_module (str): Extension whose context it works on.
        type_config (str): Type configuration of that context.

    Returns:
        The communicator; None without a launcher (no ``OMPI_COMM_WORLD_SIZE``) or for a world of one.
    """
    global _current_communicator
    _current_communicator = None
    if "OMPI_COMM_WORLD_SIZE" not in os.environ:
        return None
    from ..communicators import MultiProcessCommunicator
    from ..ext_utils import get_extension_context
    context = get_extension_context(extension_module, type_config=type_config)
    try:
        communicator = MultiProcessCommunicator(context)
        communicator.init()
        context.device_id = str(communicator.rank % communicator.size)
    except Exception as error:
        if not ignore_error:
            raise
        logger.warning("No communicator, going on as a single process: %s", error)
        return None
    if communicator.size > 1:
        _current_communicator = communicator
    return _current_communicator


def single_or_rankzero():
    """Whether this process is the only one, or the first of several."""
    return _current_communicator is None or _current_communicator.rank == 0
