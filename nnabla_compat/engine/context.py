"""Computing contexts: which device and dtype an operator runs with.

nnabla names a list of backends (``['cudnn:half', 'cudnn:float', 'cpu:float']``), tried in order. Here a
backend resolves to a torch device and a computing dtype.
"""
from contextlib import contextmanager

import torch

_CPU = torch.device("cpu")
_DTYPES = {"float": torch.float32, "half": torch.float16, "double": torch.float64,
           "bfloat16": torch.bfloat16}
_resolved: dict[tuple, "Target"] = {}


class Target:
    """What a context resolves to: ``device`` (and whether it is the CPU) and the computing ``dtype``."""

    __slots__ = ("device", "is_cpu", "dtype")

    def __init__(self, device, dtype):
        self.device, self.is_cpu, self.dtype = device, device.type == "cpu", dtype


def single(target):
    """``target``, computing in single precision where it is the CPU in half precision."""
    return _SINGLE if target.is_cpu and target.dtype is torch.float16 else target


_SINGLE = Target(_CPU, torch.float32)


class Context:
    """A wish list of backends, such as ``['cpu:float']``, with an array class and a device id.

    Args:
        backend (list of str): Backends in order of preference; ``['cpu:float']`` by default. The part
            after the colon is the computing type: ``float`` (default), ``half``, ``double``, ``bfloat16``.
        array_class (str): Kept for nnabla's files and code; torch allocates.
        device_id (str): Index of the device, for CUDA backends.

    Raises:
        TypeError: an entry is not a string.
    """

    __slots__ = ("_backend", "_array_class", "_device_id", "_target")

    def __init__(self, backend=None, array_class="", device_id="0"):
        self._target = None
        self.backend = ["cpu:float"] if backend is None else backend
        self.array_class = array_class
        self.device_id = device_id

    @property
    def backend(self):
        return self._backend

    @backend.setter
    def backend(self, value):
        value = [v.decode() if isinstance(v, bytes) else v for v in value]
        for v in value:
            _expect_str("backend", v)
        self._backend, self._target = value, None

    @property
    def array_class(self):
        return self._array_class

    @array_class.setter
    def array_class(self, value):
        self._array_class = _expect_str("array_class", value)

    @property
    def device_id(self):
        return self._device_id

    @device_id.setter
    def device_id(self, value):
        self._device_id, self._target = _expect_str("device_id", value), None

    @property
    def target(self) -> Target:
        """Device and dtype of the first backend that is available here (RuntimeError if none is)."""
        if self._target is None:
            self._target = _resolve(tuple(self._backend), self._device_id)
        return self._target

    def __getitem__(self, key):
        if key not in ("backend", "array_class", "device_id"):
            raise KeyError(key)
        return getattr(self, key)

    def __repr__(self):
        return (f"Context(backend={self._backend}, array_class='{self._array_class}', "
                f"device_id='{self._device_id}')")

    def __reduce__(self):
        return Context, (list(self._backend), self._array_class, self._device_id)


def _expect_str(field, value):
    if isinstance(value, bytes):
        value = value.decode()
    if not isinstance(value, str):
        raise TypeError(f"Context.{field}: expected str, received {type(value).__name__}")
    return value


def _resolve(backends, device_id):
    key = (backends, device_id)
    if key not in _resolved:
        _resolved[key] = _first_available(backends, device_id)
    return _resolved[key]


def _first_available(backends, device_id):
    for backend in backends:
        name, _, kind = backend.partition(":")
        dtype = _DTYPES.get(kind or "float")
        if dtype is None:
            continue
        if name == "cpu":
            return Target(_CPU, dtype)
        if name in ("cuda", "cudnn") and torch.cuda.is_available():
            return Target(torch.device("cuda", int(device_id or 0)), dtype)
    raise RuntimeError(
        f"Context: none of the backends {list(backends)} is available. Available here: cpu"
        f"{', cuda, cudnn' if torch.cuda.is_available() else ' (this torch has no usable CUDA device)'}; "
        "append 'cpu:float' to fall back to the CPU.")


current_ctx = Context()
context_level = 0


def get_current_context() -> Context:
    """The context that new functions, arrays and solvers take."""
    return current_ctx


def set_default_context(ctx):
    """Make ``ctx`` the context of everything created from now on.

    Raises:
        AssertionError: called inside a ``context_scope``.
    """
    global current_ctx
    assert context_level == 0, "set_default_context: expected to be called outside any context_scope; leave the scope first"
    current_ctx = ctx


@contextmanager
def context_scope(ctx):
    """Use ``ctx`` inside the ``with`` block."""
    global current_ctx, context_level
    previous, current_ctx = current_ctx, ctx
    context_level += 1
    try:
        yield
    finally:
        context_level -= 1
        current_ctx = previous
