"""How calls of operators become nodes of a graph, or are computed at once."""
import weakref

import torch

from . import modes, tape
from .dynamic import run_now, run_operator
from .function import Function
from .leaf import input_tensor, link_torch_leaf
from .nd_array import NdArray
from .outputs import attach, check_outputs, write_outputs
from .storage import Storage
from .variable import Container, Variable


def call(op, inputs, args, n_outputs=-1, outputs=None):
    """Call an operator on Variables (a graph node), NdArrays (at once) or torch tensors (at once)."""
    for x in inputs:
        if x.__class__ is not Variable:
            return call_other(op, inputs, args, n_outputs, outputs)
    if modes.auto_forward and outputs is None:
        return run_operator(op, inputs, args, n_outputs)
    return connect(Function(op, args), inputs, n_outputs, outputs)


# Other packages' kinds of input (graph definitions ...): class -> handler(op, inputs, args, n_outputs, outputs).
INPUT_HANDLERS: dict[type, object] = {}


def call_other(op, inputs, args, n_outputs, outputs, function=None):
    """Sort out calls whose inputs are not all plain Variables."""
    present = [x for x in inputs if x is not None]
    if op.variadic and len(present) != len(inputs):
        raise _refusal(op, inputs, args, None)
    for x in present:
        handler = INPUT_HANDLERS.get(type(x))
        if handler is not None:
            return handler(op, inputs, args, n_outputs, outputs)
    tensors = sum(isinstance(x, torch.Tensor) for x in present)
    if tensors and tensors == len(present):
        return call_on_tensors(op, inputs, args, n_outputs)
    for x in present:
        if not isinstance(x, (Variable, NdArray, torch.Tensor)):
            raise _refusal(op, inputs, args, x)
    if function is None:
        function = Function(op, args)
    if not op.variadic and len(present) != len(inputs):
        mask = tuple([x is not None for x in inputs])
        for declared, x in zip(op.inputs, inputs):
            if x is None and not declared.optional:
                raise _refusal(op, inputs, args, x, f" '{declared.name}'")
        function.leave_out(mask)
    if any(isinstance(x, NdArray) for x in present):
        return run_on_arrays(function, [_as_nd_array(x) for x in present], n_outputs, outputs)
    return connect(function, [_as_variable(x) for x in present], n_outputs, outputs)


def _refusal(op, inputs, args, received, name=""):
    """The error for an input that is no array: of the class that nnabla meets first.

    Defaults that are made of the first input's shape are read before the kinds of inputs are looked at.
    """
    kind = AssertionError
    if op.resolve is not None and not hasattr(inputs[0], "shape"):
        resolved = dict(args)
        try:
            op.resolve(resolved, *[None] * len(inputs))
        except TypeError:  # None has no length: the shape was asked for
            if any(a.nullable and resolved[a.name] is None for a in op.arguments):
                kind = AttributeError
        except ValueError:  # other arguments are wrong, too
            pass
    shown = "None" if received is None else type(received).__name__
    return kind(f"{op.name}: expected input{name} to be a Variable or NdArray (or torch.Tensor), received {shown}. "
                "Give an array; nn.Variable.from_numpy_array makes one of numbers.")


def call_function(function, inputs, n_outputs, outputs, auto_forward=None):
    """Connect (or run at once, for NdArrays) an existing Function object."""
    op = function.op
    if all(x.__class__ is Variable for x in inputs):
        return connect(function, inputs, n_outputs, outputs, auto_forward)
    return call_other(op, inputs, function.given, n_outputs, outputs, function)


def _as_nd_array(x):
    if isinstance(x, NdArray):
        return x
    return x.data if isinstance(x, Variable) else NdArray.from_tensor(x.detach())


def _as_variable(x):
    return variable_of(x) if isinstance(x, torch.Tensor) else x


def variable_of(tensor):
    """A Variable over a torch tensor's own memory and autograd history."""
    storage = Storage(tensor)
    storage.foreign = True
    container = Container(tuple(tensor.shape), storage)
    if tensor.requires_grad and tensor.is_leaf:
        link_torch_leaf(container, tensor)
    return Variable.over(container, tensor.requires_grad or None)


def call_on_tensors(op, inputs, args, n_outputs=-1):
    """Run an operator on torch tensors: plain torch, dtypes and devices as they come."""
    function = Function(op, args)
    present = inputs
    if None in [None if x is None else 0 for x in inputs]:
        function.leave_out(tuple([x is not None for x in inputs]))
        present = [x for x in inputs if x is not None]
    for x in present:
        assert isinstance(x, torch.Tensor), f"{op.name}: expected torch.Tensor beside torch.Tensor, received {type(x).__name__}"
    function.bind_now([tuple(x.shape) for x in present], n_outputs)
    present = [_as_kind(x, "tensor" if op.plain else function.input_kind(i)) for i, x in enumerate(present)]
    results = function.execute(present)
    return results[0] if len(results) == 1 else tuple(results)


def _as_kind(tensor, kind):
    """Integers are read as floating point where an operator computes, and the reverse for positions."""
    if kind == "tensor" and not tensor.is_floating_point():
        return tensor.to(torch.get_default_dtype())
    return tensor.long() if kind == "index" else tensor


def run_on_arrays(function, arrays, n_outputs, outputs):
    """Run at once on NdArrays; returns NdArray or a tuple of them."""
    op, target = function.op, function.target
    function.bind_now([a.shape for a in arrays], n_outputs)
    variables = [Variable.over(Container(a.shape, a.storage)) for a in arrays]
    tensors = [input_tensor(v, function.input_kind(i), target) for i, v in enumerate(variables)]
    results = [_unshared(r) for r in function.execute(tensors)] if not function.shares_storage() else None
    if results is None:
        shape = tuple(function.execute(tensors)[0].shape)
        return arrays[0].view(shape) if outputs is None else outputs[0].copy_from(arrays[0])
    if outputs is None:
        made = [NdArray.from_tensor(r) for r in results]
    else:
        made = write_outputs(op, results, outputs)
    return made[0] if len(made) == 1 else tuple(made)


def _unshared(tensor):
    return tensor if tensor._base is None else tensor.clone()


def connect(function, inputs, n_outputs=-1, outputs=None, auto_forward=None):
    """Make ``function`` a node over Variables; returns its output Variable, or a tuple of them."""
    if auto_forward if auto_forward is not None else modes.auto_forward:
        return run_now(function, inputs, n_outputs, outputs)
    op = function.op
    function.inputs = list(inputs)
    need_grad, rank, shapes = False, 0, []
    ref = weakref.ref(function)
    for v in inputs:
        if v._inferred if v._need_grad is None else v._need_grad:
            need_grad = True
        if v.rank > rank:
            rank = v.rank
        shapes.append(v.container.shape)
        v.add_consumer(ref)
    function.need_grad, function.rank = need_grad, rank
    function.bind(shapes, n_outputs)
    if op.data_dependent:
        target = function.target
        tensors = [input_tensor(v, function.input_kind(i), target).detach() for i, v in enumerate(inputs)]
        out_shapes = [tuple(r.shape) for r in function.execute(tensors)]
    else:
        out_shapes = function.infer(shapes)
    if outputs is not None:
        check_outputs(op, out_shapes, outputs)
    containers = [Container(shape, Storage()) for shape in out_shapes]
    if op.aliases and function.shares_storage():
        storage = inputs[0].container.storage
        storage.share()
        containers[0].storage = storage
    return attach(function, containers, rank + 1, need_grad, outputs)


def rebuild(root, replace_leaf):
    """A copy of the graph of ``root`` with each leaf replaced by ``replace_leaf(leaf)``."""
    new = {}

    def renewed(variable):
        if id(variable) not in new:
            new[id(variable)] = replace_leaf(variable)
        return new[id(variable)]

    for function in tape.ordered_functions((root,)):
        copy = function.copy()
        made = connect(copy, [renewed(v) for v in function.inputs], len(function.output_refs), auto_forward=False)
        for old, variable in zip(function.outputs, made if isinstance(made, tuple) else (made,)):
            variable._persistent, variable._recompute = old._persistent, old._recompute
            if old._need_grad is not None:
                variable._need_grad = old._need_grad
            new[id(old)] = variable
    return renewed(root)
