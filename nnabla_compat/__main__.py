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
    return os.path.join(os.path.dirname(os.path.abspath(__file__)), "migrate", "shim")


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


COMMANDS = (add_run, add_path, add_version)


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
