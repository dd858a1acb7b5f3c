"""Arithmetic of two arrays, of an array and a scalar, and of many arrays; comparison and logic."""
from ..case import bad, boolean, case, integers, normal, positive, ties, uniform, values

PAIRS = [((2, 3), (2, 3)), ((4,), (4,)), ((2, 1, 3), (1, 4, 3)), ((1,), (5,)), ((), ()), ((3, 1), (1, 1)),
         ((2, 3, 2, 2), (1, 3, 1, 1)), ((0, 3), (0, 3)), ((2,), ())]
MISMATCHED = [((2, 3), (3,)), ((2, 3), (2, 4))]

for name in ("add2", "sub2", "mul2", "div2", "pow2", "bc_add2"):
    draw = positive if name in ("div2", "pow2") else normal
    for a, b in PAIRS:
        case(name, draw(*a), draw(*b))
    case(name, draw(2, 3), draw(2, 3), inplace=True)
    case(name, draw(2, 3), draw(2, 3), True)
    case(name, draw(2, 3).without_grad(), draw(2, 3))
    case(name, draw(2, 3), draw(1, 3).without_grad())
    case(name, integers(2, 3, low=1, high=5), integers(2, 3, low=1, high=5))
    for a, b in MISMATCHED:
        bad(name, draw(*a), draw(*b))
    bad(name, draw(2, 3))
    bad(name, draw(2, 3), 1.0)
case("div2", normal(2, 3), values([[-1.0, 2.0, 0.5], [4.0, -0.25, 3.0]]))
case("div2", values([[1.0, -1.0, 0.0]]), values([[0.0, 0.0, 0.0]])).flags(backward=False)

for name in ("minimum2", "maximum2", "atan2"):
    for a, b in PAIRS:
        case(name, normal(*a), normal(*b))
    case(name, normal(2, 3).without_grad(), normal(2, 3))
    for a, b in MISMATCHED:
        bad(name, normal(*a), normal(*b))
case("minimum2", ties(4, 5), ties(4, 5))
case("maximum2", ties(4, 5), ties(4, 5))

for name in ("minimum_scalar", "maximum_scalar", "add_scalar", "mul_scalar", "pow_scalar", "r_sub_scalar",
             "r_div_scalar", "r_pow_scalar"):
    draw = positive if name in ("pow_scalar", "r_div_scalar") else normal
    for shape in ((2, 3), (4,), (), (0, 2), (2, 1, 3)):
        case(name, draw(*shape))
    for val in (2, 0.5, 3, 1.7) + (() if name == "r_pow_scalar" else (-1.5, 0.0)):
        case(name, draw(2, 3), val)
        case(name, draw(3, 4), val=val)
    case(name, values([[1, 2], [3, 4]], dtype="int64"), val=2.5)
    bad(name, draw(2, 3), "a")
for name in ("minimum_scalar", "maximum_scalar"):
    case(name, ties(4, 5), 0.5)
for name in ("add_scalar", "mul_scalar", "pow_scalar"):
    case(name, positive(2, 3), 2, True)
    case(name, positive(2, 3), val=0.5, inplace=True)
case("pow_scalar", normal(3, 4), 2)
case("pow_scalar", normal(3, 4), 3.0)
case("pow_scalar", normal(3, 4), -1)
case("pow_scalar", normal(3, 4), -2.0)
case("pow_scalar", normal(3, 4), 1)
case("pow_scalar", ties(3, 4), 2.0)

for name in ("add_n", "mul_n"):
    case(name, normal(2, 3), normal(2, 3))
    case(name, normal(2, 3))
    case(name, normal(2, 3), normal(2, 3), normal(2, 3))
    case(name, normal(4), normal(4), normal(4), normal(4), normal(4))
    case(name, normal(), normal(), normal())
    case(name, normal(2, 1, 2), normal(2, 1, 2).without_grad(), normal(2, 1, 2))
    case(name, normal(0, 2), normal(0, 2))
    case(name, integers(2, 3), integers(2, 3))
    bad(name, normal(2, 3), normal(3, 2))
    bad(name, normal(2, 3), normal(1, 3))
    bad(name)

for name in ("equal", "not_equal", "greater_equal", "greater", "less_equal", "less"):
    for a, b in PAIRS:
        case(name, ties(*a), ties(*b))
    case(name, integers(3, 4, high=3), integers(3, 4, high=3))
    for a, b in MISMATCHED:
        bad(name, ties(*a), ties(*b))
    for val in (0, 1, 0.5, -0.5):
        case(name + "_scalar", ties(3, 4), val)
    case(name + "_scalar", ties(2, 3))
    case(name + "_scalar", ties(5), val=-1)
    case(name + "_scalar", ties())
    case(name + "_scalar", ties(0, 2))
    case(name + "_scalar", integers(3, 4, high=3), val=1)

for name in ("logical_and", "logical_or", "logical_xor"):
    for a, b in PAIRS:
        case(name, boolean(*a), boolean(*b))
    case(name, ties(3, 4), ties(3, 4))
    for a, b in MISMATCHED:
        bad(name, boolean(*a), boolean(*b))
    for val in (True, False, 1, 0):
        case(name + "_scalar", ties(3, 4), val)
    case(name + "_scalar", boolean(5), val=True)
    case(name + "_scalar", boolean(5), val=False)
    case(name + "_scalar", boolean(), val=True)
    case(name + "_scalar", boolean(0, 2), True)
    case(name + "_scalar", ties(2, 2), 0.5)
    bad(name + "_scalar", ties(2, 2))
for shape in ((2, 3), (), (0, 2), (2, 1, 3), (5,)):
    case("logical_not", boolean(*shape))
case("logical_not", ties(3, 4))
case("logical_not", values([True, False, True], dtype="bool"))
case("logical_not", integers(3, 4, high=2))

ODD = [[1.0, float("nan"), float("inf")], [float("-inf"), 0.0, -2.0]]
for name in ("isnan", "isinf", "reset_nan", "reset_inf"):
    case(name, values(ODD))
    case(name, normal(2, 3))
    case(name, normal())
    case(name, values([float("nan")] * 3))
    case(name, values([float("inf")] * 3))
    case(name, normal(0, 2))
    case(name, normal(2, 1, 2))
    case(name, integers(2, 2))
for name in ("reset_nan", "reset_inf"):
    for val in (1.5, -2, 0.1):
        case(name, values(ODD), val)
        case(name, values(ODD), val=val)

for condition, a, b in (((2, 3), (2, 3), (2, 3)), ((2,), (2, 3), (2, 3)), ((4,), (4,), (4,)), ((2, 3), (2, 3, 2), (2, 3, 2)),
                        ((), (), ()), ((1, 3), (1, 3), (1, 3)), ((0, 3), (0, 3), (0, 3)), ((2, 1, 2), (2, 1, 2), (2, 1, 2))):
    case("where", boolean(*condition), normal(*a), normal(*b))
case("where", ties(3, 4).without_grad(), normal(3, 4), normal(3, 4))
case("where", boolean(3, 4), normal(3, 4).without_grad(), normal(3, 4))
bad("where", boolean(2, 3), normal(2, 3), normal(2, 4))
bad("where", boolean(3), normal(2, 3), normal(2, 3))
bad("where", boolean(2, 1), normal(2, 3), normal(2, 3))

for fmod in (False, True):
    case("mod2", normal(3, 4, scale=5.0), values([[2.0, -3.0, 1.5, -0.7]]), fmod=fmod)
    case("mod2", normal(3, 4, scale=5.0), uniform(3, 4, low=0.5, high=3.0), fmod)
    case("mod2", integers(3, 4, low=-9, high=9, dtype="int32"), integers(3, 4, low=1, high=5, dtype="int32"), fmod=fmod)
    case("mod2", integers(3, 4, low=-9, high=9), integers(3, 4, low=-4, high=-1), fmod=fmod)
    case("mod2", integers(3, 4, low=-9, high=9), integers(1, 4, low=1, high=4), fmod=fmod)
case("mod2", positive(2, 3), positive(2, 3))
case("mod2", positive(), positive())
bad("mod2", positive(2, 3), positive(3))

for direction in ("LEFT", "RIGHT"):
    for dtype in ("int32", "uint8", "int64", "uint32"):
        case("bit_shift", integers(3, 4, high=50, dtype=dtype), integers(3, 4, high=4, dtype=dtype), direction=direction)
    case("bit_shift", integers(3, 4, high=50, dtype="int32"), integers(1, 4, high=4, dtype="int32"), direction)
case("bit_shift", integers(5, high=50, dtype="uint8"), integers(5, high=4, dtype="uint8"))
for direction in ("LEFT", "RIGHT"):
    case("bit_shift", integers(2, 3, high=250, dtype="uint8"), integers(1, 3, high=8, dtype="uint8"), direction)
    case("bit_shift", integers(4, high=60000, dtype="uint16"), integers(4, high=9, dtype="uint16"), direction=direction)
bad("bit_shift", integers(5, high=50, dtype="uint8"), integers(5, high=4, dtype="uint8"), direction="UP")
bad("bit_shift", normal(5), normal(5))
