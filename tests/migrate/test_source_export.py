"""``nnabla-compat export-source``: PyTorch source of networks."""
import json
import pathlib
import subprocess
import sys

import numpy as np
import pytest
import torch

import nnabla_compat as nn
import nnabla_compat.functions as F
import nnabla_compat.parametric_functions as PF
from nnabla_compat.__main__ import main
from nnabla_compat.files.load import read_parameters
from nnabla_compat.migrate import source_export, source_operators
from nnabla_compat.migrate.source_formulas import FORMULAS, UNWRITTEN
from nnabla_compat.migrate.network_file import NetworkFile
from nnabla_compat.registry import OPERATORS
from nnabla_compat.utils.save import save

FIXTURES = pathlib.Path(__file__).parents[1] / "files" / "fixtures"
RECORDED = {e["file"]: e for e in json.loads((FIXTURES / "manifest.json").read_text()) if e["kind"] == "network"}
# Some text files have their parameters elsewhere.
NETWORKS = [(f, n["name"]) for f, e in RECORDED.items() if e["params_inside"] for n in e["networks"]]


@pytest.fixture(autouse=True)
def inside(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    nn.clear_parameters()
    yield
    nn.clear_parameters()


def exported(path, *options):
    assert not main(["export-source", str(path), "out", "--format", "pt", *options])
    module = {"__name__": "model", "__file__": "out/model.py"}
    exec(pathlib.Path("out/model.py").read_text(), module)
    return module["load"]()


def listed(found):
    return [found] if isinstance(found, torch.Tensor) else list(found)


@pytest.mark.parametrize("file,network", NETWORKS, ids=[f"{f}-{n}" for f, n in NETWORKS])
def test_recorded_outputs(file, network, capsys):
    """What nnabla itself computed of these files."""
    model = exported(FIXTURES / file, "--network", network).eval()
    text = capsys.readouterr().out
    assert "checked in evaluation" in text and "worst difference" in text
    assert sorted(p.name for p in pathlib.Path("out").iterdir()) == ["model.pt", "model.py", "names.json"]
    assert sorted(p.name for p in pathlib.Path().iterdir()) == ["out"]
    source = pathlib.Path("out/model.py").read_text()
    assert "nnabla_compat" not in source and max(map(len, source.splitlines())) <= 120
    entry = RECORDED[file]
    described = next(n for n in entry["networks"] if n["name"] == network)
    with np.load(FIXTURES / entry["io"]) as io:
        inputs = [torch.from_numpy(io[f"{network}.in.{n}"])
                  for n in NetworkFile(str(FIXTURES / file), network).network.inputs]
        expected = {n: io[f"{network}.out.{n}"] for n in described["outputs"]}
    if network == "training":
        model.train()       # batch normalization by the batch, as recorded
    names = list(NetworkFile(str(FIXTURES / file), network).network.outputs)
    found = dict(zip(names, listed(model(*inputs))))
    for name in set(names) & set(expected):
        np.testing.assert_allclose(found[name].detach().numpy(), expected[name], 1e-4, 1e-5, err_msg=name)


@pytest.mark.parametrize("name", ["resnet", "rnn_unrolled", "image_ops", "graphdef", "module_graph", "quant"])
def test_gradients(name):
    path = str(FIXTURES / "nnp" / f"{name}.nnp")
    model = exported(path).train()
    file = NetworkFile(path)
    from nnabla_compat.utils.nnp_graph import NnpNetworkPass
    change = NnpNetworkPass()
    change.set_batch_normalization_batch_stat_all(True)
    network, inputs = file.build(change), file.random_inputs(3)
    for key, x in inputs.items():
        network.inputs[key].d = x.numpy()
    loss = sum([F.sum(F.sin(y)) for y in network.outputs.values()][1:], F.sum(F.sin(next(iter(network.outputs.values())))))
    for p in file.parameters.values():
        p.grad.zero()
    loss.forward()
    loss.backward()
    sum(torch.sin(y).sum() for y in listed(model(*inputs.values()))).backward()
    names = json.loads(pathlib.Path("out/names.json").read_text())["names"]
    checked = 0
    for key, p in model.named_parameters():
        g, found = file.parameters[names[key]].g, p.grad.numpy()
        if found.shape != g.shape:
            g = g.reshape(found.shape[::-1]).T if g.size == found.size and g.ndim == 2 else g.reshape(found.shape)
        elif key.endswith(".weight") and names[key].endswith("affine/W"):
            g = g.T
        np.testing.assert_allclose(found, g, 1e-3, 2e-5, err_msg=key)
        checked += 1
    assert checked >= 2


def test_a_trained_model_goes_back():
    """Names on the way back to nnabla: the written map is enough."""
    path = FIXTURES / "nnp" / "resnet.nnp"
    model = exported(path)
    with torch.no_grad():
        for p in model.parameters():
            p += 1
    torch.save(model.state_dict(), "trained.pt")
    assert not main(["convert", "trained.pt", "trained.nnp", "--layout", "torch", "--names", "out/names.json",
                     "--like", str(path)])
    before, after = ({r.name: r for r in read_parameters(str(f))[0]} for f in (path, "trained.nnp"))
    for name, record in before.items():
        np.testing.assert_allclose(after[name].values, record.values + record.need_grad, rtol=1e-6)


@pytest.mark.parametrize("file,network", NETWORKS, ids=[f"{f}-{n}" for f, n in NETWORKS])
def test_every_parameter_goes_back(file, network):
    exported(FIXTURES / file, "--network", network)
    assert not main(["convert", "out/model.pt", "back.h5", "--layout", "torch", "--names", "out/names.json"])
    before, after = ({r.name: r.values for r in read_parameters(str(f))[0]} for f in (FIXTURES / file, "back.h5"))
    used = NetworkFile(str(FIXTURES / file), network).parameters
    assert set(used) == set(after)
    for name, values in after.items():
        np.testing.assert_array_equal(values, before[name].astype(np.float32), err_msg=name)


def test_only_torch_is_needed():
    exported(FIXTURES / "nnp" / "lenet.nnp")
    code = ("import sys; sys.path.insert(0, 'out'); sys.modules['nnabla_compat'] = sys.modules['safetensors'] = None; import model, torch;"
            "print(model.load()(torch.zeros(2, 1, 16, 16)).shape)")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "torch.Size([2, 5])", done.stderr


def network(build, *shapes):
    xs = [nn.Variable(s) for s in shapes]
    for x in xs:
        x.d = 1
    ys = build(*xs)
    ys = ys if isinstance(ys, (tuple, list)) else [ys]
    save("made.nnp", {"networks": [{"name": "made", "batch_size": 2, "outputs": {f"y{i}": y for i, y in enumerate(ys)},
                                    "names": {f"x{i}": x for i, x in enumerate(xs)}}], "executors": []})
    nn.clear_parameters()
    return "made.nnp"


IMAGE = (2, 4, 6, 6)
MADE = {
    "one layer twice": lambda x: [PF.convolution(PF.convolution(x, 4, (3, 3), pad=(1, 1), name="c"), 4, (3, 3), pad=(1, 1), name="c")],
    "affine to axes": lambda x: [PF.affine(x, (3, 5))],
    "affine of the last axis": lambda x: [PF.affine(x, 3, base_axis=3)],
    "affine without bias": lambda x: [PF.affine(x, 3, with_bias=False)],
    "conv3d and options": lambda x: [PF.convolution(F.reshape(x, (2, 2, 2, 6, 6)), 4, (1, 3, 3), stride=(1, 2, 2), group=2, dilation=(1, 2, 2))],
    "deconv": lambda x: [PF.deconvolution(x, 6, (3, 3), stride=(2, 2), output_padding=(1, 1), group=2)],
    "depthwise": lambda x: [PF.depthwise_convolution(x, (3, 3), multiplier=2),
                            PF.depthwise_deconvolution(x, (3, 3), divisor=2)],
    "weights from elsewhere": lambda x: [F.convolution(
        x, nn.parameter.get_parameter_or_create("w", (4, 4, 3, 3), np.ones((4, 4, 3, 3))) * 2)],
    "batch normalization": lambda x: [PF.batch_normalization(x, eps=1e-3, decay_rate=.7),
                                      PF.batch_normalization(F.reshape(x, (2, 144)), name="b")],
    "layer normalization": lambda x: [PF.layer_normalization(x), PF.layer_normalization(x, batch_axis=(0, 1), name="tokens"),
                                      PF.layer_normalization(x, batch_axis=(0, 1, 2), no_bias=True, name="last")],
    "norms": lambda x: [PF.group_normalization(x, 2), PF.instance_normalization(x)],
    "prelu": lambda x: [PF.prelu(x, shared=False)],
    "gru": lambda x: list(PF.gru(F.reshape(x, (2, 24, 6)), F.constant(0, (2, 1, 24, 3)), num_layers=2)),
    "rnn": lambda x: list(PF.rnn(F.reshape(x, (2, 24, 6)), F.constant(0, (1, 2, 24, 3)), bidirectional=True, nonlinearity="relu")),
    "pools": lambda x: [F.max_pooling(x, (2, 2), stride=(1, 1)), F.average_pooling(x, (3, 3), pad=(1, 1)), F.sum_pooling(x, (2, 3))],
    "scalars": lambda x: [x + 1, x * .3, 2 / (x + 9), .5 ** x, x - 2],
    "reductions": lambda x: [F.sum(x), F.mean(x, keepdims=True), F.max(x, (1, 2), True), F.prod(x, 1), F.min(x, 3)],
    "activations": lambda x: [F.leaky_relu(x), F.elu(x), F.relu6(x), F.log_softmax(x), F.softplus(x, 2.), F.gelu(x)],
    "slice and pad": lambda x: [x[:, 1:3, ::2], F.pad(x, (1, 2, 0, 1), "constant", 2.), F.pad(x, (1, 0, 1, 2), "reflect")],
    "interpolate": lambda x: [F.interpolate(x, output_size=(9, 9), mode="linear", align_corners=False, half_pixel=True),
                              F.unpooling(x, (2, 1))],
    "dropout": lambda x: [F.dropout(x, .3) * 2],
    "powers of two": lambda x: [F.pow2_quantize(x, sign, zero, 5, 1) for sign in (True, False) for zero in (True, False)],
    "quantized": lambda x: [F.fixed_point_quantize(x, n=4, delta=.25), F.round(x)],
}


@pytest.mark.parametrize("case", MADE)
def test_made_network(case):
    exported(network(MADE[case], IMAGE))    # compares


def test_a_network_without_inputs():
    exported(network(lambda: PF.affine(nn.parameter.get_parameter_or_create("image", (2, 3), np.ones((2, 3))), 4)))


def test_shared_layers_stay_shared():
    model = exported(network(MADE["one layer twice"], IMAGE))
    assert list(dict(model.named_children())) == ["c"]


@pytest.mark.parametrize("name", ["nested", "recurrent", "repeat_new", "repeat_old", "repeat_shared"])
def test_loops(name):
    path = FIXTURES / "loops" / name
    exported(f"{path}.nntxt", "--parameters", f"{path}.h5")


def test_refusals_name_the_nodes(capsys):
    path = network(lambda x: [F.relu(x), F.randn(shape=(2, 4)) * F.rand(shape=(2, 4)), F.rand(shape=(2, 3))], IMAGE)
    assert main(["export-source", path, "out"])
    error = capsys.readouterr().err
    assert "  Rand: @made/Rand (random numbers" in error and "@made/Rand_1" in error and "  Randn: @made/Randn" in error
    assert main(["export-source", network(lambda x: [F.convolution(x, F.constant(1, (2, 3, 3, 6)), channel_last=True)], IMAGE), "out"])
    assert "channels elsewhere" in capsys.readouterr().err
    assert [p.name for p in pathlib.Path().iterdir()] == ["made.nnp"]


def test_a_wrong_source_is_not_kept(monkeypatch, capsys):
    monkeypatch.setitem(FORMULAS, "Tanh", "torch.sigmoid({0})")
    assert main(["export-source", str(FIXTURES / "nnp" / "mlp.nnp"), "out"])
    assert "differs from the network's" in capsys.readouterr().err and not list(pathlib.Path().iterdir())


def test_a_directory_with_files_is_left_alone(capsys):
    pathlib.Path("out").mkdir()
    pathlib.Path("out/mine").write_text("mine")
    assert main(["export-source", str(FIXTURES / "nnp" / "mlp.nnp"), "out"])
    assert "exists already" in capsys.readouterr().err and [p.name for p in pathlib.Path("out").iterdir()] == ["mine"]


def test_names_that_python_has_taken():
    source = source_export._write(NetworkFile(str(FIXTURES / "nnp" / "misc_ops.nnp")), None)
    assert "in_1 = self.in_1(z)" in source.lines


def test_every_operator_is_written_or_refused_for_a_reason():
    ways = [set(source_operators.WRITERS), set(FORMULAS), set(UNWRITTEN)]
    assert set.union(*ways) == set(OPERATORS) and sum(map(len, ways)) == len(OPERATORS)
