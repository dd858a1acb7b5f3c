"""What nnabla's backward does about data that a forward pass has freed: functions run again, buffers taken hold of.

torch has what its gradients need by itself; this is for what users see, ``clear_called``.
"""
import heapq

from . import clearing
from .storage import CLEARED, FRESH

# Elementwise functions of nnabla's: their backward takes hold of the memory of all inputs and outputs, read or not, after
# which none counts as freed.
_HOLDS_ALL = frozenset("""
    Abs ACos ACosh AddScalar ASin ASinh ATan ATanh BinarySigmoid BinaryTanh Ceil Cos Cosh ELU Erf Exp Floor GELU HardSigmoid
    HardTanh Log LogSigmoid MaximumScalar MinimumScalar Mish MulScalar PowScalar RDivScalar ReLU6 ResetInf ResetNaN Round
    RPowScalar RSubScalar Sigmoid Sign Sin Sinc Sinh SoftPlus SoftSign Swish Tan Tanh TanhShrink
    AbsoluteError ATan2 BcAdd2 Div2 EpsilonInsensitiveLoss HuberLoss Maximum2 Minimum2 Mul2 Pow2 SquaredError Sub2
    """.split())


class FreedData:
    """Follows a backward pass of nnabla's from ``root``, to be made before the pass begins.

    Attributes:
        steps: (function, flags of its inputs, flags of its outputs) for each function that nnabla runs, again or backward: a
            flag is a pair (data freed, gradient freed). The flags of outputs are None where the function runs backward.
    """

    def __init__(self, root):
        self._freed, self._with_gradient = {}, set()
        self.steps = list(self._follow(_in_backward_order(root)))

    def settle(self):
        """After a pass that frees nothing: what nnabla leaves freed is freed, the rest isn't."""
        for array, freed in self._freed.items():
            if freed is not array.clear_called and not array.storage.shared:
                array.storage.drop(CLEARED if freed else FRESH)

    def _is_freed(self, v):
        return self._freed.setdefault(v.container.data, v.data.clear_called)

    def _follow(self, functions):
        for function in functions:
            run = []
            for v in _read_in_backward(function):
                self._collect(v, run)
            for again, unread in _with_unread_inputs(run):
                for v in again.inputs:
                    self._freed[v.container.data] = self._is_freed(v) or v in unread
                yield again, self._flags(again.inputs), self._flags(again.outputs)
            if function.op.type_name in _HOLDS_ALL:
                for v in (*function.inputs, *function.outputs):
                    self._freed[v.container.data] = False
            self._with_gradient.update(v.container for v in function.inputs if v.need_grad)
            yield function, self._flags(function.inputs), None

    def _collect(self, v, run):
        """Note the functions to be run for the data of ``v``, in running order."""
        if v.parent is None or not self._is_freed(v):
            return
        for u in v.parent.inputs:
            self._collect(u, run)
        for u in v.parent.outputs:
            self._freed[u.container.data] = False
        run.append(v.parent)

    def _flags(self, variables):
        return [(self._is_freed(v), v.grad.clear_called and v.container not in self._with_gradient) for v in variables]


def _read_in_backward(function):
    """The variables whose data a function's backward reads."""
    wanted = [i for i, v in enumerate(function.inputs) if v.need_grad]
    return [v for j, v in enumerate(function.inputs) if any(function.grad_depends_input_data(i, j) for i in wanted)] + [
        v for o, v in enumerate(function.outputs) if any(function.grad_depends_output_data(i, o) for i in wanted)]


def _with_unread_inputs(functions):
    """(function, variables to be freed after it) pairs: functions run again leave nothing that no gradient reads."""
    unread = dict(clearing.freed_in_forward(functions, [], (), "repeated"))
    return [(f, unread.get(f, ())) for f in functions]


def _in_backward_order(root):
    """The functions that gradients of ``root`` pass: by descending rank, then as they are found."""
    found, seen = [(-root.parent.rank, 0, root.parent)], {root.parent}
    while found:
        function = heapq.heappop(found)[2]
        if not function.need_grad:
            continue
        yield function
        for v in function.inputs:
            if v.need_grad and v.parent is not None and v.parent not in seen:
                seen.add(v.parent)
                heapq.heappush(found, (-v.parent.rank, len(seen), v.parent))
