"""One network of a file, ready to be converted: graphs of it, its torch module, random inputs and what it computes of them."""
import os
from collections import OrderedDict

import numpy as np
import torch

from .. import parameter
from ..engine import tape
from ..files import network_files
from ..files.function_message import LOOP_CONTROL
from ..interop import graph_to_torch
from ..registry import OPERATORS
from ..utils.nnp_graph import NnpLoader, NnpNetworkPass

EXTENSIONS = (".nnp", ".nntxt", ".prototxt", ".protobuf")

# Worst difference that still counts as the same, for outputs of the size of 1.
TOLERANCE = 1e-4


class NetworkFile:
    """A network in a file.

    Args:
        path (str): ``.nnp``, ``.nntxt``, ``.prototxt`` or ``.protobuf``.
        network (str): Its name; needed where the file has several.
        parameters (str): File of the parameters, where the network's own lacks them.
        batch_size (int): Batch size to build it with; the file's by default.

    Attributes:
        name (str), network (NnpNetwork), parameters (OrderedDict of str to Variable): The network as it is.
        functions (list of ProtoFunction): In the order they run.
        fixed (set of str): Parameters that are not trained.

    Raises:
        FileFormatError: a damaged file.
        NotImplementedError: operators that this package lacks; all are listed.
        ValueError: no such network, or parameters without values.
    """

    def __init__(self, path, network=None, parameters=None, batch_size=None):
        if os.path.splitext(path)[1] not in EXTENSIONS:
            raise ValueError(f"{path}: expected one of the extensions {', '.join(EXTENSIONS)}.")
        self.path, self.batch_size, self._scope = path, batch_size, OrderedDict()
        sources = [path] if parameters is None else [path, parameters]
        contents = network_files.read(sources)
        names = [n.name for n in contents.proto.network]
        if not names:
            raise ValueError(f"{path}: the file holds no network.")
        if network is None and len(names) > 1:
            raise ValueError(f"{path}: the file holds several networks, choose one with --network: {', '.join(names)}.")
        self.name = names[0] if network is None else network
        if self.name not in names:
            raise ValueError(f"{path}: no network '{self.name}', there are: {', '.join(names)}.")
        message = next(n for n in contents.proto.network if n.name == self.name)
        refuse("this package lacks operators of the network",
               [(f.type, f.name) for f in message.function if f.type not in OPERATORS and f.type not in LOOP_CONTROL])
        self.loader = NnpLoader(sources)
        self._scope = self.loader._params
        known = {record.name for record in contents.records}
        self.fixed = {record.name for record in contents.records if not record.need_grad}
        description = self.loader.network_dict[self.name].expand_loop_control()
        missing = [name for name, v in description.parameters.items() if v.required and name not in known]
        if missing:
            raise ValueError(f"{path}: no values for {len(missing)} parameters: {', '.join(missing[:8])}"
                             f"{' ...' if len(missing) > 8 else ''}. Name their file with --parameters.")
        self.network = self.build()
        run = {f: i for i, f in enumerate(tape.ordered_functions(list(self.network.outputs.values())))}
        self.functions = sorted(self.network.proto_network.forward_sequence(), key=lambda f: run.get(f.function_instance, -1))
        with parameter.parameter_scope("", self._scope):
            everything = parameter.get_parameters(grad_only=False)
        used = self.network.proto_network.parameters
        self.parameters = OrderedDict((n, everything[n]) for n in used if used[n].required)

    def build(self, change=None):
        """A graph of it; ``change`` (NnpNetworkPass) says what is to be different."""
        with parameter.parameter_scope("", self._scope):
            return self.loader.get_network(self.name, self.batch_size, change)

    def evaluating(self):
        """A graph that computes it as it is used after training: running statistics, no dropout."""
        change = NnpNetworkPass()
        change.set_batch_normalization_batch_stat_all(False)

        @change.on_generate_function_by_type("Dropout")
        def keep_everything(f):
            f.proto.dropout_param.p = 0
            return f
        return self.build(change)

    def module(self):
        """It as a torch module over these parameters; returns a tuple of the outputs."""
        return graph_to_torch(list(self.network.inputs.values()), tuple(self.network.outputs.values()), self.parameters)

    def random_inputs(self, seed=0, batch=None):
        """Inputs drawn at random, by name: normally distributed numbers, or positions where such are read.

        Args:
            seed (int): Of the draw.
            batch (int): Another batch size, for inputs whose first axis is that of the first input.
        """
        rng = np.random.RandomState(seed)
        limits = self._limits()
        made, first = OrderedDict(), None
        for name, variable in self.network.inputs.items():
            shape = variable.shape
            first = shape[:1] if first is None else first
            if batch is not None and shape and shape[:1] == first:
                shape = (batch, *shape[1:])
            made[name] = torch.from_numpy(rng.randint(0, limits[name], shape).astype(np.float32) if name in limits else
                                          np.asarray(rng.randn(*shape), np.float32))
        return made

    def _limits(self):
        """How many positions there are, for inputs that are positions."""
        limits = {}
        for f in self.functions:
            op = OPERATORS[f.type]
            for i, name in enumerate(f.inputs):
                declared = op.inputs[min(i, len(op.inputs) - 1)] if op.inputs else None
                if name in self.network.inputs and declared is not None and declared.kind == "index":
                    limits[name] = min(limits.get(name, 1 << 30), self._limit(f))
        return limits

    def _limit(self, f):
        shapes = [self.network.variables[name].shape for name in f.inputs]
        args = f.function_instance.args if f.function_instance is not None else f.args
        if f.type == "Embed":
            return shapes[1][0]
        if f.type == "OneHot":
            return min(args["shape"])
        if "axis" in args and isinstance(args["axis"], int) and shapes[0]:
            return shapes[0][args["axis"]]
        return 2

    @staticmethod
    def compute(network, inputs):
        """What a graph of it computes of inputs, by name."""
        for name, variable in network.inputs.items():
            variable.d = inputs[name].numpy()
        from .. import forward_all
        forward_all(list(network.outputs.values()))
        return OrderedDict((name, np.array(v.d)) for name, v in network.outputs.items())


def of_batch(source, network, parameters, size):
    """The network for another batch size; None where the file fixes it."""
    try:
        other = NetworkFile(source, network, parameters, size)
        first = next(iter(other.network.inputs.values()))
        return other if first.shape[:1] == (size,) and other.compute(other.network, other.random_inputs()) else None
    except (RuntimeError, ValueError):
        return None


def refuse(text, nodes):
    """Raise NotImplementedError naming operators and their nodes, if there are any ((type, name) pairs)."""
    by_type = OrderedDict()
    for type_, name in nodes:
        by_type.setdefault(type_, []).append(name)
    if by_type:
        raise NotImplementedError(f"{text}:\n" + "\n".join(f"  {t}: {', '.join(names)}" for t, names in by_type.items()))


def worst_difference(found, expected, what):
    """The largest difference between outputs, and which one has it.

    Args:
        found (sequence of torch.Tensor or numpy array): Outputs.
        expected (mapping of str to numpy array): What they should be, in the same order.
        what (str): For the error: what computed ``found``.

    Returns:
        (float, str)

    Raises:
        ValueError: they differ by more than rounding does.
    """
    worst, where = 0.0, next(iter(expected), "")
    for x, (name, y) in zip(found, expected.items(), strict=True):
        x = x.detach().cpu().numpy() if isinstance(x, torch.Tensor) else np.asarray(x)
        if x.shape != y.shape:
            raise ValueError(f"{what}: output '{name}' has shape {x.shape}, the network's {y.shape}.")
        x, y = x.astype(np.float64), y.astype(np.float64)
        same = (x == y) | (np.isnan(x) & np.isnan(y))
        difference = float(np.max(np.where(same, 0, np.abs(x - y)), initial=0))
        scale = max(1.0, float(np.max(np.abs(y[np.isfinite(y)]), initial=0)))
        if not difference <= TOLERANCE * scale:
            raise ValueError(f"{what}: output '{name}' differs from the network's by {difference:.3g}.")
        if difference > worst:
            worst, where = difference, name
    return worst, where
