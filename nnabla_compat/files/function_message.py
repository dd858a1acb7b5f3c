"""Arguments of functions in network files: an operator's declaration and its message, both ways.

The declaration in the registry says which arguments there are and of what type; the schema says where
a type's arguments lie in the ``Function`` message. Names tie the two together, there is no third list.
"""
from functools import lru_cache

from ..registry import OPERATORS, Floats, Ints, Shape
from ..utils import nnabla_pb2

# Function types that only files have: loops, drawn with graphical tools (see files.loop_control).
LOOP_CONTROL = ("RepeatStart", "RepeatEnd", "RecurrentInput", "RecurrentOutput", "Delay")


@lru_cache(maxsize=None)
def parameter_fields():
    """Function type to the name of the field of ``Function`` that holds its arguments."""
    members = nnabla_pb2.Function.DESCRIPTOR.oneofs_by_name["parameter"].fields
    return {field.message_type.name[:-len("Parameter")]: field.name for field in members}


def declaration(type_name, function_name=""):
    """The operator of a function in a file.

    Raises:
        ValueError: no such operator.
    """
    try:
        return OPERATORS[type_name]
    except KeyError:
        raise ValueError(f'Function "{type_name}" is not supported. (function \'{function_name}\': functions written '
                         "in Python cannot be loaded from files, build that part of the network in code.)") from None


def write_arguments(message, type_name, arguments):
    """Put ``arguments`` (name to value) into the part of a ``Function`` message that belongs to the type."""
    field = parameter_fields().get(type_name)
    if field is None:
        return
    parameters, declared = getattr(message, field), OPERATORS[type_name].arguments
    if declared:
        parameters.SetInParent()
    for argument in declared:
        value = arguments.get(argument.name)
        if value is None:
            continue
        if argument.type is Shape:
            dims = getattr(parameters, argument.name).dim
            dims[:] = [int(v) for v in value]
        elif argument.type in (Ints, Floats):
            getattr(parameters, argument.name)[:] = value
        elif argument.type is object:
            getattr(parameters, argument.name).SetInParent()  # a communicator: which one is the reader's affair
        else:
            setattr(parameters, argument.name, value)


def read_arguments(message):
    """The arguments of a ``Function`` message, name to value, shapes and lists as lists.

    What the file leaves out is zero, false or empty, as in nnabla, with two exceptions where that
    would be of no use: a ``group`` of 0 is 1, and a list that the operator can work out itself is None.
    """
    op = declaration(message.type, message.name)
    field = parameter_fields().get(message.type)
    if field is None:
        return {}
    parameters = getattr(message, field)
    arguments = {}
    for argument in op.arguments:
        value = getattr(parameters, argument.name)
        if argument.type is Shape:
            present = argument.default is not None or parameters.HasField(argument.name)
            value = list(value.dim) if present else None
        elif argument.type in (Ints, Floats):
            value = list(value)
        elif argument.type is object:
            from ..utils.communicator_util import current_communicator
            value = current_communicator()
        elif argument.name == "group" and value == 0:
            value = 1
        arguments[argument.name] = value
    return arguments
