"""``profile``: how long the parts of a training iteration take."""
import csv
import io
import os
import time
from contextlib import ExitStack

import numpy as np

from ...ext_utils import import_extension_module
from ...files.save import replacing
from ...logger import logger
from .. import callback
from .. import load as _load
from ..progress import configure_progress, progress
from .train import open_iterators
from .utility import NOTICE, CommandError, let_data_to_variable, progress_bar, require_directory

# Each part runs for at least this many seconds and this many times.
SECONDS, TIMES = 1.0, 100


def profile_command(args):
    """Time the parts of all optimizers of ``args.config`` and write ``profile.csv``."""
    require_directory(args.outdir, "-o")
    callback.update_status(args)
    configure_progress(os.path.join(args.outdir, "progress.txt"))
    info = _load.load(args.config)
    if not info.optimizers:
        raise CommandError(f"{args.config}: expected a network file with an optimizer, it has none.")
    callback.update_status("processing", True)
    synchronize, table = _synchronizer(info.default_context), Table("time in ms")
    with ExitStack() as stack:
        iterators = open_iterators(info.optimizers, stack)
        for name, optimizer in info.optimizers.items():
            title = f"optimizer '{name}' with network '{optimizer.network.name}'"
            logger.log(NOTICE, "Profiling %s ...", title)
            table.add(title, profile_optimizer(optimizer, iterators[name], synchronize))
    table.write(os.path.join(args.outdir, "profile.csv"))
    logger.log(NOTICE, "Profile Completed.")
    progress(None)
    callback.update_status("finished")
    return True


class Table:
    """A CSV file with a row for each thing measured and a column for each optimizer."""

    def __init__(self, corner):
        self.header, self.rows = [corner], {}

    def add(self, title, measured):
        """Add a column: name to number."""
        for name in measured:
            self.rows.setdefault(name, [name] + [""] * (len(self.header) - 1))
        self.header.append(title)
        for name, row in self.rows.items():
            row.append("%f" % measured[name] if name in measured else "")

    def write(self, path):
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([self.header, *self.rows.values()])
        with replacing(path) as f:
            f.write(text.getvalue().encode())


def _synchronizer(context):
    """A function that waits for the device, so that times are those of the work and not of ordering it."""
    try:
        module = import_extension_module(context.backend[0].split(":")[0])
    except ImportError:
        return lambda: None
    return lambda: module.synchronize(device_id=context.device_id)


def measure(function, synchronize, prepare=None):
    """Mean time of a call in milliseconds; ``prepare`` is called before each and not counted."""
    prepare = prepare or (lambda: None)
    prepare()
    function()
    begin, total, count = time.perf_counter(), 0.0, 0
    while time.perf_counter() < begin + SECONDS or count < TIMES:
        prepare()
        synchronize()
        start = time.perf_counter()
        function()
        synchronize()
        total += time.perf_counter() - start
        count += 1
    return total * 1000 / count


def profile_optimizer(optimizer, iterators, synchronize):
    """Name of each part of an iteration to its time in milliseconds."""
    measured, parts = {}, list(_parts(optimizer, iterators))
    with progress_bar(len(parts), "part", "profile") as bar:
        for i, (name, function, *prepare) in enumerate(parts):
            measured[name] = measure(function, synchronize, *prepare)
            logger.log(NOTICE, "%s %f(ms)", name, measured[name])
            progress("Profile", (i + 1) / len(parts))
            bar.update(1)
    return measured


def _parts(optimizer, iterators):
    """``(name, function)``, or with a function to call first, of the parts in the order of an iteration."""
    o = optimizer
    weights = [p for name, p in o.parameters.items() if name.endswith(("/W", "/b"))]
    for p in weights:
        p.data.zero()

    def load():
        data = {}
        for iterator in iterators:
            data.update(zip(iterator.variables, iterator.next()))
        return data

    yield "load_dataset", load
    data = load()
    for variable, name in o.dataset_assign.items():
        if name not in data:
            raise ValueError(f'Data "{name}" is not found in dataset.')
        yield f"let_data ({name} to {variable.name})", _filling(variable, lambda shape, values=data[name]: values)
    for variable, generator in o.generator_assign.items():
        yield f"generate_data ({variable.name})", _filling(variable, generator)

    for variable, name in o.dataset_assign.items():
        let_data_to_variable(variable.variable_instance, data[name])
    for variable, generator in o.generator_assign.items():
        _filling(variable, generator)()
    forward, backward = [], []
    o.target.forward(clear_no_need_grad=True, function_pre_hook=forward.append)
    o.target.backward(clear_buffer=True, function_pre_hook=backward.append)
    for functions, kind in ((forward, "forward"), (backward, "backward")):
        for f in functions:
            if f.name != "Sink":
                yield f"{kind}_function ({f.name} : {f.name})", _running(f, kind)
        if kind == "forward":
            yield "prepare_backward", lambda: None  # nothing; nnabla keeps the row

    # Backward needs what forward left, and uses it up.
    def run_forward():
        o.target.forward(clear_no_need_grad=True)

    def run_backward():
        o.target.backward(clear_buffer=True)

    def run_backward_on_zeros():
        for p in weights:
            p.grad.zero()
        run_backward()

    yield "forward_all", run_forward
    yield "backward_all", run_backward, run_forward
    yield "backward_all(wo param zero_grad)", run_backward_on_zeros, run_forward
    if o.weight_decay > 0:
        yield f"weight_decay ({o.solver.name})", lambda: o.solver.weight_decay(o.weight_decay)
    yield f"update ({o.solver.name})", o.solver.update
    yield "monitor_loss", lambda: [np.mean(loss.variable_instance.d) for loss in o.loss_variables]


def _filling(variable, make):
    target = variable.variable_instance
    return lambda: let_data_to_variable(target, np.asarray(make(target.shape)), variable_name=variable.name)


def _running(function, kind):
    return lambda: getattr(function, kind)(function.inputs, function.outputs)


def add_profile_command(subparsers):
    parser = subparsers.add_parser("profile", help="time the parts of a training iteration")
    parser.add_argument("-c", "--config", help="network file", required=True)
    parser.add_argument("-o", "--outdir", help="directory of the results", required=True)
    parser.set_defaults(func=profile_command)
