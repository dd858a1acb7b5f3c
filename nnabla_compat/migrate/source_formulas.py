"""Operators that PyTorch writes as one expression: ``{0}``, ``{1}`` are the inputs, names are arguments.

UNWRITTEN says why an operator has no source.
"""

FORMULAS = {
    "ReLU": "F.relu({0})", "Tanh": "torch.tanh({0})", "Sigmoid": "torch.sigmoid({0})", "Swish": "F.silu({0})",
    "GELU": "F.gelu({0}, approximate='tanh')", "ELU": "F.elu({0}, {alpha})", "SoftPlus": "F.softplus({0}, {beta})",
    "SoftSign": "F.softsign({0})", "LogSigmoid": "F.logsigmoid({0})", "LeakyReLU": "F.leaky_relu({0}, {alpha})",
    "ReLU6": "F.relu6({0})", "Softmax": "F.softmax({0}, {axis})", "LogSoftmax": "F.log_softmax({0}, {axis})",
    "CReLU": "torch.cat([F.relu({0}), F.relu(-{0})], {axis})",
    "CELU": "torch.cat([F.elu({0}, {alpha}), F.elu(-{0}, {alpha})], {axis})",
    "SELU": "{scale} * F.elu({0}, {alpha})",
    "Add2": "{0} + {1}", "Sub2": "{0} - {1}", "Mul2": "{0} * {1}", "Div2": "{0} / {1}", "Pow2": "{0} ** {1}",
    "Maximum2": "torch.maximum({0}, {1})", "Minimum2": "torch.minimum({0}, {1})", "ATan2": "torch.atan2({0}, {1})",
    "AddScalar": "{0} + {val}", "MulScalar": "{0} * {val}", "PowScalar": "{0} ** {val}", "RSubScalar": "{val} - {0}",
    "RDivScalar": "{val} / {0}", "RPowScalar": "{val} ** {0}",
    # Of gradient 0 where equal, which clamp's is of some releases of torch only.
    "MaximumScalar": "F.hardtanh({0}, {val}, torch.inf)", "MinimumScalar": "F.hardtanh({0}, -torch.inf, {val})",
    "Equal": "({0} == {1}).to({0}.dtype)", "Greater": "({0} > {1}).to({0}.dtype)", "Less": "({0} < {1}).to({0}.dtype)",
    "GreaterScalar": "({0} > {val}).to({0}.dtype)", "LessScalar": "({0} < {val}).to({0}.dtype)",
    "Identity": "{0}", "Unlink": "{0}.detach()",
    "Abs": "torch.abs({0})", "Exp": "torch.exp({0})", "Log": "torch.log({0})", "Sin": "torch.sin({0})",
    "Cos": "torch.cos({0})", "SquaredError": "({0} - {1}) ** 2", "AbsoluteError": "torch.abs({0} - {1})",
    "HuberLoss": "2 * F.huber_loss({0}, {1}, reduction='none', delta={delta})",
    "SigmoidCrossEntropy": "F.binary_cross_entropy_with_logits({0}, {1}, reduction='none')",
    "BinaryCrossEntropy": "F.binary_cross_entropy({0}, {1}, reduction='none')",
    "Transpose": "{0}.permute({axes})", "Flip": "torch.flip({0}, {axes})", "Tile": "{0}.tile({reps})",
    "MatrixDiag": "torch.diag_embed({0})",
    "ACos": "torch.acos({0})", "ACosh": "torch.acosh({0})", "ASin": "torch.asin({0})", "ASinh": "torch.asinh({0})",
    "ATan": "torch.atan({0})", "ATanh": "torch.atanh({0})", "Tan": "torch.tan({0})", "Sinh": "torch.sinh({0})",
    "Cosh": "torch.cosh({0})", "Sinc": "torch.sinc({0} / torch.pi)", "Erf": "torch.erf({0})", "Mish": "F.mish({0})",
    "HardSigmoid": "(0.2 * {0} + 0.5).clamp(0, 1)", "HardTanh": "F.hardtanh({0})", "TanhShrink": "F.tanhshrink({0})",
    "BcAdd2": "{0} + {1}",
    "EqualScalar": "({0} == {val}).to({0}.dtype)", "NotEqual": "({0} != {1}).to({0}.dtype)",
    "NotEqualScalar": "({0} != {val}).to({0}.dtype)", "GreaterEqual": "({0} >= {1}).to({0}.dtype)",
    "GreaterEqualScalar": "({0} >= {val}).to({0}.dtype)", "LessEqual": "({0} <= {1}).to({0}.dtype)",
    "LessEqualScalar": "({0} <= {val}).to({0}.dtype)",
    "LogicalAnd": "torch.logical_and({0}, {1}).to({0}.dtype)", "LogicalOr": "torch.logical_or({0}, {1}).to({0}.dtype)",
    "LogicalXor": "torch.logical_xor({0}, {1}).to({0}.dtype)", "LogicalNot": "torch.logical_not({0}).to({0}.dtype)",
    "LogicalAndScalar": "torch.logical_and({0}, torch.tensor({val})).to({0}.dtype)",
    "LogicalOrScalar": "torch.logical_or({0}, torch.tensor({val})).to({0}.dtype)",
    "LogicalXorScalar": "torch.logical_xor({0}, torch.tensor({val})).to({0}.dtype)",
    "IsNaN": "torch.isnan({0}).to({0}.dtype)", "IsInf": "torch.isinf({0}).to({0}.dtype)",
    "ResetNaN": "torch.where(torch.isnan({0}), {val}, {0})", "ResetInf": "torch.where(torch.isinf({0}), {val}, {0})",
    "BinaryError": "(({0} >= 0.5) != ({1} >= 0.5)).to({0}.dtype)",
    "EpsilonInsensitiveLoss": "F.relu(torch.abs({0} - {1}) - {epsilon})",
    "BatchDet": "torch.linalg.det({0})", "BatchInv": "torch.linalg.inv({0})",
    "BatchLogdet": "torch.linalg.slogdet({0}).logabsdet", "MatrixDiagPart": "torch.diagonal({0}, dim1=-2, dim2=-1)",
    "ReduceSum": "{0}.sum()", "ReduceMean": "{0}.mean()", "DequantizeLinear": "({0} - {2}) * {1}",
}

_RANDOM = "random numbers, which cannot be compared with the network's"
_VALUES = "the shape of what it returns depends on values"
_STATE = "keeps a state that torch has no layer for"
_NONE = "torch has no function for it"

UNWRITTEN = {
    **dict.fromkeys(("Rand", "Randn", "Randint", "RandBeta", "RandBinomial", "RandGamma", "RandomChoice", "RandomCrop",
                     "RandomErase", "RandomFlip", "RandomShift", "ImageAugmentation", "VATNoise"), _RANDOM),
    **dict.fromkeys(("NonZero", "Unique", "BoolGather", "BoolScatter", "NmsDetection2d", "ONNXNonMaxSuppression",
                     "PackPaddedSequence", "PadPackedSequence"), _VALUES),
    **dict.fromkeys(("MeanSubtraction", "SpectralNorm", "MinMaxQuantize", "QuantizeLinear", "INQAffine", "INQConvolution"), _STATE),
    **dict.fromkeys(("AdaptiveSeparableConvolution", "BitShift", "BoolFill", "ConfusionMatrix", "DeformableConvolution",
                     "ISTFT", "STFT", "ONNXResize", "PatchCorrelation", "RoiAlign", "WarpByFlow"), _NONE),
    **dict.fromkeys(("ClipGradByNorm", "ClipGradByValue", "MaxPoolingBackward", "TopKGrad"),
                    "it is about gradients alone"),
    "Assign": "it writes into its input", "Sink": "it returns nothing",
    "FusedConvolution": "the functions it joins have source: use those",
}
