"""Changes of range of audio arrays."""
import numpy as np

from .arguments import expect_array


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
    expect_array("rescale_intensity", audio_arr)
    output_type = audio_arr.dtype if output_type is None else output_type
    if input_low == output_low == output_high:
        return np.asarray(audio_arr, output_type)
    low, high = np.float64(output_low), np.float64(output_high)
    unit = normalize_intensity(audio_arr, np.float64(input_low), np.float64(input_high))
    return (unit * (high - low) + low).astype(output_type)
