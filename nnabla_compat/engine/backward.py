"""Running graphs backward: one call of torch's engine over the recorded history.

Leaves accumulate into their ``.grad``, which is the storage behind ``Variable.g``. Callers that watch
each function (hooks, communicator callbacks) are called from hooks on the tensors between functions.
"""
from contextlib import nullcontext

import torch

from . import clearing, hooks, replay, tape
from .edge import Edge, history
from .freed_data import FreedData
from .leaf import leaf_gradient
from .plan import compute_missing, forward
from .seeds import lend, ones_for, refuse_unfit, seed_of
from .storage import CLEARED, WRITTEN


def backward(root, grad, clear_buffer, callbacks, pre_hook, post_hook):
    """See Variable.backward."""
    if root._run is not None and root._run.compiled is not None and root._run.compiled.backward(
            root, grad, clear_buffer, watched=callbacks is not None or pre_hook is not None or post_hook is not None
            or bool(hooks.function_pre_hooks or hooks.function_post_hooks) or clearing.recorder is not None):
        return
    tensor, plan = _recorded(root)
    freed = None
    if clearing.recorder is not None or plan is not None and plan.partial and not clear_buffer:
        freed = FreedData(root)
    if clearing.recorder is not None:
        clearing.recorder.starts_backward(root, grad if clear_buffer else None, freed.steps)
    if tensor is None:
        refuse_unfit(root, grad, torch.empty(0))    # even where none is wanted
        if clear_buffer and root._parent.need_grad:
            _free(root, plan, None if plan is not None else tape.ordered_functions((root,), whole=True))
        if clearing.recorder is not None:
            clearing.recorder.ends_backward()
        return
    pre, post = hooks.function_pre_hooks, hooks.function_post_hooks
    watched = pre or post or pre_hook is not None or post_hook is not None or callbacks is not None
    stopped = _stopped_leaves(plan) if plan is not None and plan.version != tape.changes else ()
    lent = fresh = False
    if not root._parent.op.keeps_inputs or tensor.requires_grad and root._parent.args_resolved["one_input_grad"]:
        seed, lent = seed_of(root, grad, tensor)
        outputs, seeds = (tensor,), (seed,)
    else:
        refuse_unfit(root, grad, tensor)
        if not root._parent.args_resolved["one_input_grad"]:
            outputs, seeds = _stored_gradients(root, plan)
            if not outputs:
                return
        elif watched:
            tensor = _record(root, plan)
            outputs, seeds = (tensor,), (torch.ones_like(tensor),)
        else:
            outputs, seeds = _ones(root, plan)
            fresh = True
    functions = None if plan is not None else tape.ordered_functions((root,), whole=True)    # function calls computed the root
    if watched:
        _backward_watched(root, plan, tensor, outputs, (seed.clone(),) if lent else seeds, clear_buffer, _callback_list(callbacks),
                          hooks.combined(pre, pre_hook), hooks.combined(post, post_hook, local_first=True))
    else:
        captured = _intermediates(root, plan, functions, clear_buffer)
        leaves = _plain_leaves(plan, captured) if captured or lent else None
        loan = lend(seed, leaves) if lent else None
        if lent and loan is None:
            seeds = (seed.clone(),)
        if clear_buffer:
            _free(root, plan, functions)
        if captured and leaves is not None:
            _capture(outputs, seeds, captured, leaves, not clear_buffer, loan, fresh)
        else:
            for _, t, _ in captured:
                t.grad = None
                t.retain_grad()
            if outputs and outputs[0].grad_fn is not None:      # else gradients stop right at the root
                _run_engine(outputs, seeds, not clear_buffer)
            if captured and plan is not None:
                _part_from_leaves(plan, captured)
            for container, t, has_siblings in captured:
                keep_gradient(container, t.grad, has_siblings)
                t.grad = None
            if loan is not None:
                loan.end_at_leaves()
    overwriting = plan.overwriting if plan is not None else [f for f in functions if f.spends_gradient()]
    if overwriting:
        _leave_gradients(overwriting, None if grad is None else root)
    for leaf, value in stopped:
        leaf.grad = value
    if freed is not None and not clear_buffer:
        freed.settle()
    if clearing.recorder is not None:
        clearing.recorder.ends_backward()


def _run_engine(outputs, seeds, keep_graph):
    """torch.autograd.backward without its examination of arguments, which costs as much as a layer."""
    if not outputs[0].is_cpu:    # torch hands settings of the calling thread to those of the devices
        torch.autograd.backward(outputs, seeds, retain_graph=keep_graph)
        return
    torch.autograd.Variable._execution_engine.run_backward(outputs, seeds, keep_graph, False, (), allow_unreachable=True,
                                                           accumulate_grad=True)


def _plain_leaves(plan, captured):
    """The leaves of a plan where their gradients can be put in place by hand; None where torch has to do it."""
    if (plan is None or plan.version != tape.changes or not plan.pure or _use_count is None
            or any([t.__class__ is not torch.Tensor for _, t, _ in captured])):
        return None
    leaves = {}
    for slot, *_ in (*plan.leaves, *plan.fresh_leaves):
        leaf = plan.env[slot]
        if leaf.requires_grad:
            if not leaf.is_leaf or not leaf.is_cpu or leaf._backward_hooks or leaf._post_accumulate_grad_hooks:
                return None
            leaves[id(leaf)] = leaf
    return list(leaves.values())


# How many hold a tensor; torch has had it since 2.1, as a method of its own.
_use_count = getattr(torch.Tensor, "_use_count", None)


def _capture(outputs, seeds, captured, leaves, keep_graph, loan, fresh):
    """Gradients of intermediates as they pass: ``retain_grad`` would copy each of them. ``fresh`` seeds are nobody else's."""
    grads = torch.autograd.Variable._execution_engine.run_backward(
        outputs, seeds, keep_graph, False, (*[t for _, t, _ in captured], *leaves), allow_unreachable=True, accumulate_grad=False)
    owned = set() if fresh else {id(seed) for seed in seeds}    # one tensor may be the gradient of several: each gets memory of its own
    for (container, _, has_siblings), grad in zip(captured, grads):
        if id(grad) in owned or loan is not None and grad is not None and loan.covers(grad):
            grad = grad.clone()
        keep_gradient(container, grad, has_siblings)
        if grad is not None:
            owned.add(id(grad))
    for leaf, grad in zip(leaves, grads[len(captured):]):
        if grad is None:
            continue
        if leaf.grad is not None:
            leaf.grad.data.add_(grad)
        elif (id(grad) in owned or grad.stride() != leaf.stride() or _use_count(grad) > 1
              or loan is not None and loan.covers(grad) or not _has_memory_alone(grad, owned)):
            leaf.grad = torch.empty_like(leaf, requires_grad=False).copy_(grad)
        else:
            leaf.grad = grad if grad._base is None else grad.new_empty(0).set_(grad)    # (no view any more)
        owned.add(id(grad))


def _has_memory_alone(grad, owned):
    """Whether nobody sees the memory of ``grad`` but a tensor it is a view of, which nobody holds."""
    base = grad._base
    return base is None or (id(base) not in owned and _use_count(base) <= 2)    # its view's and `base`


def _recorded(root):
    """The root's tensor with its history, and the plan that made it (None: function calls made it).

    A root that was never run is run now, from what its inputs hold; one that was run without recording
    (clear_buffer) is run again from the leaves. (None, None) when there is nothing to differentiate.
    """
    plan, container = root._run, root.container
    storage = container.storage
    tensor = storage.autograd_tensor(container.shape)
    spent = plan is not None and plan.record and not plan.recorded
    if plan is not None and plan.steps is not None:
        own = plan.env[plan.slots[id(root)]]
        if own is None:
            pass            # a backward pass with clear_buffer let go of everything
        elif (own is storage._tensor or own is storage.live or storage.shared):
            tensor = own
        elif not spent or (tensor is not None and tensor.requires_grad):
            plan, spent = None, False   # another root's run computed this variable since
    if tensor is not None and _leads_back(root, tensor, plan) and not spent:
        return tensor, plan
    if tensor is None and root._run is None and not storage.clear_called:
        compute_missing(root)
        tensor = storage.autograd_tensor(container.shape)
        return (tensor, None) if tensor.requires_grad else (None, None)
    if tensor is None or spent:
        with nullcontext() if plan is None else replay.repeated(plan):
            forward(root, False, False, None, None)
        storage.autograd_tensor(container.shape)    # compiled code leaves no history: this makes it
        plan = root._run
        tensor = plan.env[plan.slots[id(root)]]
        if _leads_back(root, tensor, plan):
            return tensor, plan
    return None, None


def _leads_back(root, tensor, plan):
    """Whether there is something to differentiate: torch's history, or what a sink at the end of a plan got."""
    if tensor.requires_grad or plan is None or not root._parent.op.keeps_inputs:
        return tensor.requires_grad
    for slot in plan.input_slots(root._parent):
        t = plan.result(slot)
        if t is not None and t.requires_grad:
            return True
    return False


def _record(root, plan):
    """The result of a sink with the history that its plan left out."""
    tensor, = root._parent.execute([plan.result(slot) for slot in plan.input_slots(root._parent)])
    plan.env[plan.slots[id(root)]] = root.container.storage._tensor = tensor
    return tensor


def _ones(root, plan):
    """Where a sink's backward starts, and with which gradients: ones. Leaves get them at once, in place of what they have."""
    starts = {}
    for v, slot in zip(root._parent.inputs, plan.input_slots(root._parent)):
        t = plan.result(slot)
        if not t.requires_grad:
            continue
        if v._parent is None and t.is_leaf and not t._backward_hooks and not t._post_accumulate_grad_hooks:
            t.grad = ones_for(t)
        else:
            starts[id(t)] = t
    return tuple(starts.values()), tuple([ones_for(t) for t in starts.values()])


def _stored_gradients(root, plan):
    """Where a sink's backward starts when it takes over the gradients its inputs hold."""
    outputs, seeds = [], []
    for v in root._parent.inputs:
        if v._parent is None:
            continue
        t = history(v.container) if plan is None else plan.result(plan.slots[id(v)])
        if t is not None and t.requires_grad:
            outputs.append(t)
            seeds.append(v.grad.tensor.detach().to(device=t.device, dtype=t.dtype, copy=True))
    return tuple(outputs), tuple(seeds)


def _stopped_leaves(plan):
    """Leaves that no longer need a gradient since the forward pass: (leaf tensor, gradient to put back)."""
    stopped = []
    for entry in (*plan.leaves, *plan.fresh_leaves):
        tensor, variable = plan.env[entry[0]], entry[1]
        if not variable.need_grad and tensor.requires_grad and tensor.is_leaf:
            stopped.append((tensor, None if tensor.grad is None else tensor.grad.clone()))
    return stopped


def _intermediates(root, plan, functions, persistent_only):
    """(container, tensor with history, has siblings) of each variable between the leaves and the root.

    ``functions`` lead to the root where no plan computed it.
    """
    if plan is not None:
        return [(c, t, many) for c, slot, many in (plan.persistent_intermediates() if persistent_only else plan.intermediates())
                if (t := plan.result(slot)) is not None and t.requires_grad and c is not root.container]
    found = []
    for function in functions:
        containers = function.output_containers
        for container, ref in zip(containers, function.output_refs):
            if persistent_only and not ((v := ref()) is not None and v._persistent) or container is root.container:
                continue
            t = history(container)
            if t is not None and t.requires_grad and not t.is_leaf:
                found.append((container, t, len(containers) > 1))
    return found


def _part_from_leaves(plan, captured):
    """Give a leaf's gradient memory of its own where torch took a view of an intermediate's."""
    kept = None
    for entry in plan.leaves:
        leaf = plan.env[entry[0]]
        if not leaf.requires_grad or not leaf.is_leaf:
            continue
        grad = leaf.grad
        if grad is not None and grad._base is not None:
            if kept is None:
                kept = {t.grad.untyped_storage().data_ptr() for _, t, _ in captured if t.grad is not None}
            if grad.untyped_storage().data_ptr() in kept:
                leaf.grad = grad.clone()


def keep_gradient(container, grad, has_siblings):
    """Let ``grad`` be the gradient of an intermediate; None, where nobody used it, is zeros if others were made with it."""
    if grad is None and container.grad_storage is None:
        return
    storage = leaf_gradient(container)
    if grad is not None:
        if storage.owner is not None:
            storage.unlink_owner()
        storage._tensor, storage.state = grad, WRITTEN
    elif has_siblings:
        storage.zero()


def _leave_gradients(overwriting, untouched):
    """Reduce kept gradients to what nnabla leaves of them; not that of ``untouched``, where another array was the seed."""
    for function in overwriting:
        container, storage = function.output_containers[0], function.output_containers[0].grad_storage
        if (storage is not None and storage.state != CLEARED and function.inputs[0].need_grad
                and (untouched is None or container is not untouched.container)):
            keep_gradient(container, function.op.left_gradient(
                container.grad.tensor.detach(), function.inputs[1].data.tensor, **function.args_resolved), False)


def _free(root, plan, functions):
    """Let go of intermediate data and gradients: the history itself holds what backward needs."""
    for storage in clearing.storages_freed_in_backward(functions, root) if plan is None else plan.freed_in_backward(root):
        tensor = storage._tensor
        if tensor is not None and tensor.dtype is not torch.float32:
            storage.dtype = tensor.dtype
        storage._tensor, storage.state, storage.live = None, CLEARED, None
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


class _Watch:
    """Calls hooks around the backward of each function while torch's engine runs the whole history.

    The gradient of a function's output is complete right before the function's own backward; what its
    backward did can be seen when the next function starts. Those are the moments for the hooks.
    """

    def __init__(self, root, pre, post, callbacks):
        self.root, self.pre, self.post, self.callbacks = root, pre, post, callbacks
        self.current = None
        self.started = set()
        self.partial = {}

    def contribution(self, container, k):
        """Hook on a node of torch's history whose k-th result is a part of the container's gradient."""
        def after(grads, _):
            if grads[k] is not None:
                part, sum_ = grads[k].detach(), self.partial.get(container)
                self.partial[container] = part if sum_ is None else sum_ + part
                keep_gradient(container, self.partial[container], False)
        return after

    def hook(self, function, container):
        def before(grad):
            if container is not self.root.container:
                # An output that nobody used gets no gradient from torch, and zeros in nnabla.
                keep_gradient(container, None if grad is None else grad.detach(), True)
            if id(function) not in self.started:
                self.started.add(id(function))
                self.finish()
                self.current = function
                if self.pre is not None:
                    self.pre(function)
        return before

    def finish(self):
        """The backward of the current function is over."""
        function, self.current = self.current, None
        if function is None:
            return
        if self.post is not None:
            self.post(function)
        for callback in self.callbacks:
            callback(function)


def _backward_watched(root, plan, root_tensor, outputs, seeds, clear_buffer, callbacks, pre, post):
    """The same gradients, with somebody watching each function."""
    watch = _Watch(root, pre, post, callbacks)
    found = _function_outputs(root, plan, root_tensor)
    handles = [t.register_hook(watch.hook(function, container)) for function, container, t in found]
    handles += [node.register_hook(watch.contribution(container, k))
                for node, k, container in _contributions([(c, t) for _, c, t in found if c is not root.container])]
    try:
        _run_engine(outputs, seeds, not clear_buffer)
        watch.finish()
    finally:
        for handle in handles:
            handle.remove()
    for callback in callbacks:
        finish = getattr(callback, "finish", None)
        if finish is not None:
            finish()
    if clear_buffer:
        _free(root, plan, None if plan is not None else tape.ordered_functions((root,), whole=True))


def _contributions(entries):
    """(node, k, container) for each node of torch's history whose k-th result goes into a container's gradient.

    ``entries`` are pairs of a container and its tensor.
    """
    ends = {edge: container for container, t in entries if (edge := Edge.of(t))[0] is not None}
    nodes, found = [node for node, _ in ends], []
    seen = set(nodes)
    while nodes:
        node = nodes.pop()
        for k, (following, output) in enumerate(node.next_functions):
            container = ends.get((following, output))
            if container is not None:
                found.append((node, k, container))
            if following is not None and following not in seen:
                seen.add(following)
                nodes.append(following)
    return found


def _function_outputs(root, plan, root_tensor):
    """(function, output container, tensor with history) of the graph."""
    if plan is not None:
        found = [(f, c, plan.result(slot)) for f, _, _, outs in plan.producers for c, slot in zip(f.output_containers, outs)]
    else:
        found = [(f, c, root_tensor if c is root.container else history(c))
                 for f in tape.ordered_functions((root,), whole=True) for c in f.output_containers]
    return [(f, c, t) for f, c, t in found if t is not None and t.requires_grad]
