"""Compiled code as CUDA graphs: one launch for all kernels of a step."""
import warnings

import torch

from .program import first_line

# How often code is captured for other addresses before it is launched kernel by kernel.
MOST_CAPTURES = 4


class Captured:
    """``call`` by capture and replay, for tensors that stay where they are. Its results are overwritten by the next call.

    Args:
        call (callable): Takes a list of tensors, gives a list of tensors.
        n_fixed (int): How many of the tensors, one at least, stay in place; the others, from any device, are copied.
        written (iterable of int): Which of those that stay may be written.
        record (callable): ``record(function)`` gives what runs ``function`` again, and its results.
    """

    def __init__(self, call, n_fixed, written, record=None):
        self.call, self.n_fixed, self.written = call, n_fixed, list(written)
        self.record = record or _record
        self.pointers, self.captures, self.moving = None, 0, []
        self.replay = self.results = None

    def __call__(self, tensors):
        fixed, given = tensors[:self.n_fixed], tensors[self.n_fixed:]
        pointers = [t.data_ptr() for t in fixed]
        if pointers != self.pointers and not self._capture(fixed, given, pointers):
            return self.call([*fixed, *[t.to(fixed[0].device) for t in given]])
        for place, tensor in zip(self.moving, given):
            place.copy_(tensor, non_blocking=True)
        self.replay()
        return list(self.results)

    def _capture(self, fixed, given, pointers):
        if self.captures >= MOST_CAPTURES:
            return False
        self.captures += 1
        self.replay = self.results = self.pointers = None
        self.moving = [t.to(fixed[0].device, copy=True) for t in given]
        values = [fixed[place].detach().clone() for place in self.written]
        try:
            self.replay, self.results = self.record(lambda: self.call([*fixed, *self.moving]))
            self.pointers = pointers
        except RuntimeError as error:
            self.captures = MOST_CAPTURES
            warnings.warn(f"nnabla_compat: compiled code runs without CUDA graphs, because torch can't capture it "
                          f"({first_line(error)}).", RuntimeWarning, stacklevel=2)
        for place, value in zip(self.written, values):
            fixed[place].data.copy_(value)
        return self.pointers is not None


def _record(function):
    """Capture ``function`` after two runs, which load kernels and allocate workspaces."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(2):
            function()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        results = function()
    return graph.replay, results
