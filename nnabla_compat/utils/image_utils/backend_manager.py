"""The one object that chooses among the image backends."""
# Importing a backend registers it; where several suit a task, the first one here is asked.
from .backend_events import pil_backend  # noqa: F401  isort: skip
from .backend_events import cv2_backend, dicom_backend, pypng_backend  # noqa: F401
from .backend_events.image_utils_backend import ImageUtilsBackend


class ImageUtilsBackendManager:
    """Making one gives the chooser, an :class:`~.backend_events.image_utils_backend.ImageUtilsBackend`."""

    def __new__(cls, *args, **kwargs):
        return ImageUtilsBackend()


backend_manager = ImageUtilsBackendManager()
