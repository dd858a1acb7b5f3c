"""nnabla and PyTorch in one program: a tour in seven steps.

    python examples/mix_with_pytorch.py

Each step stands on its own, asserts what it claims and prints a line. The data are made up; everything runs in a
few seconds on one CPU core. The code uses `nnabla_compat` by its own name, because `nnabla` has no `interop`.
"""
import copy
import os
import tempfile

import numpy as np
import torch
from torch.utils.data import DataLoader, TensorDataset

import nnabla_compat as nn
import nnabla_compat.functions as F
import nnabla_compat.parametric_functions as PF
import nnabla_compat.solvers as S
from nnabla_compat import interop


def points(count, seed):
    """Points of a plane and which of three spiral arms they lie on."""
    rng = np.random.RandomState(seed)
    arm, radius = rng.randint(0, 3, count), rng.rand(count)
    angle = 4 * radius + arm * 2 * np.pi / 3 + 0.15 * rng.randn(count)
    x = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1) * 2
    return x.astype(np.float32), arm.reshape(-1, 1)


# 1. Arrays


def arrays():
    """A tensor and a Variable are two views of the same numbers."""
    t = torch.zeros(2, 3)
    v = interop.variable_of(t)
    v.d[0, 0] = 5                           # numpy, nnabla and torch see one memory
    assert t[0, 0] == 5 and v.tensor is t

    y = F.relu(t - 1)                       # operators take tensors and return tensors
    assert isinstance(y, torch.Tensor) and y[0, 0] == 4
    return "a write to Variable.d is a write to the tensor"


# 2. Gradients


def gradients():
    """One backward pass runs through both, from whichever side it starts."""
    linear = torch.nn.Linear(3, 4)
    x = torch.ones(2, 3)
    h = PF.affine(interop.variable_of(linear(x)), 2)      # torch, then nnabla ...
    h.forward()
    loss = h.tensor.pow(2).mean()                         # ... then torch again
    loss.backward()
    w = nn.get_parameters()["affine/W"]
    assert linear.weight.grad.abs().sum() > 0             # through nnabla, into torch
    assert np.array_equal(w.g, w.tensor.grad.numpy())     # Variable.g is the .grad of a torch.nn.Parameter
    return f"gradients of {linear.weight.grad.abs().sum():.3f} in torch, {np.abs(w.g).sum():.3f} in nnabla"


# 3. A torch module in a graph of nnabla, trained by a solver of nnabla


def torch_module_in_nnabla():
    """`call_torch` makes a torch module a function; its parameters appear in the parameter scope."""
    body = torch.nn.Sequential(torch.nn.Linear(2, 32), torch.nn.BatchNorm1d(32), torch.nn.ReLU())
    x, t = nn.Variable((64, 2)), nn.Variable((64, 1))
    with nn.parameter_scope("body"):
        h = interop.call_torch(body, x)
    loss = F.mean(F.softmax_cross_entropy(PF.affine(F.relu(PF.affine(h, 32, name="fc")), 3, name="out"), t))
    assert "body/0/weight" in nn.get_parameters() and "out/affine/W" in nn.get_parameters()

    solver = S.Adam(0.01)
    solver.set_parameters(nn.get_parameters())
    for step in range(150):
        x.d, t.d = points(64, step)
        loss.forward(clear_no_need_grad=True)
        solver.zero_grad()
        loss.backward(clear_buffer=True)
        solver.update()
    assert loss.d < 0.6

    body.eval()                                           # the torch module's flag counts when the graph runs
    loss.forward()
    with tempfile.TemporaryDirectory() as folder:         # files of nnabla hold its parameters like all others
        path = os.path.join(folder, "all.h5")
        nn.save_parameters(path)
        expected = float(loss.d)
        torch.nn.init.zeros_(body[0].weight)
        nn.load_parameters(path)
    loss.forward()
    assert loss.d == expected
    return f"loss {loss.d:.3f} after 150 steps of Adam"


# 4. The same inside a Module


class Classifier(nn.Module):
    """A torch module as a child of a Module of nnabla: `training` reaches it, `get_parameters` lists it."""

    def __init__(self):
        self.body = interop.FromTorch(torch.nn.Sequential(torch.nn.Linear(2, 16), torch.nn.Dropout(0.5)))

    def call(self, x):
        return PF.affine(self.body(x), 3)


def torch_module_in_module():
    """`FromTorch` makes a torch module a Module."""
    net = Classifier()
    net(nn.Variable((8, 2)))
    assert list(net.get_parameters()) == ["@body/0/weight", "@body/0/bias", "affine/W", "affine/b"]
    net.training = False
    assert not net.body.torch_module[1].training
    return "parameters " + ", ".join(net.get_parameters())


# 5. A network of nnabla as a torch module, trained by torch


class Net(nn.Module):
    """Ordinary nnabla code."""

    def call(self, x):
        for i in range(2):
            with nn.parameter_scope(f"layer{i}"):
                x = PF.batch_normalization(PF.affine(x, 32), batch_stat=self.training)
                x = F.relu(x)
        if self.training:
            x = F.dropout(x, 0.1)
        return PF.affine(x, 3, name="out")


def nnabla_in_torch():
    """`to_torch` makes it a torch.nn.Module, for torch's own loop and tools. Nothing is copied."""
    torch.manual_seed(0)              # inside a torch module, dropout draws from torch's generator
    net = Net()
    model = interop.to_torch(net, (64, 2))
    x, t = (torch.from_numpy(a) for a in points(1000, 0))
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    for _ in range(6):
        for images, labels in DataLoader(TensorDataset(x, t), batch_size=64, shuffle=True):
            loss = torch.nn.functional.cross_entropy(model(images), labels[:, 0])
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()

    x, t = (torch.from_numpy(a) for a in points(200, 1))
    model.eval()
    accuracy = (model(x).argmax(1) == t[:, 0]).float().mean()
    assert accuracy > 0.8

    net.training = False              # what torch has trained, nnabla has
    y = net(interop.variable_of(x))
    y.forward()
    assert np.allclose(y.d, model(x).detach().numpy(), atol=1e-5)
    return f"accuracy {accuracy:.2f}, seen from both sides"


# 6. A graph as a torch module, with torch's tools


def graph_in_torch():
    """`graph_to_torch` takes a graph of Variables: for export, functional calls, copies."""
    x = nn.Variable((4, 2))
    y = PF.affine(F.tanh(PF.affine(x, 8, name="hidden")), 1, name="out")
    model = interop.graph_to_torch(inputs=[x], outputs=y)
    t = torch.randn(9, 2)                                 # any batch size
    exported = torch.export.export(model, (t,))
    assert torch.allclose(exported.module()(t), model(t), atol=1e-6)
    gradients = torch.func.grad(lambda p: torch.func.functional_call(model, p, (t,)).sum())(dict(model.named_parameters()))
    assert list(gradients) == ["hidden.affine.W", "hidden.affine.b", "out.affine.W", "out.affine.b"]
    average = torch.optim.swa_utils.AveragedModel(model)  # works on copies, as torch's tools do
    average.update_parameters(model)
    assert torch.allclose(average(t), copy.deepcopy(model)(t))
    return "exported with parameters " + ", ".join(gradients)


# 7. Parameters


def parameters():
    """Optimizers and solvers take parameters from either side."""
    y = PF.affine(nn.Variable((2, 3)), 4)
    torch.optim.SGD([p for _, p in interop.named_parameters()], lr=0.1)     # torch drives nnabla
    solver = S.Sgd(0.1)
    solver.set_parameters(dict(torch.nn.Linear(3, 2).named_parameters()))   # nnabla drives torch

    state = interop.scope_to_torch().state_dict()         # a scope, as torch saves it
    assert list(state) == ["affine.W", "affine.b"] and y.shape == (2, 4)
    return "state dict with " + ", ".join(state)


def main():
    """Run every step."""
    torch.set_num_threads(1)
    for number, step in enumerate((arrays, gradients, torch_module_in_nnabla, torch_module_in_module, nnabla_in_torch,
                                   graph_in_torch, parameters), start=1):
        nn.clear_parameters()
        print(f"{number}. {step.__name__}: {step()}")


if __name__ == "__main__":
    main()
