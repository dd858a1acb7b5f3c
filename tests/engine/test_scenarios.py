"""Engine behaviour against the recorded answers of the real nnabla."""
import json
import math
from pathlib import Path

import pytest

import nnabla_compat as nn
import nnabla_compat.functions as F

from . import SCENARIOS
from .plain_data import plain

RECORDED = json.loads((Path(__file__).parents[1] / "corpus" / "engine.json").read_text())


def differences(expected, got, path="result"):
    """Where two results differ: numbers beyond 1e-5 relative, everything else at all."""
    if isinstance(expected, float) or isinstance(got, float):
        if not (isinstance(expected, (int, float)) and isinstance(got, (int, float))):
            return [f"{path}: expected {expected!r}, got {got!r}"]
        if expected == got or (math.isnan(expected) and math.isnan(got)):
            return []
        return [] if abs(expected - got) <= 1e-6 + 1e-5 * abs(expected) else [f"{path}: expected {expected}, got {got}"]
    if type(expected) is not type(got):
        return [f"{path}: expected {expected!r}, got {got!r}"]
    if isinstance(expected, dict):
        if expected.keys() != got.keys():
            return [f"{path}: expected keys {sorted(expected)}, got {sorted(got)}"]
        return [d for k in expected for d in differences(expected[k], got[k], f"{path}.{k}")]
    if isinstance(expected, list):
        if len(expected) != len(got):
            return [f"{path}: expected {expected}, got {got}"]
        return [d for i, (e, g) in enumerate(zip(expected, got)) for d in differences(e, g, f"{path}[{i}]")]
    return [] if expected == got else [f"{path}: expected {expected!r}, got {got!r}"]


@pytest.mark.parametrize("name", list(SCENARIOS))
def test_scenario(name):
    result = json.loads(json.dumps(plain(SCENARIOS[name](nn, F))))
    found = differences(RECORDED[name], result)
    assert not found, "\n".join(found)
