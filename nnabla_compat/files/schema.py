"""The messages of nnabla's network and parameter files, as text.

``MESSAGES`` has a message per entry: ``Name: number type field, ...``; ``*`` marks a repeated field,
``map:Type`` a map from string, ``|`` a member of the message's only oneof (called ``parameter``).

``FUNCTIONS`` lists all function types in nnabla's order: ``Type field: type argument, ...``. A type's
message is ``<Type>Parameter`` with its arguments numbered from 1; the field of ``Function`` that holds
it is ``<field>_param``, numbered 1001 plus the type's place in the list. Types without arguments have
neither, but keep their number. Numbers are those of nnabla 1.39.
"""

MESSAGES = """
Shape: 1 int64* dim
Communicator: 
Context: 1 string* backends, 2 string array_class, 3 string device_id, 4 string backend,
    5 string compute_backend
NNablaProtoBuf: 1 string version, 2 GlobalConfig global_config, 10 TrainingConfig training_config,
    100 Network* network, 200 Parameter* parameter, 300 Dataset* dataset, 400 Optimizer* optimizer,
    500 Monitor* monitor, 600 Executor* executor
GlobalConfig: 1 Context default_context
TrainingConfig: 1 int64 max_epoch, 2 int64 iter_per_epoch, 100 bool save_best, 200 int64 monitor_interval
Network: 1 string name, 10 int64 batch_size, 11 RepeatInfo* repeat_info, 100 Variable* variable,
    200 Function* function
RepeatInfo: 1 string id, 2 int64 times
RepeatParameter: 1 string repeat_id, 2 int64 times
RecurrentParameter: 1 string repeat_id, 2 int64 length, 3 int64 axis
Variable: 1 string name, 2 string type, 3 string* repeat_id, 20 Shape shape, 100 Initializer initializer
Initializer: 2 string type, 10 float multiplier
Parameter: 1 string variable_name, 20 Shape shape, 100 float* data, 101 bool need_grad
Dataset: 1 string name, 2 string type, 10 string uri, 20 int64 batch_size, 30 string cache_dir,
    31 bool overwrite_cache, 32 bool create_cache_explicitly, 100 bool shuffle,
    101 bool no_image_normalization, 200 string* variable
Optimizer: 1 string name, 3 int64 order, 10 string network_name, 20 string* dataset_name, 30 Solver solver,
    40 int64 update_interval, 50 DataVariable* data_variable, 60 GeneratorVariable* generator_variable,
    70 LossVariable* loss_variable, 80 ParameterVariable* parameter_variable, 100 int64 start_iter,
    101 int64 end_iter
SolverStateParameter: 20 Shape shape, 100 float* data
SolverState: 1 uint32 t, 2 map:SolverStateParameter state_parameter
Solver: 2 string type, 10 Context context, 20 float weight_decay, 30 float lr_decay,
    31 int64 lr_decay_interval, 40 map:SolverState states, 100 SgdParameter |sgd_param,
    101 SgdWParameter |sgdw_param, 102 MomentumParameter |momentum_param, 103 LarsParameter |lars_param,
    104 NesterovParameter |nesterov_param, 105 AdadeltaParameter |adadelta_param,
    106 AdagradParameter |adagrad_param, 107 AdaBeliefParameter |adabelief_param,
    108 RMSpropParameter |rmsprop_param, 109 RMSpropGravesParameter |rmsprop_graves_param,
    110 AdamParameter |adam_param, 111 AdamWParameter |adamw_param, 112 AdaBoundParameter |adabound_param,
    113 AdamaxParameter |adamax_param, 114 AMSGRADParameter |amsgrad_param,
    115 AMSBoundParameter |amsbound_param, 116 LambParameter |lamb_param, 117 LionParameter |lion_param,
    200 string lr_scheduler_type, 210 PolynomialSchedulerParameter polynomial_scheduler_param,
    211 CosineSchedulerParameter cosine_scheduler_param,
    212 ExponentialSchedulerParameter exponential_scheduler_param,
    213 StepSchedulerParameter step_scheduler_param, 299 CustomSchedulerParameter custom_scheduler_param,
    300 string lr_warmup_scheduler_type, 310 LinearWarmupSchedulerParameter linear_warmup_scheduler_param
SgdParameter: 1 float lr
SgdWParameter: 1 float lr, 2 float momentum, 3 float wd
MomentumParameter: 1 float lr, 2 float momentum
LarsParameter: 1 float lr, 2 float momentum, 3 float coefficient, 4 float eps
NesterovParameter: 1 float lr, 2 float momentum
AdadeltaParameter: 1 float lr, 2 float decay, 3 float eps
AdagradParameter: 1 float lr, 2 float eps
AdaBeliefParameter: 1 float alpha, 2 float beta1, 3 float beta2, 4 float eps, 5 float wd, 6 bool amsgrad,
    7 bool weight_decouple, 8 bool fixed_decay, 9 bool rectify
RMSpropParameter: 1 float lr, 2 float decay, 3 float eps
RMSpropGravesParameter: 1 float lr, 2 float decay, 3 float momentum, 4 float eps
AdamParameter: 1 float alpha, 2 float beta1, 3 float beta2, 4 float eps
AdamWParameter: 1 float alpha, 2 float beta1, 3 float beta2, 4 float eps, 5 float wd
AdaBoundParameter: 1 float alpha, 2 float beta1, 3 float beta2, 4 float eps, 5 float final_lr, 6 float gamma
AdamaxParameter: 1 float alpha, 2 float beta1, 3 float beta2, 4 float eps
AMSGRADParameter: 1 float alpha, 2 float beta1, 3 float beta2, 4 float eps, 5 bool bias_correction
AMSBoundParameter: 1 float alpha, 2 float beta1, 3 float beta2, 4 float eps, 5 float final_lr, 6 float gamma,
    7 bool bias_correction
LambParameter: 1 float eta, 2 float beta1, 3 float beta2, 4 float gamma_l, 5 float gamma_u, 6 float eps,
    7 bool bias_correction
LionParameter: 1 float lr, 2 float beta1, 3 float beta2
PolynomialSchedulerParameter: 1 float max_iter, 2 float power
CosineSchedulerParameter: 1 float max_iter
ExponentialSchedulerParameter: 1 float gamma, 2 int64 iter_interval
StepSchedulerParameter: 1 float gamma, 2 int64* iter_steps
CustomSchedulerParameter: 1 float max_iter, 10 string network_name, 50 DataVariable* data_variable,
    80 OutputVariable* output_variable
LinearWarmupSchedulerParameter: 1 int64 warmup_iter
DataVariable: 1 string variable_name, 3 string data_name
GeneratorVariable: 1 string variable_name, 2 string type, 3 float multiplier
LossVariable: 1 string variable_name
ParameterVariable: 1 string variable_name, 2 float learning_rate_multiplier
Monitor: 1 string name, 10 string network_name, 20 string* dataset_name, 50 DataVariable* data_variable,
    60 GeneratorVariable* generator_variable, 70 MonitorVariable* monitor_variable
MonitorVariable: 1 string variable_name, 2 string type, 3 string data_name, 100 float multiplier
Executor: 1 string name, 10 string network_name, 20 int64 num_evaluations, 21 string repeat_evaluation_type,
    30 bool need_back_propagation, 50 DataVariable* data_variable, 60 GeneratorVariable* generator_variable,
    70 LossVariable* loss_variable, 80 OutputVariable* output_variable,
    90 ParameterVariable* parameter_variable, 101 bool no_image_normalization
OutputVariable: 1 string variable_name, 2 string type, 3 string data_name
Function: 1 string name, 2 string type, 3 string* repeat_id, 10 Context context, 20 string* input,
    30 string* output, 100 RepeatParameter repeat_param, 101 RecurrentParameter recurrent_param
"""

FUNCTIONS = """
Affine affine: int64 base_axis
RNN rnn: int64 num_layers, string nonlinearity, float dropout, bool bidirectional, bool training
LSTM lstm: int64 num_layers, float dropout, bool bidirectional, bool training
GRU gru: int64 num_layers, float dropout, bool bidirectional, bool training
Convolution convolution: int64 base_axis, Shape pad, Shape stride, Shape dilation, int64 group,
    bool channel_last
FusedConvolution fused_convolution: int64 base_axis, Shape pad, Shape stride, Shape dilation, int64 group,
    bool channel_last, float decay_rate, float eps, bool batch_stat, string nonlinearity,
    float* nonlinearity_args, string pad_mode, float constant_value
DepthwiseConvolution depthwise_convolution: int64 base_axis, Shape pad, Shape stride, Shape dilation,
    int64 multiplier
Deconvolution deconvolution: int64 base_axis, Shape pad, Shape stride, Shape dilation, int64 group,
    bool channel_last, Shape output_padding
DepthwiseDeconvolution depthwise_deconvolution: int64 base_axis, Shape pad, Shape stride, Shape dilation,
    int64 divisor
DeformableConvolution deformable_convolution: int64 base_axis, Shape pad, Shape stride, Shape dilation,
    int64 group, int64 deformable_group, bool channel_last
AdaptiveSeparableConvolution
MaxPooling max_pooling: Shape kernel, Shape stride, bool ignore_border, Shape pad, bool channel_last
AveragePooling average_pooling: Shape kernel, Shape stride, bool ignore_border, Shape pad, bool channel_last,
    bool including_pad
GlobalAveragePooling
SumPooling sum_pooling: Shape kernel, Shape stride, bool ignore_border, Shape pad, bool channel_last
Unpooling unpooling: Shape kernel, bool channel_last
Embed
RoiAlign roi_align: Shape output_size, float* spatial_scale, int64 sampling_ratio, bool channel_last
Sigmoid
Swish
Tanh
ReLU relu: bool inplace
LeakyReLU leaky_relu: float alpha, bool inplace
Softmax softmax: int64 axis
LogSoftmax log_softmax: int64 axis
ELU elu: double alpha
SELU selu: double scale, double alpha
CReLU crelu: int64 axis
CELU celu: double alpha, int64 axis
PReLU prelu: int64 base_axis
GELU
Mish
ReLU6
HardSigmoid
HardTanh
LogSigmoid
SoftPlus softplus: double beta
SoftSign
TanhShrink
Sinc
FusedBatchNormalization fused_batch_normalization: int64* axes, float decay_rate, float eps, bool batch_stat,
    string nonlinearity
BatchNormalization batch_normalization: int64* axes, float decay_rate, float eps, bool batch_stat,
    bool no_scale, bool no_bias
GroupNormalization group_normalization: int64 num_groups, int64 channel_axis, int64* batch_axis, float eps,
    bool no_scale, bool no_bias
InstanceNormalization instance_normalization: int64 channel_axis, int64* batch_axis, float eps, bool no_scale,
    bool no_bias
LayerNormalization layer_normalization: int64* batch_axis, float eps, bool no_scale, bool no_bias
NormNormalization norm_normalization: float p, int64* axes, float eps
SyncBatchNormalization sync_batch_normalization: Communicator comm, string group, int64* axes,
    float decay_rate, float eps, bool batch_stat
TensorNormalization tensor_normalization: int64* axes, float eps, bool no_scale, bool no_bias
WeightNormalization weight_normalization: int64 dim, float eps
WeightStandardization weight_standardization: int64 channel_axis, float eps
SpectralNorm spectral_norm: int64 dim, int64 itr, float eps, bool test, bool output_u
MeanSubtraction mean_subtraction: int64 base_axis, bool update_running_mean
ClipGradByValue
ClipGradByNorm clip_grad_by_norm: float clip_norm, int64* axes
Sum sum: int64* axes, bool keep_dims
CumSum cumsum: int64 axis, bool exclusive, bool reverse
Mean mean: int64* axes, bool keep_dims
Max max: int64* axes, bool keep_dims, bool with_index, bool only_index
Min min: int64* axes, bool keep_dims, bool with_index, bool only_index
Norm norm: float p, int64* axes, bool keep_dims
Prod prod: int64* axes, bool keep_dims
CumProd cumprod: int64 axis, bool exclusive, bool reverse
ReduceSum
ReduceMean
Add2 add2: bool inplace
AddN
BcAdd2 bc_add2: bool inplace
Sub2 sub2: bool inplace
Mul2 mul2: bool inplace
MulN
Div2 div2: bool inplace
Pow2 pow2: bool inplace
AddScalar add_scalar: double val, bool inplace
MulScalar mul_scalar: double val, bool inplace
PowScalar pow_scalar: double val, bool inplace
RSubScalar r_sub_scalar: double val
RDivScalar r_div_scalar: double val
RPowScalar r_pow_scalar: double val
Sign sign: float alpha
Minimum2
Maximum2
MinimumScalar minimum_scalar: double val
MaximumScalar maximum_scalar: double val
LogicalAnd
LogicalOr
LogicalXor
Equal
NotEqual
GreaterEqual
Greater
LessEqual
Less
SearchSorted searchsorted: bool right
LogicalAndScalar logical_and_scalar: bool val
LogicalOrScalar logical_or_scalar: bool val
LogicalXorScalar logical_xor_scalar: bool val
EqualScalar equal_scalar: double val
NotEqualScalar not_equal_scalar: double val
GreaterEqualScalar greater_equal_scalar: double val
GreaterScalar greater_scalar: double val
LessEqualScalar less_equal_scalar: double val
LessScalar less_scalar: double val
LogicalNot
IsNaN
IsInf
ResetNaN reset_nan: double val
ResetInf reset_inf: double val
Where
Constant constant: float val, Shape shape
Arange arange: float start, float stop, float step
Linspace linspace: float start, float stop, int64 num
Abs
Exp
Log
Identity
BatchMatmul batch_matmul: bool transpose_a, bool transpose_b
Round round:
Ceil ceil:
Floor floor:
Sin
Cos
Tan
Sinh
Cosh
ASin
ACos
ATan
ATan2
ASinh
ACosh
ATanh
Erf
Concatenate concatenate: int64 axis
Split split: int64 axis
Stack stack: int64 axis
Slice slice: int64* start, int64* stop, int64* step
Pad pad: int64* pad_width, string mode, float constant_value
Transpose transpose: int64* axes
Broadcast broadcast: Shape shape
BroadcastTo broadcast_to: int64 axis
Tile tile: int64* reps
OneHot one_hot: Shape shape
Flip flip: int64* axes
Shift shift: int64* shifts, string border_mode
Sort sort: int64 axis, bool reverse, bool with_index, bool only_index
Reshape reshape: Shape shape, bool inplace
Shape shape: int64 start, int64 end
MatrixDiag
MatrixDiagPart
Trilu trilu: int64 k, bool upper
Meshgrid meshgrid: bool ij_indexing
BatchDet
BatchInv
BatchLogdet
BatchCholesky batch_cholesky: bool upper
Assign
Gather gather: int64 axis, int64 batch_dims
GatherNd
BoolGather
ScatterNd scatter_nd: int64* shape, bool add
ScatterAdd scatter_add: int64 axis
BoolScatter
BoolFill bool_fill: float value
PackPaddedSequence pack_padded_sequence: bool batch_first
PadPackedSequence pad_packed_sequence: bool batch_first, float padding_value, int64 total_length
NonZero
Interpolate interpolate: int64* output_size, string mode, bool align_corners, bool half_pixel,
    bool half_pixel_for_nn, bool channel_last
ONNXResize onnx_resize: float* roi, float* scales, int64* sizes, string mode,
    string coordinate_transformation_mode, float cubic_coeff_a, int64 exclude_outside,
    float extrapolation_value, string nearest_mode
FFT fft: int64 signal_ndim, bool normalized
IFFT ifft: int64 signal_ndim, bool normalized
STFT stft: int64 window_size, int64 stride, int64 fft_size, string window_type, bool center, string pad_mode,
    bool as_istft_backward
ISTFT istft: int64 window_size, int64 stride, int64 fft_size, string window_type, bool center, string pad_mode,
    bool as_stft_backward
Dropout dropout: double p, int64 seed
TopKData top_k_data: int64 k, bool abs, bool reduce, int64 base_axis, bool largest, bool with_index
TopKGrad top_k_grad: int64 k, bool abs, int64 base_axis
Rand rand: float low, float high, Shape shape, int64 seed
Randint randint: int64 low, int64 high, Shape shape, int64 seed
Randn randn: float mu, float sigma, Shape shape, int64 seed
RandBinomial rand_binomial: int64 n, float p, Shape shape, int64 seed
RandBeta rand_beta: float alpha, float beta, Shape shape, int64 seed
RandGamma rand_gamma: float k, float theta, Shape shape, int64 seed
RandomChoice random_choice: Shape shape, bool replace, int64 seed
RandomCrop random_crop: Shape shape, int64 base_axis, int64 seed
RandomFlip random_flip: int64* axes, int64 base_axis, int64 seed
RandomShift random_shift: int64* shifts, string border_mode, float constant_value, int64 base_axis, int64 seed
RandomErase random_erase: float prob, float* area_ratios, float* aspect_ratios, float* replacements, int64 n,
    bool share, bool inplace, int64 base_axis, int64 seed, bool channel_last, bool ste_fine_grained
ImageAugmentation image_augmentation: Shape shape, Shape pad, float min_scale, float max_scale, float angle,
    float aspect_ratio, float distortion, bool flip_lr, bool flip_ud, float brightness, bool brightness_each,
    float contrast, float contrast_center, bool contrast_each, float noise, int64 seed
SigmoidCrossEntropy
BinaryCrossEntropy
SoftmaxCrossEntropy softmax_cross_entropy: int64 axis
CategoricalCrossEntropy categorical_cross_entropy: int64 axis
SquaredError
AbsoluteError
HuberLoss huber_loss: float delta
EpsilonInsensitiveLoss epsilon_insensitive_loss: float epsilon
KLMultinomial kl_multinomial: int64 base_axis
AffineGrid affine_grid: int64* size, bool align_corners
WarpByGrid warp_by_grid: string mode, string padding_mode, bool align_corners, bool channel_last
WarpByFlow
BinarySigmoid
BinaryTanh
BinaryConnectAffine binary_connect_affine: int64 base_axis, float quantize_zero_to
BinaryConnectConvolution binary_connect_convolution: int64 base_axis, Shape pad, Shape stride, Shape dilation,
    int64 group, float quantize_zero_to
BinaryWeightAffine binary_weight_affine: int64 base_axis, float quantize_zero_to
BinaryWeightConvolution binary_weight_convolution: int64 base_axis, Shape pad, Shape stride, Shape dilation,
    int64 group, float quantize_zero_to
INQAffine inq_affine: int64 base_axis, int64 num_bits, int64* inq_iterations, string selection_algorithm,
    int64 seed
INQConvolution inq_convolution: int64 base_axis, Shape pad, Shape stride, Shape dilation, int64 group,
    int64 num_bits, int64* inq_iterations, string selection_algorithm, int64 seed
FixedPointQuantize fixed_point_quantize: bool sign, int64 n, float delta, bool ste_fine_grained
MinMaxQuantize min_max_quantize: float decay, bool x_min_max, bool ema, bool ste_fine_grained, float eps
Pow2Quantize pow2_quantize: bool sign, bool with_zero, int64 n, int64 m, bool ste_fine_grained
Prune prune: float rate
QuantizeLinear quantize_linear: string round_mode, bool narrow_range, int64 dtype
DequantizeLinear
TopNError top_n_error: int64 axis, int64 n
BinaryError
ConfusionMatrix confusion_matrix: int64 axis
VATNoise vat_noise: int64 base_axis, float eps
Unlink
Sink sink: bool one_input_grad
NmsDetection2d nms_detection2d: float thresh, float nms, bool nms_per_class
ONNXNonMaxSuppression onnx_non_max_suppression: int64 center_point_box, int64 max_output_boxes_per_class,
    float iou_threshold, float score_threshold
MaxPoolingBackward max_pooling_backward: Shape kernel, Shape stride, bool ignore_border, Shape pad,
    bool channel_last
PatchCorrelation patch_correlation: Shape patch, Shape shift, Shape patch_step, Shape shift_step,
    Shape padding
Unique unique: bool flatten, int64 axis, bool sorted, bool with_index, bool with_inverse, bool with_counts
EyeLike eye_like: int64 k
Mod2 mod2: bool fmod
BitShift bit_shift: string direction
Einsum einsum: string equation
"""


def entries(text):
    """``(head, [[word, ...] per field])`` for each entry of ``MESSAGES`` or ``FUNCTIONS``."""
    for entry in text.strip().replace(",\n", ",").splitlines():
        head, _, fields = entry.partition(":")
        yield head, [field.split() for field in fields.split(",") if field.strip()]


def file_descriptor():
    """The schema as a ``FileDescriptorProto`` for the protobuf library."""
    from google.protobuf import descriptor_pb2
    kinds = descriptor_pb2.FieldDescriptorProto
    scalars = {"int64": kinds.TYPE_INT64, "uint32": kinds.TYPE_UINT32, "bool": kinds.TYPE_BOOL,
               "float": kinds.TYPE_FLOAT, "double": kinds.TYPE_DOUBLE, "string": kinds.TYPE_STRING}
    file = descriptor_pb2.FileDescriptorProto(name="nnabla.proto", syntax="proto3")

    def add_field(message, number, type_, name):
        field = message.field.add(number=number, label=kinds.LABEL_OPTIONAL)
        if name.startswith("|"):
            name = name[1:]
            if not message.oneof_decl:
                message.oneof_decl.add(name="parameter")
            field.oneof_index = 0
        field.name = name
        if type_.endswith("*"):
            type_ = type_[:-1]
            field.label = kinds.LABEL_REPEATED
        elif type_.startswith("map:"):
            entry = message.nested_type.add(name="".join(part.capitalize() for part in name.split("_")) + "Entry")
            entry.options.map_entry = True
            add_field(entry, 1, "string", "key")
            add_field(entry, 2, type_[4:], "value")
            type_ = message.name + "." + entry.name
            field.label = kinds.LABEL_REPEATED
        if type_ in scalars:
            field.type = scalars[type_]
        else:
            field.type = kinds.TYPE_MESSAGE
            field.type_name = "." + type_

    for name, fields in entries(MESSAGES):
        message = file.message_type.add(name=name)
        for number, type_, field in fields:
            add_field(message, int(number), type_, field)
        if name == "Function":
            function = message
    for place, (head, arguments) in enumerate(entries(FUNCTIONS)):
        type_name, _, field = head.partition(" ")
        if field:
            message = file.message_type.add(name=type_name + "Parameter")
            for number, (type_, argument) in enumerate(arguments, 1):
                add_field(message, number, type_, argument)
            add_field(function, 1001 + place, message.name, f"|{field}_param")
    return file
