"""Dynamic mode: functions run at the moment they are called."""
import weakref

import torch

from ..registry import Operator, Prepared
from . import clearing, context, modes
from .function import Function
from .leaf import input_tensor
from .outputs import attach, check_outputs
from .storage import WRITTEN, Storage
from .variable import Container, Variable

_new = object.__new__


# -- operators on variables: what nearly all calls are -----------------------------------------------

def run_operator(op, inputs, args, n_outputs, node=Function):
    """Call an operator on the Variables' present data; the outputs get a ``node``, except inside ``no_grad``."""
    if op.recalled:
        known = _known(op, inputs, args, n_outputs)
        kernel, given = known.kernel, _NOTHING
    elif op.unbound:
        known, kernel, given = None, op.kernel, args
    else:
        return run_now(Function(op, args), inputs, n_outputs)
    ctx = context.current_ctx
    target = ctx._target or ctx.target
    if not op.half:
        target = context.single(target)
    plain, dtype = op.plain and target.is_cpu, target.dtype
    unlinked = modes.no_grad
    if not unlinked:
        function = _new(node)
        ref = weakref.ref(function)
    need_grad, rank, tensors = False, 0, []
    for v in inputs:
        container, wish, computed = v.container, v._need_grad, v._parent is not None
        storage = container.storage
        tensor = storage._tensor
        if not (plain and storage.state == WRITTEN and storage.regular and tensor.dtype is dtype and tensor.is_cpu and (
                unlinked or (
                    wish is None if computed else
                    not tensor.requires_grad if not wish else
                    (gradient := container.grad_storage) is not None and gradient.owner is tensor and tensor.requires_grad))):
            # Neither as it was computed nor a leaf whose gradient is where it belongs.
            tensor = input_tensor(v, op.input_kind(len(tensors), args), target)
        tensors.append(tensor)
        if unlinked:
            continue
        if v._inferred if wish is None else wish:
            need_grad = True
        if v.rank > rank:
            rank = v.rank
        consumers = v._consumers
        if consumers is None:
            v._consumers = [ref]
        elif len(consumers) < 32:
            consumers.append(ref)
        else:
            v.add_consumer(ref)
    if unlinked:
        recording = torch.is_grad_enabled()
        torch._C._set_grad_enabled(False)   # torch.no_grad() costs as much as a small kernel
    try:
        results = kernel(*tensors, **given)
    except (ValueError, TypeError, IndexError, RuntimeError) as error:
        raise Function(op, args).error(error, [v.container.shape for v in inputs]) from error
    finally:
        if unlinked:
            torch._C._set_grad_enabled(recording)
    if not unlinked:
        function.op, function.given, function.context, function.inputs = op, args, ctx, list(inputs)
        function.need_grad, function.rank = need_grad, rank
        if known is None:
            function.args_resolved = args
        else:
            function.args_resolved, function.bound, function.input_shapes = known.args, known.bound, known.shapes
        if tensors[0].nbytes >= clearing.freed_from:
            clearing.let_go_of_unheld(function)
    if results.__class__ is torch.Tensor:
        container = _held(results, inputs, tensors) if not op.keeps_dtype else _as_stored(results, op, args, inputs, tensors)
        variable = _new(Variable)
        if unlinked:
            variable._setup(container, None)
        else:
            variable._setup(container, None, need_grad, rank + 1, function)
            function.output_refs, function.output_containers = [weakref.ref(variable)], [container]
        return variable
    containers = [_held(result, inputs, tensors) for result in results]
    if unlinked:
        return tuple([Variable.over(container) for container in containers])
    return attach(function, containers, rank + 1, need_grad, None)


_NOTHING: dict = {}


def _held(result, inputs, tensors):
    """A container of ``result``, which gets memory of its own where it shows what the user may write to: a leaf."""
    base = result._base
    if base is not None:
        for v, tensor in zip(inputs, tensors):
            if v._parent is None and (base is tensor or base is tensor._base):
                result = result.clone()
                break
    return Container(tuple(result.shape), Storage(result))


def _as_stored(result, op, args, inputs, tensors):
    """A container of ``result`` of an operator that keeps its input's dtype, and may share its memory."""
    if not args.get("inplace", True):
        return _held(result, inputs, tensors)
    source, view = inputs[0].container.storage, Storage(result)
    stored = source.present()
    if stored is not None and stored.dtype is not result.dtype:     # gradients wanted another one
        values = stored.detach().reshape(result.shape)
        view.set_as_stored(values if op.aliases else values.clone(), result)
    if op.aliases:
        view.alias = True
        if stored is not None and stored.data_ptr() == view._tensor.data_ptr():     # it wasn't copied on the way
            source.aliased = view.aliased = True
    return Container(tuple(result.shape), view)


# -- what shapes and arguments make of a call, which the next call like it need not find out again ---

class _Known:
    """The kernel of a call, checked for its shapes."""

    __slots__ = ("kernel", "bound", "args", "shapes")

    def __init__(self, op, shapes, args, n_outputs):
        function = Function(op, args)
        function.bind(shapes, n_outputs)
        function.infer(shapes)
        self.bound, self.args, self.shapes = function.bound, function.args_resolved, shapes
        direct = function.direct
        self.kernel = function.bound if direct is None else _one_call(direct) if direct.__class__ is Prepared else direct


def _one_call(prepared):
    kernel, steps = prepared.kernel, prepared.steps

    def run(*tensors):
        return kernel(*[steps[i](t) if i in steps else t for i, t in enumerate(tensors)])
    return run


_calls: dict[tuple, _Known] = {}
_MOST = 4096


def _known(op, inputs, args, n_outputs):
    count = len(inputs)     # a list costs as much as all the rest
    if count == 1:
        key = (op, n_outputs, inputs[0].container.shape, *args.values())
    elif count == 2:
        key = (op, n_outputs, inputs[0].container.shape, inputs[1].container.shape, *args.values())
    else:
        key = (op, n_outputs, *[v.container.shape for v in inputs], *args.values())
    known = _calls.get(key)
    if known is None:
        known = _Known(op, [v.container.shape for v in inputs], args, n_outputs)
        if 0.0 not in [args[name] for name in op.floats]:   # equal to -0.0
            if len(_calls) >= _MOST:
                _calls.clear()
            _calls[key] = known
    return known


# -- functions of all kinds --------------------------------------------------------------------------

def run_now(function, inputs, n_outputs=-1, outputs=None):
    """Run ``function`` on the Variables' present data and make it a node, except inside ``no_grad``."""
    op, target = function.op, function.target
    unlinked = modes.no_grad
    need_grad, rank, tensors = False, 0, []
    function.inputs = list(inputs)
    ref = weakref.ref(function)
    for i, v in enumerate(inputs):
        need_grad = need_grad or v.need_grad
        rank = max(rank, v.rank)
        tensors.append(input_tensor(v, function.input_kind(i), target))
        if not unlinked:
            v.add_consumer(ref)
    function.need_grad, function.rank = need_grad, rank
    if unlinked:
        tensors = [t.detach() if t.requires_grad else t for t in tensors]
    function.bind_now([v.container.shape for v in inputs], n_outputs)
    with torch.set_grad_enabled(torch.is_grad_enabled() and not (unlinked and op.__class__ is Operator)):
        results = function.execute(tensors)
    return _attach_results(function, results, rank + 1, need_grad, outputs)


def _attach_results(function, results, rank, need_grad, outputs):
    op, inputs = function.op, function.inputs
    tensors = [v.container.storage._tensor for v in inputs]
    if op.keeps_dtype:
        containers = [_as_stored(results[0], op, function.args_resolved, inputs, tensors)]
    else:
        containers = [_held(result, inputs, tensors) for result in results]
    if outputs is not None:
        check_outputs(op, [c.shape for c in containers], outputs)
        for container, array in zip(containers, outputs):
            if array is not None:
                array.storage.set(container.storage._tensor.reshape(array.shape))
    if modes.no_grad:
        made = [Variable.over(c) for c in containers]
        for v, array in zip(made, outputs or ()):
            v.container.data = array
        return made[0] if len(made) == 1 else tuple(made)
    return attach(function, containers, rank, need_grad, outputs)
