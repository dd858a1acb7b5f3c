"""Parameters as torch parameters."""
import torch

from .leaf import link_leaf
from .storage import Storage


def make_parameter(variable, need_grad=True):
    """Let the variable's tensor be a ``torch.nn.Parameter`` whose ``.grad`` is the variable's gradient.

    Args:
        variable (Variable): The variable, whose tensor object changes (its memory doesn't).
        need_grad (bool): False leaves it a plain tensor, torch's notion of a buffer.

    Integer tensors stay plain: torch has gradients for floating point only.
    """
    container = variable.container
    storage = container.storage
    lazy = storage.state
    tensor = storage.materialize(container.shape)
    if not need_grad or not tensor.is_floating_point():
        return
    if not isinstance(tensor, torch.nn.Parameter):
        storage._tensor = torch.nn.Parameter(tensor.detach().view(container.shape))
    storage.state = lazy if storage.zeroing or lazy else storage.state
    if tensor.dtype is torch.float32:
        if container.grad_storage is None:
            container.grad_storage = Storage()
        link_leaf(container, storage._tensor)
