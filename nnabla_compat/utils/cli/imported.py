"""Network files as ``dump`` and ``function_info`` look at them: descriptions, with loops unrolled, and nothing built."""
import os
from collections import OrderedDict

from ...files import network_files, protobuf_parameters
from ...files.function_message import LOOP_CONTROL
from .utility import CommandError

EXTENSIONS = (".nnp", ".nntxt", ".prototxt", ".protobuf", ".h5")


class Imported:
    """What files hold together.

    Attributes:
        proto: The ``NNablaProtoBuf`` message.
        records (list of ParameterRecord): The parameters that have values.
        parameters (set of str): Their names, and those that unrolled loops give them.
    """

    def __init__(self):
        self.proto, self.records, self.parameters = protobuf_parameters.new_message(), [], set()


def import_files(files, expand=True, executor_index=None):
    """Read network files; says on standard output what it does.

    Args:
        files (list of str): Paths. Files of other kinds are passed over.
        expand (bool): Unroll loops.
        executor_index (int): Leave this executor and its network only.

    Returns:
        Imported

    Raises:
        CommandError: no file has an executor.
    """
    imported = Imported()
    for path in files:
        print(f"Importing {path}")
        if os.path.splitext(path)[1].lower() in EXTENSIONS:
            contents = network_files.read(path)
            imported.proto.MergeFrom(contents.proto)
            imported.records += contents.records
            imported.parameters.update(record.name for record in contents.records)
    if not imported.proto.executor:
        raise CommandError(f"expected a network file with an executor ({', '.join(EXTENSIONS)}), found none in: "
                           f"{', '.join(files)}")
    if executor_index is not None and executor_index < len(imported.proto.executor):
        _leave_executor(imported.proto, imported.proto.executor[executor_index])
    if expand:
        for network in imported.proto.network:
            print(f" Expanding {network.name}.")
        _expand(imported)
    return imported


def network_of(proto, component):
    """The network of an optimizer, monitor or executor."""
    for network in proto.network:
        if network.name == component.network_name:
            return network
    raise CommandError(f"'{component.name}' is to run network '{component.network_name}', there are: "
                       f"{', '.join(network.name for network in proto.network) or 'none'}")


def _leave_executor(proto, executor):
    print(f" Try to leave only executor[{executor.name}].")
    kept = protobuf_parameters.new_message()
    kept.network.append(network_of(proto, executor))
    kept.executor.append(executor)
    for field in ("network", "executor", "optimizer", "monitor"):
        proto.ClearField(field)
    proto.MergeFrom(kept)


def _expand(imported):
    """Put networks without loops in the place of those with loops."""
    from ...core.graph_def import ProtoGraph
    from ...core.graph_optimizer import IdentityRemover
    from ...core.loop_control import COPY
    proto = imported.proto
    for network in proto.network:
        if not any(function.type in LOOP_CONTROL for function in network.function):
            _sort(network)
            continue
        alone = protobuf_parameters.new_message()
        alone.network.add().CopyFrom(network)
        graph = ProtoGraph.from_proto(alone, param_scope=OrderedDict())
        graph.expand_loop_control()
        renamed, unrolled = {}, graph.default_graph()
        unrolled.execute_on_proto(IdentityRemover(renamed, lambda function: function.name.startswith(COPY)))
        network.CopyFrom(unrolled.as_proto())
        _sort(network)
        imported.parameters.update(unrolled.parameters)
        for component in (*proto.optimizer, *proto.monitor, *proto.executor):
            if component.network_name == network.name:
                _rename(component, renamed)


def _sort(network):
    """List the functions in nnabla_cli's order: what a function needs before it, branches in reverse order of depth."""
    functions, consumers = list(network.function), {}
    for i, function in enumerate(functions):
        for name in function.input:
            consumers.setdefault(name, []).append(i)
    done, finished = set(), []
    for first in range(len(functions)):
        stack = [] if first in done else [(first, None)]
        while stack:
            i, following = stack.pop()
            if following is None:
                done.add(i)
                following = iter([k for name in functions[i].output for k in consumers.get(name, ())])
            following_one = next((k for k in following if k not in done), None)
            if following_one is None:
                finished.append(i)
            else:
                stack += [(i, following), (following_one, None)]
    del network.function[:]
    network.function.extend(functions[i] for i in reversed(finished))


def _rename(component, renamed):
    for field, entries in component.ListFields():
        if field.name.endswith("_variable") and field.name != "parameter_variable":
            for entry in entries:
                entry.variable_name = renamed.get(entry.variable_name, entry.variable_name)


def add_import_arguments(parser):
    """Options that all commands reading network files this way have."""
    parser.add_argument("-I", "--import-format", default="NNP", help="format of the files: NNP")
    parser.add_argument("-E", "--nnp-import-executor-index", type=int, help="look at this executor only")
    parser.add_argument("--nnp-exclude-preprocess", action="store_true", help="accepted")
    parser.add_argument("--nnp-no-expand-network", action="store_true", help="leave loops as they are")
