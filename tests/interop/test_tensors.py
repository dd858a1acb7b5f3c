"""Tensors as Variables and NdArrays and back: memory, and gradients across the border."""
import numpy as np
import pytest
import torch

import nnabla_compat as nn
import nnabla_compat.functions as F
import nnabla_compat.parametric_functions as PF
from nnabla_compat import interop
from nnabla_compat.utils.dlpack import from_dlpack, to_dlpack

MODES = pytest.mark.parametrize("auto_forward", [False, True], ids=["static", "dynamic"])


def test_variable_and_array_are_views_of_the_tensor():
    t = torch.arange(6.0).reshape(2, 3)
    v, a = interop.variable_of(t), interop.array_of(t)
    assert v.tensor is t and v.shape == a.shape == (2, 3)
    v.d[0, 0] = 10
    a.data[1, 2] = 20
    assert t[0, 0] == 10 and t[1, 2] == 20
    t[0, 1] = 30
    assert v.d[0, 1] == a.data[0, 1] == 30


@pytest.mark.parametrize("dtype", [torch.float16, torch.float64, torch.int64, torch.uint8, torch.bool])
def test_dtypes_stay(dtype):
    t = torch.ones(3).to(dtype)
    assert interop.variable_of(t).tensor.dtype is dtype
    assert interop.array_of(t).dtype == t.numpy().dtype


@pytest.mark.parametrize("convert", [interop.variable_of, interop.array_of])
def test_only_tensors_are_taken(convert):
    with pytest.raises(TypeError, match="expected torch.Tensor, received ndarray"):
        convert(np.zeros(3))


def test_numpy_and_dlpack_share_memory():
    v = nn.Variable((2, 2))
    v.d = [[1, 2], [3, 4]]
    t = torch.from_dlpack(to_dlpack(v.data))
    n = np.from_dlpack(v.tensor)
    t[0, 0] = 7
    assert v.d[0, 0] == n[0, 0] == 7
    w = nn.Variable((2, 2))
    w.data = from_dlpack(torch.full((2, 2), 3.0))
    assert (w.d == 3).all()
    assert np.shares_memory(v.tensor.numpy(), v.d)


@MODES
@pytest.mark.parametrize("start", ["torch", "nnabla"])
def test_gradients_pass_torch_nnabla_torch(auto_forward, start):
    """torch leaf -> torch op -> nnabla parameter and op -> (torch op) -> loss, from either end."""
    leaf = torch.randn(4, 3, requires_grad=True)
    with nn.auto_forward(auto_forward):
        h = PF.affine(interop.variable_of(torch.tanh(leaf)), 2)
        y = F.sum(F.sigmoid(h) ** 2) if start == "nnabla" else F.sigmoid(h)
        if not auto_forward:
            y.forward()
        for p in nn.get_parameters().values():
            p.grad.zero()
        if start == "nnabla":
            y.backward()
        else:
            (y.tensor ** 2).sum().backward()
    w, b = (p.tensor.detach().clone().requires_grad_() for p in nn.get_parameters().values())
    twin = leaf.detach().clone().requires_grad_()
    (torch.sigmoid(torch.tanh(twin) @ w + b) ** 2).sum().backward()
    assert torch.allclose(leaf.grad, twin.grad, atol=1e-6)
    for p, expected in zip(nn.get_parameters().values(), (w.grad, b.grad)):
        assert np.allclose(p.g, expected.numpy(), atol=1e-6)


@MODES
def test_gradcheck_across_the_border(auto_forward):
    w = nn.Variable.from_numpy_array(np.random.RandomState(0).randn(3, 2), need_grad=True)

    def through_nnabla(x):
        with nn.auto_forward(auto_forward), nn.context_scope(nn.Context(["cpu:double"])):
            y = F.tanh(F.affine(interop.variable_of(x * 2), w))
            if not auto_forward:
                y.forward()
            return y.tensor.sin()

    x = torch.randn(4, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(through_nnabla, (x,))


def test_a_torch_leaf_keeps_the_gradient_it_has():
    p = torch.nn.Parameter(torch.ones(2))
    p.grad = torch.full((2,), 5.0)
    v = interop.variable_of(p)
    assert (v.g == 5).all()
    loss = F.sum(v * 2)
    loss.forward()
    loss.backward()
    assert (p.grad == 7).all() and (v.g == 7).all()
    v.grad.zero()
    assert p.grad is None


def test_torch_computes_with_a_leaf_variable():
    x = nn.Variable((2, 2), need_grad=True)
    x.d = 3
    (x.tensor ** 2).sum().backward()
    assert (x.g == 6).all()
    (x.tensor ** 2).sum().backward()
    assert (x.g == 12).all()
    y = nn.Variable((2, 2))
    assert not y.tensor.requires_grad


def test_reading_values_cuts_no_history():
    w = nn.Variable.from_numpy_array(np.ones((2, 3), np.float32), need_grad=True)
    y = F.transpose(w * 3, (1, 0))
    y.forward()
    y.d[0, 0] = 10          # written by the user: used by torch from here on, the gradient passes
    t = y.tensor
    assert t.shape == (3, 2) and t[0, 0] == 10
    (t ** 2).sum().backward()
    assert w.g[0, 0] == 60 and w.g[1, 1] == 18


def test_static_graph_takes_one_tensor_after_the_other():
    p = torch.nn.Parameter(torch.ones(2, 3))
    v = interop.variable_of(p * 2)
    loss = F.sum(v ** 2)
    expected = 0
    for factor in (2, 3, 4):
        v.data.set_tensor(p * factor)
        loss.forward(clear_no_need_grad=True)
        loss.backward(clear_buffer=True)
        expected += 2 * factor ** 2
        assert torch.allclose(p.grad, torch.full((2, 3), float(expected)))


def test_operators_mix_tensors_and_variables():
    x = nn.Variable.from_numpy_array(np.ones((2, 3), np.float32))
    t = torch.full((2, 3), 2.0, requires_grad=True)
    y = F.sum(F.add2(x, t) * 3)
    y.forward()
    y.backward()
    assert y.d == 54 and (t.grad == 3).all()
    assert isinstance(F.add2(t, t), torch.Tensor)
    assert isinstance(F.add2(x.data, t), nn.NdArray)
