"""Dynamic mode: functions run at the moment they are called."""
from .engine import modes
from .engine.modes import get_auto_forward, set_auto_forward


def auto_forward(auto=True):
    """Switch dynamic mode on (or off) for the length of a ``with`` block.

    Args:
        auto (bool): Whether functions called inside run at once.
    """
    return modes.switched("auto_forward", auto)


__all__ = ["auto_forward", "get_auto_forward", "set_auto_forward"]
