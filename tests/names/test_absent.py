"""Every module of nnabla is here, or says why not."""
import importlib
import json
import pathlib
import subprocess
import sys

import pytest

import nnabla_compat
from nnabla_compat.absent import ABSENT

MODULES = json.loads((pathlib.Path(__file__).parent / "modules.json").read_text())


def listed(name):
    parts = name.split(".")
    return any(".".join(parts[1:end]) in ABSENT for end in range(2, len(parts) + 1))


@pytest.mark.parametrize("name", MODULES)
def test_module_is_here_or_says_why_not(name):
    ours = name.replace("nnabla", "nnabla_compat", 1)
    if listed(name):
        with pytest.raises(ModuleNotFoundError, match="is not here: .*[.] .*[.]$"):
            importlib.import_module(ours)
    else:
        assert importlib.util.find_spec(ours) is not None


def test_nothing_is_listed_that_nnabla_does_not_have():
    assert {f"nnabla.{name}" for name in ABSENT} <= set(MODULES)


def test_under_the_alias_and_for_other_names():
    code = ("import nnabla_compat; nnabla_compat.install()\n"
            "for name in ('nnabla.utils.converter.nnablart.csrc', 'nnabla._array', 'nnabla.nothing'):\n"
            "    try:\n        __import__(name)\n    except ModuleNotFoundError as e:\n        print(e)\n")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120,
                          cwd=pathlib.Path(nnabla_compat.__file__).parents[1])
    first, second, third = done.stdout.splitlines()
    assert "utils.converter.nnablart is not here" in first and "ONNX" in first
    assert "compiled core" in second and third == "No module named 'nnabla.nothing'"
