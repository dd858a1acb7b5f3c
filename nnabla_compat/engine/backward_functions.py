"""Backward functions by type name, and gradients by walking a graph with them.

``nn.grad`` lets torch differentiate what was recorded, unless a function on the way has a backward function that a
user registered: then the graph is walked from the outputs, each function by its entry, and the entries of all
operators, :class:`OperatorBackward`, differentiate the operator's kernel.
"""
from collections import OrderedDict
from functools import partial

import torch

from ..registry import find_operator
from . import tape
from .calls import connect
from .function import Function
from .gradient import _GradientNode
from .python_function import _PythonNode
from .variable import Variable

# type name -> f(grad_inputs, inputs, input_shapes, outputs, output_shapes, **arguments)
registry: OrderedDict[str, object] = OrderedDict()

# F.constant; the faces set it.
make_constant = None


class OperatorBackward:
    """The backward function of an operator: makes a node that differentiates its kernel, to any order.

    Args:
        type_name (str): Type of the operator.
    """

    def __init__(self, type_name):
        self.type_name = type_name

    def __repr__(self):
        return f"<backward function of {self.type_name}>"

    def __call__(self, grad_inputs, inputs, input_shapes=None, outputs=None, output_shapes=None, **args):
        """Gradients with respect to the inputs of the operator.

        Args:
            grad_inputs (list of Variable): Gradients of its outputs.
            inputs (list of Variable): Its inputs. None where the gradients don't read the data.
            input_shapes (list of tuple): Shapes of the inputs, needed where they are None.
            outputs (list of Variable): Its outputs; functions that draw random numbers need them.
            output_shapes (list of tuple): Shapes of the outputs.
            **args: Its arguments.

        Returns:
            list of Variable: A gradient for each input; None for inputs that have none, such as indices.

        Raises:
            ValueError: Neither data nor shape of an input is known, or outputs of a random function are missing.
        """
        made_by = next((v.parent for v in outputs or () if v is not None and v.parent is not None
                        and v.parent.op.type_name == self.type_name), None)
        if made_by is not None:
            variables = [known if given is None else given for given, known in zip(inputs, made_by.inputs)]
            return gradients(made_by, list(grad_inputs), variables, outputs)
        op = find_operator(self.type_name)
        unknown = [name for name in args if name not in [a.name for a in op.arguments]]
        if unknown:
            raise TypeError(f"backward function of {self.type_name}: unknown arguments {unknown}")
        function = Function(op, {a.name: _argument(a, args) for a in op.arguments})
        if len(inputs) < len(op.inputs) and not op.variadic:
            left_out = {"beta": args.get("no_bias"), "gamma": args.get("no_scale")}
            if any(left_out.values()):
                function.leave_out(tuple([not left_out.get(i.name) for i in op.inputs]))
        variables = []
        for i, v in enumerate(inputs):
            if v is None:
                if input_shapes is None:
                    raise ValueError(f"backward function of {self.type_name}: input {i} is None, and neither its shape "
                                     "nor the function's outputs are given")
                v = Variable(input_shapes[i])
            variables.append(v)
        return gradients(function, list(grad_inputs), variables, None)


def _argument(argument, args):
    value = args.get(argument.name, argument.default)
    return None if value is None else argument.coerce(value)


_WITH_GRADIENT = ("tensor", "stored", "as_is", "own")   # kinds of input


class _BackwardOperator:
    """What the engine has to know of a node that differentiates another operator."""

    arguments = ()
    overwrites = left_gradient = None
    wants = ()
    inputs = ()
    resolve = shape = backward_reads = None
    variadic = True
    data_dependent = aliases = keeps_dtype = keeps_inputs = needs_graph = plain = False
    half, min_outputs, eager_rule = True, 1, False

    def __init__(self, op, n_grads, kinds):
        self.forward_op, self.n_grads, self.kinds = op, n_grads, kinds
        self.type_name = self.name = f"{op.type_name}Backward"

    def input_kind(self, i, args):
        return "tensor" if i < self.n_grads else self.kinds[i - self.n_grads]


class _BackwardNode(Function):
    """Computes the gradients of a function's inputs. Inputs: gradients of its outputs, then its inputs."""

    def __init__(self, forward, n_grads, kinds):
        super().__init__(_BackwardOperator(forward.op, n_grads, kinds), {}, forward.context)
        self.differentiated, self.n_grads, self.kinds = forward, n_grads, kinds

    def copy(self):
        return _BackwardNode(self.differentiated.copy(), self.n_grads, self.kinds)

    def bind(self, shapes, n_outputs=-1):
        self.input_shapes = shapes
        self.differentiated.bind(shapes[self.n_grads:], self.n_grads)
        self.bound = partial(_differentiate, self.differentiated, self.n_grads, self.kinds)

    rebind = bind

    def infer(self, shapes):
        return [s for s, kind in zip(shapes[self.n_grads:], self.kinds) if kind in _WITH_GRADIENT]


def _differentiate(function, n_grads, kinds, *tensors):
    grads, inputs, wanted = tensors[:n_grads], [], []
    with torch.enable_grad():
        for tensor, kind in zip(tensors[n_grads:], kinds):
            if kind == "state":
                tensor = tensor.detach().clone()    # running statistics: updated by the forward already
            elif kind in _WITH_GRADIENT:
                if kind == "own":
                    tensor = tensor.clone()
                if tensor.requires_grad:
                    tensor = tensor.view_as(tensor)    # partial derivatives: inputs may depend on each other
                elif tensor.is_floating_point():
                    tensor = tensor.detach().requires_grad_()
                wanted.append(tensor)
            inputs.append(tensor)
        results = function.execute(inputs)
        pairs = [(r, g.to(r.dtype)) for r, g in zip(results, grads) if r.requires_grad]
        sources = [t for t in wanted if t.requires_grad]
        found = iter(torch.autograd.grad([r for r, _ in pairs], sources, [g for _, g in pairs], create_graph=True,
                                         allow_unused=True) if pairs and sources else [None] * len(sources))
    made = []
    for t in wanted:
        g = next(found) if t.requires_grad else None
        made.append(torch.zeros_like(t) if g is None else g)
    return made[0] if len(made) == 1 else tuple(made)


def gradients(function, grads, inputs, outputs):
    """Gradients of a function's inputs as Variables, by differentiating its kernel; None where there is none.

    A function that draws random numbers is differentiated where it was run: its outputs are needed.
    """
    grads = [make_constant(0.0, v.shape) if g is None else g for g, v in zip(grads, outputs or grads)]
    kinds = [function.input_kind(i) for i in range(len(inputs))]
    takers = [i for i, kind in enumerate(kinds) if kind in _WITH_GRADIENT]
    if isinstance(function, _GradientNode):     # what it differentiated depends on its other inputs
        takers = takers[function.n_outputs:]
    if not takers:
        return [None] * len(inputs)
    if "rng" in function.op.wants or function.op.needs_graph:
        if not outputs or any(v is None for v in outputs):
            raise ValueError(f"backward function of {function.op.type_name}: it draws random numbers, so its outputs "
                             "are needed to know which: pass outputs")
        node = _GradientNode(len(outputs), len(takers), [None] * len(outputs))
        made = connect(node, [*outputs, *[inputs[i] for i in takers], *grads])
    else:
        made = connect(_BackwardNode(function.copy(), len(grads), kinds), [*grads, *inputs])
    results = [None] * len(inputs)
    for i, v in zip(takers, made if isinstance(made, tuple) else (made,)):
        results[i] = v
    return results


def is_registered_by_user(function):
    """Whether a function has a backward function that isn't the operator's own."""
    entry = registry.get(function.op.type_name)
    return entry is not None and not isinstance(entry, OperatorBackward)


def walk(outputs, scales, given, wanted):
    """Gradients by the registered backward functions.

    Args:
        outputs (list of Variable): What to differentiate.
        scales (list of float): Gradients of the outputs; None where ``given`` has the next one.
        given (list of Variable): Gradients that are Variables.
        wanted (list of Variable): Nodes of the graph to give the gradients of.

    Returns:
        list of Variable: A gradient for each; zeros for a node that no gradient reaches.

    Raises:
        ValueError: A PythonFunction on the way has no registered backward function.
    """
    functions = list(tape.ordered_functions(outputs))
    targets = {_key(v) for v in wanted}
    on_the_way = set(targets)
    for f in functions:
        if f.need_grad and any(_key(v) in on_the_way for v in f.inputs):
            on_the_way.update(_key(v) for v in f.outputs)
    sums = {}
    given = iter(given)
    for v, scale in zip(outputs, scales):
        _add(sums, v, next(given) if scale is None else make_constant(scale, v.shape))
    for f in reversed(functions):
        if not f.need_grad or not any(_key(v) in on_the_way for v in f.inputs):
            continue
        found = [sums.get(_key(v)) for v in f.outputs]
        if all(g is None for g in found):
            continue
        found = [make_constant(0.0, v.shape) if g is None else g for g, v in zip(found, f.outputs)]
        for v, gradient in zip(f.inputs, _backward_of(f, found)):
            if gradient is not None and v.need_grad and _key(v) in on_the_way:
                _add(sums, v, gradient)
    return [sums[_key(v)] if _key(v) in sums else make_constant(0.0, v.shape) for v in wanted]


def _key(v):
    """Twins of a leaf, such as a parameter used twice, are one; a computed variable is itself."""
    return v.container if v.parent is None else id(v)


def _add(sums, v, gradient):
    key = _key(v)
    sums[key] = sums[key] + gradient if key in sums else gradient


def _backward_of(f, grads):
    name = f.op.type_name
    inputs, outputs = list(f.inputs), f.outputs
    if not is_registered_by_user(f):
        if isinstance(f, _PythonNode):
            raise ValueError(f"{name} is not in the backward function registry: register one with "
                             f"nnabla.backward_functions.register({name!r}, f)")
        return gradients(f, grads, inputs, outputs)
    reads = [any(f.grad_depends_input_data(i, j) for i in range(len(inputs))) for j in range(len(inputs))]
    made = [any(f.grad_depends_output_data(i, o) for i in range(len(inputs))) for o in range(len(outputs))]
    read_inputs = [v if needed else None for v, needed in zip(inputs, reads)]
    read_outputs = [v if needed else None for v, needed in zip(outputs, made)]
    result = registry[name](grads, read_inputs, [v.shape for v in inputs], read_outputs, [v.shape for v in outputs],
                            **f.info.args)
    return list(result) if isinstance(result, (tuple, list)) else [result]
