"""From a training network to one for inference."""
from .batch_norm_batchstat import BatchNormBatchStatModifier
from .remove_function import RemoveFunctionModifier


class TestModeModifier:
    """Modifiers for inference: running statistics in batch normalization, and some functions removed.

    Args:
        rm_funcs (list of str): Types of functions to remove, such as ``["Dropout", "ImageAugmentation"]``.

    Returns:
        list: Modifiers, for :class:`GraphConverter`.
    """

    __test__ = False   # no test class for pytest

    def __new__(cls, rm_funcs=[]):
        return [BatchNormBatchStatModifier(), RemoveFunctionModifier(rm_funcs=rm_funcs)]
