"""Files of this package and of nnabla for the same code; recorded by tests/oracle/record_files.py."""
import io
import json
import pathlib
import zipfile

import numpy as np
import pytest

import nnabla_compat as nn
from nnabla_compat.files import h5_parameters
from nnabla_compat.registry import OPERATORS
from nnabla_compat.utils.load import load
from nnabla_compat.utils.save import save
from oracle import record_files

from . import scenarios

FOLDER = pathlib.Path(record_files.FOLDER)
READ = json.loads((FOLDER / "read.json").read_text())
every = pytest.mark.parametrize("name", scenarios.SCENARIOS)


@every
def test_text_is_nnablas(name):
    contents, variable = scenarios.prepare(nn, name)
    file = io.StringIO()
    save(file, contents, variable_batch_size=variable, extension=".nntxt")
    assert file.getvalue() == (FOLDER / f"{name}.nntxt").read_text()


@every
def test_still_writes_the_file_that_nnabla_read(name):
    contents, variable = scenarios.prepare(nn, name)
    file = io.BytesIO()
    save(file, contents, variable_batch_size=variable, include_solver_state=True)
    with zipfile.ZipFile(file) as now, zipfile.ZipFile(FOLDER / f"ours_{name}.nnp") as then:
        assert now.namelist() == then.namelist()
        for member in ("nnp_version.txt", "network.nntxt"):
            assert now.read(member) == then.read(member)
        records = [h5_parameters.read(io.BytesIO(archive.read("parameter.h5"))) for archive in (now, then)]
    for a, b in zip(*records, strict=True):
        assert (a.name, a.need_grad) == (b.name, b.need_grad)
        np.testing.assert_allclose(a.values, b.values, 1e-6)


@pytest.mark.parametrize("key", [k for k in READ if not k.endswith(" info")])
def test_nnabla_predicts_the_same(key):
    name, network, batch_size = key.split()
    batch_size = None if batch_size == "None" else int(batch_size)
    found = record_files.predictions(nn, FOLDER / f"ours_{name}.nnp", network, batch_size)
    assert set(found) == set(READ[key])
    for output, (shape, values) in READ[key].items():
        assert list(found[output].shape) == shape
        np.testing.assert_allclose(found[output].ravel(), np.array(values, dtype=float), rtol=1e-5, atol=1e-5)


@every
def test_nnabla_finds_the_same_components(name):
    info = load(str(FOLDER / f"ours_{name}.nnp"), prepare_data_iterator=False)
    recorded = READ[f"{name} info"]
    assert {k: [sorted(v.name for v in e.dataset_assign), [v.name for v in e.output_assign]]
            for k, e in info.executors.items()} == recorded["executors"]
    assert {k: [o.solver.name, o.solver.info, sorted(o.parameters)] for k, o in info.optimizers.items()} == {
        k: [n, pytest.approx(i), p] for k, (n, i, p) in recorded["optimizers"].items()}


def test_nnabla_reads_every_operator():
    """Files for every recorded call, read by nnabla: what could not be compared is what nnabla cannot run."""
    calls = json.loads((FOLDER / "calls.json").read_text())
    assert set(OPERATORS) - set(calls["equal"]) == {
        "FFT", "IFFT", "SyncBatchNormalization",  # not in nnabla's package for the CPU
        "Unique",                                 # in dynamic mode only
        "Sink"}                                   # a root without values, which files leave out
    for call, error in calls["different"].items():
        assert ("auto_forward" in error or "In-placing at a branching variable" in error
                # nnabla leaves zeros where padding_value belongs
                or call.startswith("pad_packed_sequence") and error == "other values"), (call, error)
