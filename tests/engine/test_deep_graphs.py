"""Graphs of more layers than Python's stack has frames."""
import numpy as np
import pytest

import nnabla_compat as nn
import nnabla_compat.functions as F

LAYERS = 2000       # Python allows 1000 nested calls


def chain(x):
    for _ in range(LAYERS):
        x = F.tanh(x)
    return x


@pytest.fixture
def x():
    x = nn.Variable((2,), need_grad=True)
    x.d = 1e-3
    return x


def expected_gradient(x):
    h, g = np.asarray(x.d, np.float64), 1.0
    for _ in range(LAYERS):
        h = np.tanh(h)
        g *= 1 - h ** 2
    return g


def test_static(x):
    y = chain(x)
    y.forward(clear_no_need_grad=True)
    y.backward(clear_buffer=True)
    np.testing.assert_allclose(x.g, expected_gradient(x), rtol=1e-3)
    functions = []
    y.visit(functions.append)
    assert len(functions) == LAYERS
    y.no_grad().forward(clear_buffer=True)
    nn.forward_all([y, y + 1])


def test_dynamic(x):
    with nn.auto_forward():
        y = chain(x)
    y.backward()
    np.testing.assert_allclose(x.g, expected_gradient(x), rtol=1e-3)


def test_gradients_as_variables(x):
    slope, = nn.grad([chain(x)], [x])
    slope.forward()
    np.testing.assert_allclose(slope.d, expected_gradient(x), rtol=1e-3)


def test_recomputed(x):
    with nn.recompute():
        y = chain(x)
    y.forward(clear_no_need_grad=True)
    y.backward(clear_buffer=True)
    np.testing.assert_allclose(x.g, expected_gradient(x), rtol=1e-3)
