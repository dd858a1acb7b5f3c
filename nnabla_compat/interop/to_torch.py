"""Networks of nnabla as torch.nn.Modules: Modules and functions, graphs, parameter scopes."""
from .. import parameter
from ..core.module import Module
from ..engine import modes
from ..engine.variable import Variable
from .network import Network, new_input
from .structure import flatten


def to_torch(source, *inputs, evaluate=None):
    """A torch.nn.Module that computes what an nnabla Module, or a function of Variables, computes.

    ::

        net = to_torch(Net(), (8, 3, 32, 32))
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        loss = torch.nn.functional.cross_entropy(net(images), labels)

    ``source`` is called twice, to build the graphs for training and for evaluation; ``train()`` and ``eval()`` choose
    between them. A Module is called with its ``training`` set. For a function the graph for evaluation is that of
    ``evaluate``; without one, it is the graph for training where batch normalization uses running statistics and
    dropout passes its input on.

    Any batch size will do unless the graph fixes it. Outside of ``torch.compile`` and ``torch.export`` other shapes
    will do as well: ``source`` is called again then. Random operators draw from torch's generator, see
    ``torch.manual_seed``. Python code in ``source`` runs only while graphs are built.

    Args:
        source (nnabla_compat.Module or callable): What to convert. A function's parameters are those it uses of the
            current parameter scope. Parameters are created if they do not exist.
        *inputs: Examples of the inputs: shapes (tuples of int), Variables, NdArrays, numpy arrays or torch tensors.
        evaluate (callable): As ``source``, for evaluation: ``to_torch(net, x, evaluate=lambda x: net(x, test=True))``.

    Returns:
        torch.nn.Module: takes and returns tensors, in tuples, lists and dicts as ``source`` returns Variables. Its
        parameters are those of nnabla, shared.

    Raises:
        ValueError: the graph has a leaf that is neither input nor parameter and holds no values.
    """
    if not callable(source):
        raise TypeError(f"to_torch: expected a Module or a function of Variables, received {type(source).__name__}; for a "
                        "graph use graph_to_torch, for a scope scope_to_torch")
    scope, is_module = parameter.get_current_parameter_scope(), isinstance(source, Module)

    def build(network, training, variables):
        with modes.switched("auto_forward", False), parameter.parameter_scope("", scope):
            outputs = _call(source, evaluate, training, variables)
            if is_module:
                network.make_available(source.get_parameters(grad_only=False))
                network.add_all()
            else:
                network.make_available(parameter.get_parameters(grad_only=False))
        return network.add_program(training, variables, outputs, not training and evaluate is None and not is_module)

    network = Network()
    network._build = build
    for training in (True, False):
        build(network, training, [new_input(x) for x in inputs])
    return network


def _call(source, evaluate, training, variables):
    if evaluate is not None and not training:
        return evaluate(*variables)
    if not isinstance(source, Module):
        return source(*variables)
    before = source.training
    source.training = training
    try:
        return source(*variables)
    finally:
        source.training = before


def graph_to_torch(inputs, outputs, parameters=None):
    """A torch.nn.Module that computes a graph of Variables.

    ::

        net = graph_to_torch([x], [y])

    In training it computes the graph as it is; after ``eval()`` batch normalization uses running statistics and dropout
    passes its input on. Any batch size will do unless the graph fixes it.

    Args:
        inputs (Variable or sequence of Variable): Where tensors come in; leaves, or intermediates to start from.
        outputs (Variable, or Variables in tuples, lists and dicts): What to compute.
        parameters (mapping of str to Variable): Names of leaves, such as ``net.get_parameters(grad_only=False)`` of a
            Module; those of the current parameter scope by default. Other leaves that hold values become constants.

    Returns:
        torch.nn.Module: as :func:`to_torch` makes them.

    Raises:
        ValueError: a leaf is neither input nor parameter and holds no values.
    """
    inputs = [inputs] if isinstance(inputs, Variable) else list(inputs)
    for v in (*inputs, *_variables(outputs)):
        if not isinstance(v, Variable):
            raise TypeError(f"graph_to_torch: expected Variables, received {type(v).__name__}")
    network = Network()
    network.make_available(parameter.get_parameters(grad_only=False) if parameters is None else parameters)
    for training in (True, False):
        network.add_program(training, inputs, outputs, not training)
    return network


def _variables(outputs):
    found = []
    flatten(outputs, Variable, found)
    return found


def scope_to_torch(scope=None):
    """The parameters of a scope as a torch.nn.Module without a forward: for optimizers, ``state_dict``, ``to`` and so on.

    Args:
        scope (dict, or mapping of str to Variable): A scope as ``nn.get_current_parameter_scope()`` gives it, which is
            the default, or named parameters, as ``Module.get_parameters(grad_only=False)`` gives them.

    Returns:
        torch.nn.Module: with the parameters and buffers that the scope has now.
    """
    scope = parameter.get_current_parameter_scope() if scope is None else scope
    network = Network()
    network.make_available(parameter.list_parameters(scope, False))
    network.add_all()
    return network
