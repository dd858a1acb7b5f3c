"""Networks from files as graphs of Variables, changed on the way if need be.

::

    net = NnpLoader("net.nnp").get_network("runtime", batch_size=1)
    net.inputs["x"].d = image
    net.outputs["y"].forward(clear_buffer=True)
"""
from collections import OrderedDict

import numpy as np

from .. import parameter
from ..core import graph_def
from ..core.network_pass import EditedFunction, EditedVariable  # noqa: F401  (what callbacks are handed)


class NnpLoader:
    """The networks of a file.

    Args:
        filepath: File name (``.nnp``, ``.nntxt``, ``.prototxt``, ``.protobuf``), open file, bytes, or a list of
            these, such as ``["net.nntxt", "parameters.h5"]``.
        scope (OrderedDict): Where the file's parameters are kept; a private scope by default.
        extension (str): Format of an open file or bytes.

    Raises:
        FileFormatError: a damaged file (:mod:`nnabla_compat.files.errors`).
        FileNotFoundError: no such file.
    """

    def __init__(self, filepath, scope=None, extension=".nntxt"):
        self._params = OrderedDict() if scope is None else scope
        self.g = graph_def.load(filepath, parameter_scope=self._params, rng=np.random.RandomState(1223),
                                extension=extension)
        self.network_dict = dict(self.g.networks)

    def get_network_names(self):
        """Names of the networks, in the file's order."""
        return list(self.network_dict)

    def get_network(self, name, batch_size=None, callback=None):
        """Build a network.

        Its parameters are registered in the current parameter scope. It can be built again and again, with
        other batch sizes too; parameters are shared between the graphs, inputs are not.

        Args:
            name (str): Which network.
            batch_size (int): Batch size; the file's by default.
            callback (NnpNetworkPass): Changes to make first.

        Returns:
            NnpNetwork

        Raises:
            KeyError: no such network.
            RuntimeError: shapes do not fit.
        """
        return NnpNetwork(self.network_dict[name], batch_size, callback)


class NnpNetwork:
    """A graph built from a file, by :meth:`NnpLoader.get_network`."""

    def __init__(self, proto_network, batch_size, callback):
        self.proto_network = network = proto_network.expand_loop_control().promote(callback)
        network(batch_size=batch_size)
        self._variables = {}
        for name, variable in (*network.variables.items(), *network.parameters.items()):
            if variable.variable_instance is not None:
                variable.variable_instance.name = name
                self._variables[name] = variable.variable_instance
        for name, variable in network.parameters.items():
            if variable.variable_instance is not None:
                parameter.set_parameter(name, variable.variable_instance)

    @property
    def inputs(self):
        """The Variables to fill, by name."""
        return {name: self._variables[name] for name in self.proto_network.inputs}

    @property
    def outputs(self):
        """The Variables that nothing in the network reads, by name."""
        return {name: self._variables[name] for name in self.proto_network.outputs}

    @property
    def variables(self):
        """All Variables by name, parameters included."""
        return dict(self._variables)


class NnpNetworkPass:
    """Changes to a network before it is built; give it to :meth:`NnpLoader.get_network`.

    Callbacks are registered by decorators. Those on variables and functions get an object with the message
    ``proto`` to edit, and return it (:class:`EditedVariable`, :class:`EditedFunction`)::

        change = NnpNetworkPass()

        @change.on_generate_function_by_name("conv1")
        def dilate(f):
            f.proto.convolution_param.dilation.dim[:] = [2, 2]
            return f

    Args:
        verbose (int): 1 prints what is done; 2 also what is handed to :meth:`verbose2`.
    """

    def __init__(self, verbose=0):
        self._variable_callbacks, self._by_name, self._by_type = {}, {}, {}
        self._passes_by_name, self._passes_by_type = {}, {}
        self._fix_parameters, self._use_up_to = False, set()
        self._verbose = verbose

    def verbose(self, *values, **options):
        """Print, as ``print`` does, if the pass is verbose."""
        if self._verbose:
            print(*values, **options)

    def verbose2(self, *values, **options):
        """Print if the pass is very verbose."""
        if self._verbose > 1:
            print(*values, **options)

    # -- registering ---------------------------------------------------------------------------------

    def on_generate_variable(self, name):
        """Decorator: ``callback(v) -> v`` for the variable or parameter ``name``."""
        return _registrar(self._variable_callbacks, name)

    def on_generate_function_by_name(self, name):
        """Decorator: ``callback(f) -> f`` for the function ``name``."""
        return _registrar(self._by_name, name)

    def on_generate_function_by_type(self, name):
        """Decorator: ``callback(f) -> f`` for the functions of a type; before those by name."""
        return _registrar(self._by_type, name)

    def on_function_pass_by_name(self, name):
        """Decorator: ``callback(f, variables, param_scope)`` at the function ``name``, walking in forward order."""
        return _registrar(self._passes_by_name, name)

    def on_function_pass_by_type(self, name):
        """Decorator: as :meth:`on_function_pass_by_name`, at the functions of a type."""
        return _registrar(self._passes_by_type, name)

    # -- ready-made changes --------------------------------------------------------------------------

    def drop_function(self, *names):
        """Take functions out; what they made becomes an input, or vanishes where nothing reads it."""
        def drop(f, variables, param_scope):
            self.verbose(f"Pass: Deleting {f.name}.")
            f.disable()
        for name in names:
            self.on_function_pass_by_name(name)(drop)

    def remove_and_rewire(self, name, i=0, o=0):
        """Take a function out and let its input ``i`` stand for its output ``o``."""
        @self.on_function_pass_by_name(name)
        def rewire(f, variables, param_scope):
            source, result = f.inputs[i], f.outputs[o]
            self.verbose(f"Removing {f.name} and rewire input={source.name} and output={result.name}.")
            result.rewire_on(source)
            result.proto.name = source.proto.name

    def use_up_to(self, *names):
        """Cut the network off after these variables, which become outputs; names that do not exist are ignored."""
        self._use_up_to.update(names)

    def set_variable(self, name, input_var):
        """Use the Variable ``input_var`` for the input ``name``."""
        @self.on_generate_variable(name)
        def replace(v):
            self.verbose(f"Replace {name} by {input_var}.")
            v.proto.shape.dim[:] = input_var.shape
            v.variable = input_var
            input_var.name = v.name
            return v

    def fix_parameters(self):
        """Let no variable and no parameter need a gradient."""
        self._fix_parameters = True

    def force_average_pooling_global(self, name, by_type=False):
        """Let an average pooling (with ``by_type``, all of a type) pool over the whole image it gets."""
        decorator = self.on_generate_function_by_type if by_type else self.on_generate_function_by_name

        @decorator(name)
        def widen(f):
            shape = f.inputs[0].proto.shape.dim[2:]
            self.verbose(f"Change strides of {f.name} to {list(shape)}.")
            pooling = f.proto.average_pooling_param
            pooling.kernel.dim[:] = shape
            pooling.stride.dim[:] = shape
            return f

    def check_average_pooling_global(self, name, by_type=False):
        """Raise ValueError, when building, unless an average pooling pools over the whole image."""
        decorator = self.on_generate_function_by_type if by_type else self.on_generate_function_by_name

        @decorator(name)
        def check(f):
            shape, pooling = list(f.inputs[0].proto.shape.dim[2:]), f.proto.average_pooling_param
            if list(pooling.kernel.dim) != shape or list(pooling.stride.dim) != shape:
                raise ValueError(f"{f.name}: expected an average pooling over the whole image {shape}, received the "
                                 f"kernel {list(pooling.kernel.dim)} and the stride {list(pooling.stride.dim)}. "
                                 "force_average_pooling_global changes them.")
            return f

    def set_batch_normalization_batch_stat_all(self, batch_stat):
        """Set ``batch_stat`` of every BatchNormalization."""
        @self.on_generate_function_by_type("BatchNormalization")
        def set_flag(f):
            self.verbose(f"Setting batch_stat={batch_stat} at {f.name}.")
            f.proto.batch_normalization_param.batch_stat = batch_stat
            return f

    # -- what core.network_pass asks -----------------------------------------------------------------

    def change_variable(self, v):
        """``v`` after its callback."""
        callback = self._variable_callbacks.get(v.name)
        if callback is not None:
            v = callback(v)
        if self._fix_parameters and v is not None:
            v.need_grad = False
        return v

    def change_function(self, f):
        """``f`` after its callbacks."""
        for table, key in ((self._by_type, f.proto.type), (self._by_name, f.name)):
            if f is not None and key in table:
                f = table[key](f)
        return f

    def run_passes(self, f, variables, param_scope):
        """Call what is registered for ``f``."""
        for table, key in ((self._passes_by_type, f.proto.type), (self._passes_by_name, f.name)):
            if key in table:
                table[key](f, variables, param_scope)

    def mark_stop(self, v):
        """Set ``v.stop`` where the network is to end; a variable that took another's place has its name, too."""
        if not self._use_up_to.isdisjoint((v.name, v.proto.name)):
            self.verbose(f"Stopping at {v.name}.")
            v.stop = True


def _registrar(table, name):
    def register(callback):
        table[name] = callback
        return callback
    return register
