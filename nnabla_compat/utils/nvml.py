"""A few calls of NVIDIA's management library: which GPUs there are, their memory and load.

The names are those of the C library, which the GPU driver brings. Without a driver :func:`nvmlInit` raises
:class:`NVMLError` saying so; ``torch.cuda`` tells the same things where a CUDA build of torch is all there is.
"""
import ctypes
import os
import sys
import threading

NVML_SUCCESS = 0
NVML_ERROR_UNINITIALIZED = 1
NVML_ERROR_INVALID_ARGUMENT = 2
NVML_ERROR_NOT_SUPPORTED = 3
NVML_ERROR_NO_PERMISSION = 4
NVML_ERROR_ALREADY_INITIALIZED = 5
NVML_ERROR_NOT_FOUND = 6
NVML_ERROR_INSUFFICIENT_SIZE = 7
NVML_ERROR_INSUFFICIENT_POWER = 8
NVML_ERROR_DRIVER_NOT_LOADED = 9
NVML_ERROR_TIMEOUT = 10
NVML_ERROR_IRQ_ISSUE = 11
NVML_ERROR_LIBRARY_NOT_FOUND = 12
NVML_ERROR_FUNCTION_NOT_FOUND = 13
NVML_ERROR_CORRUPTED_INFOROM = 14
NVML_ERROR_GPU_IS_LOST = 15
NVML_ERROR_RESET_REQUIRED = 16
NVML_ERROR_OPERATING_SYSTEM = 17
NVML_ERROR_LIB_RM_VERSION_MISMATCH = 18
NVML_ERROR_IN_USE = 19
NVML_ERROR_MEMORY = 20
NVML_ERROR_NO_DATA = 21
NVML_ERROR_VGPU_ECC_NOT_SUPPORTED = 22
NVML_ERROR_INSUFFICIENT_RESOURCES = 23
NVML_ERROR_UNKNOWN = 999

NVML_DEVICE_NAME_BUFFER_SIZE = 64

_ADVICE = {
    NVML_ERROR_UNINITIALIZED: "not initialized: call nvmlInit() first",
    NVML_ERROR_LIBRARY_NOT_FOUND: "NVIDIA's management library was not found on this machine: it comes with the GPU "
                                  "driver. torch.cuda.is_available() tells whether torch sees a GPU",
    NVML_ERROR_FUNCTION_NOT_FOUND: "the installed NVIDIA driver lacks this function",
}

_library = None
_lock = threading.Lock()


class _Device(ctypes.Structure):
    """Opaque."""


c_nvmlDevice_t = ctypes.POINTER(_Device)


class c_nvmlUtilization_t(ctypes.Structure):
    """Load in percent of the time: ``gpu`` of its processors, ``memory`` of its memory."""

    _fields_ = [("gpu", ctypes.c_uint), ("memory", ctypes.c_uint)]


class c_nvmlMemory_t(ctypes.Structure):
    """Memory in bytes."""

    _fields_ = [("total", ctypes.c_ulonglong), ("free", ctypes.c_ulonglong), ("used", ctypes.c_ulonglong)]


class NVMLError(Exception):
    """A call failed.

    Attributes:
        value (int): One of the ``NVML_ERROR_...`` numbers.
    """

    def __init__(self, value):
        super().__init__(value)
        self.value = value

    def __str__(self):
        if self.value in _ADVICE:
            return _ADVICE[self.value]
        try:
            return nvmlErrorString(self.value).decode()
        except NVMLError:
            names = [k for k, v in globals().items() if k.startswith("NVML_ERROR_") and v == self.value]
            return names[0].removeprefix("NVML_ERROR_").replace("_", " ").title() if names else f"NVML Error code {self.value}"


def _load():
    global _library
    with _lock:
        if _library is not None:
            return
        if sys.platform == "win32":
            programs = os.environ.get("ProgramFiles", "C:/Program Files")
            paths = [os.path.join(os.environ.get("WINDIR", "C:/Windows"), "System32", "nvml.dll"),
                     os.path.join(programs, "NVIDIA Corporation", "NVSMI", "nvml.dll")]
        else:
            paths = ["libnvidia-ml.so.1"]
        for path in paths:
            try:
                _library = ctypes.CDLL(path)
                return
            except OSError:
                continue
        raise NVMLError(NVML_ERROR_LIBRARY_NOT_FOUND)


def _function(name):
    if _library is None:
        raise NVMLError(NVML_ERROR_UNINITIALIZED)
    try:
        return getattr(_library, name)
    except AttributeError:
        raise NVMLError(NVML_ERROR_FUNCTION_NOT_FOUND) from None


def _call(name, *args):
    code = _function(name)(*args)
    if code != NVML_SUCCESS:
        raise NVMLError(code)


def nvmlErrorString(result):
    """The library's text, as bytes, for an error number."""
    function = _function("nvmlErrorString")
    function.restype = ctypes.c_char_p
    return function(result)


def nvmlInit(flags=0):
    """Load and start the library; has to come first.

    Returns:
        bool: True.

    Raises:
        NVMLError: There is no NVIDIA driver, or it fails.
    """
    _load()
    _call("nvmlInitWithFlags", ctypes.c_uint(flags))
    return True


def nvmlShutdown():
    """Stop the library."""
    _call("nvmlShutdown")


def nvmlDeviceGetCount():
    """Number of GPUs."""
    count = ctypes.c_uint()
    _call("nvmlDeviceGetCount_v2", ctypes.byref(count))
    return count.value


def nvmlDeviceGetHandleByIndex(index):
    """Handle of a GPU, for the functions below."""
    device = c_nvmlDevice_t()
    _call("nvmlDeviceGetHandleByIndex_v2", ctypes.c_uint(index), ctypes.byref(device))
    return device


def nvmlDeviceGetName(handle):
    """Product name, as bytes."""
    name = ctypes.create_string_buffer(NVML_DEVICE_NAME_BUFFER_SIZE)
    _call("nvmlDeviceGetName", handle, name, ctypes.c_uint(NVML_DEVICE_NAME_BUFFER_SIZE))
    return name.value


def nvmlDeviceGetUtilizationRates(handle):
    """Load over the last moments: ``gpu`` and ``memory`` in percent."""
    rates = c_nvmlUtilization_t()
    _call("nvmlDeviceGetUtilizationRates", handle, ctypes.byref(rates))
    return rates


def nvmlDeviceGetMemoryInfo(handle):
    """Memory in bytes: ``total``, ``free`` and ``used``."""
    memory = c_nvmlMemory_t()
    _call("nvmlDeviceGetMemoryInfo", handle, ctypes.byref(memory))
    return memory
