"""Running graphs backward: one call of torch's engine over the recorded history.

Leaves accumulate into their ``.grad``, which is the storage behind ``Variable.g``. Callers that watch
each function (hooks, communicator callbacks) get a walk function by function over the same history.
"""
import numpy as np
import torch

from . import hooks, tape
from .nd_array import NdArray
from .storage import CLEARED, FILLED, WRITTEN, Storage

_seeds: dict[tuple, torch.Tensor] = {}


def backward(root, grad, clear_buffer, callbacks, pre_hook, post_hook):
    """See Variable.backward."""
    tensor, plan = _recorded(root)
    if tensor is None:
        return
    seed = _seed(root, grad, tensor)
    pre, post = hooks.function_pre_hooks, hooks.function_post_hooks
    stopped = _stopped_leaves(plan) if plan is not None and plan.version != tape.version() else ()
    if pre or post or pre_hook is not None or post_hook is not None or callbacks is not None:
        _backward_stepwise(root, plan, tensor, seed, _callback_list(callbacks), hooks.combined(pre, pre_hook),
                           hooks.combined(post, post_hook, local_first=True))
        if clear_buffer:
            _free(root, plan)
    elif clear_buffer:
        _free(root, plan)
        tensor.backward(seed)
    else:
        captured = _intermediates(root, plan)
        for _, t, _ in captured:
            t.grad = None
            t.retain_grad()
        tensor.backward(seed, retain_graph=True)
        for container, t, has_siblings in captured:
            _keep_gradient(container, t.grad, has_siblings)
            t.grad = None
    for leaf, value in stopped:
        leaf.grad = value


def _recorded(root):
    """The root's tensor with its history, and the plan that made it (None: function calls made it).

    A root that was never run, or run without recording (clear_buffer), is run now. (None, None) when
    there is nothing to differentiate.
    """
    plan, container = root._run, root.container
    storage = container.storage
    tensor = storage.autograd_tensor(container.shape)
    if plan is not None and plan.steps is not None:
        own = plan.env[plan.slots[id(root)]]
        if own is not None and (own is storage._tensor or own is storage.live or storage.shared):
            tensor = own
        else:
            plan = None     # another root's run computed this variable since
    if tensor is not None and tensor.requires_grad:
        return tensor, plan
    if tensor is None or (root._run is not None and root._run.record and not root._run.recorded):
        tape.forward(root, False, False, None, None)
        plan = root._run
        tensor = plan.env[plan.slots[id(root)]]
        if tensor.requires_grad:
            return tensor, plan
    return None, None


def _seed(root, grad, tensor):
    shape = root.container.shape
    if grad.__class__ is int or grad.__class__ is float:
        key = (grad, shape, tensor.dtype, tensor.device)
        seed = _seeds.get(key)
        if seed is None:
            seed = torch.full(shape, grad, dtype=tensor.dtype, device=tensor.device)
            if len(_seeds) < 256 and seed.numel() <= 1024:
                _seeds[key] = seed
        return seed
    if grad is None:
        return root.container.grad.tensor.detach().to(dtype=tensor.dtype, device=tensor.device)
    if isinstance(grad, NdArray):
        array = grad
    elif isinstance(grad, np.ndarray):
        array = NdArray.from_numpy_array(grad)
    elif isinstance(grad, (str, bytes)):
        raise TypeError(f"Variable.backward: expected grad as a scalar, array or None, received {type(grad).__name__}")
    elif isinstance(grad, torch.Tensor):
        array = NdArray.from_tensor(grad.detach())
    elif np.isscalar(grad):
        return torch.full(shape, float(grad), dtype=tensor.dtype, device=tensor.device)
    elif isinstance(grad, (list, tuple)):
        raise ValueError("Variable.backward: expected grad as a scalar, array or None, received a sequence; pass "
                         "numpy.array(...)")
    else:
        raise RuntimeError(f"Variable.backward: expected grad as a scalar, array or None, received {type(grad).__name__}")
    if array.shape != shape:
        raise RuntimeError(f"Variable.backward: expected grad of shape {shape}, received {array.shape}; gradients don't "
                           "broadcast")
    return array.tensor.detach().to(dtype=tensor.dtype, device=tensor.device)


def _stopped_leaves(plan):
    """Leaves that no longer need a gradient since the forward pass: (leaf tensor, gradient to put back)."""
    stopped = []
    for entry in (*plan.leaves, *plan.fresh_leaves):
        tensor, variable = plan.env[entry[0]], entry[1]
        if not variable.need_grad and tensor.requires_grad and tensor.is_leaf:
            stopped.append((tensor, None if tensor.grad is None else tensor.grad.clone()))
    return stopped


def _intermediates(root, plan):
    """(container, tensor with history, has siblings) of each variable between the leaves and the root."""
    if plan is not None:
        env = plan.env
        return [(c, t, many) for c, slot, many in plan.intermediates()
                if (t := env[slot]) is not None and t.requires_grad and not t.is_leaf]
    found = []
    for function in tape.ordered_functions((root,)):
        containers = function.output_containers
        for container in containers:
            if container is root.container:
                continue
            t = container.storage.autograd_tensor(container.shape)
            if t is not None and t.requires_grad and not t.is_leaf:
                found.append((container, t, len(containers) > 1))
    return found


def _keep_gradient(container, grad, has_siblings):
    storage = container.grad_storage
    if storage is None:
        if grad is None:
            return
        storage = container.grad_storage = Storage()
    if grad is not None:
        if storage.owner is not None:
            storage.unlink_owner()
        storage._tensor, storage.state = grad, WRITTEN
    elif has_siblings:
        storage.zero()


def _free(root, plan):
    """Let go of intermediate data and gradients: the history itself holds what backward needs."""
    for function in tape.ordered_functions((root,)) if plan is None else plan.functions:
        if function.op.keeps_inputs:
            continue
        for v in function.inputs:
            if v._parent is None or v._persistent or v.container is root.container:
                continue
            storage = v.container.storage
            if storage.shared or any(f.op.keeps_inputs for f in v.function_references):
                continue
            storage.drop(CLEARED)
            if v.container.grad_storage is not None:
                v.container.grad_storage.drop(CLEARED)
    if plan is not None:
        plan.forget_results()


def _callback_list(callbacks):
    if callbacks is None:
        return []
    if isinstance(callbacks, list):
        return callbacks
    if isinstance(callbacks, (tuple, str)) or not callable(callbacks):
        raise TypeError(f"Variable.backward: expected communicator_callbacks as a callback, a list of them or None, "
                        f"received {type(callbacks).__name__}")
    return [callbacks]


def _backward_stepwise(root, plan, root_tensor, seed, callbacks, pre, post):
    """The same gradients, function by function, with somebody watching."""
    slots, env = ({}, ()) if plan is None else (plan.slots, plan.env)

    def history(variable):
        slot = slots.get(id(variable))
        if slot is not None:
            return env[slot]
        if variable._parent is None and variable.need_grad and variable.container.grad_storage is not None:
            owner = variable.container.grad_storage.owner
            if owner is not None:
                return owner
        return variable.container.storage.autograd_tensor(variable.container.shape)

    functions = tape.ordered_functions((root,))
    order = sorted(range(len(functions)), key=lambda i: (-functions[i].rank, i))
    gradients = {id(root.container): seed}
    for i in order:
        function = functions[i]
        if not function.need_grad:
            continue
        outputs = [o for o in function.outputs if id(o.container) in gradients]
        if not outputs:
            continue
        if pre is not None:
            pre(function)
        _step_backward(function, outputs, history, gradients, root_tensor, root)
        if post is not None:
            post(function)
        for callback in callbacks:
            callback(function)
    for callback in callbacks:
        finish = getattr(callback, "finish", None)
        if finish is not None:
            finish()


def _step_backward(function, outputs, history, gradients, root_tensor, root):
    pairs = []
    for o in outputs:
        t = root_tensor if o.container is root.container else history(o)
        if t is not None and t.requires_grad:
            pairs.append((t, gradients[id(o.container)]))
    wanted, seen = [], set()
    for v in function.inputs:
        t = history(v) if v.need_grad else None
        if t is not None and t.requires_grad and id(t) not in seen:
            seen.add(id(t))
            wanted.append((v, t))
    if not pairs or not wanted:
        return
    grads = torch.autograd.grad([t for t, _ in pairs], [t for _, t in wanted], [g.to(t.dtype) for t, g in pairs],
                                retain_graph=True, allow_unused=True)
    for (v, t), g in zip(wanted, grads):
        if g is None:
            continue
        if v._parent is None:
            _add_to_leaf(v, t, g)
        else:
            held = gradients.get(id(v.container))
            g = g if held is None else held + g
            gradients[id(v.container)] = g
            _keep_gradient(v.container, g, False)


def _add_to_leaf(variable, tensor, grad):
    if tensor.is_leaf:
        tensor.grad = grad.clone() if tensor.grad is None else tensor.grad + grad
        return
    storage = variable.container.grad.storage
    if storage.zeroing or (storage.present() is None and storage.state != FILLED):
        storage.set(grad.clone())
    else:
        storage.set(storage.materialize(variable.container.shape).detach() + grad)
