"""The networks and executors of one file, or of one recording."""
from collections import OrderedDict

import numpy as np

from ... import parameter
from ...engine import context as _context
from .executor import ProtoExecutor
from .network import ProtoNetwork
from .saving import save_networks


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
        from ...files import protobuf_parameters
        from ..graph_optimizer import rename_variable
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
        save_networks(self, None, filename, include_parameter, variable_batch_size, executors=executors)
