"""Reductions, cumulative sums, and order statistics along axes."""
from ..case import bad, case, integers, normal, permutation, positive, ties, values

SETTINGS = [dict(), dict(axis=0), dict(axis=1), dict(axis=-1), dict(axis=(0, 2)), dict(axis=(-1, -2)), dict(axis=[1]),
            dict(keepdims=True), dict(axis=1, keepdims=True), dict(axis=(0, 1, 2), keepdims=True), dict(axis=(2, 0), keepdims=True),
            dict(axis=())]

for name in ("sum", "mean", "prod"):
    draw = positive if name == "prod" else normal
    for setting in SETTINGS:
        case(name, draw(2, 3, 4), **setting)
    case(name, draw(5))
    case(name, draw())
    case(name, draw(1, 1), axis=0)
    case(name, draw(2, 3, 2, 2), 1, True)
    case(name, draw(2, 0, 3), axis=1)
    case(name, draw(2, 0, 3), axis=0)
    case(name, integers(3, 4), axis=1)
    bad(name, draw(2, 3), axis=2)
    bad(name, draw(2, 3), axis=-3)
case("prod", values([[0.0, 2.0, 3.0], [1.0, 0.0, 0.0]]), axis=1)
case("prod", normal(3, 4), axis=(0, 1))

for name in ("max", "min"):
    for setting in SETTINGS:
        case(name, permutation(2, 3, 4), **setting)
    case(name, permutation(5))
    case(name, normal())
    case(name, ties(4, 5), axis=1)
    case(name, ties(4, 5))
    case(name, permutation(2, 3, 4), axis=1, with_index=True)
    case(name, permutation(2, 3, 4), axis=(0, 2), with_index=True)
    case(name, permutation(2, 3, 4), with_index=True, keepdims=True)
    case(name, permutation(2, 3, 4), axis=-1, only_index=True)
    case(name, permutation(2, 3, 4), axis=-1, keepdims=True, only_index=True)
    case(name, ties(4, 6), axis=1, with_index=True)
    bad(name, normal(2, 3), axis=2)

for p in (None, 1, 2, 3, 1.5):
    case("norm", normal(2, 3, 4), p=p)
    case("norm", normal(2, 3, 4), p=p, axis=1)
    case("norm", normal(2, 3, 4), p, (0, 2), True)
    case("norm_normalization", normal(2, 3, 4), p=p)
    case("norm_normalization", normal(2, 3, 4), p=p, axes=1)
    case("norm_normalization", normal(2, 3, 4), p, (0, 2), 1e-5)
case("norm", normal(2, 3, 4), axis=-1, keepdims=True)
case("norm", normal(5))
case("norm", normal(2, 3, 4), axis=-2)
case("norm_normalization", normal(5))
case("norm_normalization", normal(2, 3, 4), axes=(-1,))
case("norm_normalization", normal(2, 3, 4), axes=[1, 2], eps=1e-3)
bad("norm", normal(2, 3), axis=3)
bad("norm_normalization", normal(2, 3), axes=3)

for name in ("reduce_sum", "reduce_mean"):
    for shape in ((2, 3), (4,), (), (1,), (2, 1, 3), (2, 2, 2, 2), (7, 1), (1, 1, 5)):
        case(name, normal(*shape))
for op in ("sum", "mean"):
    case("reduce", normal(2, 3), op)
    case("reduce", normal(2, 3, 4), op=op)
    case("reduce", normal(4), op=op)
    case("reduce", normal(), op=op)
case("reduce", normal(2, 3))
bad("reduce", normal(2, 3), op="median")

for name in ("cumsum", "cumprod"):
    draw = positive if name == "cumprod" else normal
    case(name, draw(5))
    case(name, draw(2, 3, 4))
    for axis in (0, 1, 2, -1, -2):
        case(name, draw(2, 3, 4), axis=axis)
    case(name, draw(3, 4), axis=1, exclusive=True)
    case(name, draw(3, 4), axis=1, reverse=True)
    case(name, draw(3, 4), 1, True, True)
    case(name, draw(3, 4), axis=0, exclusive=True, reverse=True)
    case(name, draw(2, 1), axis=1, exclusive=True)
    case(name, normal(2, 5), axis=-1)
    bad(name, draw(2, 3), axis=2)
case("cumprod", values([[1.0, 0.0, 3.0, 2.0], [0.0, 0.0, 1.5, 2.0], [2.0, 0.5, 3.0, 0.0]]), axis=1)
case("cumprod", values([[1.0, 0.0, 3.0, 2.0], [0.0, 0.0, 1.5, 2.0]]), axis=1, exclusive=True)
case("cumprod", values([[1.0, 0.0, 3.0, 2.0], [0.0, 0.0, 1.5, 2.0]]), axis=1, reverse=True)

case("sort", permutation(5))
case("sort", permutation(2, 3, 4))
for axis in (0, 1, -1, -3):
    case("sort", permutation(2, 3, 4), axis=axis)
case("sort", permutation(3, 5), reverse=True)
case("sort", permutation(3, 5), axis=0, reverse=True)
case("sort", permutation(3, 5), with_index=True)
case("sort", permutation(3, 5), axis=0, with_index=True, reverse=True)
case("sort", permutation(3, 5), only_index=True)
case("sort", permutation(3, 5), -1, True, False, True)
case("sort", permutation(3, 1), axis=1, with_index=True)
case("sort", ties(3, 6))
bad("sort", permutation(3, 5), axis=2)

for k in (1, 2, 4):
    case("top_k_data", permutation(3, 5), k)
    case("top_k_data", permutation(3, 5), k, reduce=False)
    case("top_k_data", permutation(3, 5, shift=-2.1), k, abs=True)
    case("top_k_data", permutation(3, 5), k, largest=False)
    case("top_k_grad", permutation(3, 5), k)
    case("top_k_grad", permutation(3, 5), k, abs=True)
    case("top_k_grad", permutation(3, 2, 3), k, base_axis=1)
case("top_k_data", permutation(3, 2, 3), 2, base_axis=2)
case("top_k_data", permutation(3, 2, 3), 4, base_axis=0)
case("top_k_data", permutation(3, 2, 3), 3, base_axis=1, reduce=False)
case("top_k_data", permutation(3, 5), 2, with_index=True)
case("top_k_data", permutation(3, 5, shift=-2.1), 2, abs=True, largest=False, with_index=True)
case("top_k_data", permutation(3, 5), 2, reduce=False, with_index=True)
case("top_k_data", permutation(3, 2, 3), 3, base_axis=-1)
case("top_k_grad", permutation(3, 2, 3), 3, base_axis=0)
case("top_k_grad", permutation(3, 2, 3), 2, base_axis=-1)
bad("top_k_data", permutation(3, 5), 6)
bad("top_k_data", permutation(3, 5), 0)
bad("top_k_grad", permutation(3, 5), 6)

# The original's unique wants an axis even when flattening, and runs in auto-forward mode only.
for setting in (dict(), dict(with_index=True), dict(with_inverse=True), dict(with_counts=True),
                dict(with_index=True, with_inverse=True, with_counts=True), dict(flatten=False),
                dict(flatten=False, with_index=True, with_inverse=True, with_counts=True), dict(flatten=False, sorted=True)):
    case("unique", ties(4, 5), axis=0, **setting).flags(auto=True)
    if "flatten" in setting:
        case("unique", ties(3, 2), axis=1, **setting).flags(auto=True)
case("unique", ties(7), axis=0, sorted=False, with_index=True).flags(auto=True)
case("unique", values([[1, 2, 1], [3, 4, 3], [1, 2, 1]]), flatten=False, axis=0, with_index=True, with_inverse=True, with_counts=True).flags(auto=True)
case("unique", values([[1, 2, 1], [3, 4, 3], [1, 2, 1]]), flatten=False, axis=1, sorted=False, with_inverse=True).flags(auto=True)

for right in (False, True):
    case("searchsorted", values([1.0, 2.0, 2.0, 3.0, 5.0]).without_grad(), values([0.0, 2.0, 2.5, 5.0, 9.0]).without_grad(), right=right)
    case("searchsorted", values([[1.0, 2.0, 2.0], [0.0, 4.0, 5.0]]).without_grad(), values([[2.0, 0.5], [4.0, 5.0]]).without_grad(), right)
    case("searchsorted", values([[[1.0, 3.0]], [[0.0, 4.0]]]).without_grad(), values([[[2.0, 0.5, 7.0]], [[4.0, 5.0, -1.0]]]).without_grad(), right=right)
case("searchsorted", values([1.0, 2.0]).without_grad(), values([1.5]).without_grad())
case("searchsorted", values([1.0, 2.0]).without_grad(), values([1.5]).without_grad(), right=None)
bad("searchsorted", values([[1.0, 2.0]]).without_grad(), values([1.5]).without_grad())

for shape in ((2, 3), (4,), (2, 2, 2), (1, 1)):
    case("nonzero", ties(*shape).without_grad())
    case("nonzero", values([[0, 1, 0], [2, 0, 3]], dtype="int64") if shape == (1, 1) else normal(*shape).without_grad())
