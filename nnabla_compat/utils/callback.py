"""Functions an embedding application may supply.

The modules listed in ``[CALLBACK] util_callback_module`` of the configuration (commas between them) are
searched in order for a function of the same name as the one called here; without any, each function
returns what its definition below says.
"""
import importlib

from ..config import nnabla_config

module_list_str = nnabla_config.get("CALLBACK", "util_callback_module")
module_list = module_list_str.strip("[]").replace(" ", "").split(",")
module = None
callback_list = []
try:
    for module in module_list:
        callback_list.append(importlib.import_module(module))
except (ImportError, ValueError):  # one that cannot be imported switches all of them off, as in nnabla
    callback_list = []


def _call(name, *args, otherwise=None):
    for supplied in callback_list:
        if hasattr(supplied, name):
            return getattr(supplied, name)(*args)
    return otherwise


def alternative_cli(args):
    """Run another command line instead; None to go on."""
    return _call("alternative_cli", args)


def get_callback_version():
    """Version of the application's callbacks, or None."""
    return _call("get_callback_version")


def get_best_from_status(args):
    """Best error and its epoch of an earlier run."""
    return _call("get_best_from_status", args, otherwise=(None, None))


def update_time_train(prediction=None):
    """Training time so far, and predicted."""
    _call("update_time_train", prediction)


def save_train_snapshot():
    """A snapshot was saved."""
    _call("save_train_snapshot")


def update_status(state=None, start=False, start_time=None):
    """State of the run."""
    _call("update_status", state, start, start_time)


def add_train_command_arg(subparser):
    """Arguments for the train command."""
    _call("add_train_command_arg", subparser)


def get_timelimit(args):
    """Limit of the training time in seconds; -1 for none."""
    return _call("get_timelimit", args, otherwise=-1)


def process_evaluation_result(outdir, filename):
    """An evaluation wrote its result."""
    _call("process_evaluation_result", outdir, filename)


def update_forward_time():
    """A forward ran."""
    _call("update_forward_time")


def check_training_time(args, config, timeinfo, epoch, last_epoch):
    """Whether training may go on."""
    return _call("check_training_time", args, config, timeinfo, epoch, last_epoch, otherwise=True)


def result_base(base, suffix, outdir):
    """File name of a result, or None for the default."""
    return _call("result_base", base, suffix, outdir)


def update_progress(text):
    """Progress as text."""
    _call("update_progress", text)


def get_load_image_func(ext):
    """Loader for files with extension ``ext``, or None for the usual one."""
    return _call("get_load_image_func", ext)
