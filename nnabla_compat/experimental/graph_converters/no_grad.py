"""Parameters without gradients."""
from ...parameter import get_parameters
from .graph_converter import FunctionModifier


class NoGradModifier(FunctionModifier):
    """Rebuilds a network with ``need_grad=False`` for all parameters registered in the current scope."""

    def modify(self, f, inputs):
        parameters = {p.data for p in get_parameters(grad_only=False).values()}
        frozen = [v.get_unlinked_variable(need_grad=False) if v.parent is None and v.data in parameters else v
                  for v in inputs]
        return self._modify_as_same(f, frozen)
