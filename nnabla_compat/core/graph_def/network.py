"""Networks as descriptions."""
from collections import OrderedDict

import numpy as np

from ... import parameter
from ...engine.variable import Variable
from ...files import initializers as _initializers
from ...utils.load_function import _create_function_instance
from .function import ProtoFunction, arguments_of
from .naming import unique
from .saving import save_networks
from .sizes import check_size, positive_batch
from .variable import ProtoVariable


class ProtoNetwork:
    """A network as a description.

    Attributes:
        name (str): Name.
        batch_size (int): What -1 in shapes stands for unless a call says otherwise.
        variables (OrderedDict): Name to ProtoVariable, of everything but parameters.
        parameters (OrderedDict): Name to ProtoVariable.
        functions (OrderedDict): Name to ProtoFunction, in no particular order; see :meth:`forward_sequence`.
        inputs (list of str): Variables that no function makes.
        outputs (list of str): Variables that no function reads.
        repeat_info (dict): Loop to number of its repetitions.
    """

    def __init__(self, owner, name=None, batch_size=None):
        self._owner, self.name, self.batch_size = owner, name, batch_size
        self.variables, self.parameters, self.functions = OrderedDict(), OrderedDict(), OrderedDict()
        self.inputs, self.outputs = [], []
        self.repeat_info = {}
        self.func_names, self.var_names = {}, {}

    def __repr__(self):
        return f"<ProtoNetwork {self.name!r}: {', '.join(self.inputs)} -> {', '.join(self.outputs)}>"

    def __getitem__(self, item):
        return self.__dict__[item]

    def owner(self):
        """The ProtoGraph it belongs to."""
        return self._owner

    @property
    def current_context(self):
        """The context graphs are built in."""
        return self._owner.current_context

    def variable(self, name):
        """The variable or parameter called ``name``.

        Raises:
            KeyError: there is none.
        """
        found = self.variables.get(name) or self.parameters.get(name)
        if found is None:
            raise KeyError(f"network '{self.name}': a function uses '{name}', which is declared neither as Buffer nor "
                           "as Parameter.")
        return found

    # -- from and to messages ------------------------------------------------------------------------

    @staticmethod
    def from_proto(owner, proto, rng, batch_size):
        """The network of a ``Network`` message; initializers draw from ``rng``.

        ``batch_size`` is what -1 in shapes stands for, the message's own for None.
        """
        network = ProtoNetwork(owner, proto.name, batch_size or proto.batch_size)
        network.repeat_info = {info.id: info.times for info in proto.repeat_info}
        for message in proto.variable:
            if message.type in ("Buffer", "Parameter"):
                learned = message.type == "Parameter"
                variable = ProtoVariable((), message.name, learned, message.type)
                variable.proto = message
                variable.update_from_proto(rng, {})
                variable.repeat_id = list(message.repeat_id)
                (network.parameters if learned else network.variables)[message.name] = variable
        for message in proto.function:
            function = network.create_function_instance(network.current_context, message, network,
                                                        _create_function_instance)
            network.add_function(function, message.input, message.output)
        network.find_ports()
        return network

    @staticmethod
    def create_function_instance(ctx, f, g, create_func):
        """The ProtoFunction of a ``Function`` message, not connected yet.

        Args:
            ctx (Context): Passed on to ``create_func``.
            f: The message.
            g (ProtoNetwork): The network it is to belong to.
            create_func: ``create_func(ctx, f)`` returns a Function, of which the arguments are taken.

        Raises:
            ValueError: nobody knows the type.
        """
        function = ProtoFunction(None, f.type, arguments_of(f, ctx, create_func), f.name, g)
        function._take_loops(f)
        return function

    def add_function(self, function, inputs, outputs):
        """Connect ``function`` to variables by their names.

        Raises:
            KeyError: a name is not declared.
            ValueError: a variable that another function makes already, or a parameter, as output.
        """
        function.inputs, function.outputs = list(inputs), list(outputs)
        if function.name in self.functions:
            raise ValueError(f"network '{self.name}': two functions are called '{function.name}'.")
        for name in inputs:
            self.variable(name).required.append(function.name)
        for name in outputs:
            variable = self.variable(name)
            if variable.parent is not None or variable.type == "Parameter":
                other = f"function '{variable.parent}''s too" if variable.parent else "a parameter"
                raise ValueError(f"network '{self.name}': output '{name}' of function '{function.name}' is {other}.")
            variable.parent = function.name
        self.functions[function.name] = function

    def commit(self, name, networks, params):
        """Finish a network that was recorded.

        Args:
            name (str): Its name.
            networks (dict): Takes it under that name.
            params (dict): Data array to name, of parameters; others are named after the function that reads them.
        """
        params = dict(params)
        resolved = set()
        for function in self.functions.values():
            resolved.update(self.resolve_function_parameters(function, params))
        for key in resolved:
            del self.parameters[key]
        with parameter.parameter_scope("", self._owner.parameter_scope):
            for key, learned in self.parameters.items():
                registered = parameter.get_parameter(key)
                if registered is None or registered != learned.variable_instance:
                    parameter.set_parameter(key, learned.variable_instance)
        self.find_ports()
        self.name = name
        networks[name] = self

    def resolve_function_parameters(self, function, params):
        """Declare the Variables that ``function`` was recorded with as parameters; yields their provisional names."""
        for i, key in enumerate(function.inputs):
            variable = self.parameters.get(key)
            if not isinstance(variable, Variable):
                continue
            name = params.get(variable.data)
            if name is None:
                name = params[variable.data] = unique(self.var_names, f"{function.name}_{i}")
            if name not in self.parameters:
                self.parameters[name] = ProtoVariable(variable.shape, name, variable.need_grad, "Parameter")
                self.parameters[name].variable_instance = variable
            self.parameters[name].required.append(function.name)
            function.inputs[i] = name
            yield key

    def find_ports(self):
        """Find inputs and outputs from the connections."""
        self.inputs = [k for k, v in self.variables.items() if v.parent is None and v.required]
        self.outputs = [k for k, v in self.variables.items() if v.parent is not None and not v.required]

    def as_proto(self, variable_batch_size=True):
        """The network as a ``Network`` message.

        Args:
            variable_batch_size (bool): Write -1 for the batch size, so that the network can be built with
                another one.
        """
        from ...utils import nnabla_pb2
        from ..variable_batch_size import variable_batch_size as free_batch_size
        network = self
        if not self.repeat_info:  # loops come from files only, which are as they are to be
            network = self.clone()
            network.update_actual_shape_of_reshape()
            if variable_batch_size:
                free_batch_size(network)
        message = nnabla_pb2.Network(name=network.name, batch_size=network.batch_size or 0)
        for id_, times in network.repeat_info.items():
            message.repeat_info.add(id=id_, times=times)
        for variable in (*network.variables.values(), *network.parameters.values()):
            message.variable.append(variable.as_proto())
        for function in network.functions.values():
            message.function.append(function.as_proto())
        return message

    def update_actual_shape_of_reshape(self):
        """Put the lengths that -1 stands for into the arguments of Reshape functions, where the input's shape says."""
        for function in self.functions.values():
            if function.type == "Reshape" and -1 in function.args["shape"]:
                shape, given = list(function.args["shape"]), self.variable(function.inputs[0]).shape
                if -1 not in given:
                    shape[shape.index(-1)] = int(np.prod(given)) // -int(np.prod(shape))
                    function.args["shape"] = shape

    def save(self, filename, include_parameter=False, variable_batch_size=True, executors=None):
        """Write the network to a file; see :func:`save`."""
        save_networks(self._owner, [self], filename, include_parameter, variable_batch_size, executors=executors)

    def clone(self):
        """A copy of the description, without Variables."""
        copy = ProtoNetwork(self._owner, self.name, self.batch_size)
        copy.repeat_info = dict(self.repeat_info)
        for source, target in ((self.variables, copy.variables), (self.parameters, copy.parameters)):
            for name, variable in source.items():
                target[name] = variable.clone()
        for function in self.functions.values():
            copy.add_function(function.clone(copy), function.inputs, function.outputs)
        copy.inputs, copy.outputs = list(self.inputs), list(self.outputs)
        return copy

    # -- walking -------------------------------------------------------------------------------------

    def forward_sequence(self):
        """The functions in an order in which they can run.

        Raises:
            ValueError: the functions form a circle.
        """
        done, open_, order = set(), set(), []
        stack = [self.functions[self.variables[name].parent] for name in self.outputs]
        while stack:
            function = stack.pop()
            if function.name in done:
                continue
            waiting = []
            for name in function.inputs:
                parent = self.variable(name).parent
                if parent is not None and parent not in done:
                    waiting.append(self.functions[parent])
            if not waiting:
                done.add(function.name)
                order.append(function)
            elif function.name in open_:
                loops = " Expand its loops first, with expand_loop_control()." if self.repeat_info else ""
                raise ValueError(f"network '{self.name}': function '{function.name}' depends on its own output.{loops}")
            else:
                open_.add(function.name)
                stack.append(function)
                stack += waiting
        return order

    def execute_on_proto(self, execute):
        """Call ``execute(function)`` for each function in forward order; it may remove the function."""
        for function in self.forward_sequence():
            execute(function)

    def promote(self, callback):
        """A network changed by an ``nnabla.utils.nnp_graph.NnpNetworkPass``; this one for None.

        Raises:
            TypeError: ``callback`` is something else.
        """
        if callback is None:
            return self
        from ...utils.nnp_graph import NnpNetworkPass
        from ..network_pass import apply
        if not isinstance(callback, NnpNetworkPass):
            raise TypeError(f"expected an NnpNetworkPass to change the network, received {type(callback).__name__}.")
        return apply(self, callback)

    def expand_loop_control(self):
        """A network without loops, which computes the same: each loop's functions are repeated."""
        from ..loop_control import expand
        return expand(self) if self.repeat_info else self.clone()

    # -- building ------------------------------------------------------------------------------------

    def __call__(self, *args, batch_size=None, ctx=None):
        """Build a graph of Variables.

        Args:
            args (Variable): The inputs, in the order of ``inputs``. Without any, Variables are made; they are
                at ``variables[name].variable_instance``.
            batch_size (int): What -1 in shapes stands for; the network's own by default.
            ctx (Context): Context of the functions.

        Returns:
            Variable, or a tuple of them, in the order of ``outputs``.

        Raises:
            ValueError: a wrong number of inputs; loops that are not expanded.
            RuntimeError: shapes do not fit.
        """
        if args and len(args) != len(self.inputs):
            raise ValueError(f"network '{self.name}': expected {len(self.inputs)} inputs ({', '.join(self.inputs)}), "
                             f"received {len(args)}.")
        order = self.forward_sequence()
        if ctx is not None:
            self._owner.current_context = ctx
        batch_size = self.batch_size if batch_size is None else batch_size
        if args:
            for name, variable in zip(self.inputs, args):
                self.variables[name].variable_instance = variable
        else:
            for name in self.inputs:
                self._place_input(self.variables[name], batch_size)
        with parameter.parameter_scope("", self._owner.parameter_scope):
            self._check_sizes()
            for function in order:
                for name in function.inputs:
                    if name in self.parameters and name not in self.variables:
                        self._place_parameter(self.parameters[name])
                function.graph_call(batch_size, self.current_context)
        outputs = tuple(self.variables[name].variable_instance for name in self.outputs)
        return outputs[0] if len(outputs) == 1 else outputs

    def _place_input(self, variable, batch_size):
        shape = tuple(s if s >= 1 else positive_batch(self, batch_size) for s in variable.shape)
        shared = self._owner.global_variables
        if _initializers.fills_inputs(variable.initializer):
            known = shared.get(variable.name)
            if known is None or known.shape != shape:
                check_size([shape], self.name)
                shared[variable.name] = Variable.from_numpy_array(variable.initializer(shape), need_grad=True)
            variable.variable_instance = shared[variable.name]
        elif variable.variable_instance is None or variable.variable_instance.shape != shape:
            variable.variable_instance = Variable(shape)

    def _place_parameter(self, variable):
        existing = parameter.get_parameter(variable.name)
        registered = variable.need_grad or (existing is not None and existing.need_grad)
        made = parameter.get_parameter_or_create(variable.name, variable.shape, variable.initializer, registered)
        made.need_grad = variable.need_grad
        variable.variable_instance = made

    def _check_sizes(self):
        missing = [v for v in self.parameters.values() if v.required and parameter.get_parameter(v.name) is None]
        check_size([v.shape for v in missing], self.name)
