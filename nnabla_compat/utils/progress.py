"""Progress of long jobs, written to a file and handed to callbacks."""
import time

from ..logger import logger
from ..optional import available
from . import callback

# Whether the load of the processor can be reported along with the progress.
cpu_load_backend_ok = available("psutil")

state_file_name = ""
state_callback = None
_written_at = 0.0


def configure_progress(file_name, cb=None):
    """Say where progress goes.

    Args:
        file_name (str): File that holds the latest state as one line; None leaves it as it is.
        cb (callable): Called as ``cb(state, progress)``; None leaves it as it is.
    """
    global state_file_name, state_callback
    if file_name is not None:
        state_file_name = file_name
    if cb is not None:
        state_callback = cb
    progress(None)


def progress(state, progress=0.0):
    """Report a state.

    Args:
        state (str): What is being done; None when nothing is, which empties the file.
        progress (float): Share that is done, 0 to 1. The file is written at most once a second.
    """
    global _written_at
    if state_file_name:
        now = time.monotonic()
        if state is None or now - _written_at > 1:
            _written_at = now
            _write("" if state is None else "{} ({:3.2f}%)".format(state, progress * 100))
    callback.update_progress("{} ({:3.2f}%)".format(state, progress * 100))
    if cpu_load_backend_ok:
        callback.update_status()
    if state_callback is not None:
        state_callback(state, progress)


def _write(text, patience=10.0):
    """Write the state file; another program may hold it open for a moment."""
    give_up = time.monotonic() + patience
    while True:
        try:
            with open(state_file_name, "w") as record:
                record.write(text)
            return
        except OSError:
            if time.monotonic() > give_up:
                logger.critical("Failed to write progress to %s.", state_file_name)
                raise
            time.sleep(0.1)
