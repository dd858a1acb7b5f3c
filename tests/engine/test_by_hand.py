"""Functions driven by hand, as test code and tools do: f.setup, f.forward, f.backward."""
import numpy as np
import pytest

import nnabla_compat as nn
import nnabla_compat.functions as F


def leaf(values):
    return nn.Variable.from_numpy_array(np.float32(values), need_grad=True)


def test_backward_repeats_the_random_numbers_of_the_last_forward():
    nn.seed(1)
    x = leaf(np.ones(64))
    y = F.dropout(x, 0.5)
    f = y.parent
    for _ in range(3):
        f.forward([x], [y])
        y.g = 1
        x.grad.zero()
        f.backward([x], [y])
        assert np.array_equal(x.g, y.d)
        assert 0 < (y.d == 0).sum() < 64


def test_backward_leaves_the_random_stream_alone():
    def draws(with_backward):
        nn.seed(1)
        x = leaf(np.ones(8))
        y = F.dropout(x, 0.5)
        f = y.parent
        drawn = []
        for _ in range(3):
            f.forward([x], [y])
            drawn.append(y.d.copy())
            if with_backward:
                f.backward([x], [y])
        return np.array(drawn)

    assert np.array_equal(draws(True), draws(False))


def test_backward_leaves_running_statistics_alone():
    x = leaf(np.random.RandomState(0).randn(6, 2))
    beta, gamma = leaf(np.zeros((1, 2))), leaf(np.ones((1, 2)))
    mean, variance = nn.Variable((1, 2)), nn.Variable((1, 2))
    y = F.batch_normalization(x, beta, gamma, mean, variance)
    f = y.parent
    f.forward([x, beta, gamma, mean, variance], [y])
    before = mean.d.copy(), variance.d.copy()
    y.g = np.random.RandomState(1).randn(6, 2)
    f.backward([x, beta, gamma, mean, variance], [y])
    assert np.array_equal(mean.d, before[0]) and np.array_equal(variance.d, before[1])
    assert before[0].any()


@pytest.mark.parametrize("accum", [True, False])
def test_accumulation_is_chosen_for_each_input(accum):
    a, b = leaf([2, 3]), leaf([5, 7])
    y = F.mul2(a, b)
    f = y.parent
    f.forward([a, b], [y])
    y.g = [1, 10]
    a.g, b.g = np.float32([100, 100]), np.float32([np.nan, np.nan]) if not accum else 1
    f.backward([a, b], [y], [True, accum])
    assert np.allclose(a.g, [105, 170])
    assert np.allclose(b.g, [2 + accum, 30 + accum])


def test_no_gradient_where_none_is_needed():
    a, b = leaf([2, 3]), leaf([5, 7])
    y = F.mul2(a, b)
    y.forward()
    a.need_grad = False
    a.g = b.g = 0
    y.g = 1
    y.parent.backward([a, b], [y])
    assert (a.g == 0).all() and (b.g == a.d).all()


def test_other_variables_of_other_shapes_may_be_run():
    f = F.relu(leaf([1, 2])).parent
    x, y = leaf(np.arange(-3, 3).reshape(2, 3)), nn.Variable((1,))
    f.setup([x], [y])
    f.forward([x], [y])
    assert np.array_equal(y.d, np.maximum(x.d, 0))
