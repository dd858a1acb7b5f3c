"""Numpy views of computed arrays follow the next runs, as nnabla's do (expectations: what nnabla 1.39 does)."""
import gc

import numpy as np
import pytest

import nnabla_compat as nn
import nnabla_compat.functions as F
import nnabla_compat.parametric_functions as PF
from nnabla_compat.engine import views


@pytest.mark.parametrize("options", [{}, {"clear_no_need_grad": True}, {"clear_buffer": True}], ids=str)
def test_a_view_follows_forward(options):
    x = nn.Variable((2, 3))
    y = F.tanh(PF.affine(x, 2))
    x.d = 1
    y.forward(**options)
    view, squeezed = y.d, np.squeeze(y.d)
    before = view.copy()
    x.d = 2
    y.forward(**options)
    assert (view != before).all() and (squeezed == view).all() and np.shares_memory(view, y.d)
    np.testing.assert_allclose(view, np.tanh(2 * nn.get_parameters()["affine/W"].d.sum(0))[None].repeat(2, 0), rtol=1e-5)


def test_views_of_several_runs_are_one_memory():
    x = nn.Variable((1,))
    y = x + 1
    taken = []
    for i in range(3):
        x.d = i
        y.forward(clear_buffer=True)
        taken.append(y.d)
    assert [float(v[0]) for v in taken] == [3, 3, 3]


def test_gradients_after_a_move():
    x = nn.Variable((4,), need_grad=True)
    y = x ** 2
    x.d = 1
    y.forward()
    view = y.d
    x.d = [1, 2, 3, 4]
    y.forward()
    x.grad.zero()
    y.backward()
    assert (view == [1, 4, 9, 16]).all() and (x.g == [2, 4, 6, 8]).all()
    view[...] = 5
    assert (y.d == 5).all()


def test_shared_and_split_arrays():
    x = nn.Variable((2, 2))
    h = x * 2
    flat = F.reshape(h, (4,))
    first, second = F.split(x, axis=0)
    x.d = 1
    nn.forward_all([flat, first, second])
    kept = [flat.d, h.d, first.d]
    x.d = 3
    nn.forward_all([flat, first, second])
    assert [set(v.ravel()) for v in kept] == [{6}, {6}, {3}]


def test_another_shape_is_another_memory():
    x = nn.Variable((2, 2))
    y = x * 2
    x.d = 1
    y.forward()
    view = y.d
    x.reset_shape((3, 2), True)
    x.d = 3
    y.forward()
    assert (view == 2).all() and y.shape == (3, 2) and (y.d == 6).all()


def test_gradient_views_do_not_follow():
    x = nn.Variable((2,), need_grad=True)
    y = F.sum(x * x)
    x.d, x.g = 1, 0
    y.forward()
    y.backward()
    view = x.g
    x.d = 3
    x.grad.zero()
    y.forward()
    y.backward()
    assert (view == 2).all() and (x.g == 6).all()


def test_nothing_is_watched_once_the_views_are_gone():
    x = nn.Variable((2,))
    y = x + 1
    x.d = 0
    y.forward()
    view = y.d
    assert any(reference() is y.data.storage for reference in views.watched)
    del view
    gc.collect()
    y.forward()
    assert not any(reference() is y.data.storage for reference in views.watched)
