"""Sinks at the end of graphs, from which backward starts at their inputs. The numbers are the original's."""
import numpy as np
import pytest

import nnabla_compat as nn
import nnabla_compat.functions as F


def leaf(value):
    x = nn.Variable((2, 3), need_grad=True)
    x.d = value
    x.grad.zero()
    return x


@pytest.fixture
def graph():
    """Two leaves; a sink of two results and of one of the leaves."""
    x, w = leaf(2), leaf(3)
    a, b = x * w, F.sum(x * x)
    return x, w, a, b, F.sink(a, b, x)


def assert_filled(x, value):
    np.testing.assert_array_equal(x.g, np.full(x.shape, value))


def test_leaves_get_ones_in_place_of_what_they_have():
    x, w = leaf(2), leaf(3)
    s = F.sink(x, w)
    for _ in range(2):
        s.forward()
        s.backward()
        assert_filled(x, 1)
        assert_filled(w, 1)
    assert s.d == 0


@pytest.mark.parametrize("forward", [{}, {"clear_no_need_grad": True}, {"clear_buffer": True}])
@pytest.mark.parametrize("backward", [{}, {"clear_buffer": True}])
def test_whatever_is_cleared(graph, forward, backward):
    x, w, a, b, s = graph
    for _ in range(2):
        x.grad.zero()
        w.grad.zero()
        s.forward(**forward)
        s.backward(5, **backward)
        assert_filled(x, 8)
        assert_filled(w, 2)
    if not backward:
        assert_filled(a, 1)
        assert_filled(b, 1)
    s.backward()    # which runs forward again where everything was let go of
    assert_filled(x, 8)


def test_it_is_seen_by_hooks(graph):
    x, _, _, _, s = graph
    seen = []
    s.forward()
    s.backward(function_pre_hook=lambda f: seen.append(f.info.type_name))
    assert seen == ["Sink", "Sum", "Mul2", "Mul2"]
    assert_filled(x, 8)


def test_an_input_given_twice_counts_once():
    x, w = leaf(2), leaf(3)
    a = x * w
    s = F.sink(a, a)
    s.forward()
    s.backward()
    assert_filled(x, 3)


def test_inside_graphs_it_passes_ones_on(graph):
    x, w, _, _, s = graph
    y = s * 2 + F.sum(w)
    y.forward()
    y.backward()
    assert_filled(x, 8)
    assert_filled(w, 3)


def test_beside_other_roots(graph):
    x, w, a, b, _ = graph
    s = F.sink(a, b)
    nn.forward_all([s, a])
    s.backward()
    assert_filled(x, 7)
    assert_filled(w, 2)


def test_leaves_that_stopped_needing_gradients_keep_theirs(graph):
    x, w, a, b, _ = graph
    s = F.sink(a, b)
    s.forward()
    w.need_grad = False
    s.backward()
    assert_filled(x, 7)
    assert_filled(w, 0)


def test_unlinked_inputs_collect_gradients():
    u = F.unlink(leaf(2) * 2)
    u.need_grad = True
    s = F.sink(u * 3, u)
    s.forward()
    s.backward()
    assert_filled(u, 4)


def test_nothing_to_differentiate():
    x = nn.Variable((2, 3))
    s = F.sink(x, x * 2)
    s.forward()
    s.backward()
    assert s.d == 0
