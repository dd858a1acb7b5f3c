"""Checks of the arguments of audio functions."""
import numpy as np


def expect_array(name, audio_arr):
    """Raise ValueError unless an argument is an array."""
    if not isinstance(audio_arr, np.ndarray):
        raise ValueError(f"{name}: expected a numpy array, received {type(audio_arr).__name__}.")


def check_scaling(audio_arr, datatype):
    """Raise ValueError unless an array can be scaled to a type."""
    expect_array("minmax_auto_scale", audio_arr)
    if not isinstance(datatype, (np.dtype, type)):
        raise ValueError(f"minmax_auto_scale: expected a numpy type, received {datatype!r}.")
    if np.dtype(datatype).itemsize > 4:
        raise ValueError(f"minmax_auto_scale: expected a type of at most 4 bytes, received {np.dtype(datatype)}.")


def prepare_save(audio_arr, channel_first):
    """An array to be written, as ``(samples, channels)``."""
    expect_array("ausave", audio_arr)
    if audio_arr.ndim != 2:
        raise ValueError(f"ausave: expected an array (samples, channels), received shape {audio_arr.shape}.")
    if audio_arr.dtype.kind not in "iu" or audio_arr.dtype.itemsize > 4:
        raise ValueError(f"ausave: expected integers of at most 4 bytes, received {audio_arr.dtype}. "
                         "minmax_auto_scale(audio, numpy.int16) makes some.")
    return audio_arr.T if channel_first else audio_arr


def prepare_resize(audio_arr, size, channel_first):
    """An array to be resized, as ``(samples, channels)``: uint8, int16 or float32."""
    expect_array("auresize", audio_arr)
    if not isinstance(size, (list, tuple)) or len(size) != 2:
        raise ValueError(f"auresize: expected size as (samples, channels), received {size!r}.")
    if audio_arr.ndim != 2:
        raise ValueError(f"auresize: expected an array (samples, channels), received shape {audio_arr.shape}.")
    if audio_arr.dtype not in (np.uint8, np.int16):
        audio_arr = np.asarray(audio_arr, np.float32)
    return audio_arr.T if channel_first else audio_arr
