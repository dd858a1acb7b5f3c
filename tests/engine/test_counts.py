"""What steps cost, counted rather than timed: torch operators dispatched and Python functions called, next to hand-written torch."""
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

import nnabla_compat as nn
import nnabla_compat.functions as F
import nnabla_compat.parametric_functions as PF
import nnabla_compat.solvers as S

RNG = np.random.RandomState(0)
IMAGES, LABELS = RNG.randn(4, 1, 12, 12).astype("float32"), RNG.randint(0, 3, (4, 1)).astype("int32")


class Dispatched(TorchDispatchMode):
    """Names of the operators that run inside the ``with`` block, but for aliases and profiler marks, which compute nothing."""

    IGNORED = ("detach", "reshape", "t", "view", "_unsafe_view", "unsqueeze", "squeeze", "expand", "transpose", "alias",
               "_record_function_enter_new", "_record_function_exit")

    def __init__(self):
        super().__init__()
        self.names = []

    def __torch_dispatch__(self, operator, types, args=(), kwargs=None):
        name = operator.__name__.split(".")[0]
        if name not in self.IGNORED:
            self.names.append(name)
        return operator(*args, **kwargs or {})


def graph(mode="static"):
    nn.clear_parameters()
    x, t = nn.Variable(IMAGES.shape), nn.Variable(LABELS.shape)
    x.d, t.d = IMAGES, LABELS

    def network():
        h = F.relu(PF.batch_normalization(PF.convolution(x, 4, (3, 3), name="conv")))
        h = F.relu(PF.affine(F.max_pooling(h, (2, 2)), 8, name="a"))
        y = PF.affine(h, 3, name="b")
        return y, F.mean(F.softmax_cross_entropy(y, t))

    y, loss = network()
    solver = S.Momentum(0.01)
    solver.set_parameters(nn.get_parameters())

    def train():
        x.d, t.d = IMAGES, LABELS
        loss.forward(clear_no_need_grad=True)
        solver.zero_grad()
        loss.backward(clear_buffer=True)
        solver.weight_decay(1e-4)
        solver.update()

    def train_at_once():
        with nn.auto_forward():
            loss = network()[1]
        solver.zero_grad()
        loss.backward(clear_buffer=True)
        solver.weight_decay(1e-4)
        solver.update()

    def infer():
        x.d = IMAGES
        y.forward(clear_buffer=True)

    return {"training": train, "training at once": train_at_once, "inference": infer}


def by_hand():
    layers = torch.nn
    network = layers.Sequential(layers.Conv2d(1, 4, 3), layers.BatchNorm2d(4, momentum=0.1), layers.ReLU(), layers.MaxPool2d(2),
                                layers.Flatten(), layers.Linear(100, 8), layers.ReLU(), layers.Linear(8, 3))
    optimizer = torch.optim.SGD(network.parameters(), 0.01, momentum=0.9, weight_decay=1e-4, fused=True)
    x, t = torch.from_numpy(IMAGES), torch.from_numpy(LABELS).flatten().long()

    def train():
        loss = torch.nn.functional.cross_entropy(network(x), t)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    @torch.no_grad()
    def infer():
        network(x)

    return {"training": train, "training at once": train, "inference": infer}


# How many operators more than torch's own: labels to int64 and clamped (nnabla skips negative ones), a mean of its own with two
# operators in the backward pass, the weight decay beside the update.
EXTRA = {"training": 6, "training at once": 6, "inference": 0}


@pytest.mark.parametrize("step", EXTRA)
def test_operators_dispatched(step):
    counts = {}
    for who, steps in (("ours", graph()), ("torch", by_hand())):
        for _ in range(3):
            steps[step]()
        with Dispatched() as seen:
            steps[step]()
        counts[who] = seen.names
    assert len(counts["ours"]) <= len(counts["torch"]) + EXTRA[step], counts


def calls(run):
    """How many Python functions ``run`` calls."""
    count = 0

    def profile(frame, event, arg):
        nonlocal count
        count += event == "call"
    sys.setprofile(profile)
    try:
        run()
    finally:
        sys.setprofile(None)
    return count


# Measured, and some room for other versions of Python and torch: more means that something is done anew in each run.
CALLS = {"training": 102, "training at once": 350, "inference": 31}


@pytest.mark.parametrize("step", CALLS)
def test_python_functions_called(step):
    run = graph()[step]
    for _ in range(3):
        run()
    assert calls(run) <= CALLS[step]


@pytest.mark.parametrize("gradients", [False, True])
def test_python_functions_called_for_a_call_at_once(gradients):
    x = nn.Variable((2, 3), need_grad=True)
    x.d = 1
    state = nn.Variable((2, 4))
    state.d = 0
    with nn.auto_forward(), nn.no_grad(not gradients):
        h = F.relu(x)
        runs = {"one input": (lambda: F.tanh(h), 12), "two inputs": (lambda: F.add2(h, h), 14), "an axis": (lambda: F.softmax(h, 1), 14),
                "a layer": (lambda: PF.affine(h, 4), 30), "a cell": (lambda: PF.lstm_cell(x, state, state, 4), 48)}
        for name, (run, most) in runs.items():
            run()
            assert calls(run) <= most, name


def test_an_operator_more_costs_no_more_than_its_kernel():
    """Runs of a chain call no Python function for each operator."""
    def chain(length):
        y = nn.Variable((2, 2))
        y.d = 1
        for _ in range(length):
            y = F.tanh(y)
        for _ in range(2):
            y.forward(clear_buffer=True)
        return calls(lambda: y.forward(clear_buffer=True))
    assert chain(1000) == chain(10)


def test_importing_leaves_the_collector_as_it_was():
    code = "import gc; gc.{}(); import nnabla_compat; print(gc.isenabled())"
    for setting, expected in (("enable", "True"), ("disable", "False")):
        done = subprocess.run([sys.executable, "-c", code.format(setting)], capture_output=True, text=True,
                              cwd=Path(nn.__file__).parents[1])
        assert done.stdout.strip() == expected, done.stderr
