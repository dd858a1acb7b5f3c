"""Torch tensors as arrays of nnabla, and back, without a copy."""
import torch

from ..engine.calls import variable_of as _variable_of
from ..engine.nd_array import NdArray


def _checked(what, tensor):
    if not isinstance(tensor, torch.Tensor):
        raise TypeError(f"{what}: expected torch.Tensor, received {type(tensor).__name__}")
    return tensor


def variable_of(tensor):
    """A Variable over a torch tensor's memory, connected to its history.

    A backward pass through the Variable, from either side, goes on into what computed the tensor, and into
    ``tensor.grad`` of a leaf, which is ``Variable.g`` then. ``Variable.tensor`` is the way back: the tensor of a
    computed Variable carries its history, so ``loss(variable.tensor).backward()`` fills the ``g`` of parameters.

    In a static graph, put the next tensor in with ``variable.data.set_tensor(tensor)``.

    Args:
        tensor (torch.Tensor): On any device, of any dtype nnabla has. Writes to ``Variable.d`` reach it if it is
            contiguous and on the CPU.

    Returns:
        Variable: ``need_grad`` if the tensor requires grad.
    """
    variable = _variable_of(_checked("variable_of", tensor))
    variable.container.storage.alias = True
    return variable


def array_of(tensor):
    """An NdArray over a torch tensor's memory; ``NdArray.tensor`` is the way back."""
    array = NdArray.from_tensor(_checked("array_of", tensor).detach())
    array.storage.alias = True
    return array
