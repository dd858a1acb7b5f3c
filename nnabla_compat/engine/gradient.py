"""nn.grad: gradients as variables of the graph, to any order."""
from functools import partial

import numpy as np
import torch

from . import tape
from .calls import connect
from .function import Function
from .nd_array import NdArray
from .variable import Variable


class _GradientOperator:
    """Differentiates the history of its first inputs with respect to the next ones."""

    type_name = name = "Grad"
    inputs = ()
    arguments = ()
    overwrites = left_gradient = None
    wants = ()
    resolve = shape = backward_reads = None
    variadic = needs_graph = True
    data_dependent = aliases = keeps_dtype = plain = False
    keeps_inputs = False
    half, min_outputs, eager_rule = True, 1, False


_OPERATOR = _GradientOperator()

# The operators' layer says how to make a constant variable of 0.
make_zero = None


class _GradientNode(Function):
    """The node behind nn.grad: inputs are the outputs to differentiate, the inputs, then given gradients."""

    def __init__(self, n_outputs, n_inputs, scales):
        super().__init__(_OPERATOR, {})
        self.n_outputs, self.n_inputs, self.scales = n_outputs, n_inputs, scales

    def copy(self):
        return _GradientNode(self.n_outputs, self.n_inputs, self.scales)

    def input_kind(self, i):
        """What it differentiates with respect to is what functions got: not converted, or history doesn't lead there."""
        return "as_is" if 0 <= i - self.n_outputs < self.n_inputs else "tensor"

    def bind(self, shapes, n_outputs=-1):
        self.input_shapes = shapes
        self.bound = partial(_differentiate, self.n_outputs, self.n_inputs, self.scales)

    rebind = bind

    def infer(self, shapes):
        return list(shapes[self.n_outputs:self.n_outputs + self.n_inputs])


def _differentiate(n_outputs, n_inputs, scales, *tensors):
    outputs, inputs = tensors[:n_outputs], tensors[n_outputs:n_outputs + n_inputs]
    given = iter(tensors[n_outputs + n_inputs:])
    seeds = [next(given) if s is None else torch.full_like(o, s) for o, s in zip(outputs, scales)]
    pairs = [(o, s) for o, s in zip(outputs, seeds) if o.requires_grad]
    wanted = [t for t in inputs if t.requires_grad]
    grads = iter(torch.autograd.grad([o for o, _ in pairs], wanted, [s for _, s in pairs], create_graph=True,
                                     allow_unused=True) if pairs and wanted else [None] * len(wanted))
    results = []
    for t in inputs:
        g = next(grads) if t.requires_grad else None
        if g is not None and g.is_leaf:
            g = g.clone()    # the very gradient that was given: the result is a tensor of its own
        results.append((torch.zeros_like(t) if g is None else g).to(outputs[0].dtype))
    return results[0] if n_inputs == 1 else tuple(results)


def grad(outputs, inputs, grad_outputs=None, persistent_outputs=[], bind_grad_output=False):
    """Gradients of the sum of ``outputs`` with respect to ``inputs``, as new differentiable variables.

    Args:
        outputs (Variable or iterable of Variable): What to differentiate.
        inputs (Variable or iterable of Variable): With respect to what; leaves, parameters or intermediates.
        grad_outputs: Gradient of each output: None for ones, a scalar for all, or a list of None, scalar,
            numpy.ndarray, NdArray or Variable of the output's shape.
        persistent_outputs (list of bool): Whether each output keeps its data in clearing passes; all by default.
        bind_grad_output (bool): Let ``input.grad`` be the gradient's data.

    Returns:
        list of Variable: One for each input, shaped as it. Zeros where an output doesn't depend on the input:
        of shape () if the input isn't in the graph at all.

    Raises:
        ValueError: a list has the wrong length, or an element the wrong type or shape.
    """
    from . import backward_functions    # here: it builds on this module
    outputs, inputs = _variables("outputs", outputs), _variables("inputs", inputs)
    scales, given = _seeds(outputs, grad_outputs)
    persistent = list(persistent_outputs) or [True] * len(outputs)
    if len(persistent) != len(outputs):
        raise ValueError(f"nn.grad: expected {len(outputs)} entries in persistent_outputs, received {len(persistent)}")
    for output, keep in zip(outputs, persistent):
        if output.parent is None:
            raise AttributeError(f"nn.grad: output of shape {output.shape} is a leaf: it has no parent to differentiate")
        output.persistent = keep
    nodes, by_users = {}, False
    for function in tape.ordered_functions(outputs):
        by_users = by_users or backward_functions.is_registered_by_user(function)
        for v in (*function.inputs, *function.outputs):
            if v.need_grad or v.container not in nodes:     # of twins, the one that takes gradients
                nodes[v.container] = v
    in_graph = [nodes.get(v.container) for v in inputs]
    found = [v for v in in_graph if v is not None]
    results = iter(())
    if found and by_users:
        results = iter(backward_functions.walk(outputs, scales, given, found))
    elif found:
        node = _GradientNode(len(outputs), len(found), scales)
        made = connect(node, [*outputs, *found, *given])
        results = iter(made if isinstance(made, tuple) else (made,))
    gradients = []
    for variable, present in zip(inputs, in_graph):
        gradient = next(results) if present is not None else make_zero()
        if bind_grad_output and present is not None:
            variable.grad = gradient.data
        gradients.append(gradient)
    return gradients


def _variables(what, value):
    if isinstance(value, Variable):
        return [value]
    value = list(value)
    for v in value:
        if not isinstance(v, Variable):
            raise ValueError(f"nn.grad: expected Variables in {what}, received {type(v).__name__}")
    return value


def _seeds(outputs, grad_outputs):
    if grad_outputs is None or np.isscalar(grad_outputs):
        return [1.0 if grad_outputs is None else float(grad_outputs)] * len(outputs), []
    if isinstance(grad_outputs, (Variable, NdArray, np.ndarray)):
        grad_outputs = [grad_outputs]
    grad_outputs = list(grad_outputs)
    if len(grad_outputs) != len(outputs):
        raise ValueError(f"nn.grad: expected {len(outputs)} entries in grad_outputs, received {len(grad_outputs)}")
    scales, given = [], []
    for output, value in zip(outputs, grad_outputs):
        if value is None or np.isscalar(value):
            scales.append(1.0 if value is None else float(value))
            continue
        if isinstance(value, np.ndarray):
            value = Variable.from_numpy_array(value)
        elif isinstance(value, NdArray):
            array, value = value, Variable(value.shape)
            value.data = array
        elif not isinstance(value, Variable):
            raise ValueError(f"nn.grad: expected None, a scalar, array or Variable in grad_outputs, received "
                             f"{type(value).__name__}")
        if value.shape != output.shape:
            raise ValueError(f"nn.grad: expected a gradient of shape {output.shape}, received {value.shape}")
        scales.append(None)
        given.append(value)
    return scales, given
