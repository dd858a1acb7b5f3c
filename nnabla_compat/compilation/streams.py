"""Random numbers of compiled code: drawn by the functions' own streams before a run, and handed in."""
from contextlib import contextmanager

import torch

_CPU = torch.device("cpu")


class Draws:
    """Stands in for the streams of a graph's functions (:class:`nnabla_compat.engine.randomness.FunctionRandom`).

    It notes what is asked for, in ``requests`` as (function, method, arguments), and its ``answers``: ``values`` in turn,
    or, without, tensors of the right kind.
    """

    def __init__(self, values=None):
        self.requests, self.answers, self.values = [], [], None if values is None else iter(values)

    def answer(self, function, method, arguments, shape, dtype, device):
        """The next draw."""
        self.requests.append((function, method, arguments))
        self.answers.append(torch.empty(shape, dtype=dtype, device=device) if self.values is None else next(self.values))
        return self.answers[-1]


class _Stream:
    """The stream of one function, as far as what it draws can be drawn beforehand."""

    def __init__(self, draws, function):
        self.draws, self.function = draws, function

    def rand(self, shape, device=_CPU, dtype=torch.float32):
        return self.draws.answer(self.function, "rand", (tuple(shape), device, dtype), shape, dtype, device)

    def randn(self, shape, device=_CPU, dtype=torch.float32):
        return self.draws.answer(self.function, "randn", (tuple(shape), device, dtype), shape, dtype, device)

    def keep_mask(self, shape, p, device=_CPU):
        return self.draws.answer(self.function, "keep_mask", (tuple(shape), p, device), shape, torch.bool, device)

    def randint(self, low, high, shape, device=_CPU):
        return self.draws.answer(self.function, "randint", (low, high, tuple(shape), device), shape, torch.int64, device)

    def __getattr__(self, name):
        raise NotImplementedError("it draws random numbers on the host")


def streams_of(functions):
    """Function -> its random stream, of those that have one."""
    return {f: f.bound.keywords["rng"] for f in functions if "rng" in f.op.wants}


@contextmanager
def replaced(streams, draws):
    """Let the functions draw from ``draws`` inside the ``with`` block."""
    for function in streams:
        function.bound.keywords["rng"] = _Stream(draws, function)
    try:
        yield
    finally:
        for function, stream in streams.items():
            function.bound.keywords["rng"] = stream
