"""nnabla's operator table: names, inputs, arguments and outputs of each function type, by category.

An entry is [type, function, inputs, arguments, outputs]. An input or output is its name, or its name and flags: o
optional, p parameter, v repeated. An argument is [name, type, default, possible values]; lines wrap at blanks.
"""

TABLE = {
    "Neural Network Layer": r"""
["Affine", "affine", ["x", ["weight", "p"], ["bias", "op"]], [["base_axis", "int64", "1"]], ["y"]]
["RNN", "rnn", ["x", "h", ["weight_l0", "p"], ["weight", "op"], ["bias", "op"]], [["num_layers", "int64", "1"],
 ["nonlinearity", "string", "'tanh'", ["tanh", "relu"]], ["dropout", "float", "0.0"], ["bidirectional", "bool",
 "False"], ["training", "bool", "True"]], ["y", "h_n"]]
["LSTM", "lstm", ["x", "h", "c", ["weight_l0", "p"], ["weight", "op"], ["bias", "op"]], [["num_layers", "int64",
 "1"], ["dropout", "float", "0.0"], ["bidirectional", "bool", "False"], ["training", "bool", "True"]], ["y", "h_n",
 "c_n"]]
["GRU", "gru", ["x", "h", ["weight_l0", "p"], ["weight", "op"], ["bias", "op"]], [["num_layers", "int64", "1"],
 ["dropout", "float", "0.0"], ["bidirectional", "bool", "False"], ["training", "bool", "True"]], ["y", "h_n"]]
["Convolution", "convolution", ["x", ["weight", "p"], ["bias", "op"]], [["base_axis", "int64", "1"], ["pad",
 "Shape", "(0,) * (len(x.shape) - (base_axis+1))"], ["stride", "Shape", "(1,) * (len(x.shape) - (base_axis+1))"],
 ["dilation", "Shape", "(1,) * (len(x.shape) - (base_axis+1))"], ["group", "int64", "1"], ["channel_last", "bool",
 "False"]], ["y"]]
["FusedConvolution", "fused_convolution", ["x", ["weight", "p"], ["bias", "op"], ["beta", "op"], ["gamma", "op"],
 ["mean", "o"], ["variance", "o"], ["z", "o"]], [["base_axis", "int64", "1"], ["pad", "Shape", "(0,) * (len(x.shape)
 - (base_axis+1))"], ["stride", "Shape", "(1,) * (len(x.shape) - (base_axis+1))"], ["dilation", "Shape", "(1,) *
 (len(x.shape) - (base_axis+1))"], ["group", "int64", "1"], ["channel_last", "bool", "False"], ["decay_rate",
 "float", "0.9"], ["eps", "float", "1e-05"], ["batch_stat", "bool", "True"], ["nonlinearity", "string", "'relu'",
 ["identity", "relu", "sigmoid", "tanh", "leaky_relu", "elu", "relu6"]], ["nonlinearity_args", "repeated float",
 "list()"], ["pad_mode", "string", "'constant'", ["constant", "reflect", "repeat"]], ["constant_value", "float",
 "0"]], ["y"]]
["DepthwiseConvolution", "depthwise_convolution", ["x", ["weight", "p"], ["bias", "op"]], [["base_axis", "int64",
 "1"], ["pad", "Shape", "(0,) * (len(x.shape) - (base_axis+1))"], ["stride", "Shape", "(1,) * (len(x.shape) -
 (base_axis+1))"], ["dilation", "Shape", "(1,) * (len(x.shape) - (base_axis+1))"], ["multiplier", "int64", "1"]],
 ["y"]]
["Deconvolution", "deconvolution", ["x", ["weight", "p"], ["bias", "op"]], [["base_axis", "int64", "1"], ["pad",
 "Shape", "(0,) * (len(x.shape) - (base_axis+1))"], ["stride", "Shape", "(1,) * (len(x.shape) - (base_axis+1))"],
 ["dilation", "Shape", "(1,) * (len(x.shape) - (base_axis+1))"], ["group", "int64", "1"], ["channel_last", "bool",
 "False"], ["output_padding", "Shape", "(0,) * (len(x.shape) - (base_axis+1))"]], ["y"]]
["DepthwiseDeconvolution", "depthwise_deconvolution", ["x", ["weight", "p"], ["bias", "op"]], [["base_axis",
 "int64", "1"], ["pad", "Shape", "(0,) * (len(x.shape) - (base_axis+1))"], ["stride", "Shape", "(1,) * (len(x.shape)
 - (base_axis+1))"], ["dilation", "Shape", "(1,) * (len(x.shape) - (base_axis+1))"], ["divisor", "int64", "1"]],
 ["y"]]
["DeformableConvolution", "deformable_convolution", ["x", ["weight", "p"], "offset", ["mask", "o"], ["bias", "op"]],
 [["base_axis", "int64", "1"], ["pad", "Shape", "(0,) * (len(x.shape) - (base_axis+1))"], ["stride", "Shape", "(1,)
 * (len(x.shape) - (base_axis+1))"], ["dilation", "Shape", "(1,) * (len(x.shape) - (base_axis+1))"], ["group",
 "int64", "1"], ["deformable_group", "int64", "1"], ["channel_last", "bool", "False"]], ["y"]]
["AdaptiveSeparableConvolution", "adaptive_separable_convolution", ["x", "vertical_kernel", "horizontal_kernel"],
 [], ["y"]]
["MaxPooling", "max_pooling", ["x"], [["kernel", "Shape"], ["stride", "Shape", "kernel"], ["ignore_border", "bool",
 "True"], ["pad", "Shape", "(0,) * len(kernel)"], ["channel_last", "bool", "False"]], ["y"]]
["AveragePooling", "average_pooling", ["x"], [["kernel", "Shape"], ["stride", "Shape", "kernel"], ["ignore_border",
 "bool", "True"], ["pad", "Shape", "(0,) * len(kernel)"], ["channel_last", "bool", "False"], ["including_pad",
 "bool", "True"]], ["y"]]
["GlobalAveragePooling", "global_average_pooling", ["x"], [], ["y"]]
["SumPooling", "sum_pooling", ["x"], [["kernel", "Shape"], ["stride", "Shape", "kernel"], ["ignore_border", "bool",
 "True"], ["pad", "Shape", "(0,) * len(kernel)"], ["channel_last", "bool", "False"]], ["y"]]
["Unpooling", "unpooling", ["x"], [["kernel", "Shape"], ["channel_last", "bool", "False"]], ["y"]]
["Embed", "embed", ["x0", ["w", "p"]], [], ["y"]]
["RoiAlign", "roi_align", ["input", "boxes"], [["output_size", "Shape"], ["spatial_scale", "repeated float", "(1.0,
 1.0)"], ["sampling_ratio", "int64", "-1"], ["channel_last", "bool", "False"]], ["y"]]
""",
    "Neural Network Activation Functions": r"""
["Sigmoid", "sigmoid", ["x"], [], ["y"]]
["Swish", "swish", ["x"], [], ["y"]]
["Tanh", "tanh", ["x"], [], ["y"]]
["ReLU", "relu", ["x"], [["inplace", "bool", "False"]], ["y"]]
["LeakyReLU", "leaky_relu", ["x"], [["alpha", "float", "0.1"], ["inplace", "bool", "False"]], ["y"]]
["Softmax", "softmax", ["x"], [["axis", "int64", "len(x.shape) - 1"]], ["y"]]
["LogSoftmax", "log_softmax", ["x"], [["axis", "int64", "len(x.shape) - 1"]], ["y"]]
["ELU", "elu", ["x"], [["alpha", "double", "1.0"]], ["y"]]
["SELU", "selu", ["x"], [["scale", "double", "1.05070098735548"], ["alpha", "double", "1.673263242354377"]], ["y"]]
["CReLU", "crelu", ["x"], [["axis", "int64", "1"]], ["y"]]
["CELU", "celu", ["x"], [["alpha", "double", "1.0"], ["axis", "int64", "1"]], ["y"]]
["PReLU", "prelu", ["x0", "x1"], [["base_axis", "int64", "1"]], ["y"]]
["GELU", "gelu", ["x"], [], ["y"]]
["Mish", "mish", ["x"], [], ["y"]]
["ReLU6", "relu6", ["x"], [], ["y"]]
["HardSigmoid", "hard_sigmoid", ["x"], [], ["y"]]
["HardTanh", "hard_tanh", ["x"], [], ["y"]]
["LogSigmoid", "log_sigmoid", ["x"], [], ["y"]]
["SoftPlus", "softplus", ["x"], [["beta", "double", "1.0"]], ["y"]]
["SoftSign", "softsign", ["x"], [], ["y"]]
["TanhShrink", "tanh_shrink", ["x"], [], ["y"]]
["Sinc", "sinc", ["x"], [], ["y"]]
""",
    "Normalization": r"""
["FusedBatchNormalization", "fused_batch_normalization", ["x", "beta", "gamma", "mean", "variance", ["z", "o"]],
 [["axes", "repeated int64", "(1,)"], ["decay_rate", "float", "0.9"], ["eps", "float", "1e-05"], ["batch_stat",
 "bool", "True"], ["nonlinearity", "string", "'relu'", ["relu"]]], ["y"]]
["BatchNormalization", "batch_normalization", ["x", ["beta", "o"], ["gamma", "o"], ["mean", "o"], ["variance",
 "o"]], [["axes", "repeated int64", "(1,)"], ["decay_rate", "float", "0.9"], ["eps", "float", "1e-05"],
 ["batch_stat", "bool", "True"], ["no_scale", "bool", "False"], ["no_bias", "bool", "False"]], ["y"]]
["GroupNormalization", "group_normalization", ["x", ["beta", "o"], ["gamma", "o"]], [["num_groups", "int64", "1"],
 ["channel_axis", "int64", "1"], ["batch_axis", "repeated int64", "(0,)"], ["eps", "float", "1e-05"], ["no_scale",
 "bool", "False"], ["no_bias", "bool", "False"]], ["y"]]
["InstanceNormalization", "instance_normalization", ["x", ["beta", "o"], ["gamma", "o"]], [["channel_axis", "int64",
 "1"], ["batch_axis", "repeated int64", "(0,)"], ["eps", "float", "1e-05"], ["no_scale", "bool", "False"],
 ["no_bias", "bool", "False"]], ["y"]]
["LayerNormalization", "layer_normalization", ["x", ["beta", "o"], ["gamma", "o"]], [["batch_axis", "repeated
 int64", "(0,)"], ["eps", "float", "1e-05"], ["no_scale", "bool", "False"], ["no_bias", "bool", "False"]], ["y"]]
["NormNormalization", "norm_normalization", ["x"], [["p", "float", "2"], ["axes", "repeated int64",
 "range(x.ndim)"], ["eps", "float", "1e-12"]], ["y"]]
["SyncBatchNormalization", "sync_batch_normalization", ["x", "beta", "gamma", "mean", "variance"], [["comm",
 "Communicator"], ["group", "string", "world", ["world"]], ["axes", "repeated int64", "(1,)"], ["decay_rate",
 "float", "0.9"], ["eps", "float", "1e-05"], ["batch_stat", "bool", "True"]], ["y"]]
["TensorNormalization", "tensor_normalization", ["x", ["beta", "o"], ["gamma", "o"]], [["axes", "repeated int64",
 "(1,)"], ["eps", "float", "1e-05"], ["no_scale", "bool", "False"], ["no_bias", "bool", "False"]], ["y"]]
["WeightNormalization", "weight_normalization", ["w", "g"], [["dim", "int64", "0"], ["eps", "float", "1e-12"]],
 ["w_wn"]]
["WeightStandardization", "weight_standardization", ["w"], [["channel_axis", "int64", "0"], ["eps", "float",
 "1e-05"]], ["y"]]
["SpectralNorm", "spectral_norm", ["w", "u"], [["dim", "int64", "0"], ["itr", "int64", "1"], ["eps", "float",
 "1e-12"], ["test", "bool", "False"], ["output_u", "bool", "False"]], ["w_sn"]]
["MeanSubtraction", "mean_subtraction", ["x", "rmean", "t"], [["base_axis", "int64", "1"], ["update_running_mean",
 "bool", "True"]], ["y"]]
["ClipGradByValue", "clip_grad_by_value", ["x", "min", "max"], [], ["y"]]
["ClipGradByNorm", "clip_grad_by_norm", ["x"], [["clip_norm", "float", "1.0"], ["axes", "repeated int64",
 "range(x.ndim)"]], ["y"]]
""",
    "Reduction": r"""
["Sum", "sum", ["x"], [["axes", "repeated int64", "range(x.ndim)"], ["keep_dims", "bool", "False"]], ["y"]]
["CumSum", "cumsum", ["x"], [["axis", "int64", "0"], ["exclusive", "bool", "False"], ["reverse", "bool", "False"]],
 ["y"]]
["Mean", "mean", ["x"], [["axes", "repeated int64", "range(x.ndim)"], ["keep_dims", "bool", "False"]], ["y"]]
["Max", "max", ["x"], [["axes", "repeated int64", "range(x.ndim)"], ["keep_dims", "bool", "False"], ["with_index",
 "bool", "False"], ["only_index", "bool", "False"]], ["y"]]
["Min", "min", ["x"], [["axes", "repeated int64", "range(x.ndim)"], ["keep_dims", "bool", "False"], ["with_index",
 "bool", "False"], ["only_index", "bool", "False"]], ["y"]]
["Norm", "norm", ["x"], [["p", "float", "2"], ["axes", "repeated int64", "range(x.ndim)"], ["keep_dims", "bool",
 "False"]], ["y"]]
["Prod", "prod", ["x"], [["axes", "repeated int64", "range(x.ndim)"], ["keep_dims", "bool", "False"]], ["y"]]
["CumProd", "cumprod", ["x"], [["axis", "int64", "0"], ["exclusive", "bool", "False"], ["reverse", "bool",
 "False"]], ["y"]]
["ReduceSum", "reduce_sum", ["x"], [], ["y"]]
["ReduceMean", "reduce_mean", ["x"], [], ["y"]]
""",
    "Arithmetic": r"""
["Add2", "add2", ["x0", "x1"], [["inplace", "bool", "False"]], ["y"]]
["AddN", "add_n", [["x", "v"]], [], ["y"]]
["BcAdd2", "bc_add2", ["x0", "x1"], [["inplace", "bool", "False"]], ["y"]]
["Sub2", "sub2", ["x0", "x1"], [["inplace", "bool", "False"]], ["y"]]
["Mul2", "mul2", ["x0", "x1"], [["inplace", "bool", "False"]], ["y"]]
["MulN", "mul_n", [["x", "v"]], [], ["y"]]
["Div2", "div2", ["x0", "x1"], [["inplace", "bool", "False"]], ["y"]]
["Pow2", "pow2", ["x0", "x1"], [["inplace", "bool", "False"]], ["y"]]
["AddScalar", "add_scalar", ["x"], [["val", "double", "1"], ["inplace", "bool", "False"]], ["y"]]
["MulScalar", "mul_scalar", ["x"], [["val", "double", "1"], ["inplace", "bool", "False"]], ["y"]]
["PowScalar", "pow_scalar", ["x"], [["val", "double", "1"], ["inplace", "bool", "False"]], ["y"]]
["RSubScalar", "r_sub_scalar", ["x"], [["val", "double", "1"]], ["y"]]
["RDivScalar", "r_div_scalar", ["x"], [["val", "double", "1"]], ["y"]]
["RPowScalar", "r_pow_scalar", ["x"], [["val", "double", "1"]], ["y"]]
""",
    "Logical": r"""
["Sign", "sign", ["x"], [["alpha", "float", "1.0"]], ["y"]]
["Minimum2", "minimum2", ["x0", "x1"], [], ["y"]]
["Maximum2", "maximum2", ["x0", "x1"], [], ["y"]]
["MinimumScalar", "minimum_scalar", ["x"], [["val", "double", "1.0"]], ["y"]]
["MaximumScalar", "maximum_scalar", ["x"], [["val", "double", "1.0"]], ["y"]]
["LogicalAnd", "logical_and", ["x0", "x1"], [], ["y"]]
["LogicalOr", "logical_or", ["x0", "x1"], [], ["y"]]
["LogicalXor", "logical_xor", ["x0", "x1"], [], ["y"]]
["Equal", "equal", ["x0", "x1"], [], ["y"]]
["NotEqual", "not_equal", ["x0", "x1"], [], ["y"]]
["GreaterEqual", "greater_equal", ["x0", "x1"], [], ["y"]]
["Greater", "greater", ["x0", "x1"], [], ["y"]]
["LessEqual", "less_equal", ["x0", "x1"], [], ["y"]]
["Less", "less", ["x0", "x1"], [], ["y"]]
["SearchSorted", "searchsorted", ["sorted_sequence", "values"], [["right", "bool", "False"]], ["y"]]
["LogicalAndScalar", "logical_and_scalar", ["x0"], [["val", "bool"]], ["y"]]
["LogicalOrScalar", "logical_or_scalar", ["x0"], [["val", "bool"]], ["y"]]
["LogicalXorScalar", "logical_xor_scalar", ["x0"], [["val", "bool"]], ["y"]]
["EqualScalar", "equal_scalar", ["x0"], [["val", "double", "1"]], ["y"]]
["NotEqualScalar", "not_equal_scalar", ["x0"], [["val", "double", "1"]], ["y"]]
["GreaterEqualScalar", "greater_equal_scalar", ["x0"], [["val", "double", "1"]], ["y"]]
["GreaterScalar", "greater_scalar", ["x0"], [["val", "double", "1"]], ["y"]]
["LessEqualScalar", "less_equal_scalar", ["x0"], [["val", "double", "1"]], ["y"]]
["LessScalar", "less_scalar", ["x0"], [["val", "double", "1"]], ["y"]]
["LogicalNot", "logical_not", ["x0"], [], ["y"]]
["IsNaN", "isnan", ["x0"], [], ["y"]]
["IsInf", "isinf", ["x0"], [], ["y"]]
["ResetNaN", "reset_nan", ["x0"], [["val", "double", "0"]], ["y"]]
["ResetInf", "reset_inf", ["x0"], [["val", "double", "0"]], ["y"]]
["Where", "where", ["condition", "x_true", "x_false"], [], ["y"]]
""",
    "Math": r"""
["Constant", "constant", [], [["val", "float", "0"], ["shape", "Shape", "[]"]], ["y"]]
["Arange", "arange", [], [["start", "float"], ["stop", "float"], ["step", "float", "1"]], ["y"]]
["Linspace", "linspace", [], [["start", "float"], ["stop", "float"], ["num", "int64"]], ["y"]]
["Abs", "abs", ["x"], [], ["y"]]
["Exp", "exp", ["x"], [], ["y"]]
["Log", "log", ["x"], [], ["y"]]
["Identity", "identity", ["x"], [], ["y"]]
["BatchMatmul", "batch_matmul", ["a", "b"], [["transpose_a", "bool", "False"], ["transpose_b", "bool", "False"]],
 ["y"]]
["Round", "round", ["x"], [], ["y"]]
["Ceil", "ceil", ["x"], [], ["y"]]
["Floor", "floor", ["x"], [], ["y"]]
["Sin", "sin", ["x"], [], ["y"]]
["Cos", "cos", ["x"], [], ["y"]]
["Tan", "tan", ["x"], [], ["y"]]
["Sinh", "sinh", ["x"], [], ["y"]]
["Cosh", "cosh", ["x"], [], ["y"]]
["ASin", "asin", ["x"], [], ["y"]]
["ACos", "acos", ["x"], [], ["y"]]
["ATan", "atan", ["x"], [], ["y"]]
["ATan2", "atan2", ["x0", "x1"], [], ["y"]]
["ASinh", "asinh", ["x"], [], ["y"]]
["ACosh", "acosh", ["x"], [], ["y"]]
["ATanh", "atanh", ["x"], [], ["y"]]
["Erf", "erf", ["x"], [], ["y"]]
""",
    "Array Manipulation": r"""
["Concatenate", "concatenate", [["x", "v"]], [["axis", "int64", "len(x[0].shape) - 1"]], ["y"]]
["Split", "split", ["x"], [["axis", "int64", "0"]], [["y", "pv"]]]
["Stack", "stack", [["x", "v"]], [["axis", "int64", "0"]], ["y"]]
["Slice", "slice", ["x"], [["start", "repeated int64", "(0,) * len(x.shape)"], ["stop", "repeated int64",
 "tuple(x.shape)"], ["step", "repeated int64", "(1,) * len(x.shape)"]], ["y"]]
["Pad", "pad", ["x"], [["pad_width", "repeated int64"], ["mode", "string", "'constant'", ["constant", "reflect",
 "repeat"]], ["constant_value", "float", "0"]], ["y"]]
["Transpose", "transpose", ["x"], [["axes", "repeated int64"]], ["y"]]
["Broadcast", "broadcast", ["x"], [["shape", "Shape"]], ["y"]]
["BroadcastTo", "broadcast_to", ["x", "y"], [["axis", "int64", "-1"]], ["z"]]
["Tile", "tile", ["x"], [["reps", "repeated int64"]], ["y"]]
["OneHot", "one_hot", ["x"], [["shape", "Shape"]], ["output"]]
["Flip", "flip", ["x"], [["axes", "repeated int64", "[len(x.shape) - 1]"]], ["y"]]
["Shift", "shift", ["x"], [["shifts", "repeated int64", "(0,) * len(x.shape)"], ["border_mode", "string",
 "'nearest'", ["nearest", "reflect"]]], ["y"]]
["Sort", "sort", ["x"], [["axis", "int64", "-1"], ["reverse", "bool", "False"], ["with_index", "bool", "False"],
 ["only_index", "bool", "False"]], [["y", "pv"]]]
["Reshape", "reshape", ["x"], [["shape", "Shape"], ["inplace", "bool", "True"]], ["y"]]
["Shape", "shape", ["x"], [["start", "int64", "0"], ["end", "int64", "0"]], ["shape"]]
["MatrixDiag", "matrix_diag", ["x"], [], ["y"]]
["MatrixDiagPart", "matrix_diag_part", ["x"], [], ["y"]]
["Trilu", "trilu", ["x"], [["k", "int64", "0"], ["upper", "bool", "True"]], ["y"]]
["Meshgrid", "meshgrid", [["x", "v"]], [["ij_indexing", "bool", "False"]], [["y", "v"]]]
["BatchDet", "batch_det", ["x"], [], ["y"]]
["BatchInv", "batch_inv", ["x"], [], ["y"]]
["BatchLogdet", "batch_logdet", ["x"], [], ["y"]]
["BatchCholesky", "batch_cholesky", ["x"], [["upper", "bool", "False"]], ["y"]]
["Assign", "assign", ["dst", "src"], [], ["y"]]
["Gather", "gather", ["x", "Indices"], [["axis", "int64", "0"], ["batch_dims", "int64", "0"]], ["y"]]
["GatherNd", "gather_nd", ["x", "indices"], [], ["y"]]
["BoolGather", "bool_gather", ["input", "mask"], [], ["output"]]
["ScatterNd", "scatter_nd", ["data", "indices", ["out", "o"]], [["shape", "repeated int64", "None"], ["add", "bool",
 "False"]], ["y"]]
["ScatterAdd", "scatter_add", ["x0", "indices", "x1"], [["axis", "int64", "0"]], ["y"]]
["BoolScatter", "bool_scatter", ["input", "mask", ["output", "o"]], [], ["y"]]
["BoolFill", "bool_fill", ["data", "mask"], [["value", "float", "0"]], ["y"]]
["PackPaddedSequence", "pack_padded_sequence", ["padded_sequence", "lengths"], [["batch_first", "bool", "False"]],
 ["pack_sequence", "batch_sizes"]]
["PadPackedSequence", "pad_packed_sequence", ["packed_sequence", "batch_sizes"], [["batch_first", "bool", "False"],
 ["padding_value", "float", "0.0"], ["total_length", "int64", "-1"]], ["padded_sequence", "lengths"]]
["NonZero", "nonzero", ["x"], [], ["y"]]
""",
    "Signal Processing": r"""
["Interpolate", "interpolate", ["x"], [["output_size", "repeated int64"], ["mode", "string", null, ["nearest",
 "linear"]], ["align_corners", "bool", "True"], ["half_pixel", "bool", "False"], ["half_pixel_for_nn", "bool",
 "False"], ["channel_last", "bool", "False"]], ["y"]]
["ONNXResize", "onnx_resize", ["x"], [["roi", "repeated float", "()"], ["scales", "repeated float", "()"], ["sizes",
 "repeated int64", "()"], ["mode", "string", "'nearest'", ["nearest", "linear", "cubic"]],
 ["coordinate_transformation_mode", "string", "'half_pixel'", ["half_pixel", "pytorch_half_pixel", "align_corners",
 "asymmetric", "tf_crop_and_resize"]], ["cubic_coeff_a", "float", "-0.75"], ["exclude_outside", "int64", "0"],
 ["extrapolation_value", "float", "0.0"], ["nearest_mode", "string", "'round_prefer_floor'", ["round_prefer_floor",
 "round_prefer_ceil", "floor", "ceil"]]], ["y"]]
["FFT", "fft", ["x"], [["signal_ndim", "int64"], ["normalized", "bool", "False"]], ["y"]]
["IFFT", "ifft", ["x"], [["signal_ndim", "int64"], ["normalized", "bool", "False"]], ["y"]]
["STFT", "stft", ["x"], [["window_size", "int64"], ["stride", "int64"], ["fft_size", "int64"], ["window_type",
 "string", "'hanning'", ["hanning", "hamming", "rectangular"]], ["center", "bool", "True"], ["pad_mode", "string",
 "'reflect'", ["constant", "reflect"]], ["as_istft_backward", "bool", "False"]], ["y_r", "y_i"]]
["ISTFT", "istft", ["y_r", "y_i"], [["window_size", "int64"], ["stride", "int64"], ["fft_size", "int64"],
 ["window_type", "string", "'hanning'", ["hanning", "hamming", "rectangular"]], ["center", "bool", "True"],
 ["pad_mode", "string", "'reflect'", ["constant", "reflect"]], ["as_stft_backward", "bool", "False"]], ["x"]]
""",
    "Stochasticity": r"""
["Dropout", "dropout", ["x"], [["p", "double", "0.5"], ["seed", "int64", "-1"]], ["y"]]
["TopKData", "top_k_data", ["x"], [["k", "int64"], ["abs", "bool", "False"], ["reduce", "bool", "True"],
 ["base_axis", "int64", "1"], ["largest", "bool", "True"], ["with_index", "bool", "False"]], ["y", "indices"]]
["TopKGrad", "top_k_grad", ["x"], [["k", "int64"], ["abs", "bool", "False"], ["base_axis", "int64", "1"]], ["y"]]
["Rand", "rand", [], [["low", "float", "0"], ["high", "float", "1"], ["shape", "Shape", "[]"], ["seed", "int64",
 "-1"]], ["y"]]
["Randint", "randint", [], [["low", "int64", "0"], ["high", "int64", "1"], ["shape", "Shape", "[]"], ["seed",
 "int64", "-1"]], ["y"]]
["Randn", "randn", [], [["mu", "float", "0"], ["sigma", "float", "1"], ["shape", "Shape", "[]"], ["seed", "int64",
 "-1"]], ["y"]]
["RandBinomial", "rand_binomial", [], [["n", "int64", "1"], ["p", "float", "0.5"], ["shape", "Shape", "[]"],
 ["seed", "int64", "-1"]], ["y"]]
["RandBeta", "rand_beta", [], [["alpha", "float", "0.5"], ["beta", "float", "0.5"], ["shape", "Shape", "[]"],
 ["seed", "int64", "-1"]], ["y"]]
["RandGamma", "rand_gamma", [], [["k", "float", "0.5"], ["theta", "float", "1"], ["shape", "Shape", "[]"], ["seed",
 "int64", "-1"]], ["y"]]
["RandomChoice", "random_choice", ["x", "w"], [["shape", "Shape", "[]"], ["replace", "bool", "True"], ["seed",
 "int64", "-1"]], ["y"]]
["RandomCrop", "random_crop", ["x"], [["shape", "Shape", "x.shape"], ["base_axis", "int64", "1"], ["seed", "int64",
 "-1"]], ["y"]]
["RandomFlip", "random_flip", ["x"], [["axes", "repeated int64", "[len(x.shape) - 1]"], ["base_axis", "int64", "1"],
 ["seed", "int64", "-1"]], ["y"]]
["RandomShift", "random_shift", ["x"], [["shifts", "repeated int64", "(0,) * len(x.shape)"], ["border_mode",
 "string", "'nearest'", ["nearest", "reflect", "constant"]], ["constant_value", "float", "0"], ["base_axis",
 "int64", "1"], ["seed", "int64", "-1"]], ["y"]]
["RandomErase", "random_erase", ["x"], [["prob", "float", "0.5"], ["area_ratios", "repeated float", "(0.02, 0.4)"],
 ["aspect_ratios", "repeated float", "(0.3, 3.3333)"], ["replacements", "repeated float", "(0.0, 255.0)"], ["n",
 "int64", "1"], ["share", "bool", "True"], ["inplace", "bool", "False"], ["base_axis", "int64", "1"], ["seed",
 "int64", "-1"], ["channel_last", "bool", "False"], ["ste_fine_grained", "bool", "True"]], ["y"]]
["ImageAugmentation", "image_augmentation", ["x"], [["shape", "Shape", "x.shape"], ["pad", "Shape", "(0, 0)"],
 ["min_scale", "float", "1.0"], ["max_scale", "float", "1.0"], ["angle", "float", "0.0"], ["aspect_ratio", "float",
 "1.0"], ["distortion", "float", "0.0"], ["flip_lr", "bool", "False"], ["flip_ud", "bool", "False"], ["brightness",
 "float", "0.0"], ["brightness_each", "bool", "False"], ["contrast", "float", "1.0"], ["contrast_center", "float",
 "0.0"], ["contrast_each", "bool", "False"], ["noise", "float", "0.0"], ["seed", "int64", "-1"]], ["y"]]
""",
    "Loss Functions": r"""
["SigmoidCrossEntropy", "sigmoid_cross_entropy", [["x", "p"], ["target", "p"]], [], ["y"]]
["BinaryCrossEntropy", "binary_cross_entropy", ["x", "target"], [], ["y"]]
["SoftmaxCrossEntropy", "softmax_cross_entropy", [["x", "p"], ["target", "p"]], [["axis", "int64", "len(x.shape) -
 1"]], ["y"]]
["CategoricalCrossEntropy", "categorical_cross_entropy", [["x", "p"], ["target", "p"]], [["axis", "int64",
 "len(x.shape) - 1"]], ["y"]]
["SquaredError", "squared_error", ["x0", "x1"], [], ["y"]]
["AbsoluteError", "absolute_error", ["x0", "x1"], [], ["y"]]
["HuberLoss", "huber_loss", ["x0", "x1"], [["delta", "float", "1.0"]], ["y"]]
["EpsilonInsensitiveLoss", "epsilon_insensitive_loss", ["x0", "x1"], [["epsilon", "float"]], ["y"]]
["KLMultinomial", "kl_multinomial", ["p", "q"], [["base_axis", "int64", "1"]], ["D"]]
""",
    "Geometric Neural Network Layers": r"""
["AffineGrid", "affine_grid", ["theta"], [["size", "repeated int64"], ["align_corners", "bool", "False"]], ["grid"]]
["WarpByGrid", "warp_by_grid", ["x", "grid"], [["mode", "string", "'linear'", ["linear", "nearest"]],
 ["padding_mode", "string", "'zero'", ["zero", "repeat", "reflect"]], ["align_corners", "bool", "False"],
 ["channel_last", "bool", "False"]], ["y"]]
["WarpByFlow", "warp_by_flow", ["data", "flow"], [], ["warped_image"]]
""",
    "Quantization Neural Network Layers": r"""
["BinarySigmoid", "binary_sigmoid", ["x"], [], ["y"]]
["BinaryTanh", "binary_tanh", ["x"], [], ["y"]]
["BinaryConnectAffine", "binary_connect_affine", ["x", ["weight", "p"], ["binary_weight", "p"], ["bias", "op"]],
 [["base_axis", "int64", "1"], ["quantize_zero_to", "float", "1.0"]], ["y"]]
["BinaryConnectConvolution", "binary_connect_convolution", ["x", ["weight", "p"], ["binary_weight", "p"], ["bias",
 "op"]], [["base_axis", "int64", "1"], ["pad", "Shape", "(0,) * (len(x.shape) - (base_axis+1))"], ["stride",
 "Shape", "(1,) * (len(x.shape) - (base_axis+1))"], ["dilation", "Shape", "(1,) * (len(x.shape) - (base_axis+1))"],
 ["group", "int64", "1"], ["quantize_zero_to", "float", "1.0"]], ["y"]]
["BinaryWeightAffine", "binary_weight_affine", ["x", ["weight", "p"], ["binary_weight", "p"], ["alpha", "p"],
 ["bias", "op"]], [["base_axis", "int64", "1"], ["quantize_zero_to", "float", "1.0"]], ["y"]]
["BinaryWeightConvolution", "binary_weight_convolution", ["x", ["weight", "p"], ["binary_weight", "p"], ["alpha",
 "p"], ["bias", "op"]], [["base_axis", "int64", "1"], ["pad", "Shape", "(0,) * (len(x.shape) - (base_axis+1))"],
 ["stride", "Shape", "(1,) * (len(x.shape) - (base_axis+1))"], ["dilation", "Shape", "(1,) * (len(x.shape) -
 (base_axis+1))"], ["group", "int64", "1"], ["quantize_zero_to", "float", "1.0"]], ["y"]]
["INQAffine", "inq_affine", ["x", ["weight", "p"], ["indicator_fixedweights", "p"], ["bias", "op"]], [["base_axis",
 "int64", "1"], ["num_bits", "int64", "4"], ["inq_iterations", "repeated int64", "()"], ["selection_algorithm",
 "string", "'largest_abs'", ["largest_abs", "random"]], ["seed", "int64", "-1"]], ["y"]]
["INQConvolution", "inq_convolution", ["x", ["weight", "p"], ["indicator_fixedweights", "p"], ["bias", "op"]],
 [["base_axis", "int64", "1"], ["pad", "Shape", "(0,) * (len(x.shape) - (base_axis+1))"], ["stride", "Shape", "(1,)
 * (len(x.shape) - (base_axis+1))"], ["dilation", "Shape", "(1,) * (len(x.shape) - (base_axis+1))"], ["group",
 "int64", "1"], ["num_bits", "int64", "4"], ["inq_iterations", "repeated int64", "()"], ["selection_algorithm",
 "string", "'largest_abs'", ["largest_abs", "random"]], ["seed", "int64", "-1"]], ["y"]]
["FixedPointQuantize", "fixed_point_quantize", ["x"], [["sign", "bool", "True"], ["n", "int64", "8"], ["delta",
 "float", "0.0625"], ["ste_fine_grained", "bool", "True"]], ["y"]]
["MinMaxQuantize", "min_max_quantize", ["x", "qr_min", "qr_max", "ql_min", "ql_max"], [["decay", "float", "0.999"],
 ["x_min_max", "bool", "False"], ["ema", "bool", "False"], ["ste_fine_grained", "bool", "True"], ["eps", "float",
 "0.01"]], ["y"]]
["Pow2Quantize", "pow2_quantize", ["x"], [["sign", "bool", "True"], ["with_zero", "bool", "True"], ["n", "int64",
 "8"], ["m", "int64", "1"], ["ste_fine_grained", "bool", "True"]], ["y"]]
["Prune", "prune", ["x"], [["rate", "float", "0.9"]], ["y"]]
["QuantizeLinear", "quantize_linear", ["x", "scale", "zero_point"], [["round_mode", "string",
 "'HALF_AWAY_FROM_ZERO'", ["HALF_AWAY_FROM_ZERO", "HALF_TO_EVEN"]], ["narrow_range", "bool", "False"], ["dtype",
 "int64", "1"]], ["y"]]
["DequantizeLinear", "dequantize_linear", ["x", "scale", "zero_point"], [], ["y"]]
""",
    "Validation": r"""
["TopNError", "top_n_error", ["x", "target"], [["axis", "int64", "len(x.shape) - 1"], ["n", "int64", "1"]],
 ["output"]]
["BinaryError", "binary_error", ["x", "target"], [], ["output"]]
["ConfusionMatrix", "confusion_matrix", ["x", "target"], [["axis", "int64", "len(x.shape) - 1"]], ["output"]]
""",
    "Unsupported, Special Use": r"""
["VATNoise", "vat_noise", ["x", "w"], [["base_axis", "int64", "1"], ["eps", "float", "1.0"]], ["y"]]
["Unlink", "unlink", ["x"], [], ["y"]]
["Sink", "sink", [["x", "v"]], [["one_input_grad", "bool", "True"]], ["y"]]
["NmsDetection2d", "nms_detection2d", ["x"], [["thresh", "float", "0.5"], ["nms", "float", "0.45"],
 ["nms_per_class", "bool", "True"]], ["y"]]
["ONNXNonMaxSuppression", "onnx_non_max_suppression", ["boxes", "scores"], [["center_point_box", "int64", "0"],
 ["max_output_boxes_per_class", "int64", "0"], ["iou_threshold", "float", "0.0"], ["score_threshold", "float",
 "0.0"]], ["y"]]
["MaxPoolingBackward", "max_pooling_backward", ["dy", "x"], [["kernel", "Shape"], ["stride", "Shape", "kernel"],
 ["ignore_border", "bool", "True"], ["pad", "Shape", "(0,) * len(kernel)"], ["channel_last", "bool", "False"]],
 ["dx"]]
["PatchCorrelation", "patch_correlation", ["x1", "x2"], [["patch", "Shape", "(1, 1)"], ["shift", "Shape", "(0, 0)"],
 ["patch_step", "Shape", "(1, 1)"], ["shift_step", "Shape", "(1, 1)"], ["padding", "Shape", "(0, 0, 0, 0)"]], ["y"]]
["Unique", "unique", ["x"], [["flatten", "bool", "True"], ["axis", "int64", "None"], ["sorted", "bool", "True"],
 ["with_index", "bool", "False"], ["with_inverse", "bool", "False"], ["with_counts", "bool", "False"]], ["y",
 "indices", "inverse_indices", "counts"]]
["EyeLike", "eye_like", ["x"], [["k", "int64", "0"]], ["y"]]
["Mod2", "mod2", ["x0", "x1"], [["fmod", "bool", "False"]], ["y"]]
["BitShift", "bit_shift", ["x", "shift"], [["direction", "string", "'LEFT'", ["LEFT", "RIGHT"]]], ["y"]]
["Einsum", "einsum", [["x", "v"]], [["equation", "string", ""]], ["y"]]
""",
}
