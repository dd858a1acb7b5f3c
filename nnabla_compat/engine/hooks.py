"""Global hooks around functions and solver steps, in registration order."""

function_pre_hooks: dict = {}
function_post_hooks: dict = {}
solver_pre_hooks: dict = {}
solver_post_hooks: dict = {}


def add(table, key, hook):
    """Register ``hook`` under ``key``; a key that is taken keeps its first hook, as in nnabla."""
    table.setdefault(key, hook)


def remove(table, key):
    """Forget the hook of ``key``; unknown keys are ignored."""
    table.pop(key, None)


def combined(table, local, local_first=False):
    """One callable for the global hooks of ``table`` and a per-call one; None when there is nothing to call."""
    hooks = list(table.values())
    if local is not None:
        hooks = [local, *hooks] if local_first else [*hooks, local]
    if not hooks:
        return None
    if len(hooks) == 1:
        return hooks[0]

    def call_all(*args):
        for hook in hooks:
            hook(*args)
    return call_all
