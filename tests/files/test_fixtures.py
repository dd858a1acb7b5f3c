"""Files that nnabla 1.39 wrote, or read, with what it computed from them: ``fixtures/manifest.json``."""
import json
import pathlib

import numpy as np
import pytest

import nnabla_compat as nn
from nnabla_compat.core import graph_def
from nnabla_compat.files import network_files
from nnabla_compat.files.errors import FileFormatError
from nnabla_compat.utils.load import load
from nnabla_compat.utils.nnp_graph import NnpLoader, NnpNetworkPass

ROOT = pathlib.Path(__file__).parent / "fixtures"
HAND_WRITTEN = {f"loops/{n}.nntxt" for n in ("nested", "recurrent", "repeat_new", "repeat_old", "repeat_shared")}
ENTRIES = json.loads((ROOT / "manifest.json").read_text())


def of_kind(kind):
    entries = [e for e in ENTRIES if e["kind"] == kind]
    return pytest.mark.parametrize("entry", entries, ids=[e["id"] for e in entries])


def path(name):
    return str(ROOT / name)


def arrays(name):
    with np.load(path(name)) as file:
        return {k: file[k] for k in file.files}


def assert_close(actual, expected, entry=None, what=""):
    entry = entry or {}
    assert np.shape(actual) == np.shape(expected), what
    np.testing.assert_allclose(actual, expected, entry.get("rtol", 1e-4), entry.get("atol", 1e-5), err_msg=what)


def registered():
    return nn.get_parameters(grad_only=False)


@of_kind("network")
def test_network(entry):
    io = arrays(entry["io"])
    loader = NnpLoader(path(entry["file"]))
    params = arrays(entry["params"]) if entry["params"] else {}
    if not entry["params_inside"]:
        with nn.parameter_scope("", loader._params):
            for name, values in params.items():
                nn.parameter.get_parameter_or_create(name, values.shape, initializer=values)
    assert loader.get_network_names() == [n["name"] for n in entry["networks"]]
    for described in entry["networks"]:
        # One loader builds all batch sizes, the first of them twice.
        for batch_size in [None, *entry["alt_batch_sizes"], None]:
            tag = described["name"] if batch_size is None else f"{described['name']}.b{batch_size}"
            network = loader.get_network(described["name"], batch_size=batch_size)
            for name in described["inputs"]:
                assert network.inputs[name].shape == io[f"{tag}.in.{name}"].shape
                network.inputs[name].d = io[f"{tag}.in.{name}"]
            outputs = [network.variables[name] for name in described["outputs"]]
            nn.forward_all(outputs)
            for name, y in zip(described["outputs"], outputs):
                assert_close(y.d, io[f"{tag}.out.{name}"], entry, name)
    if params and entry["params_inside"] and entry["file"].endswith(".nnp"):
        nn.clear_parameters()
        nn.load_parameters(path(entry["file"]))
        assert set(registered()) == set(params)


@of_kind("network")
def test_structure(entry):
    if "structure" not in entry:
        pytest.skip("no record of the structure")
    described = json.loads((ROOT / entry["structure"]).read_text())
    graph = graph_def.load(path(entry["file"]))
    for expected in described["networks"]:
        network = graph[expected["name"]]
        assert network.batch_size == expected["batch_size"]
        found = [[v.name, v.type, list(v.shape)] for v in (*network.variables.values(), *network.parameters.values())]
        assert found == expected["variables"]
        for f, e in zip(network.functions.values(), expected["functions"], strict=True):
            assert [f.name, f.type, f.inputs, f.outputs] == [e["name"], e["type"], e["inputs"], e["outputs"]]
            for name, value in (e.get("args") or {}).items():
                assert f.args[name] == pytest.approx(value) if isinstance(value, float) else f.args[name] == value, (f, name)


@pytest.mark.parametrize("file", sorted({e["file"] for e in ENTRIES if e["kind"] != "error"}))
def test_description_comes_back(file):
    original = network_files.read(path(file)).proto
    for open_batch in (False, True):
        if open_batch and file == "nnp/fixedbatch.nnp":  # its reshapes know no batch
            continue
        again = graph_def.load(path(file)).as_proto(variable_batch_size=open_batch)
        for ours, theirs in zip(again.network, {n.name: n for n in original.network}.values(), strict=True):
            for i, function in enumerate(theirs.function):
                function.ClearField("context")
                if file in HAND_WRITTEN and not function.WhichOneof("parameter"):
                    ours.function[i].ClearField(ours.function[i].WhichOneof("parameter") or "context")
            for network in (ours, theirs):  # Buffers first
                variables = sorted(network.variable, key=lambda v: v.type)
                for v in variables:
                    if v.initializer.type == "Foo":  # nobody knows it
                        v.ClearField("initializer")
                del network.variable[:]
                network.variable.extend(variables)
            assert str(ours) == str(theirs)


@of_kind("graph_def")
def test_graph_def(entry):
    io, described = arrays(entry["io"]), entry["networks"][0]
    graph = graph_def.load(path(entry["file"]))
    assert list(graph.inputs) == list(described["inputs"]) and list(graph.outputs) == list(described["outputs"])
    ys = graph(*[nn.Variable.from_numpy_array(a) for k, a in io.items() if ".in." in k])
    ys = ys if isinstance(ys, tuple) else (ys,)
    nn.forward_all(ys)
    for y, expected in zip(ys, [a for k, a in io.items() if ".out." in k], strict=True):
        assert_close(y.d, expected)
    assert not registered()


@of_kind("loop_network")
def test_loop(entry):
    io, expected = arrays(entry["io"]), entry["load_result"]
    info = load(path(entry["file"]))
    network = info.networks[entry["network"]]
    for name, p in registered().items():
        assert_close(p.d, io["init." + name], what=name)
    assert set(network.variables) == set(expected["variables"]) and list(network.outputs) == expected["outputs"]
    assert set(network.parameters) == set(expected["parameters"]) and list(network.inputs) == expected["inputs"]
    assert {f.name: [f.type, f.inputs, f.outputs] for f in network.functions.values()} == {
        name: rest for name, *rest in expected["functions"]}
    assert info.renamed_variables == expected["renamed_variables"]
    for name, p in registered().items():
        p.d = io["param." + name]
    for name, values in io.items():
        if name.startswith("in."):
            network.variables[name[3:]].variable_instance.d = values
    executor = info.executors["Executor"]
    executor.forward_target.forward()
    for v in executor.output_assign:
        assert_close(v.variable_instance.d, io["out." + v.name])


@of_kind("loop_network")
def test_loop_with_another_batch_size(entry):
    io = arrays(entry["io"])
    loader = NnpLoader([path(entry["file"]), path(entry["parameter_file"])])
    network = loader.get_network(entry["network"], batch_size=2)
    assert set(network.variables) == set(entry["nnploader_variables"])
    for name, values in io.items():
        if name.startswith("b2.in."):
            network.inputs[name[6:]].d = values
    y, = network.outputs.values()
    y.forward()
    assert_close(y.d, next(a for k, a in io.items() if k.startswith("b2.out.")))


@of_kind("loop_network")
def test_loops_are_not_built_unexpanded(entry):
    with pytest.raises(ValueError, match="expand_loop_control"):
        graph_def.load(path(entry["file"]))()


@of_kind("initializers")
def test_initializers(entry):
    io = arrays(entry["io"])
    load(path(entry["file"]))
    for name, p in registered().items():
        assert_close(p.d, io["load." + name], what=name)
    nn.clear_parameters()
    NnpLoader(path(entry["file"])).get_network("Init")
    for name, p in registered().items():
        assert_close(p.d, io["nnploader." + name], what=name)
    graph = graph_def.load(path(entry["file"]))
    graph()
    for name, p in graph.get_parameters().items():
        assert_close(p.d, io["load." + name], what=name)


def set_batch(change):
    x = nn.Variable((5, 3, 8, 8))
    x.d = arrays("nnp/passnet.npz")["x5"]
    change.set_variable("x", x)
    return x


def edit_arguments(change):
    @change.on_generate_function_by_name("@p/Convolution_1")
    def dilate(f):
        f.proto.convolution_param.dilation.dim[:] = [2, 2]
        f.proto.convolution_param.pad.dim[:] = [2, 2]
        return f


def edit_type(change):
    @change.on_generate_function_by_type("MaxPooling")
    def average(f):
        f.proto.type = "AveragePooling"
        pooling = f.proto.average_pooling_param
        pooling.kernel.dim[:] = pooling.stride.dim[:] = [2, 2]
        pooling.ignore_border = pooling.including_pad = True
        pooling.pad.dim[:] = [0, 0]
        return f


PASSES = {
    "plain": lambda change: None,
    "use_up_to": lambda change: change.use_up_to("@p/MaxPooling_out"),
    "rewire": lambda change: change.remove_and_rewire("@p/ReLU"),
    "drop_last": lambda change: change.drop_function("@p/Softmax"),
    "bn_batch_stat": lambda change: change.set_batch_normalization_batch_stat_all(True),
    "fix": lambda change: change.fix_parameters(),
    "set_variable": set_batch, "edit_args": edit_arguments, "edit_type": edit_type,
}


@pytest.mark.parametrize("case", PASSES)
def test_pass(case):
    entry = next(e for e in ENTRIES if e["kind"] == "network_pass")
    assert set(PASSES) == set(entry["cases"])
    expected, io, change = entry["cases"][case], arrays(entry["io"]), NnpNetworkPass()
    held = PASSES[case](change)
    network = NnpLoader(path(entry["file"])).get_network("p", callback=change)
    assert {k: list(v.shape) for k, v in network.inputs.items()} == expected["inputs"]
    assert {k: list(v.shape) for k, v in network.outputs.items()} == expected["outputs"]
    assert sorted(network.variables) == sorted(expected["variables"])
    assert sorted(f.type for f in network.proto_network.functions.values()) == sorted(expected["function_types"])
    if held is None:
        network.inputs["x"].d = io["x"]
    y, = network.outputs.values()
    y.forward()
    assert_close(y.d, io[case], entry)
    assert sorted({bool(p.need_grad) for p in registered().values()}) == expected["need_grad_of_parameters"]


@of_kind("training_file")
def test_training_file(entry):
    io, expected = arrays(entry["io"]), entry["load_result"]
    info = load(path(entry["file"]), prepare_data_iterator=False)
    assert {k: n.batch_size for k, n in info.networks.items()} == {k: n["batch_size"] for k, n in expected["networks"].items()}
    assert vars(info.training_config) == expected["training_config"]
    assert {k: [d.uri, d.cache_dir, d.normalize] for k, d in info.datasets.items()} == {
        k: [d["uri"], d["cache_dir"], d["normalize"]] for k, d in expected["datasets"].items()}
    optimizer, record = info.optimizers["opt"], expected["optimizer"]
    assert optimizer.solver.name == record["solver"] and optimizer.solver.info == pytest.approx(record["info"])
    for name in ("weight_decay", "lr_decay", "lr_decay_interval", "update_interval", "start_iter", "end_iter", "order"):
        assert getattr(optimizer, name) == pytest.approx(record[name]), name
    assert type(optimizer.scheduler).__name__ == record["scheduler"]
    assert [v.name for v in optimizer.loss_variables] == record["loss_variables"]
    assert {v.name: d for v, d in optimizer.dataset_assign.items()} == record["dataset_assign"]
    assert {v.name: m for v, m in optimizer.parameter_learning_rate_multipliers.items()} == record["lr_multipliers"]
    assert list(optimizer.parameters) == record["parameters"]
    states = optimizer.solver.get_states()
    assert {k: int(s.t) for k, s in states.items()} == record["t"]
    for key, state in states.items():
        for name, v in state.pstate.items():
            if record["t"][key]:
                assert_close(v.d, io[f"state.{key}.{name}"], what=key)
    for name, monitor in expected["monitors"].items():
        assert [v.name for v in info.monitors[name].monitor_variables] == monitor["monitor_variables"]
    assert {k: bool(p.need_grad) for k, p in registered().items()} == expected["need_grad_after_load"]
    if entry["file"] == "nnp/full.nntxt":  # has no parameters
        return
    for name, p in registered().items():
        assert_close(p.d, io["param." + name], what=name)
    executor = info.executors["Executor"]
    for v in executor.dataset_assign:
        v.variable_instance.d = io["validation.in.x"]
    executor.forward_target.forward()
    for v in executor.output_assign:
        assert_close(v.variable_instance.d, io["validation.out." + v.name])
    info.optimizers["opt"].target.forward()
    info.optimizers["opt"].target.backward()


CALLS = {"nn.load_parameters(file)": nn.load_parameters, "NnpLoader(file)": NnpLoader, "nn.graph_def.load(file)": graph_def.load,
         "nnabla.utils.load.load(file)": lambda file: load(file, prepare_data_iterator=False)}


@pytest.mark.parametrize("call", CALLS)
@of_kind("error")
def test_error(entry, call):
    expected = entry["expected"].get(call, "")
    if "member_without_extension" in entry["file"]:
        expected = None  # nnabla stumbles over a member it does not need
    raised = None
    kept = nn.Variable.from_numpy_array(np.ones((2, 3)), need_grad=True)
    nn.parameter.set_parameter("kept/W", kept)
    try:
        CALLS[call](path(entry["file"]))
    except Exception as error:
        raised = error
        assert isinstance(error, FileFormatError)
        assert list(registered()) == ["kept/W"] and registered()["kept/W"] is kept
    if expected is None:
        assert raised is None
    elif expected:
        assert expected.rpartition(".")[2] in [cls.__name__ for cls in type(raised).__mro__]
