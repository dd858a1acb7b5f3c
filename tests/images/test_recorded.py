"""The image backends against the recorded answers of the real nnabla."""
import json
from pathlib import Path

import pytest

from engine.plain_data import plain
from engine.test_scenarios import differences

from .scenarios import LIBRARIES, SCENARIOS

pytest.importorskip("PIL")
RECORDED = json.loads((Path(__file__).parents[1] / "corpus" / "images.json").read_text())


@pytest.mark.parametrize("name", list(SCENARIOS))
def test_scenario(name):
    pytest.importorskip(LIBRARIES.get(name.split()[0], "PIL"))
    result = json.loads(json.dumps(plain(SCENARIOS[name]("nnabla_compat"))))
    found = differences(RECORDED[name], result)
    assert not found, "\n".join(found[:20])
