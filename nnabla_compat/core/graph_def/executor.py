"""Executors of descriptions."""


class ProtoExecutor:
    """An executor of a file: which network to run, with which variables for which data."""

    def __init__(self, proto):
        self.proto = proto
        self.network_name, self.renaming = None, None

    @staticmethod
    def from_proto(proto):
        """The executor of an ``Executor`` message."""
        return ProtoExecutor(proto)

    @staticmethod
    def create_from_dict(executor, network):
        """The executor that a dict describes; see :func:`save`.

        Raises:
            ValueError: a variable that the network lacks.
        """
        from ...utils import nnabla_pb2
        outputs = executor.get("output", network.outputs)
        renaming = None
        if isinstance(outputs, dict):
            renaming = {variable.name: name for name, variable in outputs.items()}
        message = nnabla_pb2.Executor(name=executor["name"], network_name=executor["network"])
        for option in ("no_image_normalization", "num_evaluations", "repeat_evaluation_type", "need_back_propagation"):
            if executor.get(option) is not None:
                setattr(message, option, executor[option])
        known = {*network.variables, *(renaming or {}).values()}
        data_names = executor.get("remp", {})
        for names, entries in ((executor.get("data", network.inputs), message.data_variable),
                               (outputs, message.output_variable)):
            for name in names:
                if name not in known:
                    raise ValueError(f"{name} is not found in networks! (executor '{executor['name']}')")
                entries.add(variable_name=name, data_name=data_names.get(name, name))
        for name in executor.get("generator_variables", ()):
            message.generator_variable.add(variable_name=name, type="Constant", multiplier=0)
        for name in network.parameters:
            message.parameter_variable.add(variable_name=name)
        made = ProtoExecutor(message)
        made.network_name, made.renaming = executor["network"], renaming
        return made

    def get_network_renaming(self):
        """The network's name, and old to new names of its variables (or None)."""
        return self.network_name, self.renaming

    def as_proto(self):
        """Its ``Executor`` message."""
        return self.proto
