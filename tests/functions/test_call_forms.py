"""Every function called by position, by keyword, by keywords in another order, and with defaults only.

The calls are generated from the recorded settings; all forms must build the same function.
"""
import functools
import inspect
import random

import numpy as np
import pytest

import nnabla_compat as nn
import nnabla_compat.functions as F
from oracle import drive
from oracle.cases import CASES

from .test_operators import exists, reader

FUNCTIONS = [f for f in CASES if not f.startswith("array.")]
pytestmark = pytest.mark.filterwarnings("ignore:reduce is deprecated")


def find(function):
    return getattr(drive.module(nn, "function_bases"), function.split(".")[1]) if "." in function else getattr(F, function)


def settings(function):
    """Recorded calls that work as graphs, the richest in arguments first."""
    entries = reader(function).entries
    good = [c for c in CASES[function] if not c.bad and not c.auto and "outputs" in entries.get(c.key, {})]
    return sorted(good, key=lambda c: -len(c.kwargs) - len(c.args))


def evaluate(function, args, kwargs):
    """What a call computes, and what its function says of itself."""
    nn.seed(drive.STREAM_SEED)
    ys = drive.listed(find(function)(*args, **kwargs))
    about = drive.describe(ys) if ys[0].parent is not None else None
    if ys[0].parent is not None:
        nn.forward_all(ys)
    return about, [np.array(y.d) for y in ys]


def agree(a, b):
    return a[0] == b[0] and len(a[1]) == len(b[1]) and all(np.array_equal(x, y, equal_nan=x.dtype.kind == "f") for x, y in zip(a[1], b[1]))


@pytest.mark.parametrize("function", FUNCTIONS)
def test_forms(function):
    if not exists(function):
        pytest.xfail("no such function yet: counted in docs/coverage.md")
    chosen = settings(function)
    if not chosen:
        pytest.skip("no setting that the original computes")
    case = chosen[0]
    signature = inspect.signature(find(function))
    variadic = [p.name for p in signature.parameters.values() if p.kind is p.VAR_POSITIONAL]
    arrays = reader(function)
    inputs = [arrays.get(r) for r in arrays.entries[case.key]["inputs"]]

    def bind():
        args, kwargs = case.fill([nn.Variable.from_numpy_array(a) for a in inputs])
        return signature.bind(*args, **kwargs)

    def call(form):
        bound = bind()
        if form == "as declared":
            return evaluate(function, bound.args, bound.kwargs)
        named = dict(bound.arguments)
        first = named.pop(variadic[0]) if variadic else ()
        if form == "by position":
            if variadic:
                return evaluate(function, first, named)
            bound.apply_defaults()
            return evaluate(function, bound.args, bound.kwargs)
        names = list(named)
        if form == "shuffled keywords":
            random.Random(5).shuffle(names)
        return evaluate(function, first, {n: named[n] for n in names})

    expected = call("as declared")
    for form in ("by position", "by keyword", "shuffled keywords"):
        assert agree(call(form), expected), f"{case.key} differs when called {form}"


@functools.lru_cache(maxsize=None)
def defaults(function):
    """nnabla's own defaults of a function's arguments, from the inventory of names."""
    import json
    import pathlib

    with open(pathlib.Path(__file__).resolve().parent.parent / "names" / "nnabla-1.39.0.json") as f:
        inventory = json.load(f)
    module, name = (function.split(".") if "." in function else ("functions", function))
    return eval(f"lambda {inventory['nnabla.' + module][name][1:-1].replace('<class ', '').replace('>', '')}: None", {})


@pytest.mark.parametrize("function", FUNCTIONS)
def test_defaults_only(function):
    """Leaving every optional argument out is the same as writing nnabla's defaults."""
    if not exists(function):
        pytest.xfail("no such function yet: counted in docs/coverage.md")
    theirs = inspect.signature(defaults(function)).parameters
    optional = {n: p.default for n, p in theirs.items() if p.default is not p.empty and n not in ("n_outputs", "outputs")}
    if function == "quantize_linear":
        optional["dtype"] = np.int8
    if any(p.kind is p.VAR_POSITIONAL for p in theirs.values()) or not optional:
        pytest.skip("no optional arguments")
    here = inspect.signature(find(function))
    arrays = reader(function)
    for case in reversed(settings(function)):
        try:
            bound = here.bind(*case.args, **case.kwargs)
        except TypeError:
            continue
        if not set(bound.arguments) & set(optional):
            break
    else:
        pytest.skip("no recorded setting leaves all optional arguments out")
    results = []
    for extra in ({}, optional):
        inputs = [nn.Variable.from_numpy_array(arrays.get(r)) for r in arrays.entries[case.key]["inputs"]]
        args, kwargs = case.fill(inputs)
        results.append(evaluate(function, args, {**kwargs, **extra}))
    assert agree(*results), f"{case.key}: leaving {sorted(optional)} out differs from nnabla's defaults"
