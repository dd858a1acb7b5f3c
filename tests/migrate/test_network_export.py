"""``nnabla-compat convert`` of networks: exported programs and ONNX."""
import pathlib

import numpy as np
import pytest
import torch

from nnabla_compat.__main__ import main
from nnabla_compat.migrate import network_export
from nnabla_compat.migrate.network_file import NetworkFile
from nnabla_compat.optional import available

FIXTURES = pathlib.Path(__file__).parents[1] / "files" / "fixtures"
ONNX = pytest.mark.skipif(not all(map(available, ("onnx", "onnxscript", "onnxruntime"))), reason="needs the onnx extra")


@pytest.fixture(autouse=True)
def inside(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def fixture(name):
    return str(FIXTURES / ("nnp" if name.endswith(".nnp") else "text") / name)


def recorded(name):
    with np.load(fixture(name).replace(".nnp", ".npz")) as io:
        return {k: io[k] for k in io.files}


@pytest.mark.parametrize("name,entry", [("mlp", "net"), ("resnet", "resnet"), ("lenet", "lenet"), ("rnn_unrolled", "rnn"),
                                        ("embed", "embed_net"), ("varbatch", "vb")])
def test_program(name, entry, capsys):
    assert not main(["convert", fixture(name + ".nnp"), "a.pt2"])
    assert "any batch size" in capsys.readouterr().out
    io = recorded(name + ".nnp")
    program = torch.export.load("a.pt2").module()
    network = NetworkFile(fixture(name + ".nnp")).network
    for tag in {k.split(".in.")[0] for k in io if ".in." in k}:     # other batch sizes among them
        found = program(*[torch.from_numpy(io[f"{tag}.in.{n}"]) for n in network.inputs])
        for n, y in zip(network.outputs, found, strict=True):
            np.testing.assert_allclose(y.detach().numpy(), io[f"{tag}.out.{n}"], atol=1e-5)


@pytest.mark.parametrize("name", ["fixedbatch", "lstm_fn", "misc_ops"])
def test_fixed_shapes(name, capsys):
    assert not main(["convert", fixture(name + ".nnp"), "a.pt2"])
    assert "of these shapes only" in capsys.readouterr().out


def test_batch_size(capsys):
    assert not main(["convert", fixture("mlp.nnp"), "a.pt2", "--batch-size", "5"])
    assert "(5, 6)" in capsys.readouterr().out
    assert torch.export.load("a.pt2").module()(torch.zeros(5, 6))[0].shape == (5, 3)


@ONNX
@pytest.mark.parametrize("name", ["mlp", "resnet", "multi_io"])
def test_onnx(name, capsys):
    import onnx
    import onnxruntime
    assert not main(["convert", fixture(name + ".nnp"), "a.onnx"])
    assert "worst difference" in capsys.readouterr().out
    onnx.checker.check_model(onnx.load("a.onnx"))
    io = {k.partition(".")[2]: v for k, v in recorded(name + ".nnp").items() if ".b" not in k}
    session = onnxruntime.InferenceSession("a.onnx", providers=["CPUExecutionProvider"])
    names = [o.name for o in session.get_outputs()]
    assert names == [k[4:] for k in io if k.startswith("out.")]
    found = session.run(None, {k[3:]: v for k, v in io.items() if k.startswith("in.")})
    for name, y in zip(names, found):
        np.testing.assert_allclose(y, io["out." + name], atol=1e-5)


@ONNX
def test_what_onnx_gets_wrong_is_not_written(capsys):
    """torch.onnx drops the divisor of sum pooling, without a word."""
    assert main(["convert", fixture("image_ops.nnp"), "a.onnx"])
    assert "sumpool" in capsys.readouterr().err
    assert not list(pathlib.Path().iterdir())


def test_operators_that_cannot_be_exported(capsys):
    pathlib.Path("a.pt2").write_bytes(b"older")
    assert main(["convert", fixture("quant.nnp"), "a.pt2"])
    assert "  BinaryConnectAffine: @quant_net/BinaryConnectAffine" in capsys.readouterr().err
    assert pathlib.Path("a.pt2").read_bytes() == b"older" and len(list(pathlib.Path().iterdir())) == 1


def test_operators_that_nobody_knows(capsys):
    assert main(["convert", str(FIXTURES / "errors" / "unknown_function.nnp"), "a.pt2"])
    assert "lacks operators" in capsys.readouterr().err


def test_errors(capsys):
    def fails(*arguments):
        assert main(["convert", *arguments]) == 1 and not list(pathlib.Path().iterdir())
        return capsys.readouterr().err

    assert "train_net, infer_net" in fails(fixture("multi_network.nnp"), "a.pt2")
    assert "train_net, infer_net" in fails(fixture("multi_network.nnp"), "a.pt2", "--network", "other")
    assert "--parameters" in fails(fixture("mlp_text.nntxt"), "a.pt2")
    assert "extensions" in fails("model.h5", "a.pt2")
    assert "No such file" in fails("model.nnp", "a.pt2")


def test_parameters_of_another_file():
    main(["convert", fixture("mlp.nnp"), "p.h5"])
    assert not main(["convert", fixture("mlp_text.nntxt"), "a.pt2", "--parameters", "p.h5"])


def test_nothing_is_registered():
    import nnabla_compat as nn
    nn.clear_parameters()
    network_export.convert(fixture("mlp.nnp"), "a.pt2")
    assert not nn.get_parameters(grad_only=False)


def test_random_inputs_fit():
    inputs = NetworkFile(fixture("embed.nnp")).random_inputs()
    assert inputs["idx"].shape == (4, 3) and torch.equal(inputs["idx"], inputs["idx"].round()) and inputs["idx"].min() >= 0
