"""Every recorded call of every function as a torch module: values, and compilation without a graph break."""
import numpy as np
import pytest
import torch
from functions.differences import expected, tolerance
from functions.modes import agree
from functions.test_operators import exists, reader
from oracle import drive
from oracle.cases import CASES

import nnabla_compat as nn
from nnabla_compat import interop

pytestmark = pytest.mark.filterwarnings("ignore:reduce is deprecated")

# Why torch.compile can't take an operator in one graph.
HOST = "draws its random numbers on the host"
DATA = "what it computes next depends on values it has computed"
UNCOMPILED = {
    "rand_beta": HOST, "rand_gamma": HOST, "rand_binomial": HOST, "random_choice": HOST, "random_crop": HOST,
    "random_flip": HOST, "random_shift": HOST, "random_erase": HOST, "image_augmentation": HOST,
    "pack_padded_sequence": DATA, "pad_packed_sequence": DATA,
    "sink": "returns nothing that depends on its inputs",
}
if torch.__version__.startswith("2.4."):
    UNCOMPILED.update(dict.fromkeys(("nonzero", "bool_gather", "roi_align", "onnx_non_max_suppression"),
                                    "sizes that depend on values, which later releases of torch take"))


def modules(function):
    """(case, reader, torch module, input tensors) of each recorded call that builds a graph."""
    records = reader(function)
    for case in CASES[function]:
        entry = records.entries.get(case.key)
        if entry is None or case.auto or any(k in entry for k in ("died", "no_reference", "raises", "unsupported")):
            continue
        arrays = [records.get(r) for r in entry["inputs"]]
        try:
            xs = drive.variables(nn, case, arrays)
            ys = drive.build(nn, case, xs)
        except drive.Failed:
            continue        # tests/functions says whether it may
        if all(y.parent is not None for y in ys):
            tensors = [torch.from_numpy(np.array(a)) for a in arrays]
            yield case, [records.get(r) for r in entry["outputs"]], interop.graph_to_torch(xs, tuple(ys)), \
                [t.float() if t.dtype is torch.float64 else t for t in tensors]


@pytest.mark.parametrize("function", [f for f in CASES if exists(f)])
def test_values(function):
    for case, outputs, module, tensors in modules(function):
        if expected(function, "static", case.key):
            continue
        for _ in range(case.forwards):
            results = [r.detach().numpy() for r in module(*tensors)]
        if case.random or not case.stream or module_draws(module):
            assert [r.shape for r in results] == [o.shape for o in outputs], case.key
            continue
        found = []
        agree("output", [r.astype(o.dtype) for r, o in zip(results, outputs)], outputs, tolerance(function), found)
        assert not found, (case.key, found)


def module_draws(module):
    return any("rng" in step.arguments for step in module._programs[True][0].steps)


@pytest.mark.parametrize("function", [f for f in CASES if exists(f)])
def test_compiles_in_one_graph(function):
    for case, _, module, tensors in modules(function):
        torch._dynamo.reset()
        compiled = torch.compile(module, fullgraph=True, backend="eager")
        try:
            results = compiled(*[t.clone() for t in tensors])
        except Exception as error:
            assert function in UNCOMPILED, (case.key, error)
        else:
            assert function not in UNCOMPILED, f"{function} compiles, though listed: {UNCOMPILED[function]}"
            if not module_draws(module):
                for a, b in zip(results, module(*[t.clone() for t in tensors])):
                    assert torch.allclose(a, b, rtol=1e-4, atol=1e-5, equal_nan=True), case.key
        break
