"""The base of layers as classes."""
from collections import OrderedDict

from ... import parameter
from ...variable import Variable


class Module:
    """An object whose Variables are parameters and whose attributes may be further such objects.

    Names are attribute paths: ``block/conv/W``. (``nn.Module`` is the class for new code.)
    """

    def __init__(self):
        pass

    def get_modules(self, memo=None, prefix=""):
        """Yield ``(prefix, module)`` for this object and those it holds, each once."""
        memo = set() if memo is None else memo
        if self in memo:
            return
        memo.add(self)
        yield prefix, self
        for name, value in self.__dict__.items():
            if isinstance(value, Module):
                yield from value.get_modules(memo, f"{prefix}/{name}" if prefix else name)

    def get_parameters(self, grad_only=True):
        """Parameters by name (``OrderedDict``); with ``grad_only`` those that need gradients."""
        return OrderedDict((f"{prefix}/{name}", value) for prefix, module in self.get_modules()
                           for name, value in module.__dict__.items()
                           if isinstance(value, Variable) and (value.need_grad or not grad_only))

    def save_parameters(self, path, grad_only=False):
        """Write the parameters to an ``.h5`` or ``.protobuf`` file."""
        parameter.save_parameters(path, self.get_parameters(grad_only=grad_only))

    def load_parameters(self, path):
        """Copy the values in a file into the parameters.

        Raises:
            ValueError: the file lacks a parameter, or has it with another shape.
        """
        scope = OrderedDict()
        with parameter.parameter_scope("", scope):
            parameter.load_parameters(path)
            loaded = {name: parameter.get_parameter(name) for name in self.get_parameters(grad_only=False)}
        for name, variable in self.get_parameters(grad_only=False).items():
            found = loaded[name]
            if found is None or found.shape != variable.shape:
                raise ValueError(f"{type(self).__name__}.load_parameters: expected '{name}' of shape "
                                 f"{variable.shape} in "
                                 f"{path}, found {'none' if found is None else found.shape}.")
        for name, variable in self.get_parameters(grad_only=False).items():
            variable.d = loaded[name].d


def make(initializer, shape, need_grad):
    """A parameter drawn by ``initializer``."""
    from ...engine.parameters import make_parameter
    variable = Variable.from_numpy_array(initializer(shape), need_grad=need_grad)
    make_parameter(variable, need_grad)
    return variable
