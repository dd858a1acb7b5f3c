"""Keeping the memory of freed arrays for the next ones, as nnabla's cached arrays do.

glibc returns large freed blocks to the system, and the system clears them page by page when the next step of a network
asks for the same sizes again: for activations of a megabyte that takes longer than most operators do.
"""
import ctypes
import os
import sys

# Of malloc.h.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_DECIDED_BY_USER = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "MALLOC_TOP_PAD_", "MALLOC_MMAP_MAX_")


def _glibc():
    """The C library where it is glibc, else None."""
    if not sys.platform.startswith("linux"):
        return None
    library = ctypes.CDLL(None)
    return library if hasattr(library, "gnu_get_libc_version") else None


def keep_freed():
    """Let glibc keep up to 2 GiB of freed memory, unless the environment says how it should behave."""
    library = _glibc()
    if library is None or any(name in os.environ for name in _DECIDED_BY_USER) \
            or "glibc.malloc" in os.environ.get("GLIBC_TUNABLES", ""):
        return
    if not library.mallopt(_M_MMAP_THRESHOLD, 1 << 30):
        library.mallopt(_M_MMAP_THRESHOLD, 32 << 20)    # the most that older versions take
    library.mallopt(_M_TRIM_THRESHOLD, 2 ** 31 - 1)


def give_back():
    """Return the freed memory that was kept to the system."""
    library = _glibc()
    if library is not None:
        library.malloc_trim(0)
