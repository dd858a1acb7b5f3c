"""CUDA devices as the extensions ``cuda`` and ``cudnn`` show them: torch serves both."""
import torch

_ARRAY_CLASSES = ["CudaCachedArray", "CudaArray", "CudaDlpackArray"]
_array_classes = list(_ARRAY_CLASSES)
# type_config -> computing types; nnabla has no bfloat16.
_KINDS = {"float": ["float"], "half": ["half", "float"], "mixed_half": ["half", "float"], "bfloat16": ["bfloat16", "float"]}


def missing():
    """Why CUDA cannot be used here; None when it can."""
    if torch.version.cuda is None:
        return (f"this torch ({torch.__version__}) is built without CUDA. Install a CUDA build, "
                "see https://pytorch.org/get-started/locally, or use the context 'cpu'")
    if not torch.cuda.is_available():
        return f"torch {torch.__version__} is built for CUDA {torch.version.cuda} but finds no usable GPU"
    return None


def require_cuda(name):
    """Raise what importing an extension that is not installed raises, unless there is a CUDA device."""
    why = missing()
    if why:
        raise ModuleNotFoundError(f"No module named 'nnabla_ext.{name}': {why}.", name=f"nnabla_ext.{name}")


def make_context(library, device_id, type_config):
    """A context with the backends of ``library`` first."""
    from ..context import Context
    kinds = _KINDS.get(type_config)
    if kinds is None:
        raise ValueError(f"{library} context: expected type_config as one of {', '.join(map(repr, _KINDS))}, "
                         f"received {type_config!r}.")
    libraries = ["cudnn", "cuda"] if library == "cudnn" else ["cuda"]
    backends = [f"{name}:{kind}" for name in libraries for kind in kinds]
    return Context(backends + ["cpu:float"], array_classes()[0], str(device_id))


def _index(device):
    return torch.cuda.current_device() if device in (None, "", -1, "-1") else int(device)


def get_device_count():
    """How many devices there are."""
    return torch.cuda.device_count()


def get_devices():
    """Their ids, as the ``device_id`` of a context takes them."""
    return [str(i) for i in range(torch.cuda.device_count())]


def device_synchronize(device):
    """Wait until a device is done with all work given to it."""
    torch.cuda.synchronize(_index(device))


def synchronize(device_id=-1, **kw):
    """Wait until a device (the current one by default) is done with all work given to it."""
    torch.cuda.synchronize(_index(device_id))


def clear_memory_cache():
    """Give memory that no array uses back to the system."""
    torch.cuda.empty_cache()


def array_classes():
    """Names of the array classes, the preferred one first."""
    return list(_array_classes)


def prefer_cached_array(prefer):
    """Put the cached array class first, or the plain one. torch allocates in either case."""
    order = _ARRAY_CLASSES if prefer else [_ARRAY_CLASSES[i] for i in (1, 0, 2)]
    _array_classes[:] = order


def reset_array_preference():
    """Put the cached array class first again."""
    prefer_cached_array(True)


class StreamEventHandler:
    """Marks in the stream of work of a device, to let the host run ahead by a bounded amount::

        events = StreamEventHandler(int(context.device_id))
        for _ in range(iterations):
            events.event_synchronize()          # until the device is done with the iteration before
            ...                                 # forward, backward, update
            events.add_default_stream_event()

    Args:
        device_id (int): The device.
    """

    def __init__(self, device_id):
        self.device_id = _index(device_id)
        self._events = []

    def default_stream_synchronize(self):
        """Wait for all work given to the default stream."""
        torch.cuda.default_stream(self.device_id).synchronize()

    def add_default_stream_event(self):
        """Mark the work given so far."""
        event = torch.cuda.Event()
        event.record(torch.cuda.default_stream(self.device_id))
        self._events.append(event)

    def event_synchronize(self):
        """Wait for the work marked so far, and forget the marks."""
        for event in self._events:
            event.synchronize()
        self._events.clear()
