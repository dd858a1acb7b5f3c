"""Data sources, iterators, monitors, images, audio and extensions against recordings of the real nnabla."""
import os
import sys

import numpy as np
import pytest
import torch

from nnabla_compat.utils.image_utils import backend_manager
from nnabla_compat.utils.image_utils.backend_events.image_utils_backend import ImageUtilsBackend

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from recorded import SCENARIOS, differences, recording  # noqa: E402

IMAGES = {"monitor_images", "image_files", "image_resizing"}


def nearly_equal_images(ours, theirs):
    """Resized pixels differ in the last place between versions of Pillow, by a little more where alpha is involved."""
    if not (isinstance(ours, list) and isinstance(theirs, list)):
        return False
    (dtype, shape, values), (their_dtype, their_shape, their_values) = ours, theirs
    tolerance = {"uint8": dict(rtol=0, atol=3), "uint16": dict(rtol=0, atol=1)}.get(dtype, dict(rtol=1e-5, atol=1e-6))
    return (dtype, shape) == (their_dtype, their_shape) and np.allclose(values, their_values, **tolerance)


def equal_audio(ours, theirs):
    """float32 is scaled in float64 by numpy 2; when a short piece is stretched, nnabla gives too few samples."""
    if not (isinstance(ours, list) and isinstance(theirs, list)):
        return False
    (dtype, (samples, channels), values), (their_dtype, (their_samples, their_channels), their_values) = ours, theirs
    exact = dict(rtol=1e-5, atol=1e33) if dtype == "float32" else dict(rtol=0, atol=0)
    return ((dtype, channels) == (their_dtype, their_channels) and 0 <= samples - their_samples <= 2
            and np.allclose(values[:len(their_values)], their_values, **exact))


TOLERANCES = {"image_resizing": nearly_equal_images, "audio": equal_audio}


@pytest.mark.parametrize("name", SCENARIOS)
def test_same_as_nnabla(name, tmp_path, monkeypatch):
    if name in IMAGES:
        pytest.importorskip("PIL")
        # recorded with Pillow alone
        pillow = backend_manager.get_backend_from_name("PilBackend")
        monkeypatch.setattr(ImageUtilsBackend, "_installed", staticmethod(lambda: {"PilBackend": type(pillow)}))
    if name == "extensions" and torch.cuda.is_available():
        pytest.skip("recorded where the cuda extensions are missing")
    found = differences(name, tmp_path, TOLERANCES.get(name))
    shown = "\n".join(f"{key}\n  ours   {ours}\n  theirs {theirs}"[:600] for key, (ours, theirs) in
                      list(found.items())[:5])
    assert not found, f"{len(found)} of {len(recording(name))} results differ:\n{shown}"


def test_every_recording_has_a_scenario():
    folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "corpus", "data")
    assert {name.split(".")[0] for name in os.listdir(folder)} == set(SCENARIOS)
