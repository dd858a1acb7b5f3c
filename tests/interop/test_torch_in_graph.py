"""torch.nn.Modules inside graphs of nnabla."""
import copy
import gc
import weakref

import numpy as np
import pytest
import torch

import nnabla_compat as nn
import nnabla_compat.functions as F
import nnabla_compat.parametric_functions as PF
import nnabla_compat.solvers as S
from nnabla_compat import interop

MODES = pytest.mark.parametrize("auto_forward", [False, True], ids=["static", "dynamic"])


def small_net():
    return torch.nn.Sequential(torch.nn.Conv2d(2, 4, 3, padding=1, bias=False), torch.nn.BatchNorm2d(4), torch.nn.ReLU(),
                               torch.nn.Flatten(), torch.nn.Linear(100, 6))


def images(seed=0):
    x = nn.Variable((4, 2, 5, 5))
    x.d = np.random.RandomState(seed).randn(4, 2, 5, 5).astype(np.float32)
    return x


def all_parameters():
    return nn.get_parameters(grad_only=False)


def test_parameters_appear_in_the_scope_under_mapped_names():
    net = small_net()
    with nn.parameter_scope("body"):
        interop.call_torch(net, images())
    assert list(all_parameters()) == ["body/" + n for n in (
        "0/weight", "1/weight", "1/bias", "1/running_mean", "1/running_var", "1/num_batches_tracked",
        "4/weight", "4/bias")]
    assert len(nn.get_parameters()) == 5
    for name, p in net.named_parameters():
        assert nn.get_parameters()["body/" + interop.scope_path(name)].tensor is p
    for name, b in net.named_buffers():
        assert all_parameters()["body/" + interop.scope_path(name)].tensor is b


@MODES
@pytest.mark.parametrize("optimizer", ["nnabla", "torch"])
def test_training_is_that_of_torch_alone(auto_forward, optimizer):
    net = small_net()
    twin, head = copy.deepcopy(net), torch.nn.Linear(6, 3)
    x, update, losses = images(), None, []

    def graph():
        with nn.parameter_scope("body"):
            h = interop.call_torch(net, x)
        return F.mean(PF.affine(h, 3) ** 2)

    with nn.auto_forward(auto_forward):
        loss = graph()
        for _ in range(4):
            if auto_forward:
                loss = graph()
            if update is None:
                head.weight.data = nn.get_parameters()["affine/W"].tensor.detach().t().clone()
                head.bias.data.zero_()
                for name, b in twin.named_buffers():    # the static graph did not run yet, the dynamic one ran once
                    net.get_buffer(name).copy_(b)
                if auto_forward:
                    loss = graph()
                update = S.Momentum(0.05, 0.9) if optimizer == "nnabla" else torch.optim.SGD(
                    [p for _, p in interop.named_parameters()], lr=0.05, momentum=0.9)
                if optimizer == "nnabla":
                    update.set_parameters(nn.get_parameters())
            if not auto_forward:
                loss.forward(clear_no_need_grad=True)
            update.zero_grad()
            loss.backward(clear_buffer=True)
            update.update() if optimizer == "nnabla" else update.step()
            losses.append(float(loss.d))
    reference = torch.optim.SGD([*twin.parameters(), *head.parameters()], lr=0.05, momentum=0.9)
    expected = []
    for _ in range(4):
        value = head(twin(x.tensor)).pow(2).mean()
        reference.zero_grad()
        value.backward()
        reference.step()
        expected.append(value.item())
    assert losses == pytest.approx(expected, rel=1e-4)
    assert torch.allclose(net[1].running_var, twin[1].running_var, atol=1e-5)
    assert int(net[1].num_batches_tracked) == 4
    assert all_parameters()["body/1/num_batches_tracked"].d == 4


def test_gradient_reaches_what_comes_before():
    net = torch.nn.Tanh()
    w = nn.Variable.from_numpy_array(np.float32([[0.1, 0.2]]), need_grad=True)
    y = F.sum(interop.call_torch(net, w * 2))
    y.forward()
    w.grad.zero()
    y.backward()
    assert np.allclose(w.g, 2 * (1 - np.tanh(2 * w.d) ** 2), atol=1e-6)


def test_training_flag_counts_when_the_graph_runs():
    net = torch.nn.Dropout(0.5)
    x = nn.Variable.from_numpy_array(np.ones((64, 64), np.float32))
    y = interop.call_torch(net, x)
    y.forward()
    assert set(np.unique(y.d)) == {0, 2}
    net.eval()
    y.forward()
    assert (y.d == 1).all()
    net.train()
    y.forward()
    assert 0.4 < (y.d == 0).mean() < 0.6


@pytest.mark.parametrize("extension", ["h5", "protobuf"])
def test_save_and_load(tmp_path, extension):
    net = small_net()
    y = interop.call_torch(net, images())
    y.forward()
    net.eval()
    y.forward()
    expected, path = y.d.copy(), str(tmp_path / f"p.{extension}")
    nn.save_parameters(path)

    for p in all_parameters().values():     # into the graph that is there
        p.d = 0
    y.forward()
    assert not np.allclose(y.d, expected)
    nn.load_parameters(path)
    y.forward()
    assert np.array_equal(y.d, expected)
    assert net[1].num_batches_tracked.dtype is torch.int64 and int(net[1].num_batches_tracked) == 1

    nn.clear_parameters()                   # into a new module, which takes what the scope holds
    nn.load_parameters(path)
    other = small_net().eval()
    y = interop.call_torch(other, images())
    y.forward()
    assert np.array_equal(y.d, expected)
    for name, p in other.named_parameters():
        assert nn.get_parameters()[interop.scope_path(name)].tensor is p


def test_state_dict_and_to_of_the_torch_module_are_seen():
    net = small_net().eval()
    y = interop.call_torch(net, images())
    y.forward()
    state = {k: torch.ones_like(v) for k, v in net.state_dict().items()}
    net.load_state_dict(state, assign=True)
    y.forward()
    assert nn.get_parameters()["4/bias"].tensor is net[4].bias
    assert np.allclose(y.d, net(images().tensor).detach().numpy())
    net.double()
    y.forward()
    assert all_parameters()["1/running_mean"].tensor.dtype is torch.float64 and y.d.dtype == np.float32
    net.float()
    y.forward()
    y.backward()
    assert (nn.get_parameters()["4/bias"].g == 4).all() and (net[4].bias.grad == 4).all()


def test_frozen_parameters_and_no_grad():
    net = small_net()
    net[0].weight.requires_grad_(False)
    h = interop.call_torch(net, images())
    assert h.parent.name == "torch.Sequential" and h.parent.info.type_name == "TorchModule"
    assert h.need_grad and "0/weight" not in nn.get_parameters() and "0/weight" in all_parameters()
    y = F.sum(h)
    y.forward()
    y.backward()
    assert net[0].weight.grad is None and net[4].weight.grad is not None
    with nn.no_grad():
        assert not interop.call_torch(net, images()).need_grad


def test_several_outputs_and_nested_arguments():
    class Net(torch.nn.Module):
        def forward(self, pair, *, scale, skip=None):
            a, b = pair["a"], pair["b"]
            return {"sum": (a + b) * scale, "parts": [a, (b, 3)], "skip": skip}

    a, b = (nn.Variable.from_numpy_array(np.full((2, 2), v, np.float32), need_grad=True) for v in (1, 2))
    made = interop.call_torch(Net(), {"a": a, "b": b}, scale=10.0)
    assert made["parts"][1][1] == 3 and made["skip"] is None
    y = F.sum(made["sum"]) + F.sum(made["parts"][0])
    y.forward()
    y.backward()
    assert y.d == 124 and (a.g == 11).all() and (b.g == 10).all()
    assert made["parts"][0].data is not a.data


def test_recurrent_network():
    net = torch.nn.LSTM(4, 3, batch_first=True)
    x = nn.Variable.from_numpy_array(np.ones((2, 5, 4), np.float32))
    y, (h, c) = interop.call_torch(net, x)
    F.sink(y, h, c).forward()
    expected, (eh, ec) = net(x.tensor)
    for got, want in ((y, expected), (h, eh), (c, ec)):
        assert got.shape == tuple(want.shape) and np.allclose(got.d, want.detach().numpy(), atol=1e-6)


@pytest.mark.parametrize("dtype", [np.int64, np.float32])
def test_embedding_takes_positions_whatever_their_type(dtype):
    net, ids = torch.nn.Embedding(5, 4), nn.Variable((2, 3))
    y = interop.call_torch(net, ids)
    assert y.shape == (2, 3, 4)
    ids.d = np.array([[0, 1, 2], [3, 4, 0]], dtype)
    y.forward()
    assert np.array_equal(y.d[1, 1], net.weight[4].detach().numpy())


def test_buffers_may_be_replaced_by_the_module():
    class Counter(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("calls", torch.zeros(()))

        def forward(self, x):
            self.calls = self.calls + 1
            return x * self.calls

    net = Counter()
    y = interop.call_torch(net, nn.Variable.from_numpy_array(np.ones(2, np.float32)))
    assert net.calls == 0       # building the graph leaves the buffers alone
    for n in (1, 2, 3):
        y.forward()
        assert (y.d == n).all() and all_parameters()["calls"].d == n
    all_parameters()["calls"].d = 10
    y.forward()
    assert net.calls == 11


def test_shared_weights_and_parametrizations():
    class Tied(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = torch.nn.Linear(3, 3), torch.nn.utils.parametrizations.weight_norm(torch.nn.Linear(3, 3))
            self.c = torch.nn.Linear(3, 3, bias=False)
            self.c.weight = self.a.weight

        def forward(self, x):
            return self.c(self.b(self.a(x)))

    net = Tied()
    x = nn.Variable.from_numpy_array(np.ones((2, 3), np.float32))
    y = F.sum(interop.call_torch(net, x))
    y.forward()
    y.backward()
    assert list(nn.get_parameters()) == ["a/weight", "a/bias", "b/bias", "b/parametrizations/weight/original0",
                                         "b/parametrizations/weight/original1"]
    grads = [p.grad.clone() for p in net.parameters()]
    net.zero_grad()
    net(x.tensor).sum().backward()
    assert all(torch.allclose(a, p.grad) for a, p in zip(grads, net.parameters()))


def test_half_context_around_a_float_module():
    net = torch.nn.Linear(3, 2)
    with nn.context_scope(nn.Context(["cpu:half"])):
        y = F.sum(interop.call_torch(net, F.tanh(nn.Variable.from_numpy_array(np.ones((2, 3), np.float32)))))
        y.forward()
        y.backward()
    assert net.weight.dtype is net.weight.grad.dtype is torch.float32 and y.d.dtype == np.float16


def test_recomputation_repeats_the_module():
    net = torch.nn.Sequential(torch.nn.Linear(3, 64), torch.nn.BatchNorm1d(64), torch.nn.Dropout(0.5))
    twin = copy.deepcopy(net)
    x = nn.Variable.from_numpy_array(np.random.RandomState(0).randn(8, 3).astype(np.float32), need_grad=True)
    grads = []
    for module, recompute in ((net, True), (twin, False)):
        nn.clear_parameters()
        with nn.recompute(recompute):
            h = F.tanh(interop.call_torch(module, F.tanh(x)))
        y = F.sum(h ** 2)
        torch.manual_seed(3)
        y.forward(clear_no_need_grad=True)
        x.grad.zero()
        y.backward()
        grads.append(x.g.copy())
    assert np.allclose(*grads, atol=1e-5)
    assert torch.allclose(net[1].running_mean, twin[1].running_mean) and int(net[1].num_batches_tracked) == 1


def test_second_order():
    net = torch.nn.Tanh()
    x = nn.Variable.from_numpy_array(np.float32([0.3]), need_grad=True)
    g, = nn.grad([interop.call_torch(net, x)], [x])
    g.forward()
    x.grad.zero()
    g.backward()
    t = np.tanh(0.3)
    assert np.allclose(g.d, 1 - t ** 2, atol=1e-6) and np.allclose(x.g, -2 * t * (1 - t ** 2), atol=1e-6)


def test_tensors_alone_go_straight_to_the_module():
    net = torch.nn.Linear(3, 2)
    y = interop.call_torch(net, torch.ones(1, 3))
    assert isinstance(y, torch.Tensor) and not all_parameters()


def test_one_scope_holds_one_module():
    first = torch.nn.Linear(3, 2)
    x = nn.Variable((1, 3))
    interop.call_torch(first, x)
    interop.call_torch(first, x)
    with pytest.raises(RuntimeError, match="already holds 'weight' of another torch module.*parameter_scope"):
        interop.call_torch(torch.nn.Linear(3, 2), x)
    del first
    nn.clear_parameters()
    gc.collect()
    interop.call_torch(torch.nn.Linear(3, 2), x)


def test_errors_say_what_is_wrong():
    with nn.parameter_scope("fc"), pytest.raises(RuntimeError, match=r"Linear \(scope 'fc'\).*\(2, 5\)"):
        interop.call_torch(torch.nn.Linear(3, 2), nn.Variable((2, 5)))
    with pytest.raises(TypeError, match="Linear: expected Variables as inputs, received NdArray"):
        interop.call_torch(torch.nn.Linear(3, 2), nn.NdArray((2, 3)))
    nn.parameter.set_parameter("weight", nn.Variable((7, 7), need_grad=True))
    with pytest.raises(ValueError, match=r"'weight': expected shape \(2, 3\).*\(7, 7\)"):
        interop.call_torch(torch.nn.Linear(3, 2), nn.Variable((2, 3)))


# -- as a Module -------------------------------------------------------------------------------------

class Classifier(nn.Module):
    def __init__(self, net):
        self.body = interop.FromTorch(net)

    def call(self, x):
        return PF.affine(self.body(x), 3)


def test_module_has_the_parameters_from_the_start():
    net = small_net()
    assert list(Classifier(net).get_parameters(grad_only=True)) == [
        "@body/0/weight", "@body/1/weight", "@body/1/bias", "@body/4/weight", "@body/4/bias"]
    assert not all_parameters()


def test_training_follows_the_parent_and_the_torch_module():
    net = small_net()
    model = Classifier(net)
    assert model.body.training and net.training
    model.training = False
    assert not net.training and not net[1].training and not model.body.training
    net.train()
    assert model.body.training


def test_module_saves_loads_and_learns(tmp_path):
    model, x = Classifier(small_net()), images()
    loss = F.mean(model(x) ** 2)
    solver = S.Adam(0.01)
    solver.set_parameters(model.get_parameters(grad_only=True))
    losses = []
    for _ in range(15):
        loss.forward()
        solver.zero_grad()
        loss.backward()
        solver.update()
        losses.append(float(loss.d))
    assert losses[-1] < 0.5 * losses[0]
    model.training = False
    y = model(x)
    y.forward()
    path = str(tmp_path / "m.h5")
    model.save_parameters(path)
    other = Classifier(small_net())
    other.load_parameters(path)
    other.training = False
    z = other(x)
    z.forward()
    assert np.array_equal(y.d, z.d)


def test_nodes_go_without_the_garbage_collector():
    net, x = small_net(), images()
    gc.collect()
    gc.disable()
    try:
        for auto_forward in (False, True):
            with nn.auto_forward(auto_forward):
                y = F.sum(interop.call_torch(net, x))
                if not auto_forward:
                    y.forward()
                y.backward()
            node = weakref.ref(y.parent.inputs[0].parent)
            del y
            assert node() is None, auto_forward
    finally:
        gc.enable()
