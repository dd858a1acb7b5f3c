"""What several commands need."""
import os
import re

import numpy as np

from ...config import nnabla_config
from ...logger import logger
from ...optional import available

NOTICE = 99  # nnabla's log level for what a user of the command line should read


class CommandError(Exception):
    """A command cannot do what it was asked to; the text says why and what to do."""


def is_float(x):
    """Whether a text reads as a number."""
    try:
        float(x)
        return True
    except ValueError:
        return False


_SCALE = {suffix: base ** power for power, suffixes in enumerate(("Kk", "Mm", "Gg", "Tt", "Pp"), 1)
          for suffix, base in zip(suffixes, (1000, 1024))}


def str_to_num(str):
    """The integer that a text like ``1234``, ``2e10`` (2 to the power of 10), ``1.5M`` or ``4g`` stands for; else -1.

    Capital suffixes count in thousands, small ones in 1024s.
    """
    found = re.fullmatch(r"([1-9]\d*)(\.\d+)?(?:([KkMmGgTtPp])|e(\d+))?", str)
    if not found or (found[2] and not found[3] and not found[4]):
        return -1
    number = float(found[1] + (found[2] or ""))
    if found[3]:
        return int(number * _SCALE[found[3]])
    return int(number ** int(found[4])) if found[4] else int(found[1])


def compute_full_path(root_path, file_path):
    """``file_path`` below ``root_path``, with this system's separators and without ``/./``."""
    path = os.path.join(root_path, file_path)
    for separator in "\\/":
        path = path.replace(separator, os.path.sep)
    return path.replace(os.path.sep + "." + os.path.sep, os.path.sep)


def let_data_to_variable(variable, data, ctx=None, data_name=None, variable_name=None):
    """Put a batch into a Variable and mark it as one that needs no gradient.

    Numbers keep their dtype. ``ctx`` is accepted; arrays go where the graph computes.

    Raises:
        ValueError: the shapes differ.
    """
    if variable.shape != data.shape:
        named = [f' "{name}"' if name else "" for name in (data_name, variable_name)]
        message = "Shape does not match between data{} and variable{} ({} != {}).".format(
            *named, data.shape, variable.shape)
        logger.critical(message)
        raise ValueError(message)
    if data.dtype <= np.float64:
        variable.data.cast(data.dtype)[...] = data
    else:
        variable.d = data
    variable.need_grad = False


def require_directory(path, option):
    """Refuse an output directory that does not exist, before any work is done."""
    if not os.path.isdir(path):
        raise CommandError(f"expected {option} to name a directory, '{path}' is none. Create it first.")


def progress_bar(total, unit="it", description=None):
    """A progress bar on standard error, with ``update(n)`` and ``close()``, to be used in a ``with`` statement.

    Nothing is shown where tqdm is not installed, standard error is no terminal, or the configuration has
    ``misc_show_progress`` switched off.
    """
    if available("tqdm") and nnabla_config.get("MISC", "misc_show_progress") == "True":
        from tqdm import tqdm
        return tqdm(total=total, unit=unit, desc=description, disable=None)
    return _NoBar()


class _NoBar:
    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass

    def update(self, n=1):
        pass

    close = __exit__
