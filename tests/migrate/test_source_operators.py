"""Recorded calls of every function, written as PyTorch source and run by a process that has nothing but torch.

One network for each call, all its arrays being inputs; and, where there are several, another one in which all but the
first are parameters, so that layers of torch.nn hold them. Outputs and gradients are those that nnabla gave.
"""
import itertools
import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch
from functions.differences import tolerance
from functions.modes import agree
from files.test_round_trip import exists, leaves_of, reader
from oracle import drive
from oracle.cases import CASES

import nnabla_compat as nn
from nnabla_compat.engine import tape
from nnabla_compat.migrate import source_export
from nnabla_compat.migrate.network_file import NetworkFile
from nnabla_compat.migrate.source_formulas import UNWRITTEN
from nnabla_compat.registry import OPERATORS
from nnabla_compat.utils.save import save

pytestmark = pytest.mark.filterwarnings("ignore:reduce is deprecated")

# At most this many calls of each function: the others differ in numbers.
CALLS = 4

# Functions whose source does something else, and why. One that agrees fails the test.
DIFFERENT = {
    "sort": "torch's gradient is the correct one; nnabla takes that of the output at the sort index",
    "mod2": "integers: source does not know the type of inputs; nnabla's remainder of those has the divisor's sign",
}

RUN = '''
import pathlib, sys
import torch
sys.modules["nnabla_compat"] = sys.modules["numpy.random"] = None
torch.set_num_threads(1)
for folder in sorted(pathlib.Path().glob("*-*")):
    module = {"__name__": "model", "__file__": str(folder / "model.py")}
    found = {}
    try:
        exec((folder / "model.py").read_text(), module)
        given = torch.load(folder / "given.pt")
        model = module["load"]().train(given["training"])
        inputs = [x.requires_grad_() if wanted else x for x, wanted in zip(given["inputs"], given["need_grad"])]
        outputs = model(*inputs)
        outputs = [outputs] if isinstance(outputs, torch.Tensor) else list(outputs)
        found["outputs"] = [y.detach() for y in outputs]
        pairs = [(y, g) for y, g in zip(outputs, given["gradients"]) if g is not None and y.requires_grad]
        if pairs:
            torch.autograd.backward(*zip(*pairs))
        found["gradients"] = {name: p.grad for name, p in model.named_parameters()}
        found["gradients"].update({f"input {i}": x.grad for i, x in enumerate(inputs)})
    except Exception as error:
        found["error"] = f"{type(error).__name__}: {error}"
    torch.save(found, folder / "found.pt")
'''


def usable(function):
    """(case, record) of calls that compute something which can be compared."""
    record = reader(function)
    for case in CASES[function]:
        entry = record.entries.get(case.key)
        if entry is not None and not (case.bad or case.auto or case.random or not case.stream or case.forwards > 1) and \
                not any(k in entry for k in ("died", "raises", "unsupported", "no_reference")):
            yield case, entry


FUNCTIONS = [f for f in CASES if exists(f)]


@pytest.mark.parametrize("part", range(4))
def test_recorded_calls(part, tmp_path):
    """Every function of which any call can be written; which cannot, UNWRITTEN says by operator."""
    made, refused, numbers = {}, {}, itertools.count()
    for function in FUNCTIONS[part::4]:
        for parameters in (False, True):
            for case, entry in list(usable(function))[:CALLS]:
                folder = tmp_path / f"{next(numbers)}-{parameters}"
                types = written(folder, case, entry, reader(function).get, parameters)
                if types == []:
                    made[folder] = (function, case, entry)
                elif types:
                    shutil.rmtree(folder)
                    refused.setdefault(function, set()).update(types)
    (tmp_path / "run.py").write_text(RUN)
    done = subprocess.run([sys.executable, "run.py"], cwd=tmp_path, capture_output=True, text=True)
    assert not done.returncode, done.stderr
    found = {}
    for folder, (function, case, entry) in made.items():
        text = difference(folder, function, case, entry)
        if text:
            found.setdefault(function, []).append((case.key, text))
    unexpected = {f: texts for f, texts in found.items() if f not in DIFFERENT}
    assert not unexpected, unexpected
    assert set(found) == set(DIFFERENT) & set(FUNCTIONS[part::4])
    exported = {function for function, _, _ in made.values()}
    unexplained = {f: types for f, types in refused.items() if f not in exported and not types & {*UNWRITTEN, "reads values"}}
    assert not unexplained and len(exported) > 30


def difference(folder, function, case, entry):
    """What the source in a folder computed otherwise than nnabla; empty if nothing."""
    result, get = torch.load(folder / "found.pt"), reader(function).get
    if "error" in result:
        return result["error"]
    found, recorded = [], [get(r) for r in entry["outputs"]]
    agree("output", [y.numpy().astype(o.dtype) for y, o in zip(result["outputs"], recorded)], recorded, tolerance(function), found)
    where, pairs = json.loads((folder / "where.json").read_text()), []
    for i, reference in enumerate(entry.get("grads", ())):
        e, name = get(reference), where[str(i)]
        if e is not None and name in result["gradients"]:
            g = result["gradients"][name]
            g = np.zeros_like(e) if g is None else g.numpy()
            transposed = name.endswith("weight") and e.ndim > 1 and g.shape == (e[0].size, len(e))     # an affine layer's
            pairs.append(((g.T if transposed else g).reshape(e.shape), e))
    agree("gradient", [g for g, _ in pairs], [e for _, e in pairs], tolerance(function), found)
    return "; ".join(found)


def written(folder, case, entry, get, parameters):
    """Write the source of a call into a folder; returns the operators that cannot be written, None where there is no graph."""
    nn.clear_parameters()
    arrays = [get(r) for r in entry["inputs"]]
    if parameters and len(arrays) < 2:
        return None
    xs = drive.variables(nn, case, arrays)
    try:
        ys = drive.build(nn, case, xs)
    except drive.Failed:
        return None
    functions = tape.ordered_functions(ys)
    if len({id(y.data) for y in ys}) < len(ys) or any(y.parent is None for y in ys) or \
            any(f.name not in OPERATORS or f.name == "Sink" for f in functions):
        return None
    leaves = leaves_of(ys)
    if parameters:
        for i, x in enumerate(xs[1:]):
            nn.parameter.set_parameter(f"layer/p{i}", x)
    names = {f"in{i}": v for i, v in enumerate(leaves) if not parameters or v not in xs[1:]}
    outputs = {f"out{i}": y for i, y in enumerate(ys)}
    folder.mkdir()
    path = str(folder / "net.nnp")
    save(path, {"networks": [{"name": "net", "batch_size": 1, "outputs": outputs, "names": names}], "executors": []},
         variable_batch_size=False)
    try:
        file = NetworkFile(path)
    except RuntimeError:        # a function that looks at its inputs to know the shape of its outputs
        return ["reads values"]
    try:
        module = source_export._write(file, None)
    except NotImplementedError as error:
        return [line.split(":")[0].strip() for line in str(error).splitlines()[1:]]
    source = source_export._source(file, module, "model.pt")
    (folder / "model.py").write_text(source)
    with open(folder / "model.pt", "wb") as f:
        source_export.state_dicts.write(f, ".pt", module.state)
    given = [names[n] for n in file.network.inputs]
    if len(file.network.outputs) < len(ys):     # an output that another one is computed from
        return None
    torch.save({"training": all(f.args.get("batch_stat", True) for f in functions), "inputs": [torch.from_numpy(np.array(v.d)) for v in given],
                "need_grad": [v.need_grad and v.d.dtype.kind == "f" for v in given],
                "gradients": [torch.from_numpy(case.draw_gradient(y.shape, i)) if get(r).dtype.kind == "f" else None
                              for i, (y, r) in enumerate(zip(ys, entry["outputs"]))]}, folder / "given.pt")
    where = {}
    for i, x in enumerate(xs):
        place = next((n for n, v in enumerate(given) if v is x), None)
        where[i] = f"input {place}" if place is not None else next((k for k, p in module.names.items() if p == f"layer/p{i - 1}"), None)
    (folder / "where.json").write_text(json.dumps(where))
    return []
