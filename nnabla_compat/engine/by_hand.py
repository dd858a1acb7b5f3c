"""A function run by hand, on Variables that need not be those it is connected to: ``Function.setup``, ``forward`` ...

``backward`` and ``recompute`` repeat what ``forward`` did: with the same random numbers, from the same buffers, and
leaving both as they are.
"""
from contextlib import contextmanager

import torch

from .leaf import WRITABLE, input_tensor
from .variable import Variable


class Start:
    """What a run starts from besides values it only reads: the random stream's position, memory, and buffers.

    Args:
        function (Function): The function, bound to shapes.
        tensors (list of Tensor): Its inputs.
    """

    def __init__(self, function, tensors):
        keywords = getattr(function.bound, "keywords", {})
        self.rng, self.memo = keywords.get("rng"), keywords.get("memo")
        self.position = None if self.rng is None else self.rng.get_state()
        self.remembered = None if self.memo is None else dict(self.memo)
        self.buffers = [(t, t.detach().clone()) for i, t in enumerate(tensors) if function.input_kind(i) in WRITABLE]

    def restore(self):
        """Go back to this start."""
        if self.rng is not None:
            self.rng.set_state(self.position)
        if self.memo is not None:
            self.memo.clear()
            self.memo.update(self.remembered)
        for tensor, values in self.buffers:
            tensor.data.copy_(values)


def setup(function, inputs, outputs):
    """Bind arguments to the shapes of ``inputs`` and give ``outputs`` their shapes."""
    for v in (*inputs, *outputs):
        if not isinstance(v, Variable):
            raise TypeError(f"{function.name}.setup: expected Variables, received {type(v).__name__}")
    if function.mask is not None:
        _expect(function, inputs, sum(function.mask))
    shapes = [v.shape for v in inputs]
    function.started = None
    function.bind(shapes, len(outputs))
    if function.op.data_dependent:
        shapes = [tuple(r.shape) for r in function.execute(_tensors(function, inputs))]
    else:
        shapes = function.infer(shapes)
    for variable, shape in zip(outputs, shapes):
        variable.reset_shape(shape, True)


def forward(function, inputs, outputs):
    """Compute ``outputs`` from the data of ``inputs``."""
    _bind(function, inputs)
    tensors = _tensors(function, inputs)
    function.started = Start(function, tensors) if _has_state(function) else None
    _store(function.execute(tensors), outputs)


def recompute(function, inputs, outputs):
    """Compute ``outputs`` once more as the last ``forward`` did."""
    _bind(function, inputs)
    tensors = _tensors(function, inputs)
    with _resumed(function, tensors):
        _store(function.execute(tensors), outputs)


def backward(function, inputs, outputs, accum):
    """Add the gradients of ``outputs`` to those of the ``inputs`` that need grad (overwrite where accum is False)."""
    accum = [True] * len(inputs) if accum is None else list(accum)
    _bind(function, inputs)
    results = _recorded(function, inputs, outputs)
    if results is not None:
        grads = _gradients(inputs, _entered(function, inputs), outputs, results)
    else:
        tensors = [t.detach().requires_grad_() if v.need_grad and t.is_floating_point() else t.detach()
                   for v, t in zip(inputs, _tensors(function, inputs))]
        with _resumed(function, tensors):
            results = function.execute(tensors)
        grads = _gradients(inputs, tensors, outputs, results)    # some write to buffers: vat_noise
    for i, grad in grads:
        array = inputs[i].grad
        if accum[i] and not array.zeroing:
            grad = grad + array.tensor.detach()
        array.storage.set(grad)


def _gradients(inputs, tensors, outputs, results):
    """Pairs of an input's position and its gradient."""
    wanted = [i for i, v in enumerate(inputs) if v.need_grad and tensors[i].requires_grad]
    pairs = [(r, v.grad.tensor.detach().to(r.dtype)) for r, v in zip(results, outputs) if r.requires_grad]
    if not wanted or not pairs:
        return [(i, torch.zeros_like(tensors[i])) for i in wanted]
    grads = torch.autograd.grad([r for r, _ in pairs], [tensors[i] for i in wanted], [g for _, g in pairs],
                                retain_graph=True, allow_unused=True)
    return [(i, torch.zeros_like(tensors[i]) if grad is None else grad) for i, grad in zip(wanted, grads)]


def _recorded(function, inputs, outputs):
    """What a graph's run left in ``outputs``, with its history, if chance or buffers had a part in it; else None."""
    if function.started is not None or not _has_state(function):
        return None
    if [v.container for v in inputs] != [v.container for v in function.inputs]:
        return None
    results = [v.container.storage.autograd_tensor(v.shape) for v in outputs]
    return results if all(r is not None and r.requires_grad for r in results) else None


@contextmanager
def _resumed(function, tensors):
    """Everything as it was when ``forward`` last began; afterwards as it is now."""
    now = Start(function, tensors) if _has_state(function) else None
    if now is not None and function.started is not None:
        function.started.restore()
    try:
        yield
    finally:
        if now is not None:
            now.restore()


def _has_state(function):
    return bool(function.op.wants) or any(i.kind in WRITABLE for i in function.op.inputs)


def _bind(function, inputs):
    _expect(function, inputs, len(function.input_shapes or function.inputs))
    if function.bound is None:
        function.bind([v.shape for v in inputs])


def _expect(function, inputs, count):
    if len(inputs) != count:
        raise RuntimeError(f"{function.name}: expected {count} inputs, as it was set up for, received {len(inputs)}. "
                           "Give setup() all that it needs first")


def _tensors(function, inputs):
    target = function.target
    return [input_tensor(v, function.input_kind(i), target) for i, v in enumerate(inputs)]


def _entered(function, inputs):
    """The tensors that a recorded run has started from: before they were converted to the computing dtype."""
    kinds = [function.input_kind(i) for i in range(len(inputs))]
    return [input_tensor(v, "as_is" if kind == "tensor" else kind, function.target) for v, kind in zip(inputs, kinds)]


def _store(results, outputs):
    for variable, result in zip(outputs, results):
        variable.container.data.set_tensor(result.detach())
