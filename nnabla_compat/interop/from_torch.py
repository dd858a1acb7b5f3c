"""A torch.nn.Module as a Module of nnabla."""
from ..core.module import Module
from .torch_node import call_torch, register


class FromTorch(Module):
    """A Module of nnabla that calls a torch.nn.Module, see :func:`~nnabla_compat.interop.call_torch`.

    ::

        class Net(nn.Module):
            def __init__(self):
                self.backbone = FromTorch(torchvision.models.resnet18())

            def call(self, x):
                return PF.affine(self.backbone(x), 10)

    Its parameters are named ``@backbone/layer1/0/conv1/weight`` and so on, and exist from the start. ``training`` is
    the torch module's own and follows that of parents.

    Args:
        module (torch.nn.Module): The module.
    """

    def __init__(self, module):
        self.torch_module = module
        register(module)

    @property
    def training(self):
        """Whether the torch module is in training state."""
        return self.torch_module.training

    def __setattr__(self, name, value):
        super().__setattr__(name, value)
        if name == "training":
            self.torch_module.train(value)

    def call(self, *inputs, **named):
        """Call the torch module."""
        return call_torch(self.torch_module, *inputs, **named)
