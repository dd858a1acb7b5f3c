"""nnabla's paths to single backward functions: ``from nnabla.backward_function.relu import relu_backward``.

Each module holds the entry of :mod:`nnabla_compat.backward_functions` for its operator and, for linear operators, the
classes of :mod:`nnabla_compat.engine.operator_gradients` (``ConvolutionDataGrad`` ...).
"""
import sys
import types

from ..backward_functions import registry
from ..engine.operator_gradients import CLASSES
from ..registry import OPERATORS


def _module(operator):
    name = operator.name
    module = types.ModuleType(f"{__name__}.{name}", f"The backward function of {operator.type_name}.")
    setattr(module, f"{name}_backward", registry[operator.type_name])
    for gradient in CLASSES:
        if gradient.operator == operator.type_name:
            setattr(module, gradient.__name__, gradient)
    return module


for _operator in OPERATORS.values():
    _made = sys.modules[f"{__name__}.{_operator.name}"] = _module(_operator)
    globals()[_operator.name] = _made
