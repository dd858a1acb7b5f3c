"""Messages of functions."""
from ..files.function_message import write_arguments


def _create_function_nntxt(f, name, function):
    """Fill the ``Function`` message ``f``.

    Args:
        f: The message.
        name (str): Name of the function.
        function: What ``function["type"]``, ``["inputs"]``, ``["outputs"]`` (names) and ``["args"]`` can be asked of:
            a dict, or a ProtoFunction.
    """
    f.name, f.type = name, function["type"]
    f.input.extend(function["inputs"])
    f.output.extend(function["outputs"])
    write_arguments(f, f.type, function["args"])
