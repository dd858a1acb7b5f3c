"""Large parameter files are read and written in streams: the same results as through messages, in the memory of their values."""
import io
import json
import pathlib
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from google.protobuf.message import DecodeError

import nnabla_compat as nn
from nnabla_compat.files import archive, protobuf_parameters, protobuf_stream
from nnabla_compat.files.errors import FileFormatError
from nnabla_compat.utils import nnabla_pb2

ROOT = pathlib.Path(__file__).parent / "fixtures"


@pytest.fixture
def large(monkeypatch):
    """Every file counts as large."""
    monkeypatch.setattr(protobuf_stream, "LARGE", 0)
    monkeypatch.setattr(archive, "SMALL", 0)


def parameters():
    return {k: (v.d.copy(), v.need_grad) for k, v in nn.get_parameters(grad_only=False).items()}


def some_parameters():
    rng = np.random.RandomState(0)
    for name, shape, need_grad in (("a/W", (3, 4), True), ("a/b", (4,), False), ("scalar", (), True), ("none", (0, 3), True),
                                   ("ü/long" + "x" * 300, (50, 7), False)):
        nn.parameter.get_parameter_or_create(name, shape, np.asarray(rng.randn(*shape), np.float32), need_grad)


def same(a, b):
    assert list(a) == list(b)
    for name, (values, need_grad) in a.items():
        np.testing.assert_array_equal(values, b[name][0], err_msg=name)
        assert need_grad == b[name][1]


@pytest.mark.parametrize("name", ["text/lenet_binary_with_params.protobuf", "nnp/lenet_pbparam.nnp", "nnp/full_pb.nnp"])
def test_as_small_files(name, monkeypatch):
    small = nn.load_parameters(str(ROOT / name))
    expected = parameters()
    nn.clear_parameters()
    monkeypatch.setattr(protobuf_stream, "LARGE", 0)
    monkeypatch.setattr(archive, "SMALL", 0)
    large = nn.load_parameters(str(ROOT / name))
    same(expected, parameters())
    assert type(large) is protobuf_stream.LargeMessage and isinstance(large, nnabla_pb2.NNablaProtoBuf)
    assert large == small and repr(large) == repr(small) and len(large.parameter) == len(small.parameter)
    large.version = "7"
    assert large.SerializeToString() != small.SerializeToString() and large.version == "7"


def test_writes_what_protobuf_writes(tmp_path):
    some_parameters()
    message = nnabla_pb2.NNablaProtoBuf()
    for name, v in nn.get_parameters(grad_only=False).items():
        message.parameter.add(variable_name=name, shape=nnabla_pb2.Shape(dim=v.shape), data=v.d.ravel().tolist(),
                              need_grad=v.need_grad)
    nn.save_parameters(str(tmp_path / "p.protobuf"))
    assert (tmp_path / "p.protobuf").read_bytes() == message.SerializeToString()


def test_into_a_message_and_from_several_files(tmp_path, large):
    some_parameters()
    expected = parameters()
    nn.save_parameters(str(tmp_path / "p.protobuf"))
    nn.clear_parameters()
    with nn.parameter_scope("x"):
        nn.parameter.get_parameter_or_create("y", (2,), np.ones(2))
    nn.save_parameters(str(tmp_path / "q.protobuf"))
    nn.clear_parameters()
    both = nn.load_parameters([str(tmp_path / "p.protobuf"), str(tmp_path / "q.protobuf")])
    assert [p.variable_name for p in both.parameter] == [*expected, "x/y"] == list(parameters())
    target = nnabla_pb2.NNablaProtoBuf(version="1")
    assert nn.load_parameters(str(tmp_path / "p.protobuf"), proto=target) is target
    assert target.version == "1" and [p.variable_name for p in target.parameter] == list(expected)


def test_values_in_pieces(tmp_path, large):
    """What the wire format allows and no writer of nnabla's makes."""
    part = nnabla_pb2.Parameter
    pieces = part(variable_name="W", shape=nnabla_pb2.Shape(dim=[4]), data=[1, 2]), part(data=[3], need_grad=True)
    unpacked = b"\xa5\x06" + np.float32(4).tobytes()  # field 100, 32 bits
    entry = b"".join(p.SerializeToString() for p in pieces) + unpacked
    (tmp_path / "p.protobuf").write_bytes(b"\xc2\x0c" + bytes([len(entry)]) + entry)
    nn.load_parameters(str(tmp_path / "p.protobuf"))
    np.testing.assert_array_equal(nn.get_parameters()["W"].d, [1, 2, 3, 4])


def test_damage(tmp_path, large):
    """Every truncation and many other damages: refused, as the protobuf library would, or read as it would."""
    some_parameters()
    nn.parameter.pop_parameter("ü/long" + "x" * 300)
    file, rng = tmp_path / "p.protobuf", np.random.RandomState(0)
    nn.save_parameters(str(file))
    sound = file.read_bytes()
    cases = [sound[:i] for i in range(len(sound))]
    for _ in range(600):
        data = bytearray(sound)
        data[rng.randint(len(data))] = rng.randint(256)
        cases.append(bytes(data))
    refused = 0
    for data in cases:
        try:
            expected = protobuf_parameters.records_of(protobuf_parameters.read_binary(data))
        except (DecodeError, ValueError):
            expected = None
        try:
            found = protobuf_stream.records(io.BytesIO(data))
        except (DecodeError, ValueError):
            refused += 1
            assert expected is None or _has_groups(data)
            continue
        assert expected is not None
        for a, b in zip(expected, found, strict=True):
            assert (a.name, a.need_grad) == (b.name, b.need_grad)
            np.testing.assert_array_equal(a.values, b.values)
    assert 100 < refused < len(cases)
    file.write_bytes(sound[:-3])
    with pytest.raises(FileFormatError) as caught:
        nn.load_parameters(str(file))
    assert isinstance(caught.value, DecodeError)


def _has_groups(data):
    """Fields in the old bracketed form, which the library skips and nnabla never had."""
    return any(byte & 7 in (3, 4) for byte in data)


def test_a_message_that_is_lost(tmp_path, large):
    some_parameters()
    file = tmp_path / "p.protobuf"
    nn.save_parameters(str(file))
    message = nn.load_parameters(str(file))
    nn.save_parameters(str(file))  # a new file under the name
    assert len(message.parameter) == 5
    message = nn.load_parameters(str(file))
    file.write_bytes(b"")
    with pytest.raises(OSError, match="changed"):
        message.parameter


def test_damaged_member(tmp_path, large):
    some_parameters()
    for kind in ("h5", "protobuf"):
        nn.save_parameters(str(tmp_path / f"p.{kind}"))
        with zipfile.ZipFile(tmp_path / "p.nnp", "w") as target:
            target.write(tmp_path / f"p.{kind}", f"p.{kind}")
        data = bytearray((tmp_path / "p.nnp").read_bytes())
        data[data.index(nn.get_parameters()["a/W"].d.tobytes())] ^= 1  # the value's last digits
        (tmp_path / "p.nnp").write_bytes(data)
        before = parameters()
        with pytest.raises(zipfile.BadZipFile, match="CRC"):
            nn.load_parameters(str(tmp_path / "p.nnp"))
        same(before, parameters())


@pytest.mark.skipif(not pathlib.Path("/proc/self/clear_refs").exists(), reason="measures memory as Linux tells it")
@pytest.mark.parametrize("what", ["parameters.h5", "parameters.protobuf", "h5.nnp", "protobuf.nnp", "save .h5", "save .protobuf"])
def test_memory(tmp_path_factory, what):
    """80 MB are held once while a file is read, and not once more while it is written."""
    benchmark = pathlib.Path(__file__).resolve().parents[2] / "benchmarks" / "parameter_files.py"
    folder = tmp_path_factory.getbasetemp() / "large"
    if not folder.exists():
        folder.mkdir()
        subprocess.run([sys.executable, benchmark, "--make", "--megabytes", "80", "--folder", folder], check=True)
    done = subprocess.run([sys.executable, benchmark, "--child", what, "--folder", folder], stdout=subprocess.PIPE, check=True)
    _, peak = json.loads(done.stdout.splitlines()[-1])
    assert peak < (0.2 if what.startswith("save") else 1.2) * 80e6
