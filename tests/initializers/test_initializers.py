"""Initializers, seeds and learning rate schedulers against nnabla's draws, bit for bit."""
import ast
import inspect
import pathlib
import subprocess
import sys

import initializer_cases
import numpy as np
import pytest

from nnabla_compat import initializer, random
from nnabla_compat.engine import randomness
from nnabla_compat.engine import variable as nn
from nnabla_compat.utils import learning_rate_scheduler

CORPUS = pathlib.Path(__file__).resolve().parents[1] / "corpus" / "initializers"


@pytest.fixture(autouse=True)
def seeds_as_before():
    before = random.prng, random.pseed
    yield
    random.prng, random.pseed = before


def corpus(name):
    with np.load(CORPUS / f"{name}.npz") as f:
        start = 0
        for key, shape, dtype in zip(f["names"], f["shapes"], f["dtypes"]):
            shape = ast.literal_eval(str(shape))
            size = int(np.prod(shape, dtype=int))
            yield str(key), f["values"][start:start + size].reshape(shape), np.dtype(str(dtype))
            start += size


def same(actual, expected, dtype, name):
    assert actual.dtype == dtype and actual.shape == expected.shape, name
    if "Orthogonal" in name:    # the SVD is LAPACK's, whose rounding depends on the build
        np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-6, err_msg=name)
    else:
        np.testing.assert_array_equal(actual.astype(np.float64), expected, err_msg=name)


def test_draws_equal_nnabla():
    drawn = initializer_cases.initializers(nn, random, initializer)
    recorded = list(corpus("initializers"))
    assert [name for name, _, _ in recorded] == list(drawn)
    for name, expected, dtype in recorded:
        same(drawn[name], expected, dtype, name)


def test_learning_rates_equal_nnabla():
    curves = initializer_cases.schedules(learning_rate_scheduler)
    recorded = list(corpus("schedules"))
    assert [name for name, _, _ in recorded] == list(curves)
    for name, expected, _ in recorded:
        np.testing.assert_allclose(curves[name], expected, rtol=1e-15, atol=0, err_msg=name)


def test_every_initializer_and_scheduler_is_recorded():
    def classes(module, base):
        return {n for n, c in vars(module).items() if inspect.isclass(c) and issubclass(c, base) and c is not base}
    assert classes(initializer, initializer.BaseInitializer) == {*initializer_cases.DRAWS,
                                                                "WeightNormalizationScaleInitializer"}
    assert (classes(learning_rate_scheduler, learning_rate_scheduler.BaseLearningRateScheduler)
            == {*initializer_cases.SCHEDULES, "LinearWarmupScheduler"})


def test_first_draw_needs_no_seed():
    # What a new process starts with: other tests of this one may have seeded.
    code = "from nnabla_compat import random; print(random.pseed, random.prng.randint(1000))"
    fresh = subprocess.run([sys.executable, "-c", code], cwd=pathlib.Path(__file__).parents[2], stdout=subprocess.PIPE,
                           text=True, check=True)
    assert fresh.stdout.split() == ["313", str(np.random.RandomState(313).randint(1000))]
    random.set_parameter_seed(313)
    np.testing.assert_array_equal(initializer.NormalInitializer()((3,)),
                                  np.random.RandomState(313).randn(3).astype(np.float32))


def test_seed_rebinds_the_generator():
    before = random.prng
    random.seed(5)
    assert random.prng is not before and random.pseed == 5
    assert random.prng.randint(1000) == np.random.RandomState(5).randint(1000)


def test_seed_of_one_kind_leaves_the_other(monkeypatch):
    seeded = []
    monkeypatch.setattr(randomness, "set_function_seed", seeded.append)
    random.seed(1)
    random.seed(2, set_function_seed=False)
    assert (random.pseed, seeded) == (2, [1])
    random.seed(3, set_parameter_seed=False)
    random.set_function_seed(4)
    assert (random.pseed, seeded) == (2, [1, 3, 4])
    random.set_parameter_seed(6)
    assert (random.pseed, seeded) == (6, [1, 3, 4])


@pytest.mark.parametrize("function", [random.seed, random.set_parameter_seed, random.set_function_seed])
@pytest.mark.parametrize("value, error", [(1.0, AssertionError), (np.int64(1), AssertionError), ("1", AssertionError),
                                          (None, AssertionError), (-1, ValueError), (2 ** 32, ValueError)])
def test_bad_seeds(function, value, error):
    before = random.prng
    with pytest.raises(error):
        function(value)
    assert random.prng is before


def test_base_classes_ask_for_the_method():
    with pytest.raises(NotImplementedError, match="BaseInitializer must define"):
        initializer.BaseInitializer()((1,))
    with pytest.raises(NotImplementedError, match="BaseLearningRateScheduler must define"):
        learning_rate_scheduler.BaseLearningRateScheduler().get_learning_rate(0)


def test_repr_names_the_settings():
    assert repr(initializer.NormalInitializer(0.5)) == "NormalInitializer(0.5)"
    assert repr(initializer.UniformInitializer((-1, 2))) == "UniformInitializer((-1, 2))"
    weight = nn.Variable((2, 3))
    assert repr(initializer.WeightNormalizationScaleInitializer(weight)).startswith("WeightNormalizationScaleInitializer(")
