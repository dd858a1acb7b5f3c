"""Rebuilding a network with changes: layers folded, removed, pruned, quantized or in another memory layout.

A modifier says what becomes of each function, a converter applies modifiers to a network::

    test = GraphConverter([BatchNormBatchStatModifier(), RemoveFunctionModifier(["Dropout"])]).convert(pred)

The network given is left as it is; the new one reads the same inputs and, where a modifier makes no others, the same
parameters.
"""
from .batch_norm_batchstat import BatchNormBatchStatModifier
from .batch_normalization_folding import (AddBiasModifier, BatchNormalizationFoldingModifier,
                                          BatchNormalizationFoldingModifierInner,
                                          BatchNormalizationFoldingOppositeModifierInner)
from .batch_normalization_self_folding import BatchNormalizationSelfFoldingModifier
from .channel_first import ChannelFirstModifier
from .channel_last import ChannelLastModifier
from .fused_batch_normalization import FusedBatchNormalizationModifier
from .graph_converter import FunctionModifier, GraphConverter
from .identity import IdentityModifier
from .no_grad import NoGradModifier
from .prune import PruningModifier
from .quantize import QuantizeNonQNNToRecordingModifier, QuantizeRecordingToTrainingModifier
from .remove_function import RemoveFunctionModifier
from .test_mode import TestModeModifier
from .unfused_batch_normalization import UnfusedBatchNormalizationModifier
