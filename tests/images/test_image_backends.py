"""Image backends: the choice among them, and those that only some machines have."""
import io
import pathlib
import subprocess
import sys

import numpy as np
import pytest

from nnabla_compat.utils import image_utils
from nnabla_compat.utils.image_utils.backend_events.image_utils_backend import ImageUtilsBackend

pytest.importorskip("PIL")


@pytest.fixture(autouse=True)
def free_choice():
    yield
    image_utils.backend_manager.set_backend("")


def random_image(*shape, dtype=np.uint8):
    return np.random.RandomState(0).randint(0, np.iinfo(dtype).max + 1, shape).astype(dtype)


def test_nothing_optional_is_imported_before_use():
    code = ("import sys, nnabla_compat.utils.image_utils, nnabla_compat.monitor, nnabla_compat.utils.data_iterator\n"
            "print([m for m in ('PIL', 'cv2', 'png', 'matplotlib', 'google.protobuf') if m in sys.modules])")
    root = str(pathlib.Path(__file__).resolve().parents[2])
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root, timeout=120)
    assert done.stdout.strip() == "[]", done.stderr


def test_choosing_a_backend(tmp_path):
    assert "PilBackend" in image_utils.get_available_backends()
    image_utils.set_backend("PilBackend")
    assert image_utils.get_backend() == "PilBackend"
    image_utils.set_backend("no such backend")
    image_utils.imsave(str(tmp_path / "x.gif"), random_image(2, 2))
    image_utils.imread(str(tmp_path / "x.gif"))
    assert image_utils.get_backend() == "PilBackend"
    assert image_utils.backend_manager.get_backend_from_name("none") is None
    assert type(image_utils.backend_manager.get_backend_from_name("PilBackend")).__name__ == "PilBackend"


def test_paths_and_files(tmp_path):
    image, path = random_image(3, 4, 3), tmp_path / "x.png"
    image_utils.imwrite(path, image)
    with open(path, "rb") as file:
        stored = io.BytesIO(file.read())
    for source in (path, str(path), stored):
        assert np.array_equal(image_utils.imload(source), image)


def test_missing_library_names_the_extra(monkeypatch, tmp_path):
    monkeypatch.setattr(ImageUtilsBackend, "_installed", staticmethod(dict))
    with pytest.raises(ValueError, match=r"pip install nnabla-compat\[images\]"):
        image_utils.imread(str(tmp_path / "x.png"))


def test_channels_first_by_mistake_is_explained(tmp_path):
    with pytest.raises(ValueError, match="channel_first=True missing"):
        image_utils.imsave(str(tmp_path / "x.png"), np.zeros((3, 8, 8)))


@pytest.mark.parametrize("library, name", [("png", "PngBackend"), ("cv2", "Cv2Backend")])
@pytest.mark.parametrize("shape", [(5, 4), (5, 4, 3), (5, 4, 4)])
@pytest.mark.parametrize("wide", [False, True])
def test_backends_with_16_bits(library, name, shape, wide, tmp_path):
    pytest.importorskip(library)
    backend = image_utils.backend_manager.get_backend_from_name(name)
    image = random_image(*shape, dtype=np.uint16 if wide else np.uint8)
    path = str(tmp_path / "x.png")
    backend.imsave(path, image, as_uint16=wide)
    read = backend.imread(path, as_uint16=wide)
    assert read.dtype == image.dtype and np.array_equal(read, image)
    first = backend.imread(path, as_uint16=wide, channel_first=True, num_channels=3)
    assert first.shape == (3, 5, 4)
    gray = backend.imread(path, as_uint16=wide, grayscale=True, num_channels=1)
    assert gray.shape == (5, 4, 1)
    if len(shape) == 2:
        assert np.array_equal(gray[..., 0], image)
    backend.imsave(path, image.astype(np.float32) / np.iinfo(image.dtype).max, as_uint16=wide)
    again = backend.imread(path, as_uint16=wide)
    assert np.abs(again.astype(int) - image).max() <= 1
    small = backend.imread(path, as_uint16=wide, size=(2, 3))
    assert small.shape == (3, 2) + shape[2:] and small.dtype == image.dtype


def test_8_bits_as_16(tmp_path):
    image, path = random_image(3, 4), str(tmp_path / "x.png")
    image_utils.imsave(path, image)
    if not {"PngBackend", "Cv2Backend"} & set(image_utils.get_available_backends()):
        with pytest.raises(ValueError, match="pypng"):
            image_utils.imread(path, as_uint16=True)
        return
    assert np.array_equal(image_utils.imread(path, as_uint16=True), image.astype(np.uint16) * 256)


def test_a_backend_of_ones_own(tmp_path):
    class RawBackend(ImageUtilsBackend):
        def accept(self, path, ext, operator):
            return "Recommended" if ext == ".raw" else "NG"

        def imread(self, path, **options):
            return np.fromfile(path, np.uint8)

    try:
        np.arange(3, dtype=np.uint8).tofile(tmp_path / "x.raw")
        assert image_utils.imread(str(tmp_path / "x.raw")).tolist() == [0, 1, 2]
    finally:
        RawBackend.accept = lambda self, path, ext, operator: "NG"  # subclasses cannot be taken back
