"""Graphs are freed by reference counting alone, and clearing passes hold no more than they must."""
import gc
import weakref

import numpy as np
import pytest

import nnabla_compat as nn
import nnabla_compat.functions as F
import nnabla_compat.parametric_functions as PF
import nnabla_compat.solvers as S


def network():
    x = nn.Variable((4, 3))
    x.d = 1
    h = F.relu(PF.batch_normalization(PF.affine(x, 5, name="a"), name="n"))
    a, b = F.split(F.reshape(h, (2, 10)), axis=0)
    return x, F.sum(a * b) + F.mean(h)


def forward_and_backward():
    _, y = network()
    for _ in range(2):
        y.forward()
        y.backward()
    return y


def clearing():
    _, y = network()
    y.forward(clear_no_need_grad=True)
    y.backward()
    y.forward(clear_no_need_grad=True)
    y.backward(clear_buffer=True)
    y.forward(clear_buffer=True)
    return y


def dynamic():
    with nn.auto_forward():
        _, y = network()
        y.backward()
    return y


def hooked():
    _, y = network()
    y.forward(function_post_hook=lambda f: None)
    y.backward(function_post_hook=lambda f: None)
    return y


def several_roots():
    x, y = network()
    nn.forward_all([F.sum(x), y], clear_no_need_grad=True)
    y.backward()
    return y


def recomputed():
    with nn.recompute():
        _, y = network()
    y.forward()
    y.backward()
    return y


def with_python_function():
    class Double(nn.function.PythonFunction):
        name = "Double"

        def min_outputs(self):
            return 1

        def setup_impl(self, inputs, outputs):
            outputs[0].reset_shape(inputs[0].shape, True)

        def forward_impl(self, inputs, outputs):
            outputs[0].d = inputs[0].d * 2

        def backward_impl(self, inputs, outputs, propagate_down, accum):
            inputs[0].g = outputs[0].g * 2
    y = F.sum(Double()(nn.Variable((2,), need_grad=True) * 1))
    y.forward()
    y.backward()
    return y


def updated():
    _, y = network()
    solver = S.Adam()
    solver.set_parameters(nn.get_parameters())
    y.forward()
    solver.zero_grad()
    y.backward()
    solver.update()
    return y


@pytest.mark.parametrize("run", [forward_and_backward, clearing, dynamic, hooked, several_roots, recomputed, with_python_function, updated],
                         ids=lambda f: f.__name__)
def test_graphs_die_with_their_last_reference(run):
    nn.clear_parameters()
    run()       # torch imports some of its modules late, and Python keeps the frames of that for a while
    gc.collect()
    gc.disable()
    try:
        root = run()
        function, producer = weakref.ref(root.parent), weakref.ref(root.parent.inputs[0].parent)
        del root
        assert function() is None and producer() is None
    finally:
        gc.enable()


def test_deep_graphs_need_no_deep_stack():
    x = nn.Variable((2,), need_grad=True)
    x.d = 0
    y = x
    for _ in range(5000):
        y = y + 1
    y.forward()
    y.backward()
    assert y.d.tolist() == [5000, 5000] and x.g.tolist() == [1, 1]
    del y


@pytest.mark.parametrize("first", [True, False])
def test_clear_buffer_holds_two_results_at_a_time(first):
    x = nn.Variable((64, 64))
    x.d = np.ones((64, 64))
    y = x
    for _ in range(20):
        y = F.sin(y)
    if not first:
        y.forward(clear_buffer=True)
    held = [f.inputs[0] for f in functions_of(y)][1:]
    y.forward(clear_buffer=True)
    assert all(v.container.storage._tensor is None for v in held)
    assert sum(t is not None for t in y._plan.env) == 2     # the leaf and the root


def functions_of(root):
    found = []
    root.visit(found.append)
    return found


def test_a_new_consumer_is_seen_by_clearing_passes():
    x = nn.Variable.from_numpy_array(np.ones((2,), np.float32))
    h = x * 2
    y = F.exp(h)
    y.forward(clear_buffer=True)
    assert h.data.clear_called
    z = F.sin(h)
    y.forward(clear_buffer=True)
    assert not h.data.clear_called and h.d.tolist() == [2, 2]
    del z


@pytest.mark.parametrize("precision, expected", [("float", np.float32), ("half", np.float16)])
def test_a_freed_result_keeps_its_dtype(precision, expected):
    with nn.context_scope(nn.ext_utils.get_extension_context("cpu", type_config=precision)):
        x = nn.Variable.from_numpy_array(np.ones(2, np.float32), need_grad=True)
        h = F.sin(x)
        y = F.exp(h)
        y.forward(clear_no_need_grad=True)
        y.backward(clear_buffer=True)
        assert h.data.clear_called and h.data.dtype == expected == y.data.dtype
        y.forward(clear_buffer=True)
        assert h.data.clear_called and h.data.dtype == expected
