"""Parameter scopes as torch sees them: names with dots, torch.nn.Parameters, buffers."""
import torch

from ..parameter import get_parameters, parameter_scope
from .names import torch_name


def _tensors(scope, wanted):
    if scope is None:
        parameters = get_parameters(grad_only=False)
    else:
        with parameter_scope("", scope):
            parameters = get_parameters(grad_only=False)
    for path, variable in parameters.items():
        tensor = variable.tensor
        if isinstance(tensor, torch.nn.Parameter) is wanted:
            yield torch_name(path), tensor


def named_parameters(scope=None):
    """The parameters below a scope as ``(torch name, torch.nn.Parameter)``, in creation order.

    They are the very tensors the Variables hold: a step by a torch optimizer is seen by every nnabla graph, and
    ``Variable.g`` is their ``.grad``.

    Args:
        scope (dict): A scope, as ``nn.get_current_parameter_scope()`` or ``Module.parameter_scope`` give it; the
            current one by default.
    """
    return _tensors(scope, True)


def named_buffers(scope=None):
    """What is in a scope but takes no gradient (running statistics, fixed tables), as :func:`named_parameters`."""
    return _tensors(scope, False)
