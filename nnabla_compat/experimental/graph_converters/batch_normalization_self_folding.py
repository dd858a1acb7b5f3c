"""Batch normalization as a multiplication and an addition."""
from ...parameter import get_parameter_or_create, parameter_scope
from .batch_normalization_folding import scale_and_shift
from .graph_converter import FunctionModifier


class BatchNormalizationSelfFoldingModifier(FunctionModifier):
    r"""Replaces each batch normalization by :math:`c_0 x + c_1` with its running statistics.

    The factors are new parameters, ``c0-<name>-<number>`` and ``c1-<name>-<number>``.

    Args:
        name (str): Scope of the parameters.
    """

    def __init__(self, name="bn-self-folding"):
        super().__init__()
        self._cnt = 0
        self._name = name

    def modify(self, f, inputs):
        if f.info.type_name != "BatchNormalization":
            return None
        scale, shift = scale_and_shift(f)
        with parameter_scope(self._name):
            c0 = get_parameter_or_create(f"c0-{self._name}-{self._cnt}", scale.shape, scale)
            c1 = get_parameter_or_create(f"c1-{self._name}-{self._cnt}", shift.shape, shift)
        self._cnt += 1
        return c0 * inputs[0] + c1

    def __finish__(self):
        self._cnt = 0
        self._name = "bn-self-folding"
