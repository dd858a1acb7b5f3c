"""Dynamic mode: functions run at the moment they are called."""
import weakref

import torch

from ..registry import Operator
from . import modes
from .function import Function
from .leaf import input_tensor
from .outputs import attach, check_outputs
from .storage import WRITTEN, Storage
from .variable import Container, Variable

_new_variable = object.__new__


def run_now(function, inputs, n_outputs=-1, outputs=None):
    """Run ``function`` on the Variables' present data and make it a node (dynamic mode)."""
    op, target = function.op, function.target
    if modes.no_grad and function.__class__ is Function and op.__class__ is Operator:
        return _run_unlinked(function, inputs, n_outputs, outputs)
    need_grad, rank, tensors = False, 0, []
    function.inputs = list(inputs)
    ref = weakref.ref(function)
    plain, cpu, dtype = op.plain, target.is_cpu, target.dtype
    for i, v in enumerate(inputs):
        wish = v._need_grad
        if v._inferred if wish is None else wish:
            need_grad = True
        if v.rank > rank:
            rank = v.rank
        storage = v.container.storage
        if (wish is None and plain and cpu and v._parent is not None and storage.state == WRITTEN and storage.regular
                and storage._tensor.dtype is dtype):
            tensors.append(storage._tensor)      # an intermediate as it was computed: the common case
        else:
            tensors.append(input_tensor(v, "tensor" if plain else function.input_kind(i), target))
        consumers = v._consumers
        if consumers is None:
            v._consumers = [ref]
        else:
            v.add_consumer(ref)
    function.need_grad, function.rank = need_grad, rank
    if modes.no_grad:
        tensors = [t.detach() if t.requires_grad else t for t in tensors]
    kernel, args = _kernel_now(function, inputs, n_outputs)
    try:
        results = kernel(*tensors, **args)
    except (ValueError, TypeError, IndexError, RuntimeError) as error:
        raise function.error(error, [v.container.shape for v in inputs]) from error
    if results.__class__ is torch.Tensor and outputs is None and not modes.no_grad and not op.aliases:
        base = results._base
        if base is not None and base.is_leaf:
            results = results.clone()
        container = Container(tuple(results.shape), Storage(results))
        variable = _new_variable(Variable)
        variable._setup(container, None, need_grad, rank + 1, function)
        function.output_refs, function.output_containers = [weakref.ref(variable)], [container]
        return variable
    results = [results] if isinstance(results, torch.Tensor) else results
    return _attach_results(function, results, rank + 1, need_grad, outputs)


def _kernel_now(function, inputs, n_outputs):
    """What to call with tensors, and with which arguments."""
    op = function.op
    if (function.__class__ is Function and op.resolve is None and not op.wants and not op.creates and function.mask is None
            and not op.eager_rule):
        return op.kernel, function.given     # nothing to bind: a later run of the graph does it
    function.bind_now([v.container.shape for v in inputs], n_outputs)
    return function.bound, {}


def _run_unlinked(function, inputs, n_outputs, outputs):
    """Run a function whose outputs will be leaves: dynamic mode inside ``no_grad``."""
    op, target, tensors = function.op, function.target, []
    direct = op.plain and target.is_cpu
    for i, v in enumerate(inputs):
        storage = v.container.storage
        if direct and storage.state == WRITTEN and storage.regular and storage._tensor.dtype is target.dtype:
            tensors.append(storage._tensor)
        else:
            tensors.append(input_tensor(v, function.input_kind(i), target))
    kernel, args = _kernel_now(function, inputs, n_outputs)
    recording = torch.is_grad_enabled()
    torch._C._set_grad_enabled(False)   # torch.no_grad() costs as much as a small kernel
    try:
        results = kernel(*tensors, **args)
    except (ValueError, TypeError, IndexError, RuntimeError) as error:
        raise function.error(error, [v.container.shape for v in inputs]) from error
    finally:
        torch._C._set_grad_enabled(recording)
    if results.__class__ is torch.Tensor and outputs is None and not op.aliases:
        if results._base is not None:
            results = results.clone()
        return Variable.over(Container(tuple(results.shape), Storage(results)))
    return _attach_results(function, [results] if isinstance(results, torch.Tensor) else results, 0, False, outputs)


def _attach_results(function, results, rank, need_grad, outputs):
    op = function.op
    containers = []
    aliased = op.aliases and function.shares_storage()
    for result in results:
        base = result._base
        if base is not None and not aliased and base.is_leaf:
            result = result.clone()
        containers.append(Container(tuple(result.shape), Storage(result)))
    if aliased:
        _share_memory(function.inputs[0].container.storage, containers[0].storage)
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


def _share_memory(source, view):
    """Let what is written to one storage be seen in the other, whose tensor is a view of it (unless it was converted)."""
    view.alias = True
    tensor = source.present()
    if tensor is not None and tensor.data_ptr() == view._tensor.data_ptr():
        source.aliased = view.aliased = True
