"""One call of every operator at a size met in practice, as benchmarks/operators.py measures it.

Pure Python, read under both libraries; declarations are those of the recorded tests (tests/oracle/case.py).
The ones in COMMON are what most networks consist of.
"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tests"))
from oracle.case import (Case, boolean, integers, invertible, normal, permutation, positive, probabilities, spd,  # noqa: E402
                         uniform, values)

CASES = {}      # operator's function in nnabla.functions (or nnabla.function_bases) -> Case
COMMON = []


def case(function, *args, **kwargs):
    name = function.split(".")[-1]
    assert name not in CASES, name
    CASES[name] = Case(function, args, kwargs)


# The original computes these while it builds a graph, as their results' shapes depend on values: they are timed in dynamic mode.
AT_ONCE = ("nonzero", "unique", "onnx_non_max_suppression", "bool_gather")


def statistics(*shape):
    return normal(*shape).without_grad(), uniform(*shape, low=0.5, high=2.0).without_grad()


MAPS = (8, 16, 32, 32)          # activations of a small convolutional network: 131,072 numbers
ROWS = (64, 512)
WINDOW = dict(pad=(1, 1))

# -- common
case("affine", normal(32, 256), normal(256, 256), normal(256))
case("convolution", normal(*MAPS), normal(32, 16, 3, 3), normal(32), **WINDOW)
case("deconvolution", normal(8, 16, 16, 16), normal(16, 8, 4, 4), normal(8), pad=(1, 1), stride=(2, 2))
case("depthwise_convolution", normal(*MAPS), normal(16, 3, 3), normal(16), **WINDOW)
case("max_pooling", normal(*MAPS), (2, 2))
case("average_pooling", normal(*MAPS), (2, 2))
case("global_average_pooling", normal(*MAPS))
case("embed", integers(32, 64, high=1000), normal(1000, 64))
case("lstm", normal(20, 8, 32), normal(1, 1, 8, 64), normal(1, 1, 8, 64), normal(1, 4, 64, 96), bias=normal(1, 1, 4, 64))
case("sigmoid", normal(*MAPS))
case("tanh", normal(*MAPS))
case("relu", normal(*MAPS))
case("leaky_relu", normal(*MAPS))
case("elu", normal(*MAPS))
case("prelu", normal(*MAPS), normal(16))
case("gelu", normal(*MAPS))
case("swish", normal(*MAPS))
case("softplus", normal(*MAPS))
case("softmax", normal(64, 512), axis=1)
case("log_softmax", normal(64, 512), axis=1)
case("batch_normalization", normal(*MAPS), normal(1, 16, 1, 1), positive(1, 16, 1, 1), *statistics(1, 16, 1, 1))
case("layer_normalization", normal(64, 512), normal(1, 512), positive(1, 512))
case("group_normalization", normal(*MAPS), normal(1, 16, 1, 1), positive(1, 16, 1, 1), num_groups=4)
case("instance_normalization", normal(*MAPS), normal(1, 16, 1, 1), positive(1, 16, 1, 1))
case("sum", normal(*MAPS))
case("mean", normal(*MAPS))
case("max", normal(*ROWS), axis=1)
case("min", normal(*ROWS), axis=1)
case("add2", normal(*MAPS), normal(*MAPS))
case("add_n", normal(*MAPS), normal(*MAPS), normal(*MAPS))
case("sub2", normal(*MAPS), normal(*MAPS))
case("mul2", normal(*MAPS), normal(1, 16, 1, 1))
case("div2", normal(*MAPS), positive(*MAPS))
case("pow2", positive(*ROWS), normal(*ROWS))
case("add_scalar", normal(*MAPS), 0.5)
case("mul_scalar", normal(*MAPS), 0.5)
case("pow_scalar", positive(*MAPS), 2.0)
case("r_sub_scalar", normal(*MAPS), 1.0)
case("r_div_scalar", positive(*MAPS), 1.0)
case("maximum2", normal(*MAPS), normal(*MAPS))
case("minimum2", normal(*MAPS), normal(*MAPS))
case("maximum_scalar", normal(*MAPS), 0.1)
case("minimum_scalar", normal(*MAPS), 0.1)
case("greater_scalar", normal(*MAPS).without_grad(), 0.1)
case("where", boolean(*MAPS), normal(*MAPS), normal(*MAPS))
case("abs", normal(*MAPS))
case("exp", normal(*MAPS))
case("log", positive(*MAPS))
case("identity", normal(*MAPS))
case("batch_matmul", normal(8, 64, 64), normal(8, 64, 64))
case("concatenate", normal(*MAPS), normal(*MAPS), axis=1)
case("split", normal(4, 16, 32, 32), axis=0)
case("stack", normal(*MAPS), normal(*MAPS), axis=0)
case("slice", normal(*MAPS), (0, 0, 4, 4), (8, 16, 28, 28), (1, 1, 1, 1))
case("pad", normal(*MAPS), (1, 1, 1, 1))
case("transpose", normal(*MAPS), (0, 2, 3, 1))
case("broadcast", normal(8, 16, 1, 1), MAPS)
case("reshape", normal(*MAPS), (8, -1))
case("interpolate", normal(*MAPS), scale=(2, 2), mode="linear", align_corners=False)
case("dropout", normal(*MAPS), 0.5)
case("sigmoid_cross_entropy", normal(*ROWS), boolean(*ROWS))
case("binary_cross_entropy", uniform(*ROWS, low=0.05, high=0.95), boolean(*ROWS))
case("softmax_cross_entropy", normal(128, 100), integers(128, 1, high=100))
case("squared_error", normal(*ROWS), normal(*ROWS))
case("absolute_error", normal(*ROWS), normal(*ROWS))
case("huber_loss", normal(*ROWS), normal(*ROWS))
case("one_hot", integers(1024, 1, high=100), (100,))
case("gather", normal(256, 128), integers(64, high=256), 0)
COMMON += CASES

# -- layers
case("rnn", normal(20, 8, 32), normal(1, 1, 8, 64), normal(1, 64, 96), bias=normal(1, 1, 64))
case("gru", normal(20, 8, 32), normal(1, 1, 8, 64), normal(1, 3, 64, 96), bias=normal(1, 1, 4, 64))
case("fused_convolution", normal(*MAPS), normal(32, 16, 3, 3), normal(32), **WINDOW)
case("depthwise_deconvolution", normal(8, 16, 16, 16), normal(16, 3, 3), normal(16), **WINDOW)
case("deformable_convolution", normal(2, 8, 16, 16), normal(8, 8, 3, 3), uniform(2, 18, 16, 16), **WINDOW)
case("adaptive_separable_convolution", normal(2, 3, 34, 34), normal(2, 3, 32, 32), normal(2, 3, 32, 32))
case("sum_pooling", normal(*MAPS), (2, 2))
case("unpooling", normal(*MAPS), (2, 2))
case("roi_align", normal(2, 16, 32, 32), values([[i % 2, 1.0 + i, 2.0 + i, 20.0 + i / 2, 24.0] for i in range(16)]).without_grad(), (7, 7))
case("max_pooling_backward", normal(8, 16, 16, 16), normal(*MAPS), (2, 2))
case("patch_correlation", normal(2, 4, 16, 16), normal(2, 4, 16, 16), shift=(2, 2))
for name in ("selu", "crelu", "celu", "mish", "relu6", "hard_sigmoid", "hard_tanh", "log_sigmoid", "softsign", "tanh_shrink", "sinc"):
    case(name, normal(*MAPS))

# -- normalization
case("fused_batch_normalization", normal(*MAPS), normal(1, 16, 1, 1), positive(1, 16, 1, 1), *statistics(1, 16, 1, 1))
case("function_bases.sync_batch_normalization", normal(*MAPS), normal(1, 16, 1, 1), positive(1, 16, 1, 1),
     *statistics(1, 16, 1, 1), comm=None)
case("norm_normalization", normal(*ROWS), axes=1)
case("tensor_normalization", normal(*MAPS), (1, 2))
case("weight_normalization", normal(64, 32, 3, 3), positive(64))
case("weight_standardization", normal(64, 32, 3, 3))
case("spectral_norm", normal(64, 288), normal(64).without_grad())
case("mean_subtraction", normal(*MAPS), normal(16, 32, 32).without_grad(), values([0.0]).without_grad())
case("clip_grad_by_value", normal(*MAPS), uniform(*MAPS, low=-1.0, high=0.0).without_grad(), uniform(*MAPS, low=0.0, high=1.0).without_grad())
case("clip_grad_by_norm", normal(*ROWS), 1.0, [1])

# -- reductions
case("norm", normal(*ROWS), axis=1)
case("prod", uniform(*ROWS, low=0.9, high=1.1), axis=1)
case("cumsum", normal(*ROWS), axis=1)
case("cumprod", uniform(*ROWS, low=0.9, high=1.1), axis=1)
case("function_bases.reduce_sum", normal(*MAPS))
case("function_bases.reduce_mean", normal(*MAPS))

# -- arithmetic and comparison
case("bc_add2", normal(*MAPS), normal(1, 16, 1, 1))
case("mul_n", normal(*MAPS), normal(*MAPS), normal(*MAPS))
case("r_pow_scalar", normal(*MAPS), 2.0)
for name in ("sign", "round", "ceil", "floor", "sin", "cos", "tan", "sinh", "cosh", "atan", "asinh", "erf", "reset_nan", "reset_inf",
             "binary_sigmoid", "binary_tanh", "unlink", "fixed_point_quantize", "pow2_quantize", "prune"):
    case(name, normal(*MAPS))
for name in ("isnan", "isinf", "logical_not"):
    case(name, normal(*MAPS).without_grad())
for name in ("asin", "acos", "atanh"):
    case(name, uniform(*MAPS, low=-0.9, high=0.9))
case("acosh", uniform(*MAPS, low=1.1, high=3.0))
case("atan2", normal(*MAPS), normal(*MAPS))
for name in ("logical_and", "logical_or", "logical_xor", "equal", "not_equal", "greater_equal", "greater", "less_equal", "less"):
    case(name, boolean(*MAPS), boolean(*MAPS))
for name in ("logical_and_scalar", "logical_or_scalar", "logical_xor_scalar"):
    case(name, boolean(*MAPS), True)
for name in ("equal_scalar", "not_equal_scalar", "greater_equal_scalar", "less_equal_scalar", "less_scalar"):
    case(name, normal(*MAPS).without_grad(), 0.5)
case("searchsorted", values([[i / 8 for i in range(256)]] * 16).without_grad(), uniform(16, 256, low=0.0, high=32.0).without_grad())
case("mod2", uniform(*ROWS, low=1.0, high=9.0).without_grad(), positive(*ROWS).without_grad())
case("bit_shift", integers(*ROWS, low=0, high=100, dtype="uint32"), integers(*ROWS, low=0, high=3, dtype="uint32"))

# -- making and arranging arrays
case("constant", 1.5, MAPS)
case("arange", 0, 100000)
case("linspace", 0, 1, 100000)
case("broadcast_to", normal(*MAPS).without_grad(), normal(*MAPS))
case("tile", normal(*ROWS), (2, 2))
case("flip", normal(*MAPS), axes=[3])
case("shift", normal(*MAPS), (1, 2))
case("sort", permutation(64, 256))
case("shape", normal(*MAPS).without_grad())
case("matrix_diag", normal(32, 64))
case("matrix_diag_part", normal(32, 64, 64))
case("trilu", normal(8, 64, 64))
case("meshgrid", normal(128), normal(128))
case("gather_nd", normal(64, 64), integers(2, 512, high=64))
case("scatter_nd", normal(64, 128), values([list(range(64))], dtype="int64"), shape=(128, 128))
case("scatter_add", normal(256, 128), integers(64, 128, high=256), normal(64, 128), 0)
case("bool_gather", normal(*ROWS), boolean(*ROWS))
case("bool_scatter", normal(64, 64), values([i % 2 for i in range(128)]).without_grad())
case("bool_fill", normal(*MAPS), boolean(*MAPS), 1.0)
case("pack_padded_sequence", normal(64, 32, 128), values([64 - 2 * i for i in range(32)], dtype="int64"))
case("pad_packed_sequence", normal(1056, 128), values([32 - i // 2 for i in range(62)] + [1, 1], dtype="int64"))
case("nonzero", boolean(*ROWS))
case("eye_like", normal(256, 256).without_grad())
case("assign", normal(*MAPS), normal(*MAPS))
case("unique", integers(*ROWS, high=200, dtype="float32"), axis=0)
case("top_k_data", permutation(64, 256), 8)
case("top_k_grad", permutation(64, 256), 8)
case("sink", normal(*ROWS), normal(*ROWS))

# -- linear algebra and transforms
case("batch_det", normal(32, 8, 8))
case("batch_inv", invertible(32, 8, 8))
case("batch_logdet", invertible(32, 8, 8))
case("batch_cholesky", spd(32, 8, 8))
case("einsum", normal(8, 64, 64), normal(8, 64, 64), equation="bij,bkj->bik")
case("fft", normal(64, 128, 2), 1)
case("ifft", normal(64, 128, 2), 1)
case("stft", normal(4, 4096), 256, 128, 256)
case("istft", normal(4, 129, 33), normal(4, 129, 33), 256, 128, 256, pad_mode="constant")

# -- images
case("onnx_resize", normal(2, 16, 32, 32), scales=(1.0, 1.0, 2.0, 2.0), mode="linear")
case("affine_grid", normal(8, 2, 3), (32, 32))
case("warp_by_grid", normal(*MAPS), uniform(8, 32, 32, 2, low=-1.1, high=1.1))
case("warp_by_flow", normal(*MAPS), uniform(8, 2, 32, 32, low=-2.0, high=2.0))
case("nms_detection2d", uniform(2, 128, 9, low=0.05, high=0.95).without_grad())
case("onnx_non_max_suppression", uniform(1, 128, 4, low=0.0, high=1.0).without_grad(), uniform(1, 2, 128, low=0.0, high=1.0).without_grad(),
     0, 32, 0.5, 0.1)

# -- random
case("rand", shape=MAPS)
case("randint", 0, 10, shape=MAPS)
case("randn", shape=MAPS)
case("rand_binomial", 10, 0.3, ROWS)
case("rand_beta", 2.0, 3.0, ROWS)
case("rand_gamma", 2.0, 3.0, ROWS)
case("random_choice", normal(1000), positive(1000).without_grad(), (512,))
case("random_crop", normal(8, 3, 32, 32), (3, 28, 28))
case("random_flip", normal(8, 3, 32, 32), axes=[2])
case("random_shift", normal(8, 3, 32, 32), (2, 2))
case("random_erase", normal(8, 3, 32, 32), prob=1.0)
case("image_augmentation", uniform(8, 3, 32, 32, low=0.0, high=1.0).without_grad(), pad=(2, 2), min_scale=0.9, max_scale=1.1, angle=0.1,
     flip_lr=True, brightness=0.1, contrast=1.2)

# -- losses and measures
case("categorical_cross_entropy", probabilities(8, 20, 32, 32, axis=1), integers(8, 1, 32, 32, high=20), axis=1)
case("epsilon_insensitive_loss", normal(*ROWS), normal(*ROWS), 0.1)
case("kl_multinomial", probabilities(128, 100), probabilities(128, 100))
case("top_n_error", normal(128, 100).without_grad(), integers(128, 1, high=100), n=5)
case("binary_error", uniform(*ROWS, low=0.0, high=1.0).without_grad(), boolean(*ROWS))
case("confusion_matrix", normal(128, 100).without_grad(), integers(128, 1, high=100))
case("vat_noise", normal(*ROWS), normal(*ROWS).without_grad())

# -- quantization
for name, states in (("connect", 0), ("weight", 1)):
    alpha = [normal(256).without_grad()] * states
    case(f"binary_{name}_affine", normal(32, 256), normal(256, 256), normal(256, 256).without_grad(), *alpha, normal(256))
    alpha = [normal(32).without_grad()] * states
    case(f"binary_{name}_convolution", normal(*MAPS), normal(32, 16, 3, 3), normal(32, 16, 3, 3).without_grad(), *alpha, normal(32), **WINDOW)
case("inq_affine", normal(32, 256), normal(256, 256), integers(256, 256, high=2), normal(256))
case("inq_convolution", normal(*MAPS), normal(32, 16, 3, 3), integers(32, 16, 3, 3, high=2), normal(32), **WINDOW)
case("min_max_quantize", normal(*MAPS), *[values([[[[v]]]]).without_grad() for v in (-1.0, 1.0, 0.0, 255.0)])
case("quantize_linear", normal(*MAPS), values([[[[0.1]]]]).without_grad(), values([[[[0.0]]]]).without_grad())
case("dequantize_linear", normal(*MAPS), values([[[[0.1]]]]).without_grad(), values([[[[0.0]]]]).without_grad())
