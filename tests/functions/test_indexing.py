"""Indexing and setting elements of arrays and variables, against numpy, over many generated keys."""
import numpy as np
import pytest

import nnabla_compat as nn

SHAPES = [(5,), (3, 4), (2, 3, 4), (1, 5, 2)]


def basic_key(rng, shape):
    """A key of ints, slices, an Ellipsis and new axes, all in range."""
    parts = []
    for n in shape[:rng.randint(0, len(shape) + 1)]:
        kind = rng.randint(4)
        if kind == 0:
            parts.append(int(rng.randint(-n, n)))
        elif kind == 1:
            parts.append(slice(None))
        else:
            ends = [None if rng.rand() < 0.3 else int(rng.randint(-n, n + 1)) for _ in range(2)]
            parts.append(slice(ends[0], ends[1], [None, 1, 2, -1, -2][rng.randint(5)]))
    if rng.rand() < 0.3:
        parts.insert(rng.randint(len(parts) + 1), Ellipsis)
    for _ in range(rng.randint(3)):
        parts.insert(rng.randint(len(parts) + 1), None)
    return tuple(parts) if len(parts) != 1 or rng.rand() < 0.5 else parts[0]


def advanced_key(rng, shape):
    """Equally long lists or arrays of positions for some leading axes, or a boolean mask."""
    if rng.rand() < 0.2:
        return rng.rand(*shape[:rng.randint(1, len(shape) + 1)]) < 0.5
    count = rng.randint(1, 5)
    parts = [rng.randint(-n, n, size=count) for n in shape[:rng.randint(1, len(shape) + 1)]]
    if rng.rand() < 0.5:
        parts = [p.tolist() for p in parts]
    return tuple(parts)


def keys(seed, count=60):
    rng = np.random.RandomState(seed)
    for _ in range(count):
        shape = SHAPES[rng.randint(len(SHAPES))]
        make = advanced_key if rng.rand() < 0.3 else basic_key
        yield rng.randn(*shape).astype(np.float32), make(rng, shape), rng


@pytest.mark.parametrize("seed", range(6))
def test_getitem(seed):
    for a, key, rng in keys(seed):
        expected = a[key]
        y = nn.NdArray.from_numpy_array(a)[key]
        assert y.shape == expected.shape and np.array_equal(y.data, expected), key
        x = nn.Variable.from_numpy_array(a, need_grad=True)
        y = x[key]
        assert y.shape == expected.shape, key
        if expected.size == 0:
            continue
        y.forward()
        assert np.array_equal(y.d, expected), key
        g = np.asarray(rng.randn(*expected.shape), np.float32)
        x.grad.zero()
        y.backward(g)
        wanted = np.zeros_like(a)
        np.add.at(wanted, key, g)
        np.testing.assert_allclose(x.g, wanted, rtol=1e-6, atol=1e-6, err_msg=repr(key))


@pytest.mark.parametrize("seed", range(6))
def test_setitem(seed):
    for a, key, rng in keys(seed + 100):
        if isinstance(key, tuple) and any(k is None for k in key) or key is None:
            continue
        expected = a.copy()
        shape = a[key].shape
        value = 2.5 if rng.rand() < 0.3 else np.asarray(rng.randn(*shape), np.float32)
        expected[key] = value
        y = nn.NdArray.from_numpy_array(a)
        y[key] = value
        assert np.array_equal(y.data, expected) or _repeated(a, key), key
        x = nn.functions.identity(nn.Variable.from_numpy_array(a))
        x[key] = value if np.isscalar(value) else nn.Variable.from_numpy_array(value)
        x.forward()
        assert np.array_equal(x.d, expected) or _repeated(a, key), key


def _repeated(a, key):
    """The key names an element twice: which value stays is nobody's business."""
    return np.unique(np.arange(a.size).reshape(a.shape)[key]).size < a[key].size


@pytest.mark.parametrize("seed", range(3))
def test_arithmetic_broadcasts_as_numpy(seed):
    rng = np.random.RandomState(seed)
    signs = {"+": np.add, "-": np.subtract, "*": np.multiply, "/": np.divide, "**": np.power}
    for _ in range(60):
        full = [int(n) for n in rng.randint(1, 4, size=rng.randint(1, 4))]
        a, b = [rng.uniform(0.5, 2.0, size=[1 if rng.rand() < 0.3 else n for n in full]).astype(np.float32) for _ in range(2)]
        sign = list(signs)[rng.randint(5)]
        expected = signs[sign](a, b)
        for kind in (nn.NdArray.from_numpy_array, nn.Variable.from_numpy_array):
            y = eval(f"x {sign} z", {"x": kind(a), "z": kind(b)})
            if isinstance(y, nn.Variable):
                y.forward()
                y = y.data
            np.testing.assert_allclose(y.data, expected, rtol=1e-5)
