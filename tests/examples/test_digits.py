"""The digits example, run through the alias as a user runs it, against the curve that nnabla 1.39 gave."""
import json
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "examples" / "digits" / "train_digits.py"
RECORD = json.loads((ROOT / "tests" / "corpus" / "digits" / "curve.json").read_text())


def run(out, *arguments):
    environment = dict(os.environ, OMP_NUM_THREADS="1",
                       PYTHONPATH=os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])))
    done = subprocess.run([sys.executable, "-m", "nnabla_compat", "run", str(SCRIPT), "--out", str(out), *arguments],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, timeout=600)
    assert done.returncode == 0, done.stderr
    return done


def series(path):
    return np.loadtxt(path, ndmin=2)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    out = tmp_path_factory.mktemp("digits")
    return out, run(out)


def test_script_names_nothing_of_this_package():
    code = SCRIPT.read_text().split('"""', 2)[2]
    assert "nnabla_compat" not in code


def test_first_fifty_losses_are_nnablas(whole):
    losses = series(whole[0] / "Training-loss.series.txt")[:50, 1]
    np.testing.assert_allclose(losses, RECORD["losses"][:50], rtol=1e-3)


def test_final_accuracy_is_nnablas(whole):
    accuracy = series(whole[0] / "Test-accuracy.series.txt")
    assert accuracy[-1, 1] >= 0.98
    assert abs(accuracy[-1, 1] - RECORD["test_accuracy"][-1][1]) <= 0.01
    np.testing.assert_array_equal(accuracy[:, 0], [index for index, _ in RECORD["test_accuracy"]])


def test_says_where_everything_is(whole):
    out, done = whole
    assert "unseen digits right" in done.stdout
    assert str(out / "digits.h5") in done.stdout
    assert (out / "digits.h5").stat().st_size > 50_000
    assert (out / "Training-time.timer.txt").read_text().count("\n") == 40


def test_draws_the_curve(whole):
    pytest.importorskip("matplotlib")
    assert (whole[0] / "learning_curve.png").read_bytes().startswith(b"\x89PNG")


def test_parameters_read_as_nnablas(whole):
    """Names and shapes that nnabla gives these Modules."""
    import h5py
    with h5py.File(whole[0] / "digits.h5", "r") as f:
        assert f["@stem/conv/W"].shape == (16, 1, 3, 3)
        assert f["@unit2/@shortcut/bn/gamma"].shape == (1, 32, 1, 1)
        assert f["affine/W"].shape == (32, 10)


def test_runs_without_the_optional_libraries(tmp_path):
    blocked = tmp_path / "blocked"
    blocked.mkdir()
    for name in ("tqdm", "matplotlib"):
        (blocked / f"{name}.py").write_text(f"raise ImportError('no {name} here')\n")
    environment = dict(os.environ, OMP_NUM_THREADS="1", PYTHONPATH=os.pathsep.join([str(blocked), str(ROOT)]))
    done = subprocess.run([sys.executable, "-m", "nnabla_compat", "run", str(SCRIPT), "--out", str(tmp_path / "out"),
                           "--stop-after", "12"],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "not drawn" in done.stdout and "step 11/12" in done.stdout
