"""PNG files through pypng, for 16 bits a channel."""
import numpy as np

from ....logger import logger
from ....optional import require
from .arguments import check_read_arguments, finish_read, prepare_save
from .common import check_type_and_cast_if_necessary, upscale_pixel_intensity
from .image_utils_backend import ImageUtilsBackend


def _png():
    return require("png", purpose="this image backend")


class PngBackend(ImageUtilsBackend):
    """Reads and writes PNG files of 8 and 16 bits a channel; another backend resizes."""

    library = "png"

    def accept(self, path, ext, operator):
        if ext != ".png" or operator == "resize":
            return "NG"
        if operator == "save":
            return "OK"
        # It decodes in Python: for 8 bits the others are faster.
        bits = self._on_file(path, self._bits)
        return {8: "OK", 16: "Recommended"}.get(bits, "NG")

    @staticmethod
    def _bits(file):
        reader = _png().Reader(file=file)
        reader.preamble()
        return reader.bitdepth

    @staticmethod
    def _on_file(path, function):
        """``function`` of the file at ``path``, or of the open file, which goes back to its start."""
        if hasattr(path, "read"):
            path.seek(0)
            result = function(path)
            path.seek(0)
            return result
        with open(path, "rb") as file:
            return function(file)

    def _read(self, path):
        """Pixels, bits and grayness of a PNG file."""
        def decode(file):
            width, height, rows, info = _png().Reader(file=file).asDirect()
            dtype = np.uint16 if info["bitdepth"] > 8 else np.uint8
            pixels = np.array([np.asarray(row, dtype) for row in rows])
            shape = (height, width) if info["planes"] == 1 else (height, width, info["planes"])
            return pixels.reshape(shape), info["bitdepth"], info["greyscale"]
        return self._on_file(path, decode)

    def imread(self, path, grayscale=False, size=None, interpolate="bilinear", channel_first=False,
               as_uint16=False, num_channels=-1):
        check_read_arguments(grayscale, num_channels)
        img, bits, gray = self._read(path)
        if bits not in (8, 16) or (bits == 16 and not as_uint16):
            return self.next_available(path).imread(
                path, grayscale=grayscale, size=size, interpolate=interpolate, channel_first=channel_first,
                as_uint16=as_uint16, num_channels=num_channels)
        if bits == 8 and as_uint16:
            logger.warning("imread: an 8-bit image is read as uint16, with 256 times its values.")
            img = img.astype(np.uint16) * np.uint16(256)
        if grayscale and not gray:
            img = np.dot(img[..., :3], [0.299, 0.587, 0.114]).astype(img.dtype)
        img = self._with_channels(img, num_channels)
        return finish_read(img, size, interpolate, channel_first, self.imresize)

    @staticmethod
    def _with_channels(img, want):
        have = 0 if img.ndim == 2 else img.shape[-1]
        if want in (-1, have):
            return img
        if have == 0:
            return np.repeat(img[..., None], want, axis=2)
        if want == 3:
            return img[..., :3]
        opaque = np.full(img.shape[:2] + (1,), np.iinfo(img.dtype).max, img.dtype)
        return np.concatenate([img, opaque], axis=2)

    def imsave(self, path, img, channel_first=False, as_uint16=False, auto_scale=True):
        img = prepare_save(img, channel_first, auto_scale)
        if auto_scale:
            img = upscale_pixel_intensity(img, as_uint16)
        img = check_type_and_cast_if_necessary(img, as_uint16)
        channels = 1 if img.ndim == 2 else img.shape[-1]
        writer = _png().Writer(img.shape[1], img.shape[0], greyscale=channels < 3, alpha=channels in (2, 4),
                               bitdepth=8 if img.dtype == np.uint8 else 16)
        with open(path, "wb") as file:
            writer.write(file, img.reshape(img.shape[0], -1))

    def imresize(self, img, size, interpolate="bilinear", channel_first=False):
        return ImageUtilsBackend().imresize(img, size, interpolate=interpolate, channel_first=channel_first)
