"""Everything in a network file, ready to run: networks built, solvers, data sets, monitors and executors made."""
import os
import re
from collections import OrderedDict

import numpy as np

from .. import parameter
from ..context import Context, context_scope, get_current_context, set_default_context
from ..core.graph_def import ProtoGraph
from ..core.graph_optimizer import IdentityRemover
from ..core.loop_control import COPY
from ..files import network_files, solver_message
from ..files.errors import reading
from ..logger import logger
from .communicator_util import current_communicator
from .learning_rate_scheduler import (CosineScheduler, ExponentialScheduler, LinearWarmupScheduler, PolynomialScheduler,
                                      StepScheduler)


class Info:
    """What :func:`load` returns.

    Attributes:
        networks, executors, optimizers, monitors, datasets (OrderedDict): By name.
        global_config (GlobalConfig), training_config (TrainingConfig): The latter only if the file has one.
        proto: The ``NNablaProtoBuf`` message.
        proto_graph (ProtoGraph): The networks.
        renamed_variables (dict): Variables that vanished when loops were unrolled, to what stands for them.
        parameter_scope (OrderedDict): Where the parameters are.
        default_context (Context): What the networks were built in.
        batch_size, prepare_data_iterator, exclude_parameter, parameter_only: As given.
    """


class GlobalConfig:
    """``default_context`` (Context)."""


class TrainingConfig:
    """``max_epoch``, ``iter_per_epoch``, ``save_best``, ``monitor_interval``."""


class Dataset:
    """``uri``, ``cache_dir``, ``normalize`` and ``data_iterator``, a function that makes one (or None)."""


class Optimizer:
    """A solver with the network it trains.

    Attributes:
        name, order, start_iter, end_iter, update_interval, weight_decay, lr_decay, lr_decay_interval: From the file.
        solver (Solver), scheduler: Learning rates are ``scheduler.get_learning_rate(iteration)``.
        network (ProtoNetwork): The network.
        data_iterators (OrderedDict): Data set to a function that makes its iterator (or None).
        dataset_assign, generator_assign (OrderedDict): ProtoVariable to name of the data, or to its generator.
        loss_variables (list of ProtoVariable): What is minimised.
        parameter_learning_rate_multipliers (OrderedDict): ProtoVariable to number; 0 freezes.
        parameters (OrderedDict): The parameters that the solver updates.
        target (Variable): What to run backward from.
    """


class Monitor:
    """A network to watch: ``network``, ``data_iterators``, ``dataset_assign``, ``generator_assign``,
    ``monitor_variables`` and ``target``, the Variable to run forward."""


class Executor:
    """A network to run.

    Attributes:
        network (ProtoNetwork): The network.
        num_evaluations, repeat_evaluation_type, need_back_propagation, no_image_normalization: From the file.
        dataset_assign, generator_assign (OrderedDict): ProtoVariable to name of the data, or to its generator.
        output_assign (OrderedDict): ProtoVariable to ``[type, name of the data]``.
        parameters (OrderedDict): ProtoVariable to name.
        forward_target (Variable): What to run forward.
        loss_variables, parameter_learning_rate_multipliers, backward_target: With ``need_back_propagation``.
    """


def load(filenames, prepare_data_iterator=True, batch_size=None, exclude_parameter=False, parameter_only=False,
         extension=".nntxt", context=None):
    """Load networks and all that belongs to them. Parameters go to the current parameter scope.

    ::

        info = load(["net.nntxt", "parameters.h5"])
        x = info.networks["runtime"].variables["x"].variable_instance
        x.d = image
        info.executors["runtime"].forward_target.forward()

    Args:
        filenames: File name (``.nnp``, ``.nntxt``, ``.prototxt``, ``.protobuf``, ``.h5``), open file, or a list.
        prepare_data_iterator (bool): Whether data sets get functions that make iterators; None: only if the
            training configuration has epochs.
        batch_size (int): Batch size of the networks; the file's by default.
        exclude_parameter (bool): Leave out the parameters' values; new ones are initialised as the file says.
        parameter_only (bool): Load nothing but parameters.
        extension (str): Format of an open file.
        context (str): ``"cpu"`` or ``"cudnn[:device]"``; the file's by default.

    Returns:
        Info

    Raises:
        FileFormatError: a damaged file, or one that holds what is not supported (see
            :mod:`nnabla_compat.files.errors`). Parameters and default context are as before then.
        FileNotFoundError: no such file.
    """
    contents = network_files.read(filenames, extension, exclude_parameter, parameter_only)
    info = Info()
    info.prepare_data_iterator, info.batch_size = prepare_data_iterator, batch_size
    info.exclude_parameter, info.parameter_only = exclude_parameter, parameter_only
    info.proto = contents.proto
    info.parameter_scope = parameter.get_current_parameter_scope()
    with _Restored(info.parameter_scope, contents.records), reading(filenames):
        parameter.apply_records(contents.records)
        _load_configuration(info, context)
        _load_datasets(info)
        _build_networks(info)
        _make_components(info)
        link_components(info, contents.states)
    return info


def base_load(filenames, prepare_data_iterator=True, batch_size=None, exclude_parameter=False, parameter_only=False,
              extension=".nntxt", context=None):
    """As :func:`load`; nnabla splits it into this and :func:`link_components`."""
    return load(filenames, prepare_data_iterator, batch_size, exclude_parameter, parameter_only, extension, context)


class _Restored:
    """Puts scope, values and default context back when the block fails."""

    def __init__(self, scope, records):
        self.scope, self.names = scope, {record.name for record in records}

    def __enter__(self):
        self.context = get_current_context()
        self.structure = _copy_scopes(self.scope)
        known = parameter.list_parameters(self.scope, False)
        self.flags = [(v, v.need_grad) for v in known.values()]
        self.values = [(v, np.array(v.data.get_data("r"))) for k, v in known.items() if k in self.names]

    def __exit__(self, kind, error, trace):
        if kind is None:
            return
        _restore_scopes(self.scope, self.structure)
        for variable, values in self.values:
            variable.d = values
        for variable, need_grad in self.flags:
            if variable.need_grad != need_grad:
                variable.need_grad = need_grad
                parameter.make_parameter(variable, need_grad)
        if get_current_context() is not self.context:
            set_default_context(self.context)


def _copy_scopes(scope):
    return [(k, v, _copy_scopes(v) if isinstance(v, dict) else None) for k, v in scope.items()]


def _restore_scopes(scope, structure):
    scope.clear()
    for key, value, inner in structure:
        scope[key] = value
        if inner is not None:
            _restore_scopes(value, inner)


# -- configuration -----------------------------------------------------------------------------------

def _load_configuration(info, context):
    info.global_config = GlobalConfig()
    if context:
        chosen = _context_by_name(context)
    elif info.proto.HasField("global_config"):
        chosen = _usable(_context_of(info.proto.global_config.default_context))
        set_default_context(chosen)
    else:
        from ..ext import cpu
        chosen = cpu.context()
    communicator = current_communicator()
    if communicator:
        chosen.device_id = str(communicator.local_rank)
    logger.log(99, 'Using context "%s"', chosen)
    info.default_context = info.global_config.default_context = chosen
    if info.proto.HasField("training_config"):
        source, config = info.proto.training_config, TrainingConfig()
        config.max_epoch, config.iter_per_epoch = source.max_epoch, source.iter_per_epoch
        config.save_best = source.save_best
        config.monitor_interval = source.monitor_interval if source.monitor_interval > 0 else 10
        info.training_config = config


def _context_by_name(name):
    from ..ext_utils import get_extension_context
    backend, _, device = name.partition(":")
    return get_extension_context(backend, device_id=device or "0")


def _context_of(proto):
    """The context of a ``Context`` message, of the older kind too."""
    if proto.backends:
        return Context(list(proto.backends), proto.array_class, proto.device_id)
    backends = [part.strip() for part in proto.backend.split("|")]
    if "cuda" in backends:
        computing = [part.strip() for part in proto.compute_backend.split("|")]
        for kind, backend in (("cudnn", "cudnn:float"), ("default", "cuda:float")):
            if kind in computing:
                return Context([backend], proto.array_class, proto.device_id)
        raise ValueError(f"Invalid compute_backend {proto.compute_backend!r}: expected cudnn or default.")
    if "cpu" in backends:
        return Context(["cpu:float"], proto.array_class, "")
    raise ValueError(f"Invalid context: expected backends, or the older backend with cpu or cuda, received {proto}")


def _usable(context):
    try:
        context.target
    except (RuntimeError, ValueError) as error:
        logger.warning("Fallback to CPU context. (%s)", error)
        from ..ext import cpu
        return cpu.context()
    return context


# -- data sets ---------------------------------------------------------------------------------------

def _load_datasets(info):
    prepare = info.prepare_data_iterator
    if prepare is None:
        prepare = getattr(info, "training_config", None) is not None and info.training_config.max_epoch > 0
    info.datasets = OrderedDict()
    for i, proto in enumerate(info.proto.dataset):
        dataset = info.datasets[proto.name] = Dataset()
        dataset.uri, dataset.cache_dir, dataset.normalize = proto.uri, proto.cache_dir, not proto.no_image_normalization
        dataset.data_iterator = _iterator_factory(proto, dataset, i) if prepare else None


def _iterator_factory(proto, dataset, index):
    """A function that makes the iterator. Directories are made when it is called: loading a file writes nothing."""
    uri, batch_size, shuffle = proto.uri, proto.batch_size, proto.shuffle
    cache_dir, overwrite, explicit = proto.cache_dir or None, proto.overwrite_cache, proto.create_cache_explicitly
    normalize = dataset.normalize

    def make():
        from .create_cache import CreateCache
        from .data_iterator import data_iterator_cache, data_iterator_csv_dataset
        rng = np.random.RandomState(index)
        communicator = current_communicator()
        alone = communicator is None or communicator.size == 1
        if cache_dir is None:
            return data_iterator_csv_dataset(uri, batch_size, shuffle, rng=rng, normalize=normalize)
        filled = os.path.isdir(cache_dir) and bool(os.listdir(cache_dir))
        if explicit and (overwrite or not os.path.exists(os.path.join(cache_dir, "cache_index.csv"))):
            os.makedirs(cache_dir, exist_ok=True)
            CreateCache(uri, rng=rng, shuffle=shuffle).create(cache_dir, normalize=False)
            filled, rng = True, np.random.RandomState(index)
        elif not explicit and (overwrite or not filled):
            os.makedirs(cache_dir, exist_ok=True)
            return data_iterator_csv_dataset(uri, batch_size, shuffle, rng=rng, normalize=normalize,
                                             cache_dir=cache_dir)
        return data_iterator_cache(cache_dir, batch_size, shuffle, rng=rng, normalize=normalize,
                                   with_memory_cache=alone)

    return make


# -- networks ----------------------------------------------------------------------------------------

def _build_networks(info):
    info.renamed_variables = {}
    info.proto_graph = ProtoGraph.from_proto(info.proto, param_scope=info.parameter_scope, rng=np.random.RandomState(0))
    info.proto_graph.expand_loop_control()
    info.networks = info.proto_graph.networks
    remover = IdentityRemover(info.renamed_variables, lambda function: function.name.startswith(COPY))
    for network in info.networks.values():
        network.execute_on_proto(remover)
        network(ctx=info.default_context, batch_size=info.batch_size)


# -- optimizers, monitors, executors -----------------------------------------------------------------

def _make_components(info):
    info.optimizers, info.monitors, info.executors = OrderedDict(), OrderedDict(), OrderedDict()
    for proto in info.proto.optimizer:
        info.optimizers[proto.name] = _make_optimizer(info, proto)
    for proto in info.proto.monitor:
        monitor = info.monitors[proto.name] = Monitor()
        monitor.proto, monitor.network = proto, None
    for proto in info.proto.executor:
        executor = info.executors[proto.name] = Executor()
        executor.proto, executor.network = proto, None
        executor.num_evaluations = proto.num_evaluations if proto.num_evaluations > 0 else 1
        executor.repeat_evaluation_type = proto.repeat_evaluation_type
        executor.need_back_propagation = proto.need_back_propagation
        executor.no_image_normalization = proto.no_image_normalization


def _make_optimizer(info, proto):
    optimizer = Optimizer()
    optimizer.proto, optimizer.comm, optimizer.network = proto, current_communicator(), None
    processes = optimizer.comm.size if optimizer.comm else 1
    optimizer.start_iter = -(-proto.start_iter // processes) if proto.start_iter > 0 else 0
    optimizer.end_iter = -(-proto.end_iter // processes) if proto.end_iter > 0 else 0
    optimizer.name, optimizer.order = proto.name, proto.order
    optimizer.update_interval = proto.update_interval if proto.update_interval > 0 else 1
    context = proto.solver.context
    with context_scope(_usable(_context_of(context)) if context.backends else info.default_context):
        optimizer.solver, rate = solver_message.make(proto.solver)
    optimizer.weight_decay = proto.solver.weight_decay
    optimizer.lr_decay = proto.solver.lr_decay if proto.solver.lr_decay > 0 else 1.0
    optimizer.lr_decay_interval = proto.solver.lr_decay_interval if proto.solver.lr_decay_interval > 0 else 1
    optimizer.scheduler = _make_scheduler(optimizer, proto.solver, rate, processes)
    return optimizer


def _make_scheduler(optimizer, solver, rate, processes):
    kind = solver.lr_scheduler_type
    scheduler = ExponentialScheduler(rate, 1.0, 1)
    if kind == "":
        scheduler = ExponentialScheduler(rate, optimizer.lr_decay, max(1, optimizer.lr_decay_interval // processes))
    elif kind == "Polynomial":
        param = solver.polynomial_scheduler_param
        if param.power:
            scheduler = PolynomialScheduler(rate, param.max_iter // processes, param.power)
    elif kind == "Cosine":
        scheduler = CosineScheduler(rate, solver.cosine_scheduler_param.max_iter // processes)
    elif kind == "Exponential":
        param = solver.exponential_scheduler_param
        if param.gamma != 1:
            scheduler = ExponentialScheduler(rate, param.gamma, max(1, param.iter_interval // processes))
    elif kind == "Step":
        param = solver.step_scheduler_param
        if param.gamma != 1 and param.iter_steps:
            scheduler = StepScheduler(rate, param.gamma, [step // processes for step in param.iter_steps])
    elif kind == "Custom":
        raise NotImplementedError("the learning rate scheduler 'Custom' is not supported, in nnabla neither.")
    else:
        raise ValueError(f'Learning Rate Scheduler "{kind}" is not supported.')
    if solver.lr_warmup_scheduler_type == "Linear" and solver.linear_warmup_scheduler_param.warmup_iter >= processes:
        scheduler = LinearWarmupScheduler(scheduler, solver.linear_warmup_scheduler_param.warmup_iter // processes)
    return scheduler


def link_components(info, states=None):
    """Connect optimizers, monitors and executors of an :class:`Info` with its networks and data sets.

    Args:
        info (Info): The info, whose networks are built.
        states (dict): Optimizer to records of solver states, besides those in the message.

    Raises:
        KeyError: a network, data set or variable that does not exist.
        ValueError: a parameter that does not exist, or a generator nobody knows.
    """
    for optimizer in info.optimizers.values():
        _link_optimizer(info, optimizer, states or {})
    for monitor in info.monitors.values():
        _link_data(info, monitor)
        monitor.monitor_variables = [_variable(info, monitor, e.variable_name) for e in monitor.proto.monitor_variable]
        monitor.target = _sink(monitor.monitor_variables)
    for executor in info.executors.values():
        _link_executor(info, executor)


def _link_data(info, component):
    """Network, iterators, and the variables that data and generators fill."""
    proto = component.proto
    if proto.network_name not in info.networks:
        raise KeyError(f"'{proto.name}' is to run network '{proto.network_name}', there are: "
                       f"{', '.join(info.networks) or 'none'}")
    component.network = info.networks[proto.network_name]
    if not isinstance(component, Executor):
        component.data_iterators = OrderedDict()
        for name in proto.dataset_name:
            if name not in info.datasets:
                raise KeyError(f"'{proto.name}' is to read data set '{name}', there are: "
                               f"{', '.join(info.datasets) or 'none'}")
            component.data_iterators[name] = info.datasets[name].data_iterator
    component.dataset_assign = OrderedDict(
        (_variable(info, component, d.variable_name), d.data_name) for d in proto.data_variable)
    component.generator_assign = OrderedDict(
        (_variable(info, component, g.variable_name), _generator(g)) for g in proto.generator_variable)


def _variable(info, component, name):
    network = component.network
    name = info.renamed_variables.get(name, name)
    if name not in network.variables:
        raise KeyError(f"'{component.proto.name}' uses variable '{name}', which network '{network.name}' does not "
                       "have.")
    return network.variables[name]


def _generator(proto):
    from .. import initializer
    m = proto.multiplier
    if proto.type == "Normal":
        return initializer.NormalInitializer(m)
    if proto.type == "Uniform":
        return initializer.UniformInitializer((-m, m))
    if proto.type == "Range":
        return initializer.RangeInitializer(0, m)
    if proto.type == "Constant":
        return initializer.ConstantInitializer(m)
    raise ValueError(f'Generator type "{proto.type}" is not supported.')


def _matching(network, pattern):
    """Variables called ``pattern``, in which ``{loop}`` stands for the number of any repetition."""
    both = {**network.variables, **network.parameters}
    if pattern in both:
        return [(pattern, both[pattern])]
    parts = [re.escape(part) for part in re.split(r"\{[^}]*\}", pattern)]
    if len(parts) > 1:
        expression = re.compile(r"\[\d+\]".join(parts))
        found = [(name, variable) for name, variable in both.items() if expression.match(name)]
        if found:
            return found
    raise ValueError(f'Variable "{pattern}" is not found. (network \'{network.name}\')')


def _multipliers(network, entries):
    return OrderedDict((variable, entry.learning_rate_multiplier)
                       for entry in entries for _, variable in _matching(network, entry.variable_name))


def _sink(variables, one_input_grad=True):
    from .. import functions as F
    return F.sink(*[v.variable_instance for v in variables], one_input_grad=one_input_grad) if variables else None


def _link_optimizer(info, optimizer, states):
    _link_data(info, optimizer)
    proto = optimizer.proto
    optimizer.loss_variables = [_variable(info, optimizer, entry.variable_name) for entry in proto.loss_variable]
    multipliers = _multipliers(optimizer.network, proto.parameter_variable)
    optimizer.parameter_learning_rate_multipliers = multipliers
    trained = {}
    for variable, multiplier in multipliers.items():
        if variable.variable_instance is None:
            continue  # declared and used nowhere
        if multiplier > 0:
            trained[variable.name] = variable.variable_instance
        else:
            variable.variable_instance.need_grad = False
    optimizer.parameters = OrderedDict(sorted(trained.items()))
    optimizer.solver.set_parameters(trained)
    optimizer.solver_checkpoint = states.get(optimizer.name)
    restore_optimizer_state(optimizer)
    for variable in optimizer.loss_variables:
        variable.variable_instance.grad.fill(1.0 / max(1, variable.variable_instance.size))
    if len(optimizer.loss_variables) == 1:
        optimizer.target = optimizer.loss_variables[0].variable_instance
    else:
        optimizer.target = _sink(optimizer.loss_variables, one_input_grad=False)


def restore_optimizer_state(optimizer):
    """Set the states of an optimizer's solver to those that were in the file.

    Raises:
        RuntimeError: they do not fit the solver's parameters.
    """
    optimizer.solver.set_states_from_protobuf(optimizer.proto)
    if getattr(optimizer, "solver_checkpoint", None):
        optimizer.solver._take_over(optimizer.solver_checkpoint)


def _link_executor(info, executor):
    _link_data(info, executor)
    proto, network = executor.proto, executor.network
    executor.output_assign = OrderedDict(
        (_variable(info, executor, o.variable_name), [o.type, o.data_name]) for o in proto.output_variable)
    executor.parameters = OrderedDict((variable, name) for entry in proto.parameter_variable
                                      for name, variable in _matching(network, entry.variable_name))
    executor.forward_target = _sink(executor.output_assign)
    if executor.need_back_propagation:
        executor.loss_variables = [_variable(info, executor, entry.variable_name) for entry in proto.loss_variable]
        executor.parameter_learning_rate_multipliers = _multipliers(network, proto.parameter_variable)
        executor.backward_target = _sink(executor.loss_variables)
