"""The programs, under the import alias, against the recorded results of the real nnabla."""
import importlib
import json
from pathlib import Path

import pytest

import nnabla_compat
from engine.plain_data import plain
from nnabla_compat.migrate import alias

from . import TOPICS
from .kit import PROGRAMS, TOLERANCE, differences, fresh

RECORDED = json.loads((Path(__file__).parents[1] / "corpus" / "programs.json").read_text())

alias.install()
try:
    for topic in TOPICS:
        importlib.import_module(f"{__package__}.{topic}")
finally:
    alias.uninstall()


@pytest.mark.parametrize("name", list(PROGRAMS))
def test_program(name, tmp_path, monkeypatch):
    fresh(nnabla_compat)
    monkeypatch.chdir(tmp_path)
    alias.install()
    try:
        result = json.loads(json.dumps(plain(PROGRAMS[name]())))
    finally:
        alias.uninstall()
        fresh(nnabla_compat)
    found = differences(RECORDED[name], result, rtol=TOLERANCE[name], atol=2e-6)
    assert not found, "\n".join(line[:300] for line in found[:10])
