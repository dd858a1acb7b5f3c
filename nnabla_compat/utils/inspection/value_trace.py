"""Finding the function that made the first nan or inf."""
from collections import OrderedDict
from contextlib import contextmanager

import torch

from .base import FunctionHookCallbackBase


class NanInfTracer(FunctionHookCallbackBase):
    """Watches outputs of functions in forward, and gradients of their inputs in backward::

        tracer = NanInfTracer()
        with tracer.trace():
            loss.forward(function_post_hook=tracer.forward_post_hook)
            loss.backward(function_post_hook=tracer.backward_post_hook)

    Leaving the block raises a ValueError if something bad turned up, and prints the functions up to there.
    Values are looked at on their device while the graph runs and fetched at the end.

    Args:
        trace_nan (bool): Look for nan.
        trace_inf (bool): Look for infinities.
        need_details (bool): Give shapes and arguments of the function in the error.
    """

    def __init__(self, trace_nan=True, trace_inf=True, need_details=True):
        self.trace_nan = trace_nan
        self.trace_inf = trace_inf
        self.need_details = need_details
        self.key_to_stat_fwd = OrderedDict()
        self.key_to_stat_bwd = OrderedDict()

    @property
    def pre_hook(self):
        """None: nothing to do before a function."""
        return None

    @property
    def post_hook(self):
        raise NotImplementedError("NanInfTracer: use forward_post_hook for forward and backward_post_hook for "
                                  "backward, not post_hook")

    @property
    def forward_post_hook(self):
        """For ``function_post_hook`` of ``forward``."""
        return self._hook(self.key_to_stat_fwd, lambda f: [v.data for v in f.outputs])

    @property
    def backward_post_hook(self):
        """For ``function_post_hook`` of ``backward``."""
        return self._hook(self.key_to_stat_bwd, lambda f: [v.grad for v in f.inputs])

    def _hook(self, statistics, arrays):
        if not (self.trace_nan or self.trace_inf):
            return None

        def look(f):
            tensors = [a.storage.present() for a in arrays(f)]   # what is not there cannot be bad
            statistics[f] = {"name": f.name, "rank": f.rank,
                             "nan": [_found(torch.isnan, t) for t in tensors] if self.trace_nan else [],
                             "inf": [_found(torch.isinf, t) for t in tensors] if self.trace_inf else []}
        return look

    @contextmanager
    def trace(self):
        """Watch a block and check at its end."""
        yield self
        self.check()

    def check(self):
        """Look at what was recorded.

        Raises:
            ValueError: A function made nan or inf; the text names the first one, forward before backward.
        """
        for direction, statistics in (("forward", self.key_to_stat_fwd), ("backward", self.key_to_stat_bwd)):
            passed = []
            for f, found in statistics.items():
                passed.append(f)
                bad = [i for kind in ("nan", "inf") for i, value in enumerate(found[kind]) if bool(value)]
                if bad:
                    self._fail(direction, passed, found, bad[0])

    def _fail(self, direction, passed, found, index):
        f = passed[-1]
        print(f"Error during {direction} propagation")
        for function in passed[:-1]:
            print(f"\t{function}")
        print(f"\t{f} <-- ERROR")
        what = f"output {index}" if direction == "forward" else f"the gradient of input {index}"
        text = f"nan or inf found: {what} of function '{found['name']}' (rank: {found['rank']})"
        if self.need_details:
            text += (f"; type {f.info.type_name}, shapes of inputs {[v.shape for v in f.inputs]}, of outputs "
                     f"{[v.shape for v in f.outputs]}, arguments {f.info.args}")
        raise ValueError(text)


def _found(test, tensor):
    return False if tensor is None or not tensor.is_floating_point() else test(tensor.detach()).any()
