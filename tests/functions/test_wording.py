"""What users read: docstrings that describe every argument, and errors that say what to do."""
import inspect

import pytest

import nnabla_compat as nn
import nnabla_compat.functions as F
from oracle import drive
from oracle.cases import CASES

from .test_operators import exists, reader

PUBLIC = [f for f in CASES if "." not in f]


@pytest.mark.parametrize("function", PUBLIC)
def test_docstring_describes_every_argument(function):
    face = getattr(F, function)
    text = inspect.getdoc(face) or ""
    assert text and text.splitlines()[0].endswith("."), "no summary"
    missing = [n for n in inspect.signature(face).parameters
               if n not in ("n_outputs", "outputs") and f"{n}" not in text.partition("Args:")[2]]
    assert not missing, f"not described: {missing}"
    assert "Returns:" in text


@pytest.mark.parametrize("function", PUBLIC)
def test_errors_name_the_function_what_is_expected_and_what_came(function):
    if not exists(function):
        pytest.xfail("no such function yet: counted in docs/coverage.md")
    records = reader(function)
    for case in CASES[function]:
        entry = records.entries[case.key]
        if entry.get("raises") != ["build", "RuntimeError"]:
            continue
        with pytest.raises(drive.Failed) as caught:
            xs = drive.variables(nn, case, [records.get(r) for r in entry["inputs"]])
            drive.build(nn, case, xs)
        message = str(caught.value.error)
        name = "affine" if function == "dot" else function  # dot is made of affine
        assert name in message and "expected" in message and "received" in message, f"{case.key}: {message}"
