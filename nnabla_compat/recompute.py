"""Recomputation: trade time for memory by computing marked variables again in backward."""
import functools

from .engine import modes


def recompute(recompute_=True):
    """Mark (or don't) the Variables made inside a ``with`` block for recomputation.

    Args:
        recompute_ (bool): What ``Variable.recompute`` of new variables is set to.
    """
    return modes.switched("recompute", bool(recompute_))


def recompute_fn(recompute_=True):
    """Decorator form of :func:`recompute`: marks the Variables made inside the function."""
    def decorate(func):
        @functools.wraps(func)
        def marked(*args, **kwargs):
            with recompute(recompute_):
                return func(*args, **kwargs)
        return marked
    return decorate


def set_global_recompute(recompute):
    """Mark the Variables made from now on for recomputation (or stop)."""
    modes.recompute = bool(recompute)


def get_global_recompute():
    """Whether new Variables are marked for recomputation."""
    return modes.recompute
