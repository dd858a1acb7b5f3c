"""Descriptions written to files."""
from collections import OrderedDict

from .executor import ProtoExecutor


def save_networks(graph, networks, filename, include_parameters=False, variable_batch_size=True, extension=".nnp",
                  executors=None):
    """Write the ``networks`` of a ProtoGraph (all for None) to a file; the rest as in ``graph_def.save``."""
    from ...files import network_files
    from ...logger import logger
    if executors is not None:
        known = {n.name: n for n in networks or graph.networks.values()}
        graph.executors = OrderedDict()
        for executor in executors:
            if executor["network"] not in known:
                raise KeyError(f"executor '{executor['name']}': no network '{executor['network']}', there are: "
                               f"{', '.join(known)}")
            graph.executors[executor["name"]] = ProtoExecutor.create_from_dict(executor, known[executor["network"]])
    proto = graph.as_proto(include_parameters, networks=networks, variable_batch_size=variable_batch_size)
    if not network_files.write(filename, proto, extension, graph.get_parameters()):
        raise AssertionError(f"No supported format. Received {filename!r}, expected .nnp, .nntxt, .prototxt or "
                             ".protobuf.")
    logger.info("Model file is saved as %s.", filename)
