"""Networks, and what is needed to train and run them, into a file that nnabla reads."""
import os

from .. import parameter
from ..core.graph_def import create_graph_from_variable
from ..files import network_files, protobuf_parameters, solver_message
from ..logger import logger


def save(filename, contents, include_params=False, variable_batch_size=True, extension=".nnp", parameters=None,
         parameter_format=".h5", include_solver_state=False, solver_state_format=".h5"):
    """Save networks with their parameters, solvers, data sets, monitors and executors.

    ::

        save("net.nnp", {
            "networks": [{"name": "net", "batch_size": 16, "outputs": {"y": y}, "names": {"x": x}}],
            "executors": [{"name": "runtime", "network": "net", "data": ["x"], "output": ["y"]}]})

    A file given by name is replaced only once the new one is complete.

    Args:
        filename: File name, whose extension decides the format: ``.nnp`` (an archive with the parameters),
            ``.nntxt`` or ``.prototxt`` (text), ``.protobuf`` (binary); or an open file. With any other
            extension nothing is written, and a warning says so.
        contents (dict): What to save, see below.
        include_params (bool): Put the parameters of the current scope into a text or binary file.
        variable_batch_size (bool): Write -1 for the batch size, so that the network can be built with another one.
        extension (str): Format of an open file.
        parameters (dict): Name to Variable, for a ``.nnp``; all of the current scope by default.
        parameter_format (str): ``".h5"`` or ``".protobuf"``, for a ``.nnp``.
        include_solver_state (bool): Save the states of the solvers.
        solver_state_format (str): ``".h5"`` or ``".protobuf"``, for a ``.nnp``.

    ``contents`` may have these keys, all lists but the first two:

        * ``global_config``: ``default_context`` (Context).
        * ``training_config``: ``max_epoch``, ``iter_per_epoch``, ``save_best``; optionally ``monitor_interval``.
        * ``networks``: ``name``, ``batch_size``, ``outputs`` and ``names`` (both name to Variable).
        * ``datasets``: ``name``, ``uri``, ``variables`` (names), ``shuffle``, ``batch_size``,
          ``no_image_normalization``; optionally ``cache_dir``.
        * ``optimizers``: ``name``, ``solver``, ``network``, ``dataset`` (name or names), ``weight_decay``,
          ``lr_decay``, ``lr_decay_interval``, ``update_interval``; optionally ``data_variables`` (variable to data
          name), ``loss_variables``, ``generator_variables``.
        * ``monitors``: ``name``, ``network``, ``dataset``; optionally ``data_variables``, ``monitor_variables``,
          ``generator_variables``.
        * ``executors``: ``name``, ``network``; optionally ``data``, ``output``, ``remp`` (variable to data name),
          ``num_evaluations``, ``repeat_evaluation_type``, ``need_back_propagation``, ``no_image_normalization``,
          ``generator_variables``.

    Raises:
        KeyError: a required key is missing, or a network that is not among ``networks``.
        ValueError: a variable or data set that does not exist; a file name without extension.
        AssertionError: a network without outputs; a reshape that merges the batch with another axis, under
            ``variable_batch_size``.
    """
    ext = os.path.splitext(os.fspath(filename))[1] if isinstance(filename, (str, os.PathLike)) else extension
    archive = ext == ".nnp"
    proto = create_proto(contents, include_params and not archive, variable_batch_size,
                         include_solver_state and not archive)
    states = []
    if include_solver_state and archive:
        if solver_state_format not in (".h5", ".protobuf"):
            logger.error("solver_state_format: expected .h5 or .protobuf, received %s. .h5 is used.",
                         solver_state_format)
            solver_state_format = ".h5"
        states = [(o["name"], o["solver"].name, o["solver"]._records()) for o in contents.get("optimizers", ())]
    if parameters is None and archive:
        parameters = parameter.get_parameters(grad_only=False)
    if network_files.write(filename, proto, extension, parameters, parameter_format, states, solver_state_format):
        logger.info("Model file is saved as (%s): %s", ext, filename)
    else:
        logger.warning("save: nothing was written to %s: expected the extension .nnp, .nntxt, .prototxt or .protobuf.",
                       filename)


def create_proto(contents, include_params=False, variable_batch_size=True, save_solver_in_proto=False):
    """The ``NNablaProtoBuf`` message that :func:`save` writes; see there."""
    proto = protobuf_parameters.new_message()
    writer = _Writer(proto)
    if "global_config" in contents:
        context = contents["global_config"]["default_context"]
        target = proto.global_config.default_context
        target.backends[:] = context.backend
        target.array_class, target.device_id = context.array_class, context.device_id
    if "training_config" in contents:
        config = contents["training_config"]
        for key in ("max_epoch", "iter_per_epoch", "save_best"):
            setattr(proto.training_config, key, config[key])
        proto.training_config.monitor_interval = config.get("monitor_interval", 0)
    for network in contents.get("networks", ()):
        writer.write_network(network, variable_batch_size)
    for dataset in contents.get("datasets", ()):
        writer.write_dataset(dataset)
    for optimizer in contents.get("optimizers", ()):
        writer.write_optimizer(optimizer, save_solver_in_proto)
    for monitor in contents.get("monitors", ()):
        writer.write_monitor(monitor)
    for executor in contents.get("executors", ()):
        writer.write_executor(executor)
    if include_params:
        for name, variable in parameter.get_parameters(grad_only=False).items():
            protobuf_parameters.add_record(proto, name, variable.data.get_data("r"), variable.need_grad)
    return proto


class _Writer:
    """Fills a message; what comes later refers to networks and data sets that came before."""

    def __init__(self, proto):
        self.proto = proto
        self.networks, self.datasets = {}, set()

    def write_network(self, given, variable_batch_size):
        names = {**given["names"], **given["outputs"]}
        assert given["outputs"], f"network '{given['name']}': expected at least one output."
        graph = create_graph_from_variable(given["name"], list(given["outputs"].values()), names,
                                           parameter.get_current_parameter_scope())
        network = self.networks[given["name"]] = graph.default_graph()
        message = network.as_proto(variable_batch_size=variable_batch_size)
        message.batch_size = given["batch_size"]
        self.proto.network.append(message)

    def write_dataset(self, given):
        self.proto.dataset.add(
            name=given["name"], uri=given["uri"], cache_dir=given.get("cache_dir") or "", shuffle=given["shuffle"],
            batch_size=given["batch_size"], variable=list(given["variables"]),
            no_image_normalization=given["no_image_normalization"])
        self.datasets.add(given["name"])

    def write_optimizer(self, given, with_states):
        # An optimizer may stand without networks, for one that is to be trained further elsewhere.
        network = self._network(given["network"], KeyError) if self.networks else None
        solver, named = given["solver"], given["dataset"]
        message = self.proto.optimizer.add(name=given["name"], network_name=network.name if network else "None",
                                           update_interval=given["update_interval"])
        if not isinstance(named, str):
            self._check_datasets(named, "Invalid dataset_name is found in optimizer: {}")
            message.dataset_name[:] = named
        elif named in self.datasets:
            message.dataset_name.append(named)
        solver_message.write(message.solver, solver)
        for key in ("weight_decay", "lr_decay", "lr_decay_interval"):
            setattr(message.solver, key, given[key])
        self._write_data(message, given, given.get("data_variables", {}))
        for name in given.get("loss_variables", network.outputs if network else ()):
            message.loss_variable.add(variable_name=name)
        trained = solver.get_parameters()
        for name in network.parameters if network else parameter.get_parameters():
            message.parameter_variable.add(variable_name=name, learning_rate_multiplier=float(name in trained))
        if with_states:
            solver.set_states_to_protobuf(message)

    def write_monitor(self, given):
        network = self._network(given["network"], ValueError)
        named = [given["dataset"]] if isinstance(given["dataset"], str) else given["dataset"]
        self._check_datasets(named, "Invalid dataset name is found in monitor definition: {}")
        message = self.proto.monitor.add(name=given["name"], network_name=network.name, dataset_name=list(named))
        self._write_data(message, given, given.get("data_variables", {}))
        for name in given.get("monitor_variables", network.outputs):
            message.monitor_variable.add(variable_name=name, type="Error")

    def write_executor(self, given):
        network = self._network(given["network"], KeyError)
        message = self.proto.executor.add(name=given["name"], network_name=network.name)
        for key in ("no_image_normalization", "num_evaluations", "repeat_evaluation_type", "need_back_propagation"):
            if given.get(key) is not None:
                setattr(message, key, given[key])
        data_names = given.get("remp", {})
        data, outputs = given.get("data", network.inputs), given.get("output", network.outputs)
        for name in (*data, *outputs):
            if name not in network.variables:
                raise ValueError(f"{name} is not found in networks! (executor '{given['name']}', network "
                                 f"'{network.name}')")
        self._write_data(message, given, {name: data_names.get(name, name) for name in data})
        for name in outputs:
            message.output_variable.add(variable_name=name, data_name=data_names.get(name, name))
        for name in network.parameters:
            message.parameter_variable.add(variable_name=name)

    def _write_data(self, message, given, data):
        for name, data_name in data.items():
            message.data_variable.add(variable_name=name, data_name=data_name)
        for name in given.get("generator_variables", ()):
            message.generator_variable.add(variable_name=name, type="Constant", multiplier=0)

    def _network(self, name, error):
        if name not in self.networks:
            raise error(f"{name} is not found in networks. There are: {', '.join(self.networks) or 'none'}")
        return self.networks[name]

    def _check_datasets(self, names, text):
        for name in names:
            if name not in self.datasets:
                raise ValueError(text.format(name))
