"""The command line: ``nnabla-compat COMMAND``, or ``python -m nnabla_compat COMMAND``.

A sub-command is a function ``add_x(commands)`` in COMMANDS: it adds its parser and sets ``handler``, a function that
takes the parsed arguments and returns the exit status. Imports that only it needs go into the handler.
"""
import argparse
import os
import sys


def add_run(commands):
    parser = commands.add_parser(
        "run", help="run a program written for nnabla, unchanged, on this package",
        usage="%(prog)s [-h] (script.py | -m module) [argument ...]",
        description="Runs a program as `python script.py ...` or `python -m module ...` would, with nnabla and nnabla_ext "
                    "meaning this package, in it and in the Python processes it starts.")
    parser.add_argument("-m", dest="module", action="store_true", help="the program is a module's name")
    parser.add_argument("program", help="script, directory, zip file, or module with -m")
    parser.set_defaults(handler=run)


def split_run(argv):
    """What follows the program is the program's own, to the letter: argparse would swallow a ``--``."""
    if argv[:1] == ["cli"]:
        return argv[:1], argv[1:]
    if argv[:1] != ["run"]:
        return argv, []
    program = next((i for i, word in enumerate(argv) if i and not word.startswith("-")), len(argv))
    return argv[:program + 1], argv[program + 1:]


def run(args):
    from nnabla_compat.migrate import alias, launch
    if not args.module and not os.path.exists(args.program):
        print(f"nnabla-compat run: can't open file '{args.program}': no such file or directory", file=sys.stderr)
        return 2
    alias.install()
    # Processes that the program starts: by the environment, and by a copy of sys.path where multiprocessing spawns.
    sys.path.insert(1, _shim())
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [_shim(), os.environ.get("PYTHONPATH")]))
    return (launch.run_module if args.module else launch.run_script)(args.program, args.arguments)


def add_path(commands):
    parser = commands.add_parser(
        "path", help="print the directory that, on PYTHONPATH, makes `import nnabla` give this package",
        description="For programs that something else starts: PYTHONPATH=$(nnabla-compat path) mpirun -n 2 python train.py")
    parser.set_defaults(handler=lambda args: print(_shim()))


def _shim():
    from nnabla_compat.migrate.environment import SHIM
    return SHIM


def add_alias(commands):
    parser = commands.add_parser(
        "alias", help="let nnabla mean this package in the whole Python environment",
        description="`install` makes `import nnabla` give this package in every program of this Python environment, and "
                    "installs the command nnabla_cli; `remove` undoes both.")
    parser.add_argument("action", choices=("install", "remove"))
    parser.set_defaults(handler=lambda args: _reported("alias", alias, args))


def alias(args):
    from nnabla_compat.migrate import environment
    return environment.install() if args.action == "install" else environment.remove()


def add_version(commands):
    parser = commands.add_parser("version", help="print the versions of this package and of what it stands on")
    parser.set_defaults(handler=version)


def version(args):
    import platform
    from importlib import metadata
    try:
        own = metadata.version("nnabla-compat")
    except metadata.PackageNotFoundError:
        own = "not installed"
    print(f"nnabla-compat {own}, Python {platform.python_version()}")
    for name in ("torch", "numpy", "h5py"):
        print(f"{name} {metadata.version(name)}")


def add_cli(commands):
    parser = commands.add_parser("cli", help="the commands of nnabla_cli: train, forward, infer, dump ...", add_help=False)
    parser.set_defaults(handler=cli)


def cli(args):
    from nnabla_compat.utils.cli.cli import run
    return run(args.arguments, prog="nnabla-compat cli")


def add_convert(commands):
    parser = commands.add_parser(
        "convert", help="convert parameters and networks between nnabla's files and torch's",
        description="Parameters: .h5, .protobuf, .nntxt, .nnp to and from .pt, .pth, .safetensors. Networks: .nnp, .nntxt, "
                    ".prototxt, .protobuf to .pt2 (torch.export) and .onnx. What is written is checked first; the "
                    "target is replaced only by a complete file.")
    parser.add_argument("source", nargs="?", metavar="A", help="file to read")
    parser.add_argument("target", nargs="?", metavar="B", help="file to write")
    parser.add_argument("--layout", choices=("raw", "torch"), default="raw",
                        help="arrays on torch's side: nnabla's own (default), or as the layers of torch.nn keep them")
    parser.add_argument("--table", action="store_true", help="print what --layout torch does to which layer")
    parser.add_argument("--names", metavar="MAP.json", help="names that differ: torch's (a parameter or a module) to nnabla's")
    parser.add_argument("--write-names", metavar="MAP.json", help="write names and shapes for the way back, to use with --names")
    parser.add_argument("--like", metavar="FILE", help="file of nnabla whose parameters B is to have: names, shapes, need_grad, "
                                                       "and the network for a .nnp")
    parser.add_argument("--parameters", metavar="FILE", help="parameters of a network whose file lacks them")
    parser.add_argument("--network", metavar="NAME", help="which network of the file (the only one)")
    parser.add_argument("--batch-size", type=int, metavar="N", help="batch size to export (any, where the network allows it)")
    parser.add_argument("--seed", type=int, default=0, help="of the random inputs the network is checked with (0)")
    parser.set_defaults(handler=lambda args: _reported("convert", convert, args))


def convert(args):
    if args.table:
        from nnabla_compat.migrate import layouts
        return layouts.table()
    if not args.source or not args.target:
        raise ValueError("expected two files, A to read and B to write")
    if os.path.splitext(args.target)[1] in (".pt2", ".onnx"):
        from nnabla_compat.migrate import network_export
        return network_export.convert(args.source, args.target, args.network, args.batch_size, args.parameters, args.seed)
    from nnabla_compat.migrate import name_map, parameter_files
    names = name_map.NameMap.read(args.names) if args.names else None
    return parameter_files.convert(args.source, args.target, args.layout, names, args.like, args.write_names)


def add_export_source(commands):
    parser = commands.add_parser(
        "export-source", help="write a network as PyTorch source that needs only torch",
        description="Writes a directory with the network as a torch.nn.Module in readable source, and its parameters. The "
                    "source is run and compared with the network before the directory appears.")
    parser.add_argument("source", metavar="MODEL", help="file of the network: .nnp, .nntxt, .prototxt, .protobuf")
    parser.add_argument("target", metavar="DIRECTORY", help="directory to make; it must not exist, or be empty")
    parser.add_argument("--network", metavar="NAME", help="which network of the file (the only one)")
    parser.add_argument("--parameters", metavar="FILE", help="parameters of a network whose file lacks them")
    parser.add_argument("--format", choices=("safetensors", "pt"),
                        help="file of parameters (safetensors where that package is installed, else pt)")
    parser.add_argument("--seed", type=int, default=0, help="of the random inputs it is checked with (0)")
    parser.set_defaults(handler=lambda args: _reported("export-source", export_source, args))


def export_source(args):
    from nnabla_compat.migrate import source_export
    return source_export.export(args.source, args.target, args.network, args.parameters, args.format, args.seed)


def add_port(commands):
    parser = commands.add_parser(
        "port", help="rewrite Python sources from nnabla to this package",
        description="Changes the imports of nnabla and nnabla_ext in the files named and below the directories named, nothing "
                    "else, and lists names that this package lacks. Exit status 1: a file could not be read, a name is "
                    "missing, or, with --check, something is left to change. Needs the migrate extra.")
    parser.add_argument("paths", nargs="+", metavar="PATH", help="Python file, or directory")
    parser.add_argument("--check", action="store_true", help="write nothing")
    parser.add_argument("--diff", action="store_true", help="write nothing, show what would change")
    parser.set_defaults(handler=port)


def port(args):
    from nnabla_compat.migrate import port as sources
    well = True

    def work(_):
        nonlocal well
        lines, well = sources.run(args.paths, args.check, args.diff)
        return lines
    return _reported("port", work, args) or int(not well)


def _reported(command, work, args):
    """The status; prints the lines ``work`` returns, or the error of a file that will not do."""
    from nnabla_compat.files.errors import FileFormatError
    try:
        print("\n".join(work(args)))
        return 0
    except (FileFormatError, OSError, ValueError, NotImplementedError, ImportError) as error:
        print(f"nnabla-compat {command}: {error}", file=sys.stderr)
        return 1


COMMANDS = (add_run, add_path, add_alias, add_convert, add_export_source, add_port, add_version, add_cli)


def main(argv=None):
    parser = argparse.ArgumentParser(prog="nnabla-compat", description="nnabla's Python API on PyTorch.")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for add in COMMANDS:
        add(commands)
    own, arguments = split_run(list(sys.argv[1:] if argv is None else argv))
    args = parser.parse_args(own)
    args.arguments = arguments
    return args.handler(args)


if __name__ == "__main__":
    sys.exit(main())
