"""Medical images in DICOM files through pydicom."""
import numpy as np

from ....optional import require
from .arguments import check_read_arguments, finish_read
from .image_utils_backend import ImageUtilsBackend


def _window(record):
    """Pixels of a record, seen through its window of intensities, as 8 bits RGB."""
    full = 1 << record.BitsAllocated
    center = float(getattr(record, "WindowCenter", full / 2))
    width = float(getattr(record, "WindowWidth", full))
    pixels = record.pixel_array
    values = pixels * float(getattr(record, "RescaleSlope", 1)) + float(getattr(record, "RescaleIntercept", 0))
    if getattr(record, "PhotometricInterpretation", "MONOCHROME2") == "MONOCHROME1":  # white is low
        values = full - values
    values = values.astype(pixels.dtype)
    high = center + 0.5 * width - 0.5
    low = high - width - 0.5
    seen = np.clip((values - low) * (255 / max(high - low, 1)), 0, 255).astype(np.uint8)
    return np.repeat(seen[..., None], 3, axis=2) if record.SamplesPerPixel == 1 else seen


class DicomBackend(ImageUtilsBackend):
    """Reads DICOM files as RGB; another backend resizes."""

    library = "pydicom"

    def accept(self, path, ext, operator):
        return "OK" if operator == "load" and ext in (".dcm", ".dicom") else "NG"

    def imread(self, path, grayscale=False, size=None, interpolate="bilinear", channel_first=False,
               as_uint16=False, num_channels=-1, return_palette_indices=False):
        check_read_arguments(grayscale, num_channels)
        record = require("pydicom", purpose="DICOM files").dcmread(path)
        return finish_read(_window(record), size, interpolate, channel_first, self.imresize)

    def imresize(self, img, size, interpolate="bilinear", channel_first=False):
        return ImageUtilsBackend().imresize(img, size, interpolate=interpolate, channel_first=channel_first)
