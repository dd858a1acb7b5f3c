"""Changes of type and range of images."""
import numpy as np

from ....logger import logger


def normalize_pixel_intensity(img, input_low, input_high):
    """Map the range ``input_low`` to ``input_high`` to 0 to 1. An image of one value becomes 1, or 0 if that is 0."""
    if input_high == input_low:
        return img / input_low if input_low != 0 else img
    return (img - input_low) / (input_high - input_low)


def rescale_pixel_intensity(img, input_low=0, input_high=255, output_low=0, output_high=255, output_type=None):
    """Map one range of values to another.

    Args:
        img (numpy.ndarray): Image.
        input_low (float): Value that becomes ``output_low``.
        input_high (float): Value that becomes ``output_high``.
        output_low (float): See there.
        output_high (float): See there.
        output_type (numpy.dtype): Type of the result, that of ``img`` by default.

    Returns:
        numpy.ndarray: The image, fractions cut off for integer types.

    Raises:
        ValueError: ``img`` is no array.
    """
    if not isinstance(img, np.ndarray):
        raise ValueError(f"rescale_pixel_intensity: expected a numpy array, received {type(img).__name__}.")
    output_type = img.dtype if output_type is None else output_type
    if input_low == output_low == output_high:
        return np.asarray(img, output_type)
    unit = normalize_pixel_intensity(img, input_low, input_high)
    return (unit * (output_high - output_low) + output_low).astype(output_type)


def upscale_uint8_image(img, as_uint16):
    """A uint8 image as it is, or as uint16 with 256 times the values."""
    return np.asarray(img, np.uint16) * np.uint16(256) if as_uint16 else img


def upscale_float_image(img, as_uint16):
    """An image with values from 0 to 1 as uint8 or uint16."""
    return np.asarray(img * 65535, np.uint16) if as_uint16 else np.asarray(img * 255, np.uint8)


def upscale_pixel_intensity(img, as_uint16):
    """An image of any type as uint8 or uint16; uint16 stays as it is."""
    if img.dtype == np.uint16:
        return img
    return (upscale_uint8_image if img.dtype == np.uint8 else upscale_float_image)(img, as_uint16)


def check_type_and_cast_if_necessary(img, as_uint16):
    """The image in the type it will be written in.

    Raises:
        ValueError: It is uint16 and shall be written with 8 bits.
    """
    if img.dtype == np.uint16 and not as_uint16:
        raise ValueError("imsave: received a uint16 image with as_uint16=False. Pass as_uint16=True, or convert "
                         "the image to uint8 first.")
    if img.dtype != np.uint16 and as_uint16:
        logger.warning("imsave: the values of a %s image are written as uint16 unchanged.", img.dtype)
        img = np.asarray(img, np.uint16)
    return img
