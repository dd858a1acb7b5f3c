"""Graphs: the order of their functions, and how often any of them has changed.

Whatever changes a graph (rewiring, need_grad, shapes) counts; plans are then made anew before their next run.
"""

changes = 0     # read as an attribute of this module


def graph_changed():
    """Make every plan check itself before its next run."""
    global changes
    changes += 1


def ordered_functions(roots, starts=None, whole=False):
    """Functions that the roots depend on, inputs before consumers, left to right, each once.

    ``starts``, a list, is filled with where the part of each root starts. Composites come apart, unless wanted ``whole``.
    """
    ordered, seen, apart = [], set(), False
    for root in roots:
        if starts is not None:
            starts.append(len(ordered))
        if root._parent is None or id(root._parent) in seen:
            continue
        if root._parent.composed and not whole:
            root._parent.take_apart()
            apart = True
        stack = [(root._parent, 0)]
        seen.add(id(root._parent))
        while stack:
            function, i = stack.pop()
            inputs = function.inputs
            while i < len(inputs):
                variable = inputs[i]
                i += 1
                parent = variable._parent
                if parent is not None and id(parent) not in seen:
                    if parent.composed and not whole:
                        parent.take_apart()
                        parent, apart = variable._parent, True
                    seen.add(id(parent))
                    stack.append((function, i))
                    stack.append((parent, 0))
                    break
            else:
                ordered.append(function)
    if apart:
        refresh_nodes(ordered)     # ranks
    return ordered


def refresh_nodes(functions):
    """need_grad and rank of intermediates follow the leaves as they are now."""
    for function in functions:
        need_grad, rank = False, 0
        for v in function.inputs:
            need_grad = need_grad or v.need_grad
            rank = max(rank, v.rank)
        function.need_grad, function.rank = need_grad, rank + 1
        for ref in function.output_refs:
            variable = ref()
            if variable is not None:
                variable._inferred, variable.rank = need_grad, rank + 1
