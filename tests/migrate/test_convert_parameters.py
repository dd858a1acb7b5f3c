"""``nnabla-compat convert`` of parameter files."""
import json
import pathlib
import sys

import numpy as np
import pytest
import torch

import nnabla_compat as nn
from nnabla_compat.__main__ import main
from nnabla_compat.files.load import read_parameters
from nnabla_compat.migrate import parameter_files, state_dicts
from nnabla_compat.optional import available
from nnabla_compat.utils.nnp_graph import NnpLoader

FIXTURES = pathlib.Path(__file__).parents[1] / "files" / "fixtures"
RESNET = str(FIXTURES / "nnp" / "resnet.nnp")
STATE_DICTS = [".pt", ".pth", pytest.param(".safetensors", marks=pytest.mark.skipif(
    not available("safetensors"), reason="needs safetensors"))]


@pytest.fixture(autouse=True)
def inside(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def records(path):
    return {r.name: r for r in read_parameters(str(path))[0]}


def assert_same(path, other):
    found, expected = records(path), records(other)
    assert list(found) == list(expected)
    for name, record in expected.items():
        np.testing.assert_array_equal(found[name].values, record.values)
        assert found[name].need_grad == record.need_grad


def files():
    content = list(pathlib.Path().iterdir())
    return sorted(p.name for p in content)


@pytest.mark.parametrize("extension", STATE_DICTS)
@pytest.mark.parametrize("layout", ["raw", "torch"])
@pytest.mark.parametrize("target", ["back.h5", "back.protobuf", "back.nntxt", "back.prototxt", "back.nnp"])
def test_there_and_back(layout, extension, target, capsys):
    assert not main(["convert", RESNET, "a" + extension, "--layout", layout])
    assert not main(["convert", "a" + extension, target, "--layout", layout, "--like", RESNET])
    assert "17 parameters with 464 values, read back and equal" in capsys.readouterr().out
    assert_same(target, RESNET)
    assert files() == sorted(["a" + extension, target])


def test_a_network_goes_along(capsys):
    main(["convert", RESNET, "a.pt"])
    assert not main(["convert", "a.pt", "b.nnp", "--like", RESNET])
    with np.load(FIXTURES / "nnp" / "resnet.npz") as io:
        network = NnpLoader("b.nnp").get_network("resnet", batch_size=1)
        network.inputs["image"].d = io["resnet.b1.in.image"]
        network.outputs["logit"].forward()
        np.testing.assert_allclose(network.outputs["logit"].d, io["resnet.b1.out.logit"], atol=1e-5)
    nn.clear_parameters()


def test_between_nnablas_own_formats():
    assert not main(["convert", RESNET, "a.h5"])
    assert not main(["convert", "a.h5", "b.protobuf"])
    assert_same("b.protobuf", RESNET)


def test_need_grad_of_running_statistics_is_known_without_like():
    main(["convert", RESNET, "a.pt"])
    main(["convert", "a.pt", "b.h5"])
    assert {n for n, r in records("b.h5").items() if not r.need_grad} == {
        n for n in records(RESNET) if n.endswith(("bn/mean", "bn/var"))}


def test_written_names_are_the_way_back():
    assert not main(["convert", RESNET, "a.pt", "--layout", "torch", "--write-names", "n.json"])
    assert not main(["convert", "a.pt", "b.h5", "--layout", "torch", "--names", "n.json"])
    expected, found = records(RESNET), records("b.h5")
    assert set(found) == set(expected) and all(found[n].values.shape == r.values.shape for n, r in expected.items())


def test_names_of_a_torch_module():
    """A state dict of an ordinary torch module becomes parameters that parametric functions find."""
    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.features = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4))
            self.head = torch.nn.Linear(4, 2)

    net = Net()
    torch.save({"state_dict": net.state_dict(), "epoch": 3}, "net.pt")
    pathlib.Path("names.json").write_text(json.dumps({
        "names": {"features.0": "conv1/conv", "features.1": "bn1/bn", "head.weight": "fc/affine/W", "head.bias": "fc/affine/b"},
        "shapes": {f"bn1/bn/{leaf}": [1, 4, 1, 1] for leaf in ("beta", "gamma", "mean", "var")}}))
    assert not main(["convert", "net.pt", "net.h5", "--layout", "torch", "--names", "names.json"])
    found = records("net.h5")
    assert set(found) == {"conv1/conv/W", "conv1/conv/b", "bn1/bn/beta", "bn1/bn/gamma", "bn1/bn/mean", "bn1/bn/var",
                          "fc/affine/W", "fc/affine/b"}
    np.testing.assert_array_equal(found["fc/affine/W"].values, net.head.weight.detach().numpy().T)
    assert found["bn1/bn/var"].values.shape == (1, 4, 1, 1) and not found["bn1/bn/var"].need_grad
    # And the same names on the way to torch.
    assert not main(["convert", "net.h5", "again.pt", "--layout", "torch", "--names", "names.json"])
    again = torch.load("again.pt", weights_only=True)
    assert set(again) == {k for k in net.state_dict() if "num_batches" not in k}
    assert all(torch.equal(again[k], net.state_dict()[k]) for k in again)


def test_raw_state_dict_fits_the_interop_view():
    import nnabla_compat.parametric_functions as PF
    from nnabla_compat.interop import graph_to_torch
    main(["convert", str(FIXTURES / "nnp" / "mlp.nnp"), "a.pt"])
    nn.clear_parameters()
    x = nn.Variable((4, 6))
    h = x
    for name, n in (("fc1", 10), ("fc2", 8), ("out", 3)):
        h = PF.affine(h, n, name=name)
    module = graph_to_torch([x], [h])
    module.load_state_dict(torch.load("a.pt", weights_only=True))
    np.testing.assert_array_equal(nn.get_parameters()["fc1/affine/W"].d, records(FIXTURES / "nnp" / "mlp.nnp")["fc1/affine/W"].values)
    nn.clear_parameters()


def failing(*arguments, capsys):
    before = {p: p.read_bytes() for p in pathlib.Path().iterdir()}
    assert main(["convert", *map(str, arguments)]) == 1
    assert {p: p.read_bytes() for p in pathlib.Path().iterdir()} == before     # nothing half-written
    return capsys.readouterr().err


class Anything:
    pass


def test_errors(capsys):
    def fails(*arguments):
        return failing(*arguments, capsys=capsys)

    main(["convert", RESNET, "a.pt", "--layout", "torch"])
    assert "--like" in fails("a.pt", "b.h5", "--layout", "torch")            # shapes of batch normalization unknown
    assert "missing" in fails("a.pt", "b.h5", "--like", RESNET)              # arrays of torch's layers taken for raw ones
    assert "extensions" in fails(RESNET, "b.txt")
    assert "no such" in fails("nowhere.h5", "b.pt").lower()
    assert "expected two files" in fails(RESNET)
    pathlib.Path("bad.json").write_text("[1]")
    assert "bad.json" in fails(RESNET, "b.pt", "--names", "bad.json")
    pathlib.Path("bad.json").write_text("{")
    assert "bad.json" in fails(RESNET, "b.pt", "--names", "bad.json")
    pathlib.Path("bad.json").write_text('{"a": "x", "b": "x"}')
    assert "both stand for 'x'" in fails(RESNET, "b.pt", "--names", "bad.json")
    torch.save(torch.nn.Linear(1, 1), "module.pt")
    assert "state_dict()" in fails("module.pt", "b.h5")
    torch.save({"w": torch.ones(1), "n": 3}, "mixed.pt")
    assert "n." in fails("mixed.pt", "b.h5")
    pathlib.Path("broken.pt").write_bytes(b"PK\3\4 and then nothing")
    assert "broken.pt" in fails("broken.pt", "b.h5")
    torch.save({"fc.affine.weight": torch.ones(3, 2), "fc.affine.bias": torch.ones(3)}, "small.pt")
    pathlib.Path("shapes.json").write_text('{"shapes": {"fc/affine/W": [3, 2]}}')
    assert "(3, 2)" in fails("small.pt", "b.h5", "--layout", "torch", "--names", "shapes.json")


def test_an_older_file_survives_a_failure(monkeypatch, capsys):
    pathlib.Path("a.pt").write_bytes(b"older")
    monkeypatch.setattr(state_dicts, "read", lambda *_: {})
    assert "does not read back" in failing(RESNET, "a.pt", capsys=capsys)


def test_what_is_not_numbers_of_numpy():
    torch.save({"w": torch.ones(3, dtype=torch.bfloat16), "h": torch.ones(2, dtype=torch.float16)}, "a.pt")
    parameter_files.convert("a.pt", "b.h5")
    assert records("b.h5")["w"].values.dtype == np.float32


def test_safetensors_missing(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "safetensors.torch", None)
    assert "pip install nnabla-compat[safetensors]" in failing(RESNET, "a.safetensors", capsys=capsys)


def test_table(capsys):
    assert not main(["convert", "--table"])
    assert "torch.nn.Linear" in capsys.readouterr().out
