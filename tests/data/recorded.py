"""Runs a scenario of ``tests/oracle/data_scenarios.py`` on this package and compares with the recording."""
import gzip
import importlib
import importlib.util
import json
import os

_TESTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")


def _scenarios():
    spec = importlib.util.spec_from_file_location(
        "data_scenarios", os.path.join(_TESTS, "oracle", "data_scenarios.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.SCENARIOS


SCENARIOS = _scenarios()


def recording(name):
    """What the real library did in a scenario."""
    with open(os.path.join(_TESTS, "corpus", "data", name + ".json.gz"), "rb") as file:
        return json.loads(gzip.decompress(file.read()))["result"]


def differences(name, tmp_path, equal=None):
    """Keys at which this package and the recording differ, with both values.

    ``equal(ours, theirs)`` may accept values that are not the same.
    """
    ours = SCENARIOS[name](lambda path: importlib.import_module("nnabla_compat." + path), str(tmp_path))
    ours, theirs = json.loads(json.dumps(ours)), recording(name)
    found = {}
    for key in {**ours, **theirs}:
        pair = ours.get(key, "missing"), theirs.get(key, "missing")
        same = json.dumps(pair[0]) == json.dumps(pair[1])  # as text NaN equals NaN
        if not (same or (equal is not None and equal(*pair))):
            found[key] = pair
    return found
