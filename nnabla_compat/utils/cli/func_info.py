"""``function_info``: the function types a network uses, or all there are."""
import os

from ...files.save import replacing
from ...registry import OPERATORS
from .imported import import_files, network_of
from .utility import CommandError


def function_info_command(args):
    """Print or write function types; see the options."""
    if args.all_support and args.all_support.upper() not in ("NNB", "ONNX"):
        print(f"Unsupport args: {args.all_support}")
        return False
    if args.all_support or args.target or args.query:
        raise CommandError("what other formats support is known to nnabla's converters only, which are not part of this "
                           "package. Leave -f, -t and -q out for the functions of nnabla.")
    if args.api:
        raise CommandError("API levels belong to nnabla's C runtime, which is not part of this package.")
    if args.output and os.path.splitext(args.output)[1].lower() == ".yaml":
        raise CommandError("the .yaml form is the table of nnabla's C runtime, which is not part of this package. Give -o "
                           "another extension for a plain list.")
    types = sorted(_used_types(args)) if args.files else sorted(OPERATORS)
    wanted = _configured(args.config) if args.config else types
    text = "\n".join(name for name in types if name in OPERATORS and name in wanted and name not in args.exclude)
    if args.output:
        with replacing(args.output) as f:
            f.write(text.encode())
    else:
        print(text)
    return True


def _used_types(args):
    """Types in the network of the first executor of each file."""
    types = set()
    for path in args.files:
        proto = import_files([path], not args.nnp_no_expand_network).proto
        types.update(function.type for function in network_of(proto, proto.executor[0]).function)
    return types


def _configured(path):
    """Types that a list allows: one per line, up to a comma; ``;`` begins a comment."""
    with open(path) as f:
        return {line.split(",")[0].strip() for line in f if not line.strip().startswith(";")}


def add_function_info_command(subparsers):
    parser = subparsers.add_parser("function_info", help="list function types")
    parser.add_argument("-o", "--output", help="file to write")
    parser.add_argument("-f", "--all_support", help="functions of another format: NNB, ONNX; not available here")
    parser.add_argument("files", metavar="FILE", nargs="*", help="network files; all functions when left out")
    parser.add_argument("-c", "--config", help="file that lists the types to leave")
    parser.add_argument("-x", "--exclude", action="append", default=[], help="type to leave out")
    parser.add_argument("-t", "--target", action="store_true", help="not available here")
    parser.add_argument("-q", "--query", help="not available here")
    parser.add_argument("--nnp-no-expand-network", action="store_true", help="leave loops as they are")
    parser.add_argument("--api", type=int, default=0, help="not available here")
    parser.set_defaults(func=function_info_command)
