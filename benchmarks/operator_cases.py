"""One call of every operator at a size met in practice, as benchmarks/operators.py measures it.

Pure Python, read under both libraries; declarations are those of the recorded tests (tests/oracle/case.py).
The ones in COMMON are what most networks consist of. TINY holds some of them again on a handful of numbers, where a
call costs what it costs whatever is computed: the policy of an agent that acts step by step is such a network.

Sizes are those of a step of training or of preparing a batch: activations of a convolutional network (a batch of 16, 32
maps of 28x28), scores for 1000 classes, 64 steps of sequences, images of 64x64, boxes of a one-stage detector.
"""
import pathlib
import sys

import numpy

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tests"))
from oracle.case import (Case, Spec, boolean, integers, invertible, normal, permutation, positive, probabilities, spd,  # noqa: E402
                         uniform, values)

CASES = {}      # operator's function in nnabla.functions (or nnabla.function_bases) -> Case
COMMON = []
TINY = {}


def case(function, *args, **kwargs):
    _declare(CASES, function, args, kwargs)


def tiny(function, *args, **kwargs):
    _declare(TINY, function, args, kwargs)


def _declare(cases, function, args, kwargs):
    name = function.split(".")[-1]
    assert name not in cases, name
    cases[name] = Case(function, args, kwargs)


class Detections(Spec):
    """What a detector puts out: small boxes all over the image, few of any confidence, and their classes."""

    def __init__(self, *shape):
        super().__init__("detections", shape, False)

    def draw(self, rng):
        low, high = self.corners(rng)
        confidence = self.confidence(rng, self.shape[:2])[..., None]
        classes = rng.dirichlet([0.05] * (self.shape[2] - 5), self.shape[:2])
        return numpy.concatenate([(low + high) / 2, high - low, confidence, classes], 2).astype("float32")

    def corners(self, rng):
        centre, size = rng.uniform(0, 1, self.shape[:2] + (2,)), rng.uniform(0.02, 0.2, self.shape[:2] + (2,))
        return centre - size / 2, centre + size / 2

    def confidence(self, rng, shape):
        return rng.uniform(0, 1, shape) ** 30


class Corners(Detections):
    """The boxes alone, (batch, boxes, 4), by their corners."""

    def draw(self, rng):
        return numpy.concatenate(self.corners(rng), 2).astype("float32")


class Confidences(Detections):
    """The confidences alone, of any shape."""

    def draw(self, rng):
        return self.confidence(rng, self.shape).astype("float32")


# The original computes these while it builds a graph, as their results' shapes depend on values: they are timed in dynamic mode.
AT_ONCE = ("nonzero", "unique", "onnx_non_max_suppression", "bool_gather")


def statistics(*shape):
    return normal(*shape).without_grad(), uniform(*shape, low=0.5, high=2.0).without_grad()


MAPS = (16, 32, 28, 28)         # 401,408 numbers
SLOPES = (1, 32, 1, 1)          # what normalizations learn for them
FEW_MAPS = (8, 32, 28, 28)
IMAGES = (32, 3, 64, 64)
FRAMES = (8, 16, 64, 64)
ROWS = (64, 1000)
WINDOW = dict(pad=(1, 1))

# -- common
case("affine", normal(64, 512), normal(512, 1000), normal(1000))
case("convolution", normal(*MAPS), normal(32, 32, 3, 3), normal(32), **WINDOW)
case("deconvolution", normal(16, 32, 14, 14), normal(32, 16, 4, 4), normal(16), pad=(1, 1), stride=(2, 2))
case("depthwise_convolution", normal(*MAPS), normal(32, 3, 3), normal(32), **WINDOW)
case("max_pooling", normal(*MAPS), (2, 2))
case("average_pooling", normal(*MAPS), (2, 2))
case("global_average_pooling", normal(*MAPS))
case("embed", integers(32, 64, high=10000), normal(10000, 128))
case("lstm", normal(32, 16, 64), normal(1, 1, 16, 128), normal(1, 1, 16, 128), normal(1, 4, 128, 192), bias=normal(1, 1, 4, 128))
case("sigmoid", normal(*MAPS))
case("tanh", normal(*MAPS))
case("relu", normal(*MAPS))
case("leaky_relu", normal(*MAPS))
case("elu", normal(*MAPS))
case("prelu", normal(*MAPS), normal(32))
case("gelu", normal(*MAPS))
case("swish", normal(*MAPS))
case("softplus", normal(*MAPS))
case("softmax", normal(*ROWS), axis=1)
case("log_softmax", normal(*ROWS), axis=1)
case("batch_normalization", normal(*MAPS), normal(*SLOPES), positive(*SLOPES), *statistics(*SLOPES))
case("layer_normalization", normal(2048, 256), normal(1, 256), positive(1, 256))
case("group_normalization", normal(*MAPS), normal(*SLOPES), positive(*SLOPES), num_groups=4)
case("instance_normalization", normal(*MAPS), normal(*SLOPES), positive(*SLOPES))
case("sum", normal(*MAPS))
case("mean", normal(*MAPS))
case("max", normal(*ROWS), axis=1)
case("min", normal(*ROWS), axis=1)
case("add2", normal(*MAPS), normal(*MAPS))
case("add_n", normal(*MAPS), normal(*MAPS), normal(*MAPS))
case("sub2", normal(*MAPS), normal(*MAPS))
case("mul2", normal(*MAPS), normal(*SLOPES))
case("div2", normal(*MAPS), positive(*MAPS))
case("pow2", positive(*MAPS), normal(*MAPS))
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
case("batch_matmul", normal(32, 128, 64), normal(32, 64, 128))
case("concatenate", normal(*MAPS), normal(*MAPS), axis=1)
case("split", normal(64, 16, 128), axis=1)
case("stack", *[normal(64, 128) for _ in range(16)], axis=1)
case("slice", normal(*MAPS), (0, 0, 2, 2), (16, 32, 26, 26), (1, 1, 1, 1))
case("pad", normal(*MAPS), (1, 1, 1, 1))
case("transpose", normal(*MAPS), (0, 2, 3, 1))
case("broadcast", normal(16, 32, 1, 1), MAPS)
case("reshape", normal(*MAPS), (16, -1))
case("interpolate", normal(*FEW_MAPS), scale=(2, 2), mode="linear", align_corners=False)
case("dropout", normal(*MAPS), 0.5)
case("sigmoid_cross_entropy", normal(*ROWS), boolean(*ROWS))
case("binary_cross_entropy", uniform(*ROWS, low=0.05, high=0.95), boolean(*ROWS))
case("softmax_cross_entropy", normal(*ROWS), integers(64, 1, high=1000))
case("squared_error", normal(*IMAGES), normal(*IMAGES))
case("absolute_error", normal(*IMAGES), normal(*IMAGES))
case("huber_loss", normal(*IMAGES), normal(*IMAGES))
case("one_hot", integers(64, 1, high=1000), (1000,))
case("gather", normal(10000, 128), integers(2048, high=10000), 0)
COMMON += CASES

# -- layers
case("rnn", normal(32, 16, 64), normal(1, 1, 16, 128), normal(1, 128, 192), bias=normal(1, 1, 128))
case("gru", normal(32, 16, 64), normal(1, 1, 16, 128), normal(1, 3, 128, 192), bias=normal(1, 1, 4, 128))
case("fused_convolution", normal(*FEW_MAPS), normal(32, 32, 3, 3), normal(32), **WINDOW)
case("depthwise_deconvolution", normal(16, 32, 14, 14), normal(32, 3, 3), normal(32), **WINDOW)
case("deformable_convolution", normal(4, 32, 28, 28), normal(32, 32, 3, 3), uniform(4, 18, 28, 28), **WINDOW)
case("adaptive_separable_convolution", normal(1, 3, 88, 88), normal(1, 25, 64, 64), normal(1, 25, 64, 64))
case("sum_pooling", normal(*MAPS), (2, 2))
case("unpooling", normal(16, 32, 14, 14), (2, 2))
case("roi_align", normal(2, 64, 50, 50), values([[i % 2, 0.1 * i, 0.2 * i, 20 + 0.2 * i, 22 + 0.1 * i] for i in range(128)]).without_grad(), (7, 7))
case("max_pooling_backward", normal(16, 32, 14, 14), normal(*MAPS), (2, 2))
case("patch_correlation", normal(2, 32, 32, 32), normal(2, 32, 32, 32), shift=(4, 4))
for name in ("selu", "crelu", "celu", "mish", "relu6", "hard_sigmoid", "hard_tanh", "log_sigmoid", "softsign", "tanh_shrink", "sinc"):
    case(name, normal(*MAPS))

# -- normalization
case("fused_batch_normalization", normal(*MAPS), normal(*SLOPES), positive(*SLOPES), *statistics(*SLOPES))
case("function_bases.sync_batch_normalization", normal(*MAPS), normal(*SLOPES), positive(*SLOPES), *statistics(*SLOPES), comm=None)
case("norm_normalization", normal(*ROWS), axes=1)
case("tensor_normalization", normal(*MAPS), (1, 2))
case("weight_normalization", normal(128, 128, 3, 3), positive(128))
case("weight_standardization", normal(128, 128, 3, 3))
case("spectral_norm", normal(128, 1152), normal(128).without_grad())
case("mean_subtraction", normal(*IMAGES), normal(*IMAGES[1:]).without_grad(), values([0.0]).without_grad())
case("clip_grad_by_value", normal(*MAPS), uniform(*MAPS, low=-1.0, high=0.0).without_grad(), uniform(*MAPS, low=0.0, high=1.0).without_grad())
case("clip_grad_by_norm", normal(512, 1000), 1.0, [1])

# -- reductions
case("norm", normal(*ROWS), axis=1)
case("prod", uniform(*ROWS, low=0.9, high=1.1), axis=1)
case("cumsum", normal(*ROWS), axis=1)
case("cumprod", uniform(*ROWS, low=0.9, high=1.1), axis=1)
case("function_bases.reduce_sum", normal(*MAPS))
case("function_bases.reduce_mean", normal(*MAPS))

# -- arithmetic and comparison
case("bc_add2", normal(*MAPS), normal(*SLOPES))
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
case("searchsorted", values([[i / 8 for i in range(256)]] * 16).without_grad(), uniform(16, 1000, low=0.0, high=32.0).without_grad())
case("mod2", uniform(*MAPS, low=1.0, high=9.0).without_grad(), positive(*MAPS).without_grad())
case("bit_shift", integers(*ROWS, low=0, high=100, dtype="uint32"), integers(*ROWS, low=0, high=3, dtype="uint32"))

# -- making and arranging arrays
case("constant", 1.5, MAPS)
case("arange", 0, 100000)
case("linspace", 0, 1, 100000)
case("broadcast_to", normal(*MAPS).without_grad(), normal(*MAPS))
case("tile", normal(64, 512), (2, 2))
case("flip", normal(*MAPS), axes=[3])
case("shift", normal(*MAPS), (1, 2))
case("sort", permutation(*ROWS))
case("shape", normal(*MAPS).without_grad())
case("matrix_diag", normal(64, 128))
case("matrix_diag_part", normal(64, 128, 128))
case("trilu", normal(32, 128, 128))
case("meshgrid", normal(256), normal(256))
case("gather_nd", normal(64, 64, 128), integers(2, 1024, high=64))
case("scatter_nd", normal(1024, 128), values([[i * 5 % 4096 for i in range(1024)]], dtype="int64"), shape=(4096, 128))
case("scatter_add", normal(1000, 128), integers(1024, 128, high=1000), normal(1024, 128), 0)
case("bool_gather", normal(*ROWS), boolean(*ROWS))
case("bool_scatter", normal(512, 128), values([i % 2 for i in range(1024)]).without_grad())
case("bool_fill", normal(*MAPS), boolean(*MAPS), 1.0)
case("pack_padded_sequence", normal(64, 32, 128), values([64 - 2 * i for i in range(32)], dtype="int64"))
case("pad_packed_sequence", normal(1056, 128), values([32 - i // 2 for i in range(62)] + [1, 1], dtype="int64"))
case("nonzero", boolean(*ROWS))
case("eye_like", normal(512, 512).without_grad())
case("assign", normal(*MAPS), normal(*MAPS))
case("unique", integers(*ROWS, high=200, dtype="float32"), axis=0)
case("top_k_data", permutation(*ROWS), 10)
case("top_k_grad", permutation(*ROWS), 10)
case("sink", normal(*ROWS), normal(*ROWS))

# -- linear algebra and transforms
case("batch_det", invertible(64, 16, 16))
case("batch_inv", invertible(64, 16, 16))
case("batch_logdet", invertible(64, 16, 16))
case("batch_cholesky", spd(64, 16, 16))
case("einsum", normal(32, 64, 64), normal(32, 64, 64), equation="bij,bkj->bik")
case("fft", normal(64, 256, 2), 1)
case("ifft", normal(64, 256, 2), 1)
case("stft", normal(4, 8192), 512, 128, 512)
case("istft", normal(4, 257, 65), normal(4, 257, 65), 512, 128, 512, pad_mode="constant")

# -- images
case("onnx_resize", normal(2, 32, 28, 28), scales=(1.0, 1.0, 2.0, 2.0), mode="linear")
case("affine_grid", normal(32, 2, 3), IMAGES[2:])
case("warp_by_grid", normal(*FRAMES), uniform(8, 64, 64, 2, low=-1.1, high=1.1))
case("warp_by_flow", normal(*FRAMES), uniform(8, 2, 64, 64, low=-2.0, high=2.0))
case("nms_detection2d", Detections(1, 10647, 25))
case("onnx_non_max_suppression", Corners(1, 8732, 4), Confidences(1, 20, 8732), 0, 200, 0.45, 0.1)

# -- random
case("rand", shape=MAPS)
case("randint", 0, 10, shape=MAPS)
case("randn", shape=MAPS)
case("rand_binomial", 10, 0.3, ROWS)
case("rand_beta", 2.0, 3.0, ROWS)
case("rand_gamma", 2.0, 3.0, ROWS)
case("random_choice", normal(1000), positive(1000).without_grad(), (512,))
case("random_crop", normal(*IMAGES), (3, 56, 56))
case("random_flip", normal(*IMAGES), axes=[3])
case("random_shift", normal(*IMAGES), (4, 4))
case("random_erase", normal(*IMAGES), prob=1.0)
case("image_augmentation", uniform(*IMAGES, low=0.0, high=1.0).without_grad(), pad=(4, 4), min_scale=0.9, max_scale=1.1, angle=0.1,
     flip_lr=True, brightness=0.1, contrast=1.2)

# -- losses and measures
case("categorical_cross_entropy", probabilities(8, 21, 64, 64, axis=1), integers(8, 1, 64, 64, high=21), axis=1)
case("epsilon_insensitive_loss", normal(*ROWS), normal(*ROWS), 0.1)
case("kl_multinomial", probabilities(*ROWS), probabilities(*ROWS))
case("top_n_error", normal(*ROWS).without_grad(), integers(64, 1, high=1000), n=5)
case("binary_error", uniform(*ROWS, low=0.0, high=1.0).without_grad(), boolean(*ROWS))
case("confusion_matrix", normal(256, 100).without_grad(), integers(256, 1, high=100))
case("vat_noise", normal(*IMAGES), normal(*IMAGES).without_grad())

# -- quantization
for name, states in (("connect", 0), ("weight", 1)):
    alpha = [normal(512).without_grad()] * states
    case(f"binary_{name}_affine", normal(64, 512), normal(512, 512), normal(512, 512).without_grad(), *alpha, normal(512))
    alpha = [normal(32).without_grad()] * states
    case(f"binary_{name}_convolution", normal(*FEW_MAPS), normal(32, 32, 3, 3), normal(32, 32, 3, 3).without_grad(), *alpha, normal(32), **WINDOW)
case("inq_affine", normal(64, 512), normal(512, 512), integers(512, 512, high=2), normal(512))
case("inq_convolution", normal(*FEW_MAPS), normal(32, 32, 3, 3), integers(32, 32, 3, 3, high=2), normal(32), **WINDOW)
case("min_max_quantize", normal(*MAPS), *[values([[[[v]]]]).without_grad() for v in (-1.0, 1.0, 0.0, 255.0)])
case("quantize_linear", normal(*MAPS), values([[[[0.1]]]]).without_grad(), values([[[[0.0]]]]).without_grad())
case("dequantize_linear", normal(*MAPS), values([[[[0.1]]]]).without_grad(), values([[[[0.0]]]]).without_grad())

# -- the cost of a call
tiny("affine", normal(1, 4), normal(4, 16), normal(16))
tiny("convolution", normal(1, 3, 8, 8), normal(4, 3, 3, 3), normal(4))
tiny("relu", normal(1, 16))
tiny("softmax", normal(1, 16), axis=1)
tiny("batch_normalization", normal(4, 16), normal(1, 16), positive(1, 16), *statistics(1, 16))
tiny("sum", normal(1, 16))
tiny("mean", normal(1, 16))
tiny("add2", normal(1, 16), normal(1, 16))
tiny("mul_scalar", normal(1, 16), 0.5)
tiny("concatenate", normal(1, 16), normal(1, 16), axis=1)
tiny("split", normal(1, 4, 4), axis=1)
tiny("slice", normal(1, 16), (0, 2), (1, 8), (1, 1))
tiny("reshape", normal(1, 16), (4, 4))
tiny("squared_error", normal(4, 1), normal(4, 1))
tiny("softmax_cross_entropy", normal(4, 10), integers(4, 1, high=10))
