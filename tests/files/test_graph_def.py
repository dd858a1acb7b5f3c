"""Networks recorded on ProtoVariables, and descriptions changed, built, saved."""
import io

import numpy as np
import pytest

import nnabla_compat as nn
import nnabla_compat.functions as F
import nnabla_compat.parametric_functions as PF
from nnabla_compat.core import graph_def
from nnabla_compat.core.graph_def import ProtoVariable
from nnabla_compat.utils.nnp_graph import NnpLoader, NnpNetworkPass


class Block(nn.Module):
    def __init__(self, n):
        self.n = n

    def call(self, x):
        return F.relu(PF.batch_normalization(PF.affine(x, self.n), batch_stat=False))


class Net(nn.Module):
    def __init__(self):
        self.a, self.b = Block(4), Block(3)

    def call(self, x):
        return self.b(self.a(x)) + 1


def layers(network):
    return [(f.name, f.type, f.inputs, f.outputs) for f in network.functions.values()]


def rand(*shape):
    return nn.Variable.from_numpy_array(np.random.RandomState(0).randn(*shape).astype(np.float32))


def forward(y):
    y.forward()
    return y.d.copy()


def test_module():
    net, x = Net(), rand(2, 5)
    expected = forward(net(x))
    with graph_def.graph() as g:
        y = net(ProtoVariable((2, 5)))
    network = g.net
    assert isinstance(y, ProtoVariable) and y.shape == (2, 3) and y.name == "@net/AddScalar_out" and y.parent == "@net/AddScalar"
    assert network.inputs == ["@net/@a/Affine_in"] and network.outputs == ["@net/AddScalar_out"]
    assert [f.name for f in network.functions.values()] == [
        "@net/@a/Affine", "@net/@a/BatchNormalization", "@net/@a/ReLU", "@net/@b/Affine", "@net/@b/BatchNormalization",
        "@net/@b/ReLU", "@net/AddScalar"]
    assert list(network.parameters) == [f"@{m}/{p}" for m in "ab" for p in (
        "affine/W", "affine/b", "bn/beta", "bn/gamma", "bn/mean", "bn/var")]
    np.testing.assert_array_equal(forward(g(x)), expected)
    assert g.get_parameters()["@a/affine/W"] == net.a.get_parameters()["affine/W"]
    assert not net.a.get_parameters()["bn/mean"].need_grad, "building a network left the Module's flags alone"


def test_the_builder_by_name_is_the_one_in_use():
    outer = graph_def.proto_graph_builder
    with graph_def.graph():
        assert outer is not graph_def.proto_graph_builder is graph_def.current_graph_builder()
    assert graph_def.proto_graph_builder is outer


def test_names_of_networks():
    net = Net()
    with graph_def.graph(name="given") as g:
        x = ProtoVariable((2, 5))
        y = net(x)
        F.sin(y)
        net(x)
    assert list(g.networks) == ["given", "net"]
    assert layers(g["net"])[0] == ("Sin", "Sin", ["@net/AddScalar_out"], ["Sin_out"])
    with graph_def.graph() as g:
        net(ProtoVariable((2, 5)))
        net(ProtoVariable((2, 5)))
        with graph_def.graph_name("third"):
            net(ProtoVariable((2, 5)))
    assert list(g.networks) == ["net", "net_1", "third"] and g.default_graph() is g.net and "third" in g
    with pytest.raises(KeyError, match="no network 'other', there are: net, net_1, third"):
        g.other


def test_flat_code():
    with graph_def.graph(name="flat") as g:
        x = ProtoVariable((4, 6), name="x")
        h = PF.affine(x, 8, name="fc")
        a, b = F.split(F.reshape(F.dropout(h, 0.5), (4, -1, 2)), axis=2)
        y = (a * b - 1) / 2 + (-a) ** 2
    assert layers(g.flat)[0] == ("@flat/Affine", "Affine", ["x", "fc/affine/W", "fc/affine/b"], ["@flat/Affine_out"])
    assert list(g.flat.functions["@flat/Reshape"].args["shape"]) == [4, -1, 2]
    for free, shape in ((False, [4, 4, 2]), (True, [-1, 4, 2])):
        written = g.flat.as_proto(variable_batch_size=free)
        assert [list(f.reshape_param.shape.dim) for f in written.function if f.type == "Reshape"] == [shape]
    assert y.shape == (4, 4) and g.inputs == ["x"] and g.outputs == [y.name]
    assert list(g.get_parameters()) == ["fc/affine/W", "fc/affine/b"]
    expected = nn.get_parameters()["fc/affine/W"].d
    np.testing.assert_array_equal(g.get_parameters()["fc/affine/W"].d, expected)


def test_modules_that_record_nothing_end_no_network():
    with graph_def.graph() as g:
        h = F.relu(ProtoVariable((2, 5), name="x"))
        net = Net()
        F.sin(h)
        net(rand(2, 5))
        net.get_parameters()
        F.cos(h)
    assert list(g.networks) == ["model"] and len(g.outputs) == 2


def test_default_graph():
    x = ProtoVariable((2, 5), name="x")
    y = PF.batch_normalization(PF.affine(x, 3))
    g = graph_def.get_default_graph()
    assert list(g.networks) == ["model"]
    assert layers(g.model)[1] == ("BatchNormalization", "BatchNormalization",
                                  ["Affine_out", "bn/beta", "bn/gamma", "bn/mean", "bn/var"], ["BatchNormalization_out"])
    assert graph_def.get_default_graph_by_variable(y) is g.model is graph_def.get_default_graph("model")
    assert graph_def.get_default_graph("other") is None
    graph_def.reset_default_graph()
    assert not graph_def.get_default_graph().networks
    with pytest.raises(ValueError, match="in no network of the default graph"):
        graph_def.get_default_graph_by_variable(y)


def test_parameters_that_nobody_registered():
    own = nn.Variable.from_numpy_array(np.ones((3, 4)), need_grad=True)
    with graph_def.graph() as g:
        F.affine(ProtoVariable((2, 3), name="x"), own)
    assert list(g.parameters) == ["Affine_1"] and g.get_parameters()["Affine_1"] == own


def test_weights_computed_from_parameters():
    x = rand(2, 3, 5, 5)

    def net(x):
        h = PF.fixed_point_quantized_convolution(x, 4, (3, 3), delta_w=0.1, n_w=4)
        return PF.pruned_affine(h, 3, rate_w=0.5) * nn.parameter.get_parameter_or_create("scale", (1, 1), np.full((1, 1), 2.0))
    with graph_def.graph() as g:
        net(ProtoVariable((2, 3, 5, 5), name="x"))
    network = g.default_graph()
    assert network.inputs == ["x"]
    assert sorted(f.type for f in network.functions.values()) == sorted(
        ["FixedPointQuantize", "FixedPointQuantize", "Convolution", "Prune", "Prune", "Affine", "Mul2"])
    assert set(network.parameters) <= set(nn.get_parameters(grad_only=False))
    expected = forward(net(x))
    np.testing.assert_allclose(forward(g(x)), expected, 1e-6)
    file = io.BytesIO()
    graph_def.save(file, [g])
    np.testing.assert_allclose(forward(graph_def.load(file, extension=".nnp")(x)), expected, 1e-6)


def test_refused():
    x = ProtoVariable((2, 3))
    with graph_def.graph():
        with pytest.raises(TypeError, match="received NdArray"):
            F.add2(x, nn.NdArray((2, 3)))
        with pytest.raises(RuntimeError, match="depends on values"):
            F.nonzero(x)
        with pytest.raises(RuntimeError, match="affine: expected a weight with 3 rows"):
            F.affine(x, nn.Variable((4, 5)))
        F.relu(ProtoVariable((2,), name="twice"))
        with pytest.raises(ValueError, match="are called 'twice'"):
            F.relu(ProtoVariable((2,), name="twice"))


@pytest.mark.parametrize("extension", [".nnp", ".nntxt", ".protobuf"])
def test_save_and_load(tmp_path, extension):
    net, x = Net(), rand(2, 5)
    expected = forward(net(x))
    with graph_def.graph(name="net") as g:
        v = ProtoVariable((2, 5), name="x")
        y = net(v)
    path = str(tmp_path / ("g" + extension))
    graph_def.save(path, [g], include_parameters=True, executors=[
        {"name": "e", "network": "net", "data": ["x"], "output": {"result": y}}])
    loaded = graph_def.load(path)
    assert loaded.outputs == ["result"] and list(loaded.executors) == ["e"]
    assert g.net.outputs == ["@net/AddScalar_out"] and g.net.variables["x"].shape == (2, 5)
    np.testing.assert_array_equal(forward(loaded(x)), expected)
    y = loaded(batch_size=7)
    assert y.shape == (7, 3) and loaded.variables["x"].variable_instance.shape == (7, 5)
    assert loaded(rand(3, 5)).shape == (3, 3)
    assert not nn.get_parameters()
    again = io.BytesIO()
    graph_def.save(again, [loaded.net], extension=".nnp")
    np.testing.assert_array_equal(forward(graph_def.load(again, extension=".nnp")(x)), expected)


def test_wrong_saves(tmp_path):
    with graph_def.graph() as g:
        F.relu(ProtoVariable((2, 3), name="x"))
    with pytest.raises(AssertionError, match="No supported format"):
        g.save(str(tmp_path / "g.h5"))
    with pytest.raises(ValueError, match="expected a list with a ProtoGraph"):
        graph_def.save(str(tmp_path / "g.nnp"), [])
    with pytest.raises(ValueError, match="q is not found in networks!"):
        g.save(str(tmp_path / "g.nnp"), executors=[{"name": "e", "network": "model", "data": ["q"]}])
    with pytest.raises(KeyError, match="no network 'q'"):
        g.save(str(tmp_path / "g.nnp"), executors=[{"name": "e", "network": "q"}])
    assert not list(tmp_path.iterdir())


def test_scope_of_ones_own():
    scope = {}
    with graph_def.graph(parameter_scope=scope) as g:
        PF.affine(ProtoVariable((2, 3)), 4)
    assert list(scope) == ["affine"] and g.parameter_scope is scope


def test_from_variables():
    x = rand(2, 3)
    h = F.tanh(PF.affine(x, 4, name="fc"))
    y, z = F.split(h, axis=1)[:2]
    g = graph_def.create_graph_from_variable("net", [y, z], names={"x": x, "h": h, "y": y})
    assert list(g.variables) == ["x", "@net/Affine_out", "h", "y", "@net/Split_out", "@net/Split_out_1", "@net/Split_out_2"]
    expected = forward(y)
    np.testing.assert_array_equal(forward(g(x)[0]), expected)
    with pytest.raises(ValueError, match="two variables are to be called '@net/ReLU_out'"):
        graph_def.create_graph_from_variable("net", (z := F.tanh(F.relu(x))), names={"@net/ReLU_out": z})


def test_gradients_reach_parameters_of_a_loaded_graph():
    x = rand(2, 3)
    y = PF.affine(x, 4)
    file = io.BytesIO()
    graph_def.save(file, [graph_def.create_graph_from_variable("net", y)], extension=".nnp")
    g = graph_def.load(file, extension=".nnp")
    made = g(x)
    made.forward()
    made.backward()
    np.testing.assert_allclose(g.get_parameters()["affine/b"].g, 2)


class TestPasses:
    def network(self, change=None):
        x = rand(2, 3)
        h = F.relu(PF.affine(x, 4, name="fc"))
        y = F.add2(F.tanh(h), F.sigmoid(h))
        file = io.BytesIO()
        graph_def.save(file, [graph_def.create_graph_from_variable("n", F.sin(y), names={"x": x, "h": h, "y": y})],
                       extension=".nnp")
        return NnpLoader(file.getvalue(), extension=".nnp").get_network("n", callback=change)

    def test_rewire_keeps_other_readers(self):
        change = NnpNetworkPass()
        change.remove_and_rewire("@n/Tanh")
        network = self.network(change)
        assert [f.inputs for f in network.proto_network.functions.values() if f.type == "Add2"] == [["h", "@n/Sigmoid_out"]]
        assert [f.inputs for f in network.proto_network.functions.values() if f.type == "Sigmoid"] == [["h"]]

    def test_what_becomes_an_input_keeps_its_shape(self):
        for given, shape in ((None, (2, 4)), (nn.Variable((5, 4)), (5, 4))):
            change = NnpNetworkPass()
            change.remove_and_rewire("@n/Affine")
            if given is not None:
                change.set_variable("x", given)
            network = self.network(change)
            assert network.inputs["x"].shape == shape and network.outputs["@n/Sin_out"].shape == shape

    def test_by_type(self):
        seen, change = [], NnpNetworkPass()

        @change.on_function_pass_by_type("Sigmoid")
        def note(f, variables, scope):
            seen.append((f.name, [v.name for v in f.inputs], len(variables)))
        self.network(change)
        assert seen == [("@n/Sigmoid", ["h"], 9)]

    def test_use_up_to_cuts_what_follows(self):
        change = NnpNetworkPass()
        change.use_up_to("@n/Tanh_out", "nothing")
        assert set(self.network(change).outputs) == {"@n/Tanh_out", "@n/Sigmoid_out"}

    def test_dropped_functions_leave_inputs(self):
        change = NnpNetworkPass()
        change.drop_function("@n/Tanh")
        assert set(self.network(change).inputs) == {"x", "@n/Tanh_out"}

    def test_renaming(self):
        change = NnpNetworkPass()

        @change.on_generate_variable("y")
        def rename(v):
            v.proto.name = "sum"
            return v
        network = self.network(change)
        assert "sum" in network.variables and "y" not in network.variables

    def test_an_input_of_another_size_may_leave_the_batch_open(self):
        x = rand(2, 3, 8, 8)
        y = F.global_average_pooling(F.relu(PF.convolution(x, 4, (3, 3), name="c")))
        file = io.BytesIO()
        graph_def.save(file, [graph_def.create_graph_from_variable("n", y, names={"x": x, "y": y})], extension=".nnp")
        change = NnpNetworkPass()

        @change.on_generate_variable("x")
        def resize(v):
            v.proto.shape.dim[:] = [-1, 3, 6, 10]
            return v
        network = NnpLoader(file.getvalue(), extension=".nnp").get_network("n", batch_size=5, callback=change)
        image, pooled = network.inputs["x"], network.outputs["y"]
        assert image.shape == (5, 3, 6, 10) and pooled.shape == (5, 4, 1, 1)
        image.d = 1
        pooled.forward()

    def test_callbacks_have_to_return(self):
        change = NnpNetworkPass()
        change.on_generate_variable("y")(lambda v: None)
        with pytest.raises(AttributeError, match="has to return what it was given"):
            self.network(change)

    def test_only_passes(self):
        with pytest.raises(TypeError, match="NnpNetworkPass"):
            self.network(lambda f: f)

    def test_verbose(self, capsys):
        change = NnpNetworkPass(verbose=1)
        change.drop_function("@n/Tanh")
        self.network(change)
        assert capsys.readouterr().out == "Pass: Deleting @n/Tanh.\n"

    def test_average_pooling(self):
        y = F.average_pooling(rand(2, 3, 8, 8), (2, 2))
        file = io.BytesIO()
        graph_def.save(file, [graph_def.create_graph_from_variable("n", y)], extension=".nnp")
        loader = NnpLoader(file.getvalue(), extension=".nnp")
        check = NnpNetworkPass()
        check.check_average_pooling_global("AveragePooling", by_type=True)
        with pytest.raises(ValueError, match="over the whole image"):
            loader.get_network("n", callback=check)
        force = NnpNetworkPass()
        force.force_average_pooling_global("@n/AveragePooling")
        output, = loader.get_network("n", callback=force).outputs.values()
        assert output.shape == (2, 3, 1, 1)


def test_one_loader_many_networks():
    x = rand(2, 3)
    file = io.BytesIO()
    graph_def.save(file, [graph_def.create_graph_from_variable("n", F.reshape(PF.affine(x, 4), (2, 2, 2)), names={"x": x})],
                   extension=".nnp")
    nn.clear_parameters()
    loader = NnpLoader(file.getvalue(), extension=".nnp")
    nets = [loader.get_network("n", batch_size=b) for b in (2, 5, None, 1)]
    assert [list(n.outputs.values())[0].shape for n in nets] == [(2, 2, 2), (5, 2, 2), (2, 2, 2), (1, 2, 2)]
    assert len({id(n.inputs["x"]) for n in nets}) == 4
    first, last = nets[0].variables["affine/W"], nets[-1].variables["affine/W"]
    assert first == last and first.need_grad and nn.get_parameters()["affine/W"] == last
    with nn.parameter_scope("sub"):
        loader.get_network("n")
    assert "sub/affine/W" in nn.get_parameters()
    with pytest.raises(KeyError):
        loader.get_network("other")


def test_unknown_initializers_are_zeros_and_stay_in_the_file(tmp_path):
    text = """network { name: "n" batch_size: 2
        variable { name: "x" type: "Buffer" shape { dim: 2 dim: 3 } initializer { type: "Odd" multiplier: 2 } }
        variable { name: "y" type: "Buffer" shape { dim: 2 dim: 4 } }
        variable { name: "W" type: "Parameter" shape { dim: 3 dim: 4 } initializer { type: "Odder" multiplier: 3 } }
        function { name: "a" type: "Affine" input: "x" input: "W" output: "y" affine_param { base_axis: 1 } } }"""
    graph = graph_def.load(io.StringIO(text))
    graph()
    assert not graph.variables["x"].variable_instance.need_grad and (graph.parameters["W"].variable_instance.d == 0).all()
    graph.save(str(tmp_path / "again.nntxt"))
    saved = {v.name: v.initializer for v in graph_def.load(str(tmp_path / "again.nntxt")).as_proto().network[0].variable}
    assert [(i.type, i.multiplier) for i in saved.values()] == [("Odd", 2), ("", 0), ("Odder", 3)]
