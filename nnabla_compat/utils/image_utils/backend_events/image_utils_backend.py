"""What image backends have in common, and the choice among them."""
from ....logger import logger
from ....optional import available


class ImageUtilsBackend:
    """Base class of image backends. An instance of this class itself chooses a backend for each call.

    A backend is a subclass with ``library`` (the module it needs), ``accept``, and the three operations. A new
    subclass takes part in the choice once it is defined.
    """

    library = None

    def __init__(self):
        self._default_backend = None
        self._current_backend = None
        self._others = []  # backends to try where this one fails, when it was chosen and not fixed

    def accept(self):
        """Whether a backend takes a task: ``"Recommended"``, ``"OK"`` or ``"NG"``.

        Subclasses define it as ``accept(self, path, ext, operator)`` with the extension of the file and
        ``"load"``, ``"save"`` or ``"resize"``.
        """
        return "NG"

    def imread(self, path, grayscale=False, size=None, interpolate="bilinear", channel_first=False,
               as_uint16=False, num_channels=-1):
        """See :func:`nnabla_compat.utils.image_utils.imread`."""
        return self.get_best_backend(path, "load").imread(
            path, grayscale=grayscale, size=size, interpolate=interpolate, channel_first=channel_first,
            as_uint16=as_uint16, num_channels=num_channels)

    def imsave(self, path, img, channel_first=False, as_uint16=False, auto_scale=True):
        """See :func:`nnabla_compat.utils.image_utils.imsave`."""
        return self.get_best_backend(path, "save").imsave(
            path, img, channel_first=channel_first, as_uint16=as_uint16, auto_scale=auto_scale)

    def imresize(self, img, size, interpolate="bilinear", channel_first=False):
        """See :func:`nnabla_compat.utils.image_utils.imresize`."""
        return self.get_best_backend("", "resize").imresize(
            img, size, interpolate=interpolate, channel_first=channel_first)

    @staticmethod
    def _installed():
        """Backends that can be used here, in the order they were defined."""
        return {backend.__name__: backend for backend in ImageUtilsBackend.__subclasses__()
                if backend.library is None or available(backend.library)}

    def _ranked(self, path, operator):
        """Backends that accept the task, recommended ones first."""
        from ...data_source_loader import get_file_extension
        ext = get_file_extension(path)
        answers = [(backend().accept(path, ext, operator), backend) for backend in self._installed().values()]
        return [backend for wanted in ("Recommended", "OK") for answer, backend in answers if answer == wanted]

    @staticmethod
    def _first(ranked):
        backend = ranked[0]()
        backend._others = ranked[1:]
        return backend

    def get_best_backend(self, path, operator):
        """The backend for a task.

        Raises:
            ValueError: There is none.
        """
        if self._default_backend is not None:
            self._current_backend = self._default_backend
            return self._default_backend()
        ranked = self._ranked(path, operator)
        if not ranked:
            what = f" {path!r}" if isinstance(path, str) and path else ""
            raise ValueError(
                f"No image backend can {operator}{what}. Installed: {list(self._installed()) or 'none'}. "
                "Run: pip install nnabla-compat[images]")
        self._current_backend = ranked[0]
        return self._first(ranked)

    def next_available(self, path):
        """The backend to try after this one.

        Raises:
            ValueError: There is none, or this one was fixed.
        """
        if not self._others:
            raise ValueError(
                f"{type(self).__name__} cannot do this, and there is no other backend to try: it was fixed by "
                "set_backend, or no other that is installed takes such a file. 16 bits a channel need one of: "
                "pip install nnabla-compat[images] (pypng), pip install nnabla-compat[opencv]")
        return self._first(self._others)

    def get_backend(self):
        """Name of the backend that is fixed, or that was used last; empty before the first use."""
        backend = self._default_backend or self._current_backend
        return backend.__name__ if backend else ""

    def set_backend(self, name):
        """Use one backend for everything from now on; an unknown name goes back to choosing."""
        self._default_backend = self._installed().get(name)
        if self._default_backend is None and name:
            logger.warning("image_utils: no backend %r, choosing by file. Available: %s.",
                           name, self.get_available_backends())

    def get_available_backends(self):
        """Names of the backends whose library is installed."""
        return list(self._installed())

    def get_backend_from_name(self, name):
        """A backend by name, or None."""
        backend = self._installed().get(name)
        return backend() if backend else None
