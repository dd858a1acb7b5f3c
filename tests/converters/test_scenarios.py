"""Converted networks against those the real nnabla made."""
import json
from pathlib import Path

import pytest

from engine.plain_data import plain
from engine.test_scenarios import differences

from .scenarios import SCENARIOS

RECORDED = json.loads((Path(__file__).parents[1] / "corpus" / "converters.json").read_text())


def close(found):
    """Networks of some depth, in float32: let numbers differ a little more than single functions may."""
    left = []
    for text in found:
        try:
            expected, got = [float(v) for v in text.split(": expected ")[1].split(", got ")]
        except (IndexError, ValueError):
            left.append(text)
            continue
        if abs(expected - got) > 1e-4 + 1e-4 * abs(expected):
            left.append(text)
    return left


@pytest.mark.parametrize("name", list(SCENARIOS))
def test_scenario(name):
    result = json.loads(json.dumps(plain(SCENARIOS[name]("nnabla_compat"))))
    found = close(differences(RECORDED[name], result))
    assert not found, "\n".join(found)
