"""Quantisers with straight-through gradients, pruning, gradient clipping by value."""
import numpy as np

from ..case import bad, case, integers, normal, permutation, positive, ties, uniform, values

for setting in (dict(), dict(sign=False), dict(n=4), dict(delta=0.25), dict(n=3, delta=0.5), dict(sign=False, n=2, delta=0.1),
                dict(ste_fine_grained=False), dict(quantize=False)):
    case("fixed_point_quantize", normal(3, 4, scale=2.0), **setting)
    case("fixed_point_quantize", ties(3, 4), **setting)
for setting in (dict(), dict(sign=False), dict(with_zero=False), dict(n=4), dict(m=2), dict(n=3, m=-1), dict(sign=False, with_zero=False, n=4),
                dict(ste_fine_grained=False), dict(quantize=False)):
    case("pow2_quantize", normal(3, 4, scale=2.0), **setting)
    case("pow2_quantize", values([[0.01, -0.3, 1.5, 5.0, -7.0, 0.0]]), **setting)
bad("fixed_point_quantize", normal(3, 4), n=0)
bad("fixed_point_quantize", normal(3, 4), delta=-1.0)
case("function_bases.fixed_point_quantize", normal(3, 4), True, 4, 0.5)
case("function_bases.pow2_quantize", normal(3, 4), n=4)


def ranges(low=-1.0, high=1.0, bits=8):
    return (values([[low]]).without_grad(), values([[high]]).without_grad(), values([[0.0]]).without_grad(), values([[2.0 ** bits - 1]]).without_grad())


for setting in (dict(), dict(x_min_max=True), dict(ema=True), dict(x_min_max=True, ema=True), dict(decay=0.5, x_min_max=True, ema=True),
                dict(ste_fine_grained=False), dict(eps=0.5), dict(quantize=False)):
    case("min_max_quantize", normal(3, 4), *ranges(), **setting)
    case("min_max_quantize", normal(3, 4), *ranges(-0.5, 1.5, 3), **setting)
case("min_max_quantize", normal(3, 4), values([[-1.0]]), values([[1.0]]), values([[0.0]]).without_grad(), values([[15.0]]).without_grad())
case("min_max_quantize", normal(5), values([-1.0]), values([1.0]), values([0.0]).without_grad(), values([15.0]).without_grad())
case("min_max_quantize", normal(3, 4), values([[-1.0, -0.5, -2.0, -1.5]]).without_grad(), values([[1.0, 0.5, 2.0, 1.0]]).without_grad(),
     values([[0.0] * 4]).without_grad(), values([[255.0] * 4]).without_grad())
case("min_max_quantize", normal(3, 4), *ranges(), x_min_max=True, ema=True).flags(forwards=3)
case("function_bases.min_max_quantize", normal(3, 4), *ranges())

for rate in (0.0, 0.1, 0.5, 0.9, 1.0):
    case("prune", permutation(3, 4, shift=-1.4), rate)
    case("prune", permutation(3, 5, shift=-1.6), rate=rate)
case("prune", permutation(10))
case("prune", normal(0, 4), 0.5)
bad("prune", normal(3), 1.5)

for mode in ("HALF_AWAY_FROM_ZERO", "HALF_TO_EVEN"):
    for dtype in (np.int8, np.uint8):
        for narrow in (False, True):
            case("quantize_linear", normal(3, 4, scale=2.0).without_grad(), values([[0.05]]).without_grad(), values([[0.0]] if dtype is np.int8 else [[100.0]]).without_grad(),
                 mode, narrow, dtype)
case("quantize_linear", values([[0.5, 1.5, 2.5], [-0.5, -1.5, -2.5]]).without_grad(), values([[1.0]]).without_grad(), values([[0.0]]).without_grad())
case("quantize_linear", values([[0.5, 1.5, 2.5], [-0.5, -1.5, -2.5]]).without_grad(), values([[1.0]]).without_grad(), values([[0.0]]).without_grad(), round_mode="HALF_TO_EVEN")
case("quantize_linear", normal(3, 4).without_grad(), values([[0.1, 0.2, 0.3, 0.4]]).without_grad(), values([[0.0, 1.0, 2.0, 3.0]]).without_grad())
case("quantize_linear", normal(3, 4), values([[0.1]]), values([[0.0]]).without_grad())
case("quantize_linear", normal(5, scale=2.0).without_grad(), values([0.5]).without_grad(), values([3.0]).without_grad(), dtype=np.uint8)
bad("quantize_linear", normal(3, 4).without_grad(), values([0.1, 0.2]).without_grad(), values([0.0, 0.0]).without_grad())
for dtype in ("float32", "int8", "uint8", "int32"):
    case("dequantize_linear", integers(3, 4, high=100, dtype=dtype), values([[0.1]]).without_grad(), integers(1, 1, high=5, dtype=dtype))
    case("dequantize_linear", integers(3, 4, high=100, dtype=dtype), values([[0.1, 0.2, 0.3, 0.4]]).without_grad(), integers(1, 4, high=5, dtype=dtype))
case("dequantize_linear", normal(3, 4), values([[0.1]]), values([[0.0]]).without_grad())

for low, high in ((-0.5, 0.5), (0.0, 1.0), (-2.0, -0.1), (-9.0, 9.0)):
    case("clip_by_value", normal(3, 4), low, high)
    case("clip_by_value", ties(4, 5), min=low, max=high)
    case("clip_grad_by_value", normal(3, 4), values(np.full((3, 4), low).tolist()).without_grad(), values(np.full((3, 4), high).tolist()).without_grad())
case("clip_by_value", normal(3, 4), normal(3, 4, shift=-1.0), normal(3, 4, shift=1.0))
case("clip_grad_by_value", normal(3, 4), normal(3, 4, shift=-1.0).without_grad(), normal(3, 4, shift=1.0).without_grad())
case("clip_grad_by_value", normal(3), normal(3, shift=-1.0).without_grad(), normal(3, shift=1.0).without_grad())
case("clip_grad_by_value", normal(2, 1, 3), normal(2, 1, 3, shift=-0.5).without_grad(), normal(2, 1, 3, shift=0.5).without_grad())
bad("clip_grad_by_value", normal(3), normal(2).without_grad(), normal(3).without_grad())
