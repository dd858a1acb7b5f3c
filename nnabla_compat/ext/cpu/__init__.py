"""The extension for the CPU."""
from ..._init import (array_classes, clear_memory_cache, device_synchronize, get_device_count,  # noqa: F401
                      get_devices, prefer_cached_array, reset_array_preference)

_BACKENDS = {"float": ["cpu:float"], "half": ["cpu:half", "cpu:float"]}


def context(type_config="float", **kw):
    """A context for the CPU.

    Args:
        type_config (str): ``"float"``, or ``"half"`` for float16 activations.
        **kw: Ignored, so that one call fits all extensions.

    Raises:
        ValueError: Unknown ``type_config``.
    """
    from ...context import Context
    if type_config not in _BACKENDS:
        raise ValueError(f"cpu context: expected type_config {' or '.join(map(repr, _BACKENDS))}, "
                         f"received {type_config!r}.")
    return Context(list(_BACKENDS[type_config]), array_classes()[0], "")


def synchronize(**kw):
    """Wait for the device: on the CPU nothing is ever under way."""
    device_synchronize("")
