"""A network as a picture, drawn by graphviz."""
import json
import os
from collections import Counter

from ..optional import require
from ..parameter import get_parameters

# By what the type name holds, the first that fits.
_COLORS = (("Conv", "blue"), ("Affine", "red"), ("Norm", "orange"), ("ReLU", "green"), ("Pool", "lightblue2"),
           ("Add", "purple"), ("Sub", "purple"), ("Mul", "purple"), ("Div", "purple"))


class SimpleGraph:
    """Draws functions as boxes and variables as circles::

        SimpleGraph(format="svg").save(loss, "network")

    Parameters are pink and named as registered, without the scope, which their function shows. Variables that need
    gradients have a black border.

    Args:
        format (str): File format that graphviz knows, ``"png"``, ``"svg"``, ``"pdf"``, ...
        verbose (bool): Show shapes and arguments.
        fname_color_map (dict): function name, with its number (``"Affine-1"``) -> color; others are light gray.
        vname_color_map (dict): variable name -> color.
    """

    def __init__(self, format="png", verbose=False, fname_color_map=None, vname_color_map=None):
        self._format = format
        self._verbose = verbose
        self._fname_color_map = fname_color_map
        self._vname_color_map = vname_color_map

    def save(self, vleaf, fpath, cleanup=False, format=None):
        """Draw a network into a file.

        Args:
            vleaf (Variable): Output of the network.
            fpath (str): Path without the extension, which is the format.
            cleanup (bool): Remove the description that graphviz reads, written to ``fpath``.
            format (str): Other format than the object's.
        """
        self.create_graphviz_digraph(vleaf, format=format).render(fpath, cleanup=cleanup)

    def view(self, vleaf, fpath=None, cleanup=True, format=None, params=None):
        """Draw a network and open the picture.

        Args:
            vleaf (Variable): Output of the network.
            fpath (str): Path without the extension.
            cleanup (bool): Remove the description that graphviz reads.
            format (str): Other format than the object's.
            params (dict): name -> parameter; the registered ones by default.
        """
        self.create_graphviz_digraph(vleaf, params, format=format).view(fpath, cleanup=cleanup)

    def create_graphviz_digraph(self, vleaf, params=None, format=None):
        """The drawing as an object of graphviz.

        Args:
            vleaf (Variable): Output of the network.
            params (dict): name -> parameter; the registered ones by default.
            format (str): Other format than the object's.

        Returns:
            graphviz.Digraph: The drawing.

        Raises:
            ImportError: The Python package graphviz is missing; to render, graphviz itself is needed as well.
        """
        digraph = require("graphviz", purpose="drawing networks").Digraph
        graph = digraph(format=self._format if format is None else format)
        graph.attr("node", style="filled")
        params = get_parameters(grad_only=False) if params is None else params
        vleaf.visit(_Drawing(graph, self, vleaf, {p.data: name for name, p in params.items()}))
        return graph

    def _function_color(self, name):
        if self._fname_color_map is not None:
            return self._fname_color_map.get(name, "lightgray")
        return next((color for part, color in _COLORS if part in name), "gray")


class _Drawing:
    """A visitor that adds functions to a drawing."""

    def __init__(self, graph, settings, root, names):
        self.graph, self.settings = graph, settings
        self.numbers = Counter()     # of functions, by name
        self.versions = Counter()    # of variables: one that several functions write is drawn as often
        self.names = dict(names)     # data of parameters -> what to show
        self.scopes = {}
        root.visit(lambda f: self._find_scope(f, names))

    def _find_scope(self, f, names):
        own = [v.data for v in f.inputs if v.data in names]
        if own:
            full = [names[data] for data in own]
            scope = self.scopes[f] = os.path.commonprefix([os.path.dirname(full[0]), *full[1:]])
            for data, name in zip(own, full):
                self.names[data] = name[len(scope) + 1:]

    def __call__(self, f):
        self.numbers[f.name] += 1
        name = f"{f.name}-{self.numbers[f.name]}"
        for v in f.inputs:
            node = self._node(v)
            self.graph.edge(node, name)
            self._draw_variable(node, v)
        for v in f.outputs:
            self.versions[hash(v)] += 1
            node = self._node(v)
            self.graph.edge(name, node)
            self._draw_variable(node, v)
        verbose = self.settings._verbose
        label = f.name
        if f in self.scopes:
            label += "\n" + self.scopes[f]
        elif verbose:
            label += f"\n({json.dumps(f.info.args)})"
        self.graph.node(name, label=label, shape="box" if verbose else "square",
                        color=self.settings._function_color(name), fontcolor="white")

    def _node(self, v):
        return f"{hash(v)}-{self.versions[hash(v)]}"

    def _draw_variable(self, node, v):
        settings, label = self.settings, v.name or "h"
        color = "pink" if v.data in self.names else (settings._vname_color_map or {}).get(v.name, "lightgray")
        if v.data in self.names:
            label = self.names[v.data]
        elif settings._verbose:
            label += f"\n(({v.shape}, need_grad={v.need_grad}))"
        self.graph.node(node, label=label, shape="" if settings._verbose else "circle",
                        color="black" if v.need_grad else color, fillcolor=color)
