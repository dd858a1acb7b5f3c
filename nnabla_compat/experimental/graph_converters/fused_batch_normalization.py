"""Batch normalization, addition and ReLU as one function."""
from ... import functions as F
from .graph_converter import FunctionModifier, bound_inputs


class FusedBatchNormalizationModifier(FunctionModifier):
    """Makes one fused batch normalization of each ``relu(batch_normalization(x) + z)``.

    The new function uses the same parameters. Blocks whose inner results somebody else reads stay as they are.
    """

    def modify(self, f, inputs):
        if f.info.type_name != "ReLU":
            return None
        add = _only_consumed(f.inputs[0], "Add2")
        if add is None:
            return None
        for i in (0, 1):
            bn = _only_consumed(add.inputs[i], "BatchNormalization")
            if bn is not None and bn.mask is None and len(bn.outputs) == 1:
                new_add = inputs[0].parent
                named, args = bound_inputs(bn, new_add.inputs[i].parent.inputs), bn.info.args
                return F.fused_batch_normalization(
                    named["x"], named["beta"], named["gamma"], named["mean"], named["variance"], new_add.inputs[1 - i],
                    args["axes"], args["decay_rate"], args["eps"], args["batch_stat"], "relu")
        return None


def _only_consumed(variable, type_name):
    """The function of a type that computes a variable which one function reads; else None."""
    f = variable.parent
    if f is None or f.info.type_name != type_name or len(variable.function_references) != 1:
        return None
    return f
