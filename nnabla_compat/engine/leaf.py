"""How a variable's values enter a computation: on the right device, in the right dtype, with or without grad."""
import weakref

import torch

from .storage import DIVERGED, WRITTEN, ZEROED, Storage


BUFFERS = ("state", "own")          # kinds of inputs that kernels write to
WRITABLE = (*BUFFERS, "as_is")      # or may write to


class _Overwritten(torch.autograd.Function):
    """Values written by the user over a computed tensor: used as they are, gradients pass to the computation."""

    @staticmethod
    def forward(ctx, live, values):
        return values.view_as(values) if values.is_floating_point() else values.to(live.dtype)

    @staticmethod
    def backward(ctx, grad):
        return grad, None


def with_history(storage, tensor):
    """``tensor``, written by the user over what a function computed, with the history of the latter."""
    live = storage.live
    return _Overwritten.apply(live if live.shape == tensor.shape else live.reshape(tensor.shape), tensor)


def input_tensor(variable, kind, target):
    """The tensor a kernel input of ``kind`` gets for ``variable`` under the context target."""
    container = variable.container
    storage = container.storage
    tensor = storage._tensor
    if storage.state != WRITTEN or not storage.regular or not (target.is_cpu and tensor.is_cpu):
        if storage.compiled is not None and variable._parent is not None:
            storage.restore_history()
            tensor = storage._tensor
        if (tensor is None or storage.host is not None or storage.owner is not None or storage.narrowed is not None
                or tensor.device != target.device):
            if tensor is None and kind == "tensor" and storage.owner is None:
                storage.dtype = target.dtype    # a lazy fill is written out as it is asked for
            tensor = storage.materialize(container.shape, target.device)
            storage.touched()
        elif storage.state == DIVERGED and (kind in ("tensor", "stored") or tensor.is_floating_point()):
            tensor = _Overwritten.apply(storage.live, tensor)
    if kind == "state":
        return state_tensor(container, target)
    if kind == "own" and tensor.dtype is not torch.float32:
        tensor = _in_float32(storage, tensor)
    if tensor.requires_grad:
        if variable._parent is None:
            if not variable._need_grad:
                tensor = tensor.detach()
            elif tensor.is_leaf:
                gradient = container.grad_storage
                if gradient is None or gradient.owner is not tensor:
                    tensor = link_leaf(container, tensor)
            elif not storage.foreign:
                tensor = link_leaf(container, tensor.detach(), tensor)    # an unlinked twin of a computed variable
        elif variable._need_grad is False:
            tensor = tensor.detach()
    elif variable._need_grad and kind != "index":
        tensor = link_leaf(container, tensor)
    if not storage.regular and storage.shared and tensor.shape != container.shape:
        tensor = tensor.reshape(container.shape)
    if kind == "tensor":
        if tensor.dtype is not target.dtype:
            tensor = tensor.to(target.dtype)
    elif kind == "index" and tensor.dtype is not torch.int64:
        tensor = (tensor.detach() if tensor.requires_grad else tensor).to(torch.int64)
    return tensor


def leaf_gradient(container):
    """The gradient storage of a container, made if there is none."""
    storage = container.grad_storage
    if storage is None:
        storage = container.grad_storage = Storage()
    return storage


def link_leaf(container, tensor, source=None):
    """An autograd leaf over ``tensor`` whose ``.grad`` is the container's gradient.

    Where it cannot be ``tensor`` itself, all uses of it (of its ``source``) get one and the same leaf.
    """
    gradient = leaf_gradient(container)
    storage = container.storage
    if not tensor.is_leaf:
        return tensor
    source = tensor if source is None else source
    known = getattr(gradient.owner, "made_from", None)
    if known is not None and known() is source and gradient.owner.requires_grad and gradient.owner.device == tensor.device:
        if gradient.owner.dtype is not tensor.dtype:
            gradient.owner.data.copy_(tensor)
        return gradient.owner
    if tensor.dtype is not torch.float32 and not (tensor.requires_grad and tensor.dtype.is_floating_point):
        leaf = tensor.detach().to(torch.float32).requires_grad_()
    elif storage.linked is not None and storage.linked is not gradient:
        # Another variable shares these values and has a gradient of its own.
        leaf = tensor.detach().requires_grad_()
    else:
        storage.linked = gradient
        leaf = tensor if tensor.requires_grad else tensor.requires_grad_()
    if leaf is not source:
        leaf.made_from = weakref.ref(source)
    if gradient.gathers and gradient.owner is not None:
        gradient.gather(leaf)
    else:
        gradient.link_owner(leaf, container.shape)
    return leaf


def link_torch_leaf(container, leaf):
    """Let ``leaf``, a tensor of a torch user with the gradient it has by now, be the container's content."""
    gradient = leaf_gradient(container)
    gradient.owner, gradient.state, gradient.regular = leaf, ZEROED, False
    container.storage.linked = gradient


def state_tensor(container, target):
    """A float32 alias of the container's own memory, for kernels that update a buffer in place."""
    storage = container.storage
    tensor = storage.materialize(container.shape, target.device)
    if tensor.dtype is not torch.float32:
        tensor = _in_float32(storage, tensor)
    storage.touched()
    tensor = tensor.data
    return tensor if tensor.shape == container.shape else tensor.view(container.shape)


def _in_float32(storage, tensor):
    """``tensor``, the content of ``storage``, converted for good."""
    tensor = tensor.detach().to(torch.float32)
    storage.set(tensor)
    return tensor
