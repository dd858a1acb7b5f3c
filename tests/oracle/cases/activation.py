"""Activations and other elementwise functions of one array."""
from ..case import bad, case, normal, ties, uniform, values

SHAPES = [(2, 3), (4,), (2, 1, 3), (1,), (), (0, 3), (2, 3, 2, 2)]
WIDE = dict(low=-6.0, high=6.0)

for name in ("sigmoid", "swish", "tanh", "gelu", "mish", "relu6", "hard_sigmoid", "hard_tanh", "log_sigmoid",
             "softsign", "tanh_shrink", "sinc", "identity", "exp", "abs", "round", "ceil", "floor", "sin", "cos",
             "sinh", "cosh", "asinh", "atan", "erf", "binary_sigmoid", "binary_tanh", "unlink"):
    for shape in SHAPES:
        case(name, uniform(*shape, **WIDE) if name not in ("exp", "sinh", "cosh") else normal(*shape))
    case(name, ties(3, 5)).flags(second=name not in ("softsign", "sinc"))  # at the kink, any
    case(name, values([[-30.0, -2.5, -1.5, -0.5], [0.5, 1.5, 2.5, 30.0]]))
    case(name, values([[-3, -1, 0], [1, 2, 7]], dtype="int64"))
    bad(name)
    bad(name, 1.5)

for name, low, high in (("tan", -1.4, 1.4), ("asin", -0.95, 0.95), ("acos", -0.95, 0.95), ("atanh", -0.95, 0.95),
                        ("acosh", 1.05, 4.0), ("log", 0.05, 4.0)):
    for shape in SHAPES:
        case(name, uniform(*shape, low=low, high=high))
    case(name, values([[0.3, 0.5], [0.1, 0.9]] if name != "acosh" else [[1.5, 2.0], [10.0, 100.0]]))
    bad(name)

for shape in SHAPES:
    case("relu", normal(*shape))
case("relu", ties(3, 5))
case("relu", normal(3, 4), inplace=True)
case("relu", normal(3, 4), False)
case("relu", values([[-3, 0], [1, 2]], dtype="int64"))
bad("relu")
bad("relu", None)

for shape in SHAPES:
    case("leaky_relu", normal(*shape))
for alpha in (0.0, 0.2, 1.0, 0.5):
    case("leaky_relu", normal(2, 5), alpha=alpha)
case("leaky_relu", ties(3, 5), 0.3, True)
bad("leaky_relu", normal(2, 3), alpha="x")

for name, settings in (("elu", [dict(alpha=a) for a in (0.5, 2.0, 0.0, 1.3)]),
                       ("softplus", [dict(beta=b) for b in (0.5, 2.0, 5.0, 1.5)]),
                       ("selu", [dict(scale=1.2), dict(alpha=0.7), dict(scale=0.5, alpha=2.0), dict(scale=2.0)])):
    for shape in SHAPES:
        case(name, normal(*shape, scale=2.0))
    for setting in settings:
        case(name, normal(3, 4), **setting)
    case(name, ties(3, 5)).flags(second=False)

for name in ("crelu", "celu"):
    case(name, normal(2, 3))
    case(name, normal(2, 3, 4))
    case(name, normal(2, 3, 2, 2))
    case(name, normal(2, 3, 4), axis=0)
    case(name, normal(2, 3, 4), axis=2)
    case(name, normal(2, 3, 4), axis=-1)
    case(name, normal(2, 3, 4), axis=-2)
    case(name, normal(4), axis=0)
    case(name, ties(2, 5)).flags(second=False)
    case(name, normal(2, 0, 2))
    bad(name, normal(2, 3), axis=2)
for alpha in (0.5, 2.0, 0.1):
    case("celu", normal(2, 3, 4), alpha=alpha)
case("celu", normal(2, 3, 4), 1.5, 2)

case("prelu", normal(2, 3), normal(3))
case("prelu", normal(2, 3), normal())
case("prelu", normal(2, 3, 4, 4), normal(3))
case("prelu", normal(2, 3, 4), values([0.25]).with_grad())
case("prelu", normal(2, 3, 4), normal(2), base_axis=0)
case("prelu", normal(2, 3, 4), normal(4), base_axis=2)
case("prelu", normal(2, 3, 4), normal(4), base_axis=-1)
case("prelu", ties(2, 3, 5), normal(3))
case("prelu", normal(2, 3, 4).without_grad(), normal(3))
bad("prelu", normal(2, 3), normal(4))
bad("prelu", normal(2, 3), normal(3), base_axis=3)

for name in ("softmax", "log_softmax"):
    case(name, normal(2, 5))
    case(name, normal(5))
    case(name, normal(2, 3, 4))
    case(name, normal(2, 3, 4), axis=0)
    case(name, normal(2, 3, 4), axis=1)
    case(name, normal(2, 3, 4), axis=-1)
    case(name, normal(2, 3, 4), axis=-3)
    case(name, normal(2, 3, 2, 2), 1)
    case(name, normal(2, 1), axis=1)
    case(name, normal(3, 4, scale=30.0))
    case(name, normal(0, 3))
    case(name, ties(3, 6))
    bad(name, normal(2, 3), axis=2)
    bad(name, normal(2, 3), axis=-3)

for alpha in (1.0, 0.0, -1.0, 0.5):
    case("sign", normal(2, 3), alpha=alpha)
    case("sign", ties(3, 5), alpha)
for shape in SHAPES:
    case("sign", normal(*shape))
