"""Kernels that take another way where arrays are large give what torch's own operations give: ties, second gradients, vmap."""
import pytest
import torch

from nnabla_compat.ops.logical import maximum_scalar, minimum_scalar
from nnabla_compat.ops.pooling import max_pooling
from nnabla_compat.ops.reduction import max_, min_


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def pooled(x, kernel=(2, 2)):
    return max_pooling(x, kernel, kernel, True, (0, 0))


@pytest.mark.parametrize("shape", [(4, 8, 28, 28), (2, 3, 40, 60), (2, 16, 27, 31), (1, 1, 64, 64)])
@pytest.mark.parametrize("kernel", [(2, 2), (3, 3), (2, 3)])
def test_max_pooling(shape, kernel):
    x = torch.randn(shape).relu().requires_grad_()      # ties: many zeros
    y, expected = pooled(x, kernel), torch.max_pool2d(x, kernel, kernel)
    assert torch.equal(y, expected)
    grad = torch.randn(y.shape, requires_grad=True)
    first, expected_first = [torch.autograd.grad(v, x, grad, create_graph=True)[0] for v in (y, expected)]
    assert torch.equal(first, expected_first)
    second = torch.randn(shape)
    assert torch.equal(*[torch.autograd.grad(v, grad, second)[0] for v in (first, expected_first)])


@pytest.mark.parametrize("value", [torch.inf, -torch.inf, torch.nan])
def test_max_pooling_of_what_is_no_number(value):
    x = torch.randn(2, 4, 32, 32)
    x[..., ::3] = value
    torch.testing.assert_close(pooled(x.requires_grad_()), torch.max_pool2d(x, 2), equal_nan=True, rtol=0, atol=0)


def test_infinite_gradients_reach_one_element():
    x = torch.randn(2, 4, 32, 32, requires_grad=True)
    grad, = torch.autograd.grad(pooled(x), x, torch.full((2, 4, 16, 16), torch.inf))
    assert not grad.isnan().any() and int(grad.isinf().sum()) == 2 * 4 * 16 * 16


def test_max_pooling_of_parts_of_arrays():
    x = torch.randn(2, 4, 33, 32)
    assert torch.equal(pooled(x[..., 1:, :].requires_grad_()), torch.max_pool2d(x[..., 1:, :], 2))
    x = torch.randn(2 * 4 * 32 * 32 + 1)[1:].view(2, 4, 32, 32)
    assert torch.equal(pooled(x.requires_grad_()), torch.max_pool2d(x, 2))


def test_max_pooling_in_vmap():
    x = torch.randn(3, 4, 8, 16, 16)
    gradients = [torch.func.vmap(torch.func.grad(lambda x, pool=pool: pool(x).square().sum()))(x)
                 for pool in (pooled, lambda x: torch.max_pool2d(x, 2))]
    torch.testing.assert_close(*gradients)


@pytest.mark.parametrize("ours, find", [(max_, torch.max), (min_, torch.min)])
@pytest.mark.parametrize("keep_dims", [False, True])
def test_extremes_along_rows(ours, find, keep_dims):
    x = torch.randint(-3, 4, (5, 200)).float()      # ties
    x[0, 7], x[0, 9], x[1] = torch.nan, torch.nan, torch.inf
    x.requires_grad_()
    y, index = ours(x, (1,), keep_dims, with_index=True)
    expected, expected_index = find(x, 1, keep_dims)
    torch.testing.assert_close(y, expected, equal_nan=True)
    assert torch.equal(index.long(), expected_index)
    grad = torch.randn(y.shape)
    assert torch.equal(*[torch.autograd.grad(v, x, grad)[0] for v in (y, expected)])


@pytest.mark.parametrize("ours, bound", [(maximum_scalar, torch.maximum), (minimum_scalar, torch.minimum)])
def test_bounds(ours, bound):
    x = torch.tensor([-1.0, 0.5, 2.0, torch.nan, torch.inf, -torch.inf], requires_grad=True)
    y = ours(x, 0.5)
    torch.testing.assert_close(y, bound(x, torch.tensor(0.5)), equal_nan=True)
    grad, = torch.autograd.grad(y[:3].sum(), x)
    assert grad[:3].tolist() == ([0, 0, 1] if ours is maximum_scalar else [1, 0, 0])     # none at the bound
