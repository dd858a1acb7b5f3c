"""Parameter files: nnabla's own are read, ours hold what nnabla expects, damage is reported and harms nothing."""
import io
import os
import pathlib
import zipfile

import h5py
import numpy as np
import pytest

import nnabla_compat as nn
from nnabla_compat import parameter
from nnabla_compat.files import save
from nnabla_compat.parameter import get_parameter, get_parameter_or_create, set_parameter

FILES = pathlib.Path(__file__).parent / "files"
CONVBN = {  # need_grad of the parameters in convbn.*, in their order
    "conv1/conv/W": False, "conv1/conv/b": True, "bn1/bn/beta": True, "bn1/bn/gamma": True, "bn1/bn/mean": False,
    "bn1/bn/var": False, "head/fc/affine/W": True, "head/fc/affine/b": True, "scale": False}


def parameters():
    return nn.get_parameters(grad_only=False)


def snapshot():
    return {name: (p.d.copy(), p.need_grad) for name, p in parameters().items()}


def check_values(npz, prefix="", names=None):
    values = np.load(FILES / npz)
    for name, p in parameters().items():
        expected = values[prefix + name]
        assert p.shape == expected.shape, name
        np.testing.assert_array_equal(p.d, expected, err_msg=name)


@pytest.mark.parametrize("extension", [".h5", ".protobuf", ".nntxt"])
def test_nnabla_files(extension):
    proto = nn.load_parameters(str(FILES / f"convbn{extension}"))
    assert {name: p.need_grad for name, p in parameters().items()} == CONVBN
    assert list(parameters()) == list(CONVBN)
    check_values("values.npz")
    assert len(proto.parameter) == (0 if extension == ".h5" else 9)


@pytest.mark.parametrize("file,names,npz,prefix", [
    ("noindex.h5", ["a/b", "b/c/W", "z/W"], "hand.npz", ""),
    ("index_order.h5", ["b/c/W", "a/b", "z/W"], "hand.npz", ""),
    ("compressed.h5", ["z/W", "b/c/W", "a/b"], "hand.npz", ""),
    ("scoped.h5", ["fc/affine/W", "fc/affine/b"], "values.npz", "head/"), ("empty.h5", [], "hand.npz", "")])
def test_foreign_h5_files(file, names, npz, prefix):
    nn.load_parameters(str(FILES / file))
    assert list(parameters()) == names
    check_values(npz, prefix)


def test_dtypes_are_kept():
    nn.load_parameters(str(FILES / "dtypes.h5"))
    values = np.load(FILES / "dtypes.npz")
    for name, p in parameters().items():
        assert p.d.dtype == values[name].dtype, name
        np.testing.assert_array_equal(p.d, values[name])


@pytest.mark.parametrize("extension", [".h5", ".protobuf", ".nntxt"])
def test_loading_writes_existing_parameters_in_place(extension):
    w = get_parameter_or_create("conv1/conv/W", (4, 3, 3, 3))
    other = get_parameter_or_create("other/W", (2,), np.float32([1, 2]))
    registered, tensor = get_parameter("conv1/conv/W"), w.data.tensor
    nn.load_parameters(str(FILES / f"convbn{extension}"))
    assert get_parameter("conv1/conv/W") is registered
    assert w.data.tensor is tensor or not registered.need_grad
    np.testing.assert_array_equal(w.d, np.load(FILES / "values.npz")["conv1/conv/W"])
    np.testing.assert_array_equal(other.d, [1, 2])
    assert not registered.need_grad


def test_loading_respects_scopes():
    mine = {}
    with nn.parameter_scope("net"):
        nn.load_parameters(str(FILES / "scoped.h5"))
        with nn.parameter_scope("", mine):
            nn.load_parameters(str(FILES / "scoped.h5"))
    assert list(parameters()) == ["net/fc/affine/W", "net/fc/affine/b"] and list(mine) == ["fc"]


def test_proto_arguments():
    proto = nn.load_parameters(str(FILES / "convbn.h5"), needs_proto=True)
    assert [p.variable_name for p in proto.parameter] == list(CONVBN)
    nn.clear_parameters()
    again = nn.load_parameters(str(FILES / "scoped.h5"), proto=proto)
    assert again is proto and list(parameters()) == ["fc/affine/W", "fc/affine/b"]
    parameter.set_parameter_from_proto(proto)
    assert list(parameters()) == ["fc/affine/W", "fc/affine/b", *CONVBN]


def make_some():
    random = np.random.RandomState(0)
    for name, shape, need_grad in (("z/W", (2, 3), True), ("a/b/c", (), True), ("z/mean", (4, 1), False),
                                   ("@m/@n.0/W", (1, 2), True), ("none", (0, 3), True)):
        get_parameter_or_create(name, shape, np.array(random.randn(*shape), np.float32), need_grad)


@pytest.mark.parametrize("extension", [".h5", ".protobuf"])
@pytest.mark.parametrize("kind", ["name", "path", "file", "list"])
def test_round_trip(tmp_path, extension, kind):
    make_some()
    before = snapshot()
    path = tmp_path / f"p{extension}"
    target = {"name": str(path), "path": path, "file": io.BytesIO(), "list": [str(path), str(tmp_path / "q.h5")]}[kind]
    assert nn.save_parameters(target, extension=extension if kind == "file" else None) is None
    nn.clear_parameters()
    nn.load_parameters(target, extension=extension if kind == "file" else ".nntxt")
    after = snapshot()
    assert list(after) == list(before)
    for name, (values, need_grad) in before.items():
        np.testing.assert_array_equal(after[name][0], values)
        assert after[name][0].dtype == values.dtype and after[name][1] == need_grad
    assert sorted(os.listdir(tmp_path)) in ([f"p{extension}"], [f"p{extension}", "q.h5"], [])


def test_h5_layout(tmp_path):
    make_some()
    nn.save_parameters(str(tmp_path / "p.h5"))
    with h5py.File(tmp_path / "p.h5") as f:
        assert dict(f.attrs) == {} and dict(f["z"].attrs) == {}
        w = f["z/W"]
        assert set(w.attrs) == {"index", "need_grad"} and w.dtype == np.float32 and w.compression is None
        assert w.attrs["index"].dtype == np.int64 and w.attrs["need_grad"].dtype == np.bool_
        assert {n: f[n].attrs["index"] for n in parameters()} == {
            "z/W": 0, "z/mean": 1, "a/b/c": 2, "@m/@n.0/W": 3, "none": 4}


def test_given_parameters_and_scope(tmp_path):
    make_some()
    nn.save_parameters(str(tmp_path / "p.h5"), {"only": get_parameter("z/W")})
    with nn.parameter_scope("z"):
        nn.save_parameters(str(tmp_path / "z.h5"))
    nn.clear_parameters()
    nn.load_parameters([str(tmp_path / "p.h5"), str(tmp_path / "z.h5")])
    assert list(parameters()) == ["only", "W", "mean"]


def test_protobuf_bytes_are_nnablas(tmp_path):
    nn.load_parameters(str(FILES / "convbn.h5"))
    nn.save_parameters(str(tmp_path / "p.protobuf"))
    assert (tmp_path / "p.protobuf").read_bytes() == (FILES / "convbn.protobuf").read_bytes()


def test_archives(tmp_path):
    path = str(tmp_path / "p.nnp")
    with zipfile.ZipFile(path, "w") as z:
        z.writestr("nnp_version.txt", "0.1\n")
        z.writestr("README", "no extension")
        z.writestr("../outside/parameter.h5", (FILES / "scoped.h5").read_bytes())
        z.writestr("more/parameter.protobuf", (FILES / "convbn.protobuf").read_bytes())
        z.writestr("text.nntxt", (FILES / "convbn.nntxt").read_text())
        z.writestr("sgd.h5.optimizer", b"ignored")
    nn.load_parameters(path)
    assert list(parameters()) == ["fc/affine/W", "fc/affine/b", *CONVBN]
    assert os.listdir(tmp_path) == ["p.nnp"]
    nn.clear_parameters()
    nn.load_parameters(str(FILES / "bad" / "good.nnp"))
    assert parameters()


@pytest.mark.parametrize("extension,error", [
    (".npz", AssertionError), (".pt", AssertionError), (".nnp", AssertionError), (".nntxt", AssertionError),
    (".H5", AssertionError), ("", ValueError), (".h", ValueError), (".proto", ValueError)])
def test_save_extensions(tmp_path, extension, error):
    make_some()
    with pytest.raises(error):
        nn.save_parameters(str(tmp_path / f"p{extension}"))
    with pytest.raises(error):
        nn.save_parameters(io.BytesIO(), extension=extension)
    assert os.listdir(tmp_path) == []


def test_save_errors(tmp_path):
    make_some()
    with pytest.raises(TypeError):
        nn.save_parameters(io.BytesIO())
    with pytest.raises(TypeError):
        nn.save_parameters(3)
    with pytest.raises(FileNotFoundError):
        nn.save_parameters(str(tmp_path / "no" / "p.h5"))


@pytest.mark.parametrize("extension", [".npz", ".pt", ".txt", ".H5", ".hdf5"])
def test_unknown_extensions_are_skipped_with_a_warning(extension, caplog):
    nn.load_parameters(f"no-such-file{extension}")
    assert "is omitted" in caplog.text


@pytest.mark.parametrize("path,error", [
    ("none.h5", FileNotFoundError), ("none.protobuf", FileNotFoundError), ("none.nntxt", FileNotFoundError),
    ("none.nnp", FileNotFoundError), ("none", ValueError), ("none.h", ValueError), ("none.nn", ValueError),
    (None, TypeError), (3, TypeError)])
def test_load_errors(path, error):
    with pytest.raises(error):
        nn.load_parameters(path)


@pytest.mark.parametrize("file,error,word", [
    ("no_need_grad.h5", KeyError, "need_grad"), ("partial_index.h5", TypeError, "index"),
    ("truncated.h5", OSError, None),
    ("empty.h5", OSError, None), ("truncated.protobuf", "DecodeError", None), ("badtext.nnp", "ParseError", None),
    ("unknown_field.nnp", "ParseError", None), ("notzip.nnp", zipfile.BadZipFile, None),
    ("truncated.nnp", zipfile.BadZipFile, None), ("bitflip.nnp", zipfile.BadZipFile, None)])
def test_damaged_files_change_nothing(file, error, word):
    if isinstance(error, str):
        from google.protobuf import message, text_format
        error = {"DecodeError": message.DecodeError, "ParseError": text_format.ParseError}[error]
    make_some()
    before, objects = snapshot(), dict(parameters())
    with pytest.raises(error, match=word):
        nn.load_parameters([str(FILES / "scoped.h5"), str(FILES / "bad" / file)])
    assert dict(parameters()) == objects
    for name, (values, need_grad) in snapshot().items():
        np.testing.assert_array_equal(values, before[name][0])
        assert need_grad == before[name][1]


def test_empty_protobuf_is_a_file_without_parameters():
    nn.load_parameters(str(FILES / "bad" / "empty.protobuf"))
    assert not parameters()


@pytest.mark.parametrize("name,error", [("bn1/bn/beta", ValueError), ("bn1", AssertionError),
                                        ("scale/x", AssertionError)])
def test_conflicts_change_nothing(name, error):
    w = get_parameter_or_create("conv1/conv/b", (4,), np.float32([1, 2, 3, 4]))
    get_parameter_or_create(name, (9, 9, 9))
    before = list(parameters())
    with pytest.raises(error):
        nn.load_parameters(str(FILES / "convbn.h5"))
    assert list(parameters()) == before
    np.testing.assert_array_equal(w.d, [1, 2, 3, 4])


def test_no_other_file_is_read(tmp_path):
    secret = tmp_path / "secret.h5"
    nn.load_parameters(str(FILES / "scoped.h5"))
    nn.save_parameters(str(secret))
    raw = tmp_path / "raw.bin"
    raw.write_bytes(b"\0" * 16)
    with h5py.File(tmp_path / "links.h5", "w") as f:
        f["a"] = h5py.ExternalLink(str(secret), "/fc")
        f["b"] = h5py.SoftLink("/c")
        f["c"] = np.zeros(2, np.float32)
        f["c"].attrs.update(need_grad=True, index=0)
    nn.clear_parameters()
    nn.load_parameters(str(tmp_path / "links.h5"))
    assert list(parameters()) == ["c"]
    with h5py.File(tmp_path / "outside.h5", "w") as f:
        f.create_dataset("a", (4,), np.float32, external=[(str(raw), 0, 16)]).attrs.update(need_grad=True, index=0)
    layout = h5py.VirtualLayout((4, 5), np.float32)
    layout[:] = h5py.VirtualSource(str(secret), "fc/affine/W", (64, 5))[:4]
    with h5py.File(tmp_path / "virtual.h5", "w") as f:
        f.create_virtual_dataset("a", layout).attrs.update(need_grad=True, index=0)
    for name in ("outside.h5", "virtual.h5"):
        with pytest.raises(ValueError, match="another file"):
            nn.load_parameters(str(tmp_path / name))


@pytest.mark.parametrize("data", [np.array([b"text"]), np.zeros(2, [("x", "f4")]), np.complex64([1])])
def test_datasets_that_are_no_numbers(tmp_path, data):
    with h5py.File(tmp_path / "p.h5", "w") as f:
        f["a"] = data
        f["a"].attrs.update(need_grad=True, index=0)
    with pytest.raises(ValueError, match="expected dataset 'a' to hold numbers"):
        nn.load_parameters(str(tmp_path / "p.h5"))


def test_a_failed_save_keeps_the_old_file(tmp_path):
    make_some()
    path = tmp_path / "p.h5"
    nn.save_parameters(str(path))
    os.chmod(path, 0o640)
    before = path.read_bytes()
    with pytest.raises(AttributeError):
        nn.save_parameters(str(path), {"a": get_parameter("z/W"), "b": np.zeros(3)})
    assert path.read_bytes() == before and os.listdir(tmp_path) == ["p.h5"]
    nn.save_parameters(str(path), {"a": get_parameter("z/W")})
    assert path.stat().st_mode & 0o777 == 0o640 and path.read_bytes() != before


def test_saving_through_a_link_replaces_its_target(tmp_path):
    (tmp_path / "real.h5").write_bytes(b"")
    (tmp_path / "link.h5").symlink_to("real.h5")
    make_some()
    nn.save_parameters(str(tmp_path / "link.h5"))
    assert (tmp_path / "link.h5").is_symlink() and (tmp_path / "real.h5").stat().st_size > 0


def test_replacing_writes_devices_directly():
    with save.replacing(os.devnull) as f:
        f.write(b"x")


def test_open_files_are_read_from_where_they_are():
    make_some()
    f = io.BytesIO()
    nn.save_parameters(f, extension=".h5")
    assert f.tell() == 0
    f.seek(3)
    with pytest.raises(OSError):
        nn.load_parameters(f, extension=".h5")
    with pytest.raises(UnicodeDecodeError):
        nn.load_parameters(io.BytesIO((FILES / "convbn.h5").read_bytes()))


def test_messages_with_wrong_sizes():
    from nnabla_compat.utils import nnabla_pb2
    proto = nnabla_pb2.NNablaProtoBuf()
    entry = proto.parameter.add(variable_name="W", data=[1, 2, 3])
    entry.shape.dim.extend([2, 2])
    with pytest.raises(ValueError, match="'W'"):
        parameter.set_parameter_from_proto(proto)
    assert not parameters()


def test_integer_parameters_in_protobuf(tmp_path):
    v = nn.Variable.from_numpy_array(np.arange(6).reshape(2, 3))
    set_parameter("i", v)
    nn.save_parameters(str(tmp_path / "p.protobuf"))
    nn.clear_parameters()
    nn.load_parameters(str(tmp_path / "p.protobuf"))
    np.testing.assert_array_equal(get_parameter("i").d, np.arange(6).reshape(2, 3))


def test_without_protobuf(monkeypatch):
    import sys

    from nnabla_compat import utils
    monkeypatch.setitem(sys.modules, "google.protobuf", None)
    monkeypatch.setitem(sys.modules, "google.protobuf.descriptor_pool", None)
    monkeypatch.delitem(sys.modules, "nnabla_compat.utils.nnabla_pb2", raising=False)
    monkeypatch.delattr(utils, "nnabla_pb2", raising=False)
    assert nn.load_parameters(str(FILES / "scoped.h5")) is None
    assert len(parameters()) == 2
    with pytest.raises(ImportError, match=r"nnabla-compat\[nnp\]"):
        nn.load_parameters(str(FILES / "convbn.protobuf"))


def test_libraries_for_files_are_imported_when_needed():
    import subprocess
    import sys
    code = ("import sys, nnabla_compat, nnabla_compat.parametric_functions\n"
            "print([name for name in ('h5py', 'google.protobuf') if name in sys.modules])")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True,
                          cwd=pathlib.Path(__file__).parents[2])
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("file,extension", [
    ("convbn.h5", ".h5"), ("compressed.h5", ".h5"), ("convbn.protobuf", ".protobuf"), ("convbn.nntxt", ".nntxt"),
    ("bad/good.nnp", ".nnp")])
def test_random_damage(file, extension):
    """Whatever is wrong with a file, an ordinary exception says so and the parameters stay."""
    from google.protobuf import message, text_format
    expected = (OSError, ValueError, KeyError, TypeError, AssertionError, zipfile.BadZipFile, message.DecodeError,
                text_format.ParseError)
    data = (FILES / file).read_bytes()
    random = np.random.RandomState(0)
    get_parameter_or_create("conv1/conv/W", (4, 3, 3, 3))
    for _ in range(60):
        damaged = bytearray(data)
        if random.randint(2):
            damaged = damaged[:random.randint(len(damaged))]
        else:
            for _ in range(random.randint(1, 8)):
                damaged[random.randint(len(damaged))] = random.randint(256)
        try:
            nn.load_parameters(io.BytesIO(bytes(damaged)), extension=extension)
        except expected:
            assert list(parameters()) == ["conv1/conv/W"]
            assert (get_parameter("conv1/conv/W").d == 0).all()
        nn.clear_parameters()
        get_parameter_or_create("conv1/conv/W", (4, 3, 3, 3))
