"""Changing the description of a network by an ``NnpNetworkPass``."""
from collections import OrderedDict

import numpy as np

from ..engine.variable import Variable
from ..registry import OPERATORS
from ..utils.load_function import _create_function_instance
from .graph_def import ProtoNetwork, ProtoVariable


class EditedVariable:
    """A variable as callbacks see it.

    Attributes:
        proto: The ``Variable`` message; changes to its name, shape and initializer take effect.
        parent (EditedFunction): What makes it, or None.
        need_grad (bool): Of the Variable made from it.
        variable (Variable): Variable to use for it, or None.
        stop (bool): True cuts off everything that depends on it.
    """

    def __init__(self, source):
        self.source = source.clone()
        self.name, self.need_grad = source.name, source.need_grad
        self.variable, self.stop, self.parent = source.variable_instance, source.stop, None
        self.consumers = []

    @property
    def proto(self):
        return self.source.proto

    @proto.setter
    def proto(self, message):
        self.source.proto = message

    @property
    def referrers(self):
        """The functions that read it, by name."""
        return OrderedDict((f.name, f) for f in self.consumers)

    @property
    def num_referrers(self):
        """How many functions read it."""
        return len(self.consumers)

    def add_referrer(self, f):
        """Note that ``f`` reads it."""
        self.consumers.append(f)

    def delete_referrer(self, f):
        """Note that ``f`` does not read it any more."""
        self.consumers.remove(f)

    def rewire_on(self, var):
        """Take the place of ``var``: be made by what makes it, and be read by what reads it.

        One that becomes an input keeps its shape, as in nnabla (without the cropping in front, a network wants cropped
        images), unless it becomes a Variable that was given, which has its own.
        """
        if self.parent is not None:
            self.parent.disable()
        parent, self.parent, var.parent = var.parent, var.parent, None
        self.variable = var.variable
        if self.variable is not None:
            self.proto.shape.CopyFrom(var.proto.shape)
        if parent is not None:
            parent._outputs = [self if o is var else o for o in parent._outputs]
        for f in var.consumers:
            f._inputs = [self if i is var else i for i in f._inputs]
        self.consumers += var.consumers
        var.consumers = []


class EditedFunction:
    """A function as callbacks see it: ``name``, ``proto`` (its ``Function`` message), ``inputs``, ``outputs``."""

    def __init__(self, source, variables):
        self.name, self.proto, self.disabled = source.name, source.proto, False
        self._inputs, self._outputs = [], []
        self.inputs = [variables[n] for n in source.inputs]
        self.outputs = [variables[n] for n in source.outputs]

    @property
    def inputs(self):
        """The variables it reads; may be set."""
        return list(self._inputs)

    @inputs.setter
    def inputs(self, inputs):
        for v in self._inputs:
            if self in v.consumers:
                v.delete_referrer(self)
        self._inputs = list(inputs)
        for v in self._inputs:
            v.add_referrer(self)

    @property
    def outputs(self):
        """The variables it makes; may be set."""
        return list(self._outputs)

    @outputs.setter
    def outputs(self, outputs):
        for v in self._outputs:
            if v.parent is self:
                v.parent = None
        self._outputs = list(outputs)
        for v in self._outputs:
            v.parent = self

    def disable(self):
        """Take the function out: what it made becomes an input where something reads it, else it vanishes."""
        self.disabled = True
        self.inputs, self.outputs = [], []


def apply(network, callback):
    """The network that ``callback`` makes of ``network``, which stays as it is."""
    declared = (*network.variables.items(), *network.parameters.items())
    variables = OrderedDict((name, EditedVariable(v)) for name, v in declared)
    functions = OrderedDict((n, EditedFunction(f, variables)) for n, f in network.functions.items())
    for name, variable in variables.items():
        variables[name] = _checked(callback.change_variable(variable), EditedVariable, f"variable '{name}'")
    scope = network.owner().parameter_scope
    order = [functions[f.name] for f in network.forward_sequence()]
    for function in order:
        if not function.disabled:
            callback.run_passes(function, list(variables.values()), scope)
    for function in order:
        for variable in function.inputs:
            callback.mark_stop(variable)
    cut = {id(v) for v in variables.values() if v.stop}
    for function in order:
        if any(id(v) in cut for v in function.inputs):
            cut.update(id(v) for v in function.outputs)
            function.disable()
    resized = [v for v in variables.values() if v.parent is None and v.consumers
               and tuple(v.proto.shape.dim) != v.source.shape and v.proto.type == "Buffer"]
    shapes = _Shapes(network, max(resized[0].proto.shape.dim[0], 1)) if resized else None     # -1: any batch size shows it
    for function in order:
        if not function.disabled:
            _checked(callback.change_function(function), EditedFunction, f"function '{function.name}'")
            if shapes is not None:
                shapes.follow(function)
    return _assemble(network, variables.values(), [f for f in functions.values() if not f.disabled])


class _Shapes:
    """Shapes of a network one input of which was given another shape than the file's: callbacks on functions further
    on have to see what it leads to.

    Args:
        network (ProtoNetwork): The network.
        batch (int): What -1 stands for.
    """

    def __init__(self, network, batch):
        self.batch = batch
        self.scratch = ProtoNetwork(network.owner(), network.name, batch)

    def follow(self, function):
        """Give the outputs of ``function`` the shapes that those of its inputs lead to."""
        message = function.proto
        called = self.scratch.create_function_instance(self.scratch.current_context, message, self.scratch,
                                                       _create_function_instance)
        if OPERATORS[message.type].data_dependent:
            return
        called.inputs = [self._named(v) for v in function.inputs]
        called.outputs = [self._named(v) for v in function.outputs]
        called.graph_call(self.batch)
        for name, variable in zip(called.outputs, function.outputs):
            variable.proto.shape.dim[:] = self.scratch.variables[name].variable_instance.shape

    def _named(self, edited):
        name = str(id(edited))
        if name not in self.scratch.variables:
            shape = tuple(self.batch if n < 0 else n for n in edited.proto.shape.dim)
            self.scratch.variables[name] = ProtoVariable(shape, name)
            self.scratch.variables[name].variable_instance = Variable(shape)
        return name


def _checked(made, cls, what):
    if not isinstance(made, cls):
        raise AttributeError(f"a callback for {what} returned {made!r}: it has to return what it was given.")
    return made


def _assemble(network, variables, functions):
    made = ProtoNetwork(network.owner(), network.name, network.batch_size)
    rng, renames = np.random.RandomState(1223), {}
    used = [v for v in variables if v.parent is not None or v.consumers]
    for edited in used:
        edited.source.prepare_renaming(renames)
    for edited in used:
        variable = edited.source
        variable.update_from_proto(rng, renames)
        variable.need_grad = edited.need_grad
        learned = variable.type == "Parameter"
        variable.variable_instance = None if learned else edited.variable
        if variable.name in made.variables or variable.name in made.parameters:
            raise ValueError(f"network '{network.name}': a callback gave two variables the name '{variable.name}'.")
        (made.parameters if learned else made.variables)[variable.name] = variable
    for edited in functions:
        function = made.create_function_instance(made.current_context, edited.proto, made, _create_function_instance)
        made.add_function(function, [v.source.name for v in edited.inputs], [v.source.name for v in edited.outputs])
    made.find_ports()
    return made
