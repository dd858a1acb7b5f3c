"""The CPU as a device, and the names nnabla's core keeps about array classes. torch allocates all arrays."""
from . import cpu_memory

available_contexts = ["cpu"]

_ARRAY_CLASSES = ["CpuArray", "CpuCachedArray", "CpuDlpackArray"]
_array_classes = []


def add_available_context(ctx):
    """Add the name of an extension to ``available_contexts``."""
    available_contexts.append(ctx)


def array_classes():
    """Names of the array classes, the preferred one first."""
    return list(_array_classes)


def prefer_cached_array(prefer):
    """Put the cached array class first, or last."""
    _array_classes[:] = sorted(_ARRAY_CLASSES, key=lambda name: ("Cached" in name) is not bool(prefer))


def reset_array_preference():
    """Put the array classes in their own order again, the plain one first."""
    _array_classes[:] = _ARRAY_CLASSES


prefer_cached_array(True)


def get_device_count():
    """How many devices there are: the CPU counts as one."""
    return 1


def get_devices():
    """Ids of the devices."""
    return ["0"]


def device_synchronize(device):
    """Wait for a device: on the CPU nothing is ever under way."""


def clear_memory_cache():
    """Give the memory of freed arrays, kept for the next ones, back to the system."""
    cpu_memory.give_back()


def print_memory_cache_map():
    """Show the memory kept for later use: the C library, which keeps it, does not tell."""


def finalize():
    """Release what the core holds at the end of the process."""
