"""Engine behaviour that differs from nnabla on purpose, as migration_guide.md lists it."""
import numpy as np
import pytest
import torch

import nnabla_compat as nn
import nnabla_compat.functions as F
import nnabla_compat.parametric_functions as PF


@pytest.fixture(autouse=True)
def fresh_registry():
    nn.clear_parameters()
    yield
    nn.clear_parameters()


def leaf(values):
    return nn.Variable.from_numpy_array(np.float32(values), need_grad=True)


class Interrupted(Exception):
    pass


def interrupt(*_):
    raise Interrupted


@pytest.mark.parametrize("when", ["function_pre_hook", "function_post_hook"])
def test_hook_exceptions_reach_the_caller(when):
    x = leaf([1, 2])
    y = F.sum(F.exp(x))
    with pytest.raises(Interrupted):
        y.forward(**{when: interrupt})
    y.forward()
    with pytest.raises(Interrupted):
        y.backward(**{when: interrupt})
    x.grad.zero()
    y.backward()
    assert np.allclose(x.g, np.exp(x.d))


@pytest.mark.parametrize("method", ["forward_impl", "backward_impl"])
def test_python_function_exceptions_reach_the_caller(method):
    class Failing(nn.function.PythonFunction):
        name = "Failing"

        def min_outputs(self):
            return 1

        def setup_impl(self, inputs, outputs):
            outputs[0].reset_shape(inputs[0].shape, True)

        def forward_impl(self, inputs, outputs):
            outputs[0].d = inputs[0].d

        def backward_impl(self, inputs, outputs, propagate_down, accum):
            inputs[0].g = outputs[0].g

    setattr(Failing, method, interrupt)
    y = F.sum(Failing()(leaf([1, 2])))
    with pytest.raises(Interrupted):
        y.forward()
        y.backward()


def test_backward_runs_a_graph_that_was_never_run():
    x = leaf([1, 2])
    x.grad.zero()
    F.sum(x * x).backward()
    assert np.allclose(x.g, [2, 4])


def test_backward_after_a_clearing_forward_runs_it_again():
    x = leaf([1, 2])
    y = F.sum(F.exp(x * x))
    y.forward(clear_buffer=True)
    x.grad.zero()
    y.backward()
    assert np.allclose(x.g, 2 * x.d * np.exp(x.d ** 2))


def test_backward_may_be_repeated_after_clear_buffer():
    x = leaf([1, 2])
    y = F.sum(x * x * x)
    y.forward()
    x.grad.zero()
    y.backward(clear_buffer=True)
    y.backward(clear_buffer=True)
    assert np.allclose(x.g, 2 * 3 * x.d ** 2)


def test_a_cleared_buffer_reads_as_zeros():
    x = leaf([1, 2])
    h = F.exp(x)
    F.sum(F.tanh(h)).forward(clear_buffer=True)
    assert h.data.clear_called
    assert (h.d == 0).all()


def test_integers_assigned_to_a_parameter_become_floating_point():
    w = nn.parameter.get_parameter_or_create("w", (3,))
    tensor = nn.get_parameters()["w"].tensor
    w.d = [1, 2, 3]
    assert nn.get_parameters()["w"].tensor is tensor and isinstance(tensor, torch.nn.Parameter)
    assert w.d.dtype == np.float32 and (w.d == [1, 2, 3]).all()


def test_a_value_set_through_d_is_added_to_by_setitem():
    z = leaf([0, 1, 2]) * 1
    z[1] += 5
    z.forward()
    assert (z.d == [0, 6, 2]).all()


def test_comparisons_have_no_gradient():
    x = leaf([1, 2])
    loss = F.sum(F.greater_scalar(x, 1.5)) + F.sum(x * x)
    loss.forward()
    x.grad.zero()
    loss.backward()
    assert np.allclose(x.g, [2, 4])


def test_errors_name_the_function_its_shapes_and_the_scope():
    x = nn.Variable((4, 3))
    with nn.parameter_scope("classifier"), pytest.raises(RuntimeError, match=r"(?s)convolution.*classifier.*\(4, 3\)"):
        PF.convolution(x, 4, (3, 3))


def test_gradients_of_leaves_have_the_dtype_of_the_leaf():
    x = leaf([1, 2])
    with nn.context_scope(nn.Context(["cpu:half"])):
        y = F.relu(h := F.tanh(x))
        y.forward()
        y.backward()
    assert x.g.dtype == x.d.dtype == np.float32 and h.g.dtype == h.d.dtype == np.float16
