"""A torch.nn.Module as a node of a graph of Variables."""
import weakref
from functools import partial

import torch

from ..engine import modes
from ..engine.calls import connect, variable_of
from ..engine.function import Function
from ..engine.leaf import input_tensor
from ..engine.nd_array import NdArray
from ..engine.variable import Variable
from ..parameter import get_parameter, set_parameter
from .names import scope_path
from .randomness import torch_random
from .structure import Slot, fill, flatten
from .tie import Tie


class TorchCall:
    """Calls a module with tensors in the places of its inputs, parameters and buffers, in this order.

    Args:
        module (torch.nn.Module): The module.
        arguments: Arguments and keywords, with a Slot for each input.
        n_inputs (int): Number of inputs.
        n_parameters (int): Number of parameters.
        names (list of str): Names of parameters and buffers.
    """

    def __init__(self, module, arguments, n_inputs, n_parameters, names):
        self.module, self.arguments, self.names = module, arguments, names
        self.n_inputs, self.n_parameters = n_inputs, n_parameters
        self.integers = False    # inputs are positions: the module takes no floating point numbers
        self.results = None      # how the tensors of the result are nested

    def own_tensors(self):
        """The module's parameters and buffers."""
        owners = {"": self.module, **dict(self.module.named_modules())}
        found = []
        for name in self.names:
            path, _, leaf = name.rpartition(".")
            owner = owners[path]
            found.append(owner._parameters[leaf] if owner._parameters.get(leaf) is not None else owner._buffers[leaf])
        return found

    def __call__(self, *tensors):
        inputs, given = tensors[:self.n_inputs], tensors[self.n_inputs:]
        wanted = [torch.int64] if self.integers else [t.dtype for t in given if t.is_floating_point()]
        if wanted:
            inputs = [t.to(wanted[0]) if t.is_floating_point() else t for t in inputs]
        args, named = fill(self.arguments, inputs)
        if not torch.compiler.is_compiling() and all(a is b for a, b in zip(given, self.own_tensors())):
            result = self.module(*args, **named)
        else:
            result = torch.func.functional_call(self.module, dict(zip(self.names, given)), args, named)
        found = []
        self.results = flatten(result, torch.Tensor, found)
        if not found:
            raise TypeError(f"{type(self.module).__name__}: expected tensors in what the torch module returns, received "
                            f"{type(result).__name__}")
        # What a function makes is its own: a module that returns its input would have two variables share it.
        found = [t.clone() if any(t is x for x in inputs) else t for t in found]
        return found[0] if len(found) == 1 else tuple(found)


class _TorchOperator:
    """The operator that a node of a torch module stands for."""

    inputs = arguments = ()
    overwrites = left_gradient = None
    wants = ()
    name = type_name = "TorchModule"
    resolve = shape = backward_reads = None
    variadic = True
    plain = data_dependent = aliases = keeps_dtype = keeps_inputs = needs_graph = False
    half, min_outputs, eager_rule = True, 1, False


_OPERATOR = _TorchOperator()


class TorchNode(Function):
    """A node whose inputs are the module's inputs, then its parameters, then its buffers."""

    shapes_known_for = output_shapes = None

    def __init__(self, call, ties, ctx=None):
        super().__init__(_OPERATOR, {}, ctx)
        self.call, self.ties = call, ties

    @property
    def name(self):
        return f"torch.{type(self.call.module).__name__}"     # nnabla has functions called Dropout, too

    @property
    def args(self):
        return {}

    arguments = args

    def copy(self):
        return TorchNode(self.call, self.ties, self.context)

    def input_kind(self, i):
        # A buffer comes as it is, too; recomputation works on a copy of it.
        return "as_is" if i < self.call.n_inputs + self.call.n_parameters else "buffer"

    def grad_depends_input_data(self, i, j):
        return True

    def grad_depends_output_data(self, i, o):
        return True

    def bind(self, shapes, n_outputs=-1):
        self.input_shapes = shapes
        # Not the node itself, which would be a cycle; recomputation repeats what is drawn from `rng`.
        self.bound = partial(_run, weakref.ref(self), rng=torch_random)

    rebind = bind

    def infer(self, shapes):
        """Output shapes, found by running the module once for each set of input shapes."""
        if self.shapes_known_for != shapes:
            self.output_shapes = self._try(shapes[:self.call.n_inputs])
            self.shapes_known_for = shapes
        return self.output_shapes

    def _try(self, shapes):
        call = self.call
        own = call.own_tensors()
        known = [v.container.storage.known_dtype for v in self.inputs[:call.n_inputs]]
        known = [torch.float32 if d is None or d.is_floating_point else d for d in known] or [torch.float32] * len(shapes)
        # Without computing anything if the module allows it, else on zeros; as numbers, else as positions.
        first = None
        for device, integers in (("meta", False), ("meta", True), (None, False), (None, True)):
            tensors = [torch.zeros(s, dtype=d, device=device or self.context.target.device) for s, d in zip(shapes, known)]
            call.integers = integers
            try:
                with torch.no_grad(), torch.random.fork_rng(devices=()):
                    results = call(*tensors, *[torch.empty_like(t, device="meta") if device else
                                               t.detach().clone().to(self.context.target.device) for t in own])
            except Exception as error:
                first = first or error
                continue
            results = [results] if isinstance(results, torch.Tensor) else results
            return [tuple(r.shape) for r in results]
        call.integers = False
        raise self.error(first, shapes) from first

    def error(self, error, shapes):
        """The module's own error, with the shapes it got."""
        if isinstance(error, NotImplementedError):
            return error
        given = ", ".join(str(tuple(s)) for s in shapes[:self.call.n_inputs])
        scope = modes.scope_name()
        where = f" (scope '{scope}')" if scope else ""
        return RuntimeError(f"{self.name}{where}: {error}. Input shapes: {given}; module: torch.nn.Module.")


def _run(node_ref, *tensors, rng):
    node = node_ref()
    if any([tie.sync() for tie in node.ties]):      # every one of them
        tensors = [input_tensor(v, "as_is", node.context.target) for v in node.inputs]
    results = node.call(*tensors)
    for tie in node.ties:       # a module may put new tensors in the place of its buffers
        tie.sync()
    dtype = node.context.target.dtype
    if isinstance(results, torch.Tensor):
        return results.to(dtype) if results.is_floating_point() else results
    return tuple([r.to(dtype) if r.is_floating_point() else r for r in results])


class _Origin:
    """What ``Variable.info`` of a torch module's parameter holds: which module it is."""

    initializer = None

    def __init__(self, module):
        self.module = weakref.ref(module)


def register(module):
    """Put the parameters and buffers of a torch module into the current parameter scope.

    Values already there, loaded from a file for example, go into the module.

    Returns:
        (list of str, int, list of Tie): names, how many of them are parameters, what keeps both sides together.

    Raises:
        RuntimeError: the scope holds the parameters of another torch module.
        ValueError: it holds a parameter of this name and another shape.
    """
    owners = dict(module.named_modules())
    parameters, buffers = ([name for name, _ in found()] for found in (module.named_parameters, module.named_buffers))
    ties = []
    for name in (*parameters, *buffers):
        path, _, leaf = name.rpartition(".")
        owner, key = owners[path], scope_path(name)
        variable = get_parameter(key)
        if variable is None:
            variable = variable_of(module.get_parameter(name) if name in parameters else module.get_buffer(name))
            variable.info = _Origin(module)
            set_parameter(key, variable)
        origin = variable.info
        if isinstance(origin, _Origin) and origin.module() not in (None, module):
            raise RuntimeError(f"{type(module).__name__}: the parameter scope already holds '{key}' of another torch "
                               "module. Call each module inside an nn.parameter_scope of its own.")
        variable.info = _Origin(module)
        ties.append(Tie(owner, leaf, variable))
    return [*parameters, *buffers], len(parameters), ties


def call_torch(module, *inputs, **named):
    """Call a torch.nn.Module on Variables: a node of the graph, run by each forward; in dynamic mode at once.

    ::

        with nn.parameter_scope("backbone"):
            h = call_torch(backbone, x)         # parameters backbone/layer1/0/conv1/weight, ...
        loss = F.mean(F.softmax_cross_entropy(PF.affine(h, 10), t))

    The parameters are registered in the current parameter scope, under their names with ``/`` for ``.``, so
    ``nn.get_parameters``, solvers, ``nn.save_parameters`` and ``nn.load_parameters`` take them in; they stay the
    module's own. Values that the scope already holds go into the module. Buffers, such as running statistics,
    are there with ``need_grad=False``. ``module.train()`` and ``module.eval()`` count when the graph runs.

    Building a graph runs the module once, on torch's meta device or on zeros, to learn the shapes it returns.

    Args:
        module (torch.nn.Module): The module.
        *inputs, **named: Its arguments. Variables and torch tensors, in tuples, lists and dicts too, become inputs of
            the node, the rest is passed on as it is. Floating point inputs are converted to the type of the module's
            parameters, which it computes in whatever the context says, results to the context's; a module that takes only integers (an embedding)
            gets them even if the Variable holds floats.

    Returns:
        Variable; or what the module returns, with Variables for its tensors.

    Raises:
        RuntimeError: the module refuses the shapes, or the scope holds the parameters of another torch module.
        TypeError: there is no Variable among the inputs, or no tensor in what the module returns.
    """
    found = []
    arguments = flatten((inputs, named), (Variable, NdArray, torch.Tensor), found)
    if found and all(isinstance(x, torch.Tensor) for x in found):
        return module(*inputs, **named)
    if not any(isinstance(x, Variable) for x in found) or any(isinstance(x, NdArray) for x in found):
        raise TypeError(f"{type(module).__name__}: expected Variables as inputs, received "
                        f"{', '.join(sorted({type(x).__name__ for x in found})) or 'none'}")
    variables = [variable_of(x) if isinstance(x, torch.Tensor) else x for x in found]
    names, n_parameters, ties = register(module)
    node = TorchNode(TorchCall(module, arguments, len(variables), n_parameters, names), ties)
    leaves = [tie.variable.get_unlinked_variable(need_grad=tie.variable.need_grad and not modes.no_grad) for tie in ties]
    made = connect(node, [*variables, *leaves])
    results = node.call.results
    if isinstance(results, Slot):
        return made
    return fill(results, made if isinstance(made, tuple) else (made,))
