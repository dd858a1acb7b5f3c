"""Networks, and what monitors record, in TensorBoard."""
from collections import Counter

from .. import monitor
from ..optional import require
from ..parameter import get_parameters


class TBGraphWriter:
    """A TensorBoard writer that also writes networks, and what monitors record::

        with TBGraphWriter(log_dir="logs") as tb:
            tb.from_variable(pred, output_name="prediction")
            tb.add_scalar("loss", loss.d, i)
            tb.add_monitors()
            train()

    Everything else is :class:`torch.utils.tensorboard.SummaryWriter`.

    Args:
        log_dir (str): Folder of the logs.
        comment (str): As of SummaryWriter.
        **kwargs: As of SummaryWriter.

    Raises:
        ImportError: The Python package tensorboard is missing.
    """

    def __init__(self, log_dir="log_out", comment="", **kwargs):
        require("tensorboard", purpose="writing TensorBoard logs")
        from torch.utils.tensorboard import SummaryWriter
        self._writer = SummaryWriter(log_dir, comment, **kwargs)

    def __getattr__(self, name):
        if name == "_writer":
            raise AttributeError(name)
        return getattr(self._writer, name)

    def __enter__(self):
        return self

    def __exit__(self, exc_type, exc_val, exc_tb):
        self.close()

    def close(self):
        """Write what is left, and take no more."""
        if self._observe in monitor.observers:
            monitor.observers.remove(self._observe)
        self._writer.close()

    def add_monitors(self):
        """Take what :mod:`nnabla_compat.monitor` writes until :meth:`close`: series and times as scalars, pictures as
        images, under the monitors' names."""
        if self._observe not in monitor.observers:
            monitor.observers.append(self._observe)

    def _observe(self, source, index, value):
        if not isinstance(value, list):
            self._writer.add_scalar(source.name, value, index)
            return
        from ..utils.image_utils import imread
        for number, path in enumerate(value):
            image = imread(path)
            name = f"{source.name}/{number}" if len(value) > 1 else source.name
            self._writer.add_image(name, image, index, dataformats="HWC" if image.ndim == 3 else "HW")

    def from_variable(self, leaf, output_name="output"):
        """Write the network of a variable.

        Functions stand in the scopes of their parameters, parameters under their registered names.

        Args:
            leaf (Variable): Output of the network.
            output_name (str): What to call it.
        """
        names = _Names({p.data: name for name, p in get_parameters(grad_only=False).items()}, leaf, output_name)
        nodes, known = [], set()

        def add_variable(v, inputs):
            name = names.of_variable(v)
            if name not in known:
                known.add(name)
                kind = "Parameter" if v.data in names.parameters else "Variable"
                nodes.append(_variable_node(name, kind, v.shape, inputs))
            return name

        def add_function(f):
            inputs = [add_variable(v, []) for v in f.inputs]
            name = names.of_function(f)
            nodes.append(_node(name, f.info.type_name, inputs, ",".join(f"{k}={v}" for k, v in f.info.args.items())))
            for v in f.outputs:
                add_variable(v, [name])

        leaf.visit(add_function)
        if leaf.parent is None:
            add_variable(leaf, [])
        self._write(nodes)

    def from_graph_def(self, graph_def):
        """Write a network definition.

        Args:
            graph_def (ProtoNetwork): With ``variables``, ``parameters``, ``functions`` and ``inputs`` by name.
        """
        made_by, read, nodes = {}, [], []
        for name, f in graph_def.functions.items():
            for output in _field(f, "outputs"):
                made_by.setdefault(output, []).append(name)
            read += _field(f, "inputs")
        kinds = {**{n: "Variable" for n in graph_def.variables}, **{n: "Variable" for n in graph_def.inputs},
                 **{n: "Parameter" for n in graph_def.parameters}}
        shown = {**graph_def.variables, **graph_def.parameters}
        if isinstance(graph_def.inputs, dict):
            shown = {**graph_def.inputs, **shown}
        for name, kind in kinds.items():
            if kind == "Parameter" or name in made_by or name in read or name in graph_def.inputs:
                nodes.append(_variable_node(name, kind, shown[name].shape, made_by.get(name, [])))
        for name, f in graph_def.functions.items():
            args = _field(f, "args", None) or {}
            text = ",".join(f"{k}={v}" for k, v in args.items())
            nodes.append(_node(name, _field(f, "type"), _field(f, "inputs"), text))
        self._write(nodes)

    def _write(self, nodes):
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.graph_pb2 import GraphDef
        from tensorboard.compat.proto.versions_pb2 import VersionDef
        graph = GraphDef(node=nodes, versions=VersionDef(producer=22))
        self._writer._get_file_writer().add_event(Event(graph_def=graph.SerializeToString()))


_NEEDED = object()


def _field(entry, name, default=_NEEDED):
    if isinstance(entry, dict):
        return entry[name] if default is _NEEDED else entry.get(name, default)
    return getattr(entry, name) if default is _NEEDED else getattr(entry, name, default)


class _Names:
    """Unique names of the nodes of one network."""

    def __init__(self, parameters, root, root_name):
        self.parameters = parameters
        self.variables = {id(root): root_name}
        self.functions = {}
        self.counts = Counter()

    def _numbered(self, base):
        self.counts[base] += 1
        return f"{base}_{self.counts[base] - 1}"

    def of_variable(self, v):
        if v.data in self.parameters:
            return self.parameters[v.data]
        if id(v) not in self.variables:
            scope, _, name = ("", "", "Input") if v.parent is None else self.of_function(v.parent).rpartition("/")
            base = name if v.parent is None else f"v_{name}"
            self.variables[id(v)] = self._numbered(f"{scope}/{base}" if scope else base)
        return self.variables[id(v)]

    def of_function(self, f):
        if f not in self.functions:
            names = [self.parameters[v.data] for v in f.inputs if v.data in self.parameters]
            scope = names[0].rpartition("/")[0] if names else ""
            self.functions[f] = self._numbered(f"{scope}/{f.name}" if scope else f.name)
        return self.functions[f]


def _variable_node(name, kind, shape, inputs):
    from tensorboard.compat.proto.attr_value_pb2 import AttrValue
    from tensorboard.compat.proto.node_def_pb2 import NodeDef
    from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
    from tensorboard.compat.proto.types_pb2 import DT_FLOAT
    shape = TensorShapeProto(dim=[TensorShapeProto.Dim(size=length) for length in shape])
    attributes = {"shape": AttrValue(shape=shape), "dtype": AttrValue(type=DT_FLOAT)}
    return NodeDef(name=name, op=kind, input=inputs, attr=attributes)


def _node(name, kind, inputs, parameters):
    from tensorboard.compat.proto.attr_value_pb2 import AttrValue
    from tensorboard.compat.proto.node_def_pb2 import NodeDef
    return NodeDef(name=name, op=kind, input=inputs, attr={"parameters": AttrValue(s=parameters.encode())})
