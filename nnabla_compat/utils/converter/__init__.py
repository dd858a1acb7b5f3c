"""The operator table as data.

nnabla's converter between file formats is the command line of this package; the numbers that its C runtime knows
functions by have no use here and are left out of the table.
"""
import json
from collections import OrderedDict

from .table import TABLE

__all__ = ["get_category_info", "get_function_info"]


def get_category_info():
    """All function types by category.

    Returns:
        OrderedDict: category -> type name -> entry. An entry has ``snake_name`` (of the function in
        ``nnabla.function_bases``), and ``inputs``, ``arguments`` and ``outputs``: each a dict by name, whose values
        hold what is true of ``optional``, ``parameter`` and ``variadic``, and of an argument ``type``, ``default`` (an
        expression, as text) and ``available_values``. ``arguments`` is missing where there are none.
    """
    categories = OrderedDict()
    for category, text in TABLE.items():
        entries = "\n".join(line if line.startswith(" ") else f",{line}" for line in text.split("\n") if line)
        listed = json.loads("[" + entries.replace("\n ", " ").replace("\n", "").lstrip(",") + "]")
        categories[category] = OrderedDict((type_name, _entry(*rest)) for type_name, *rest in listed)
    return categories


def get_function_info():
    """All function types, as :func:`get_category_info` has them, in one dict."""
    return OrderedDict(item for entries in get_category_info().values() for item in entries.items())


_FLAGS = (("o", "optional"), ("p", "parameter"), ("v", "variadic"))


def _entry(function, inputs, arguments, outputs):
    entry = OrderedDict(snake_name=function, inputs=_named(inputs))
    if arguments:
        entry["arguments"] = OrderedDict((a[0], _argument(*a[1:])) for a in arguments)
    entry["outputs"] = _named(outputs)
    return entry


def _named(listed):
    pairs = [(i, "") if isinstance(i, str) else i for i in listed]
    return OrderedDict((name, OrderedDict((word, True) for letter, word in _FLAGS if letter in flags))
                       for name, flags in pairs)


def _argument(type_, *rest):
    argument = OrderedDict(type=type_)
    if len(rest) > 1:
        argument["available_values"] = rest[1]
    if rest and rest[0] is not None:
        argument["default"] = rest[0]
    return argument
