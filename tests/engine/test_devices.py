"""Arrays on GPUs: what is written there as a whole goes there without looking back, and training steps never wait."""
import numpy as np
import pytest
import torch

import nnabla_compat as nn
import nnabla_compat.functions as F
import nnabla_compat.parametric_functions as PF
import nnabla_compat.solvers as S
from nnabla_compat.engine import storage
from nnabla_compat.ext_utils import get_extension_context

needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")


@pytest.fixture(autouse=True)
def fresh():
    nn.clear_parameters()
    nn.seed(313)
    yield
    nn.clear_parameters()


def mlp(x):
    return PF.affine(F.relu(PF.affine(x, 16, name="a")), 4, name="b")


def lenet(x):
    h = F.relu(F.max_pooling(PF.batch_normalization(PF.convolution(x, 4, (3, 3), name="c")), (2, 2)))
    return PF.affine(F.dropout(h, 0.3), 4, name="d")


def sentences(x):
    h = F.sum(PF.embed(x, 7, 16, name="e"), axis=1)
    return PF.affine(F.leaky_relu(PF.layer_normalization(h)), 4, name="f")


NETWORKS = {mlp: lambda rng: rng.randn(8, 6), lenet: lambda rng: rng.randn(8, 1, 10, 10), sentences: lambda rng: rng.randint(0, 7, (8, 5))}


class NoWaiting:
    """Inside, torch raises where the host would wait for the GPU."""

    def __enter__(self):
        torch.cuda.synchronize()
        torch.cuda.set_sync_debug_mode("error")

    def __exit__(self, *_):
        torch.cuda.set_sync_debug_mode("default")


@needs_gpu
@pytest.mark.parametrize("kind", ["float", "half", "bfloat16"])
@pytest.mark.parametrize("build", NETWORKS)
@pytest.mark.parametrize("solver", [S.Momentum, S.Adam, S.Lamb])
def test_training_steps_do_not_wait(build, solver, kind):
    rng = np.random.RandomState(0)
    with nn.context_scope(get_extension_context("cudnn", type_config=kind)):
        inputs = [NETWORKS[build](rng).astype(np.float32) for _ in range(4)]
        labels = rng.randint(0, 4, (8, 1))
        x, t = nn.Variable(inputs[0].shape), nn.Variable(labels.shape)
        loss = F.mean(F.softmax_cross_entropy(build(x), t))
        solver = solver(0.01)
        solver.set_parameters(nn.get_parameters())

        def step(batch):
            x.d, t.d = batch, labels
            loss.forward(clear_no_need_grad=True)
            solver.zero_grad()
            loss.backward(clear_buffer=True)
            solver.clip_grad_by_norm(1.0)
            solver.weight_decay(1e-4)
            solver.update()
        for batch in inputs[:2]:
            step(batch)
        with NoWaiting():
            for batch in inputs[2:]:
                step(batch)
        assert np.isfinite(loss.d)


@needs_gpu
def test_steps_under_auto_forward_do_not_wait():
    rng = np.random.RandomState(0)
    labels = rng.randint(0, 4, (8, 1))
    with nn.context_scope(get_extension_context("cudnn")), nn.auto_forward():
        solver = S.Adam(0.01)

        def step():
            x, t = [nn.Variable.from_numpy_array(a) for a in (NETWORKS[lenet](rng).astype(np.float32), labels)]
            loss = F.mean(F.softmax_cross_entropy(lenet(x), t))
            solver.set_parameters(nn.get_parameters(), reset=False, retain_state=True)
            solver.zero_grad()
            loss.backward(clear_buffer=True)
            solver.update()
        step()
        with NoWaiting():
            step()


@needs_gpu
def test_arrays_are_written_as_on_the_cpu():
    results = []
    for name in ("cpu", "cudnn"):
        with nn.context_scope(get_extension_context(name)):
            x = nn.Variable((2, 3), need_grad=True)
            x.d = np.arange(6.0).reshape(2, 3)
            y = F.reshape(x * 2, (3, 2), inplace=False)
            y.forward()
            x.d = np.ones((2, 3))
            x.d[0] = 5              # part of an array that was written as a whole
            y.forward()
            seen = [x.d.copy(), y.d.copy()]
            y.d = np.zeros((3, 2))
            y.backward()
            results.append(seen + [y.d.copy(), x.g.copy()])
    for a, b in zip(*results):
        np.testing.assert_array_equal(a, b)


def test_overwriting(monkeypatch):
    """What a GPU's arrays are written by, on tensors of the CPU."""
    monkeypatch.setattr(storage, "staged", lambda tensor: tensor)
    base = torch.zeros(2, 3)
    own = storage.Storage(base)
    own.overwrite((2, 3), np.arange(6, dtype=np.float32).reshape(2, 3))
    assert base.flatten().tolist() == [0, 1, 2, 3, 4, 5]
    turned = storage.Storage(torch.empty(3, 2).t())
    turned.overwrite((2, 3), np.arange(6, dtype=np.float32).reshape(2, 3))
    assert turned._tensor[1].tolist() == [3, 4, 5]
    part = storage.Storage(base.view(6)[:3])
    part.overwrite((3,), np.float32(9))
    assert part._tensor.tolist() == [9, 9, 9] and base[0, 0] == 0
