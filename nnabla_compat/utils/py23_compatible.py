"""``inspect.getargspec`` for code that was written against it."""
import inspect
from collections import namedtuple

__all__ = ["getargspec"]

ArgSpec = namedtuple("ArgSpec", ("args", "varargs", "keywords", "defaults"))


def getargspec_py3(func):
    """Arguments of ``func`` in Python 2's four fields; keyword-only arguments are not shown."""
    spec = inspect.getfullargspec(func)
    return ArgSpec(spec.args, spec.varargs, spec.varkw, spec.defaults)


getargspec = getargspec_py3
