"""The source of one torch module, as it grows: names, layers, parameters, lines of ``forward``."""
import keyword
import re
from collections import OrderedDict

import numpy as np
import torch

from ..registry import OPERATORS
from .layouts import BY_SCOPE
from .source_functions import FUNCTIONS

_TAKEN = {"self", "os", "torch", "nn", "F", "load", *FUNCTIONS, *keyword.kwlist, *dir(torch.nn.Module())}


class Refused(Exception):
    """An operator, or some of its arguments, that cannot be written as source."""


class SourceModule:
    """Collects what the source needs.

    Args:
        file (NetworkFile): The network.

    Attributes:
        layers (OrderedDict): Attribute to the expression that makes it.
        state (OrderedDict): Name in the state dict to numpy array.
        names (OrderedDict): Name in the state dict to nnabla's path.
        lines (list of str): ``forward``.
        places (dict of str to tuple of str): Attribute to the scope it belongs into, by components.
        used (set of str): Functions of :mod:`~nnabla_compat.migrate.source_functions` that the source must bring.
        raw (list of str): Names in the state dict of what no layer has, once :meth:`rename` was called.
    """

    def __init__(self, file):
        self.file = file
        self.layers, self.state, self.names = OrderedDict(), OrderedDict(), OrderedDict()
        self.lines, self.used, self.frozen, self.places = [], set(), [], {}
        self._attributes, self._locals, self._parameters = set(), set(_TAKEN), {}
        self.variables, self.temporaries = {}, []
        self._made, self._rows = {}, {}
        self._uses = {}     # parameter -> what it is to the functions that read it
        for f in file.functions:
            for i, name in enumerate(f.inputs):
                if self.is_parameter(name):
                    self._uses.setdefault(name, set()).add((f.type, i, tuple(f.inputs[1:]), repr(sorted(f.args.items()))))

    # -- names ---------------------------------------------------------------------------------------

    def variable(self, name):
        """The local name of a variable of the network; made up the first time."""
        if name not in self.variables:
            automatic = re.fullmatch(r"@[^/]*/(?:.*/)?(\w+?)_(?:out|in)(?:_\d+)?", name)
            readable = identifier(name)
            if automatic:
                readable = OPERATORS[automatic[1]].name if automatic[1] in OPERATORS else _snake(automatic[1])
            self.variables[name] = _unique(self._locals, readable)
        return self.variables[name]

    def temporary(self, name):
        """A local name for something that the network has no name for."""
        self.temporaries.append(_unique(self._locals, name))
        return self.temporaries[-1]

    # -- parameters ----------------------------------------------------------------------------------

    def is_parameter(self, name):
        """Whether ``name`` is a parameter of the network."""
        return name in self.file.parameters

    def owns(self, *names):
        """Whether these are parameters that all functions reading them use alike, so that a layer can have them."""
        return all(n is None or self.is_parameter(n) and len(self._uses[n]) == 1 for n in names)

    def layer(self, kind, expression, parameters):
        """A layer of torch.nn as an attribute; returns ``self.name``.

        Args:
            kind (str): Row of the table of layouts.
            expression (str): What makes it.
            parameters (dict): nnabla's name in the row to the parameter's path (or None).
        """
        row = BY_SCOPE[kind]
        paths = {leaf: path for leaf, path in parameters.items() if path is not None}
        key = (kind, *paths.items())
        if key in self._made:
            attribute = self._made[key]
            if self.layers[attribute] != expression:
                raise Refused("a layer used with inputs of several kinds")
            return f"self.{attribute}"
        scope, _, _ = next(iter(paths.values())).rpartition("/")
        parent, _, last = scope.rpartition("/")
        place = parent if last in BY_SCOPE and parent else scope or kind
        attribute = _unique(self._attributes, identifier(place))
        self.layers[attribute], self._made[key], self.places[attribute] = expression, attribute, _components(place)
        self._rows[attribute] = kind
        values = {leaf: self.file.parameters[path].d.copy() for leaf, path in paths.items()}
        own = {leaf.torch: leaf.nnabla for leaf in row.leaves}
        for torch_leaf, value in row.to_torch(values).items():
            name = f"{attribute}.{torch_leaf}"
            self.state[name] = value
            if torch_leaf in own:
                self.names[name] = paths[own[torch_leaf]]
        if kind == "bn":
            self.state[f"{attribute}.num_batches_tracked"] = np.array(0)
        if not row.leaves:
            self.names[attribute] = scope
        for leaf in row.leaves:
            path = paths.get(leaf.nnabla)
            if path is not None and leaf.need_grad and path in self.file.fixed:
                self.frozen.append(f"{attribute}.{leaf.torch}")
        return f"self.{attribute}"

    def parameter(self, path):
        """A parameter of its own; returns ``self.name``."""
        if path not in self._parameters:
            attribute = _unique(self._attributes, identifier(path))
            value = self.file.parameters[path].d.copy()
            made = f"torch.empty({shape_text(value.shape)})"
            if path in self.file.fixed:
                self.layers[attribute] = ("buffer", made)
            else:
                self.layers[attribute] = f"nn.Parameter({made})"
            self.state[attribute], self.places[attribute] = value, _components(path)
            self.names[attribute] = path
            self._parameters[path] = f"self.{attribute}"
        return self._parameters[path]

    def paths(self):
        """Where each attribute goes: its place in names that Python and torch allow, all of them different."""
        # What lies where others lie below gets a name of its own there.
        places = {}
        for attribute, place in self.places.items():
            below = any(other[:len(place)] == place and (other != place or self._rows.get(a) != self._rows.get(attribute))
                        for a, other in self.places.items())
            if len(place) > 2 and str(self.layers[attribute]).startswith(("nn.Parameter", "('buffer")):
                # W of f1/special_conv/W, as the layers: the function's own scope says nothing if it is alone.
                beside = {other[:len(place) - 1] for other in self.places.values() if other[:len(place) - 2] == place[:-2]}
                place = (*place[:-2], place[-1]) if beside == {place[:-1]} else place
            places[attribute] = (*place, self._rows.get(attribute, "value")) if below else place
        return _allowed(places)

    def rename(self, final):
        """Give the parameters in ``state``, ``names`` and ``frozen`` the names that the attributes' final paths mean."""
        def renamed(name):
            attribute, dot, leaf = name.partition(".")
            return ".".join(final[attribute]) + dot + leaf
        self.state = OrderedDict((renamed(name), value) for name, value in self.state.items())
        self.names = OrderedDict((renamed(name), path) for name, path in self.names.items())
        self.frozen = [renamed(name) for name in self.frozen]
        self.raw = [renamed(value.partition(".")[2]) for value in self._parameters.values()]

    def value(self, name):
        """The expression for an input of a function."""
        return self.parameter(name) if self.is_parameter(name) else self.variable(name)

    def device(self):
        """The expression for the device of the inputs, None where there are no inputs."""
        return next((f"{self.variable(name)}.device" for name in self.file.network.inputs), None)

    def function(self, name):
        """``name``, a function that the source brings along."""
        self.used.add(name)
        return name


def identifier(name):
    """A name of the network as Python spells names."""
    made = re.sub(r"\W+", "_", name.replace("@", ""), flags=re.ASCII).strip("_") or "x"
    return "_" + made if made[0].isdigit() else made


def _components(path):
    """A scope by components; ``layers.0``, which Modules of nnabla call the elements of lists, is two."""
    return tuple(re.sub(r"\.(\d+)(?=/|$)", r"/\1", path.replace("@", "")).split("/"))


def _allowed(places, top=True):
    groups = OrderedDict()
    for attribute, (first, *rest) in places.items():
        groups.setdefault(first, OrderedDict())[attribute] = rest
    listed = not top and set(groups) == {str(i) for i in range(len(groups))} and \
        all(sum(not rest for rest in group.values()) < 2 for group in groups.values())
    taken, made = set() if top else set(dir(torch.nn.ModuleDict())), {}
    for component, group in groups.items():
        name = component if listed else _unique(taken, identifier(component))
        below = {a: rest for a, rest in group.items() if rest}
        for attribute in [a for a in group if a not in below]:   # a repeated layer is there several times
            made[attribute] = (name if (name,) not in made.values() else _unique(taken, name),)
        made.update({a: (name, *path) for a, path in _allowed(below, False).items()} if below else {})
    return made


def _snake(name):
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def _unique(taken, name):
    made, n = name, 1
    while made in taken or made in _TAKEN:
        made, n = f"{name}_{n}", n + 1
    taken.add(made)
    return made


def shape_text(shape):
    """A shape as arguments: ``3, 4``; ``()`` for none."""
    return ", ".join(str(int(s)) for s in shape) or "()"


def call(name, *arguments, **named):
    """Source of a call; of ``named``, those that are None are left out."""
    return f"{name}({', '.join([*map(str, arguments), *(f'{k}={v}' for k, v in named.items() if v is not None)])})"
