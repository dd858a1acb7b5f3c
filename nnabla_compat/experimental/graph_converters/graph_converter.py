"""The protocol of modifiers, and the converter that applies them."""
from ... import function as function_types
from ... import functions as F
from ...context import get_current_context
from ...engine.calls import connect
from ...parameter import get_parameters
from ...variable import Variable


class FunctionModifier:
    """Visits a network, inputs before consumers, and builds another one function by function.

    Subclasses define :meth:`modify`.

    Attributes:
        outputs (list of Variable): What became of the function visited last.
    """

    def __init__(self):
        self._reset()

    def _reset(self):
        self._map_func_inputs = {}   # function -> its inputs in the new network, as told by subclasses
        self._renewed = {}           # id of a variable -> (the variable, its successor)
        self._leaves = {}            # the same for leaves told by subclasses, by what twins share

    def init_map_func_inputs(self, f, inputs):
        """Say what a function shall read instead of its inputs; None, or a list too short, keep an input."""
        self._map_func_inputs[f] = list(inputs)

    def replace_variable(self, variable, new):
        """Let all functions read ``new`` in the place of ``variable`` (of a leaf: or of a twin)."""
        if variable.parent is None:
            self._leaves[variable.container] = new
        else:
            self._renewed[id(variable)] = (variable, new)

    def get_parameter_scope(self, v):
        """Scope of a trainable parameter, ``""`` for other variables."""
        for name, parameter in get_parameters().items():
            if parameter == v:
                return name.rpartition("/")[0]
        return ""

    def __call__(self, f):
        inputs = self._new_inputs(f)
        made = self.modify(f, inputs)
        if made is None:
            made = self._modify_as_same(f, inputs)
        self.outputs = list(made) if isinstance(made, tuple) else [made]
        for v in self.outputs:
            if not isinstance(v, Variable):
                raise ValueError(f"{type(self).__name__}.modify: expected to return None or a Variable, got "
                                 f"{type(made).__name__}")
        for old, new in zip(f.outputs, self.outputs):
            self.replace_variable(old, new)

    def _new_inputs(self, f):
        told = self._map_func_inputs.get(f, ())
        inputs = []
        for i, v in enumerate(f.inputs):
            if i < len(told) and told[i] is not None:
                inputs.append(told[i])
                continue
            if v.parent is None and v.container in self._leaves:
                inputs.append(self._leaves[v.container])
                continue
            if id(v) not in self._renewed:   # a leaf: the new network has a node of its own over the same data
                self._renewed[id(v)] = (v, v.get_unlinked_variable(need_grad=v.need_grad))
            inputs.append(self._renewed[id(v)][1])
        return inputs

    def modify(self, f, inputs):
        """What becomes of a function.

        Args:
            f (Function): A function of the network to convert.
            inputs (list of Variable): What stands for its inputs in the new network.

        Returns:
            Variable or None: What stands for its output; None to keep the function.
        """

    def _modify_as_same(self, f, inputs, **changes):
        """The same function on other inputs, perhaps with some arguments changed."""
        copy = f.copy()
        if changes:
            copy.given = copy.args_resolved = {**copy.given, **changes}
        copy.context = get_current_context()
        return connect(copy, list(inputs), len(f.output_refs), auto_forward=False)

    def _call_function(self, type_name, inputs, args):
        """A new function by its type and arguments."""
        return getattr(function_types, type_name)(get_current_context(), **args)(*inputs, auto_forward=False)

    def __finish__(self):
        """For subclasses: forget what belongs to one network."""

    def finish_up(self):
        """Get ready for another network."""
        self._reset()
        self.__finish__()


class GraphConverter:
    """Applies modifiers, one after the other.

    Args:
        modifiers (list): Modifiers, or lists of them.
    """

    def __init__(self, modifiers=[]):
        self._modifiers = list(_flat(modifiers))

    def convert(self, o):
        """Build the converted network.

        Args:
            o (Variable or list of Variable): Outputs of a network.

        Returns:
            Variable or list of Variable: Outputs of the new one.
        """
        outputs = list(o) if isinstance(o, (list, tuple)) else [o]
        for modifier in self._modifiers:
            root = F.sink(*outputs)
            root.visit(modifier)
            outputs = list(modifier.outputs[0].parent.inputs)
            modifier.finish_up()
        return outputs if isinstance(o, list) else outputs[0]


def _flat(modifiers):
    for modifier in modifiers:
        if isinstance(modifier, (list, tuple)):
            yield from _flat(modifier)
        else:
            yield modifier


def bound_inputs(f, inputs=None):
    """Inputs of a function, or what stands for them, by the names of its declaration."""
    declared = [d.name for d in f.op.inputs]
    if f.mask is not None:
        declared = [name for name, present in zip(declared, f.mask) if present]
    return dict(zip(declared, f.inputs if inputs is None else inputs))
