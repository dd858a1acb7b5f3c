"""Compiled code as CUDA graphs: one launch for all kernels of a step."""
import warnings

import torch

from .program import first_line

# How often code is captured for other addresses before it is launched kernel by kernel.
MOST_CAPTURES = 4


def captures(tensors):
    """Whether code of these tensors can be captured: all of them are on one GPU."""
    return tensors[0].is_cuda and all(t.device == tensors[0].device for t in tensors)


class Captured:
    """``call`` by capture and replay, for tensors that stay where they are. Its results are overwritten by the next call.

    What torch asks of what is captured: random numbers come in as arguments, drawn before; no history is recorded; tensors
    given anew are copied to where the capture has read them, and tensors that turn out to move become such; those that stay
    are alive whenever it is replayed, as it is only for tensors at the addresses it has seen; results live in the graph's
    own pool of memory, which they keep.

    Args:
        call (callable): Takes a list of tensors, which it may empty, gives a list of tensors.
        n_fixed (int): How many of the tensors, one at least, stay in place, all on one device; the others, from any device, are
            copied there.
        written (iterable of int): Which of those that stay may be written.
        record (callable): ``record(function, device)`` gives what runs ``function`` again, and its results.
    """

    def __init__(self, call, n_fixed, written, record=None):
        self.call, self.fixed, self.written = call, list(range(n_fixed)), set(written)
        self.record = record or _record
        self.pointers, self.captures, self.moving = None, 0, []
        self.replay = self.results = None

    def __call__(self, tensors):
        pointers = [tensors[place].data_ptr() for place in self.fixed]
        if pointers != self.pointers and not self._capture(tensors, pointers):
            device = tensors[0].device
            return self.call([t.to(device, non_blocking=True) for t in tensors])
        for place, buffer in self.moving:
            buffer.copy_(tensors[place], non_blocking=True)
        self.replay()
        return list(self.results)

    def _capture(self, tensors, pointers):
        if self.captures >= MOST_CAPTURES:
            return False
        self.captures += 1
        if self.pointers is not None:
            moved = {place for place, now, before in zip(self.fixed, pointers, self.pointers) if now != before}
            self.fixed = [place for place in self.fixed if place not in moved - self.written]
            pointers = [tensors[place].data_ptr() for place in self.fixed]
        self.replay = self.results = self.pointers = None
        device, stay = tensors[0].device, set(self.fixed)
        self.moving = [(place, t.to(device, copy=True)) for place, t in enumerate(tensors) if place not in stay]
        arguments = list(tensors)
        for place, buffer in self.moving:
            arguments[place] = buffer
        values = [(tensors[place], tensors[place].detach().clone()) for place in self.written]
        try:
            self.replay, self.results = self.record(lambda: self.call(list(arguments)), device)
            self.pointers = pointers
        except RuntimeError as error:
            self.captures = MOST_CAPTURES
            warnings.warn(f"nnabla_compat: compiled code runs without CUDA graphs, because torch can't capture it "
                          f"({first_line(error)}).", RuntimeWarning, stacklevel=2)
        for tensor, value in values:
            tensor.data.copy_(value)
        return self.pointers is not None


def _record(function, device):
    """Capture ``function`` on ``device`` after two runs, which load kernels and allocate workspaces."""
    with torch.cuda.device(device):     # streams are those of the current device
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(2):
                function()
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        # Threads that load data may go on allocating: the code runs in this one alone.
        with torch.cuda.graph(graph, capture_error_mode="thread_local"):
            results = function()
    return graph.replay, results
