"""The registry of backward functions, which ``nn.grad`` uses.

A backward function builds the gradients of a function's inputs as Variables::

    def cube_backward(grad_inputs, inputs, input_shapes, outputs, output_shapes, **kwargs):
        dy, x = grad_inputs[0], inputs[0]
        return [dy * 3 * x ** 2]

    nn.backward_functions.register("Cube", cube_backward)      # the name of a PythonFunction

``nn.grad`` then uses it, to any order, where that function is on the way. An operator's entry may be replaced too (by
a guided backpropagation of ReLU, say). ``Variable.backward`` never reads the registry.
"""
from collections import OrderedDict

from . import ops  # noqa: F401  (declares the operators)
from . import function_bases as _base
from .engine import backward_functions as _engine, clearing as _clearing
from .engine.operator_gradients import CLASSES as _CLASSES
from .registry import OPERATORS

__all__ = ["register", "registry", "show_registry"]

# type name -> f(grad_inputs, inputs, input_shapes, outputs, output_shapes, **arguments)
registry: "OrderedDict[str, object]" = _engine.registry

class _InternalBackward(_engine.OperatorBackward):
    def __call__(self, grad_inputs, inputs, input_shapes=None, outputs=None, output_shapes=None, **args):
        raise NotImplementedError(f"{self.type_name}: nnabla differentiates the nodes of its gradient graphs by this entry; "
                                  "here torch does. Apply nn.grad to the result of nn.grad instead, or register a "
                                  "function under this name")


def register(func_name, func):
    """Set the backward function of a function type.

    Args:
        func_name (str): Type of an operator, or name of a PythonFunction.
        func (callable): ``f(grad_inputs, inputs, input_shapes, outputs, output_shapes, **arguments)``, which returns a
            Variable, or None, for each input. Inputs and outputs whose data the gradients don't read are None.
    """
    registry[func_name] = func
    _clearing.keep_all()


def show_registry():
    """Print all entries."""
    for name, function in registry.items():
        print(name, function)
    print("Functions without an entry, or with entries for none of their inputs, may be part of a graph that nn.grad "
          "differentiates as long as no gradient has to pass them.")


_engine.make_constant = _base.constant

for _name in OPERATORS:
    registry.setdefault(_name, _engine.OperatorBackward(_name))
for _class in _CLASSES:
    registry.setdefault(_class.__name__, _InternalBackward(_class.__name__))
