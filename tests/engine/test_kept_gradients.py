"""Gradients that backward keeps have memory of their own, however torch shares it on the way."""
import numpy as np
import pytest

import nnabla_compat as nn
import nnabla_compat.functions as F


def leaf(*values):
    variable = nn.Variable((len(values),), need_grad=True)
    variable.d = np.float32(values)
    variable.grad.zero()
    return variable


NETWORKS = {
    "identities": lambda a, b: ((h := a + b), (h + 1) + (h - 1)),
    "views": lambda a, b: ((h := F.reshape(a * b, (1, 3), inplace=False)), F.reshape(h, (3,), inplace=False)),
    "broadcast": lambda a, b: ((h := F.broadcast(F.reshape(F.sum(a * b), (1,)), (3,))), h * 1.0),
    "one_leaf_twice": lambda a, b: ((h := a + a), h + b),
    "joined": lambda a, b: ((h := F.concatenate(a, b, axis=0)), h + 1),
    "root_is_a_sum_of_leaves": lambda a, b: ((h := F.identity(a)), h + b),
}


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("leaf_has_gradient", [False, True])
def test_writing_to_one_gradient_leaves_the_others_alone(network, leaf_has_gradient):
    a, b = leaf(1, 2, 3), leaf(4, 5, 6)
    h, y = NETWORKS[network](a, b)
    if leaf_has_gradient:
        a.g = 1
    y.forward()
    y.backward()
    seen = []
    y.visit(lambda f: seen.extend([*f.inputs, *f.outputs]))
    variables = list({id(v.container): v for v in seen if v.need_grad and v != y}.values())
    expected = [v.g.copy() for v in variables]
    for changed in variables:
        changed.g[...] += 100
        for v, values in zip(variables, expected):
            if v != changed:
                np.testing.assert_array_equal(v.g, values)
        changed.g[...] -= 100
    a.grad.zero()
    b.grad.zero()
    y.forward()
    y.backward()     # no seed was changed either
    for v, values in zip(variables, expected):
        if v not in (a,) or not leaf_has_gradient:
            np.testing.assert_array_equal(v.g, values)


def test_gradients_add_up_in_place():
    a = leaf(1, 2, 3)
    y = F.sum(F.relu(a * 2))
    y.forward()
    y.backward()
    gradient = a.g
    y.forward()
    y.backward()
    np.testing.assert_array_equal(gradient, [4, 4, 4])


def test_hooks_of_torch_users_on_leaves_are_called():
    a = leaf(1, 2, 3)
    seen = []
    a.tensor.register_post_accumulate_grad_hook(lambda t: seen.append(t.grad.clone()))
    y = F.sum(F.relu(a * 2))
    y.forward()
    y.backward()
    assert len(seen) == 1 and a.g.tolist() == [2, 2, 2]


def test_a_gradient_given_to_grad_that_passes_unchanged_gets_one_of_its_own():
    x, dy = leaf(1, 2), leaf(3, 4)
    dx, = nn.grad([F.identity(x)], [x], grad_outputs=[dy])
    total = F.sum(dx * 3)
    total.forward()
    total.backward()
    np.testing.assert_array_equal(dx.d, dy.d)
    np.testing.assert_array_equal(dy.g, [3, 3])
