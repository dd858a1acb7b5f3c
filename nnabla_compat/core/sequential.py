"""``nn.Sequential``: Modules called one after the other."""
from .module import Module


class Sequential(Module):
    """A chain of Modules: each gets what the one before returned (a tuple as several arguments)::

        nn.Sequential(Conv(16), Conv(32))                     # children conv_0, conv_1
        nn.Sequential(("stem", Conv(16)), ("body", Conv(32)))  # children stem, body

    Keyword arguments of a call go to every Module.

    Args:
        *args: Modules, or pairs of a name and a Module.

    Raises:
        TypeError: something else was passed.
    """

    def __init__(self, *args, **kwargs):
        for place, layer in enumerate(args):
            name, module = layer[:2] if isinstance(layer, tuple) else (None, layer)
            if not isinstance(module, Module):
                raise TypeError(f"Sequential: expected nn.Module instances or (name, Module) pairs, layer {place} is "
                                f"{type(module).__name__}. Wrap functions into a Module.")
            self.submodules[f"{module.name}_{place}" if name is None else name] = module

    def call(self, *args, **kwargs):
        if not self.submodules:
            raise UnboundLocalError("Sequential: there is no Module to call. Pass at least one.")
        for module in self.submodules.values():
            result = module(*args, **kwargs)
            args = result if isinstance(result, tuple) or result is None else (result,)
        return result
