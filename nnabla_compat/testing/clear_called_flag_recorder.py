"""Records which buffers passes have freed, function by function, for tests of memory behaviour.

Each record is a list of pairs ``(data freed, gradient freed)``, one for each input or output of a function,
as they are right after the function ran.
"""
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

    def starts_backward(self, root, grad, steps):
        """Gradients are about to flow from ``root``.

        Args:
            root: Where they start.
            grad: What it gets from the caller, None in a pass that frees nothing.
            steps: Those of :class:`FreedData`.
        """
        # A gradient that backward made for the root itself is freed; one that belongs to the caller isn't.
        self.root = root
        self.seed_is_freed = grad is not None and not isinstance(grad, NdArray) and not root.persistent
        self.steps = steps

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
