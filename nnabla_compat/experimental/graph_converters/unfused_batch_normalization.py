"""Fused batch normalization taken apart."""
from ... import functions as F
from .graph_converter import FunctionModifier, bound_inputs

_NONLINEARITIES = {"relu": F.relu, "": lambda x: x}


class UnfusedBatchNormalizationModifier(FunctionModifier):
    """Makes batch normalization, addition and nonlinearity of each fused batch normalization.

    The new functions use the same parameters.
    """

    def modify(self, f, inputs):
        if f.info.type_name != "FusedBatchNormalization":
            return None
        named, args = bound_inputs(f, inputs), f.info.args
        nonlinearity = _NONLINEARITIES[args["nonlinearity"]]
        h = F.batch_normalization(named["x"], named["beta"], named["gamma"], named["mean"], named["variance"],
                                  args["axes"], args["decay_rate"], args["eps"], args["batch_stat"])
        return nonlinearity(h if "z" not in named else named["z"] + h)
