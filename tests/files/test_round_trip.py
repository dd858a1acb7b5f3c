"""Every recorded call of every function, as a graph that is saved, loaded and run again."""
import functools
import io

import numpy as np
import pytest

import nnabla_compat as nn
from nnabla_compat.core import graph_def
from nnabla_compat.engine import tape
from nnabla_compat.registry import OPERATORS
from oracle import drive
from oracle.cases import CASES
from oracle.corpus import ROOT, Reader

ELSEWHERE = {"Sink": "a root without values, which files leave out"}


@functools.lru_cache(maxsize=4)
def reader(function):
    return Reader(ROOT / "operators", function)


def fresh(arrays):
    return [nn.Variable.from_numpy_array(a.copy()) for a in arrays]


def leaves_of(ys):
    found = {}
    for function in tape.ordered_functions(ys):
        for v in function.inputs:
            if v.parent is None:
                found.setdefault(id(v.data), v)
    return list(found.values())


def run(ys):
    nn.seed(drive.STREAM_SEED)
    nn.forward_all(ys) if len(ys) > 1 else ys[0].forward()
    return [np.array(y.d) for y in ys]


def round_trip(case, arrays, seen):
    """Outputs of the graph and of the graph loaded from its file; None where there is no graph to save."""
    nn.seed(drive.STREAM_SEED)
    return trip(drive.listed(drive.call(nn, case, fresh(arrays))), seen)


def trip(ys, seen):
    ys = list({id(y.data): y for y in ys}.values())
    functions = tape.ordered_functions(ys)
    if any(y.parent is None for y in ys) or any(f.name not in OPERATORS or f.name == "Sink" for f in functions):
        return None
    leaves = leaves_of(ys)
    values = [np.array(v.d) for v in leaves]
    names = {f"in{i}": v for i, v in enumerate(leaves)}
    names.update({f"out{i}": v for i, v in enumerate(ys)})
    graph = graph_def.create_graph_from_variable("net", ys, names)
    file = io.StringIO()
    graph_def.save(file, [graph], extension=".nntxt", variable_batch_size=False)
    expected = run(ys)
    loaded = graph_def.load(file, extension=".nntxt")
    network = loaded.default_graph()
    assert [f.name for f in network.functions.values()] == [f.name for f in graph.default_graph().functions.values()]
    # A data-dependent function looks at its inputs while the graph is built.
    made = loaded(*[nn.Variable.from_numpy_array(values[int(name[2:])]) for name in network.inputs])
    seen.update(f.type for f in network.functions.values())
    variables = [network.variables[f"out{i}"].variable_instance for i in range(len(ys))]
    assert made is not None
    return expected, run(variables)


SEEN = {}


def exists(function):
    place, _, name = function.rpartition(".")
    return place == "array" or hasattr(getattr(nn, place or "functions"), name)


@pytest.mark.filterwarnings("ignore:reduce is deprecated")
@pytest.mark.parametrize("function", CASES)
def test_round_trip(function):
    if not exists(function):
        pytest.skip("no such function")
    seen = SEEN[function] = set()
    records, count = reader(function), 0
    for case in CASES[function]:
        entry = records.entries.get(case.key)
        if entry is None or case.bad or any(k in entry for k in ("died", "raises")) or "inputs" not in entry:
            continue
        try:
            found = round_trip(case, [records.get(r) for r in entry["inputs"]], seen)
        except Exception as error:
            error.args = (f"{case.key}: {error}",)
            raise
        if found is None:
            continue
        count += 1
        for expected, actual in zip(*found, strict=True):
            assert actual.dtype == expected.dtype and actual.shape == expected.shape, case.key
            # Arguments of type float are float32 in a file, so a result may move by a rounding.
            np.testing.assert_allclose(actual.astype(float), expected.astype(float), 1e-5, 1e-6, err_msg=case.key)


def test_synchronised_batch_normalization():
    seen = SEEN["sync_batch_normalization"] = set()
    x = nn.Variable.from_numpy_array(np.random.RandomState(0).randn(4, 3, 2))
    rest = [nn.Variable.from_numpy_array(np.full((1, 3, 1), v)) for v in (0.1, 1.2, 0.0, 1.0)]
    y = nn.function_bases.sync_batch_normalization(x, *rest, comm=None, group="world", axes=(1,), batch_stat=False)
    expected, actual = trip([y], seen)
    np.testing.assert_array_equal(actual[0], expected[0])


def test_every_operator_made_the_trip():
    """Runs last in a process that ran the tests above; a process that ran part of them cannot tell."""
    if len(SEEN) < len([f for f in CASES if exists(f)]):
        pytest.skip("only a part of the calls was made in this process")
    missing = set(OPERATORS) - set().union(*SEEN.values()) - set(ELSEWHERE)
    assert not missing
