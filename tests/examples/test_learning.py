"""The programs of examples/learning, run through the alias as users run them, against what nnabla 1.39 printed.

Each program asserts its own results: this compares them with nnabla's.
"""
import json
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
RECORDED = json.loads((ROOT / "tests" / "corpus" / "learning.json").read_text())


def printed(name):
    environment = dict(os.environ, OMP_NUM_THREADS="1",
                       PYTHONPATH=os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])))
    done = subprocess.run([sys.executable, "-m", "nnabla_compat", "run", str(ROOT / "examples" / "learning" / f"{name}.py")],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, timeout=600)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), RECORDED[name]


def close(ours, theirs, rtol, atol=1e-6):
    np.testing.assert_allclose(ours, theirs, rtol=rtol, atol=atol)


@pytest.mark.parametrize("program", sorted((ROOT / "examples" / "learning").glob("*.py")), ids=lambda p: p.stem)
def test_programs_name_nothing_of_this_package(program):
    assert "nnabla_compat" not in program.read_text().split('"""', 2)[2]


def test_gan():
    ours, theirs = printed("gan")
    close(ours["losses"], theirs["losses"], rtol=1e-4)      # the first steps: two players amplify last digits later
    assert ours["parameters"] == theirs["parameters"] and ours["submodules"] == theirs["submodules"]
    close(ours["mean"], theirs["mean"], rtol=0, atol=0.4)


def test_actor_critic():
    ours, theirs = printed("actor_critic")
    close(ours["losses"], theirs["losses"], rtol=1e-3)
    close(ours["returns"][:3], theirs["returns"][:3], rtol=1e-3)
    close(np.mean(ours["returns"][-5:]), np.mean(theirs["returns"][-5:]), rtol=0, atol=0.05)
    assert ours["parameters"] == theirs["parameters"]


def test_meta_learning():
    ours, theirs = printed("meta_learning")
    close(ours["losses"], theirs["losses"], rtol=1e-4)
    close(list(ours["gradient norms"].values()), list(theirs["gradient norms"].values()), rtol=0.05)
    close([ours["before"], ours["after"]], [theirs["before"], theirs["after"]], rtol=0.05)


def test_recompute():
    ours, theirs = printed("recompute")
    close(ours["losses"], theirs["losses"], rtol=1e-5)
    assert list(ours["parameters"]) == list(theirs["parameters"])
    close(list(ours["parameters"].values()), list(theirs["parameters"].values()), rtol=1e-3, atol=1e-4)
    assert ours["memory"]["recomputed"] < 1.3 * theirs["memory"]["recomputed"], (ours["memory"], theirs["memory"])


def test_mixed_precision():
    ours, theirs = printed("mixed_precision")
    close(ours["losses"], theirs["losses"], rtol=5e-3)
    assert ours["scales"][:40] == theirs["scales"][:40]
    close(ours["accuracy"], theirs["accuracy"], rtol=0, atol=0.02)
