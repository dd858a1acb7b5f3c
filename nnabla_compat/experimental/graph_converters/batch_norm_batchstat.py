"""Batch normalization by running statistics."""
from ... import functions as F
from .graph_converter import FunctionModifier

_NORMALIZATIONS = {"BatchNormalization": F.batch_normalization, "FusedBatchNormalization": F.fused_batch_normalization,
                   "SyncBatchNormalization": F.sync_batch_normalization}


class BatchNormBatchStatModifier(FunctionModifier):
    """Lets batch normalization functions of a network use their running statistics (``batch_stat=False``)."""

    def connect(self, fname, inputs, args):
        """A normalization by running statistics, by type name and arguments."""
        args = {k: v for k, v in args.items() if k not in ("no_scale", "no_bias")}
        return _NORMALIZATIONS[fname](*inputs, **{**args, "batch_stat": False})

    def modify(self, f, inputs):
        if f.info.type_name in _NORMALIZATIONS:
            return self._modify_as_same(f, inputs, batch_stat=False)
