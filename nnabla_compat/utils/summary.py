"""A network as a table: its layers, the shapes of what they make, their parameters.

::

    print(summary(loss))                    # the graph of a Variable
    print(summary(model, (8, 3, 32, 32)))   # a Module, called on inputs of these shapes
"""
from collections import namedtuple

from ..engine import Variable
from ..parameter import get_parameters

Layer = namedtuple("Layer", "name type shapes parameters")
Layer.__doc__ = """A row: scope of its parameters, type, shapes of its outputs, how many numbers it learns or keeps.

Parameters that an earlier layer has too are not counted again."""


class Summary:
    """What :func:`summary` finds; as text, a table.

    Attributes:
        layers (list of Layer): Inputs and functions, in the order they run.
        parameters (int): Numbers in parameters, each counted once.
        trainable (int): Those of parameters that need gradients.
    """

    def __init__(self, outputs, names):
        self._names = {v.data: name for name, v in names.items()}
        self._seen = {}  # data of what has a row, or is counted -> how many numbers of it are trained
        self.layers = []
        self.parameters = 0
        visited = set()
        for y in outputs:
            y.visit(lambda f: f in visited or visited.add(f) or self._add_function(f))
            if y.parent is None:
                self._add_leaf(y)
        self.trainable = sum(self._seen.values())

    def _add_leaf(self, v):
        if v.data not in self._seen:
            self._seen[v.data] = 0
            self.layers.append(Layer("", "input", [v.shape], 0))

    def _add_function(self, f):
        own, new = [], 0
        for v in f.inputs:
            if v.data in self._names:
                own.append(self._names[v.data])
                if v.data not in self._seen:
                    self._seen[v.data] = v.size if v.need_grad else 0
                    new += v.size
            elif v.parent is None:
                self._add_leaf(v)
        self.parameters += new
        self.layers.append(Layer(_scope(own), f.info.type_name, [v.shape for v in f.outputs], new))

    def __str__(self):
        rows = [("layer", "type", "output", "parameters")]
        rows += [(x.name, x.type, ", ".join(" x ".join(map(str, s)) or "number" for s in x.shapes),
                  f"{x.parameters:,}" if x.parameters else "") for x in self.layers]
        widths = [max(map(len, column)) for column in zip(*rows)]
        lines = ["  ".join((*(cell.ljust(w) for cell, w in zip(row[:3], widths)), row[3].rjust(widths[3]))).rstrip()
                 for row in rows]
        rule = "-" * (sum(widths) + 6)
        return "\n".join([lines[0], rule, *lines[1:], rule,
                          f"{self.parameters:,} parameters, {self.trainable:,} of them trainable"])

    __repr__ = __str__


def summary(network, *inputs):
    """Layers, shapes and parameters of a network.

    Args:
        network (Variable, list of Variable, or Module): Outputs of a graph, the parameters of which are looked for in
            the current scope; or a Module, which is called.
        *inputs: What the Module is called on; a tuple or list of int stands for a Variable of that shape.

    Returns:
        Summary: To print, or to read the numbers from.

    Raises:
        TypeError: ``inputs`` with Variables, or something else than a network.
    """
    if isinstance(network, Variable):
        network = [network]
    if isinstance(network, (list, tuple)):
        if inputs:
            raise TypeError("summary: inputs are for Modules; the graph of a Variable has its own.")
        return Summary(_variables(network), get_parameters(grad_only=False))
    if not hasattr(network, "get_parameters"):
        raise TypeError(f"summary: expected a Variable or a Module, received {type(network).__name__}.")
    outputs = network(*(Variable(x) if isinstance(x, (list, tuple)) else x for x in inputs))
    return Summary(_variables(outputs), network.get_parameters(grad_only=False))


def _variables(outputs):
    if isinstance(outputs, Variable):
        return [outputs]
    if isinstance(outputs, dict):
        outputs = outputs.values()
    return [v for y in outputs for v in _variables(y)]


def _scope(names):
    """The scope that parameters have in common, Modules without their mark; the name of one that has none."""
    parts = [[part.removeprefix("@") for part in name.split("/")[:-1]] for name in names]
    common = []
    for level in zip(*parts):
        if len(set(level)) > 1:
            break
        common.append(level[0])
    return "/".join(common) or (names[0] if len(names) == 1 else "")
