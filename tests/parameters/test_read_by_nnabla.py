"""nnabla has read our files (tests/oracle/read_our_parameters.py); we still write the same ones."""
import json
import os

import h5py
import numpy as np
import pytest
from oracle.read_our_parameters import FILES, FOLDER, read, write

import nnabla_compat as nn
import nnabla_compat.parameter  # noqa: F401


@pytest.fixture
def recorded():
    with open(os.path.join(FOLDER, "read_by_nnabla.json")) as f:
        return json.load(f)


def test_nnabla_read_what_we_wrote(recorded):
    assert set(recorded) == set(FILES)
    ours = read(nn, FOLDER)
    for file in FILES:
        assert [p[0] for p in ours[file]] == [p[0] for p in recorded[file]]
        for mine, (name, shape, dtype, need_grad, values) in zip(ours[file], recorded[file]):
            # nnabla's protobuf reader makes every parameter float64.
            assert mine[1:4] == [shape, "float32" if file.endswith("protobuf") else dtype, need_grad], name
            np.testing.assert_array_equal(mine[4], values, err_msg=name)


def test_we_still_write_the_same(tmp_path):
    write(nn, str(tmp_path))
    with open(os.path.join(FOLDER, "ours.protobuf"), "rb") as f:
        assert (tmp_path / "ours.protobuf").read_bytes() == f.read()
    for file in ("ours.h5", "module.h5"):
        with h5py.File(os.path.join(FOLDER, file)) as old, h5py.File(tmp_path / file) as new:
            assert contents(new) == contents(old)


def contents(file):
    """Attributes, dtypes and values of everything in an HDF5 file."""
    found = {}

    def visit(name, item):
        data = (item.dtype, item[...].tolist()) if isinstance(item, h5py.Dataset) else None
        found[name] = dict(item.attrs), data

    file.visititems(visit)
    return found
