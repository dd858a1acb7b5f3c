"""The extension for CUDA devices. Importing it needs a torch that can use one."""
from .._cuda import (StreamEventHandler, array_classes, clear_memory_cache, device_synchronize,  # noqa: F401
                      get_device_count, get_devices, make_context, prefer_cached_array, require_cuda,
                      reset_array_preference, synchronize)

require_cuda("cuda")

from . import nvtx  # noqa: E402,F401


def context(device_id="0", type_config="float", **kw):
    """A context for a CUDA device, without cuDNN in its wish list.

    Args:
        device_id (str or int): The device.
        type_config (str): ``"float"``; ``"half"`` or ``"bfloat16"`` for activations of these types.

    Raises:
        ValueError: Unknown ``type_config``.
    """
    return make_context("cuda", device_id, type_config)
