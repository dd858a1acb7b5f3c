"""The other path of :mod:`nnabla_compat.communicator`."""
from .communicator import (Comm, Communicator, DataParallelCommunicator, Dist,  # noqa: F401
                           MultiProcessCommunicator, MultiProcessDataParalellCommunicator,
                           MultiProcessDataParallelCommunicator)


def __getattr__(name):
    if name == "Context":  # the engine is not needed for the rest
        from .context import Context
        return Context
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
