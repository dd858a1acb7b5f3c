"""One function for each declared operator: inputs and arguments as in the declaration."""
import functools as _functools
import inspect as _inspect

from . import ops as _ops  # noqa: F401  (declares the operators)
from .engine.context import get_current_context
from .engine.modes import get_auto_forward
from .faces import public_function as _public_function
from .registry import OPERATORS as _OPERATORS


def function_api(func):
    """Decorator for functions that take a context first: the decorated one supplies the current context."""
    @_functools.wraps(func)
    def with_current_context(*args, **kwargs):
        return func(get_current_context(), *args, **kwargs)
    signature = _inspect.signature(func)
    parameters = list(signature.parameters.values())
    with_current_context.__signature__ = signature.replace(parameters=parameters[1:])
    with_current_context.__function_api_base__ = func
    return with_current_context


_BY_NAME = {o.name: o for o in _OPERATORS.values()}

__all__ = ["function_api", "get_auto_forward", "get_current_context", *_BY_NAME]


def __getattr__(name):
    # Built when first asked for: a script uses a few dozen of them.
    if name not in _BY_NAME:
        raise AttributeError(f"module 'nnabla_compat.function_bases' has no attribute {name!r}")
    made = globals()[name] = _public_function(_BY_NAME[name])
    return made


def __dir__():
    return sorted({*globals(), *_BY_NAME})
