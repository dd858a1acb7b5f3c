"""PythonFunction: functions that users write in Python, forward and backward."""
from functools import partial

import torch

from . import calls, context, function, modes
from .nd_array import NdArray
from .storage import Storage
from .variable import Variable


class Port:
    """What a PythonFunction's methods get for each input and output: shape, data and gradient."""

    __slots__ = ("data", "grad", "_reshaped")

    def __init__(self, data, grad=None):
        self.data = data
        self.grad = NdArray(data.shape) if grad is None else grad

    @property
    def shape(self):
        return self.data.shape

    @property
    def ndim(self):
        return self.data.ndim

    @property
    def size(self):
        return self.data.size

    def size_from_axis(self, axis=-1):
        return self.data.size_from_axis(axis)

    def reset_shape(self, shape, force=False):
        """Set the shape of an output, in ``setup_impl``."""
        self.data, self.grad = NdArray(tuple(shape)), NdArray(tuple(shape))

    @property
    def d(self):
        return self.data.data

    @d.setter
    def d(self, value):
        self.data.data[...] = value

    @property
    def g(self):
        return self.grad.data

    @g.setter
    def g(self, value):
        self.grad.data[...] = value


class _PythonOperator:
    """The operator a PythonFunction instance stands for; a node's kernel is bound to its own shapes."""

    inputs = ()
    arguments = ()
    overwrites = left_gradient = None
    wants = ()
    resolve = shape = backward_reads = None
    variadic = True
    plain = data_dependent = aliases = keeps_dtype = keeps_inputs = needs_graph = False
    half, min_outputs, eager_rule = True, 1, False

    def __init__(self, owner):
        self.owner = owner

    @property
    def type_name(self):
        return self.owner.name

    name = type_name

    def input_kind(self, i, args):
        return "as_is"      # integers stay what they are: labels, positions


class _PythonNode(function.Function):
    """A graph node of a PythonFunction."""

    set_up_for = output_shapes = None

    def __init__(self, owner, n_outputs, ctx):
        super().__init__(_PythonOperator(owner), {}, ctx)
        self.owner, self.n_outputs = owner, n_outputs

    @property
    def name(self):
        return "Callback"

    @property
    def args(self):
        return dict(getattr(self.owner, "args", None) or {})

    arguments = args

    @property
    def tags(self):
        return dict(getattr(self.owner, "tags", None) or {}) if self._tags is None else self._tags

    @tags.setter
    def tags(self, value):
        self._tags = value

    def copy(self):
        return _PythonNode(self.owner, self.n_outputs, self.context)

    @property
    def bound(self):
        return partial(_call, self)     # made anew: a node that held it would hold itself

    def bind(self, shapes, n_outputs=-1):
        self.input_shapes = shapes

    rebind = bind

    def infer(self, shapes):
        """Output shapes as the user's set-up gives them, once for each set of input shapes."""
        if self.set_up_for != shapes:
            self.output_shapes = self._set_up(shapes)
            self.set_up_for = shapes
        return self.output_shapes

    def _set_up(self, shapes):
        inputs = [Port(NdArray(s)) for s in shapes]
        outputs = [Port(NdArray(())) for _ in range(self.n_outputs)]
        with context.context_scope(self.owner.ctx):
            self.owner.setup_impl(inputs, outputs)
        return [o.shape for o in outputs]

    def execute(self, tensors, kernel=None):
        result = self.bound(*tensors)
        return [result] if isinstance(result, torch.Tensor) else list(result)

    def min_outputs(self):
        return self.owner.min_outputs()

    def grad_depends_input_data(self, i, j):
        return self.owner.grad_depends_input_data(i, j)

    def grad_depends_output_data(self, i, o):
        return self.owner.grad_depends_output_data(i, o)


def _call(node, *tensors):
    return _Bridge.apply(node, *tensors)


class _Bridge(torch.autograd.Function):
    """Runs forward_impl and backward_impl inside torch's autograd."""

    @staticmethod
    def forward(ctx, node, *tensors):
        owner = node.owner
        inputs = [Port(_detached(t)) for t in tensors]
        given = [i.data.storage._tensor for i in inputs]
        outputs = [Port(NdArray(s)) for s in node.infer([i.shape for i in inputs])]
        with context.context_scope(owner.ctx), modes.switched("auto_forward", False):
            owner.forward_impl(inputs, outputs)
        for tensor, port in zip(given, inputs):
            storage = port.data.storage
            if storage._tensor is not tensor and tensor.is_contiguous() and not storage.clear_called:
                tensor.data.copy_(port.data.tensor)     # an input that was written, by outputs=[...] or assignment
        ctx.owner, ctx.ports = owner, (inputs, outputs)     # not the node, whose results hold this history
        ctx.places = [(t.device, t.dtype) for t in tensors]
        ctx.set_materialize_grads(True)
        results = tuple([o.data.tensor.detach().clone() for o in outputs])
        return results if len(results) > 1 else results[0]

    @staticmethod
    def backward(ctx, *grads):
        owner = ctx.owner
        inputs, outputs = ctx.ports
        propagate_down = list(ctx.needs_input_grad[1:])
        for port, grad in zip(outputs, grads):
            port.grad = NdArray.from_tensor(grad.detach().contiguous())
        for port in inputs:
            port.grad = NdArray(port.shape)
            port.grad.zero()
        with context.context_scope(owner.ctx), torch.no_grad():
            owner.backward_impl(inputs, outputs, propagate_down, [False] * len(inputs))
        return (None, *[p.grad.tensor.detach().to(*place) if need else None
                        for p, place, need in zip(inputs, ctx.places, propagate_down)])


def _detached(tensor):
    return NdArray.over(tuple(tensor.shape), Storage(tensor.detach()))


class PythonFunction:
    """Base class of functions written in Python.

    A subclass defines ``name``, ``min_outputs``, ``setup_impl(inputs, outputs)`` (give each output its shape
    with ``reset_shape(shape, True)``), ``forward_impl(inputs, outputs)`` and, to be differentiable,
    ``backward_impl(inputs, outputs, propagate_down, accum)``, which adds to ``inputs[i].grad`` where
    ``accum[i]``, and writes it otherwise. ``grad_depends_*`` say which data backward reads.

    Args:
        ctx (Context): Context the methods run in; the current one by default.
    """

    _ctx = None

    def __init__(self, ctx=None):
        self._ctx = ctx

    @property
    def ctx(self):
        if self._ctx is None:
            self._ctx = context.get_current_context()
        return self._ctx

    @property
    def name(self):
        raise NotImplementedError(f"{type(self).__name__}.name: a PythonFunction must define its name")

    def min_outputs(self):
        """Number of outputs."""
        raise NotImplementedError(f"{type(self).__name__}.min_outputs: a PythonFunction must say how many outputs it has")

    def setup_impl(self, inputs, outputs):
        """Give the outputs their shapes."""
        raise NotImplementedError(f"{type(self).__name__}.setup_impl is not defined")

    def forward_impl(self, inputs, outputs):
        """Compute the outputs."""
        raise NotImplementedError(f"{type(self).__name__}.forward_impl is not defined")

    def backward_impl(self, inputs, outputs, propagate_down, accum):
        """Compute the input gradients."""
        raise NotImplementedError(f"{type(self).__name__}.backward_impl is not defined")

    def grad_depends_output_data(self, i, o):
        """Whether the gradient of input i reads the data of output o."""
        return True

    def grad_depends_input_data(self, i, j):
        """Whether the gradient of input i reads the data of input j."""
        return True

    def __call__(self, *inputs, n_outputs=-1, outputs=None):
        if not inputs:
            raise RuntimeError(f"{type(self).__name__}: expected at least one input, received none")
        node = _PythonNode(self, max(n_outputs, self.min_outputs()), self.ctx)
        if all(isinstance(x, Variable) for x in inputs):
            return calls.connect(node, list(inputs), n_outputs, outputs)
        return calls.call_other(node.op, inputs, {}, n_outputs, outputs, node)
