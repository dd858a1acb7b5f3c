"""Writing parameter files, and replacing a file only by a complete one."""
import os
from contextlib import contextmanager

from . import h5_parameters, protobuf_parameters

_WRITERS = {".h5": h5_parameters.write, ".protobuf": protobuf_parameters.write}


def write_parameters(sinks, parameters, extension=None):
    """Write name to Variable to each of ``sinks``; see :func:`nnabla_compat.parameter.save_parameters`."""
    from ..logger import logger
    if not isinstance(sinks, (list, tuple)):
        sinks = [sinks]
    for sink in sinks:
        if isinstance(sink, os.PathLike):
            sink = os.fspath(sink)
        by_name = isinstance(sink, str)
        if not by_name and not hasattr(sink, "read"):
            raise TypeError(f"save_parameters: expected a file name, an open file or a list of them, received "
                            f"{type(sink).__name__}.")
        ext = os.path.splitext(sink)[1] if by_name else extension
        if ext is None:
            raise TypeError("save_parameters: expected extension='.h5' or '.protobuf' along with an open file, "
                            "received None.")
        if ext not in _WRITERS:
            if any(ext in known for known in _WRITERS):
                raise ValueError(f"save_parameters: expected the extension .h5 or .protobuf, received '{ext}'.")
            raise AssertionError(f"Only supported {','.join(_WRITERS)}, received '{ext}'.")
        if by_name:
            with replacing(sink) as f:
                _WRITERS[ext](f, parameters)
        else:
            _WRITERS[ext](sink, parameters)
            if hasattr(sink, "seek"):
                sink.seek(0)
        logger.info("Parameter save (%s): %s", ext, sink)


@contextmanager
def replacing(path):
    """An open binary file that takes the place of ``path`` when the block ends without an exception.

    It is written beside the target and flushed to the disk first, so that a crash leaves either the
    old file or the new one. A target that is no regular file (a device, a pipe) is written directly.
    """
    path = os.path.realpath(path)
    if os.path.exists(path) and not os.path.isfile(path):
        with open(path, "wb") as f:
            yield f
        return
    beside = f"{path}.{os.getpid()}.part"
    f = open(beside, "w+b")
    try:
        with f:
            yield f
            f.flush()
            os.fsync(f.fileno())
        if os.path.exists(path):
            os.chmod(beside, os.stat(path).st_mode & 0o7777)
        os.replace(beside, path)
    except BaseException:
        os.unlink(beside)
        raise
