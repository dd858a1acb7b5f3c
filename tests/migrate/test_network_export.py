"""``nnabla-compat convert`` of networks: exported programs and ONNX."""
import json
import pathlib
import pickle

import numpy as np
import pytest
import torch
from oracle import record_conversions as conversions

import nnabla_compat as nn
import nnabla_compat.functions as F
from nnabla_compat.__main__ import main
from nnabla_compat.migrate import network_export
from nnabla_compat.migrate.network_file import NetworkFile
from nnabla_compat.optional import available
from nnabla_compat.utils.save import save

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
@pytest.mark.parametrize("file,network", conversions.networks(), ids=lambda value: value)
def test_onnx(file, network, capsys):
    """Every fixture, by onnxruntime against what nnabla computed."""
    import onnx
    import onnxruntime
    assert not main(["convert", str(FIXTURES / file), "a.onnx", "--network", network])
    assert "worst difference" in capsys.readouterr().out
    onnx.checker.check_model(onnx.load("a.onnx"))
    described = NetworkFile(str(FIXTURES / file), network)
    entry = next(e for e in json.loads((FIXTURES / "manifest.json").read_text()) if e["file"] == file)
    session = onnxruntime.InferenceSession("a.onnx", providers=["CPUExecutionProvider"])
    assert [o.name for o in session.get_outputs()] == list(described.network.outputs)
    with np.load(FIXTURES / entry["io"]) as io:
        given = {i.name: io[f"{network}.in.{i.name}"].astype(np.float32) for i in session.get_inputs()}
        found = dict(zip(described.network.outputs, session.run(None, given)))
        if described.functions and any(f.type == "BatchNormalization" and f.args["batch_stat"] for f in described.functions):
            return      # recorded in training; convert compared it in evaluation
        for name, y in found.items():
            if (recorded := f"{network}.out.{name}") in io.files:
                np.testing.assert_allclose(y, io[recorded], 1e-4, 1e-5, err_msg=name)


def test_a_wrong_program_is_not_written(monkeypatch, capsys):
    monkeypatch.setattr(network_export, "_run_program", lambda content, inputs: [torch.zeros(len(inputs[0]), 3)])
    assert main(["convert", fixture("mlp.nnp"), "a.pt2"])
    assert "differs from the network's" in capsys.readouterr().err and not list(pathlib.Path().iterdir())


def test_operators_that_cannot_be_exported(capsys):
    """Neither as they are nor as source."""
    pathlib.Path("a.pt2").write_bytes(b"older")
    x = nn.Variable((2, 3, 8, 8))
    y = F.random_shift(F.relu(x), (1, 1))
    save("made.nnp", {"networks": [{"name": "made", "batch_size": 2, "outputs": {"y": y}, "names": {"x": x}}], "executors": []})
    assert main(["convert", "made.nnp", "a.pt2"])
    error = capsys.readouterr().err
    assert "  RandomShift: @made/RandomShift" in error and "ReLU" not in error
    assert pathlib.Path("a.pt2").read_bytes() == b"older" and len(list(pathlib.Path().iterdir())) == 2


def test_what_only_written_source_can_be_exported(capsys):
    """Binary weights, which write into their buffers."""
    assert not main(["convert", fixture("quant.nnp"), "a.pt2"])
    io = recorded("quant.nnp")
    found = torch.export.load("a.pt2").module()(torch.from_numpy(io["quant_net.in.x"]))
    names = NetworkFile(fixture("quant.nnp")).network.outputs
    for name, y in zip(names, found, strict=True):
        np.testing.assert_allclose(y.detach().numpy(), io["quant_net.out." + name], 1e-4, 1e-5, err_msg=name)


@pytest.mark.parametrize("file,network", conversions.networks(), ids=lambda value: value)
def test_every_fixture_as_a_torch_module(file, network):
    """Within 1e-5 of what nnabla computed; compiled in one graph; called with other parameters; copied."""
    described = NetworkFile(str(FIXTURES / file), network)
    entry = next(e for e in json.loads((FIXTURES / "manifest.json").read_text()) if e["file"] == file)
    module = described.module()         # in training: the graph as it is, as it was recorded
    statistics = {k: v.clone() for k, v in module.state_dict().items()}
    twin = pickle.loads(pickle.dumps(module))
    with np.load(FIXTURES / entry["io"]) as io:
        inputs = [torch.from_numpy(io[f"{network}.in.{n}"]).float() for n in described.network.inputs]
        expected = {n: io[f"{network}.out.{n}"] for n in described.network.outputs if f"{network}.out.{n}" in io.files}
    for name, y in zip(described.network.outputs, module(*inputs), strict=True):
        if name in expected:
            np.testing.assert_allclose(y.detach().numpy(), expected[name], 1e-5, 1e-5, err_msg=name)
    torch._dynamo.reset()
    compiled = torch.compile(twin, fullgraph=True, backend="eager")
    called = torch.func.functional_call(module, statistics, tuple(inputs))
    for a, b in zip(compiled(*inputs), called, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-5, equal_nan=True)


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
