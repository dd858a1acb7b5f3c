"""The package's names and signatures against the inventory of nnabla 1.39, and its coverage page."""
import difflib
import importlib.util
import json
import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def coverage():
    spec = importlib.util.spec_from_file_location("coverage_page", ROOT / "tools" / "coverage.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def names(coverage):
    return coverage.compare_names()


@pytest.fixture(scope="module")
def page(coverage):
    return coverage.PAGE.read_text()


def test_missing_names_do_not_increase(names, page):
    allowed = int(re.search(r"Missing names: (\d+)", page).group(1))
    assert names.missing_count <= allowed, f"{names.missing_count} names missing, {allowed} at the last count: {names.missing}"


def test_no_signature_drifts_unnoticed(names, page):
    unlisted = {k: v for k, v in names.drift.items() if f"| `{k}` |" not in page}
    assert not unlisted, "signatures differ from nnabla's (theirs, ours); correct them or run tools/coverage.py"


def test_page_is_current(coverage, names, page):
    current = coverage.stable(coverage.render(names, coverage.operator_rows(measure=False)))
    old, new = coverage.stable(page).splitlines(), current.splitlines()
    changes = [line for line in difflib.unified_diff(old, new, "docs/coverage.md", "now", n=0, lineterm="")]
    assert not changes, "docs/coverage.md is not current: run python tools/coverage.py\n" + "\n".join(changes[:40])


def test_every_operator_has_cases():
    from functions.test_operators import reader
    from oracle.cases import CASES

    types = {t for f in CASES for e in reader(f).entries.values() for t in e.get("types", [])}
    with open(pathlib.Path(__file__).parent / "operators.json") as f:
        operators = json.load(f)
    without = {"SyncBatchNormalization"}  # cannot be built without MPI; tested against BatchNormalization
    assert not set(operators) - types - without


def test_every_operator_has_enough_settings():
    from functions.test_operators import reader
    from oracle.cases import CASES

    with open(pathlib.Path(__file__).parent / "operators.json") as f:
        operators = json.load(f)
    few = {}
    for function in operators.values():
        compared = [e for e in reader(function).entries.values() if "built" in e and "raises" not in e] if function in CASES else []
        if len(compared) < 8 and function != "sync_batch_normalization":
            few[function] = len(compared)
    assert not few, "operators with less than 8 settings that the original accepts"
