"""``decode_param`` and ``encode_param``: parameters as text files, and back."""
import ast
import math
import os
import urllib.parse

import numpy as np

from ... import parameter
from ...files.save import replacing, write_parameters
from ...logger import logger
from ...variable import Variable
from .utility import NOTICE, CommandError, progress_bar

CHUNK = 1 << 16  # values turned into text at a time


def file_name_of(name):
    """Name of the text file that holds parameter ``name``."""
    return urllib.parse.quote(name, safe="/ ").replace("/", "~") + ".txt"


def parameter_name_of(file_name):
    """Name of the parameter that a text file holds."""
    return urllib.parse.unquote(os.path.splitext(file_name)[0].replace("~", "/"))


def save_param_in_txt(x, filepath):
    """Write an array as text: its shape on the first line, then a value per line."""
    values = np.asarray(x)
    flat = values.reshape(-1)
    with replacing(filepath) as f:
        f.write(f"{values.shape}\n".encode())
        for start in range(0, flat.size, CHUNK):
            text = "\n".join(map(str, flat[start:start + CHUNK].tolist()))
            f.write(("\n" * bool(start) + text).encode())


def load_param_in_txt(name, filepath):
    """Read a text file written by :func:`save_param_in_txt` into parameter ``name`` of the current scope."""
    parameter.set_parameter(name, read_text(filepath))


def read_text(path):
    """The Variable a text file holds.

    Raises:
        ValueError: it is not written the way :func:`save_param_in_txt` writes.
    """
    with open(path) as f:
        first, rest = f.readline(), f.read()
    try:
        shape = ast.literal_eval(first.strip())
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        shape = None
    if not (isinstance(shape, tuple) and all(type(n) is int and n >= 0 for n in shape)):
        raise ValueError(f"{path}: expected a shape such as (3, 4) on the first line, found {first.strip()[:40]!r}.")
    try:
        values = np.array(rest.split(), dtype=np.float32)
    except ValueError as error:
        raise ValueError(f"{path}: expected a number per line: {error}") from error
    if values.size != math.prod(shape):
        raise ValueError(f"{path}: shape {shape} needs {math.prod(shape)} values, there are {values.size}.")
    variable = Variable(shape, need_grad=True)
    variable.d = values.reshape(shape)
    return variable


def decode_param_command(args, **kwargs):
    """Write each parameter of ``args.param`` to a text file in ``args.outdir``."""
    if not args.param:
        raise CommandError("expected the parameter file to read: give it by -p.")
    logger.log(NOTICE, "Loading parameters...")
    parameter.load_parameters(args.param)
    os.makedirs(args.outdir, exist_ok=True)
    params = parameter.get_parameters(grad_only=False)
    with progress_bar(len(params), "parameter") as bar:
        for name, variable in params.items():
            logger.log(NOTICE, name)
            save_param_in_txt(variable.d, os.path.join(args.outdir, file_name_of(name)))
            bar.update(1)
    logger.log(NOTICE, "Decode Parameter Completed.")
    return True


def encode_param_command(args, **kwargs):
    """Collect the text files in ``args.indir`` into the parameter file ``args.param``."""
    if not args.param:
        raise CommandError("expected the parameter file to write: give it by -p.")
    logger.log(NOTICE, "Loading parameters...")
    params = {}
    names = sorted(f for f in os.listdir(args.indir) if os.path.isfile(os.path.join(args.indir, f)))
    with progress_bar(len(names), "parameter") as bar:
        for file_name in names:
            name = parameter_name_of(file_name)
            logger.log(NOTICE, name)
            params[name] = read_text(os.path.join(args.indir, file_name))
            bar.update(1)
    logger.log(NOTICE, "Saving parameters...")
    write_parameters(args.param, params)
    logger.log(NOTICE, "Encode Parameter Completed.")
    return True


def add_decode_param_command(subparsers):
    parser = subparsers.add_parser("decode_param", help="write parameters as text files")
    parser.add_argument("-p", "--param", help="parameter file (.h5, .protobuf, .nnp)")
    parser.add_argument("-o", "--outdir", help="directory of the text files", required=True)
    parser.set_defaults(func=decode_param_command)


def add_encode_param_command(subparsers):
    parser = subparsers.add_parser("encode_param", help="collect text files into a parameter file")
    parser.add_argument("-i", "--indir", help="directory of the text files", required=True)
    parser.add_argument("-p", "--param", help="parameter file to write (.h5, .protobuf)")
    parser.set_defaults(func=encode_param_command)
