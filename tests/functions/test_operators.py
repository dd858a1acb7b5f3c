"""Every recorded call of every function, repeated through this package in each mode."""
import functools

import pytest

import nnabla_compat as nn
import nnabla_compat.function_bases
import nnabla_compat.functions
from oracle.cases import CASES
from oracle.corpus import ROOT, Reader

from .differences import EXPECTED, TOLERANCES, expected
from .modes import MODES, Recorded

pytestmark = pytest.mark.filterwarnings("ignore:reduce is deprecated")


@functools.lru_cache(maxsize=4)
def reader(function):
    return Reader(ROOT / "operators", function)


def run(function, mode, errors=None):
    """(number of cases compared, list of failures) of one function in one mode."""
    records, compared, failures = reader(function), 0, []
    for case in CASES[function]:
        entry = records.entries.get(case.key)
        if entry is None or "died" in entry or "no_reference" in entry:
            continue
        reason = expected(function, mode, case.key)
        found = MODES[mode](Recorded(case, entry, records), None if reason else errors)
        if found is None:
            continue
        compared += 1
        if reason and not found:
            failures.append(f"{case.key}\n    agrees with the original, though listed as different: {reason}")
        elif found and not reason:
            failures.append("\n    ".join([case.key] + found))
    return compared, failures


def exists(function):
    place, _, name = function.rpartition(".")
    return place == "array" or hasattr(getattr(nn, place or "functions"), name)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("function", CASES)
def test_recorded(function, mode):
    if not exists(function):
        pytest.xfail("no such function yet: docs/coverage.md counts the missing names, and the number may only fall")
    compared, failures = run(function, mode)
    if failures:
        pytest.fail(f"{len(failures)} of {compared} settings of {function} ({mode}) differ:\n" + "\n".join(failures), pytrace=False)


def test_every_case_is_recorded():
    missing = [c.key for f in CASES for c in CASES[f] if not (ROOT / "operators" / f"{f}.json").exists() or c.key not in reader(f).entries]
    assert not missing, f"{len(missing)} cases have no record (run tests/oracle/record.py operators): {missing[:20]}"


def test_lists_of_differences_name_existing_cases():
    assert not set(TOLERANCES) - set(CASES)
    for name, modes, start, _ in EXPECTED:
        assert set(modes.split()) <= set(MODES), (name, modes)
        assert any(c.key.startswith(start) for c in CASES[name]), (name, modes, start)
