"""Recording code as a description: where a recording begins and ends, and what was recorded by default."""
from contextlib import contextmanager

from ...engine.calls import INPUT_HANDLERS
from .. import module as _module
from . import current
from .builder import ProtoGraphBuilder
from .variable import ProtoVariable

current.builder = ProtoGraphBuilder()


def _record(op, inputs, args, n_outputs, outputs):
    if outputs is not None:
        raise TypeError(f"{op.name}: outputs= cannot be given along with a ProtoVariable.")
    return current.builder.record(op, inputs, args, n_outputs)


INPUT_HANDLERS[ProtoVariable] = _record


def _module_finished(module):
    """A method of a Module that no other Module called has ended: what it recorded, if anything, is a network."""
    if current.builder.in_module:
        current.builder.commit_network(module)


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
    outer, builder = current.builder, ProtoGraphBuilder(name, parameter_scope)
    current.builder = builder
    try:
        yield builder.get_graph()
        if builder.is_dirty():
            builder.commit_network()
    finally:
        current.builder = outer


@contextmanager
def graph_name(name):
    """The network recorded in the block is called ``name``."""
    builder = current.builder
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
    current.builder = ProtoGraphBuilder()


def get_default_graph(name=None):
    """What was recorded outside any :func:`graph` block.

    Args:
        name (str): Name of a network.

    Returns:
        ProtoGraph; with ``name``, the ProtoNetwork of that name, None when there is none.
    """
    if current.builder.is_dirty():
        current.builder.commit_network()
    made = current.builder.get_graph()
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
