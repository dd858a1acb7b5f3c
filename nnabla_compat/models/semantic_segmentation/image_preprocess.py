"""Images as DeepLab wants them."""
import numpy as np

from ...utils.image_utils import imresize

_MEAN = 127.5


def cast(image):
    """The image as float32."""
    return image.astype(np.float32)


def resize(image, desired_size):
    """Scale an image (height, width, channels) to fit into ``desired_size`` (height, width), keeping its proportions;
    one channel (labels) without interpolation."""
    size = fitted(image.shape[:2], desired_size)
    options = {"interpolate": "nearest"} if image.shape[2] == 1 else {}
    return imresize(image, size[::-1], **options)


def fitted(size, frame):
    """Size (height, width) scaled to fit into the size ``frame``."""
    ratio = min(np.divide(frame, size))
    return int(size[0] * ratio), int(size[1] * ratio)


def pad(image, desired_size=(513, 513), value=None):
    """Add rows below and columns to the right, up to ``desired_size``, that hold ``value`` (127.5, the middle, by
    default)."""
    margins = [(0, max(wanted - n, 0)) for n, wanted in zip(image.shape[:2], desired_size)]
    return np.pad(image, (*margins, (0, 0)), mode="constant", constant_values=_MEAN if value is None else value)


def zero_mean_unit_range(image):
    """Values from 0 to 255 as values from -1 to 1."""
    return (2.0 / 255.0) * image - 1.0


def preprocess_image_and_label(image, target_width=513, target_height=513):
    """An image (height, width, channels), values from 0 to 255, in the target's size, values from -1 to 1."""
    frame = (target_height, target_width)
    return zero_mean_unit_range(pad(resize(cast(image), frame), frame))
