"""The audio backend in use."""
from ...optional import available
from . import soundfile_utils, wave_utils


class AudioUtilsBackendManager:
    """Holds the backends; there is one object of it."""

    _instance = None

    def __new__(cls, *args, **kwargs):
        if cls._instance is None:
            cls._instance = super().__new__(cls)
        return cls._instance

    def __init__(self):
        # nnabla's own backend is pydub: scripts that ask for it by name get what gives the same samples.
        self.backends = {"wave": wave_utils, "pydub": wave_utils}
        if available("soundfile"):
            self.backends["soundfile"] = soundfile_utils
        self._backend = "wave"

    def get_available_backends(self):
        """Names of the backends."""
        return list(self.backends)

    @property
    def backend(self):
        """Name of the backend in use."""
        return self._backend

    @backend.setter
    def backend(self, backend):
        if backend not in self.backends:
            raise ValueError(f"audio_utils: expected a backend of {self.get_available_backends()}, "
                             f"received {backend!r}.")
        self._backend = backend

    @property
    def module(self):
        """The module behind the backend in use."""
        return self.backends[self._backend]


backend_manager = AudioUtilsBackendManager()
