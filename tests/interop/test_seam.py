"""Where nnabla and torch meet: parameters, gradients, graphs across both, operators on tensors."""
import numpy as np
import pytest
import torch

import nnabla_compat as nn
import nnabla_compat.functions as F
import nnabla_compat.parametric_functions as PF
import nnabla_compat.solvers as S
from nnabla_compat import interop


def network():
    x = nn.Variable((4, 3))
    x.d = np.random.RandomState(0).randn(4, 3)
    with nn.parameter_scope("net"):
        h = F.relu(PF.batch_normalization(PF.affine(x, 5, name="first")))
        loss = F.mean(PF.affine(h, 2, name="second") ** 2)
    return x, loss


def test_parameters_are_torch_parameters_and_statistics_are_buffers():
    network()
    parameters, buffers = dict(interop.named_parameters()), dict(interop.named_buffers())
    assert list(parameters) == ["net.first.affine.W", "net.first.affine.b", "net.bn.beta", "net.bn.gamma",
                                "net.second.affine.W", "net.second.affine.b"]
    assert list(buffers) == ["net.bn.mean", "net.bn.var"]
    for name, tensor in parameters.items():
        assert nn.get_parameters()[interop.scope_path(name)].tensor is tensor
        assert isinstance(tensor, torch.nn.Parameter) and tensor.requires_grad
    assert not any(isinstance(b, torch.nn.Parameter) for b in buffers.values())


@pytest.mark.parametrize("path", ["conv1/conv/W", "@cb1/conv/W", "@layers.0/conv/W", "a%b/c", "W", "forward/affine/W", "%2E/x", "a//b"])
def test_names_map_both_ways(path):
    name = interop.torch_name(path)
    assert interop.scope_path(name) == path
    assert not any(hasattr(torch.nn.Module(), component) for component in name.split("."))


def test_gradient_is_the_parameters_grad():
    _, loss = network()
    loss.forward()
    for p in nn.get_parameters().values():
        p.grad.zero()
        assert p.tensor.grad is None
    loss.backward()
    for p in nn.get_parameters().values():
        assert np.shares_memory(p.g, p.tensor.grad.numpy())
    w = nn.get_parameters()["net/first/affine/W"]
    w.tensor.grad = torch.full((3, 5), 2.0)
    assert (w.g == 2).all()
    w.tensor.grad = None
    assert (w.g == 0).all()
    w.g = 3
    assert (w.tensor.grad == 3).all()


@pytest.mark.parametrize("make", [lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9), lambda p: torch.optim.AdamW(p, lr=0.01)])
def test_torch_optimizers_train_nnabla_graphs(make):
    _, loss = network()
    optimizer = make([t for _, t in interop.named_parameters()])
    losses = []
    for _ in range(10):
        loss.forward()
        losses.append(float(loss.d))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert losses[-1] < 0.8 * losses[0]


def test_nnabla_solver_and_torch_optimizer_take_the_same_step():
    def train(update):
        nn.clear_parameters()
        nn.seed(3)
        _, loss = network()
        step = update()
        for _ in range(5):
            loss.forward()
            step(loss)
        return float(loss.d)

    def with_solver():
        solver = S.Momentum(0.1, 0.9)
        solver.set_parameters(nn.get_parameters())

        def step(loss):
            solver.zero_grad()
            loss.backward()
            solver.update()
        return step

    def with_optimizer():
        # nnabla's momentum scales the gradient by the learning rate before it enters the average.
        optimizer = torch.optim.SGD([t for _, t in interop.named_parameters()], lr=0.1, momentum=0.9)

        def step(loss):
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return step

    assert train(with_solver) == pytest.approx(train(with_optimizer), rel=1e-5)


def test_one_backward_crosses_from_nnabla_into_torch():
    linear = torch.nn.Linear(3, 3)
    t = linear(torch.ones(2, 3))
    w = nn.Variable.from_numpy_array(np.eye(3, dtype=np.float32), need_grad=True)
    ones = nn.Variable.from_numpy_array(np.ones((2, 3), np.float32))
    loss = F.sum(F.add2(F.affine(ones, w), t) ** 2)
    loss.forward()
    w.grad.zero()
    loss.backward()
    expected = 2 * (1 + t.detach())      # affine of ones by the identity is one everywhere
    assert torch.allclose(linear.bias.grad, expected.sum(0), atol=1e-5)
    assert np.allclose(w.g, expected.sum(0).repeat(3).reshape(3, 3).numpy(), atol=1e-5)


def test_one_backward_crosses_from_torch_into_nnabla():
    w = nn.Variable.from_numpy_array(np.float32([[1, 2], [3, 4]]), need_grad=True)
    x = nn.Variable.from_numpy_array(np.float32([[1, 1]]))
    y = F.affine(x, w)
    y.forward()
    (y.tensor ** 2).sum().backward()
    assert np.allclose(w.g, [[8, 12], [8, 12]])


def test_operators_take_and_return_tensors():
    x = torch.randn(1, 3, 8, 8, dtype=torch.float64, requires_grad=True)
    w = torch.randn(4, 3, 3, 3, dtype=torch.float64, requires_grad=True)
    y = F.convolution(x, w, pad=(1, 1))
    assert type(y) is torch.Tensor and y.dtype is torch.float64 and y.shape == (1, 4, 8, 8)
    assert torch.autograd.gradcheck(lambda a, b: F.max_pooling(F.tanh(F.convolution(a, b)), (2, 2)),
                                    (x[:, :, :4, :4], w[:2]))
    a, b = F.split(torch.ones(2, 3), axis=0)
    assert type(a) is torch.Tensor


def test_values_written_by_torch_are_seen_by_nnabla():
    v = nn.Variable((2, 2))
    v.d = 1
    v.tensor.mul_(5)
    assert (v.d == 5).all()
    v.d[0, 0] = 7
    assert v.tensor[0, 0] == 7


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_context_places_tensors_and_trains():
    with nn.context_scope(nn.Context(["cudnn:float", "cuda:float", "cpu:float"], "CudaCachedArray", "0")):
        x, loss = network()
        solver = S.Adam(0.01)
        solver.set_parameters(nn.get_parameters())
        losses = []
        for _ in range(5):
            x.d = np.random.RandomState(0).randn(4, 3)
            loss.forward(clear_no_need_grad=True)
            solver.zero_grad()
            loss.backward(clear_buffer=True)
            solver.update()
            losses.append(float(loss.d))
    assert loss.tensor.is_cuda and all(t.is_cuda for _, t in interop.named_parameters())
    assert losses[-1] < losses[0]
