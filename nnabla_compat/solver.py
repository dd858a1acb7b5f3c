"""The solvers: one function each, derived from the update rules of :mod:`nnabla_compat.optimization`."""
import functools
import inspect

from .engine import context
from .optimization import adam, adaptive, gradient_descent  # noqa: F401  (they declare the rules)
from .optimization.rule import RULES
from .optimization.slot import SolverState
from .optimization.solver import Solver

SolverState.__module__ = Solver.__module__ = __name__


def solver_api(func):
    """Decorate a function so that it gets the current context as its first argument."""
    signature = inspect.signature(func)

    @functools.wraps(func)
    def with_context(*args, **kwargs):
        return func(context.current_ctx, *args, **kwargs)
    with_context.__signature__ = signature.replace(parameters=list(signature.parameters.values())[1:])
    return with_context


def _factory(rule):
    signature = inspect.Signature([inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=default)
                                   for name, default in rule.defaults.items()])

    def make(*args, **kwargs):
        try:
            given = signature.bind(*args, **kwargs).arguments
        except TypeError as error:
            raise TypeError(f"{rule.name}() {error}; its arguments are {signature}") from None
        return Solver(rule, {**rule.defaults, **given})

    make.__name__ = make.__qualname__ = rule.name
    make.__doc__ = inspect.getdoc(rule.update)
    make.__module__ = __name__
    make.__signature__ = signature
    return make


globals().update({rule.name: _factory(rule) for rule in RULES.values()})

__all__ = [*sorted(RULES), "Solver", "SolverState", "solver_api"]
