"""What functions called on ProtoVariables are recorded into."""
from collections import OrderedDict

from ... import parameter
from ...engine import tape as _tape
from ...engine.function import Function
from ...engine.variable import Variable
from .. import module as _module
from .function import ProtoFunction
from .naming import path_prefix, unique
from .network import ProtoNetwork
from .proto_graph import ProtoGraph
from .variable import ProtoVariable


class FlatModule:
    """Stands for the Module whose code is recorded, where there is none."""

    def __init__(self, name):
        self.name = name or "model"

    def get_parameters(self, recursive=True, grad_only=False, memo=None):
        """The parameters of the current scope."""
        return parameter.get_parameters(grad_only=grad_only)

    def get_path_name(self):
        """What names of functions start with."""
        return "" if self.name == "model" else "@" + self.name


class ProtoGraphBuilder:
    """A graph while functions are recorded into it."""

    def __init__(self, name=None, parameter_scope=None):
        self.networks = OrderedDict()
        self.proto_graph = ProtoGraph(self.networks, parameter_scope)
        self.graph_name = name
        self.names = {}
        self.stack = []
        self.in_module = False  # a Module's method recorded something
        self.module = None
        self.current = None
        self.dirty_flag = False
        self._known = {}      # id of a ProtoVariable: (its name in the current network, itself)

    def get_graph(self):
        """The ProtoGraph."""
        return self.proto_graph

    def get_current(self):
        """The network being recorded."""
        if self.current is None:
            self.current = ProtoNetwork(self.proto_graph)
        return self.current

    def get_module(self):
        """The Module whose method is running, or a :class:`FlatModule`."""
        if _module._frame is not None:
            return _module._frame[0]
        if self.module is None:
            self.module = FlatModule(self.graph_name)
        return self.module

    def begin_module(self, module):
        """What is recorded now is code of ``module``; returns the network."""
        self.stack.append(self.module)
        self.module = module
        return self.get_current()

    def end_module(self):
        """The code of the Module begun last is recorded; that of the outermost one is a network."""
        finished, self.module = self.module, self.stack.pop()
        if not self.stack and self.is_dirty():
            self.commit_network(finished)

    def dirty(self):
        """Something was recorded that is to be committed."""
        self.dirty_flag = True

    def is_dirty(self):
        """Whether there is anything recorded that is not committed."""
        return self.dirty_flag

    def commit_network(self, module=None):
        """Finish the network being recorded and add it to the graph, its parameters named as in ``module``."""
        network = self.get_current()
        module = self.get_module() if module is None else module
        name, self.graph_name = self.graph_name or module.name, None
        params = {v.data: key for key, v in module.get_parameters(grad_only=False).items()}
        network.commit(unique(self.names, name), self.networks, params)
        self.current = self.module = None
        self.in_module = self.dirty_flag = False
        self._known = {}

    def record(self, op, inputs, args, n_outputs=-1):
        """Add a function to the network; returns its output ProtoVariable, or a tuple of them."""
        present = [x for x in inputs if x is not None]
        for x in present:
            if not isinstance(x, (ProtoVariable, Variable)):
                raise TypeError(f"{op.name}: expected inputs of type ProtoVariable or Variable, received "
                                f"{type(x).__name__}")
        if op.data_dependent:
            raise RuntimeError(f"{op.name}: the shape of its output depends on values, which a ProtoVariable has not. "
                               "Build the graph on Variables, and use create_graph_from_variable.")
        function = Function(op, args)
        if len(present) != len(inputs) and not op.variadic:
            function.leave_out(tuple(x is not None for x in inputs))
        return ProtoFunction(function, op.type_name, args)(present, n_outputs)

    def connect(self, function, inputs, n_outputs):
        """Put a ProtoFunction behind ``inputs``; see :meth:`ProtoFunction.__call__`."""
        self.in_module = self.in_module or _module._frame is not None
        instance, function.function_instance = function.function_instance, None
        shapes = [tuple(x.shape) for x in inputs]
        instance.bind(shapes, n_outputs)
        out_shapes = instance.infer(shapes)
        function.args = dict(instance.args)
        network, prefix = self.get_current(), path_prefix()
        function.inputs = [self._name_input(network, function, x, prefix) for x in inputs]
        made = self._add_outputs(network, function, out_shapes, prefix)
        self.dirty()
        return made[0] if len(made) == 1 else tuple(made)

    def _name_input(self, network, function, x, prefix):
        if isinstance(x, Variable) and x.parent is None:
            provisional = f"<{id(x.container.data)}>"   # until the network is committed
            network.parameters[provisional] = x
            return provisional
        if isinstance(x, Variable):
            if id(x.container.data) not in self._known:
                self._transcribe(network, x, prefix)
            x = self._known[id(x.container.data)][1]
        elif id(x) not in self._known:
            name = x.name or unique(network.var_names, f"{prefix}{function.type}_in")
            if name in network.variables:
                raise ValueError(f"two variables of network '{self.graph_name or 'model'}' are called '{name}'. "
                                 "Give each ProtoVariable a name of its own.")
            x.name = name
            # What another network made comes in as an input here, and stays that network's output.
            network.variables[name] = x if x.parent is None and not x.required else x.clone()
            self._known[id(x)] = name, x
        name = self._known[id(x)][0]
        network.variables[name].required.append(function.name)
        return name

    def _transcribe(self, network, variable, prefix):
        """Add the functions that make ``variable`` out of Variables, such as quantized weights."""
        for function in _tape.ordered_functions([variable]):
            if id(function) in self._known:
                continue
            self._known[id(function)] = None, function
            recorded = ProtoFunction(None, function.op.type_name, dict(function.args))
            recorded.inputs = [self._name_input(network, recorded, v, prefix) for v in function.inputs]
            outputs = function.outputs
            for made, v in zip(self._add_outputs(network, recorded, [v.shape for v in outputs], prefix), outputs):
                array = v.container.data
                self._known[id(array)] = array, made

    def _add_outputs(self, network, recorded, shapes, prefix):
        made = []
        for shape in shapes:
            name = unique(network.var_names, f"{prefix}{recorded.type}_out")
            variable = network.variables[name] = ProtoVariable(shape, name)
            variable.parent = recorded.name
            self._known[id(variable)] = name, variable
            recorded.outputs.append(name)
            made.append(variable)
        network.functions[recorded.name] = recorded
        return made
