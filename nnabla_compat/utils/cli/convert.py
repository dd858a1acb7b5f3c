"""``dump``: what is in a network file; ``convert``: the same in another format."""
import os

import numpy as np

from ... import parameter
from ...files import initializers, network_files, protobuf_parameters
from ...files.records import ParameterRecord
from ...variable import Variable
from .imported import add_import_arguments, import_files, network_of
from .utility import CommandError

# Formats that nnabla reads and writes, with a package of its own for most.
FORMATS = ("NNP", "ONNX", "TF_CKPT_V1", "TF_CKPT_V2", "TF_PB", "SAVED_MODEL", "TFLITE")
EXPORT_FORMATS = ("NNP", "NNB", "CSRC", "ONNX", "SAVED_MODEL", "TFLITE", "TF_PB")
FORMAT_OF = {".nnp": "NNP", ".nntxt": "NNP", ".onnx": "ONNX", ".pb": "TF_PB", ".ckpt": "TF_CKPT_V1",
             ".meta": "TF_CKPT_V2", ".tflite": "TFLITE"}
EXPORT_FORMAT_OF = {**dict.fromkeys((".nnp", ".nntxt", ".prototxt", ".protobuf", ".h5"), "NNP"), ".nnb": "NNB",
                    ".onnx": "ONNX", ".pb": "TF_PB", ".tflite": "TFLITE"}


def dump_command(args):
    """Print the optimizers, monitors and executors of ``args.files`` with the shapes of their data."""
    if not _readable(args, args.files):
        return False
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


def _readable(args, files):
    """Whether there is such a format, which the extension of a single file tells; says so if not."""
    if len(files) == 1:
        args.import_format = FORMAT_OF.get(os.path.splitext(files[0])[1], args.import_format)
    if args.import_format not in FORMATS:
        print(f"Import format ({args.import_format}) is not supported.")
        return False
    if args.import_format != "NNP":
        raise CommandError(f"{args.import_format} files are not read here, nor by nnabla without its package "
                           "nnabla_converter. Convert the file to .nnp there.")
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


def convert_command(args):
    """Write what ``args.files`` hold together, but for the last, which is the file to write."""
    if len(args.files) < 2:
        print("Input and Output arg is mandatory.")
        return False
    *files, output = args.files
    if not _readable(args, files):
        return False
    export_format = EXPORT_FORMAT_OF.get(os.path.splitext(output)[1], args.export_format)
    if export_format not in EXPORT_FORMATS:
        print(f"Export format ({export_format}) is not supported.")
        return False
    for option in ("split", "config", "nnp_version"):
        if getattr(args, option) is not None:
            option = option.replace("_", "-")
            raise CommandError(f"--{option} is not available: networks are converted whole, as they are.")
    if export_format == "ONNX":
        from ...migrate import network_export
        parameters = files[1] if len(files) > 1 else None
        print("\n".join(network_export.convert(files[0], output, batch_size=args.batch_size, parameters=parameters)))
    elif export_format == "NNP":
        imported = import_files(files, not args.nnp_no_expand_network, args.nnp_import_executor_index)
        if not _write(output, imported, args):
            raise CommandError(f"{output}: expected a file to write that ends in .nnp, .nntxt, .prototxt, .protobuf or "
                               ".h5.")
    else:
        raise CommandError(f"{export_format} files are not written here. `nnabla-compat convert` and `nnabla-compat "
                           "export-source` write networks for ONNX and PyTorch.")
    return True


def _write(output, imported, args):
    """Write parameters into a member of their own, or where ``args`` and the format want them."""
    extension, proto, values = os.path.splitext(output)[1], imported.proto, None
    del proto.parameter[:]
    if not args.nnp_exclude_parameter:
        records = imported.records or _initial_values(proto)
        if args.nnp_parameter_nntxt or extension in (".nntxt", ".prototxt", ".protobuf"):
            for record in records:
                protobuf_parameters.add_record(proto, *record)
        else:
            values = {r.name: Variable.from_numpy_array(r.values, need_grad=r.need_grad) for r in records}
    if extension == ".h5":
        parameter.save_parameters(output, values or {})
        return True
    return network_files.write(output, proto, parameters=values,
                               parameter_format=".h5" if args.nnp_parameter_h5 else ".protobuf")


def _initial_values(proto):
    """For files without parameters: what the initializers of the first executor's network make."""
    network, rng = network_of(proto, proto.executor[0]), np.random.RandomState(0)
    records = []
    for variable in network.variable:
        if variable.type == "Parameter":
            shape = [n if n >= 1 else network.batch_size for n in variable.shape.dim]
            fill = initializers.from_message(variable, rng) or (lambda shape: np.zeros(shape, np.float32))
            records.append(ParameterRecord(variable.name, fill(shape), False))
    return records


def add_convert_command(subparsers):
    parser = subparsers.add_parser("convert",
                                   help="convert network files: .nnp, .nntxt, .prototxt, .protobuf, .h5 and to .onnx")
    parser.add_argument("files", metavar="FILE", nargs="+", help="files to read, and last the one to write")
    add_import_arguments(parser)
    parser.add_argument("-O", "--export-format", default="NNP",
                        help="format where the extension does not tell it: NNP or ONNX")
    parser.add_argument("-b", "--batch-size", type=int,
                        help="batch size of an .onnx file (any, where the network allows it)")
    parser.add_argument("--nnp-parameter-h5", action="store_true", help="parameters as .h5 in a .nnp (.protobuf)")
    parser.add_argument("--nnp-parameter-nntxt", action="store_true", help="parameters in the text of a .nnp")
    parser.add_argument("--nnp-exclude-parameter", action="store_true", help="leave the parameters out")
    for option in ("-S/--split", "-c/--config", "--nnp-version"):
        parser.add_argument(*option.split("/"), help="not available")
    for option in ("--inputs", "--outputs", "-d/--define_version", "--dataset", "--ir_version",
                   "-T/--default-variable-type", "-s/--settings", "--api"):
        parser.add_argument(*option.split("/"), help="accepted; of formats that are not written here")
    for option in ("-f/--force", "--enable-optimize-pb", "--channel-last", "--quantization"):
        parser.add_argument(*option.split("/"), action="store_true", help="accepted")
    parser.set_defaults(func=convert_command)


def nnb_template_command(args):
    raise CommandError("NNB files, for nnabla's C runtime, are not written here, so there is no template of their "
                       "settings.")


def add_nnb_template_command(subparsers):
    parser = subparsers.add_parser("nnb_template", help="not available: NNB files are not written here")
    parser.add_argument("files", metavar="FILE", nargs="+", help="accepted")
    add_import_arguments(parser)
    parser.add_argument("-b", "--batch-size", "-T", "--default-variable-type", "--api", help="accepted")
    parser.set_defaults(func=nnb_template_command)


def optimize_command(args):
    raise CommandError("TensorFlow's .pb files are not optimized here. For .nnp files see the graph converters of "
                       "nnabla.experimental.graph_converters.")


def add_optimize_command(subparsers):
    parser = subparsers.add_parser("optimize", help="not available: TensorFlow files are not read here")
    parser.add_argument("input_file", help="accepted")
    parser.add_argument("output_file", help="accepted")
    parser.set_defaults(func=optimize_command)
