"""What stays of a result that was let go of: the place in torch's history where its gradient will arrive."""
from .storage import CLEARED


def remains(tensor):
    """What to keep of a recorded result that is let go of: where its gradient will arrive, as Edge takes it."""
    if tensor is None or not tensor.requires_grad:
        return None
    node = tensor.grad_fn
    return tensor if node is None else (node, tensor.output_nr)    # None: gradients stop, and are collected, right here


class Edge:
    """Where the gradient of a result that was let go of will arrive, with a tensor's interface."""

    __slots__ = ("node", "output", "grad", "_handle")
    requires_grad, is_leaf = True, False

    def __init__(self, node, output):
        self.node, self.output, self.grad, self._handle = node, output, None, None

    @staticmethod
    def of(tensor):
        """Where the gradient of a tensor, or of what stayed of it, arrives: (node, output number)."""
        if tensor.__class__ is Edge:
            return tensor.node, tensor.output
        return tensor.grad_fn, tensor.output_nr

    def register_hook(self, hook):
        def before(grads):
            if grads[self.output] is not None:
                hook(grads[self.output])
        return self.node.register_prehook(before)

    def retain_grad(self):
        if self._handle is None:
            self._handle = self.register_hook(self._keep)

    def _keep(self, grad):
        self.grad = grad
        self._handle.remove()   # the node holds its hooks, so this Edge, which holds the node
        self._handle = None


def history(container):
    """The tensor with the history of what a function call computed, or the Edge that stayed of it, or None."""
    storage = container.storage
    if storage.state == CLEARED and storage.live is not None:
        return Edge(*storage.live) if storage.live.__class__ is tuple else storage.live
    return storage.autograd_tensor(container.shape)
