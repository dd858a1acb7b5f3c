"""Functions of descriptions."""
from itertools import combinations

from ...engine.function import Function
from ...files import function_message as _messages
from ...utils.load_function import _create_function_instance
from . import current
from .naming import path_prefix, unique
from .sizes import check_size, positive_batch


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
            owner = current.current_network()
            name = unique(owner.func_names, path_prefix() + f_type)
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
        return current.builder.connect(self, inputs, n_outputs)

    def clone(self, owner):
        """A copy in the network ``owner``."""
        copy = ProtoFunction(None, self.type, dict(self.args), self.name, owner)
        copy.inputs, copy.outputs, copy.repeat_id = list(self.inputs), list(self.outputs), list(self.repeat_id)
        copy.repeat_param, copy.recurrent_param = self.repeat_param, self.recurrent_param
        return copy

    def as_proto(self):
        """A new ``Function`` message that describes it."""
        from ...utils import nnabla_pb2
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
        self.args = arguments_of(message, self._owner.current_context)
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
            args["shape"] = [positive_batch(network, batch_size), *shape[1:]]
        args = {a.name: None if args.get(a.name) is None else a.coerce(args[a.name]) for a in op.arguments}
        inputs = [network.variable(name).variable_instance for name in self.inputs]
        if op.data_dependent:
            check_size([v.shape for v in inputs], network.name)  # it runs now, on whatever sizes the file claims
        function = Function(op, args, ctx)
        outputs = function(*_placed(op, args, ctx, inputs), n_outputs=len(self.outputs))
        outputs = outputs if isinstance(outputs, tuple) else (outputs,)
        if len(outputs) < len(self.outputs):
            raise ValueError(f"network '{network.name}': function '{self.name}' ({self.type}) makes {len(outputs)} "
                             f"outputs, the file lists {len(self.outputs)}.")
        for name, variable in zip(self.outputs, outputs):
            network.variables[name].variable_instance = variable
        self.function_instance = function


def arguments_of(message, ctx, create=_create_function_instance):
    """The arguments of a ``Function`` message; ``create(ctx, message)`` makes the Function they are taken from."""
    return {} if message.type in _messages.LOOP_CONTROL else dict(create(ctx, message).arguments)


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
