"""The gradient that a backward pass starts from is the caller's: nothing that stays after the pass shares its memory."""
import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

import nnabla_compat as nn
import nnabla_compat.functions as F

SHAPE = (64, 128)      # large enough not to be copied at once


def leaf(seed=0, shape=SHAPE):
    variable = nn.Variable(shape, need_grad=True)
    variable.d = np.random.RandomState(seed).randn(*shape).astype("float32")
    variable.grad.zero()
    return variable


# What makes of two leaves a root whose gradient reaches them as it is, as a view or in part.
NETWORKS = {
    "identity": lambda a, b: F.identity(a),
    "sum": lambda a, b: a + b,
    "twice": lambda a, b: a + a,
    "sums": lambda a, b: (a + b) + (a - b),
    "shared_reshape": lambda a, b: F.reshape(a, (-1,)),
    "reshape": lambda a, b: F.reshape(a, (-1,), inplace=False),
    "reshape_of_computed": lambda a, b: F.reshape(a * 1 + b, (-1,)),
    "transpose": lambda a, b: F.transpose(a, (1, 0)),
    "transpose_of_sum": lambda a, b: F.transpose(a + b, (1, 0)),
    "concatenate": lambda a, b: F.concatenate(a, b, axis=0),
    "concatenate_columns": lambda a, b: F.concatenate(a, b, axis=1),
    "stack": lambda a, b: F.stack(a, b),
    "broadcast": lambda a, b: F.broadcast(F.reshape(a, (1, *SHAPE)), (1, *SHAPE)) + F.reshape(b, (1, *SHAPE)),
    "mean_of_parts": lambda a, b: F.broadcast(F.sum(a, 0, keepdims=True), SHAPE) + b,
    "unlinked": lambda a, b: a.get_unlinked_variable(need_grad=True) + a,
    "product": lambda a, b: a * b,
}


def variables_of(y):
    seen = []
    y.visit(lambda f: seen.extend([*f.inputs, *f.outputs]))
    return list({id(v.container): v for v in seen if v.need_grad and v != y}.values())


def gradients(y, **how):
    for v in variables_of(y):
        v.grad.zero()
    y.forward()
    y.backward(**how)
    return [v.g.copy() for v in variables_of(y) if v.parent is None or not how.get("clear_buffer")]


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("clear_buffer", [False, True])
@pytest.mark.parametrize("kind", ["array", "numpy", "own", "torch"])
def test_seeds_and_gradients_do_not_share_memory(network, clear_buffer, kind):
    y = NETWORKS[network](leaf(0), leaf(1))
    values = np.random.RandomState(2).randn(*y.shape).astype("float32")
    expected = gradients(y, grad=values.copy(), clear_buffer=clear_buffer)
    if kind == "own":
        y.g = values
        seed, read = None, lambda: y.g
    else:
        seed = {"array": nn.NdArray.from_numpy_array, "numpy": np.array, "torch": torch.tensor}[kind](values)
        read = {"array": lambda: seed.data, "numpy": lambda: seed, "torch": lambda: seed.numpy()}[kind]
    for _ in range(2):
        found = gradients(y, grad=seed, clear_buffer=clear_buffer)
        np.testing.assert_array_equal(read(), values)
        for a, b in zip(found, expected):
            np.testing.assert_array_equal(a, b)
    kept = [v for v in variables_of(y) if v.parent is None or not clear_buffer]
    read()[...] += 100                          # the seed is written to: no gradient changes
    for v, b in zip(kept, expected):
        np.testing.assert_array_equal(v.g, b)
    for v in kept:                              # gradients are written to: the seed does not change
        v.g[...] = 7
    np.testing.assert_array_equal(read(), values + 100)


@pytest.mark.parametrize("network", ["sums", "reshape", "concatenate"])
def test_gradients_are_added_to_those_there(network):
    a, b = leaf(0), leaf(1)
    y = NETWORKS[network](a, b)
    seed = nn.NdArray.from_numpy_array(np.ones(y.shape, "float32"))
    once = gradients(y, grad=seed)
    y.forward()
    y.backward(seed)
    for v, g in zip([v for v in variables_of(y) if v.parent is None],
                    [g for v, g in zip(variables_of(y), once) if v.parent is None]):
        np.testing.assert_array_equal(v.g, 2 * g)
    np.testing.assert_array_equal(seed.data, 1)


def test_a_seed_that_is_the_gradient_of_a_leaf():
    """The pass adds to it while it reads it."""
    a, b = leaf(0), leaf(1)
    y = (a + b) + a
    for kind in (lambda: a.grad, lambda: nn.NdArray.from_tensor(a.tensor.grad)):
        a.g, b.g = 1, 0
        a.g[...], seed = 1, kind()
        y.forward()
        y.backward(seed)
        np.testing.assert_array_equal(a.g, 3)
        np.testing.assert_array_equal(b.g, 1)


def test_a_seed_that_is_the_data_of_a_leaf():
    a, b = leaf(0), leaf(1)
    y = a * b + a
    expected = a.d * b.d + a.d, a.d * a.d
    y.forward()
    y.backward(a.data)
    for v, g in zip((a, b), expected):
        np.testing.assert_allclose(v.g, g, rtol=1e-6)
    a.d = 5
    for v, g in zip((a, b), expected):
        np.testing.assert_allclose(v.g, g, rtol=1e-6)


def test_leaves_of_torch_users_take_no_seed():
    """The graph doesn't know what lies beyond the tensors it was given."""
    x, w = leaf(), torch.randn(SHAPE[0] * SHAPE[1], requires_grad=True)
    y = F.add2(x, w.view(SHAPE))
    seed = nn.NdArray.from_numpy_array(np.ones(SHAPE, "float32"))
    y.forward()
    y.backward(seed)
    seed.data[...] = 9
    assert (w.grad == 1).all()
    np.testing.assert_array_equal(x.g, 1)


@pytest.mark.parametrize("mode", ["dynamic", "hooks", "callbacks", "persistent"])
@pytest.mark.parametrize("network", ["identity", "reshape_of_computed", "concatenate"])
def test_other_ways_to_run(mode, network):
    a, b = leaf(0), leaf(1)
    with nn.auto_forward(mode == "dynamic"):
        y = NETWORKS[network](a, b)
    h = next((v for v in variables_of(y) if v.parent is not None), None)
    if h is not None:
        h.persistent = mode == "persistent"
    seed = nn.NdArray.from_numpy_array(np.ones(y.shape, "float32"))
    if mode != "dynamic":
        y.forward()
    extra = {"hooks": {"function_pre_hook": lambda f: None}, "callbacks": {"communicator_callbacks": lambda f: None}}.get(mode, {})
    y.backward(seed, clear_buffer=mode == "persistent", **extra)
    seen = [v for v in variables_of(y) if v.parent is None or mode != "persistent" or v.persistent]
    expected = [v.g.copy() for v in seen]
    assert all((g == 1).all() for g in expected)
    seed.data[...] = 9
    for v in seen:
        np.testing.assert_array_equal(v.g, 1)


class Copies(TorchDispatchMode):
    def __init__(self, found):
        super().__init__()
        self.found = found

    def __torch_dispatch__(self, operator, types, args=(), kwargs=None):
        if "clone" in operator.__name__ or "copy" in operator.__name__:
            self.found.append(operator)
        return operator(*args, **kwargs or {})


def test_a_large_seed_is_not_copied():
    y = F.relu(leaf())
    seed = nn.NdArray.from_numpy_array(np.ones(SHAPE, "float32"))
    y.forward()
    copies = []
    with Copies(copies):
        y.backward(seed)
    assert not copies
