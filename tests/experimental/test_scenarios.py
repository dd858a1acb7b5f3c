"""nnabla.experimental and backward functions against recorded answers of the real nnabla."""
import json
from pathlib import Path

import pytest

from converters.test_scenarios import close
from engine.plain_data import plain
from engine.test_scenarios import differences

from .scenarios import SCENARIOS

RECORDED = json.loads((Path(__file__).parents[1] / "corpus" / "experimental.json").read_text())


@pytest.mark.parametrize("name", list(SCENARIOS))
def test_scenario(name):
    result = json.loads(json.dumps(plain(SCENARIOS[name]("nnabla_compat"))))
    found = close(differences(RECORDED[name], result))
    assert not found, "\n".join(found)
