"""The one object that chooses among the image backends."""
from .backend_events import cv2_backend, dicom_backend, pil_backend, pypng_backend  # noqa: F401  they register
from .backend_events.image_utils_backend import ImageUtilsBackend


class ImageUtilsBackendManager:
    """Making one gives the chooser, an :class:`~.backend_events.image_utils_backend.ImageUtilsBackend`."""

    def __new__(cls, *args, **kwargs):
        return ImageUtilsBackend()


backend_manager = ImageUtilsBackendManager()
