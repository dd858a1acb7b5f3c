"""Networks as descriptions: what network files hold, recorded from code, loaded, saved, and built.

A ``ProtoNetwork`` lists functions and variables by name; calling it builds a graph of Variables.
Descriptions come from files (:func:`load`), from code run on ``ProtoVariable`` (:func:`graph`), or from
a graph of Variables (:func:`create_graph_from_variable`).

    variable.py, function.py, network.py, proto_graph.py, executor.py   what a description consists of
    sizes.py, naming.py, loops.py                                       sizes and names in it
    current.py, builder.py, recording.py                                recording
    generator.py                                                        from a graph of Variables
    files.py, saving.py                                                 from and to files
"""
from . import current as _current
from .builder import FlatModule, ProtoGraphBuilder
from .current import current_graph_builder, current_module, current_network
from .executor import ProtoExecutor
from .files import load, save
from .function import ProtoFunction
from .generator import ProtoGraphGenerator, create_graph_from_variable
from .loops import LoopControlFunction, RepeatInfo
from .network import ProtoNetwork
from .proto_graph import ProtoGraph
from .recording import (
    get_default_graph,
    get_default_graph_by_variable,
    graph,
    graph_name,
    module_scope,
    reset_default_graph,
)
from .variable import ProtoVariable

__all__ = [
    "FlatModule", "LoopControlFunction", "ProtoExecutor", "ProtoFunction", "ProtoGraph", "ProtoGraphBuilder",
    "ProtoGraphGenerator", "ProtoNetwork", "ProtoVariable", "RepeatInfo", "create_graph_from_variable",
    "current_graph_builder", "current_module", "current_network", "get_default_graph", "get_default_graph_by_variable",
    "graph", "graph_name", "load", "module_scope", "reset_default_graph", "save",
]


def __getattr__(name):
    if name == "proto_graph_builder":  # replaced as recordings begin and end
        return _current.builder
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
