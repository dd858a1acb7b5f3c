"""Which buffers the clearing passes free: nnabla's rules, looked at once for each plan.

A buffer that a gradient reads is kept although torch keeps what it needs by itself: what users can read
after a pass, and ``clear_called``, are nnabla's.
"""

from sys import getrefcount

import torch

from .edge import remains
from .leaf import leaf_gradient
from .storage import CLEARED, WRITTEN

# Told about each function that ran: nnabla_compat.testing.clear_called_flag_recorder, while it is active.
recorder = None


def freed_in_forward(functions, starts, root_ids, what):
    """Pairs (function, variables whose data nobody needs once it ran), for ``functions`` in running order.

    Args:
        functions: The functions of one run.
        starts: Where in them the part of each root starts. What several roots use is kept, as in nnabla.
        root_ids: Ids of the variables that the run computes.
        what: "all" intermediates, those that are "unread" by gradients, or just the "recomputed" ones, which the first
            two comprise; in a run "repeated" in backward, the unread ones only.
    """
    uses, pairs = {}, []
    for k, function in enumerate(functions):
        if k in starts:
            uses = {}
        variables = []
        for variable in function.inputs:
            uses[id(variable)] = uses.get(id(variable), 0) + 1
            # Whoever ever consumed the variable counts, even when it is gone, as in nnabla.
            if (variable._parent is None or id(variable) in root_ids or variable._persistent
                    or uses[id(variable)] < len(variable._consumers)
                    or function.op.keeps_inputs or variable.container.storage.shared):
                continue
            if what == "all" or (variable._recompute and what != "repeated") or (
                    what in ("unread", "repeated") and not read_by_gradients(variable)):
                variables.append(variable)
        if variables:
            pairs.append((function, variables))
    return pairs


def read_by_gradients(variable):
    """Whether the gradient of a consumer or of the producer reads the data of ``variable``."""
    for function in variable.function_references:
        inputs = function.inputs
        if function.need_grad and any(function.grad_depends_input_data(i, j) for i in range(len(inputs))
                                      for j, v in enumerate(inputs) if v is variable):
            return True
    function = variable._parent
    outputs = [o for o, ref in enumerate(function.output_refs) if ref() is variable]
    return function.need_grad and any(function.grad_depends_output_data(i, o)
                                      for i in range(len(function.inputs)) for o in outputs)


def storages_freed_in_backward(functions, root):
    """Storages of data and of gradients that backward from ``root`` with clear_buffer lets go of.

    Args:
        functions: Those that lead to the root, inputs before consumers.
        root: Where gradients start.
    """
    data, grads, kept = [], [], {id(root.container.storage)}
    reached, consumed = {id(root)}, set()       # variables and their containers that gradients have come to
    for function in reversed(functions):
        if not function.need_grad:
            continue
        outputs = [ref() for ref in function.output_refs]
        if not any([id(v) in reached for v in outputs]):
            continue
        for v in function.inputs:
            consumed.add(id(v.container))
            if v.need_grad:
                reached.add(id(v))
        if function.op.keeps_inputs:
            kept.update([id(v.container.storage) for v in function.inputs])
            kept.update([id(v) for v in function.inputs])
        if function is root._parent:
            continue
        shares = function.op.aliases and function.shares_storage()
        for variable, container in zip(outputs, function.output_containers):
            if variable is not None and (variable._persistent or id(variable) in kept):
                continue
            grads.append(leaf_gradient(container))
            if not shares and id(container) in consumed and id(container.storage) not in kept:
                data.append(container.storage)
    return data + grads


# -- dynamic mode ------------------------------------------------------------------------------------

# Arrays below this size, in bytes, are kept: to see whether anybody holds them costs as much as to compute with them.
# Read as an attribute of this module.
freed_from = 1 << 14


def keep_all():
    """Free nothing from now on: gradients by users' backward functions (engine.backward_functions) may read anything."""
    global freed_from
    freed_from = float("inf")


def let_go_of_unheld(function):
    """Free what went into the inputs of ``function``, which has just run, where no gradient reads it and nobody holds it.

    nnabla's dynamic mode frees it at the moment a program lets go of its last variable; this is one step later.
    """
    for v in function.inputs:
        if v._parent is None:
            continue
        for u in v._parent.inputs:
            container = u.container
            storage, array = container.storage, container._data
            if (u._parent is None or storage.state != WRITTEN or not storage.regular or storage.alias or storage.aliased
                    or u._persistent or u._recompute or getrefcount(container) - _LOOKING > 2
                    or array is not None and getrefcount(array) - _LOOKING > 1
                    or getrefcount(storage) - _LOOKING > 1 + (array is not None)):
                continue
            consumers = [f for ref in u._consumers if (f := ref()) is not None]
            held = getrefcount(u) - _LOOKING - sum([x is u for f in consumers for x in f.inputs])
            if held <= 0 and not _read(u, consumers):
                tensor = storage._tensor
                if tensor.dtype is not torch.float32:
                    storage.dtype = tensor.dtype
                storage._tensor, storage.state, storage.live = None, CLEARED, remains(tensor)


def _references_while_looking():
    for u in [object()]:        # which the list holds
        return getrefcount(u) - 1


_LOOKING = _references_while_looking()
_inputs_read: dict[tuple, frozenset] = {}


def _read(variable, consumers):
    for f in consumers:
        if f.composed or f.need_grad and any([x is variable and j in _positions_read(f) for j, x in enumerate(f.inputs)]):
            return True
    producer = variable._parent
    if not producer.need_grad:
        return False
    k = next((o for o, ref in enumerate(producer.output_refs) if ref() is variable), 0)
    return any([producer.grad_depends_output_data(i, k) for i in range(len(producer.inputs))])


def _positions_read(function):
    """Which inputs the gradients read."""
    places = range(len(function.inputs))
    if function.mask is not None or callable(function.op.backward_reads):
        return {j for j in places if any([function.grad_depends_input_data(i, j) for i in places])}
    key = (function.op, len(places))
    if key not in _inputs_read:
        _inputs_read[key] = frozenset([j for j in places if any([function.grad_depends_input_data(i, j) for i in places])])
    return _inputs_read[key]
