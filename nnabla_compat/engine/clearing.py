"""Which buffers the clearing passes free: nnabla's rules, looked at once for each plan.

A buffer that a gradient reads is kept although torch keeps what it needs by itself: what users can read
after a pass, and ``clear_called``, are nnabla's.
"""

from .leaf import leaf_gradient

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
