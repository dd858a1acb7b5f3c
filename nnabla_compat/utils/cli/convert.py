"""``dump``: what is in a network file."""
import os

from .imported import add_import_arguments, import_files, network_of
from .utility import CommandError

# Formats that nnabla reads, with a package of its own for all but the first.
FORMATS = ("NNP", "ONNX", "TF_CKPT_V1", "TF_CKPT_V2", "TF_PB", "SAVED_MODEL", "TFLITE")
FORMAT_OF = {".nnp": "NNP", ".nntxt": "NNP", ".onnx": "ONNX", ".pb": "TF_PB", ".ckpt": "TF_CKPT_V1", ".meta": "TF_CKPT_V2",
             ".tflite": "TFLITE"}


def dump_command(args):
    """Print the optimizers, monitors and executors of ``args.files`` with the shapes of their data."""
    if len(args.files) == 1:
        args.import_format = FORMAT_OF.get(os.path.splitext(args.files[0])[1], args.import_format)
    if args.import_format not in FORMATS:
        print(f"Import format ({args.import_format}) is not supported.")
        return False
    if args.import_format != "NNP":
        raise CommandError(f"{args.import_format} files are not read here, nor by nnabla without its package "
                           "nnabla_converter. Convert the file to .nnp there.")
    imported = import_files(args.files, not args.nnp_no_expand_network, args.nnp_import_executor_index)
    if args.dump_verbose:
        dump_message(imported.proto, [args.import_format], args.dump_limit)
        return True
    _check_parameters(imported, args.nnp_no_expand_network)
    for kind, components, fields in (
            ("Optimizer", imported.proto.optimizer, ("data", "generator", "loss")),
            ("Monitor  ", imported.proto.monitor, ("data", "generator", "monitor")),
            ("Executor ", imported.proto.executor, ("data", "generator", "loss", "output"))):
        for i, component in enumerate(components):
            _dump_component(args, f"  {kind}[{i}]: ", component, fields, network_of(imported.proto, component))
    return True


def _check_parameters(imported, with_loops):
    """Files that hold some of the parameters lack the rest by mistake. (Within loops they are named otherwise.)"""
    if with_loops or not imported.parameters:
        return
    for network in imported.proto.network:
        for variable in network.variable:
            if variable.type == "Parameter" and variable.name not in imported.parameters:
                raise CommandError(f"Parameter [{variable.name}] in network[{network.name}] not found. Add the file that "
                                   "holds the parameters.")


LABELS = {"data": "(In) Data     ", "generator": "(In) Generator", "loss": "(Out)Loss     ", "monitor": "(Out)Monitor  ",
          "output": "(Out)Output   "}


def _dump_component(args, prefix, component, fields, network):
    shapes = {variable.name: list(variable.shape.dim) for variable in network.variable}
    print(prefix + component.name)
    for field in fields:
        for i, entry in enumerate(getattr(component, field + "_variable")):
            name = entry.variable_name
            print(f"{prefix} {LABELS[field]} variable[{i}]: Name:{name:30} Shape:{shapes.get(name, ' - ')}")
    if args.dump_variable_name:
        name = args.dump_variable_name
        if name in shapes:
            print(f"Variable Name: {name:20} Shape: {shapes[name]}")
        else:
            print(f"DUMP ERROR: variable {name} not found.")
    elif args.dump_functions:
        for i, function in enumerate(network.function):
            head = f"{prefix}  Function[{i:^5}]: "
            print(f"{head}Type: {function.type:20} Name: {function.name}")
            if args.dump_variables:
                for label, names in ((" Input", function.input), ("Output", function.output)):
                    for j, name in enumerate(names):
                        print(f"{head} {label}{j}: Name: {name:20} Shape: {shapes.get(name, ' - ')}")


def dump_message(message, path, limit=-1):
    """Print all fields of a protobuf message, one per line.

    Args:
        message: The message.
        path (list of str): What lines begin with.
        limit (int): How many entries of a list to show; all if negative.
    """
    prefix = ":".join(path)
    for field, value in message.ListFields():
        if isinstance(value, (int, float, str)):
            print(f"{prefix}:{field.name}: {value}")
        elif hasattr(value, "ListFields"):
            dump_message(value, path + [field.name], limit)
        else:
            entries = list(value.items()) if hasattr(value, "items") else list(enumerate(value))
            print(f"{prefix} has {len(entries)} {field.name}(s).")
            for key, entry in entries if limit < 0 else entries[:limit]:
                name = f"{field.name}[{key}]"
                if hasattr(entry, "ListFields"):
                    dump_message(entry, path + [name], limit)
                else:
                    print(f"{prefix}:{name}: {entry}")


def add_dump_command(subparsers):
    parser = subparsers.add_parser("dump", help="print what is in a network file")
    parser.add_argument("-v", "--dump-verbose", action="store_true", help="print all fields")
    parser.add_argument("-F", "--dump-functions", action="store_true", help="list functions")
    parser.add_argument("-V", "--dump-variables", action="store_true", help="with -F, list inputs and outputs of functions")
    parser.add_argument("--dump-limit", type=int, default=-1, help="with -v, show this many entries of a list")
    parser.add_argument("-n", "--dump-variable-name", help="show the shape of this variable")
    parser.add_argument("files", metavar="FILE", nargs="+", help="network and parameter files")
    add_import_arguments(parser)
    parser.set_defaults(func=dump_command)
