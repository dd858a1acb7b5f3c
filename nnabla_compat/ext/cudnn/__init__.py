"""The extension for CUDA devices with cuDNN. Importing it needs a torch that can use one."""
from .._cuda import require_cuda

require_cuda("cudnn")

from ..cuda import (StreamEventHandler, array_classes, clear_memory_cache, device_synchronize,  # noqa: E402,F401
                    get_device_count, get_devices, make_context, nvtx, prefer_cached_array,
                    reset_array_preference, synchronize)


def context(device_id="0", type_config="float", **kw):
    """A context for a CUDA device.

    Args:
        device_id (str or int): The device.
        type_config (str): ``"float"``; ``"half"`` or ``"bfloat16"`` for activations of these types.

    Raises:
        ValueError: Unknown ``type_config``.
    """
    return make_context("cudnn", device_id, type_config)
