"""An update of many tensors dispatches no more torch operators than torch's own foreach optimizers do."""
from collections import Counter

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from nnabla_compat import solvers as S

PAIRS = {
    "Sgd": (lambda: S.Sgd(1e-4), lambda ps: torch.optim.SGD(ps, 1e-4, foreach=True)),
    "Momentum": (lambda: S.Momentum(1e-4), lambda ps: torch.optim.SGD(ps, 1e-4, momentum=0.9, foreach=True)),
    "Adam": (lambda: S.Adam(1e-4), lambda ps: torch.optim.Adam(ps, 1e-4, foreach=True)),
    "AdamW": (lambda: S.AdamW(1e-4), lambda ps: torch.optim.AdamW(ps, 1e-4, foreach=True)),
    "RMSprop": (lambda: S.RMSprop(1e-4), lambda ps: torch.optim.RMSprop(ps, 1e-4, foreach=True)),
    "Adadelta": (lambda: S.Adadelta(1.0), lambda ps: torch.optim.Adadelta(ps, 1.0, foreach=True)),
}
TENSORS = 50


class OperatorCount(TorchDispatchMode):
    """Counts the operators that reach torch's dispatcher."""

    def __init__(self):
        super().__init__()
        self.counts = Counter()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.counts[str(function)] += 1
        return function(*args, **(kwargs or {}))


def parameters():
    made = [torch.nn.Parameter(torch.randn(4, 4)) for _ in range(TENSORS)]
    for p in made:
        p.grad = torch.randn(4, 4)
    return made


def dispatched(step):
    step()      # states are made in the first step
    step()
    with OperatorCount() as mode:
        step()
    return mode.counts


@pytest.mark.parametrize("name", PAIRS)
def test_update_dispatches_no_more_than_torch(name):
    make, optimizer = PAIRS[name]
    solver = make()
    solver.set_parameters({str(i): p for i, p in enumerate(parameters())})
    ours, theirs = dispatched(solver.update), dispatched(optimizer(parameters()).step)
    assert sum(ours.values()) <= sum(theirs.values()), (ours, theirs)


@pytest.mark.parametrize("name", [n for n in S.__all__ if n not in ("Solver", "SolverState", "solver_api")])
def test_update_dispatches_the_same_for_more_tensors(name):
    def count(tensors):
        solver = getattr(S, name)()
        solver.set_parameters({str(i): p for i, p in enumerate(parameters()[:tensors])})
        return sum(dispatched(solver.update).values())

    assert count(TENSORS) <= count(2) + 2
