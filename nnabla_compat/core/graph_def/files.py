"""Descriptions loaded from files, and saved."""
from ... import parameter
from .network import ProtoNetwork
from .proto_graph import ProtoGraph
from .saving import save_networks


def load(filename, batch_size=None, exclude_parameter=False, parameter_only=False, extension=".nntxt",
         parameter_scope=None, rng=None):
    """Load networks, with their parameters in a scope of their own: ``nn.get_parameters`` is not touched.

    ::

        g = nn.graph_def.load("net.nnp")
        y = g(x)

    Args:
        filename: File name (``.nnp``, ``.nntxt``, ``.prototxt``, ``.protobuf``, ``.h5``), open file, or a list.
        batch_size (int): Batch size of the networks; the file's by default.
        exclude_parameter (bool): Leave out the parameters' values.
        parameter_only (bool): Load nothing but parameters.
        extension (str): Format of an open file.
        parameter_scope (OrderedDict): Scope for the parameters.
        rng (numpy.random.RandomState): What initializers draw from; ``RandomState(0)`` by default.

    Returns:
        ProtoGraph

    Raises:
        FileFormatError: a damaged file (see :mod:`nnabla_compat.files.errors`); ``parameter_scope`` is unchanged.
        FileNotFoundError: no such file.
    """
    from ...files import network_files
    from ...files.errors import reading
    contents = network_files.read(filename, extension, exclude_parameter, parameter_only)
    with reading(filename):
        graph = ProtoGraph.from_proto(contents.proto, batch_size, parameter_scope, rng)
        with parameter.parameter_scope("", graph.parameter_scope):
            parameter.apply_records(contents.records)
    return graph


def save(filename, content, include_parameters=False, variable_batch_size=True, extension=".nnp", executors=None):
    """Write a ProtoGraph or ProtoNetwork to a file that nnabla reads.

    Args:
        filename: File name ending in ``.nnp``, ``.nntxt``, ``.prototxt`` or ``.protobuf``, or an open file.
        content (list): A ProtoGraph or ProtoNetwork; further ones are ignored.
        include_parameters (bool): Put the parameters into a text or binary file. A ``.nnp`` always has them.
        variable_batch_size (bool): Write -1 for the batch size.
        extension (str): Format of an open file.
        executors (list of dict): ``name``, ``network``, and optionally ``data`` (names), ``output`` (names, or
            new name to ProtoVariable), ``remp`` (variable to data name), ``num_evaluations``,
            ``repeat_evaluation_type``, ``need_back_propagation``, ``no_image_normalization``,
            ``generator_variables``. They replace those of the graph.

    Raises:
        AssertionError: no such format.
        ValueError: nothing to save, or an executor's variable does not exist.
    """
    for entry in content:
        if isinstance(entry, (ProtoGraph, ProtoNetwork)):
            break
    else:
        raise ValueError("graph_def.save: expected a list with a ProtoGraph or ProtoNetwork, received "
                         f"{content!r}.")
    graph, networks = (entry, None) if isinstance(entry, ProtoGraph) else (entry.owner(), [entry])
    save_networks(graph, networks, filename, include_parameters, variable_batch_size, extension, executors)
