"""Which buffers the clearing passes free: nnabla's rules, looked at once for each plan.

A buffer that a gradient reads is kept although torch keeps what it needs by itself: what users can read
after a pass, and ``clear_called``, are nnabla's.
"""


# Told about each function that ran: nnabla_compat.testing.clear_called_flag_recorder, while it is active.
recorder = None


def freed_in_forward(functions, starts, root_ids, what):
    """Pairs (function, variables whose data nobody needs once it ran), for ``functions`` in running order.

    Args:
        functions: The functions of one run.
        starts: Where in them the part of each root starts. What several roots use is kept, as in nnabla.
        root_ids: Ids of the variables that the run computes.
        what: "all" intermediates, those that are "unread" by gradients, or just the "recomputed" ones.
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
            if what == "all" or variable._recompute or (what == "unread" and not read_by_gradients(variable)):
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


def reached_in_backward(functions, root):
    """The functions that gradients of ``root`` pass, consumers before producers."""
    reached = {id(root)}
    for function in reversed(functions):
        outputs = [id(v) for ref in function.output_refs if (v := ref()) is not None]
        if function.need_grad and not reached.isdisjoint(outputs):
            reached.update(id(v) for v in function.inputs if v.need_grad)
            yield function


def freed_in_backward(functions, root):
    """Containers whose data, and containers whose gradients, backward from ``root`` with clear_buffer lets go of."""
    data, grads, kept, consumed = [], [], {id(root.container.storage)}, set()
    for function in reached_in_backward(functions, root):
        consumed.update(id(v.container) for v in function.inputs)
        if function.op.keeps_inputs:
            kept.update(id(v.container.storage) for v in function.inputs)
            kept.update(id(v) for v in function.inputs)
        if function is root._parent:
            continue
        for ref, container in zip(function.output_refs, function.output_containers):
            variable = ref()
            if variable is not None and (variable._persistent or id(variable) in kept):
                continue
            grads.append(container)
            if id(container) in consumed and id(container.storage) not in kept and not function.shares_storage():
                data.append(container)
    return data, grads
