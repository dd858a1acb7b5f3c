"""Hooks around every function and every solver step, by key.

A function hook is called with the function, before or after it runs, in every forward and backward; a solver
hook without arguments, before or after each step (update, weight decay, ...). A key that is taken keeps the hook it has.
"""
from .engine import hooks


def set_function_pre_hook(key, function_pre_hook):
    """Call a hook before each function.

    Args:
        key (str): Name to remove it by.
        function_pre_hook (callable): Called with the function.
    """
    hooks.add(hooks.function_pre_hooks, key, function_pre_hook)


def set_function_post_hook(key, function_post_hook):
    """Call a hook after each function.

    Args:
        key (str): Name to remove it by.
        function_post_hook (callable): Called with the function.
    """
    hooks.add(hooks.function_post_hooks, key, function_post_hook)


def unset_function_pre_hook(key):
    """Forget a hook; an unknown key is ignored."""
    hooks.remove(hooks.function_pre_hooks, key)


def unset_function_post_hook(key):
    """Forget a hook; an unknown key is ignored."""
    hooks.remove(hooks.function_post_hooks, key)


def set_solver_pre_hook(key, solver_pre_hook):
    """Call a hook before each solver step.

    Args:
        key (str): Name to remove it by.
        solver_pre_hook (callable): Called without arguments.
    """
    hooks.add(hooks.solver_pre_hooks, key, solver_pre_hook)


def set_solver_post_hook(key, solver_post_hook):
    """Call a hook after each solver step.

    Args:
        key (str): Name to remove it by.
        solver_post_hook (callable): Called without arguments.
    """
    hooks.add(hooks.solver_post_hooks, key, solver_post_hook)


def unset_solver_pre_hook(key):
    """Forget a hook; an unknown key is ignored."""
    hooks.remove(hooks.solver_pre_hooks, key)


def unset_solver_post_hook(key):
    """Forget a hook; an unknown key is ignored."""
    hooks.remove(hooks.solver_post_hooks, key)
