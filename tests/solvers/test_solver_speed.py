"""An update costs no more than that of torch's own foreach optimizers."""
import time

import pytest
import torch

from nnabla_compat import solvers as S

PAIRS = {
    "Sgd": (lambda: S.Sgd(1e-4), lambda ps: torch.optim.SGD(ps, 1e-4, foreach=True)),
    "Momentum": (lambda: S.Momentum(1e-4), lambda ps: torch.optim.SGD(ps, 1e-4, momentum=0.9, foreach=True)),
    "Adam": (lambda: S.Adam(1e-4), lambda ps: torch.optim.Adam(ps, 1e-4, foreach=True)),
    "AdamW": (lambda: S.AdamW(1e-4), lambda ps: torch.optim.AdamW(ps, 1e-4, foreach=True)),
    "RMSprop": (lambda: S.RMSprop(1e-4), lambda ps: torch.optim.RMSprop(ps, 1e-4, foreach=True)),
}


def parameters():
    made = [torch.nn.Parameter(torch.randn(16, 16)) for _ in range(200)]
    for p in made:
        p.grad = torch.randn(16, 16)
    return made


def least_ratio(ours, theirs):
    """Smallest time of ours over smallest of theirs, in CPU time of this thread, measured alternately."""
    times = [], []
    for _ in range(3):
        ours(), theirs()
    for _ in range(15):
        for function, taken in zip((ours, theirs), times):
            start = time.thread_time()
            function()
            taken.append(time.thread_time() - start)
    return min(times[0]) / min(times[1])


@pytest.mark.parametrize("name", PAIRS)
def test_update_of_200_tensors(name):
    make, optimizer = PAIRS[name]
    solver = make()
    solver.set_parameters({str(i): p for i, p in enumerate(parameters())})
    theirs = optimizer(parameters())
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        # A machine in use by others disturbs single measurements: the best of a few counts.
        assert any(least_ratio(solver.update, theirs.step) < 1.1 for _ in range(4))
    finally:
        torch.set_num_threads(threads)
