"""benchmarks/operators.py times every operator, and each of its calls runs."""
import pathlib
import sys

import pytest

import nnabla_compat as nn
from nnabla_compat.registry import OPERATORS

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent.parent / "benchmarks"))
import operator_cases  # noqa: E402
import operators  # noqa: E402


def test_every_operator_is_timed():
    assert set(operator_cases.CASES) == {op.name for op in OPERATORS.values()}
    assert len(operator_cases.COMMON) >= 60


@pytest.mark.parametrize("name", operators.SUBJECTS)
def test_call_runs(name):
    case = operators.SUBJECTS[name]
    subject = (operators.Dynamic if name in operator_cases.AT_ONCE else operators.Graph)(nn, case)
    subject.forward()
    if subject.wanted:
        subject.training()
