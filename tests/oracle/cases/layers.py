"""Affine, convolutions, embedding, pooling, and the binarised, ternary and pruned versions."""
from ..case import bad, boolean, case, integers, normal, permutation, ties, uniform, values

case("affine", normal(2, 3), normal(3, 4))
case("affine", normal(2, 3), normal(3, 4), normal(4))
case("affine", normal(2, 3), normal(3, 4), None)
case("affine", normal(2, 3, 4), normal(12, 5), normal(5))
case("affine", normal(2, 3, 4), normal(4, 5), normal(5), base_axis=2)
case("affine", normal(2, 3, 4), normal(4, 5), base_axis=-1)
case("affine", normal(2, 3, 4), normal(12, 2, 3), normal(2, 3))
case("affine", normal(2, 3, 4), normal(3, 4, 5), normal(5))
case("affine", normal(1, 1), normal(1, 1), normal(1))
case("affine", normal(3), normal(3, 2), base_axis=0)
case("affine", normal(2, 3).without_grad(), normal(3, 4), normal(4))
case("affine", normal(2, 3), normal(3, 4).without_grad(), normal(4).without_grad())
case("affine", normal(0, 3), normal(3, 4), normal(4))
case("affine", integers(2, 3), normal(3, 4))
bad("affine", normal(2, 3), normal(4, 5))
bad("affine", normal(2, 3), normal(3, 5), normal(4))
bad("affine", normal(2, 3), normal(3, 5), base_axis=2)
bad("affine", normal(2, 3))
bad("affine", normal(2, 3), normal(3, 4), None, 1, 2, 3, 4)

CONV = [dict(), dict(pad=(1, 1)), dict(stride=(2, 2)), dict(dilation=(2, 2)), dict(pad=(2, 1), stride=(1, 2), dilation=(1, 2)),
        dict(pad=[1, 0], stride=[2, 1]), dict(base_axis=-3)]
for setting in CONV:
    case("convolution", normal(2, 4, 6, 7), normal(3, 4, 3, 2), normal(3), **setting)
    case("convolution", normal(2, 4, 5, 6), normal(4, 2, 2, 3), group=2, **setting)
case("convolution", normal(2, 4, 6), normal(3, 4, 3), normal(3), pad=(1,))
case("convolution", normal(2, 4, 6), normal(4, 1, 3), pad=(1,), group=4, stride=(2,))
case("convolution", normal(1, 2, 4, 5, 4), normal(3, 2, 2, 3, 2), normal(3), pad=(1, 0, 1), stride=(2, 1, 1))
case("convolution", normal(2, 2, 3, 5, 5), normal(4, 3, 3, 3), normal(4), base_axis=2)
case("convolution", normal(3, 5, 5), normal(4, 3, 3, 3), normal(4), base_axis=0)
case("convolution", normal(2, 5, 6, 4), normal(3, 3, 3, 4), normal(3), channel_last=True)
case("convolution", normal(2, 5, 6, 4), normal(4, 2, 3, 2), normal(4), pad=(1, 1), stride=(2, 1), group=2, channel_last=True)
case("convolution", normal(2, 6, 4), normal(3, 3, 4), dilation=(2,), channel_last=True)
case("convolution", normal(2, 3, 4, 4), normal(2, 3, 1, 1), normal(2))
case("convolution", normal(2, 3, 4, 4).without_grad(), normal(2, 3, 1, 1), normal(2))
case("convolution", normal(2, 3, 4, 4), normal(2, 3, 4, 4), None, 1, (0, 0), (1, 1), (1, 1), 1, False)
bad("convolution", normal(2, 3, 4, 4), normal(2, 4, 3, 3))
bad("convolution", normal(2, 3, 4, 4), normal(2, 3, 3, 3), normal(3))
bad("convolution", normal(2, 3, 4, 4), normal(2, 3, 3, 3), pad=(1,))
bad("convolution", normal(2, 3, 4, 4), normal(2, 3, 3, 3), stride=(1, 1, 1))
bad("convolution", normal(2, 3, 4, 4), normal(2, 3, 5, 5))
bad("convolution", normal(2, 3, 4, 4), normal(4, 3, 3, 3), group=2)
bad("convolution", normal(2, 3, 4, 4), normal(2, 3, 3), normal(2))

for setting in CONV:
    case("deconvolution", normal(2, 4, 4, 5), normal(4, 3, 3, 2), normal(3), **setting)
    case("deconvolution", normal(2, 4, 3, 4), normal(4, 2, 2, 3), group=2, **setting)
case("deconvolution", normal(2, 4, 5), normal(4, 3, 3), normal(3), pad=(1,), stride=(2,), output_padding=(1,))
case("deconvolution", normal(2, 4, 4, 4), normal(4, 3, 3, 3), normal(3), pad=(1, 1), stride=(2, 2), output_padding=(1, 0))
case("deconvolution", normal(1, 2, 3, 3, 3), normal(2, 3, 2, 3, 2), normal(3), stride=(2, 1, 1))
case("deconvolution", normal(2, 2, 3, 4, 4), normal(3, 4, 3, 3), normal(4), base_axis=2)
case("deconvolution", normal(2, 4, 5, 4), normal(4, 3, 3, 3), normal(3), channel_last=True)
case("deconvolution", normal(2, 4, 4, 4), normal(4, 3, 2, 2), pad=(1, 1), stride=(2, 1), group=2, channel_last=True)
case("deconvolution", normal(2, 3, 4, 4), normal(3, 2, 1, 1), normal(2))
bad("deconvolution", normal(2, 3, 4, 4), normal(2, 4, 3, 3))
bad("deconvolution", normal(2, 3, 4, 4), normal(3, 2, 3, 3), normal(3))
bad("deconvolution", normal(2, 3, 4, 4), normal(3, 2, 3, 3), pad=(1,))

for setting in (dict(), dict(pad=(1, 1)), dict(stride=(2, 2)), dict(dilation=(1, 2)), dict(pad=(2, 1), stride=(2, 1), dilation=(2, 2))):
    case("depthwise_convolution", normal(2, 3, 6, 7), normal(3, 3, 2), normal(3), **setting)
    case("depthwise_convolution", normal(2, 3, 6, 7), normal(6, 2, 3), normal(6), multiplier=2, **setting)
    case("depthwise_deconvolution", normal(2, 4, 5, 6), normal(4, 3, 2), normal(4), **setting)
    case("depthwise_deconvolution", normal(2, 4, 5, 6), normal(4, 2, 3), normal(2), divisor=2, **setting)
case("depthwise_convolution", normal(2, 3, 6), normal(3, 3))
case("depthwise_convolution", normal(2, 3, 6), normal(9, 3), normal(9), pad=(1,), multiplier=3)
case("depthwise_convolution", normal(2, 2, 3, 5), normal(3, 3), base_axis=2)
case("depthwise_deconvolution", normal(2, 4, 5), normal(4, 3))
case("depthwise_deconvolution", normal(2, 4, 5), normal(4, 3), normal(1), divisor=4)
bad("depthwise_convolution", normal(2, 3, 6, 6), normal(4, 3, 3))
bad("depthwise_convolution", normal(2, 3, 6, 6), normal(3, 3, 3), normal(2))
bad("depthwise_deconvolution", normal(2, 3, 6, 6), normal(4, 3, 3))
bad("depthwise_deconvolution", normal(2, 3, 6, 6), normal(3, 3, 3), divisor=2)


def deformable(x, w, b=None, mask=False, deformable_group=1, channel_last=False, **setting):
    """The original wants offsets as large as the input, with two values per kernel position."""
    spatial = x[1:3] if channel_last else x[2:]
    kernel = w[1:3] if channel_last else w[2:]
    positions = kernel[0] * kernel[1] * deformable_group
    place = (lambda c: (x[0],) + spatial + (c,)) if channel_last else (lambda c: (x[0], c) + spatial)
    extra = dict(setting)
    if mask:
        extra["mask"] = uniform(*place(positions), low=0.1, high=0.9)
    if b:
        extra["bias"] = normal(b)
    if deformable_group > 1:
        extra["deformable_group"] = deformable_group
    if channel_last:
        extra["channel_last"] = True
    return case("deformable_convolution", normal(*x), normal(*w), uniform(*place(2 * positions), low=-1.3, high=1.3), **extra)


deformable((2, 4, 5, 6), (3, 4, 3, 3), pad=(1, 1))
deformable((2, 4, 5, 6), (3, 4, 3, 3), b=3, pad=(1, 1))
deformable((2, 4, 5, 6), (3, 4, 3, 3), b=3, mask=True, pad=(1, 1))
deformable((2, 4, 5, 6), (3, 4, 3, 2), mask=True)
deformable((2, 4, 6, 6), (3, 4, 3, 3), pad=(1, 1), stride=(2, 2))
deformable((2, 4, 6, 6), (3, 4, 3, 3), b=3, pad=(2, 2), dilation=(2, 2))
deformable((2, 4, 5, 5), (4, 2, 3, 3), pad=(1, 1), group=2)
deformable((2, 4, 5, 5), (4, 4, 3, 3), pad=(1, 1), mask=True, deformable_group=2)
deformable((2, 4, 5, 5), (4, 2, 1, 1), group=2, deformable_group=2)
bad("deformable_convolution", normal(2, 4, 5, 5), normal(3, 4, 3, 3), normal(2, 9, 3, 3))
bad("deformable_convolution", normal(2, 4, 5, 5), normal(3, 3, 3, 3), normal(2, 18, 3, 3))

case("adaptive_separable_convolution", normal(2, 3, 6, 6), normal(2, 3, 4, 4), normal(2, 3, 4, 4))
case("adaptive_separable_convolution", normal(1, 1, 7, 6), normal(1, 2, 6, 4), normal(1, 3, 6, 4))
case("adaptive_separable_convolution", normal(2, 2, 5, 5), normal(2, 1, 5, 5), normal(2, 1, 5, 5))
case("adaptive_separable_convolution", normal(2, 2, 5, 5), normal(2, 5, 1, 1), normal(2, 5, 1, 1))
case("adaptive_separable_convolution", normal(2, 2, 5, 5).without_grad(), normal(2, 2, 4, 4), normal(2, 2, 4, 4))
case("adaptive_separable_convolution", normal(1, 4, 8, 5), normal(1, 4, 5, 3), normal(1, 3, 5, 3))
case("adaptive_separable_convolution", normal(3, 1, 4, 4), normal(3, 2, 3, 2), normal(3, 3, 3, 2))
case("adaptive_separable_convolution", normal(1, 2, 6, 6), normal(1, 3, 4, 4).without_grad(), normal(1, 3, 4, 4).without_grad())
bad("adaptive_separable_convolution", normal(2, 3, 6, 6), normal(2, 3, 4), normal(2, 3, 4, 4))

POOL = [dict(), dict(stride=(1, 1)), dict(stride=(2, 1), pad=(1, 0)), dict(ignore_border=False), dict(ignore_border=False, stride=(2, 2), pad=(1, 1)),
        dict(pad=(1, 1))]
for name in ("max_pooling", "average_pooling", "sum_pooling"):
    draw = permutation if name == "max_pooling" else normal
    for setting in POOL:
        case(name, draw(2, 2, 5, 6), (3, 2) if "pad" not in setting else (3, 3), **setting)
        case(name, draw(2, 5, 6, 2), (2, 3) if "pad" not in setting else (3, 3), channel_last=True, **setting)
    case(name, draw(2, 7), (3,))
    case(name, draw(7), (2,))
    case(name, draw(2, 3, 4, 4, 5), (2, 2, 2), (1, 2, 1))
    case(name, draw(5, 6), [2, 2], [2, 2], True, [0, 0])
    case(name, draw(2, 2, 2, 5, 5), (2, 2))
    case(name, draw(2, 3, 3), (1, 1))
    bad(name, draw(2, 2, 5, 6), (3,), (1, 1))
    bad(name, draw(5), (3, 3))
    bad(name, draw(2, 2, 5, 6), (3, 3), pad=(1,))
    bad(name, draw(2, 2, 3, 3), (5, 5))
for setting in POOL:
    case("average_pooling", normal(2, 2, 5, 6), (3, 3), including_pad=False, **setting)
case("max_pooling", ties(2, 2, 6, 6), (2, 2))
case("max_pooling", ties(2, 2, 6, 6), (3, 3), (2, 2), pad=(1, 1))
for shape in ((2, 3, 4, 4), (1, 1, 1, 1), (2, 3, 5, 2), (2, 2, 3, 1), (1, 4, 7, 7), (3, 1, 2, 6), (2, 8, 1, 3), (1, 2, 16, 1)):
    case("global_average_pooling", normal(*shape))
bad("global_average_pooling", normal(3))
for setting in (dict(), dict(stride=(1, 1)), dict(stride=(2, 1), pad=(1, 0)), dict(ignore_border=False), dict(pad=(1, 1)), dict(stride=(2, 2)),
                dict(stride=(1, 2)), dict(stride=(3, 1), pad=(0, 1))):
    for last in (False, True):
        small = dict(setting, channel_last=True) if last else setting
        kernel, stride, pad = (3, 3), setting.get("stride", (3, 3)), setting.get("pad", (0, 0))
        if setting.get("ignore_border", True):
            out = tuple((s + 2 * p - k) // t + 1 for s, p, k, t in zip((6, 7), pad, kernel, stride))
        else:
            out = tuple(-(-(s - max(0, k - t)) // t) for s, k, t in zip((6, 7), kernel, stride))
        dy, x = ((2,) + out + (2,), (2, 6, 7, 2)) if last else ((2, 2) + out, (2, 2, 6, 7))
        case("max_pooling_backward", normal(*dy), permutation(*x), kernel, **small)

case("unpooling", normal(2, 3, 4), (2,))
case("unpooling", normal(2, 3, 4, 5), (2, 3))
case("unpooling", normal(4), (3,))
case("unpooling", normal(2, 3), (2, 2))
case("unpooling", normal(2, 3, 4, 2), (2, 1), channel_last=True)
case("unpooling", normal(2, 3, 4), (1, 1))
case("unpooling", normal(2, 2, 2, 2, 2), (1, 2, 3))
case("unpooling", normal(2, 3, 2, 2), [2, 2], True)
case("unpooling", normal(3, 4), (2, 3))
case("unpooling", normal(2, 3, 1, 4), (3, 1))
bad("unpooling", normal(4), (2, 2))

case("embed", integers(4, high=5), normal(5, 3))
case("embed", integers(2, 3, high=5), normal(5, 3))
case("embed", integers(2, 3, high=5, dtype="int32"), normal(5, 2, 2))
case("embed", integers(2, 3, high=5, dtype="float32"), normal(5, 4))
case("embed", integers(high=5), normal(5, 4))
case("embed", integers(0, high=5), normal(5, 4))
case("embed", integers(6, high=1), normal(1, 2))
case("embed", values([1, 1, 1, 2]).without_grad(), normal(3, 1)).flags(why="indices given as float")

# Binary networks: the second weight is an output of the forward pass.
for axis in (1, 2):
    x, n = ((2, 3, 4), 12) if axis == 1 else ((2, 3, 4), 4)
    for bias in (True, False):
        b = (normal(5),) if bias else ()
        for zero in (1.0, -1.0, 0.0):
            case("binary_connect_affine", normal(*x), ties(n, 5), normal(n, 5).without_grad(), *b, base_axis=axis, quantize_zero_to=zero)
            case("binary_weight_affine", normal(*x), ties(n, 5), normal(n, 5).without_grad(), normal(5).without_grad(), *b, base_axis=axis, quantize_zero_to=zero)
case("binary_connect_affine", normal(2, 3), normal(3, 4), normal(3, 4).without_grad())
case("binary_weight_affine", normal(2, 3), normal(3, 4), normal(3, 4).without_grad(), normal(4).without_grad())
bad("binary_connect_affine", normal(2, 3), normal(4, 4), normal(4, 4).without_grad())
for setting in (dict(), dict(pad=(1, 1)), dict(stride=(2, 1)), dict(dilation=(2, 2)), dict(quantize_zero_to=-1.0), dict(pad=(1, 1), quantize_zero_to=0.0)):
    case("binary_connect_convolution", normal(2, 4, 5, 6), ties(3, 4, 3, 3), normal(3, 4, 3, 3).without_grad(), normal(3), **setting)
    case("binary_weight_convolution", normal(2, 4, 5, 6), ties(3, 4, 3, 3), normal(3, 4, 3, 3).without_grad(), normal(3).without_grad(), normal(3), **setting)
    case("binary_connect_convolution", normal(2, 4, 5, 6), normal(4, 2, 3, 3), normal(4, 2, 3, 3).without_grad(), group=2, **setting)
    case("binary_weight_convolution", normal(2, 4, 5, 6), normal(4, 2, 3, 3), normal(4, 2, 3, 3).without_grad(), normal(4).without_grad(), group=2, **setting)

for bits in (1, 2, 4, 6):
    case("inq_affine", normal(2, 3), normal(3, 4), integers(3, 4, high=1), num_bits=bits) if bits > 1 else \
        bad("inq_affine", normal(2, 3), normal(3, 4), integers(3, 4, high=1), num_bits=1)
    if bits > 1:
        case("inq_affine", normal(2, 3), normal(3, 4), integers(3, 4, high=2), normal(4), num_bits=bits)
        case("inq_affine", normal(2, 3), normal(3, 4), boolean(3, 4), num_bits=bits, inq_iterations=(1, 2)).flags(forwards=2)
        case("inq_convolution", normal(2, 3, 5, 5), normal(4, 3, 3, 3), integers(4, 3, 3, 3, high=1), num_bits=bits)
        case("inq_convolution", normal(2, 3, 5, 5), normal(4, 3, 3, 3), integers(4, 3, 3, 3, high=2), normal(4), pad=(1, 1), num_bits=bits)
        case("inq_convolution", normal(2, 3, 5, 5), normal(4, 3, 3, 3), boolean(4, 3, 3, 3), num_bits=bits, inq_iterations=(1, 3)).flags(forwards=3)
case("inq_affine", normal(2, 3), normal(3, 4), integers(3, 4, high=1), inq_iterations=(0, 2), selection_algorithm="random", seed=3).flags(random=True)
case("inq_affine", normal(2, 3, 4), normal(4, 5), integers(4, 5, high=1), base_axis=2, inq_iterations=(1,)).flags(forwards=2)
case("inq_convolution", normal(2, 4, 5, 5), normal(4, 2, 3, 3), boolean(4, 2, 3, 3), group=2, stride=(2, 2), dilation=(2, 1))
case("inq_convolution", normal(2, 3, 5, 5), normal(4, 3, 3, 3), integers(4, 3, 3, 3, high=1), inq_iterations=(0, 2), selection_algorithm="random", seed=3).flags(random=True)

for kind in ("identity", "relu", "sigmoid", "tanh", "leaky_relu", "elu", "relu6"):
    case("fused_convolution", normal(2, 3, 5, 5), normal(4, 3, 3, 3), normal(4), nonlinearity=kind,
         nonlinearity_args=[0.2] if kind in ("leaky_relu", "elu") else [])
case("fused_convolution", normal(2, 3, 5, 5), normal(4, 3, 3, 3))
case("fused_convolution", normal(2, 4, 5, 5), normal(4, 2, 3, 3), normal(4), pad=(1, 1), stride=(2, 1), group=2)
case("fused_convolution", normal(2, 3, 5, 5), normal(4, 3, 3, 3), normal(4), z=normal(2, 4, 3, 3))
for stat in (True, False):
    case("fused_convolution", normal(2, 3, 5, 5), normal(4, 3, 3, 3), None, normal(1, 4, 1, 1), normal(1, 4, 1, 1), normal(1, 4, 1, 1).without_grad(),
         uniform(1, 4, 1, 1, low=0.5, high=2.0).without_grad(), batch_stat=stat)
    case("fused_convolution", normal(2, 3, 5, 5), normal(4, 3, 3, 3), None, normal(1, 4, 1, 1), normal(1, 4, 1, 1), normal(1, 4, 1, 1).without_grad(),
         uniform(1, 4, 1, 1, low=0.5, high=2.0).without_grad(), normal(2, 4, 3, 3), decay_rate=0.5, eps=1e-3, batch_stat=stat, nonlinearity="leaky_relu",
         nonlinearity_args=[0.1])
for mode in ("constant", "reflect", "repeat"):
    case("fused_convolution", normal(2, 3, 5, 5), normal(4, 3, 3, 3), pad=(1, 1, 2, 1), pad_mode=mode, constant_value=0.5 if mode == "constant" else 0)
case("fused_convolution", normal(2, 5, 5, 3), normal(4, 3, 3, 3), normal(4), pad=(1, 1), channel_last=True)
