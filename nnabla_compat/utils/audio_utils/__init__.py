"""Reading, writing and resizing audio as numpy arrays ``(samples, channels)``.

``.wav`` files of integer samples and raw samples are handled without further libraries; the backend ``"soundfile"``
(the ``audio`` extra) knows more.
"""
import numpy as np

from .arguments import check_scaling
from .backend_manager import backend_manager
from .common import rescale_intensity

__all__ = ["auload", "auread", "auresize", "ausave", "auwrite", "backend_manager", "get_available_backends",
           "get_backend", "minmax_auto_scale", "set_backend"]


def set_backend(backend):
    """Use a backend, one of :func:`get_available_backends`.

    Raises:
        ValueError: There is no such backend.
    """
    backend_manager.backend = backend


def get_backend():
    """Name of the backend in use."""
    return backend_manager.backend


def get_available_backends():
    """Names of the backends."""
    return backend_manager.get_available_backends()


def minmax_auto_scale(audio_arr, out_datatype):
    """Stretch the values of an audio array over the whole range of a type.

    Args:
        audio_arr (numpy.ndarray): Audio.
        out_datatype (numpy.dtype): Type of at most 4 bytes, such as uint8, int16, float32.

    Returns:
        numpy.ndarray: Of that type.

    Raises:
        ValueError: Not an array, or a larger type.
    """
    check_scaling(audio_arr, out_datatype)
    limits = (np.iinfo if np.issubdtype(out_datatype, np.integer) else np.finfo)(out_datatype)
    return rescale_intensity(audio_arr, audio_arr.min(), audio_arr.max(), limits.min, limits.max, out_datatype)


def auread(path, channel_first=False, raw_format_param=None, **kwargs):
    """Read audio.

    Args:
        path: Path or binary file, ``.wav`` or ``.raw``.
        channel_first (bool): Return ``(channels, samples)``.
        raw_format_param (dict): ``sample_width`` in bytes, ``channels`` and ``frame_rate`` of raw samples.

    Returns:
        numpy.ndarray: uint8, int16 or int32.

    Raises:
        ValueError: Another format, or raw samples without ``raw_format_param``.
    """
    from ..data_source_loader import ResourceFileReader
    return backend_manager.module.auread(
        ResourceFileReader(path), channel_first=channel_first, raw_format_param=raw_format_param, **kwargs)


def ausave(path, audio_arr, channel_first=False, frame_rate=48000, **kwargs):
    """Write a ``.wav`` file.

    Args:
        path (str): Where to; missing folders are made.
        audio_arr (numpy.ndarray): Integer samples of at most 4 bytes.
        channel_first (bool): ``audio_arr`` is ``(channels, samples)``.
        frame_rate (int): Samples per second.

    Raises:
        ValueError: Not such an array, or another format.
    """
    backend_manager.module.ausave(
        path, audio_arr, channel_first=channel_first, frame_rate=frame_rate, **kwargs)


def auresize(audio_arr, size, channel_first=False, **kwargs):
    """Resample audio and change its channels.

    Args:
        audio_arr (numpy.ndarray): Audio.
        size (tuple of int): ``(samples, channels)``; one channel can become many, many can become one.
        channel_first (bool): ``audio_arr`` is ``(channels, samples)``.

    Returns:
        numpy.ndarray: ``(samples, channels)``.

    Raises:
        ValueError: The channels can't be changed so, or the arguments are no audio and size.
    """
    return backend_manager.module.auresize(audio_arr, size, channel_first=channel_first, **kwargs)


auwrite = ausave
auload = auread
