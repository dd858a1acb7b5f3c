"""Loaded values reach graphs, solvers and torch parameters that exist already."""
import copy

import h5py
import numpy as np
import pytest
import torch

import nnabla_compat as nn
import nnabla_compat.functions as F
import nnabla_compat.parametric_functions as PF
import nnabla_compat.solvers as S
from nnabla_compat.parameter import get_parameter, get_parameter_or_create


def build():
    x = nn.Variable.from_numpy_array(np.random.RandomState(0).randn(4, 3).astype(np.float32))
    y = PF.batch_normalization(PF.affine(x, 4))
    return y, F.sum(y * y * PF.affine(x, 4, name="other"))


def step(loss, solver):
    loss.forward()
    solver.zero_grad()
    loss.backward()
    solver.update()
    return float(loss.d)


def saved(path):
    nn.save_parameters(str(path))
    return str(path)


@pytest.mark.parametrize("extension", [".h5", ".protobuf"])
def test_graph_solver_and_torch_see_loaded_values(tmp_path, extension):
    y, loss = build()
    start = saved(tmp_path / f"start{extension}")
    solver = S.Sgd(0.05)
    solver.set_parameters(nn.get_parameters())
    w = get_parameter("affine/W")
    tensor = w.data.tensor
    before = tensor.detach().clone()
    first = [step(loss, solver) for _ in range(3)]
    assert not torch.equal(tensor, before)
    nn.load_parameters(start)
    assert get_parameter("affine/W") is w and w.data.tensor is tensor and isinstance(tensor, torch.nn.Parameter)
    assert torch.equal(tensor, before)
    assert [step(loss, solver) for _ in range(3)] == first


def test_loading_between_forward_and_backward(tmp_path):
    w = get_parameter_or_create("W", (3,), np.float32([1, 2, 3]))
    path = saved(tmp_path / "p.h5")
    w.d = np.float32([4, 5, 6])
    y = F.sum(w * w)
    y.forward()
    w.grad.zero()
    nn.load_parameters(path)
    y.backward()
    np.testing.assert_array_equal(w.g, [2, 4, 6])


@pytest.mark.parametrize("dtype", ["float64", "float16", "int32"])
def test_files_of_another_dtype(tmp_path, dtype):
    w = get_parameter_or_create("W", (3,), np.float32([1, 2, 3]))
    y = F.sum(w * w)
    with h5py.File(tmp_path / "p.h5", "w") as f:
        f["W"] = np.array([4, 5, 6], dtype)
        f["W"].attrs.update(need_grad=True, index=0)
    nn.load_parameters(str(tmp_path / "p.h5"))
    solver = S.Sgd(1.0)
    solver.set_parameters(nn.get_parameters())
    y.forward()
    assert float(y.d) == 77
    solver.zero_grad()
    y.backward()
    np.testing.assert_array_equal(w.g, [8, 10, 12])
    solver.update()
    np.testing.assert_array_equal(w.d, [-4, -5, -6])


def test_need_grad_from_the_file(tmp_path):
    y, loss = build()
    get_parameter("affine/W").need_grad = False
    path = saved(tmp_path / "p.h5")
    get_parameter("affine/W").need_grad = True
    get_parameter("bn/mean").need_grad = True
    nn.load_parameters(path)
    assert sorted(nn.get_parameters()) == ["affine/b", "bn/beta", "bn/gamma", "other/affine/W", "other/affine/b"]


def test_module_replaces_its_variables(tmp_path):
    class Net(nn.Module):
        def call(self, x):
            return PF.affine(x, 2)

    net = Net()
    x = nn.Variable.from_numpy_array(np.ones((1, 3), np.float32))
    y = net(x)
    y.forward()
    before, old = y.d.copy(), net.get_parameters()["affine/W"]
    net.save_parameters(str(tmp_path / "p.h5"))
    old.d = 0
    net.load_parameters(str(tmp_path / "p.h5"))
    assert net.get_parameters()["affine/W"] is not old
    y.forward()
    assert (y.d == 0).all()
    y = net(x)
    y.forward()
    np.testing.assert_array_equal(y.d, before)
    with pytest.raises(TypeError):
        copy.deepcopy(net)
