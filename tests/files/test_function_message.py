"""Arguments of every declared operator, through the message of a network file and back."""
import pytest

import nnabla_compat  # noqa: F401  (declares the operators)
from nnabla_compat.files import function_message, schema
from nnabla_compat.registry import OPERATORS, Double, Floats, Ints, Shape
from nnabla_compat.utils import nnabla_pb2

SAMPLES = {bool: (True, False), int: (3, -1), float: (0.25, -2.0), Double: (0.1, -2.0), str: ("reflect", ""),
           Shape: ((2, 3), (1,)), Ints: ((1, 0), (-1,)), Floats: ((0.5,), (2.0, -1.0))}
SCHEMA_TYPES = {bool: "bool", int: "int64", float: "float", Double: "double", str: "string", Shape: "Shape",
                Ints: "int64*", Floats: "float*", object: "Communicator"}
IN_FILES = {head.partition(" ")[0]: fields for head, fields in schema.entries(schema.FUNCTIONS)}


def test_files_and_declarations_know_the_same_types():
    assert set(IN_FILES) == set(OPERATORS)


@pytest.mark.parametrize("type_name", IN_FILES)
def test_declared_arguments_are_those_of_the_schema(type_name):
    declared = [[SCHEMA_TYPES[a.type], a.name] for a in OPERATORS[type_name].arguments]
    assert declared == IN_FILES[type_name]


@pytest.mark.parametrize("which", (0, 1))
@pytest.mark.parametrize("type_name", IN_FILES)
def test_arguments_survive(type_name, which):
    op = OPERATORS[type_name]
    arguments = {a.name: SAMPLES[a.type][which] for a in op.arguments if a.type is not object}
    message = nnabla_pb2.Function(type=type_name, name="f")
    function_message.write_arguments(message, type_name, arguments)
    again = nnabla_pb2.Function.FromString(message.SerializeToString())
    read = function_message.read_arguments(again)
    assert list(read) == [a.name for a in op.arguments]
    for name, value in arguments.items():
        assert read[name] == (list(value) if isinstance(value, tuple) else value), name


def test_what_a_file_leaves_out():
    convolution = nnabla_pb2.Function(type="Convolution")
    convolution.convolution_param.base_axis = 1
    read = function_message.read_arguments(convolution)
    assert read["group"] == 1 and read["pad"] is None and read["channel_last"] is False
    assert function_message.read_arguments(nnabla_pb2.Function(type="Softmax")) == {"axis": 0}


def test_parameters_of_another_type_do_not_count():
    message = nnabla_pb2.Function(type="Softmax")
    message.affine_param.base_axis = 5
    assert function_message.read_arguments(message) == {"axis": 0}


def test_unknown_types_are_named():
    with pytest.raises(ValueError, match='Function "Foo" is not supported'):
        function_message.read_arguments(nnabla_pb2.Function(type="Foo", name="f"))
