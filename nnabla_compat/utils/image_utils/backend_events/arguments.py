"""Checks of the arguments that all image backends share, and what they do before and after their own work."""
import numpy as np

_INTEGER = (np.uint8, np.uint16)


def check_read_arguments(grayscale, num_channels):
    """Raise ValueError unless the two go together."""
    if num_channels not in (-1, 0, 1, 3, 4):
        raise ValueError(f"imread: expected num_channels -1, 0, 1, 3 or 4, received {num_channels}.")
    if not grayscale and num_channels in (0, 1):
        raise ValueError(f"imread: num_channels={num_channels} is for gray images: pass grayscale=True too.")


def finish_read(img, size, interpolate, channel_first, imresize):
    """Resize and transpose what was read, as asked for."""
    if size is not None:
        img = imresize(img, size, interpolate=interpolate)
    return img.transpose(2, 0, 1) if channel_first and img.ndim == 3 else img


def _checked_image(name, img, channel_first):
    """An image with channels last; ValueError unless it is an array of 2 or 3 axes."""
    if not isinstance(img, np.ndarray):
        raise ValueError(f"{name}: expected a numpy array, received {type(img).__name__}.")
    if img.ndim not in (2, 3):
        raise ValueError(f"{name}: expected an image with 2 or 3 axes, received shape {img.shape}.")
    return img.transpose(1, 2, 0) if channel_first and img.ndim == 3 else img


def prepare_save(img, channel_first, auto_scale):
    """An image with channels last, uint8, uint16, or float32 from 0 to 1; ValueError if it is none."""
    img = _checked_image("imsave", img, channel_first)
    if img.ndim == 3 and not 1 <= img.shape[-1] <= 4:
        raise ValueError(f"imsave: expected 1 to 4 channels, received {img.shape[-1]} (shape {img.shape}, "
                         "channels last). Is channel_first=True missing?")
    if img.dtype not in _INTEGER:
        if not auto_scale:
            raise ValueError(f"imsave: a {img.dtype} image needs auto_scale=True.")
        if np.any(img < 0) or np.any(img > 1):
            raise ValueError(f"imsave: expected values from 0 to 1 in a {img.dtype} image, received "
                             f"{img.min()} to {img.max()}. Scale it, or convert it to uint8.")
        img = np.asarray(img, np.float32)
    return img


def prepare_resize(img, size, channel_first, interpolate, interpolations):
    """An image with channels last, uint8, uint16 or float32; ValueError if the arguments are wrong."""
    if not isinstance(size, (list, tuple)):
        raise ValueError(f"imresize: expected size as (width, height), received {size!r}.")
    img = _checked_image("imresize", img, channel_first)
    if interpolate not in interpolations:
        raise ValueError(f"imresize: expected interpolate to be one of {list(interpolations)}, "
                         f"received {interpolate!r}.")
    return img if img.dtype in _INTEGER else np.asarray(img, np.float32)


def finish_resize(img, channel_first):
    """Channels first again, if they were."""
    return img.transpose(2, 0, 1) if channel_first and img.ndim == 3 else img
