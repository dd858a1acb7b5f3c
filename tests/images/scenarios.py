"""What image backends read, write and refuse, alike on the real nnabla (to record) and on this package (to compare).

Recording needs every backend's library: Pillow, pypng, opencv-python-headless, pydicom.
"""
import contextlib
import itertools
import logging
import os
import tempfile
from importlib import import_module

import numpy as np

SCENARIOS = {}
LIBRARIES = {"PilBackend": "PIL", "PngBackend": "png", "Cv2Backend": "cv2", "DicomBackend": "pydicom"}


@contextlib.contextmanager
def quiet():
    """Without the warnings that each conversion gives."""
    logger = logging.getLogger("nnabla")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def attempt(f):
    try:
        return f()
    except ValueError:
        return "refused"


def seen(image):
    """Shape, type and a checksum that depends on where values are."""
    weights = np.arange(1, image.size + 1, dtype=np.float64)
    return [list(image.shape), image.dtype.name, float((image.ravel() * weights).sum())]


def images():
    rng = np.random.RandomState(0)
    for channels in (None, 1, 3, 4):
        shape = (5, 4) if channels is None else (5, 4, channels)
        yield f"{channels} uint8", rng.randint(0, 256, shape).astype(np.uint8)
        yield f"{channels} uint16", rng.randint(0, 65536, shape).astype(np.uint16)
        yield f"{channels} float", (rng.randint(0, 256, shape) / 255).astype(np.float32)
    yield "negative", -np.ones((5, 4))
    yield "too large", np.full((5, 4), 2.)
    yield "5 channels", np.zeros((5, 4, 5), np.uint8)
    yield "4 axes", np.zeros((1, 5, 4, 3), np.uint8)


def backend_scenario(name, extensions):
    def run(library):
        utils = import_module(f"{library}.utils.image_utils")
        utils.set_backend(name)
        try:
            with tempfile.TemporaryDirectory() as folder, quiet():
                return {f"{kind}{ext}": written(utils, image, os.path.join(folder, "image" + ext))
                        for ext in extensions for kind, image in images()
                        # The original's use of pypng fails to write alpha.
                        if not (name == "PngBackend" and kind.startswith("4 "))}
        finally:
            utils.set_backend("")
    SCENARIOS[name] = run


def written(utils, image, path):
    """One image written (channels first, 16 bits, scaled) and read (gray, 16 bits, channels) in every way."""
    result = {}
    for first, wide, scale in itertools.product((False, True), repeat=3):
        given = image.transpose(2, 0, 1) if first and image.ndim == 3 else image
        key = f"{first:d} {wide:d} {scale:d}"
        result[key] = attempt(lambda: utils.imsave(path, given, channel_first=first, as_uint16=wide, auto_scale=scale))
        if result[key] is None:
            result[key] = {
                f"{gray:d} {read_wide:d} {channels}": attempt(lambda: seen(utils.imread(
                    path, grayscale=gray, channel_first=first, as_uint16=read_wide, num_channels=channels)))
                for gray, read_wide, channels in itertools.product((False, True), (False, True), (-1, 0, 1, 3, 4))
                # Where OpenCV makes gray of 16 bits, the original keeps 8 of them.
                if not (gray and read_wide and utils.get_backend() == "Cv2Backend")}
    return result


for name, extensions in (("PilBackend", (".png", ".gif")), ("PngBackend", (".png",)), ("Cv2Backend", (".png", ".tif"))):
    backend_scenario(name, extensions)


def resizing(name, interpolations):
    def run(library):
        utils = import_module(f"{library}.utils.image_utils")
        utils.set_backend(name)
        try:
            # Other interpolations differ by one between versions of the libraries: their shapes and types only.
            return {f"{kind} {how} {size} {first}": attempt(lambda: seen(utils.imresize(
                image.transpose(2, 0, 1) if first and image.ndim == 3 else image, size, how, first))
                [:3 if how == "nearest" and size == (8, 10) else 2])
                for kind, image in images() if kind != "5 channels"
                for how in interpolations for size in ((8, 10), [3, 2], 7) for first in (False, True)}
        finally:
            utils.set_backend("")
    SCENARIOS[f"{name} resizes"] = run


resizing("PilBackend", ("nearest", "bilinear", "bicubic", "hamming", "box", "lanczos", "cubic"))
resizing("Cv2Backend", ("nearest", "bilinear", "bicubic", "lanczos", "box"))


def scaling(library):
    utils = import_module(f"{library}.utils.image_utils")
    common = import_module(f"{library}.utils.image_utils.backend_events.common")
    rng = np.random.RandomState(0)
    image = rng.rand(3, 4) * 10 - 2
    flat = np.full((2, 2), 3.)
    rescale, upscale = common.rescale_pixel_intensity, common.upscale_pixel_intensity
    with quiet():
        return [utils.minmax_auto_scale(image, False), utils.minmax_auto_scale(image, True),
                utils.minmax_auto_scale(flat, False), utils.minmax_auto_scale(flat * 0, True),
                rescale(image, -2, 8, 10, 20), rescale((image + 2).astype(np.uint8)), attempt(lambda: rescale([1])),
                rescale(image, 0, 5, 0, 0, np.uint8), upscale(np.abs(image) / 10, True),
                upscale(image.astype(np.uint8), True), upscale(flat.astype(np.uint16), False),
                common.check_type_and_cast_if_necessary(image.astype(np.uint8), True),
                attempt(lambda: common.check_type_and_cast_if_necessary(flat.astype(np.uint16), False))]


SCENARIOS["scaling"] = scaling


def palettes(library):
    from PIL import Image
    utils = import_module(f"{library}.utils.image_utils")
    utils.set_backend("PilBackend")
    picture = Image.fromarray(np.arange(12, dtype=np.uint8).reshape(3, 4) % 4, mode="P")
    picture.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0, 255])
    result = []
    with tempfile.TemporaryDirectory() as folder:
        for name, options in (("a.png", {}), ("b.png", {"transparency": 1}), ("c.gif", {})):
            path = os.path.join(folder, name)
            picture.save(path, **options)
            for kept in (False, True):
                result.append([seen(utils.imread(path, return_palette_indices=kept)),
                               seen(utils.imread(path, grayscale=True, return_palette_indices=kept))])
        for mode in ("1", "LA", "I;16", "I", "F", "CMYK"):
            path = os.path.join(folder, f"{mode[0]}.tif")
            Image.new(mode, (4, 3), 1).save(path)
            result.append([mode, attempt(lambda: seen(utils.imread(path))),
                           attempt(lambda: seen(utils.imread(path, num_channels=3))),
                           attempt(lambda: seen(utils.imread(path, grayscale=True)))])
    utils.set_backend("")
    return result


SCENARIOS["palettes"] = palettes


def dicom(library):
    """Gray pictures of 8 and 16 bits through the window that DICOM files declare."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian
    utils = import_module(f"{library}.utils.image_utils")
    result = []
    with tempfile.TemporaryDirectory() as folder:
        for bits, extra in ((8, {}), (16, {}), (16, {"WindowCenter": 500, "WindowWidth": 600}),
                            (16, {"WindowCenter": 100, "WindowWidth": 300, "RescaleSlope": 2, "RescaleIntercept": -50}),
                            (8, {"PhotometricInterpretation": "MONOCHROME1"})):
            record = Dataset()
            record.file_meta = FileMetaDataset()
            record.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
            record.file_meta.MediaStorageSOPClassUID = record.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
            pixels = np.arange(12, dtype=f"uint{bits}").reshape(3, 4) * (20 if bits == 8 else 90)
            values = {"Rows": 3, "Columns": 4, "BitsAllocated": bits, "BitsStored": bits, "HighBit": bits - 1,
                      "SamplesPerPixel": 1, "PixelRepresentation": 0, "PhotometricInterpretation": "MONOCHROME2",
                      "PixelData": pixels.tobytes(), **extra}
            for key, value in values.items():
                setattr(record, key, value)
            record["PixelData"].VR = "OW" if bits == 16 else "OB"
            path = os.path.join(folder, "x.dcm")
            record.save_as(path, enforce_file_format=True)
            result.append([utils.imread(path), utils.imread(path, channel_first=True).shape,
                           utils.imread(path, size=(8, 6)).shape])
    return result


SCENARIOS["DicomBackend"] = dicom
