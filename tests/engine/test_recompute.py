"""Variables that are computed again in backward: what users see of them is what they see of any other."""
import numpy as np
import pytest

import nnabla_compat as nn
import nnabla_compat.functions as F
import nnabla_compat.parametric_functions as PF


def network(marked):
    x = nn.Variable.from_numpy_array(np.random.RandomState(0).randn(6, 4).astype(np.float32), need_grad=True)
    with nn.recompute(marked):
        h = F.sigmoid(PF.affine(x, 6))
        a, b, _ = F.split(F.reshape(h, (3, 12), inplace=False), axis=0)
        inside = [h, a, b, F.exp(a), F.dropout(F.tanh(a * b), 0.5, seed=7)]
    return x, inside, F.sum(inside[-1] * inside[-2]) + F.mean(h)


def run(marked, **backward):
    nn.clear_parameters()
    nn.seed(1)
    x, inside, y = network(marked)
    for _ in range(2):
        y.forward(clear_no_need_grad=True)
        x.grad.zero()
        y.backward(**backward)
    return x, inside


def test_gradients_of_marked_variables():
    (x, marked), (plain_x, plain) = run(True), run(False)
    np.testing.assert_array_equal(x.g, plain_x.g)
    for v, expected in zip(marked, plain):
        np.testing.assert_array_equal(v.g, expected.g)


def test_data_is_back_after_backward():
    _, marked = run(True)
    _, plain = run(False)
    for v, expected in list(zip(marked, plain))[1:3]:
        assert not v.data.clear_called
        np.testing.assert_array_equal(v.d, expected.d)


def test_nothing_stays_where_buffers_are_freed():
    _, marked = run(True, clear_buffer=True)
    assert all(v.data.clear_called and v.grad.clear_called for v in marked)
    assert all(v.container.storage._tensor is None for v in marked)


@pytest.mark.parametrize("hook", ["function_pre_hook", "function_post_hook"])
def test_watched_passes_see_each_function_once(hook):
    nn.clear_parameters()
    x, inside, y = network(True)
    names = []
    y.forward()
    y.backward(**{hook: lambda f: names.append(f.name)})
    assert names.count("Dropout") == names.count("Affine") == names.count("Exp") == 1
    np.testing.assert_array_equal(inside[0].g.shape, (6, 6))
    assert np.abs(inside[0].g).max() > 0
