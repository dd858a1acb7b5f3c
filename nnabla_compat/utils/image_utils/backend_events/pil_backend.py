"""Images through Pillow."""
import numpy as np

from ....optional import require
from .arguments import check_read_arguments, finish_read, finish_resize, prepare_resize, prepare_save
from .image_utils_backend import ImageUtilsBackend

_READS = frozenset((
    ".bmp", ".dib", ".eps", ".gif", ".icns", ".ico", ".jpeg", ".jpg", ".msp", ".png", ".ppm", ".pbm", ".pgm",
    ".pnm", ".tif", ".tiff"))
_INTERPOLATIONS = ("nearest", "bilinear", "bicubic", "hamming", "box", "lanczos")


def _image_module():
    return require("PIL.Image", extra="images", purpose="images")


class PilBackend(ImageUtilsBackend):
    """Reads and writes 8 bits a channel."""

    library = "PIL"

    @staticmethod
    def convert_pil(pil_image, grayscale, num_channels, return_palette_indices):
        """A Pillow image, or an array, with the channels asked for."""
        if pil_image.mode == "I":
            raise ValueError("imread: Pillow gives 32-bit integers for this image, which cannot become 8 bits.")
        if pil_image.mode == "P" and not return_palette_indices:
            pil_image = pil_image.convert("RGBA" if "transparency" in pil_image.info else "RGB")
        if grayscale:
            gray = np.asarray(pil_image.convert("L"))
            return np.repeat(gray[..., None], num_channels, axis=2) if num_channels > 0 else gray
        if num_channels in (3, 4):
            return pil_image.convert("RGB" if num_channels == 3 else "RGBA")
        return pil_image

    @staticmethod
    def pil_image_to_ndarray(pil_image, grayscale, num_channels, return_palette_indices):
        """A Pillow image as uint8 array."""
        return np.asarray(PilBackend.convert_pil(
            pil_image, grayscale, num_channels, return_palette_indices)).astype(np.uint8)

    @staticmethod
    def pil_resize_from_ndarray(arr, size, resample):
        """Resize an array of a type Pillow knows: uint8, or float32 of two axes."""
        return np.asarray(_image_module().fromarray(arr).resize(tuple(size), resample=resample))

    def accept(self, path, ext, operator):
        return "OK" if operator != "load" or ext in _READS else "NG"

    def imread(self, path, grayscale=False, size=None, interpolate="bilinear", channel_first=False,
               as_uint16=False, num_channels=-1, return_palette_indices=False):
        check_read_arguments(grayscale, num_channels)
        img = None
        if not as_uint16:
            with _image_module().open(path) as opened:
                try:
                    img = self.pil_image_to_ndarray(opened, grayscale, num_channels, return_palette_indices)
                except (ValueError, OSError):
                    if hasattr(path, "seek"):
                        path.seek(0)
        if img is None:
            return self.next_available(path).imread(
                path, grayscale=grayscale, size=size, interpolate=interpolate, channel_first=channel_first,
                as_uint16=as_uint16, num_channels=num_channels)
        return finish_read(img, size, interpolate, channel_first, self.imresize)

    def imsave(self, path, img, channel_first=False, as_uint16=False, auto_scale=True):
        given, img = img, prepare_save(img, channel_first, auto_scale)
        if img.dtype == np.uint16 or as_uint16:
            return self.next_available(path).imsave(
                path, given, channel_first=channel_first, as_uint16=as_uint16, auto_scale=auto_scale)
        if img.dtype != np.uint8:
            img = (np.nan_to_num(img) * 255).astype(np.uint8)
        if img.ndim == 3 and img.shape[-1] == 1:
            img = img[..., 0]
        _image_module().fromarray(np.ascontiguousarray(img)).save(path)

    def imresize(self, img, size, interpolate="bilinear", channel_first=False):
        img = prepare_resize(img, size, channel_first, interpolate, _INTERPOLATIONS)
        resample = getattr(_image_module().Resampling, interpolate.upper())
        if img.ndim == 2:
            resized = self._resize_plane(img, size, resample)
        elif img.dtype == np.uint8 and 2 <= img.shape[-1] <= 4:
            resized = self.pil_resize_from_ndarray(np.ascontiguousarray(img), size, resample)
        else:  # Pillow has no images of several channels in other types
            planes = [self._resize_plane(img[..., i], size, resample) for i in range(img.shape[-1])]
            resized = np.stack(planes, axis=2)
        return finish_resize(resized, channel_first)

    def _resize_plane(self, plane, size, resample):
        working = plane if plane.dtype == np.uint8 else np.asarray(plane, np.float32)
        resized = self.pil_resize_from_ndarray(np.ascontiguousarray(working), size, resample)
        return np.asarray(resized, plane.dtype)
