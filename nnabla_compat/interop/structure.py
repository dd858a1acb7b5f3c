"""Nested arguments and results: tuples, lists and dicts of arrays and of anything else."""


class Slot:
    """Stands for the array number ``index``."""

    __slots__ = ("index",)

    def __init__(self, index):
        self.index = index


def flatten(value, kind, found):
    """``value`` with a :class:`Slot` for each object of class ``kind``, which are appended to ``found``."""
    if isinstance(value, kind):
        found.append(value)
        return Slot(len(found) - 1)
    return _rebuilt(value, lambda item: flatten(item, kind, found))


def fill(value, arrays):
    """Inverse of :func:`flatten`."""
    if isinstance(value, Slot):
        return arrays[value.index]
    return _rebuilt(value, lambda item: fill(item, arrays))


def _rebuilt(value, change):
    if isinstance(value, dict):
        return {key: change(item) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        items = [change(item) for item in value]
        return type(value)(*items) if hasattr(value, "_fields") else tuple(items) if isinstance(value, tuple) else items
    return value
