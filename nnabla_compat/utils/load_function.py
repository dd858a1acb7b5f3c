"""Functions from their messages."""
from ..engine.function import Function
from ..files.function_message import declaration, read_arguments


def _create_function_instance(ctx, f):
    """The unconnected Function of a ``Function`` message, in the context ``ctx``.

    Raises:
        ValueError: nobody knows the type.
    """
    return Function(declaration(f.type, f.name), read_arguments(f), ctx)
