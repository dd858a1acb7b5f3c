"""Descriptions of graphs of Variables."""
from ... import parameter
from ...engine import tape as _tape
from ...engine.python_function import PythonFunction
from ...engine.variable import Variable
from ...registry import OPERATORS
from . import current
from .function import ProtoFunction
from .naming import path_prefix, unique
from .recording import graph
from .variable import ProtoVariable


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
        self.network, self.prefix = current.current_network(), path_prefix()
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
                current.builder.dirty()

    def _write_function(self, function):
        network, type_ = self.network, function.op.type_name
        if type_ not in OPERATORS and not isinstance(getattr(function, "owner", None), PythonFunction):
            raise ValueError(f"function {type_} cannot be described in a file: nnabla has no such function. Save the "
                             "network without it.")
        function_name = unique(network.func_names, self.prefix + type_)
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
            name = unique(self.network.var_names, base)
        else:
            self.network.var_names[name] = 1
        if name in self.network.variables:
            raise ValueError(f"create_graph_from_variable: two variables are to be called '{name}'. Give each a "
                             "name of its own.")
        self.network.variables[name] = ProtoVariable(variable.shape, name)
        return name
