"""Reading, writing and resizing images as numpy arrays.

Arrays are ``(height, width)`` for gray and ``(height, width, channels)`` for color images, or channels first
on request. A backend does the work: Pillow, OpenCV, pypng or pydicom, whichever is installed and suits the
file; :func:`set_backend` fixes one by its name (``"PilBackend"``, ``"Cv2Backend"``, ...).
"""
import os

import numpy as np

from .backend_events.common import rescale_pixel_intensity
from .backend_manager import backend_manager

__all__ = ["backend_manager", "get_available_backends", "get_backend", "imload", "imread", "imresize",
           "imsave", "imwrite", "minmax_auto_scale", "set_backend"]


def set_backend(backend):
    """Use one backend for everything from now on.

    Args:
        backend (str): One of :func:`get_available_backends`. Any other name means: choose by file.
    """
    backend_manager.set_backend(backend)


def get_backend():
    """Name of the backend that is fixed, or that was used last; empty before the first use."""
    return backend_manager.get_backend()


def get_available_backends():
    """Names of the backends whose library is installed."""
    return backend_manager.get_available_backends()


def minmax_auto_scale(img, as_uint16):
    """Stretch the values of an image over the whole range of its new type.

    Args:
        img (numpy.ndarray): Image of any type.
        as_uint16 (bool): Make it uint16 (0 to 65535) instead of uint8 (0 to 255).

    Returns:
        numpy.ndarray: uint8 or uint16.
    """
    high, dtype = (65535, np.uint16) if as_uint16 else (255, np.uint8)
    return rescale_pixel_intensity(
        img, input_low=img.min(), input_high=img.max(), output_low=0, output_high=high, output_type=dtype)


def _path(path):
    return os.fspath(path) if isinstance(path, os.PathLike) else path


def imread(path, grayscale=False, size=None, interpolate="bilinear", channel_first=False, as_uint16=False,
           num_channels=-1, **kwargs):
    """Read an image.

    Args:
        path: Path, or a file open for reading bytes.
        grayscale (bool): Convert to gray.
        size (tuple of int): Resize to ``(width, height)``.
        interpolate (str): How to resize, see :func:`imresize`.
        channel_first (bool): Return ``(channels, height, width)``.
        as_uint16 (bool): Read 16 bits a channel; needs OpenCV or pypng.
        num_channels (int): -1 as stored, 3 or 4 for color without or with alpha; for gray 0 (no last axis)
            or 1 as well.
        **kwargs: ``return_palette_indices=True`` (Pillow only) keeps the indices of a palette image.

    Returns:
        numpy.ndarray: uint8, or uint16 on request.

    Raises:
        ValueError: No backend reads such a file, or the arguments do not go together.
        FileNotFoundError: There is no such file.
    """
    path = _path(path)
    return backend_manager.get_best_backend(path, "load").imread(
        path, grayscale=grayscale, size=size, interpolate=interpolate, channel_first=channel_first,
        as_uint16=as_uint16, num_channels=num_channels, **kwargs)


def imsave(path, img, channel_first=False, as_uint16=False, auto_scale=True, **kwargs):
    """Write an image; the file's extension tells the format.

    Args:
        path (str): Where to.
        img (numpy.ndarray): uint8, uint16, or any other type with values from 0 to 1.
        channel_first (bool): ``img`` is ``(channels, height, width)``.
        as_uint16 (bool): Write 16 bits a channel; needs OpenCV or pypng.
        auto_scale (bool): Bring the values to the range of the file's type. Must stay True for values from 0 to 1.

    Raises:
        ValueError: Shape, type or values are not those of an image, or no backend can write it.
    """
    path = _path(path)
    backend_manager.get_best_backend(path, "save").imsave(
        path, img, channel_first=channel_first, as_uint16=as_uint16, auto_scale=auto_scale, **kwargs)


def imresize(img, size, interpolate="bilinear", channel_first=False, **kwargs):
    """Resize an image.

    Args:
        img (numpy.ndarray): Image.
        size (tuple of int): ``(width, height)``.
        interpolate (str): ``"nearest"``, ``"bilinear"``, ``"bicubic"``, ``"lanczos"``; with Pillow also
            ``"box"`` and ``"hamming"``.
        channel_first (bool): ``img`` is ``(channels, height, width)``, and so is the result.

    Returns:
        numpy.ndarray: Of the type of ``img`` for uint8 and uint16, else float32.

    Raises:
        ValueError: Not an image, or an unknown interpolation.
    """
    return backend_manager.get_best_backend(img, "resize").imresize(
        img, size, interpolate=interpolate, channel_first=channel_first, **kwargs)


imwrite = imsave
imload = imread
