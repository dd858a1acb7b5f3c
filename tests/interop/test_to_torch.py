"""Networks of nnabla as torch.nn.Modules."""
import copy
import io
import pathlib
import pickle
import subprocess
import sys

import numpy as np
import pytest
import torch
import torch.distributed
from torch.utils.data import DataLoader, TensorDataset

import nnabla_compat as nn
import nnabla_compat.functions as F
import nnabla_compat.parametric_functions as PF
import nnabla_compat.solvers as S
from nnabla_compat import interop
from nnabla_compat.function import PythonFunction


class Block(nn.Module):
    def __init__(self, maps):
        self.maps = maps

    def call(self, x):
        h = PF.convolution(x, self.maps, (3, 3), pad=(1, 1), with_bias=False)
        return F.relu(PF.batch_normalization(h, batch_stat=self.training))


class Net(nn.Module):
    """Convolutions, batch normalization, dropout in training, a reshape and a slice that name the batch size."""

    def __init__(self, rate=0.3):
        self.blocks, self.rate = [Block(4), Block(6)], rate

    def call(self, x):
        for block in self.blocks:
            x = block(x)
        if self.training and self.rate:
            x = F.dropout(x, self.rate)
        x = F.reshape(x, (x.shape[0], -1))
        return PF.affine(x[:, :20], 3)


SHAPE = (4, 2, 5, 5)


def nnabla_values(net, x):
    v = interop.variable_of(x)
    y = net(v)
    y.forward()
    return y


@pytest.fixture
def net():
    return Net()


@pytest.fixture
def module(net):
    return interop.to_torch(net, SHAPE)


def same(a, b):
    return torch.allclose(torch.as_tensor(a), torch.as_tensor(b), atol=1e-6)


# -- values ------------------------------------------------------------------------------------------

@pytest.mark.parametrize("training", [True, False])
def test_values_gradients_and_statistics_are_nnablas(training):
    net, x = Net(rate=0), torch.randn(SHAPE)
    module = interop.to_torch(net, SHAPE).train(training)
    twin = copy.deepcopy(module)
    net.training = training
    y = nnabla_values(net, x)
    for p in net.get_parameters().values():
        p.grad.zero()
    F.sum(y * y).forward()
    loss = F.sum(y * y)
    loss.forward()
    loss.backward()
    for _ in range(3):      # the graph was run three times, and each run moves the running statistics
        out = twin(x)
    (out * out).sum().backward()
    assert same(out.detach(), y.d)
    for name, p in twin.named_parameters():
        assert same(p.grad, net.get_parameters()[interop.scope_path(name)].g), name
    for name, b in twin.named_buffers():
        assert same(b, net.get_parameters()[interop.scope_path(name)].d), name


def test_names_parameters_and_buffers(net, module):
    assert [interop.scope_path(n) for n in module.state_dict()] == list(net.get_parameters())
    assert [n for n, _ in module.named_buffers()] == [
        "@blocks%2E0.bn.mean", "@blocks%2E0.bn.var", "@blocks%2E1.bn.mean", "@blocks%2E1.bn.var"]
    for name, tensor in (*module.named_parameters(), *module.named_buffers()):
        assert net.get_parameters()[interop.scope_path(name)].tensor is tensor


def test_train_and_eval(module):
    x = torch.randn(SHAPE)
    assert module.training
    a, b = module(x), module(x)
    assert not torch.equal(a, b)
    before = module.state_dict()["@blocks%2E0.bn.mean"].clone()
    module.eval()
    assert torch.equal(module(x), module(x))
    assert torch.equal(module.state_dict()["@blocks%2E0.bn.mean"], before)


def test_dropout_draws_from_torchs_generator(module):
    x = torch.randn(SHAPE)
    torch.manual_seed(5)
    a = module(x)
    torch.manual_seed(5)
    assert torch.equal(module(x), a)
    assert not torch.equal(module(x), a)


@pytest.mark.parametrize("batch", [1, 3, 9])
def test_any_batch_size(net, module, batch):
    x = torch.randn(batch, *SHAPE[1:])
    net.training = False
    assert same(module.eval()(x).detach(), nnabla_values(net, x).d)
    assert len(module._programs[False]) == 1      # by the same program


def test_other_shapes_build_the_graph_again():
    def net(x):
        h = PF.convolution(x, 4, (3, 3), name="c")
        return F.mean(F.reshape(h, (h.shape[0], 4, -1)), axis=2)

    module = interop.to_torch(net, (2, 3, 8, 8))
    assert module(torch.ones(2, 3, 12, 10)).shape == (2, 4)
    frozen = copy.deepcopy(interop.to_torch(net, (2, 3, 8, 8)))
    with pytest.raises(ValueError, match=r"expected inputs of shapes \[\(2, 3, 8, 8\)\] of any batch size, received "
                                         r"\[\(2, 3, 12, 10\)\]"):
        frozen(torch.ones(2, 3, 12, 10))


def test_a_graph_that_fixes_its_batch_size_says_so():
    x = nn.Variable((4, 6))
    module = interop.graph_to_torch(x, F.transpose(F.reshape(x, (6, 4)), (1, 0)))
    assert module(torch.ones(4, 6)).shape == (4, 6)
    with pytest.raises(ValueError, match=r"expected inputs of shapes \[\(4, 6\)\], received \[\(5, 6\)\]"):
        module(torch.ones(5, 6))


@pytest.mark.parametrize("build", [
    lambda x: F.reshape(x, (12, 5)), lambda x: F.reshape(F.reshape(x, (12, 5)), (4, 3, 5)), lambda x: x[1:, ::2],
    lambda x: F.broadcast(F.sum(x, axis=1, keepdims=True), (4, 3, 5)), lambda x: F.sum(x, axis=0),
    lambda x: F.concatenate(x, x, axis=0), lambda x: F.transpose(x, (1, 0, 2)), lambda x: x[:-1],
    lambda x: F.softmax(x + F.constant(1.0, (1, 3, 5))), lambda x: F.batch_matmul(x, x, transpose_b=True),
    lambda x: F.flip(F.reshape(x, (4, 15)), (1,))])
def test_batch_size_is_free_in(build):
    x = nn.Variable((4, 3, 5))
    module = interop.graph_to_torch(x, build(x))
    v = nn.Variable((7, 3, 5))
    v.d = np.random.RandomState(0).randn(7, 3, 5).astype(np.float32)
    got = module(v.tensor)
    fresh = build_for_seven(build, v)
    fresh.forward()
    assert got.shape == fresh.shape and same(got, fresh.d)


def build_for_seven(build, v):
    """The same lines with the numbers 4 and 12 read as batch sizes."""
    shaped = F.reshape, F.broadcast
    replaced = {4: 7, 12: 21}

    def renumbered(function):
        return lambda x, shape, **named: function(x, tuple(replaced.get(n, n) for n in shape), **named)

    F.reshape, F.broadcast = map(renumbered, shaped)
    try:
        return build(v)
    finally:
        F.reshape, F.broadcast = shaped


@pytest.mark.parametrize("build", [lambda x: F.broadcast(F.sum(x, axis=0, keepdims=True), (4, 3, 5)) + x,
                                   lambda x: F.reshape(x, (3, 4, 5)), lambda x: F.reshape(x, (2, 2, 3, 5)),
                                   lambda x: F.flip(x, (0,))[-4:4], lambda x: x + F.rand(shape=(4, 3, 5))])
def test_batch_size_fixed_by_the_graph_is_never_guessed(build):
    x = nn.Variable((4, 3, 5))
    module = interop.graph_to_torch(x, build(x))
    assert module(torch.ones(4, 3, 5)).shape == build(x).shape
    with pytest.raises(ValueError, match=r"expected inputs of shapes \[\(4, 3, 5\)\], received"):
        module(torch.ones(7, 3, 5))


def test_batch_size_is_not_taken_for_another_axis_as_long():
    x = nn.Variable((5, 5))
    module = interop.graph_to_torch(x, F.reshape(F.transpose(x, (1, 0)), (5, 5, 1)))
    t = torch.randn(8, 5)
    try:
        assert torch.equal(module(t)[..., 0], t.t())
    except ValueError as error:
        assert "expected inputs of shapes [(5, 5)]" in str(error)


# -- the ways in -------------------------------------------------------------------------------------

def test_function_with_a_graph_for_evaluation():
    def net(x, test=False):
        h = PF.batch_normalization(PF.affine(x, 5), batch_stat=not test)
        return h if test else F.dropout(h, 0.5)

    with nn.parameter_scope("net"):
        module = interop.to_torch(net, (4, 3), evaluate=lambda x: net(x, test=True))
        implied = interop.to_torch(net, (4, 3))
    assert list(module.state_dict()) == ["affine.W", "affine.b", "bn.beta", "bn.gamma", "bn.mean", "bn.var"]
    x = torch.randn(4, 3)
    module(x)
    assert torch.equal(module.eval()(x), implied.eval()(x))
    assert (module.train()(x) == 0).any()
    assert set(nn.get_parameters()) == {"net/affine/W", "net/affine/b", "net/bn/beta", "net/bn/gamma"}


def test_graph_with_inputs_outputs_constants_and_parameters():
    x, z = nn.Variable((4, 3)), nn.Variable((4, 2))
    table = nn.Variable.from_numpy_array(np.float32([[0, 1]]))
    unused = PF.affine(x, 7, name="unused")
    y = PF.affine(x, 2, name="fc") + z + table
    module = interop.graph_to_torch([x, z], {"y": y, "pair": (F.relu(y), unused.shape)})
    assert list(module.state_dict()) == ["fc.affine.W", "fc.affine.b"]
    assert [n for n, _ in module.named_buffers()] == ["constant0"]
    a, b = torch.randn(6, 3), torch.randn(6, 2)
    out = module(a, b)
    w = nn.get_parameters()["fc/affine/W"].tensor
    assert same(out["y"].detach(), (a @ w + b + torch.arange(2.0)).detach())
    assert torch.equal(out["pair"][0], out["y"].relu()) and out["pair"][1] == (4, 7)


def test_graph_from_an_intermediate():
    x = nn.Variable((4, 3))
    h = PF.affine(x, 5, name="first")
    y = PF.affine(F.relu(h), 2, name="second")
    module = interop.graph_to_torch([h], y)
    assert list(module.state_dict()) == ["second.affine.W", "second.affine.b"]
    assert module(torch.ones(3, 5)).shape == (3, 2)


def test_graph_of_a_module_and_its_frozen_parts():
    net, x = Net(rate=0), nn.Variable(SHAPE)
    y = net(x)
    with pytest.raises(ValueError, match="uses a parameter of shape.*parameters=net.get_parameters"):
        interop.graph_to_torch(x, y)
    module = interop.graph_to_torch(x, y, net.get_parameters(grad_only=False))
    assert module(torch.randn(SHAPE)).shape == (4, 3)
    with nn.parameter_scope("frozen"):
        y = PF.affine(PF.affine(nn_input := nn.Variable((2, 3)), 4, fix_parameters=True, name="a"), 2, name="b")
        module = interop.graph_to_torch(nn_input, y)
    module(torch.ones(2, 3)).sum().backward()
    assert module.get_parameter("a.affine.W").grad is None and module.get_parameter("b.affine.W").grad is not None


def test_need_grad_false_cuts_the_history():
    x = nn.Variable((2, 3))
    h = PF.affine(x, 4, name="a")
    h.need_grad = False
    module = interop.graph_to_torch(x, PF.affine(h, 2, name="b"))
    module(torch.ones(2, 3)).sum().backward()
    assert module.get_parameter("a.affine.W").grad is None and module.get_parameter("b.affine.W").grad is not None


def test_outputs_may_be_inputs_parameters_and_repeated():
    x = nn.Variable((4, 3))
    w = nn.parameter.get_parameter_or_create("w", (1, 3))
    y = x * 2
    module = interop.graph_to_torch(x, [x, w, y, y])
    t = torch.randn(5, 3)
    a, b, c, d = module(t)
    assert a is t and b is nn.get_parameters()["w"].tensor and c is d and torch.equal(c, 2 * t)


def test_graph_that_was_built_and_run_in_dynamic_mode():
    with nn.auto_forward():
        x = nn.Variable.from_numpy_array(np.random.randn(4, 3).astype(np.float32))
        y = F.dropout(F.softmax(PF.affine(x, 5)), 0.5)
    module = interop.graph_to_torch(x, y).eval()
    assert module(torch.randn(6, 3)).sum().item() == pytest.approx(6)


def test_graph_errors():
    x, t = nn.Variable((4, 3)), nn.Variable((4, 3))
    with pytest.raises(ValueError, match="no input and no parameter, and holds no values"):
        interop.graph_to_torch([x], x + t)
    y = x ** 2
    with pytest.raises(TypeError, match="expected Variables"):
        interop.graph_to_torch([x.data], y)
    with pytest.raises(TypeError, match="graph_to_torch"):
        interop.to_torch(y)


def penalized(x):
    """A score, and how far its slope is from 1: a gradient that is differentiated again."""
    x.need_grad = True
    y = PF.affine(F.tanh(PF.affine(x, 5, name="hidden")), 1, name="score")
    slope, = nn.grad([y], [x])
    return y, F.mean((F.sum(slope ** 2, axis=1) ** 0.5 - 1) ** 2)


def test_gradients_as_variables_of_the_graph():
    module = interop.to_torch(penalized, (4, 3))
    parameters = nn.get_parameters()
    x = nn.Variable.from_numpy_array(np.random.RandomState(0).randn(7, 3).astype(np.float32))
    y, penalty = penalized(x)
    nn.forward_all([y, penalty])
    for p in parameters.values():
        p.grad.zero()
    penalty.backward()
    tensor = torch.from_numpy(x.d.copy())
    twin = pickle.loads(pickle.dumps(module))
    score, found = twin(tensor)
    assert same(score.detach(), y.d) and same(found.detach(), penalty.d)
    found.backward()
    for name, p in twin.named_parameters():
        if p.grad is not None:
            assert same(p.grad, parameters[interop.scope_path(name)].g), name
    assert twin.get_parameter("hidden.affine.W").grad.abs().sum() > 0 and tensor.grad is None
    with torch.no_grad():
        again = twin.eval()(tensor)[1]
    assert same(again, penalty.d) and not again.requires_grad
    leaf = tensor.clone().requires_grad_()
    twin(leaf)[1].backward()        # third derivatives of the network, into what comes before
    assert leaf.grad.abs().sum() > 0
    values = torch.func.functional_call(twin, {k: v * 0 for k, v in twin.named_parameters()}, (tensor,))
    assert same(values[1].detach(), np.float32(1))


def test_scope_is_a_module_of_parameters(tmp_path):
    with nn.parameter_scope("net"):
        PF.batch_normalization(PF.affine(nn.Variable((2, 3)), 4))
    module = interop.scope_to_torch()
    assert list(module.state_dict()) == ["net.affine.W", "net.affine.b", "net.bn.beta", "net.bn.gamma", "net.bn.mean",
                                         "net.bn.var"]
    assert list(interop.scope_to_torch(nn.get_current_parameter_scope()["net"]).state_dict())[0] == "affine.W"
    assert list(interop.scope_to_torch(nn.get_parameters()).state_dict())[0] == "net.affine.W"
    torch.save(module.state_dict(), tmp_path / "p.pt")
    for p in nn.get_parameters(grad_only=False).values():
        p.d = 5
    module.load_state_dict(torch.load(tmp_path / "p.pt", weights_only=True))
    assert (nn.get_parameters()["net/bn/gamma"].d == 1).all()
    assert torch.optim.SGD(module.parameters(), lr=0.1)
    with pytest.raises(NotImplementedError, match="computes nothing"):
        module(torch.ones(2, 3))


def test_labels_and_positions_are_inputs():
    def loss(x, t):
        return F.mean(F.softmax_cross_entropy(PF.affine(x, 5), t))

    module = interop.to_torch(loss, (4, 3), (4, 1))
    x, t = torch.randn(6, 3), torch.randint(0, 5, (6, 1))
    w, b = module.get_parameter("affine.W"), module.get_parameter("affine.b")
    expected = torch.nn.functional.cross_entropy(x @ w + b, t[:, 0])
    assert same(module(x, t).detach(), expected.detach()) and same(module(x, t.float()).detach(), expected.detach())


def test_recurrent_layers_in_evaluation():
    def net(x):
        h, c = F.constant(0, (2, 1, 4, 5)), F.constant(0, (2, 1, 4, 5))
        y, _, _ = PF.lstm(x, h, c, num_layers=2, dropout=0.5)
        return y

    module = interop.to_torch(net, (3, 4, 6))
    x = torch.randn(3, 4, 6)
    assert not torch.equal(module(x), module(x))
    module.eval()
    assert torch.equal(module(x), module(x))


class Doubled(PythonFunction):
    name = "Doubled"

    def min_outputs(self):
        return 1

    def setup_impl(self, inputs, outputs):
        outputs[0].reset_shape(inputs[0].shape, True)

    def forward_impl(self, inputs, outputs):
        outputs[0].d = inputs[0].d * 2

    def backward_impl(self, inputs, outputs, propagate_down, accum):
        inputs[0].g = outputs[0].g * 2


def test_python_functions_take_part():
    x = nn.Variable((2, 3), need_grad=True)
    module = interop.graph_to_torch(x, Doubled()(F.relu(x)))
    for m in (module, copy.deepcopy(module), pickle.loads(pickle.dumps(module))):
        t = torch.randn(5, 3, requires_grad=True)
        m(t).sum().backward()
        assert torch.equal(t.grad, 2.0 * (t > 0))


# -- sharing -----------------------------------------------------------------------------------------

def test_steps_on_either_side_are_seen_on_the_other(net, module):
    x = torch.randn(SHAPE)
    net.training = False
    module.eval()
    y = nnabla_values(net, x)
    torch_optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
    solver = S.Sgd(0.1)
    solver.set_parameters(net.get_parameters(grad_only=True))
    for _ in range(2):
        torch_optimizer.zero_grad()
        module(x).pow(2).sum().backward()
        torch_optimizer.step()
        y.forward()
        assert same(module(x).detach(), y.d)
        solver.zero_grad()
        y.forward()
        y.backward()
        solver.update()
        y.forward()
        assert same(module(x).detach(), y.d)


def test_nnabla_solver_drives_torch_parameters():
    module = torch.nn.Linear(3, 2)
    twin = copy.deepcopy(module)
    solver = S.Sgd(0.1)
    solver.set_parameters(dict(module.named_parameters()))
    reference = torch.optim.SGD(twin.parameters(), lr=0.1)
    for _ in range(3):
        for m, zero, step in ((module, solver.zero_grad, solver.update), (twin, reference.zero_grad, reference.step)):
            zero()
            m(torch.ones(1, 3)).pow(2).sum().backward()
            step()
    assert same(module.weight.detach(), twin.weight.detach())


def test_to_and_assignment_keep_both_sides_together(net, module):
    x = torch.randn(SHAPE)
    net.training = False
    module.eval()
    y = nnabla_values(net, x)
    mean = net.get_parameters()["@blocks.0/bn/mean"]
    module.to(torch.float64)
    assert mean.tensor.dtype is torch.float64 and module(x.double()).dtype is torch.float64
    y.forward()                  # the graph still computes in float32
    assert same(module.float()(x).detach(), y.d)
    mean.d = np.full(mean.shape, 3, np.float32)
    y.forward()
    assert same(module(x).detach(), y.d) and (module.state_dict()["@blocks%2E0.bn.mean"] == 3).all()
    mean.data.zero()
    assert (module.state_dict()["@blocks%2E0.bn.mean"] == 0).all()
    module.load_state_dict({k: torch.full_like(v, 0.5) for k, v in module.state_dict().items()}, assign=True)
    y.forward()
    assert same(module(x).detach(), y.d) and (net.get_parameters()["affine/W"].d == 0.5).all()
    y.backward()
    assert np.shares_memory(net.get_parameters()["affine/b"].g, module.get_parameter("affine.b").grad.numpy())


def test_inside_another_torch_module(net, module):
    whole = torch.nn.Sequential(module, torch.nn.Linear(3, 2)).double()
    assert whole(torch.randn(SHAPE).double()).shape == (4, 2)
    assert net.get_parameters()["@blocks.0/bn/mean"].tensor.dtype is torch.float64
    whole.float()
    state = whole.state_dict()
    whole.load_state_dict({k: torch.ones_like(v) for k, v in state.items()}, assign=True)
    assert (net.get_parameters()["affine/W"].d == 1).all()


@pytest.mark.parametrize("twin_of", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m)), lambda m: saved(m)])
def test_copies_are_on_their_own(net, module, twin_of):
    twin, x = twin_of(module), torch.randn(SHAPE)
    assert torch.equal(twin.eval()(x), module.eval()(x))
    with torch.no_grad():
        for p in twin.parameters():
            p.zero_()
    assert not torch.equal(twin(x), module(x))
    assert net.get_parameters()["affine/W"].d.any()
    again = copy.deepcopy(twin).train()
    again(x).sum().backward()
    assert again.get_parameter("affine.b").grad is not None and module.get_parameter("affine.b").grad is None


def saved(module):
    file = io.BytesIO()
    torch.save(module, file)
    file.seek(0)
    return torch.load(file, weights_only=False)


# -- torch's tools -----------------------------------------------------------------------------------

def test_compile_without_graph_break(module):
    x = torch.randn(SHAPE)
    compiled = torch.compile(module, fullgraph=True, backend="aot_eager")
    before = module.state_dict()["@blocks%2E0.bn.mean"].clone()
    compiled(x).sum().backward()
    assert module.get_parameter("affine.W").grad is not None
    assert not torch.equal(module.state_dict()["@blocks%2E0.bn.mean"], before)
    module.eval()
    assert same(compiled(x).detach(), module(x).detach())
    assert same(compiled(x[:3]).detach(), module(x[:3]).detach())
    assert torch._dynamo.explain(module)(x).graph_break_count == 0


def test_export(module):
    x = torch.randn(SHAPE)
    module.eval()
    exported = torch.export.export(module, (x,), dynamic_shapes=(({0: torch.export.Dim("batch")},),))
    y = torch.randn(7, *SHAPE[1:])
    assert same(exported.module()(y).detach(), module(y).detach())


def test_functional_call(net, module):
    x, own = torch.randn(SHAPE), {k: v.clone() for k, v in module.state_dict().items()}
    zeros = {k: torch.zeros_like(v) for k, v in own.items()}
    module.eval()
    assert not torch.func.functional_call(module, zeros, (x,)).any()
    assert same(torch.func.functional_call(module, own, (x,)).detach(), module(x).detach())
    for name, tensor in module.state_dict().items():
        assert torch.equal(tensor, own[name])
    grads = torch.func.grad(lambda p: torch.func.functional_call(module, p, (x,)).sum())(dict(module.named_parameters()))
    assert set(grads) == {n for n, _ in module.named_parameters()}


def test_autocast_gradscaler_and_clipping(module):
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
    scaler = torch.amp.GradScaler("cpu", init_scale=8.0)
    before = module.get_parameter("affine.W").detach().clone()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out = module(torch.randn(SHAPE))
        loss = out.float().pow(2).mean()
    assert out.dtype is torch.bfloat16
    scaler.scale(loss).backward()
    scaler.unscale_(optimizer)
    torch.nn.utils.clip_grad_norm_(module.parameters(), 0.01)
    assert sum(p.grad.pow(2).sum() for p in module.parameters()).sqrt() <= 0.0101
    scaler.step(optimizer)
    scaler.update()
    assert not torch.equal(module.get_parameter("affine.W"), before)


def test_distributed_data_parallel(net, module, tmp_path):
    torch.distributed.init_process_group("gloo", init_method=f"file://{tmp_path}/store", rank=0, world_size=1)
    try:
        parallel = torch.nn.parallel.DistributedDataParallel(module)
        optimizer = torch.optim.SGD(parallel.parameters(), lr=0.1)
        before = net.get_parameters()["affine/b"].d.copy()
        for _ in range(2):
            optimizer.zero_grad()
            parallel(torch.randn(SHAPE)).sum().backward()
            optimizer.step()
        assert np.allclose(net.get_parameters()["affine/b"].d, before - 2 * 0.1 * 4, atol=1e-5)
    finally:
        torch.distributed.destroy_process_group()


PROCESS = """
import sys
import numpy as np, torch
import nnabla_compat as nn, nnabla_compat.parametric_functions as PF
from nnabla_compat import interop

rank, size, folder = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
torch.set_num_threads(1)
torch.distributed.init_process_group("gloo", init_method=f"file://{folder}/store{size}", rank=rank, world_size=size)
module = torch.nn.parallel.DistributedDataParallel(interop.to_torch(lambda x: PF.affine(x, 2), (4, 3)))
optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
data = torch.arange(24.0).reshape(8, 3).sin()
for _ in range(3):
    optimizer.zero_grad()
    module(data[rank::size]).square().mean().backward()
    optimizer.step()
np.save(f"{folder}/{size}-{rank}.npy", nn.get_parameters()["affine/W"].d)
torch.distributed.destroy_process_group()
"""


def test_two_processes_train_as_one(tmp_path):
    started = [subprocess.Popen([sys.executable, "-c", PROCESS, str(rank), str(size), str(tmp_path)], stderr=subprocess.PIPE,
                                cwd=pathlib.Path(__file__).parents[2])
               for size in (1, 2) for rank in range(size)]
    for process in started:
        _, errors = process.communicate(timeout=120)
        assert not process.returncode, errors.decode()
    alone, first, second = (np.load(tmp_path / f"{name}.npy") for name in ("1-0", "2-0", "2-1"))
    np.testing.assert_array_equal(first, second)
    np.testing.assert_allclose(first, alone, rtol=1e-5, atol=1e-6)


class Task:
    """Training as Lightning structures it, without Lightning."""

    def __init__(self):
        self.model = interop.to_torch(Net(rate=0.1), SHAPE)

    def configure_optimizers(self):
        optimizer = torch.optim.AdamW(self.model.parameters(), lr=0.02)
        return optimizer, torch.optim.lr_scheduler.StepLR(optimizer, 5, 0.5)

    def training_step(self, batch):
        x, t = batch
        return torch.nn.functional.cross_entropy(self.model(x), t)


def test_dataloader_loop_learns():
    x = torch.randn(48, *SHAPE[1:])
    t = (x.mean(dim=(1, 2, 3)) > 0).long()
    task = Task()
    optimizer, schedule = task.configure_optimizers()
    means = []
    for _ in range(10):
        losses = []
        for batch in DataLoader(TensorDataset(x, t), batch_size=10, shuffle=True):     # the last one is smaller
            loss = task.training_step(batch)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        schedule.step()
        means.append(np.mean(losses))
    assert means[-1] < 0.7 * means[0]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda(net, module):
    x = torch.randn(SHAPE)
    module.eval()
    expected = module(x).detach()
    assert torch.allclose(module.cuda()(x.cuda()).cpu(), expected, atol=1e-3)
    assert all(p.tensor.is_cuda for p in net.get_parameters().values())
    with nn.context_scope(nn.Context(["cudnn:float"], "CudaCachedArray", "0")):
        net.training = False
        y = net(interop.variable_of(x.cuda()))
        y.forward()
        assert np.allclose(y.d, expected.numpy(), atol=1e-3)
        mixed = Mixed()
        z = mixed(interop.variable_of(x))
        z.forward()
        z.backward()
        assert all(t.is_cuda for t in mixed.body.torch_module.state_dict().values())
    module.train()
    module(x.cuda()).sum().backward()


# -- torch modules inside ----------------------------------------------------------------------------

class Mixed(nn.Module):
    def __init__(self):
        self.body = interop.FromTorch(torch.nn.Sequential(
            torch.nn.Conv2d(2, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Dropout(0.5)))

    def call(self, x):
        return PF.affine(self.body(x), 3)


def test_round_trip_of_a_torch_module():
    net, x = Mixed(), torch.randn(SHAPE)
    module = interop.to_torch(net, SHAPE)
    inner = net.body.torch_module
    assert [n for n, _ in module.named_parameters()] == ["@body.0.weight", "@body.0.bias", "@body.1.weight",
                                                         "@body.1.bias", "affine.W", "affine.b"]
    assert module.get_parameter("@body.0.weight") is inner[0].weight
    assert not torch.equal(module(x), module(x)) and int(inner[1].num_batches_tracked) == 2
    net.training = False
    module.eval()
    inner.eval()
    assert same(module(x).detach(), nnabla_values(net, x).d)
    assert module(x[:1]).shape == (1, 3)
    twin = pickle.loads(pickle.dumps(module))
    assert torch.equal(twin(x), module(x))
    compiled = torch.compile(module, fullgraph=True, backend="aot_eager")
    assert same(compiled(x).detach(), module(x).detach())


@pytest.mark.parametrize("trained", [False, True])
def test_leaves_of_float64_beside_float32(trained):
    """numpy makes float64: a constant and a parameter of it are read as float32, until all is float64."""
    nn.clear_parameters()

    def network(x):
        shift = nn.parameter.get_parameter_or_create("shift", (1, 4), np.zeros((1, 4)))
        return PF.affine(x * nn.Variable.from_numpy_array(np.arange(4.)[None]) + shift, 3)
    x = nn.Variable.from_numpy_array(np.random.RandomState(0).randn(2, 4).astype(np.float32))
    y = network(x)
    y.forward()
    module = interop.graph_to_torch([x], y)
    inputs = torch.from_numpy(x.d.copy())
    found = module(inputs)
    assert found.dtype is torch.float32 and same(found.detach(), y.d)
    if trained:
        found.sum().backward()
        assert module.get_parameter("shift").grad.abs().sum() > 0
    assert module.double()(inputs.double()).dtype is torch.float64
    nn.clear_parameters()


def test_random_numbers_after_the_input_was_used():
    """What has no inputs goes to the module's device, which is asked of an input that is let go of early."""
    nn.clear_parameters()
    x = nn.Variable((2, 4))
    y = PF.affine(PF.affine(x, 4, name="a") + 0 * F.randn(shape=(2, 4)), 3, name="b")
    x.d = 1
    y.forward()
    assert same(interop.graph_to_torch([x], y)(torch.ones(2, 4)).detach(), y.d)
    nn.clear_parameters()
