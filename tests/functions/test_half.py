"""Calls under a half precision context, against what the original gave under one.

The original rounds after each operation where torch accumulates in float32, so tolerances are those of its sums.
"""
import functools

import numpy as np
import pytest

import nnabla_compat as nn
from oracle import drive
from oracle.cases import CASES
from oracle.corpus import ROOT, Reader

from nnabla_compat.ext_utils import get_extension_context

from .differences import HALF_TOLERANCES, expected
from .modes import agree, wide

TOLERANCE = 1e-2  # of values; three times that of gradients
TOLERANCES = {
    "mean_subtraction": 0.1,  # of a single sample, whose mean is itself: what is left is the original's rounding
}
NO_VALUES = {
    "deformable_convolution": "positions between pixels fall on the other side of one in the original's arithmetic",
    "mish": "the gradient of the original overflows to NaN at 5 already",
}
pytestmark = pytest.mark.filterwarnings("ignore:reduce is deprecated")


@functools.lru_cache
def records():
    reader = Reader(ROOT / "half", "operators")
    by_function = {}
    for function, cases in CASES.items():
        for case in cases:
            entry = reader.entries.get(case.key)
            if entry is not None and "fails" not in entry:
                by_function.setdefault(function, []).append((case, entry))
    return reader, by_function


def compare(function):
    reader, by_function = records()
    failures = []
    for case, entry in by_function[function]:
        found = differences(case, {part: [reader.get(r) for r in entry[part]]
                                   for part in ("outputs", "grads", "after") if part in entry})
        if found and not expected(function, "static", case.key):
            failures.append("\n    ".join([case.key] + found))
    return failures


def differences(case, recorded):
    found = []
    values = case.stream and case.function not in NO_VALUES
    tol = TOLERANCES.get(case.function, HALF_TOLERANCES.get(case.function, TOLERANCE))
    with nn.context_scope(get_extension_context("cpu", type_config="half")):
        xs = drive.variables(nn, case, case.draw_inputs())
        ys = drive.build(nn, case, xs)
        outputs = drive.forward(nn, case, ys)
        for i, (o, e) in enumerate(zip(outputs, recorded["outputs"])):
            if e.dtype != o.dtype and e.size:    # the original leaves an empty array as it was made
                found.append(f"output {i}: dtype {o.dtype}, expected {e.dtype}")
        if values:
            agree("output", [wide(o) for o in outputs], [wide(e) for e in recorded["outputs"]], tol, found)
        if "after" in recorded:
            after = [None if e is None else np.array(x.d).astype(np.float32) for x, e in zip(xs, recorded["after"])]
            agree("input after", after, [None if e is None else e.astype(np.float32) for e in recorded["after"]], tol, found)
        if "grads" in recorded and values:
            grads = drive.backward(nn, case, xs, ys, outputs)
            agree("gradient", [None if g is None else wide(g) for g in grads],
                  [None if g is None else wide(g) for g in recorded["grads"]], 3 * tol, found)
    return found


@pytest.mark.parametrize("function", sorted(records()[1]))
def test_recorded_in_half_precision(function):
    failures = compare(function)
    if failures:
        pytest.fail(f"{len(failures)} settings of {function} differ:\n" + "\n".join(failures), pytrace=False)


def test_output_that_is_a_buffer():
    """Buffers stay float32; what is given out of them has the dtype of the other results."""
    w, u = nn.Variable.from_numpy_array(np.eye(3, 4)), nn.Variable.from_numpy_array(np.ones(3, np.float32))
    with nn.context_scope(get_extension_context("cpu", type_config="half")):
        outputs = nn.functions.spectral_norm(w, u, output_u=True)
    nn.forward_all(outputs)
    assert [y.data.dtype for y in outputs] == [np.float16, np.float16] and u.data.dtype == np.float32
