"""Process-wide modes. Read as attributes of this module (``modes.auto_forward``), never copied."""
from contextlib import ContextDecorator

# Functions run at the moment they are called.
auto_forward = False
# Parameters are handed out with need_grad False, auto-forward outputs are unlinked.
no_grad = False
# New Variables are recomputed in backward rather than kept.
recompute = False
# Who runs plans and solvers' updates as compiled code (nnabla_compat.compilation), while that is asked for.
compiler = None


def scope_name():
    """Path of the parameter scope in force, for error texts; the parameter registry replaces it."""
    return ""


class switched(ContextDecorator):
    """Sets one of the modes for the length of a ``with`` block, which costs a third of what a generator's does."""

    def __init__(self, mode, value):
        self.mode, self.value = mode, value

    def _recreate_cm(self):
        return switched(self.mode, self.value)

    def __enter__(self):
        self.previous = globals()[self.mode]
        globals()[self.mode] = self.value

    def __exit__(self, *exc):
        globals()[self.mode] = self.previous


def get_auto_forward():
    """Whether functions run at the moment they are called."""
    return auto_forward


def set_auto_forward(auto):
    """Run functions at the moment they are called, from now on (or not)."""
    global auto_forward
    auto_forward = auto
