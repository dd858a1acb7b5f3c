"""Networks built for other batch sizes than they were saved for, recorded by ``tests/oracle/record_files.py batches``."""
import json

import pytest
from oracle import record_files

import nnabla_compat as nn

from . import batches

RECORDED = json.loads((record_files.FOLDER / "batches.json").read_text())


def same(ours, theirs):
    if isinstance(theirs, float):
        assert ours == pytest.approx(theirs, rel=1e-4, abs=1e-5)
    elif isinstance(theirs, list) and isinstance(ours, list):
        assert len(ours) == len(theirs)
        for a, b in zip(ours, theirs):
            same(a, b)
    else:
        assert ours == theirs


@pytest.mark.parametrize("variable", [True, False])
@pytest.mark.parametrize("name", batches.NETWORKS)
def test_as_recorded(name, variable, tmp_path):
    found = batches.results(nn, name, variable, str(tmp_path / "net.nnp"))
    for key, theirs in RECORDED[f"{name} {variable}"].items():
        same(found[key], theirs)


def test_all_are_recorded():
    assert set(RECORDED) == {f"{name} {variable}" for name in batches.NETWORKS for variable in (True, False)}
    results = [result for entry in RECORDED.values() for result in entry.values()]
    assert sum(isinstance(result, str) for result in results) < len(results) / 4
