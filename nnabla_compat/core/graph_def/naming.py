"""Names of functions and variables of a network."""
from .current import current_module


def unique(counts, name):
    """``name``, or ``name_1``, ``name_2`` ... when ``counts`` has seen it before."""
    seen = counts.get(name, 0)
    counts[name] = seen + 1
    return f"{name}_{seen}" if seen else name


def path_prefix():
    """What names of functions and variables of the current Module start with."""
    path = current_module().get_path_name()
    return path + "/" if path else ""
