"""State dicts of PyTorch that became parameter files again: nnabla read them and computed the same, as recorded."""
import json

import pytest
from oracle import record_conversions as conversions

RECORDED = json.loads(conversions.RECORD.read_text())


def test_every_fixture_was_read():
    assert set(RECORDED) == {f"{file} {network}" for file, network in conversions.networks()} and len(RECORDED) > 15
    for name, entry in RECORDED.items():
        assert entry["differences"] == dict.fromkeys(conversions.EXTENSIONS, 0.0), name


@pytest.mark.parametrize("file", sorted({file for file, _ in conversions.networks()}))
def test_the_same_is_written_today(file, tmp_path):
    found = conversions.convert(file, tmp_path)
    assert all(entry["digests"] == found for name, entry in RECORDED.items() if name.startswith(file + " "))
