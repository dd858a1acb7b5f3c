"""``compare_with_cpu``: one training iteration computed in two ways, usually on a GPU and on the CPU, compared."""
import os
from collections import OrderedDict
from contextlib import ExitStack

import numpy as np

from ... import parameter
from ...context import get_current_context, set_default_context
from ...logger import logger
from .. import load as _load
from ..progress import configure_progress, progress
from .profile import Table
from .train import open_iterators
from .utility import NOTICE, CommandError, let_data_to_variable, progress_bar, require_directory


def compare_with_cpu_command(args):
    """Run an iteration of each optimizer of ``args.config`` and of ``args.config2`` from the same parameters and data.

    ``compare_with_cpu.csv`` gets the standard deviation of the difference relative to that of the values: of what each
    function puts out, of the gradients of its inputs, and of the parameters updated. (In nnabla 1.39 the command fails.)
    """
    require_directory(args.outdir, "-o")
    configure_progress(os.path.join(args.outdir, "progress.txt"))
    with _Side(args.config) as side, _Side(args.config2) as cpu_side:
        if (list(side.parameters) != list(cpu_side.parameters)
                or len(side.info.optimizers) != len(cpu_side.info.optimizers)):
            raise CommandError(f"expected {args.config} and {args.config2} to hold the same network and optimizers, "
                               "they differ in their parameters or in the number of optimizers.")
        if not side.info.optimizers:
            raise CommandError(f"{args.config}: expected a network file with an optimizer, it has none.")
        table = Table("1-Correl")
        with ExitStack() as stack:
            iterators = open_iterators(side.info.optimizers, stack)
            for (name, o), o_cpu in zip(side.info.optimizers.items(), cpu_side.info.optimizers.values()):
                title = f"optimizer '{name}' with network '{o.network.name}'"
                logger.log(NOTICE, "Comparing %s ...", title)
                logger.log(NOTICE, "process(func, variable), norm_diff, current_context_std, cpu_std, diff_std")
                for p, p_cpu in zip(side.parameters.values(), cpu_side.parameters.values()):
                    p_cpu.d = p.d
                data = {}
                for iterator in iterators[name]:
                    data.update(zip(iterator.variables, iterator.next()))
                table.add(title, compare_optimizer(o, o_cpu, data))
        table.write(os.path.join(args.outdir, "compare_with_cpu.csv"))
    logger.log(NOTICE, "Compare with CPU Completed.")
    progress(None)
    return True


class _Side:
    """A configuration, loaded in a parameter scope of its own."""

    def __init__(self, path):
        self.path = path

    def __enter__(self):
        context = get_current_context()
        try:
            with parameter.parameter_scope("", OrderedDict()):
                self.info = _load.load([self.path])
                self.parameters = dict(sorted(parameter.get_parameters(grad_only=False).items()))
        finally:
            set_default_context(context)
        return self

    def __exit__(self, *error):
        pass


def compare_optimizer(o, o_cpu, data):
    """Run an iteration of two optimizers and compare; returns name of the comparison to relative difference."""
    found = {}

    def compare(name, a, b):
        difference, *deviations = calc_norm_diff(a, b)
        logger.log(NOTICE, "%s, %f, %f, %f, %f", name, difference, *deviations)
        found[name] = difference

    _fill(o, o_cpu, data)
    for side in (o, o_cpu):
        side.target.forward()
        side.solver.zero_grad()
        side.target.backward(grad=1.0 / side.loss_variables[0].variable_instance.size)
    functions = functions_of(o)
    with progress_bar(2 * len(functions), "function", "compare") as bar:
        for function in functions:
            for name in function.outputs:
                compare(f"forward_function ({function.name}, {name})", *(s.d for s in _both(o, o_cpu, name)))
            bar.update(1)
        for function in reversed(functions):
            for name in function.inputs:
                variables = _both(o, o_cpu, name)
                if variables[0].need_grad:
                    compare(f"backward_function ({function.name}, {name})", *(v.g for v in variables))
            bar.update(1)
    for side in (o, o_cpu):
        if side.weight_decay > 0:
            side.solver.weight_decay(side.weight_decay)
        side.solver.update()
    for variable, rate in o.parameter_learning_rate_multipliers.items():
        if rate > 0 and variable.variable_instance is not None:
            compare(f"update ({o.solver.name}, {variable.name})", *(v.d for v in _both(o, o_cpu, variable.name)))
    return found


def _fill(o, o_cpu, data):
    """Put the same data into both networks."""
    for variable, name in o.dataset_assign.items():
        if name not in data:
            raise CommandError(f"variable '{variable.name}' reads '{name}', the data set has: {', '.join(data)}.")
        for target in _both(o, o_cpu, variable.name):
            let_data_to_variable(target, data[name], data_name=name, variable_name=variable.name)
    for variable, generator in o.generator_assign.items():
        values = np.asarray(generator(variable.variable_instance.shape))
        for target in _both(o, o_cpu, variable.name):
            let_data_to_variable(target, values, variable_name=variable.name)


def _both(o, o_cpu, name):
    """The Variables of both networks that bear a name."""
    found = []
    for side in (o, o_cpu):
        known = side.network.variables if name in side.network.variables else side.network.parameters
        if name not in known:
            raise CommandError(f"network '{side.network.name}' has no variable '{name}'; both files are to hold the same "
                               "network.")
        found.append(known[name].variable_instance)
    return found


def functions_of(optimizer):
    """The functions that the losses need, in an order in which they can run."""
    network, names, needed = optimizer.network, [v.name for v in optimizer.loss_variables], set()
    while names:
        name = names.pop()
        parent = network.variables[name].parent if name in network.variables else None
        if parent is not None and parent not in needed:
            needed.add(parent)
            names += network.functions[parent].inputs
    return [function for function in network.forward_sequence() if function.name in needed]


def calc_norm_diff(data1, data2):
    """Deviation of the difference relative to the larger one of both arrays, then the three deviations."""
    a, b = np.asarray(data1, np.float64).reshape(-1), np.asarray(data2, np.float64).reshape(-1)
    if a.size != b.size:
        raise CommandError(f"expected arrays of one size, received {np.shape(data1)} and {np.shape(data2)}.")
    std1, std2, difference = np.std(a), np.std(b), np.std(a - b)
    largest = max(std1, std2)
    return (difference / largest if largest > 0 else 0.0), std1, std2, difference


def add_compare_with_cpu_command(subparsers):
    parser = subparsers.add_parser("compare_with_cpu", help="compare an iteration computed in two ways")
    parser.add_argument("-c", "--config", help="network file", required=True)
    parser.add_argument("-c2", "--config2", help="the same network with the other context", required=True)
    parser.add_argument("-o", "--outdir", help="directory of the results", required=True)
    parser.set_defaults(func=compare_with_cpu_command)
