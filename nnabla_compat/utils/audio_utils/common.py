"""Conversions and checks of audio arrays."""
import numpy as np


def normalize_intensity(audio_arr, input_low, input_high):
    """Map the range ``input_low`` to ``input_high`` to 0 to 1. Audio of one value becomes 1, or 0 if that is 0."""
    if input_high == input_low:
        return audio_arr / input_low if input_low != 0 else audio_arr
    return (audio_arr - input_low) / (input_high - input_low)


def rescale_intensity(audio_arr, input_low=0, input_high=255, output_low=0, output_high=255, output_type=None):
    """Map one range of values to another.

    Args:
        audio_arr (numpy.ndarray): Audio.
        input_low (float): Value that becomes ``output_low``.
        input_high (float): Value that becomes ``output_high``.
        output_low (float): See there.
        output_high (float): See there.
        output_type (numpy.dtype): Type of the result, that of ``audio_arr`` by default.

    Raises:
        ValueError: ``audio_arr`` is no array.
    """
    _expect_array("rescale_intensity", audio_arr)
    output_type = audio_arr.dtype if output_type is None else output_type
    if input_low == output_low == output_high:
        return np.asarray(audio_arr, output_type)
    low, high = np.float64(output_low), np.float64(output_high)
    unit = normalize_intensity(audio_arr, np.float64(input_low), np.float64(input_high))
    return (unit * (high - low) + low).astype(output_type)


def _expect_array(name, audio_arr):
    if not isinstance(audio_arr, np.ndarray):
        raise ValueError(f"{name}: expected a numpy array, received {type(audio_arr).__name__}.")


def check_scaling(audio_arr, datatype):
    """Raise ValueError unless an array can be scaled to a type."""
    _expect_array("minmax_auto_scale", audio_arr)
    if not isinstance(datatype, (np.dtype, type)):
        raise ValueError(f"minmax_auto_scale: expected a numpy type, received {datatype!r}.")
    if np.dtype(datatype).itemsize > 4:
        raise ValueError(f"minmax_auto_scale: expected a type of at most 4 bytes, received {np.dtype(datatype)}.")


def prepare_save(audio_arr, channel_first):
    """An array to be written, as ``(samples, channels)``."""
    _expect_array("ausave", audio_arr)
    if audio_arr.ndim != 2:
        raise ValueError(f"ausave: expected an array (samples, channels), received shape {audio_arr.shape}.")
    if audio_arr.dtype.kind not in "iu" or audio_arr.dtype.itemsize > 4:
        raise ValueError(f"ausave: expected integers of at most 4 bytes, received {audio_arr.dtype}. "
                         "minmax_auto_scale(audio, numpy.int16) makes some.")
    return audio_arr.T if channel_first else audio_arr


def prepare_resize(audio_arr, size, channel_first):
    """An array to be resized, as ``(samples, channels)``: uint8, int16 or float32."""
    _expect_array("auresize", audio_arr)
    if not isinstance(size, (list, tuple)) or len(size) != 2:
        raise ValueError(f"auresize: expected size as (samples, channels), received {size!r}.")
    if audio_arr.ndim != 2:
        raise ValueError(f"auresize: expected an array (samples, channels), received shape {audio_arr.shape}.")
    if audio_arr.dtype not in (np.uint8, np.int16):
        audio_arr = np.asarray(audio_arr, np.float32)
    return audio_arr.T if channel_first else audio_arr
