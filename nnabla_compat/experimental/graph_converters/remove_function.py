"""Leaving functions out."""
from .graph_converter import FunctionModifier


class RemoveFunctionModifier(FunctionModifier):
    """Leaves functions out: their consumers read their first input.

    Args:
        rm_funcs (list of str): Types of the functions, such as ``["Dropout"]``.
    """

    def __init__(self, rm_funcs=[]):
        super().__init__()
        self._rm_funcs = rm_funcs

    def modify(self, f, inputs):
        if f.info.type_name in self._rm_funcs:
            return inputs[0]
