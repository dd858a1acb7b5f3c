"""Results that are one number in memory until somebody looks: constants in graphs."""
import numpy as np
import pytest

import nnabla_compat as nn
import nnabla_compat.functions as F


@pytest.fixture
def constant():
    return F.constant(2, (4, 3))


def ones(*shape):
    return nn.Variable.from_numpy_array(np.ones(shape, np.float32))


def test_graphs_make_no_array_of_a_constant(constant):
    y = F.sum(constant + ones(4, 3))
    y.forward()
    assert constant.data.storage.present() is None and y.d == 36


def test_each_run_starts_from_the_constant_again(constant):
    y = F.sum(constant)
    y.forward()
    constant.d[0] = 7
    assert constant.d.sum() == 39
    y.forward()
    np.testing.assert_array_equal(constant.d, np.full((4, 3), 2))
    assert y.d == 24


def test_two_constants_share_nothing():
    x, y = F.constant(2, (2, 2)), F.constant(2, (2, 2))
    nn.forward_all([x, y])
    x.d += 1
    assert x.d.sum() == 12 and y.d.sum() == 8


@pytest.mark.parametrize("clear", [{}, {"clear_buffer": True}, {"clear_no_need_grad": True}])
def test_however_buffers_are_cleared(constant, clear):
    x = ones(4, 3).apply(need_grad=True)
    y = F.sum(F.reshape(constant, (4, 3)) * x)
    for _ in range(3):
        y.forward(**clear)
        y.backward(clear_buffer=True)
        assert y.d == 24
        np.testing.assert_array_equal(x.g, np.full((4, 3), 2))
        x.grad.zero()


def test_its_own_gradient(constant):
    constant.need_grad = True
    y = F.sum(constant ** 2)
    for _ in range(2):
        y.forward()
        y.backward()
        np.testing.assert_array_equal(constant.g, np.full((4, 3), 4))


def test_functions_that_write_get_an_array(constant):
    new = nn.Variable.from_numpy_array(np.arange(12, dtype=np.float32).reshape(4, 3))
    y = F.assign(constant, new)
    for _ in range(2):
        y.forward()
        np.testing.assert_array_equal(constant.d, new.d)
    rows = nn.Variable.from_numpy_array(np.array([[0, 2]]))
    z = F.scatter_nd(ones(2, 3), rows, out=F.constant(5, (4, 3)))
    for _ in range(2):
        z.forward()
        np.testing.assert_array_equal(z.d[:, 0], [1, 5, 1, 5])


def test_functions_that_may_write_get_an_array():
    """``min_max_quantize`` moves the ranges it follows in place; each run starts from the constants again, as in nnabla."""
    low, high = F.constant(-1, (1, 2)), F.constant(0.5, (1, 2))
    y = nn.function_bases.min_max_quantize(ones(2, 2), low, high, ones(1, 2) * 0, ones(1, 2) * 255, decay=0.5, x_min_max=True, ema=True)
    for _ in range(2):
        y.forward()
        assert (y.d == 0.75).all() and (low.d == 0).all() and (high.d == 0.75).all()


@pytest.mark.parametrize("function", [F.batch_normalization, F.fused_batch_normalization])
def test_scale_of_a_normalization(function):
    gradients = []
    for gamma in (F.constant(1, (1, 6)), ones(1, 6)):
        rng = np.random.RandomState(0)
        x = nn.Variable.from_numpy_array(rng.randn(4, 6).astype(np.float32)).apply(need_grad=True)
        y = function(x, ones(1, 6), gamma, ones(1, 6), ones(1, 6))
        y.forward()
        y.backward(rng.randn(4, 6))
        gradients.append(x.g)
    np.testing.assert_array_equal(*gradients)


def test_views_of_reshaped_results_follow():
    x = ones(2, 6)
    y = F.reshape(x, (3, 4))
    y.forward()
    x.d = 3
    assert y.d.sum() == 36
    y.forward()
    y.d[0] = 0
    assert x.d.sum() == 24
