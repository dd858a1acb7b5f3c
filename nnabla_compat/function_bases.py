"""One function for each declared operator: inputs and arguments as in the declaration."""
from . import ops  # noqa: F401  (declares the operators)
from .engine.context import get_current_context
from .engine.modes import get_auto_forward
from .faces import public_function
from .registry import OPERATORS


def function_api(func):
    """Decorator for functions that take a context first: the decorated one supplies the current context."""
    import functools
    import inspect

    @functools.wraps(func)
    def with_current_context(*args, **kwargs):
        return func(get_current_context(), *args, **kwargs)
    signature = inspect.signature(func)
    parameters = list(signature.parameters.values())
    with_current_context.__signature__ = signature.replace(parameters=parameters[1:])
    with_current_context.__function_api_base__ = func
    return with_current_context


for _operator in list(OPERATORS.values()):
    globals()[_operator.name] = public_function(_operator)

__all__ = ["function_api", "get_auto_forward", "get_current_context", *[o.name for o in OPERATORS.values()]]
