"""Files from strangers: sizes that are only claimed, links, bombs. And saves that are cut short."""
import io
import os
import signal
import time
import warnings
import zipfile

import h5py
import numpy as np
import pytest

import nnabla_compat as nn
import nnabla_compat.functions as F
import nnabla_compat.parametric_functions as PF
from nnabla_compat.core import graph_def, loop_control
from nnabla_compat.files import archive
from nnabla_compat.files.errors import FileFormatError
from nnabla_compat.utils.load import load
from nnabla_compat.utils.nnp_graph import NnpLoader
from nnabla_compat.utils.save import save

NETWORK = """
network {{ name: "n" batch_size: {batch} {repeat}
  variable {{ name: "x" type: "Buffer" shape {{ dim: -1 dim: {inputs} }} }}
  variable {{ name: "y" type: "Buffer" {loop} shape {{ dim: -1 dim: {outputs} }} }}
  variable {{ name: "W" type: "Parameter" shape {{ dim: {inputs} dim: {outputs} }} initializer {{ type: "Normal" multiplier: 1 }} }}
  function {{ name: "f" type: "Affine" {loop} input: "x" input: "W" output: "y" affine_param {{ base_axis: 1 }} }}
}}
"""


def network(batch=2, inputs=3, outputs=4, times=None):
    return io.StringIO(NETWORK.format(
        batch=batch, inputs=inputs, outputs=outputs, loop='repeat_id: "r"' if times else "",
        repeat=f'repeat_info {{ id: "r" times: {times} }}' if times else ""))


def test_the_network_itself_is_sound():
    assert load(network()).networks["n"].variables["y"].variable_instance.shape == (2, 4)


def test_parameters_of_claimed_size():
    with pytest.raises(FileFormatError, match="gives no values for them"):
        load(network(inputs=1 << 20, outputs=1 << 20))
    assert not nn.get_parameters()


def test_repetitions_of_claimed_number():
    with pytest.raises(FileFormatError, match="its loops would make more than"):
        load(network(times=10 ** 12))
    assert loop_control.LARGEST_EXPANSION < 10 ** 9


def test_dataset_of_claimed_size():
    file = io.BytesIO()
    with h5py.File(file, "w") as f:
        d = f.create_dataset("W", shape=(1 << 33,), dtype="f4", chunks=(1 << 16,))
        d.attrs["need_grad"] = True
    file.seek(0)
    with pytest.raises(FileFormatError, match="claim 34359738368 bytes"):
        nn.load_parameters(file, extension=".h5")


def test_compressed_parameters_are_fine():
    file = io.BytesIO()
    with h5py.File(file, "w") as f:
        d = f.create_dataset("W", data=np.zeros((1000, 1000), "f4"), compression="gzip")
        d.attrs["need_grad"] = True
    file.seek(0)
    nn.load_parameters(file, extension=".h5")
    assert nn.get_parameters()["W"].shape == (1000, 1000)


def test_compressed_twice(monkeypatch):
    monkeypatch.setattr(archive, "LARGEST_EXPANSION", 1 << 16)
    file, outer = io.BytesIO(), io.BytesIO()
    with h5py.File(file, "w") as f:
        d = f.create_dataset("W", data=np.zeros((1 << 20,), "f4"), compression="gzip")
        d.attrs["need_grad"] = True
    with zipfile.ZipFile(outer, "w", zipfile.ZIP_DEFLATED) as z:
        z.writestr("parameter.h5", file.getvalue())
    outer.seek(0)
    with pytest.raises(FileFormatError, match="datasets claim 4194304 bytes"):
        nn.load_parameters(outer, extension=".nnp")


def test_functions_that_run_while_building():
    text = """network { name: "n" batch_size: 1
        variable { name: "x" type: "Buffer" shape { dim: 1000000 dim: 1000000 } } variable { name: "y" type: "Buffer" }
        function { name: "f" type: "NonZero" input: "x" output: "y" } }"""
    with pytest.raises(FileFormatError, match="declares variables of 1000000000000 elements"):
        load(io.StringIO(text))


@pytest.mark.parametrize("use", [load, NnpLoader, graph_def.load, nn.load_parameters])
def test_bomb(monkeypatch, use):
    monkeypatch.setattr(archive, "LARGEST_EXPANSION", 1 << 16)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as z:
        for i in range(4):
            z.writestr(f"part{i}.nntxt", " " * (1 << 20))
    file.seek(0)
    with pytest.raises(zipfile.BadZipFile, match="would expand to 4194304 bytes"):
        use(file, extension=".nnp")


def test_members_are_only_names(tmp_path):
    y = F.relu(PF.affine(nn.Variable((2, 3)), 4))
    save(str(tmp_path / "sound.nnp"), {"networks": [{"name": "n", "batch_size": 2, "outputs": {"y": y}, "names": {}}]})
    evil = tmp_path / "inside" / "evil.nnp"
    evil.parent.mkdir()
    with zipfile.ZipFile(tmp_path / "sound.nnp") as source, zipfile.ZipFile(evil, "w") as target:
        for name in source.namelist():
            target.writestr("../../" + name, source.read(name))
    before = sorted(tmp_path.rglob("*"))
    load(str(evil))
    assert sorted(tmp_path.rglob("*")) == before


def test_data_sets_touch_no_file_before_they_are_used(tmp_path):
    file = network()
    file = io.StringIO(file.getvalue() + f"""
        dataset {{ name: "d" uri: "{tmp_path}/a.csv" batch_size: 2 cache_dir: "{tmp_path}/cache" overwrite_cache: true
                   create_cache_explicitly: true }}""")
    assert callable(load(file).datasets["d"].data_iterator)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("batch", [0, -1])
def test_no_batch_size(batch):
    with pytest.raises(FileFormatError, match="positive batch size"):
        load(network(batch=batch))
    with pytest.raises(ValueError, match="positive batch size"):
        graph_def.load(network())(batch_size=batch)


def test_a_failed_load_restores_values_flags_and_context(tmp_path):
    kept = nn.parameter.get_parameter_or_create("W", (3, 4), np.full((3, 4), 0.5), need_grad=False)
    context = nn.get_current_context()
    text = network().getvalue() + """
        global_config { default_context { backends: "cpu:half" } }
        parameter { variable_name: "W" shape { dim: 3 dim: 4 } %s need_grad: true }
        parameter { variable_name: "new/b" shape { dim: 1 } data: 1 }
        executor { name: "e" network_name: "missing" }""" % ("data: 1 " * 12)
    with pytest.raises(KeyError, match="missing"):
        load(io.StringIO(text))
    assert list(nn.get_parameters(grad_only=False)) == ["W"]
    found = nn.get_parameters(grad_only=False)["W"]
    assert found == kept and not found.need_grad and (found.d == 0.5).all()
    assert nn.get_current_context() is context


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("extension", [".nnp", ".nntxt", ".protobuf", ".h5"])
def test_killed_while_saving(tmp_path, extension):
    y = PF.affine(nn.Variable((2, 30)), 40)
    contents = {"networks": [{"name": "n", "batch_size": 2, "outputs": {"y": y}, "names": {}}]}
    path = str(tmp_path / ("net" + extension))
    expected = {k: v.d.copy() for k, v in nn.get_parameters().items()}

    def write():
        if extension == ".h5":
            nn.save_parameters(path)
        else:
            save(path, contents, include_params=True)

    write()
    for i in range(12):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # fork beside torch's threads
            child = os.fork()
        if child == 0:
            try:
                while True:
                    write()
            finally:
                os._exit(1)
        time.sleep(0.003 + 0.004 * i)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        with nn.parameter_scope("", {}):
            nn.load_parameters(path)
            for name, values in expected.items():
                np.testing.assert_array_equal(nn.get_parameters()[name].d, values)
        assert extension == ".h5" or NnpLoader(path).get_network_names() == ["n"]


def test_a_failed_save_leaves_the_old_file(tmp_path, monkeypatch):
    y = PF.affine(nn.Variable((2, 3)), 4)
    contents = {"networks": [{"name": "n", "batch_size": 2, "outputs": {"y": y}, "names": {}}]}
    path = tmp_path / "net.nnp"
    save(str(path), contents)
    old = path.read_bytes()

    def fail(source, target):
        raise OSError("disk full")
    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        save(str(path), contents)
    assert path.read_bytes() == old and [p.name for p in tmp_path.iterdir()] == ["net.nnp"]


def hostile_h5(path, kind):
    """An HDF5 file whose dataset or link leads elsewhere, or claims gigabytes."""
    import h5py
    secret = path.parent / "secret.h5"
    with h5py.File(secret, "w") as f:
        f["v"] = np.full(3, 7, np.float32)
    (path.parent / "raw").write_bytes(np.full(3, 7, np.float32).tobytes())
    with h5py.File(path, "w") as f:
        f["W/t"] = np.int64(1)
        f["W/m"] = np.zeros(3, np.float32)
        if kind == "link":
            f["W/v"] = h5py.ExternalLink(str(secret), "v")
        elif kind == "storage":
            f.create_dataset("W/v", (3,), "f4", external=[(str(path.parent / "raw"), 0, 12)])
        elif kind == "virtual":
            layout = h5py.VirtualLayout((3,), "f4")
            layout[:] = h5py.VirtualSource(str(secret), "v", (3,))
            f.create_virtual_dataset("W/v", layout)
        else:
            f.create_dataset("W/v", (1 << 30,), "f4", chunks=(1 << 20,), compression="gzip")


@pytest.mark.parametrize("kind", ["link", "storage", "virtual", "size"])
def test_no_reader_of_hdf5_leaves_the_file(tmp_path, kind):
    """Solver states and data caches, as the parameters themselves (tests/parameters)."""
    from nnabla_compat.optimization import states_file
    from nnabla_compat.utils.data_source_implements import CacheDataSource
    path = tmp_path / "x.h5"
    hostile_h5(path, kind)
    if kind == "link":
        (record,) = states_file.read_h5(str(path))
        assert list(record.states) == ["m"]
    else:
        with pytest.raises(ValueError, match="another file" if kind != "size" else "claim"):
            states_file.read_h5(str(path))
    (tmp_path / "cache_index.csv").write_text("x.h5,3\n")
    with pytest.raises((ValueError, KeyError)):
        source = CacheDataSource(str(tmp_path))
        source._variables = ["W/v"]
        source.next()
