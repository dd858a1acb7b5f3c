"""What nnabla.experimental and the backward functions do beyond, or in place of, the original's."""
import sys

import numpy as np
import pytest

import nnabla_compat as nn
import nnabla_compat.functions as F
import nnabla_compat.parametric_functions as PF
from nnabla_compat import backward_functions
from nnabla_compat.experimental import tb_graph_writer, viewers

registry = backward_functions.registry


def var(values):
    return nn.Variable.from_numpy_array(np.asarray(values, np.float32), need_grad=True)


@pytest.fixture
def registering():
    before = dict(registry)
    yield backward_functions.register
    for name in list(registry):
        if name in before:
            registry[name] = before[name]
        else:
            del registry[name]


def test_entries_with_data_alone():
    """The short form that older code uses: gradients, inputs, arguments."""
    x, w, b = var([[1, 2, 3]]), var([[1, 0], [0, 1], [1, 1]]), var([5, 6])
    dx, dw, db = registry["Affine"]([var([[1, 2]])], [x, w, b], base_axis=1)
    F.sink(dx, dw, db).forward()
    np.testing.assert_array_equal(dx.d, [[1, 2, 3]])
    np.testing.assert_array_equal(dw.d, x.d.T @ [[1, 2]])
    np.testing.assert_array_equal(db.d, [1, 2])


def test_entries_without_data_where_gradients_do_not_read_it():
    dx, dy = registry["Add2"]([var([[1, 2]])], [None, None], [(1, 2), (1, 1)], [None], [(1, 2)], inplace=False)
    F.sink(dx, dy).forward()
    assert dx.d.tolist() == [[1, 2]] and dy.d.tolist() == [[3]]
    y = F.tanh(var([0.5]))
    g, = registry["Tanh"]([var([1])], [None], [(1,)], [y], [(1,)])
    g.forward()
    np.testing.assert_allclose(g.d, 1 - np.tanh(0.5) ** 2, rtol=1e-6)
    with pytest.raises(ValueError, match="neither its shape"):
        registry["Tanh"]([var([1])], [None])


def test_entry_of_a_random_function_uses_the_draw_of_the_forward():
    x = var(np.ones((50,)))
    y = F.dropout(x, 0.5)
    g, = registry["Dropout"]([F.constant(1, (50,))], [x], outputs=[y], p=0.5, seed=-1)
    F.sink(y, g).forward()
    np.testing.assert_array_equal(g.d, y.d)
    with pytest.raises(ValueError, match="random numbers"):
        registry["Dropout"]([F.constant(1, (50,))], [x], p=0.5, seed=-1)


def test_entries_of_indices_and_statistics():
    nn.clear_parameters()
    w = var(np.arange(6).reshape(3, 2))
    none, dw = registry["Embed"]([var(np.ones((2, 2)))], [nn.Variable.from_numpy_array(np.array([0, 2])), w])
    dw.forward()
    assert none is None and dw.d.tolist() == [[1, 1], [0, 0], [1, 1]]
    y = PF.batch_normalization(var(np.random.RandomState(0).randn(4, 3)), no_bias=True)
    f = y.parent
    made = registry["BatchNormalization"]([var(np.ones((4, 3)))], f.inputs, **f.info.args)
    y.forward()
    running = f.inputs[2].d.copy()
    made[1].forward()
    np.testing.assert_array_equal(f.inputs[2].d, running)   # the gradient doesn't count as another forward
    assert made[2:] == [None, None] and made[1].shape == f.inputs[1].shape


def test_unknown_arguments_and_types():
    with pytest.raises(TypeError, match="slope"):
        registry["ReLU"]([var([1])], [var([1])], slope=3)
    with pytest.raises(NotImplementedError, match="gradient graphs"):
        registry["AffineDataGrad"]([], [])


def test_an_operators_entry_can_be_replaced(registering):
    def guided(grad_inputs, inputs, input_shapes, outputs, output_shapes, inplace=False):
        return F.relu(grad_inputs[0]) * F.greater_scalar(outputs[0], 0)

    x = var([-1, 2, 3])
    y = F.sum(F.relu(x) * var([5, -6, 7]))
    plain = nn.grad(y, [x])[0]
    registering("ReLU", guided)
    changed = nn.grad(y, [x])[0]
    F.sink(plain, changed).forward()
    assert plain.d.tolist() == [0, -6, 7] and changed.d.tolist() == [0, 0, 7]
    y.backward()
    assert x.g.tolist() == [0, -6, 7]


def test_walking_agrees_with_torch_over_a_whole_network(registering):
    """A registered identity on the way, so that every function is differentiated by its registry entry."""
    class Same(nn.function.PythonFunction):
        name = "Same"

        def min_outputs(self):
            return 1

        def setup_impl(self, inputs, outputs):
            outputs[0].reset_shape(inputs[0].shape, True)

        def forward_impl(self, inputs, outputs):
            outputs[0].data.copy_from(inputs[0].data)

    registering("Same", lambda grad_inputs, *args, **kwargs: grad_inputs)
    nn.clear_parameters()
    rng = np.random.RandomState(0)
    x = var(rng.randn(2, 3, 6, 6))

    def network(end):
        with nn.parameter_scope("net"):
            h = F.max_pooling(F.elu(PF.batch_normalization(PF.convolution(x, 4, (3, 3)))), (2, 2))
            a, b = F.split(F.reshape(h, (2, 2, 8)), axis=1)
            h = F.softmax(a * F.sigmoid(b) + F.pow_scalar(F.abs(a) + 1, 0.5)) ** 2
            return F.mean(end(F.tanh(PF.affine(h, 3)) * PF.affine(h, 3)) ** 2)     # one layer used twice

    results = []
    for end in (lambda v: v, lambda v: Same()(v)):
        y = network(end)
        wanted = [x, *nn.get_parameters().values()]
        first = nn.grad(y, wanted)
        second = nn.grad(sum(F.sum(g ** 2) for g in first), wanted)
        F.sink(*first, *second).forward()
        results.append([g.d.copy() for g in first + second])
    assert len(results[0]) == 14
    for a, b in zip(*results):
        np.testing.assert_allclose(a, b, rtol=2e-3, atol=1e-5)


def test_python_functions_without_entry_are_differentiated_once():
    class Twice(nn.function.PythonFunction):
        name = "TwiceUnregistered"

        def min_outputs(self):
            return 1

        def setup_impl(self, inputs, outputs):
            outputs[0].reset_shape(inputs[0].shape, True)

        def forward_impl(self, inputs, outputs):
            outputs[0].d = inputs[0].d * 2

        def backward_impl(self, inputs, outputs, propagate_down, accum):
            inputs[0].g = 2 * outputs[0].g

    x = var([1, 2])
    g = nn.grad(F.sum(Twice()(x)), [x])[0]
    g.forward()
    assert g.d.tolist() == [2, 2]


def test_dynamic_mode_uses_the_registry(registering):
    registering("Exp", lambda grad_inputs, inputs, *args, **kwargs: grad_inputs[0] * 100)
    x = var([1, 2])
    with nn.auto_forward():
        g = nn.grad(F.sum(F.exp(x)), [x])[0]
        assert g.d.tolist() == [100, 100]


def test_single_modules_and_listing(capsys):
    from nnabla_compat.backward_function.relu import relu_backward
    assert relu_backward is registry["ReLU"]
    backward_functions.show_registry()
    assert "ReLU" in capsys.readouterr().out


def test_grad_objects():
    from importlib import import_module
    module = import_module("nnabla_compat.grad")
    x = var([1, 2])
    g, = module.Grad()([F.sum(x * x)], [x])
    ones = module.GradEndFunction()(x)
    F.sink(g, ones).forward()
    assert g.d.tolist() == [2, 4] and ones.d.tolist() == [1, 1] and module.registry is registry


@pytest.mark.skipif("graphviz" in sys.modules, reason="graphviz is there")
def test_missing_libraries_are_named(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "graphviz", None)
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    with pytest.raises(ImportError, match=r"nnabla-compat\[graphviz\]"):
        viewers.SimpleGraph().create_graphviz_digraph(F.relu(var([1])))
    with pytest.raises(ImportError, match=r"nnabla-compat\[tensorboard\]"):
        tb_graph_writer.TBGraphWriter(str(tmp_path))


def test_graphs_in_tensorboard(tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
    from tensorboard.compat.proto.graph_pb2 import GraphDef
    nn.clear_parameters()
    x = nn.Variable((2, 3))
    y = PF.affine(F.relu(PF.affine(x, 4, name="a")), 2, name="b")
    y = y + F.relu(y)
    with tb_graph_writer.TBGraphWriter(str(tmp_path)) as writer:
        writer.from_variable(y, "prediction")
        writer.add_scalar("loss", 1.0, 1)
    graphs = [GraphDef.FromString(e.graph_def) for p in tmp_path.iterdir() for e in EventFileLoader(str(p)).Load()
              if e.graph_def]
    nodes = {n.name: n for n in graphs[0].node}
    assert len(nodes) == 15 and list(nodes["prediction"].input) == ["Add2_0"]
    assert set(nodes["a/affine/Affine_0"].input) == {"Input_0", "a/affine/W", "a/affine/b"}
    assert all(i in nodes for n in nodes.values() for i in n.input)


def test_dummy_function():
    y = nn.function.Dummy(nn.Context())(var([1, 2]))
    y.forward()
    y.backward()
    assert y.shape == () and y.parent.info.type_name == "PythonDummy" and nn.function.Function.context is None
