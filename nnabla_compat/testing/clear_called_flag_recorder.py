"""Records which buffers passes have freed, function by function, for tests of memory behaviour.

Each record is a list of pairs ``(data freed, gradient freed)``, one for each input or output of a function,
as they are right after the function ran.
"""
import heapq

from ..engine import clearing
from ..engine.nd_array import NdArray


class _Recorder:
    def __init__(self):
        self.inputs, self.outputs = [], []
        self.root = None

    def ran(self, function):
        """A function ran forward, and the passes freed what nobody needs any more."""
        self.inputs.append([_flags(v) for v in function.inputs])
        self.outputs.append([_flags(v) for v in function.outputs])

    def starts_backward(self, root, grad):
        """Gradients are about to flow from ``root``; ``grad`` is what it gets from the caller, None in a pass that frees nothing."""
        # A gradient that backward made for the root itself is freed; one that belongs to the caller isn't.
        self.root = root
        self.seed_is_freed = grad is not None and not isinstance(grad, NdArray) and not root.persistent
        self.steps = list(_Recomputation().steps(_in_backward_order(root)))

    def ends_backward(self):
        """They have, and what nobody needs any more was freed."""
        root, self.root = self.root, None
        for function, inputs, outputs in self.steps:
            self.inputs.append(inputs)
            if outputs is None:
                outputs = [_flags(v) for v in function.outputs]
                if function.shares_storage():      # freed later, with the input's
                    outputs = [(False, grad) for _, grad in outputs]
                if self.seed_is_freed and function == root.parent:
                    outputs = [(data, True) for data, _ in outputs]     # siblings get a gradient for the pass, too
            self.outputs.append(outputs)


class _Recomputation:
    """What of the data backward finds freed, and which functions nnabla runs again to have what gradients read."""

    def __init__(self):
        self.freed = {}

    def is_freed(self, v):
        return self.freed.setdefault(v.container.data, v.data.clear_called)

    def steps(self, functions):
        """Yields (function, flags of its inputs, flags of its outputs): None for those of a function's backward."""
        for function in functions:
            run = []
            for v in _read_in_backward(function):
                self._collect(v, run)
            for again, unread in _with_unread_inputs(run):
                for v in again.inputs:
                    self.freed[v.container.data] = self.is_freed(v) or v in unread
                yield again, self._flags(again.inputs), self._flags(again.outputs)
            yield function, self._flags(function.inputs), None

    def _collect(self, v, run):
        """Note the functions to be run for the data of ``v``, in running order."""
        if v.parent is None or not self.is_freed(v):
            return
        for u in v.parent.inputs:
            self._collect(u, run)
        for u in v.parent.outputs:
            self.freed[u.container.data] = False
        run.append(v.parent)

    def _flags(self, variables):
        return [(self.is_freed(v), v.grad.clear_called and not v.need_grad) for v in variables]


def _read_in_backward(function):
    """The variables whose data a function's backward reads."""
    wanted = [i for i, v in enumerate(function.inputs) if v.need_grad]
    return [v for j, v in enumerate(function.inputs) if any(function.grad_depends_input_data(i, j) for i in wanted)] + [
        v for o, v in enumerate(function.outputs) if any(function.grad_depends_output_data(i, o) for i in wanted)]


def _with_unread_inputs(functions):
    """(function, variables to be freed after it) pairs: functions run again leave nothing that no gradient reads."""
    unread = dict(clearing.freed_in_forward(functions, [], (), "repeated"))
    return [(f, unread.get(f, ())) for f in functions]


def _in_backward_order(root):
    """The functions that gradients of ``root`` pass: by descending rank, then as they are found."""
    found, seen = [(-root.parent.rank, 0, root.parent)], {root.parent}
    while found:
        function = heapq.heappop(found)[2]
        if not function.need_grad:
            continue
        yield function
        for v in function.inputs:
            if v.need_grad and v.parent is not None and v.parent not in seen:
                seen.add(v.parent)
                heapq.heappush(found, (-v.parent.rank, len(seen), v.parent))


def _flags(variable):
    return variable.data.clear_called, variable.grad.clear_called


def activate_clear_called_flag_recorder():
    """Start recording, if it isn't on."""
    if clearing.recorder is None:
        clearing.recorder = _Recorder()


def deactivate_clear_called_flag_recorder():
    """Stop recording and forget the records."""
    clearing.recorder = None


def get_input_clear_called_flags():
    """For each function run since the start of recording, the flags of its inputs."""
    return [] if clearing.recorder is None else list(clearing.recorder.inputs)


def get_output_clear_called_flags():
    """For each function run since the start of recording, the flags of its outputs."""
    return [] if clearing.recorder is None else list(clearing.recorder.outputs)
