"""``train``: run the optimizers and monitors of a network file."""
import os
import time
from contextlib import ExitStack, nullcontext

import numpy as np

from ..._init import available_contexts
from ..._nd_array import NdArray
from ...logger import logger
from .. import callback
from .. import load as _load
from ..communicator_util import current_communicator, single_or_rankzero
from ..progress import configure_progress, progress
from .snapshots import Snapshots, load_train_state, resume
from .utility import NOTICE, CommandError, let_data_to_variable, progress_bar, require_directory, str_to_num


def train_command(args):
    """Train as ``args.config`` says; results go to ``args.outdir``."""
    for option in ("ooc_gpu_memory_size", "ooc_window_length"):
        if getattr(args, option) is not None:
            size = str_to_num(getattr(args, option))
            if size < 0:
                logger.log(NOTICE, "Fatal error. invalid %s [%s].", option, getattr(args, option))
                return False
            setattr(args, option, size)
    require_directory(args.outdir, "-o")
    callback.update_status(args)
    if single_or_rankzero():
        configure_progress(os.path.join(args.outdir, "progress.txt"))
    info = _load.load([args.config], prepare_data_iterator=None, exclude_parameter=True, context=args.context)
    if any(dataset.uri.strip() == "" for dataset in info.datasets.values()):
        logger.log(NOTICE, "Fatal error. Dataset URI is empty.")
        return False
    if not hasattr(info, "training_config"):
        raise CommandError(f"{args.config}: expected a training configuration with the number of epochs, there is none.")
    if args.param:
        load_train_state(args.param, info)
    info.timelimit = callback.get_timelimit(args)
    if single_or_rankzero():
        logger.log(NOTICE, "Train with contexts %s", available_contexts)

    comm, config = current_communicator(), info.training_config
    config.iter_per_epoch //= comm.size if comm else 1
    snapshots = Snapshots(args, info)
    result, restart = True, False
    if config.max_epoch * config.iter_per_epoch > 0:
        with ExitStack() as stack:
            result, restart = Training(args, info, snapshots, stack).run()
    else:
        logger.log(NOTICE, "0 epoch learning. (Just save parameter.)")
        if single_or_rankzero():
            snapshots.save(None, 0, force=True)
    if single_or_rankzero():
        if not restart:
            logger.log(NOTICE, "Training Completed." if result else "Training Incompleted.")
            callback.update_status("finished" if result else "failed")
        progress(None)
    return True


def open_iterators(components, stack, rng=None):
    """Iterators of optimizers or of monitors, by component name; components that share a data set share its iterator."""
    comm, opened = current_communicator(), {}
    for component in components.values():
        for make in component.data_iterators.values():
            if make not in opened:
                iterator = stack.enter_context(make())
                if comm and comm.size > 1:
                    iterator = iterator.slice(rng, comm.size, comm.rank)
                opened[make] = iterator
    return {name: [opened[make] for make in component.data_iterators.values()] for name, component in components.items()}


class Cost:
    """Mean loss of an epoch. Losses are read just before the next forward, when the device is done with them anyway."""

    def __init__(self):
        self.losses, self.iteration, self.counted = None, 0.0, False
        self.epoch, self.count = 0.0, 0

    def read(self):
        """Take in the losses of what ran last; returns what was counted, or None."""
        if not self.losses:
            return None
        for loss in self.losses:
            self.iteration += float(np.mean(loss.variable_instance.d))
        if self.counted:
            return None
        self.counted, value = True, self.iteration
        self._count()
        return value

    def _count(self):
        comm = current_communicator()
        self.epoch += total_of(self.iteration)
        self.count += comm.size if comm else 1
        self.iteration = 0.0

    def finish(self):
        """The mean of the epoch that has ended; starts the next one."""
        if self.losses:
            self.counted = True
            self.read()
            self._count()
        mean = self.epoch / self.count if self.count else 0
        self.losses, self.epoch, self.count = None, 0.0, 0
        return mean


def total_of(value):
    """Sum of a number over the processes that train together."""
    comm = current_communicator()
    if not comm:
        return value
    array = NdArray.from_numpy_array(np.array([value], np.float32))
    comm.all_reduce([array], division=False, inplace=True)
    return float(array.data[0])


class Times:
    """Seconds: ``past_time`` so far, ``estimate_time`` in all, ``remain_time``; ``start_time`` on the clock."""

    def __init__(self):
        self.start_time = self.last_epoch_start_time = time.time()
        self.past_time = self.estimate_time = self.remain_time = 0
        self.last_past_time = None

    def update(self, share):
        self.past_time = self.last_past_time = time.time() - self.start_time
        self.estimate_time = self.past_time / share
        self.remain_time = self.estimate_time - self.past_time


class Training:
    """One run of the command.

    Args:
        args: Of the command.
        info (Info): Networks, optimizers and monitors.
        snapshots (Snapshots): Where results go.
        stack (ExitStack): Closes the iterators.
    """

    def __init__(self, args, info, snapshots, stack):
        self.args, self.info, self.snapshots, self.config = args, info, snapshots, info.training_config
        self.comm, self.best_error = current_communicator(), None
        rng = np.random.RandomState(self.comm.rank if self.comm else 0)
        self.optimizer_data = open_iterators(info.optimizers, stack, rng)
        self.monitor_data = open_iterators(info.monitors, stack, rng)
        self.cost = Cost()

    def run(self):
        """Returns whether training went well, and whether it is to be started once more later."""
        config, first_epoch = self.config, self._resumed_epoch()
        callback.update_status(("epoch.max", config.max_epoch))
        callback.update_status(("epoch.current", min(first_epoch + 1, config.max_epoch)))
        if single_or_rankzero():
            logger.log(NOTICE, "Training epoch %d of %d begin", first_epoch + 1, config.max_epoch)
        begin, end = (epochs * config.iter_per_epoch for epochs in (first_epoch, config.max_epoch))
        if begin >= end:
            return True, False
        times, scheduler = Times(), self._scheduler()
        callback.update_status("processing", True, times.start_time)
        with progress_bar(end - begin, "it", "train") as bar:
            for iteration in range(begin, end):
                self._update(iteration, scheduler)
                if not np.isfinite(self.cost.epoch):
                    logger.log(NOTICE, "Cost is Nan")
                    return False, False
                times.update((iteration + 1 - begin) / (end - begin))
                callback.update_time_train(prediction=times.estimate_time)
                if 0 < self.info.timelimit < times.estimate_time:
                    logger.log(NOTICE, "Expected training time (%.3fs) will exceed time limit (%ss).",
                               times.estimate_time, self.info.timelimit)
                    return False, False
                bar.update(1)
                if (iteration + 1) % config.iter_per_epoch == 0:
                    epoch = (iteration + 1) // config.iter_per_epoch
                    self._end_epoch(epoch, times, scheduler)
                    if not callback.check_training_time(self.args, self.info, times, epoch, first_epoch):
                        if single_or_rankzero():
                            self.snapshots.save("current", epoch, force=True)
                        return False, True
        if single_or_rankzero():
            self.snapshots.save("current", config.max_epoch, force=True)
        return True, False

    def _resumed_epoch(self):
        if not self.args.resume:
            return 0
        self.best_error, best_epoch = callback.get_best_from_status(self.args)
        epoch = resume(self.args, self.info)
        if best_epoch is not None:
            logger.log(NOTICE, "Best error %s recorded at epoch %s in previous training.", self.best_error, best_epoch)
            if best_epoch > epoch:
                logger.log(NOTICE, "Resumed epoch is %d but this training keep this result.", epoch)
        logger.log(NOTICE, "Resume from epoch %d", epoch + 1)
        return epoch

    def _scheduler(self):
        if not self.args.enable_ooc:
            return nullcontext()
        from ...ext_utils import get_extension_context
        from ...lms import SwapInOutScheduler
        logger.log(NOTICE, "OOC enabled.")
        return SwapInOutScheduler(get_extension_context("cpu"), self.info.default_context,
                                  self.args.ooc_gpu_memory_size or 0, self.args.ooc_window_length or 0)

    # -- an iteration -----------------------------------------------------------------------------------

    def _update(self, iteration, scheduler):
        read, cost = {}, self.cost
        cost.counted = False
        for name, o in self.info.optimizers.items():
            if (o.start_iter and iteration + 1 < o.start_iter) or (o.end_iter and iteration + 1 > o.end_iter):
                continue
            data = {}
            for iterator in self.optimizer_data[name]:
                if iterator not in read:
                    read[iterator] = iterator.next()
                data.update(zip(iterator.variables, read[iterator]))
            self._feed(o, data, iteration)
            value = cost.read()
            if value is not None and single_or_rankzero():
                per_epoch = self.config.iter_per_epoch
                progress(f"Training : cost={value:0.6f}", iteration % per_epoch / per_epoch)
            with scheduler:
                self._step(o, iteration)
            cost.losses = o.loss_variables

    def _step(self, o, iteration):
        # As if the target were the mean of the losses: the sink of several counts as one.
        scale = 1.0 / o.loss_variables[0].variable_instance.size
        o.target.forward(clear_no_need_grad=True)
        if iteration % o.update_interval == 0:
            o.solver.zero_grad()
        last = iteration % o.update_interval == o.update_interval - 1
        if self.comm and last:
            gradients = [x.grad for x in o.parameters.values()]
            o.target.backward(grad=scale, clear_buffer=True,
                              communicator_callbacks=self.comm.all_reduce_callback(gradients, 2 << 20, division=True))
        else:
            o.target.backward(grad=scale, clear_buffer=True)
        if last:
            if o.weight_decay > 0:
                o.solver.weight_decay(o.weight_decay)
            if o.scheduler is not None:
                o.solver.set_learning_rate(o.scheduler.get_learning_rate(iteration))
            o.solver.update()

    def _feed(self, component, data, iteration=None):
        """Fill the variables of an optimizer or monitor."""
        for variable, name in component.dataset_assign.items():
            target = variable.variable_instance
            if name in data:
                let_data_to_variable(target, data[name], data_name=name, variable_name=variable.name)
            elif iteration is not None and name[:1] == "%":
                target.data.fill(self._reserved(name, iteration))
            else:
                raise ValueError('Variable "{}" is not found in dataset "{}", of "{}"'.format(
                    name, ", ".join(component.data_iterators), component.proto.name))
        for variable, generator in component.generator_assign.items():
            target = variable.variable_instance
            let_data_to_variable(target, np.asarray(generator(target.shape)), variable_name=variable.name)

    def _reserved(self, name, iteration):
        per_epoch, epochs = self.config.iter_per_epoch, self.config.max_epoch
        values = {"%iter": iteration, "%max_iter": epochs * per_epoch, "%epoch": iteration // per_epoch,
                  "%epochf": iteration / per_epoch, "%max_epoch": epochs, "%progress": iteration / per_epoch / epochs}
        if name not in values:
            raise ValueError(f"Unknown reserved variable {name}: expected one of {', '.join(values)}.")
        return values[name]

    # -- the end of an epoch ----------------------------------------------------------------------------

    def _end_epoch(self, epoch, times, scheduler):
        cost, errors = self.cost.finish(), {}
        if epoch % self.config.monitor_interval == 0 or epoch <= 5:
            errors = self._evaluate(epoch, scheduler)
        if not single_or_rankzero():
            return
        with open(os.path.join(self.args.outdir, "monitoring_report.yml"), "a") as f:
            f.write("".join([f"{epoch - 1}:\n", f"  cost: {cost}\n", *(f"  {k}: {v}\n" for k, v in errors.items())]))
        callback.update_status((["monitoring_report", epoch, "cost"], cost))
        self.snapshots.save("current", epoch)
        callback.update_status(("epoch.current", epoch))
        callback.update_status()
        text = " {" + ", ".join(f"{k}={v:.6f}" for k, v in errors.items()) + "}" if errors else ""
        logger.log(NOTICE, "epoch %d of %d cost=%.6f %s time=(%.1fs /%.1fs) ", epoch, self.config.max_epoch, cost, text,
                   times.past_time, times.estimate_time)

    def _evaluate(self, epoch, scheduler):
        """Errors of the monitors by name; saves the network when it is the best so far."""
        errors = {}
        for name, monitor in self.info.monitors.items():
            error = self._error_of(name, monitor, scheduler)
            if not np.isfinite(error):
                logger.log(NOTICE, "Validation error is Nan")
                error = 0.0
            errors[name] = error
            callback.update_status((["monitoring_report", epoch, name], error))
            callback.update_status((["last", name], error))
        if single_or_rankzero():
            error = errors.get("valid_error", 0.0)
            if not self.config.save_best or self.best_error is None or error <= self.best_error:
                self.best_error = error
                callback.update_status(("best.valid_error", error))
                callback.update_status(("best.epoch", epoch))
                self.snapshots.save("best", epoch, force=True)
        return errors

    def _error_of(self, name, monitor, scheduler):
        iterators = self.monitor_data[name]
        batches = max(it.size for it in iterators) // max(it.batch_size for it in iterators)
        processes, total = self.comm.size if self.comm else 1, 0.0
        for batch in range(batches):
            data = {}
            for iterator in iterators:
                data.update(zip(iterator.variables, iterator.next()))
            self._feed(monitor, data)
            with scheduler:
                monitor.target.forward(clear_no_need_grad=True, clear_buffer=True)
            total += total_of(sum(float(np.mean(v.variable_instance.d)) for v in monitor.monitor_variables))
            if single_or_rankzero():
                error = total / (batch + 1) / processes
                progress(f'Evaluating "{name}" : error={error:0.6f}', (batch + 1) / batches)
        return total / batches / processes if batches else 0


def add_train_command(subparsers):
    parser = subparsers.add_parser("train", help="train a network")
    parser.add_argument("-r", "--resume", help="go on from the latest results in the output directory", action="store_true")
    parser.add_argument("-c", "--config", help="network file", required=True)
    parser.add_argument("-p", "--param", help="parameter file to start from")
    parser.add_argument("-o", "--outdir", help="directory of the results", required=True)
    parser.add_argument("-O", "--enable-ooc", help="accepted; see nnabla_compat.lms", action="store_true")
    sizes = "a number such as 1000000, 2e30 or 4G; accepted"
    parser.add_argument("-m", "--ooc-gpu-memory-size", help=sizes)
    parser.add_argument("-C", "--context", help="where to compute: cpu or cudnn[:device]")
    parser.add_argument("-w", "--ooc-window-length", help=sizes)
    callback.add_train_command_arg(parser)
    parser.set_defaults(func=train_command)
