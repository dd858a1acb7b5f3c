"""``draw_graph``: pictures of the networks in a file."""
import os

from ... import functions as F
from ... import parameter
from ...experimental.viewers import SimpleGraph
from ...logger import logger
from ..nnp_graph import NnpLoader
from .utility import CommandError, progress_bar


def draw_graph_command(args):
    """Draw the networks of ``args.input``, or those named, into files called after them."""
    loader = NnpLoader(args.input)
    names = loader.get_network_names()
    logger.info("Available networks: %s", names)
    for name in args.network or ():
        if name not in names:
            raise CommandError(f"{args.input}: expected -n to name one of the networks {', '.join(names)}, received "
                               f"'{name}'.")
    os.makedirs(args.output_dir, exist_ok=True)
    graph = SimpleGraph(format=args.format)
    with progress_bar(len(args.network or names), "network", "draw_graph") as bar:
        for name in args.network or names:
            with parameter.parameter_scope("", {}):
                outputs = list(loader.get_network(name).outputs.values())
                if outputs:
                    root = outputs[0] if len(outputs) == 1 else F.sink(*outputs)
                    graph.save(root, os.path.join(args.output_dir, _file_name(name)), cleanup=True)
                else:
                    logger.info("Network '%s' has no output: there is nothing to draw.", name)
            bar.update(1)
    return True


def _file_name(network):
    """The network's name, without what would lead out of the directory."""
    return network.replace(" ", "_").replace("/", "_").replace(os.sep, "_")


def add_draw_graph_command(subparsers):
    parser = subparsers.add_parser("draw_graph", help="draw the networks of a file by graphviz")
    parser.add_argument("input", help="network file: .nnp or .nntxt")
    parser.add_argument("-o", "--output-dir", default="draw_out", help="directory to write (draw_out)")
    parser.add_argument("-n", "--network", action="append", help="draw this network; may be repeated (all)")
    parser.add_argument("-f", "--format", default="png", help="format that graphviz knows: png, svg, pdf ... (png)")
    parser.set_defaults(func=draw_graph_command)
