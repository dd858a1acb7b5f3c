"""nnabla's path to contexts. ``current_ctx`` and ``context_level`` are read from the engine."""
from .engine import context as _engine
from .engine.context import Context, context_scope, get_current_context, set_default_context


def __getattr__(name):
    if name in ("current_ctx", "context_level"):
        return getattr(_engine, name)
    raise AttributeError(f"module 'nnabla_compat.context' has no attribute {name!r}")


__all__ = ["Context", "context_scope", "get_current_context", "set_default_context"]
