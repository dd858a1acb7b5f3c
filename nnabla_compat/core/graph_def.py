"""Networks as descriptions: what network files hold, recorded from code, loaded, saved, and built.

A ``ProtoNetwork`` lists functions and variables by name; calling it builds a graph of Variables.
Descriptions come from files (:func:`load`), from code run on ``ProtoVariable`` (:func:`graph`), or from
a graph of Variables (:func:`create_graph_from_variable`).
"""
from collections import OrderedDict
from contextlib import contextmanager
from itertools import combinations

import numpy as np

from .. import parameter
from ..engine import context as _context
from ..engine import tape as _tape
from ..engine.function import INPUT_HANDLERS, Function
from ..engine.python_function import PythonFunction
from ..engine.variable import Variable
from ..files import function_message as _messages
from ..files import initializers as _initializers
from ..registry import OPERATORS
from ..utils.load_function import _create_function_instance
from . import module as _module

# What has to be allocated while a network is built, without values in the file, may take this many elements in
# all. Such sizes are bare claims: a file of a hundred bytes can claim terabytes.
LARGEST_WITHOUT_VALUES = 1 << 28


def _unique(counts, name):
    """``name``, or ``name_1``, ``name_2`` ... when ``counts`` has seen it before."""
    seen = counts.get(name, 0)
    counts[name] = seen + 1
    return f"{name}_{seen}" if seen else name


class RepeatInfo:
    """How many times a loop runs."""

    def __init__(self, id, times):
        self.id, self.times = id, times


class LoopControlFunction:
    """A function of a file that controls a loop and computes nothing."""

    def __init__(self):
        self.arguments = {}


class ProtoVariable:
    """A variable of a description: shape and name, no values.

    Functions called on it record themselves in the current network instead of computing::

        with nn.graph_def.graph(name="net") as g:
            y = F.relu(PF.affine(nn.ProtoVariable((64, 100), name="x"), 10))

    Args:
        shape (tuple of int): Shape; -1 in front stands for the batch size.
        name (str): Name in the network; made up from the function that uses it first when left out.
        need_grad (bool): Kept for the Variable made from it.
        var_type (str): ``"Buffer"`` or ``"Parameter"``.
    """

    __slots__ = ("name", "shape", "need_grad", "parent", "required", "type", "info", "initializer",
                 "variable_instance", "repeat_id", "stop", "_proto", "__weakref__")

    def __init__(self, shape, name=None, need_grad=False, var_type="Buffer"):
        self.name, self.shape, self.need_grad, self.type = name, tuple(shape), need_grad, var_type
        self.parent = None        # name of the function that makes it
        self.required = []        # names of the functions that read it
        self.info = self.initializer = self.variable_instance = None
        self.repeat_id = []
        self.stop = False
        self._proto = None

    def __repr__(self):
        return f"<ProtoVariable {self.name!r} {self.shape}>"

    @property
    def ndim(self):
        """Number of axes."""
        return len(self.shape)

    @property
    def size(self):
        """Number of elements."""
        return int(np.prod(self.shape))

    def clone(self):
        """A copy that belongs to no function and holds no Variable."""
        copy = ProtoVariable(self.shape, self.name, self.need_grad, self.type)
        copy.info, copy.initializer, copy.repeat_id = self.info, self.initializer, list(self.repeat_id)
        return copy

    def as_proto(self):
        """A new ``Variable`` message that describes it."""
        from ..utils import nnabla_pb2
        message = nnabla_pb2.Variable(name=self.name, type=self.type, repeat_id=self.repeat_id)
        message.shape.SetInParent()
        message.shape.dim[:] = [int(s) for s in self.shape]
        _initializers.to_message(self.initializer, message)
        return message

    @property
    def proto(self):
        """Its ``Variable`` message, to edit; :meth:`update_from_proto` makes the changes take effect."""
        if self._proto is None:
            self._proto = self.as_proto()
        return self._proto

    @proto.setter
    def proto(self, message):
        self._proto = message

    def prepare_renaming(self, renames):
        """Note in the dict ``renames``, from old to new, the name its message was given."""
        if self._proto is not None and self._proto.name != self.name:
            renames[self.name] = self._proto.name

    def update_from_proto(self, rng, renames):
        """Take over what its message says.

        Args:
            rng (numpy.random.RandomState): What a new initializer draws from.
            renames (dict): Old to new names, of all variables; see :meth:`prepare_renaming`.

        Raises:
            AssertionError: the message makes a Buffer of a Parameter, or the other way round.
        """
        message, self._proto = self._proto, None
        if message is None:
            return
        if message.type != self.type:
            raise AssertionError(f"variable '{self.name}' is a {self.type}, its message says {message.type}. A "
                                 "variable's type cannot be changed.")
        self.name = renames.get(self.name, self.name)
        self.shape = tuple(message.shape.dim)
        self.initializer = _initializers.from_message(message, rng)

    def __pos__(self):
        return self

    def __neg__(self):
        return _functions().mul_scalar(self, -1.0)

    def __add__(self, other):
        return _arithmetic(self, other, "add2", "add_scalar")

    __radd__ = __add__

    def __mul__(self, other):
        return _arithmetic(self, other, "mul2", "mul_scalar")

    __rmul__ = __mul__

    def __sub__(self, other):
        return _arithmetic(self, other, "sub2", "add_scalar", lambda s: -s)

    def __rsub__(self, other):
        return _arithmetic(self, other, None, "r_sub_scalar")

    def __truediv__(self, other):
        return _arithmetic(self, other, "div2", "mul_scalar", lambda s: 1.0 / s)

    def __rtruediv__(self, other):
        return _arithmetic(self, other, None, "r_div_scalar")

    def __pow__(self, other, modulo=None):
        return NotImplemented if modulo is not None else _arithmetic(self, other, "pow2", "pow_scalar")

    def __rpow__(self, other):
        return _arithmetic(self, other, None, "r_pow_scalar")


def _functions():
    from .. import function_bases
    return function_bases


def _arithmetic(x, other, of_arrays, with_scalar, convert=lambda s: s):
    if isinstance(other, (ProtoVariable, Variable)) and of_arrays:
        return getattr(_functions(), of_arrays)(x, other)
    if isinstance(other, (int, float, np.number)):
        return getattr(_functions(), with_scalar)(x, convert(float(other)))
    return NotImplemented


class ProtoFunction:
    """A function of a description: its type and arguments, and the names of its inputs and outputs.

    Args:
        func (Function): What infers the shapes of outputs; only for a function about to be called.
        f_type (str): Type.
        args (dict): Arguments.
        name (str): Name in the network; made from the type and the current Module when left out.
        owner (ProtoNetwork): The network; without a ``name`` the one being recorded.
    """

    def __init__(self, func, f_type, args, name=None, owner=None):
        if name is None:
            owner = current_network()
            name = _unique(owner.func_names, _path_prefix() + f_type)
        self.type, self.args, self.name, self._owner = f_type, args, name, owner
        self.inputs, self.outputs = [], []
        self.function_instance = func
        self.repeat_id, self.repeat_param, self.recurrent_param = [], None, None
        self.disabled = False
        self._proto = None

    def __repr__(self):
        return f"<ProtoFunction {self.name!r} of {', '.join(self.inputs)}>"

    def owner(self):
        """The network it belongs to."""
        return self._owner

    def __getitem__(self, item):
        return self.__dict__[item]

    def __call__(self, inputs, n_outputs):
        """Add it to the network being recorded.

        Args:
            inputs (list of ProtoVariable or Variable): Its inputs; Variables become parameters.
            n_outputs (int): How many outputs; -1 for as many as it has to have.

        Returns:
            ProtoVariable, or a tuple of them.
        """
        return proto_graph_builder.connect(self, inputs, n_outputs)

    def clone(self, owner):
        """A copy in the network ``owner``."""
        copy = ProtoFunction(None, self.type, dict(self.args), self.name, owner)
        copy.inputs, copy.outputs, copy.repeat_id = list(self.inputs), list(self.outputs), list(self.repeat_id)
        copy.repeat_param, copy.recurrent_param = self.repeat_param, self.recurrent_param
        return copy

    def as_proto(self):
        """A new ``Function`` message that describes it."""
        from ..utils import nnabla_pb2
        message = nnabla_pb2.Function(name=self.name, type=self.type, repeat_id=self.repeat_id, input=self.inputs,
                                      output=self.outputs)
        if self.repeat_param is not None:
            message.repeat_param.CopyFrom(self.repeat_param)
        if self.recurrent_param is not None:
            message.recurrent_param.CopyFrom(self.recurrent_param)
        _messages.write_arguments(message, self.type, self.args)
        return message

    @property
    def proto(self):
        """Its ``Function`` message, to edit; :meth:`update_from_proto` makes the changes take effect."""
        if self._proto is None:
            self._proto = self.as_proto()
        return self._proto

    @proto.setter
    def proto(self, message):
        self._proto = message

    def update_from_proto(self, renames):
        """Take over what its message says, with variables called as the dict ``renames`` (old to new) says.

        Returns:
            ProtoFunction: itself.
        """
        message, self._proto = self.proto, None
        self.type, self.name = message.type, message.name
        self.args = _arguments_of(message, self._owner.current_context)
        self.inputs = [renames.get(n, n) for n in message.input]
        self.outputs = [renames.get(n, n) for n in message.output]
        self._take_loops(message)
        self.function_instance = None
        return self

    def _take_loops(self, message):
        self.repeat_id = list(message.repeat_id)
        self.repeat_param = message.repeat_param if message.HasField("repeat_param") else None
        self.recurrent_param = message.recurrent_param if message.HasField("recurrent_param") else None

    def graph_call(self, batch_size=None, ctx=None):
        """Call the function on its inputs' Variables and give the results to its outputs.

        Raises:
            ValueError: a type that cannot be called.
            RuntimeError: shapes that do not fit.
        """
        if self.type in _messages.LOOP_CONTROL:
            raise ValueError(f"network '{self._owner.name}': function '{self.name}' ({self.type}) is part of a loop. "
                             "Expand the loops first, with expand_loop_control().")
        network = self._owner
        op = _messages.declaration(self.type, self.name)
        args = dict(self.args)
        shape = args.get("shape")
        if shape and shape[0] == -1 and self.type != "Reshape":  # Reshape itself knows what -1 stands for
            args["shape"] = [_batch(network, batch_size), *shape[1:]]
        args = {a.name: None if args.get(a.name) is None else a.coerce(args[a.name]) for a in op.arguments}
        inputs = [network.variable(name).variable_instance for name in self.inputs]
        if op.data_dependent:
            _check_size([v.shape for v in inputs], network.name)  # it runs now, on whatever sizes the file claims
        function = Function(op, args, ctx)
        outputs = function(*_placed(op, args, ctx, inputs), n_outputs=len(self.outputs))
        outputs = outputs if isinstance(outputs, tuple) else (outputs,)
        if len(outputs) < len(self.outputs):
            raise ValueError(f"network '{network.name}': function '{self.name}' ({self.type}) makes {len(outputs)} "
                             f"outputs, the file lists {len(self.outputs)}.")
        for name, variable in zip(self.outputs, outputs):
            network.variables[name].variable_instance = variable
        self.function_instance = function


def _arguments_of(message, ctx, create=_create_function_instance):
    return {} if message.type in _messages.LOOP_CONTROL else dict(create(ctx, message).arguments)


def _batch(network, batch_size):
    if not batch_size or batch_size < 0:
        raise ValueError(f"network '{network.name}': expected a positive batch size, received {batch_size}. "
                         "Pass batch_size=.")
    return batch_size


def _placed(op, args, ctx, inputs):
    """``inputs`` with None for those left out, where a file lists fewer than an operator declares.

    Files list the inputs that are there. Usually the last ones are missing; where several may be left out,
    the first choice whose shapes fit is taken.
    """
    optional = [i for i, declared in enumerate(op.inputs) if declared.optional]
    missing = len(op.inputs) - len(inputs)
    if op.variadic or len(optional) < 2 or not 0 < missing < len(optional):
        if not op.variadic and not 0 <= missing <= len(optional):
            raise ValueError(f"{op.type_name}: expected {len(op.inputs) - len(optional)} to {len(op.inputs)} inputs, "
                             f"received {len(inputs)}.")
        return inputs
    shapes = [v.shape for v in inputs]
    for absent in sorted(combinations(optional, missing), reverse=True):
        mask = tuple(i not in absent for i in range(len(op.inputs)))
        trial = Function(op, args, ctx)
        trial.leave_out(mask)
        try:
            trial.bind(shapes)
            trial.infer(shapes)
        except RuntimeError:
            continue
        given = iter(inputs)
        return [next(given) if present else None for present in mask]
    return inputs


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
        function = ProtoFunction(None, f.type, _arguments_of(f, ctx, create_func), f.name, g)
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
                name = params[variable.data] = _unique(self.var_names, f"{function.name}_{i}")
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
        from ..utils import nnabla_pb2
        from .variable_batch_size import variable_batch_size as free_batch_size
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
        """Put the lengths that -1 stands for into the arguments of Reshape functions, where the input's shape says them."""
        for function in self.functions.values():
            if function.type == "Reshape" and -1 in function.args["shape"]:
                shape, given = list(function.args["shape"]), self.variable(function.inputs[0]).shape
                if -1 not in given:
                    shape[shape.index(-1)] = int(np.prod(given)) // -int(np.prod(shape))
                    function.args["shape"] = shape

    def save(self, filename, include_parameter=False, variable_batch_size=True, executors=None):
        """Write the network to a file; see :func:`save`."""
        save(filename, [self], include_parameter, variable_batch_size, executors=executors)

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
        from ..utils.nnp_graph import NnpNetworkPass
        from .network_pass import apply
        if not isinstance(callback, NnpNetworkPass):
            raise TypeError(f"expected an NnpNetworkPass to change the network, received {type(callback).__name__}.")
        return apply(self, callback)

    def expand_loop_control(self):
        """A network without loops, which computes the same: each loop's functions are repeated."""
        from .loop_control import expand
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
        shape = tuple(s if s >= 1 else _batch(self, batch_size) for s in variable.shape)
        shared = self._owner.global_variables
        if _initializers.fills_inputs(variable.initializer):
            known = shared.get(variable.name)
            if known is None or known.shape != shape:
                _check_size([shape], self.name)
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
        _check_size([v.shape for v in missing], self.name)


def _check_size(shapes, network):
    total = sum(int(np.prod(shape, dtype=object)) for shape in shapes)
    if total > LARGEST_WITHOUT_VALUES:
        raise ValueError(f"network '{network}' declares variables of {total} elements and gives no values for them. "
                         "Load the file with the values along with it, or raise "
                         "nnabla_compat.core.graph_def.LARGEST_WITHOUT_VALUES.")


class ProtoExecutor:
    """An executor of a file: which network to run, with which variables for which data."""

    def __init__(self, proto):
        self.proto = proto
        self.network_name, self.renaming = None, None

    @staticmethod
    def from_proto(proto):
        """The executor of an ``Executor`` message."""
        return ProtoExecutor(proto)

    @staticmethod
    def create_from_dict(executor, network):
        """The executor that a dict describes; see :func:`save`.

        Raises:
            ValueError: a variable that the network lacks.
        """
        from ..utils import nnabla_pb2
        outputs = executor.get("output", network.outputs)
        renaming = None
        if isinstance(outputs, dict):
            renaming = {variable.name: name for name, variable in outputs.items()}
        message = nnabla_pb2.Executor(name=executor["name"], network_name=executor["network"])
        for option in ("no_image_normalization", "num_evaluations", "repeat_evaluation_type", "need_back_propagation"):
            if executor.get(option) is not None:
                setattr(message, option, executor[option])
        known = {*network.variables, *(renaming or {}).values()}
        data_names = executor.get("remp", {})
        for names, entries in ((executor.get("data", network.inputs), message.data_variable),
                               (outputs, message.output_variable)):
            for name in names:
                if name not in known:
                    raise ValueError(f"{name} is not found in networks! (executor '{executor['name']}')")
                entries.add(variable_name=name, data_name=data_names.get(name, name))
        for name in executor.get("generator_variables", ()):
            message.generator_variable.add(variable_name=name, type="Constant", multiplier=0)
        for name in network.parameters:
            message.parameter_variable.add(variable_name=name)
        made = ProtoExecutor(message)
        made.network_name, made.renaming = executor["network"], renaming
        return made

    def get_network_renaming(self):
        """The network's name, and old to new names of its variables (or None)."""
        return self.network_name, self.renaming

    def as_proto(self):
        """Its ``Executor`` message."""
        return self.proto


class ProtoGraph:
    """Networks and executors, usually those of one file, with a parameter scope of their own.

    ``graph.name`` and ``graph["name"]`` are networks; ``inputs``, ``outputs``, ``variables``,
    ``parameters`` and ``functions`` are those of the first one.
    """

    def __init__(self, networks=None, parameter_scope=None):
        self.networks = OrderedDict() if networks is None else networks
        self.parameter_scope = OrderedDict() if parameter_scope is None else parameter_scope
        self.executors = OrderedDict()
        self.global_variables = {}   # inputs with initial values, shared between the networks
        self._current_context = None

    def __getattr__(self, item):
        if item.startswith("__") or "networks" not in self.__dict__:
            raise AttributeError(f"'ProtoGraph' object has no attribute {item!r}")
        if item in ("inputs", "outputs", "variables", "parameters", "functions"):
            return getattr(self.default_graph(), item)
        return self[item]

    def __getitem__(self, item):
        try:
            return self.networks[item]
        except KeyError:
            raise KeyError(f"no network '{item}', there are: {', '.join(self.networks) or 'none'}") from None

    def __setitem__(self, key, value):
        self.networks[key] = value

    def __contains__(self, item):
        return item in self.networks

    def get(self, key, value=None):
        """The network ``key``, or ``value``."""
        return self.networks.get(key, value)

    def default_graph(self):
        """The first network.

        Raises:
            ValueError: there is none.
        """
        for network in self.networks.values():
            return network
        raise ValueError("No network is found in current graph.")

    @property
    def current_context(self):
        """The context graphs are built in; the one in force unless one has been set."""
        return _context.current_ctx if self._current_context is None else self._current_context

    @current_context.setter
    def current_context(self, ctx):
        self._current_context = ctx

    def __call__(self, *args, **kwargs):
        """Build the first network; see :class:`ProtoNetwork`."""
        return self.default_graph()(*args, **kwargs)

    def get_parameters(self, grad_only=False):
        """Name to Variable, of the graph's own scope."""
        return parameter.list_parameters(self.parameter_scope, grad_only)

    def set_parameter(self, key, param):
        """Register ``param`` under the name ``key``."""
        with parameter.parameter_scope("", self.parameter_scope):
            parameter.set_parameter(key, param)

    def set_parameters(self, params):
        """Register a dict of parameters."""
        for key, param in params.items():
            self.set_parameter(key, param)

    def expand_loop_control(self):
        """Replace every network by one without loops."""
        for name, network in list(self.networks.items()):
            self.networks[name] = network.expand_loop_control()

    @staticmethod
    def from_proto(proto, batch_size=None, param_scope=None, rng=None):
        """The graph of an ``NNablaProtoBuf`` message.

        Args:
            proto: The message.
            batch_size (int): Batch size of the networks; their own by default.
            param_scope (OrderedDict): Scope of the parameters; a new one by default.
            rng (numpy.random.RandomState): What initializers draw from; ``RandomState(0)`` by default.
        """
        rng = np.random.RandomState(0) if rng is None else rng
        graph = ProtoGraph(parameter_scope=param_scope)
        for message in proto.network:
            graph.networks[message.name] = ProtoNetwork.from_proto(graph, message, rng, batch_size)
        for message in proto.executor:
            graph.executors[message.name] = ProtoExecutor.from_proto(message)
        return graph

    def as_proto(self, include_parameter=False, only_parameter=False, networks=None, variable_batch_size=True):
        """The graph as an ``NNablaProtoBuf`` message.

        Args:
            include_parameter (bool): Put the parameters in.
            only_parameter (bool): Put nothing but parameters in.
            networks (list of ProtoNetwork): The networks; all by default.
            variable_batch_size (bool): Write -1 for the batch size.
        """
        from ..files import protobuf_parameters
        from .graph_optimizer import rename_variable
        proto = protobuf_parameters.new_message()
        if not only_parameter:
            named = OrderedDict((n.name, n) for n in (self.networks.values() if networks is None else networks))
            for executor in self.executors.values():
                name, renaming = executor.get_network_renaming()
                if renaming and name in named:
                    named[name] = named[name].clone()
                    rename_variable(named[name], renaming)
            proto.network.extend(n.as_proto(variable_batch_size=variable_batch_size) for n in named.values())
            proto.executor.extend(e.as_proto() for e in self.executors.values())
        if include_parameter or only_parameter:
            for name, variable in self.get_parameters().items():
                protobuf_parameters.add_record(proto, name, variable.data.get_data("r"), variable.need_grad)
        return proto

    def save(self, filename, include_parameter=False, variable_batch_size=True, executors=None):
        """Write the graph to a file; see :func:`save`."""
        save(filename, [self], include_parameter, variable_batch_size, executors=executors)


# -- files -------------------------------------------------------------------------------------------

def load(filename, batch_size=None, exclude_parameter=False, parameter_only=False, extension=".nntxt",
         parameter_scope=None, rng=None):
    """Load networks, with their parameters in a scope of their own: ``nn.get_parameters`` is not touched.

    ::

        g = nn.graph_def.load("net.nnp")
        y = g(x)

    Args:
        filename: File name (``.nnp``, ``.nntxt``, ``.prototxt``, ``.protobuf``, ``.h5``), open file, or a list.
        batch_size (int): Batch size of the networks; the file's by default.
        exclude_parameter (bool): Leave out the parameters' values.
        parameter_only (bool): Load nothing but parameters.
        extension (str): Format of an open file.
        parameter_scope (OrderedDict): Scope for the parameters.
        rng (numpy.random.RandomState): What initializers draw from; ``RandomState(0)`` by default.

    Returns:
        ProtoGraph

    Raises:
        FileFormatError: a damaged file (see :mod:`nnabla_compat.files.errors`); ``parameter_scope`` is unchanged.
        FileNotFoundError: no such file.
    """
    from ..files import network_files
    from ..files.errors import reading
    contents = network_files.read(filename, extension, exclude_parameter, parameter_only)
    with reading(filename):
        graph = ProtoGraph.from_proto(contents.proto, batch_size, parameter_scope, rng)
        with parameter.parameter_scope("", graph.parameter_scope):
            parameter.apply_records(contents.records)
    return graph


def save(filename, content, include_parameters=False, variable_batch_size=True, extension=".nnp", executors=None):
    """Write a ProtoGraph or ProtoNetwork to a file that nnabla reads.

    Args:
        filename: File name ending in ``.nnp``, ``.nntxt``, ``.prototxt`` or ``.protobuf``, or an open file.
        content (list): A ProtoGraph or ProtoNetwork; further ones are ignored.
        include_parameters (bool): Put the parameters into a text or binary file. A ``.nnp`` always has them.
        variable_batch_size (bool): Write -1 for the batch size.
        extension (str): Format of an open file.
        executors (list of dict): ``name``, ``network``, and optionally ``data`` (names), ``output`` (names, or
            new name to ProtoVariable), ``remp`` (variable to data name), ``num_evaluations``,
            ``repeat_evaluation_type``, ``need_back_propagation``, ``no_image_normalization``,
            ``generator_variables``. They replace those of the graph.

    Raises:
        AssertionError: no such format.
        ValueError: nothing to save, or an executor's variable does not exist.
    """
    from ..files import network_files
    from ..logger import logger
    for entry in content:
        if isinstance(entry, (ProtoGraph, ProtoNetwork)):
            break
    else:
        raise ValueError("graph_def.save: expected a list with a ProtoGraph or ProtoNetwork, received "
                         f"{content!r}.")
    graph, networks = (entry, None) if isinstance(entry, ProtoGraph) else (entry.owner(), [entry])
    if executors is not None:
        known = {n.name: n for n in networks or graph.networks.values()}
        graph.executors = OrderedDict()
        for executor in executors:
            if executor["network"] not in known:
                raise KeyError(f"executor '{executor['name']}': no network '{executor['network']}', there are: "
                               f"{', '.join(known)}")
            graph.executors[executor["name"]] = ProtoExecutor.create_from_dict(executor, known[executor["network"]])
    proto = graph.as_proto(include_parameters, networks=networks, variable_batch_size=variable_batch_size)
    if not network_files.write(filename, proto, extension, graph.get_parameters()):
        raise AssertionError(f"No supported format. Received {filename!r}, expected .nnp, .nntxt, .prototxt or "
                             ".protobuf.")
    logger.info("Model file is saved as %s.", filename)


# -- from a graph of Variables -----------------------------------------------------------------------

def create_graph_from_variable(name, variables, names=None, parameter_scope=None):
    """The description of a graph of Variables.

    Args:
        name (str): Name of the network.
        variables (Variable or list of Variable): The outputs.
        names (dict): Name to Variable, of inputs, intermediates and outputs that are to have a name.
        parameter_scope (OrderedDict): Leaves registered here are parameters, under their path; other leaves
            are inputs. The current parameter scope by default.

    Returns:
        ProtoGraph: with one network.

    Raises:
        ValueError: no graph leads to the outputs, or two variables are to have one name.
    """
    variables = [variables] if isinstance(variables, Variable) else list(variables)
    assert variables, "create_graph_from_variable: expected at least one output variable."
    scope = parameter.get_current_parameter_scope() if parameter_scope is None else parameter_scope
    params = {v.data: key for key, v in parameter.list_parameters(scope, False).items()}
    with graph(name, parameter_scope) as made, ProtoGraphGenerator(names, params) as write:
        for function in _tape.ordered_functions(variables):
            write(function)
    if not made.networks:
        raise ValueError("No network is found in current graph. (The outputs are leaves: nothing computes them.)")
    return made


class ProtoGraphGenerator:
    """Writes a graph of Variables into the network being recorded::

        with nn.graph_def.graph(name="net") as g, ProtoGraphGenerator(names, params) as write:
            y.visit(write)

    A variable is known by its data array and by what makes it: unlinked twins share the array, and so do input
    and output of a function that works in place.

    Args:
        names (dict): Name to Variable, of those that are to have a name; or None.
        params (dict): Data array to name; leaves with these arrays are parameters, other leaves inputs.
    """

    def __init__(self, names, params):
        self.arrays = []  # keeps the arrays alive, whose ids are keys
        self.params = params
        self.chosen = {self._key(v): (name, v) for name, v in (names or {}).items()}
        self.known = {}
        self.functions = []

    def _array(self, variable):
        array = variable.container.data
        self.arrays.append(array)
        return id(array)

    def _key(self, variable):
        return self._array(variable), id(variable.parent) if variable.parent is not None else 0

    def __enter__(self):
        self.network, self.prefix = current_network(), _path_prefix()
        return self

    def __call__(self, func):
        """Note the function; all of them are written at the end of the block."""
        self.functions.append(func)

    def __exit__(self, type_, value, traceback):
        if type_ is not None:
            return
        present = {id(f) for f in self.functions}
        for (array, _), (name, variable) in list(self.chosen.items()):
            if id(variable.parent) not in present:  # the graph has an unlinked twin of it, if anything
                self.chosen.setdefault((array, 0), (name, variable))
        for function in self.functions:
            if function.op.type_name != "Sink":
                self._write_function(function)
                proto_graph_builder.dirty()

    def _write_function(self, function):
        network, type_ = self.network, function.op.type_name
        if type_ not in OPERATORS and not isinstance(getattr(function, "owner", None), PythonFunction):
            raise ValueError(f"function {type_} cannot be described in a file: nnabla has no such function. Save the "
                             "network without it.")
        function_name = _unique(network.func_names, self.prefix + type_)
        inputs = [self._name_input(v, type_) for v in function.inputs]
        outputs, self.outputs = [], function.outputs
        for i, variable in enumerate(self.outputs):
            key = self._array(variable), id(function)
            name = self._declare(variable, self.renaming(i, None), f"{self.prefix}{type_}_out")
            self.known[key] = self.known[key[0]] = name
            outputs.append(name)
        network.add_function(ProtoFunction(None, type_, dict(function.args), function_name, network), inputs, outputs)

    def _name_input(self, variable, type_):
        key = self._key(variable)
        name = self.known.get(key) or self.known.get(key[0])
        if name is None:
            name = self.params.get(variable.data)
            if name is None:
                name = self._declare(variable, self._chosen_name(key), f"{self.prefix}{type_}_in")
            else:
                learned = ProtoVariable(variable.shape, name, variable.need_grad, "Parameter")
                learned.variable_instance = variable
                self.network.parameters[name] = learned
            self.known[key] = name
        return name

    def _chosen_name(self, key):
        name, _ = self.chosen.get(key, (None, None))
        return name

    def renaming(self, i, v_name):
        """The name chosen for output ``i`` of the function that is being written, ``v_name`` where there is none."""
        return self._chosen_name(self._key(self.outputs[i])) or v_name

    def _declare(self, variable, name, base):
        """Declare a Buffer under the name chosen for it, or one made from ``base``."""
        if name is None:
            name = _unique(self.network.var_names, base)
        else:
            self.network.var_names[name] = 1
        if name in self.network.variables:
            raise ValueError(f"create_graph_from_variable: two variables are to be called '{name}'. Give each a "
                             "name of its own.")
        self.network.variables[name] = ProtoVariable(variable.shape, name)
        return name


# -- recording ---------------------------------------------------------------------------------------

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
        network.commit(_unique(self.names, name), self.networks, params)
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
        network, prefix = self.get_current(), _path_prefix()
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
            name = x.name or _unique(network.var_names, f"{prefix}{function.type}_in")
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
            name = _unique(network.var_names, f"{prefix}{recorded.type}_out")
            variable = network.variables[name] = ProtoVariable(shape, name)
            variable.parent = recorded.name
            self._known[id(variable)] = name, variable
            recorded.outputs.append(name)
            made.append(variable)
        network.functions[recorded.name] = recorded
        return made


proto_graph_builder = ProtoGraphBuilder()


def _path_prefix():
    """What names of functions and variables of the current Module start with."""
    path = current_module().get_path_name()
    return path + "/" if path else ""


def _record(op, inputs, args, n_outputs, outputs):
    if outputs is not None:
        raise TypeError(f"{op.name}: outputs= cannot be given along with a ProtoVariable.")
    return proto_graph_builder.record(op, inputs, args, n_outputs)


INPUT_HANDLERS[ProtoVariable] = _record


def current_graph_builder():
    """The builder that functions are recorded into."""
    return proto_graph_builder


def current_network():
    """The network that functions are recorded into."""
    return proto_graph_builder.get_current()


def current_module():
    """The Module whose code is being recorded, or a stand-in."""
    return proto_graph_builder.get_module()


def _module_finished(module):
    """A method of a Module that no other Module called has ended: what it recorded, if anything, is a network."""
    if proto_graph_builder.in_module:
        proto_graph_builder.commit_network(module)


_module.finished = _module_finished


@contextmanager
def graph(name=None, parameter_scope=None):
    """Record what is called on ProtoVariables inside the block::

        with nn.graph_def.graph(name="net") as g:
            y = net(nn.ProtoVariable((64, 3, 32, 32), name="x"))
        g.save("net.nnp")

    Args:
        name (str): Name of the network; the Module's, or ``model``, by default.
        parameter_scope (OrderedDict): Scope the graph keeps its parameters in.

    Yields:
        ProtoGraph: complete when the block ends.
    """
    global proto_graph_builder
    outer, builder = proto_graph_builder, ProtoGraphBuilder(name, parameter_scope)
    proto_graph_builder = builder
    try:
        yield builder.get_graph()
        if builder.is_dirty():
            builder.commit_network()
    finally:
        proto_graph_builder = outer


@contextmanager
def graph_name(name):
    """The network recorded in the block is called ``name``."""
    builder = proto_graph_builder
    outer, builder.graph_name, builder.module = builder.graph_name, name, None
    try:
        yield builder.current
        if builder.is_dirty():
            builder.commit_network()
    finally:
        builder.graph_name = outer


@contextmanager
def module_scope(pgb, module):
    """Code in the block is recorded by the builder ``pgb`` as that of ``module``."""
    network = pgb.begin_module(module)
    try:
        yield network
    finally:
        pgb.end_module()


def reset_default_graph():
    """Forget what was recorded outside any :func:`graph` block."""
    global proto_graph_builder
    proto_graph_builder = ProtoGraphBuilder()


def get_default_graph(name=None):
    """What was recorded outside any :func:`graph` block.

    Args:
        name (str): Name of a network.

    Returns:
        ProtoGraph; with ``name``, the ProtoNetwork of that name, None when there is none.
    """
    if proto_graph_builder.is_dirty():
        proto_graph_builder.commit_network()
    made = proto_graph_builder.get_graph()
    return made if name is None else made.get(name)


def get_default_graph_by_variable(proto_variable):
    """The network that makes ``proto_variable``, recorded outside any :func:`graph` block.

    Raises:
        ValueError: there is none.
    """
    for network in get_default_graph().networks.values():
        if any(v is proto_variable for v in network.variables.values()):
            return network
    raise ValueError(f"{proto_variable!r} is in no network of the default graph.")
