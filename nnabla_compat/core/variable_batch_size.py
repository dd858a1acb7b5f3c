"""Descriptions of networks freed of their batch size: -1 stands for it."""
from math import prod

# Functions that make something of a shape they are told.
_SHAPED = ("Constant", "Rand", "Randint", "Randn", "RandBinomial", "RandBeta", "RandGamma")


def variable_batch_size(network):
    """Put -1 in the place of the batch size, in the shapes of variables and in arguments of functions.

    The batch size is what lies before ``base_axis`` in the last function that has one; where none has,
    nothing is changed. What depends on parameters alone keeps its shape. A ``base_axis`` other than 1 becomes 1,
    and the axes before it become one.

    Raises:
        AssertionError: a reshape or broadcast makes a first axis that is not the batch.
    """
    order = network.forward_sequence()
    expected = _expected_batch(network, order)
    if expected is None:
        return
    constant, flattened = set(), set()
    for function in order:
        varying = [n for n in function.inputs if n in network.variables and n not in constant]
        if not varying:
            constant.update(function.outputs)
            continue
        axis = function.args.get("base_axis", 1)
        if axis != 1:
            for name in [*varying, *function.outputs]:
                if name not in flattened:
                    variable = network.variables[name]
                    variable.shape = (prod(variable.shape[:axis]), *variable.shape[axis:])
                    flattened.add(name)
            function.args["base_axis"] = 1
        if function.type in ("Reshape", "Broadcast", *_SHAPED) and function.args["shape"]:
            _free_shape(network, function, expected)
    for variable in network.variables.values():
        if variable.shape and variable.name not in constant and variable.shape[0] == expected:
            variable.shape = (-1, *variable.shape[1:])
    if expected > 0:  # -1 already, in a network from a file
        network.batch_size = expected


def _expected_batch(network, order):
    for function in reversed(order):
        if function.args.get("base_axis"):
            for name in function.inputs:
                if name in network.variables:
                    return prod(network.variables[name].shape[:function.args["base_axis"]])
    return None


def _free_shape(network, function, expected):
    shape = function.args["shape"]
    batch_axes = 1
    if function.type == "Broadcast":
        batch_axes += max(0, len(shape) - len(network.variable(function.inputs[0]).shape))
    found = prod(shape[:batch_axes])
    assert found == expected or found < 0, (
        f"network '{network.name}': {function.type} '{function.name}' makes a first axis of {found}, where the batch "
        f"size {expected} was expected. Save with variable_batch_size=False.")
    function.args["shape"] = [-1, *shape[batch_axes:]]
