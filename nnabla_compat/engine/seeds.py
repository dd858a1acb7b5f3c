"""Where a backward pass starts: the gradient of its root, as a tensor.

The memory of an NdArray is lent to the pass where nothing comes to share it for good: a copy of it takes as long as a
small operator.
"""
import numpy as np
import torch

from .nd_array import NdArray

_SMALL = 1 << 14    # bytes that are copied sooner than looked after
_scalars: dict[tuple, torch.Tensor] = {}


def seed_of(root, grad, tensor):
    """The gradient that a pass starts from, and whether its memory is the caller's, to be lent or copied.

    Args:
        root (Variable): Where the pass starts.
        grad (scalar, numpy.ndarray, NdArray, torch.Tensor or None): As Variable.backward has it.
        tensor (torch.Tensor): The result of ``root``: its dtype and device are those of the gradient.

    Raises:
        RuntimeError: ``grad`` has another shape than the root, or is of no type listed above.
        TypeError, ValueError: it is a string; a sequence.
    """
    shape = root.container.shape
    if grad.__class__ is int or grad.__class__ is float:
        return _filled(shape, grad, tensor), False
    if grad is None or isinstance(grad, NdArray):
        array = root.container.grad if grad is None else grad
    elif isinstance(grad, np.ndarray):
        array = NdArray.from_numpy_array(grad)
    elif isinstance(grad, torch.Tensor):
        array = NdArray.from_tensor(grad.detach().clone())
    elif isinstance(grad, (str, bytes)):
        raise TypeError(f"Variable.backward: expected grad as a scalar, array or None, received {type(grad).__name__}")
    elif np.isscalar(grad):
        return _filled(shape, float(grad), tensor), False
    elif isinstance(grad, (list, tuple)):
        raise ValueError("Variable.backward: expected grad as a scalar, array or None, received a sequence; pass "
                         "numpy.array(...)")
    else:
        raise RuntimeError(f"Variable.backward: expected grad as a scalar, array or None, received {type(grad).__name__}")
    if array.shape != shape:
        raise RuntimeError(f"Variable.backward: expected grad of shape {shape}, received {array.shape}; gradients don't "
                           "broadcast")
    seed = array.tensor.detach()
    if seed.dtype is not tensor.dtype or seed.device != tensor.device:
        return seed.to(dtype=tensor.dtype, device=tensor.device), False
    if array is not grad and grad is not None:
        return seed, False      # made above
    # Regular: no array of another shape sees the memory, and no leaf has it for its gradient.
    return (seed, True) if seed.nbytes > _SMALL and array.storage.regular else (seed.clone(), False)


def refuse_unfit(root, grad, tensor):
    """The errors of ``seed_of``, where a pass doesn't start from that gradient."""
    if grad.__class__ is int or grad.__class__ is float or isinstance(grad, NdArray) and grad.shape == root.container.shape:
        return
    seed_of(root, grad, tensor)


def _filled(shape, value, tensor):
    if tensor.numel() == 1:
        return torch.full(shape, value, dtype=tensor.dtype, device=tensor.device)
    # A leaf may take (a view of) what arrives for its own .grad, to add to later. Not of a seed that is
    # kept: torch leaves those with stride 0 alone.
    key = (value, shape, tensor.dtype, tensor.device)
    seed = _scalars.get(key)
    if seed is None:
        if len(_scalars) > 256:
            _scalars.clear()
        seed = _scalars[key] = torch.full((), value, dtype=tensor.dtype, device=tensor.device).expand(shape)
    return seed


# A copy on write.
_lazy_clone = getattr(torch, "_lazy_clone", torch.clone)
_MANY = 1 << 18     # elements, of which no ones are kept
_ones: dict[tuple, torch.Tensor] = {}


def ones_for(tensor):
    """The gradient of one that a sink gives: memory of its own from when somebody writes there."""
    key = (tensor.shape, tensor.dtype, tensor.device)
    ones = _ones.get(key)
    if ones is None:
        ones = torch.ones(tensor.shape, dtype=tensor.dtype, device=tensor.device)
        if not tensor.is_cpu or tensor.numel() > _MANY:
            return ones
        if len(_ones) > 64:
            _ones.clear()
        _ones[key] = ones
    return _lazy_clone(ones)


class Loan:
    """The memory of an array, lent to a pass as its seed: what holds a part of it afterwards gets memory of its own.

    Args:
        seed (torch.Tensor): The seed.
        leaves (list of torch.Tensor): All leaves that the pass may come to.
    """

    __slots__ = ("start", "end", "without_gradient")

    def __init__(self, seed, leaves):
        self.start = seed.data_ptr()
        self.end = self.start + seed.nbytes
        self.without_gradient = [leaf for leaf in leaves if leaf.grad is None]    # torch adds to the others in place

    def covers(self, tensor):
        """Whether ``tensor`` lies in the memory lent."""
        return self.start <= tensor.data_ptr() < self.end

    def end_at_leaves(self):
        """Leaves take what arrives, such as a view of the seed, for their gradient."""
        for leaf in self.without_gradient:
            if leaf.grad is not None and self.covers(leaf.grad):
                leaf.grad = leaf.grad.clone()


def lend(seed, leaves):
    """A loan of ``seed`` to a pass that comes to these leaves, None where it has to be copied."""
    if leaves is None or not seed.is_contiguous():
        return None
    loan = Loan(seed, leaves)
    if any([leaf.grad is not None and loan.covers(leaf.grad) for leaf in leaves]):
        return None     # the pass writes there
    return loan
