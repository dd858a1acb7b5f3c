"""Descriptions of networks made and edited through the classes of ``core.graph_def``, alike on both libraries."""
from collections import OrderedDict
from importlib import import_module

import numpy as np

SCENARIOS = {}


def scenario(f):
    def run(library):
        parts = ("", ".functions", ".parametric_functions", ".core.graph_def")
        nn, F, PF, graph_def = (import_module(library + part) for part in parts)
        nn.clear_parameters()
        graph_def.reset_default_graph()
        return f(nn, F, PF, graph_def)
    SCENARIOS[f.__name__] = run
    return f


def described(network):
    def rows(variables):
        return [[k, v.name, list(v.shape), v.type, v.parent, v.required] for k, v in variables.items()]
    return {"name": network.name, "inputs": network.inputs, "outputs": network.outputs,
            "variables": rows(network.variables), "parameters": rows(network.parameters),
            "functions": [[k, f.name, f.type, f.args, f.inputs, f.outputs] for k, f in network.functions.items()]}


def recorded(nn, F, PF, graph_def):
    class Net(nn.Module):
        def call(self, x):
            h = F.relu(PF.affine(x, 4))
            return PF.affine(h, 3, name="b", fix_parameters=True) + 1

    with graph_def.graph() as g:
        Net()(nn.ProtoVariable((2, 5), name="x"))
    return g


@scenario
def descriptions_edited_through_messages(nn, F, PF, graph_def):
    g = recorded(nn, F, PF, graph_def)
    copy = g.default_graph().clone()
    x = copy.variables["x"]
    x.proto.name, x.proto.shape.dim[:] = "image", [7, 5]
    renames, rng = {}, np.random.RandomState(0)
    for v in copy.variables.values():
        v.prepare_renaming(renames)
    for v in copy.variables.values():
        v.update_from_proto(rng, renames)
    function = next(iter(copy.functions.values()))
    function.proto.name = "first"
    same = function.update_from_proto(renames) is function
    x.proto.initializer.type, x.proto.initializer.multiplier = "Constant", 3
    x.update_from_proto(rng, {})
    return {"network": described(g.default_graph()),
            "parameters": {k: [list(p.shape), p.need_grad] for k, p in g.get_parameters().items()},
            "flags": [v.need_grad for v in g.default_graph().parameters.values()],
            "renames": renames, "variable": [x.name, list(x.shape)], "same": same,
            "function": [function.name, function.args, function.inputs, function.outputs],
            "initial": x.initializer((2,))}


@scenario
def descriptions_of_single_functions(nn, F, PF, graph_def):
    utils = graph_def.__name__.split(".")[0] + ".utils"
    pb, load, save = (import_module(f"{utils}.{m}") for m in ("nnabla_pb2", "load_function", "save_function"))
    network, context = recorded(nn, F, PF, graph_def).default_graph(), nn.get_current_context()
    made = []
    for function in network.functions.values():
        message = pb.Function()
        save._create_function_nntxt(message, "again " + function.name, function)
        instance = load._create_function_instance(context, message)
        described = network.create_function_instance(context, message, network, load._create_function_instance)
        made.append([message.SerializeToString(deterministic=True).hex(), instance.name, instance.arguments, described.name, described.type,
                     described.args, described.inputs, described.repeat_id, described.repeat_param])
    try:
        load._create_function_instance(context, pb.Function(type="Nonsense"))
    except ValueError as e:
        made.append(type(e).__name__)
    return made


@scenario
def descriptions_built_by_hand(nn, F, PF, graph_def):
    builder = graph_def.ProtoGraphBuilder(name="mine")
    states = [builder.is_dirty()]
    builder.dirty()
    module = builder.get_module()
    states += [builder.is_dirty(), module.name, module.get_path_name(), builder.get_current().name]
    relu = import_module(F.__name__.split(".")[0] + ".function").ReLU(nn.get_current_context(), False)
    with graph_def.graph(name="called") as g:
        x = nn.ProtoVariable((2, 3), name="q")
        y = graph_def.ProtoFunction(relu, relu.name, relu.arguments)(inputs=[x], n_outputs=1)
    with graph_def.graph_name("flat"):
        z = F.relu(PF.affine(nn.ProtoVariable((2, 3)), 4))
    made = graph_def.get_default_graph()
    return {"states": states, "output": [list(y.shape), y.name, y.parent], "called": described(g.default_graph()),
            "names": list(made.networks), "flat": described(made.networks["flat"]),
            "default": [graph_def.get_default_graph("flat").name, graph_def.get_default_graph("other"),
                        graph_def.get_default_graph_by_variable(z).name]}


@scenario
def descriptions_written_from_graphs(nn, F, PF, graph_def):
    x = nn.Variable((2, 3))
    h = PF.affine(x, 4, name="l")
    y = F.tanh(h)
    params = {v.data: k for k, v in nn.get_parameters(grad_only=False).items()}
    with graph_def.graph(name="written") as g:
        with graph_def.ProtoGraphGenerator({"in": x, "out": y}, params) as write:
            y.visit(write)
    two = graph_def.create_graph_from_variable("two", [y, h], names={"x": x, "h": h})
    scope = OrderedDict()
    with nn.parameter_scope("", scope):
        z = PF.affine(x, 4, name="l")
    own = graph_def.create_graph_from_variable("own", z, parameter_scope=scope)
    return [described(g.default_graph()), list(g.get_parameters()), described(two.default_graph()),
            described(own.default_graph()), own.parameter_scope is scope, list(own(nn.Variable((2, 3))).shape)]
