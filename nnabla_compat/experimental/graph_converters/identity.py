"""A copy of a network, perhaps with other inputs."""
from .graph_converter import FunctionModifier


class IdentityModifier(FunctionModifier):
    """Copies a network, replacing inputs.

    Args:
        inputs (dict): input Variable -> the Variable to read instead; others keep their data.
        copy_value (bool): Copy values and gradients of the inputs into their replacements.

    Raises:
        ValueError: With ``copy_value``, shapes differ.
    """

    def __init__(self, inputs={}, copy_value=False):
        super().__init__()
        self._input_dict = inputs
        self._copy_value = copy_value

    def _new_inputs(self, f):
        for old in f.inputs:
            is_new_leaf = old.parent is None and old.container not in self._leaves
            if self._input_dict and is_new_leaf and old in self._input_dict:
                self.replace_variable(old, self._replacement(old))
        return super()._new_inputs(f)

    def _replacement(self, old):
        new = self._input_dict[old]
        if self._copy_value:
            if new.shape != old.shape:
                raise ValueError(f"IdentityModifier: expected a replacement of shape {old.shape} with copy_value=True, "
                                 f"received {new.shape}")
            new.d = old.d.copy()
            new.g = old.g.copy()
        return new

    def __finish__(self):
        self._input_dict = None
        self._copy_value = False
