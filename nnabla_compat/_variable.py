"""nnabla's path to Variable and Context, as some public code imports them."""
from .engine.context import Context
from .engine.variable import Variable

__all__ = ["CommunicatorBackwardCallback", "Context", "Variable"]


class CommunicatorBackwardCallback:
    """What ``communicator.all_reduce_callback`` makes, for ``communicator_callbacks`` of ``Variable.backward``.

    In a single process there is nothing to reduce: it does nothing. Subclasses may override both methods.
    """

    def __call__(self, function):
        """Called after the backward of each function."""

    def finish(self):
        """Called when the whole pass is over."""
