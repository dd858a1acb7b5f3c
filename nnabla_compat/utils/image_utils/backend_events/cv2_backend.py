"""Images through OpenCV."""
import numpy as np

from ....logger import logger
from ....optional import require
from .arguments import check_read_arguments, finish_read, finish_resize, prepare_resize, prepare_save
from .common import check_type_and_cast_if_necessary, upscale_pixel_intensity
from .image_utils_backend import ImageUtilsBackend

_INTERPOLATIONS = {"nearest": "INTER_NEAREST", "bilinear": "INTER_LINEAR", "bicubic": "INTER_CUBIC",
                   "lanczos": "INTER_LANCZOS4"}
# OpenCV's names of channel orders, by the number of channels it reads
_ORDERS = {1: "GRAY", 3: "BGR", 4: "BGRA"}


def _cv2():
    return require("cv2", purpose="this image backend")


class Cv2Backend(ImageUtilsBackend):
    """Reads and writes 8 and 16 bits a channel."""

    library = "cv2"

    def accept(self, path, ext, operator):
        if operator != "load":
            return "OK"
        if ext in (".bmp", ".dib", ".ppm", ".pbm", ".pgm", ".sr", ".ras"):
            return "Recommended"
        return "OK" if ext in (".jpg", ".jpeg", ".png", ".tif", ".tiff") else "NG"

    def imread(self, path, grayscale=False, size=None, interpolate="bilinear", channel_first=False,
               as_uint16=False, num_channels=-1):
        check_read_arguments(grayscale, num_channels)
        cv2 = _cv2()
        mode = cv2.IMREAD_GRAYSCALE if grayscale else cv2.IMREAD_UNCHANGED
        if grayscale and as_uint16:
            mode |= cv2.IMREAD_ANYDEPTH
        if hasattr(path, "read"):
            stored = path.read()
        else:
            with open(path, "rb") as file:  # OpenCV itself answers None for a missing file
                stored = file.read()
        img = cv2.imdecode(np.frombuffer(stored, np.uint8), mode)
        if img is None:
            raise ValueError(f"imread: OpenCV finds no image in {path!r}.")
        if as_uint16 and img.dtype == np.uint8:
            logger.warning("imread: an 8-bit image is read as uint16, with 256 times its values.")
            img = img.astype(np.uint16) * np.uint16(256)
        img = self._with_channels(img, num_channels)
        return finish_read(img, size, interpolate, channel_first, self.imresize)

    @staticmethod
    def _with_channels(img, num_channels):
        """RGB instead of OpenCV's BGR, with the channels asked for."""
        cv2 = _cv2()
        have = 1 if img.ndim == 2 else img.shape[-1]
        want = have if num_channels == -1 else max(num_channels, 1)
        source, target = _ORDERS[have], {1: "GRAY", 3: "RGB", 4: "RGBA"}[want]
        if source != target:
            img = cv2.cvtColor(img, getattr(cv2, f"COLOR_{source}2{target}"))
        return img[..., None] if num_channels == 1 else img

    def imsave(self, path, img, channel_first=False, as_uint16=False, auto_scale=True):
        cv2 = _cv2()
        img = prepare_save(img, channel_first, auto_scale)
        if auto_scale:
            img = upscale_pixel_intensity(img, as_uint16)
        img = check_type_and_cast_if_necessary(img, as_uint16)
        if img.ndim == 3 and img.shape[-1] == 2:  # OpenCV writes no gray with alpha
            return self.next_available(path).imsave(path, img, as_uint16=as_uint16, auto_scale=auto_scale)
        if img.ndim == 3 and img.shape[-1] >= 3:
            img = img[..., [2, 1, 0, 3][:img.shape[-1]]]
        if not cv2.imwrite(path, np.ascontiguousarray(img)):
            raise OSError(f"imsave: OpenCV could not write {path!r}.")

    def imresize(self, img, size, interpolate="bilinear", channel_first=False):
        cv2 = _cv2()
        img = prepare_resize(img, size, channel_first, interpolate, _INTERPOLATIONS)
        resized = cv2.resize(np.ascontiguousarray(img), tuple(size),
                             interpolation=getattr(cv2, _INTERPOLATIONS[interpolate]))
        if img.ndim == 3 and resized.ndim == 2:  # OpenCV drops a last axis of 1
            resized = resized[..., None]
        return finish_resize(resized, channel_first)
