"""Random functions: what they draw, and that seeds repeat it.

Bounds are at least five standard deviations wide and all seeds are fixed, so nothing here passes by luck.
"""
import inspect

import numpy as np
import pytest

import nnabla_compat as nn
import nnabla_compat.function_bases as FB
import nnabla_compat.functions as F
from nnabla_compat.engine.randomness import FunctionRandom
from nnabla_compat.ops.draws.beta import betas
from nnabla_compat.ops.draws.binomial import binomials
from nnabla_compat.ops.draws.gamma import gammas
from nnabla_compat.registry import OPERATORS

RNG = np.random.RandomState(31)
IMAGES = np.float32(RNG.rand(4, 3, 8, 8))
VALUES = np.float32(np.arange(6) * 10)
WEIGHTS = np.float32([0.1, 0.3, 0.0, 0.2, 0.15, 0.25])

# name -> (function of the seed, arrays it is given)
CALLS = {
    "rand": (lambda seed: F.rand(-1.0, 2.0, (64,), seed), ()),
    "randint": (lambda seed: F.randint(0, 1000, (64,), seed), ()),
    "randn": (lambda seed: F.randn(0.0, 1.0, (64,), seed), ()),
    "rand_binomial": (lambda seed: F.rand_binomial(20, 0.3, (64,), seed), ()),
    "rand_beta": (lambda seed: F.rand_beta(2.0, 3.0, (64,), seed), ()),
    "rand_gamma": (lambda seed: F.rand_gamma(2.0, 3.0, (64,), seed), ()),
    "dropout": (lambda x, seed: F.dropout(x, 0.5, seed), (IMAGES,)),
    "random_choice": (lambda x, w, seed: F.random_choice(x, w, (64,), True, seed), (VALUES, WEIGHTS)),
    "random_crop": (lambda x, seed: F.random_crop(x, (3, 4, 4), seed=seed), (IMAGES,)),
    "random_flip": (lambda x, seed: F.random_flip(x, (2, 3), seed=seed), (np.concatenate([IMAGES] * 8),)),
    "random_shift": (lambda x, seed: F.random_shift(x, (3, 3), seed=seed), (IMAGES,)),
    "random_erase": (lambda x, seed: F.random_erase(x, 1.0, seed=seed), (IMAGES,)),
    "image_augmentation": (lambda x, seed: F.image_augmentation(x, pad=(2, 2), min_scale=0.8, max_scale=1.2, angle=0.3, seed=seed), (IMAGES,)),
}
# They draw nothing unless they select weights at random, or drop out between layers.
ELSEWHERE = {"inq_affine", "inq_convolution", "rnn", "lstm", "gru"}


def test_every_random_operator_is_called():
    random = {op.name for op in OPERATORS.values() if "rng" in op.wants}
    assert random - ELSEWHERE == set(CALLS)


def run(name, seed, times=1):
    call, arrays = CALLS[name]
    y = call(*[nn.Variable.from_numpy_array(a) for a in arrays], seed=seed)
    results = []
    for _ in range(times):
        y.forward()
        results.append(y.d.copy())
    return results


def same(a, b):
    return all(np.array_equal(x, y) for x, y in zip(a, b))


@pytest.mark.parametrize("name", CALLS)
def test_a_seed_belongs_to_the_function(name):
    first, again = run(name, 7, 3), run(name, 7, 3)
    assert same(first, again), "two functions with one seed draw the same, forward by forward"
    assert not same(first[:1], first[1:2]), "each forward draws anew"
    assert not same(first, run(name, 8, 3))
    nn.seed(1)
    one = run(name, 7)
    nn.seed(2)
    assert same(one, first), "nn.seed does not touch streams of their own"


@pytest.mark.parametrize("name", CALLS)
def test_nn_seed_repeats_the_common_stream(name):
    def draw(seed):
        nn.seed(seed)
        return run(name, -1, 2) + run(name, -1)
    first = draw(412)
    assert same(first, draw(412))
    assert not same(first, draw(413))
    assert not same(first[:1], first[2:]), "another function continues the stream"


@pytest.mark.parametrize("name", CALLS)
def test_auto_forward_and_arrays_draw_the_same(name):
    call, arrays = CALLS[name]
    expected, = run(name, 7)
    with nn.auto_forward():
        y = call(*[nn.Variable.from_numpy_array(a) for a in arrays], seed=7)
    np.testing.assert_array_equal(y.d, expected)
    if arrays:
        y = call(*[nn.NdArray.from_numpy_array(a) for a in arrays], seed=7)
        np.testing.assert_array_equal(y.data, expected)


def sample(y):
    y.forward()
    return np.float64(y.d)


def frequencies(draws, probabilities):
    """Whether counted outcomes 0, 1 ... are those of the probabilities, to five standard deviations."""
    n, p = draws.size, np.asarray(probabilities)
    counts = np.bincount(np.int64(draws).ravel(), minlength=len(p))
    assert len(counts) == len(p)
    assert (np.abs(counts - n * p) <= 5 * np.sqrt(n * p * (1 - p)) + 1e-9).all(), (counts, n * p)


def moments(draws, mean, variance, third=None):
    """Mean and variance, and the third central moment where given."""
    n, centred = draws.size, draws - mean
    for power, expected in ((1, 0.0), (2, variance), (3, third)):
        if expected is not None:
            spread = np.std(centred ** power) / n ** 0.5
            assert abs(np.mean(centred ** power) - expected) <= 5 * spread, (power, np.mean(centred ** power), expected, spread)


@pytest.mark.parametrize("alpha, beta", [(2.0, 3.0), (0.5, 0.5), (1.0, 1.0), (5.0, 0.7)])
def test_beta(alpha, beta):
    y = sample(F.rand_beta(alpha, beta, (40000,), seed=5))
    assert y.min() >= 0 and y.max() <= 1
    total = alpha + beta
    variance = alpha * beta / (total ** 2 * (total + 1))
    skew = 2 * (beta - alpha) * (total + 1) ** 0.5 / ((total + 2) * (alpha * beta) ** 0.5)
    moments(y, alpha / total, variance, skew * variance ** 1.5)


@pytest.mark.parametrize("k, theta", [(2.0, 3.0), (0.5, 1.0), (1.0, 0.5), (20.0, 0.1)])
def test_gamma(k, theta):
    y = sample(F.rand_gamma(k, theta, (40000,), seed=5))
    assert y.min() >= 0
    moments(y, k * theta, k * theta ** 2, 2 * k * theta ** 3)


@pytest.mark.parametrize("n, p", [(1, 0.3), (6, 0.3), (12, 0.9), (100, 0.02), (100, 0.7), (5000, 0.4)])
def test_binomial(n, p):
    y = sample(F.rand_binomial(n, p, (40000,), seed=5))
    assert np.array_equal(y, np.round(y)) and y.min() >= 0 and y.max() <= n
    moments(y, n * p, n * p * (1 - p), n * p * (1 - p) * (1 - 2 * p))
    if n <= 6:
        from math import comb
        frequencies(y, [comb(n, i) * p ** i * (1 - p) ** (n - i) for i in range(n + 1)])


@pytest.mark.parametrize("draw, parameters", [
    *[(gammas, (k,)) for k in (0.05, 0.5, 1.0, 2.0, 9.0)],
    *[(betas, shapes) for shapes in ((0.4, 0.9), (1.1, 1.0), (0.3, 2.0), (7.0, 0.5), (20.0, 30.0), (3e4, 1.5))],
    *[(binomials, trials) for trials in ((6, 0.3), (20, 0.5), (100, 0.305), (40, 0.9), (3000, 0.004))]])
@pytest.mark.parametrize("count", [0, 1, 2, 7, 60])
def test_the_same_words_are_taken_in_stretches_of_any_length(draw, parameters, count, monkeypatch):
    def drawn(stretch):
        if draw is not binomials or parameters[0] * parameters[1] >= 8:
            monkeypatch.setattr(f"{draw.__module__}.LENGTH", stretch)
        rng = FunctionRandom(4)
        return np.append(draw(rng, *parameters, count), rng.words(1))

    expected = drawn(1 << 15)
    for stretch in (24, 40, 100):
        np.testing.assert_array_equal(drawn(stretch), expected)


def test_uniform_and_normal():
    y = sample(F.rand(-2.0, 3.0, (40000,), seed=5))
    assert y.min() >= -2 and y.max() < 3
    frequencies((y + 2) // 0.5, [0.1] * 10)
    moments(sample(F.randn(1.0, 0.5, (40001,), seed=5)), 1.0, 0.25, 0.0)
    frequencies(sample(F.randint(-3, 5, (40000,), seed=5)) + 3, [1 / 8] * 8)


def test_dropout_keeps_each_element_as_often():
    x = nn.Variable.from_numpy_array(np.ones((200, 200), np.float32), need_grad=True)
    y = F.dropout(x, 0.3, seed=5)
    kept = sample(y)
    assert np.allclose(kept[kept != 0], 1 / 0.7)
    frequencies(kept != 0, [0.3, 0.7])
    x.grad.zero()
    y.backward()
    np.testing.assert_allclose(x.g, kept, rtol=1e-6)


def test_choice_follows_the_weights():
    x, w = nn.Variable.from_numpy_array(VALUES), nn.Variable.from_numpy_array(WEIGHTS * 4)
    frequencies(sample(F.random_choice(x, w, (40000,), True, 5)) / 10, WEIGHTS / WEIGHTS.sum())
    rows = sample(F.random_choice(nn.Variable.from_numpy_array(np.tile(VALUES, (500, 1))),
                                  nn.Variable.from_numpy_array(np.tile(WEIGHTS, (500, 1))), (5,), False, 5))
    assert all(len(set(row)) == 5 and 20.0 not in row for row in rows)


def test_crops_flips_and_shifts_are_uniform():
    count = 4000
    ramp = nn.Variable.from_numpy_array(np.tile(np.arange(8, dtype=np.float32), (count, 1)))
    frequencies(sample(F.random_crop(ramp, (4,), seed=5))[:, 0], [1 / 5] * 5)
    frequencies(sample(F.random_flip(ramp, (1,), seed=5))[:, 0] == 7, [0.5, 0.5])
    frequencies(3 - sample(F.random_shift(ramp, (2,), "nearest", seed=5))[:, 3] + 2, [1 / 5] * 5)


def test_erasing_within_the_given_ratios():
    images = nn.Variable.from_numpy_array(np.full((2000, 1, 20, 20), -1.0, np.float32))
    y = sample(F.random_erase(images, 0.6, (0.05, 0.2), (0.5, 2.0), (0.0, 1.0), 1, True, seed=5))
    erased = (y != -1).reshape(2000, -1)
    frequencies(erased.any(1), [0.4, 0.6])
    areas = erased.mean(1)[erased.any(1)]
    assert areas.max() <= 0.25 and 0.02 < areas.min()  # rectangles take in the elements at both ends
    assert y[y != -1].min() >= 0 and y[y != -1].max() <= 1


def test_augmentation_stays_within_its_bounds():
    images = nn.Variable.from_numpy_array(np.full((500, 1, 4, 4), 0.5, np.float32))
    y = sample(F.image_augmentation(images, brightness=0.2, seed=5))
    level = y.mean((1, 2, 3))
    np.testing.assert_allclose(y, np.broadcast_to(level[:, None, None, None], y.shape), atol=1e-6)
    assert level.min() >= 0.3 - 1e-6 and level.max() <= 0.7 + 1e-6
    moments(level, 0.5, 0.4 ** 2 / 12)


def test_seed_is_the_argument_nnabla_names():
    for op in OPERATORS.values():
        if "rng" in op.wants and op.name not in ("rnn", "lstm", "gru"):
            assert inspect.signature(getattr(FB, op.name)).parameters["seed"].default == -1, op.name


@pytest.mark.parametrize("absolute, expected", [(False, [[1, 0, 1, 0, 0], [0, 1, 0, 1, 0]]), (True, [[1, 0, 1, 0, 0], [-3, 1, 0, 0, 0]])])
def test_gradients_of_the_k_largest_are_the_first_of_equal_ones(absolute, expected):
    x = nn.Variable.from_numpy_array(np.zeros((2, 5), np.float32), need_grad=True)
    y = F.top_k_grad(x, 2, absolute)
    y.forward()
    x.grad.zero()
    y.backward(np.float32([[1, -0.5, 1, 1, 0], [-3, 1, -1, 1, 1]]))
    np.testing.assert_array_equal(x.g, expected)
