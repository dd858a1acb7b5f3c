"""``nnabla_cli``: the commands of nnabla's command line, as ``nnabla-compat cli COMMAND``.

A command is a module of this package with a function ``add_x_command(subparsers)``: it adds a parser and sets ``func``,
a function that takes the parsed arguments and returns whether it did its work.
"""
import argparse
import importlib
import os
import sys
import traceback

from ...files.errors import FileFormatError
from ...logger import logger
from .. import callback
from .utility import CommandError

# Module to the commands it adds, in the order that help shows.
MODULES = {
    "train": ("train",),
    "forward": ("infer", "forward"),
    "encode_decode_param": ("encode_param", "decode_param"),
    "profile": ("profile",),
    "conv_dataset": ("conv_dataset",),
    "compare_with_cpu": ("compare_with_cpu",),
    "create_image_classification_dataset": ("create_image_classification_dataset",),
    "create_object_detection_dataset": ("create_object_detection_dataset",),
    "uploader": ("upload", "create_tar"),
    "convert": ("dump", "convert", "nnb_template", "optimize"),
    "func_info": ("function_info",),
    "plot": ("plot_series", "plot_timer"),
    "draw_graph": ("draw_graph",),
}

FAILED = 255  # what sys.exit(-1) amounts to


def version_text():
    """Version of nnabla's interface, and what provides it."""
    import nnabla_compat
    text = f"Version:{nnabla_compat.__version__}, Build:nnabla-compat"
    supplied = callback.get_callback_version()
    return text if supplied is None else f"{text}, Callback:{supplied}"


def version_command(args):
    print(version_text())
    # Nothing is returned and the status is 255, as nnabla_cli's is.


def build_parser(prog=None):
    parser = argparse.ArgumentParser(prog=prog, description=f"Command line interface for NNabla({version_text()})")
    parser.add_argument("-m", "--mpi", action="store_true", help="run as one of the processes an MPI launcher started")
    commands = parser.add_subparsers(metavar="COMMAND")
    for name, own in MODULES.items():
        try:
            module = importlib.import_module(f"{__package__}.{name}")
        except ImportError as error:
            for command in own:
                _add_unavailable(commands, command, error)
            continue
        for command in own:
            getattr(module, f"add_{command}_command")(commands)
    commands.add_parser("version", help="print the version").set_defaults(func=version_command)
    return parser


def _add_unavailable(commands, name, error):
    """A command that lacks a library: whatever its arguments, it says what to install."""
    text = str(error)

    def refuse(args):
        raise CommandError(text)

    parser = commands.add_parser(name, help="not available: " + text.replace("%", "%%"), add_help=False, prefix_chars="\0")
    parser.add_argument("arguments", nargs="*")
    parser.set_defaults(func=refuse)


def run(argv=None, prog=None):
    """Run a command.

    Args:
        argv (list of str): Command and arguments; the process's own by default.
        prog (str): Name of the program in help texts.

    Returns:
        int: Exit status: 0 if the command did its work, 255 if not. (Wrong arguments leave by ``SystemExit(2)``.)
    """
    parser = build_parser(prog)
    print(f"NNabla command line interface ({version_text()})", flush=True)
    args = parser.parse_args(argv)
    replaced = callback.alternative_cli(args)
    if replaced is not None:
        return replaced
    if "func" not in args:
        parser.print_help(sys.stderr)
        return FAILED
    try:
        if args.mpi:
            from ..communicator_util import create_communicator
            create_communicator()
        return 0 if args.func(args) else FAILED
    except BrokenPipeError:  # who reads our output has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except CommandError as error:
        print(f"Error: {error}", file=sys.stderr)
    except (FileFormatError, OSError, ImportError, ValueError) as error:
        # What bad input leads to. The text says all; where it arose is for those who debug.
        logger.debug("", exc_info=True)
        print(f"Error: {type(error).__name__}: {error}", file=sys.stderr)
    except Exception:
        traceback.print_exc()
    if args.mpi:
        _abort()
    return FAILED


def _abort():
    """End a process whose fellows would wait for it forever; the launcher then ends them."""
    logger.critical("ABORTED")
    sys.stdout.flush()
    os._exit(FAILED)


def main():
    """As ``nnabla_cli`` does: returns where the command did its work, else leaves by ``SystemExit``."""
    if run(prog="nnabla_cli"):
        sys.exit(-1)


if __name__ == "__main__":
    main()
