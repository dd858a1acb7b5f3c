"""Loss and error functions."""
from ..case import bad, boolean, case, integers, normal, one_hot_rows, probabilities, ties, uniform, values

for shape in ((2, 3), (4,), (2, 1, 3), (), (1, 1), (0, 3)):
    case("sigmoid_cross_entropy", normal(*shape), boolean(*shape))
    case("binary_cross_entropy", uniform(*shape, low=0.05, high=0.95), boolean(*shape))
    case("squared_error", normal(*shape), normal(*shape))
    case("absolute_error", normal(*shape), normal(*shape))
    case("huber_loss", normal(*shape), normal(*shape))
    case("binary_error", uniform(*shape, low=0.0, high=1.0).without_grad(), uniform(*shape, low=0.0, high=1.0).without_grad())
case("sigmoid_cross_entropy", normal(2, 3, scale=20.0), boolean(2, 3))
case("sigmoid_cross_entropy", normal(2, 3), uniform(2, 3, low=0.0, high=1.0).without_grad())
case("sigmoid_cross_entropy", normal(2, 3), integers(2, 3, low=-1, high=2))
case("binary_cross_entropy", uniform(2, 3, low=0.05, high=0.95), uniform(2, 3, low=0.0, high=1.0).without_grad())
case("binary_cross_entropy", uniform(2, 3, low=0.05, high=0.95), uniform(2, 3, low=0.0, high=1.0))
case("squared_error", normal(2, 3), normal(2, 3).without_grad())
case("absolute_error", ties(4, 5), ties(4, 5))
case("absolute_error", normal(2, 3), normal(2, 3).without_grad())
case("squared_error", normal(2, 3), normal(1, 3))
for delta in (0.5, 2.0, 0.1):
    case("huber_loss", normal(2, 3, scale=2.0), normal(2, 3), delta)
    case("huber_loss", ties(4, 5), ties(4, 5), delta=delta)
for epsilon in (0.5, 1.0, 0.1, 0.0):
    case("epsilon_insensitive_loss", normal(2, 3), normal(2, 3), epsilon)
    case("epsilon_insensitive_loss", ties(4, 5), ties(4, 5), epsilon=epsilon)
case("epsilon_insensitive_loss", normal(), normal(), 0.2)
case("epsilon_insensitive_loss", normal(3, 2), normal(3, 2).without_grad(), 0.2)
for name in ("sigmoid_cross_entropy", "binary_cross_entropy", "squared_error", "absolute_error", "huber_loss", "binary_error"):
    bad(name, normal(2, 3).without_grad(), normal(2, 4).without_grad())
    bad(name, normal(2, 3).without_grad())

for name in ("softmax_cross_entropy", "categorical_cross_entropy"):
    draw = normal if name.startswith("softmax") else probabilities
    case(name, draw(4, 5), integers(4, 1, high=5))
    case(name, draw(1, 2), integers(1, 1, high=2))
    case(name, draw(2, 3, 4), integers(2, 3, 1, high=4))
    case(name, draw(2, 3, 4), integers(2, 1, 4, high=3), axis=1)
    case(name, draw(2, 3, 4), integers(2, 1, 4, high=3), axis=-2)
    case(name, draw(2, 3, 4), integers(1, 3, 4, high=2), axis=0)
    case(name, draw(2, 3, 4, 2), integers(2, 1, 4, 2, high=3), 1)
    case(name, draw(4, 5), integers(4, 1, high=5, dtype="int32"))
    case(name, draw(4, 5), integers(4, 1, high=5, dtype="float32"))
    case(name, draw(4, 5), integers(4, 1, low=-1, high=5))
    case(name, draw(3), integers(1, high=3))
    bad(name, draw(4, 5), integers(4, high=5))
    bad(name, draw(4, 5), integers(3, 1, high=5))
    bad(name, draw(4, 5), integers(4, 1, high=5), axis=2)
case("softmax_cross_entropy", normal(4, 5, scale=40.0), integers(4, 1, high=5))

for axis in (1, 2, 3):
    case("kl_multinomial", probabilities(2, 3, 4), probabilities(2, 3, 4), base_axis=axis) if axis < 3 else \
        bad("kl_multinomial", probabilities(2, 3, 4), probabilities(2, 3, 4), base_axis=axis)
case("kl_multinomial", probabilities(4, 3), probabilities(4, 3))
case("kl_multinomial", probabilities(2, 3, 2, 2), probabilities(2, 3, 2, 2), 1)
case("kl_multinomial", probabilities(4, 3), probabilities(4, 3).without_grad())
case("kl_multinomial", probabilities(4, 3).without_grad(), probabilities(4, 3))
case("kl_multinomial", probabilities(1, 2), probabilities(1, 2))
case("kl_multinomial", probabilities(2, 3, 4), probabilities(2, 3, 4), base_axis=-1)
bad("kl_multinomial", probabilities(4, 3), probabilities(4, 2))

for name in ("top_n_error", "confusion_matrix"):
    more = [dict(n=2), dict(n=3)] if name == "top_n_error" else []
    for setting in [dict()] + more:
        case(name, normal(6, 5).without_grad(), integers(6, 1, high=5), **setting)
        case(name, normal(2, 4, 3).without_grad(), integers(2, 1, 3, high=4), axis=1, **setting)
        case(name, normal(2, 4, 3).without_grad(), integers(2, 4, 1, high=3), axis=-1, **setting)
        case(name, normal(4, 2, 3).without_grad(), integers(1, 2, 3, high=4), axis=0, **setting)
    case(name, normal(2, 3, 4).without_grad(), integers(2, 3, 1, high=4))
    case(name, normal(1, 2).without_grad(), integers(1, 1, high=2))
    case(name, ties(6, 4).without_grad(), integers(6, 1, high=4))
    case(name, normal(4, 5).without_grad(), integers(4, 1, high=5, dtype="int32"))
    bad(name, normal(4, 5).without_grad(), integers(4, high=5))
case("binary_error", boolean(3, 4), boolean(3, 4))
case("binary_error", values([[0.5, 0.4999], [0.5, 0.6]]).without_grad(), values([[0.5, 0.5], [0.0, 0.6]]).without_grad())
case("one_hot", integers(4, 1, high=5), (5,))
case("one_hot", integers(2, 3, 1, high=4), (4,))
case("one_hot", integers(4, 2, high=3), (3, 3))
case("one_hot", integers(4, 2, high=2), [2, 4])
case("one_hot", integers(1, high=3), (3,))
case("one_hot", integers(4, 1, high=5, dtype="int32"), shape=(5,))
case("one_hot", integers(4, 1, high=5, dtype="float32"), (5,))
case("one_hot", integers(0, 1, high=5), (5,))
bad("one_hot", integers(4, 2, high=5), (5,))
case("vat_noise", normal(3, 4), normal(3, 4).without_grad())
for setting in (dict(base_axis=1), dict(eps=0.5), dict(base_axis=2, eps=2.0), dict(base_axis=-1)):
    case("vat_noise", normal(2, 3, 4), normal(2, 3, 4).without_grad(), **setting)
case("vat_noise", normal(5, 1), normal(5, 1).without_grad(), base_axis=1)
case("vat_noise", normal(2, 3, 2, 2), normal(2, 3, 2, 2).without_grad(), base_axis=3, eps=0.1)
case("vat_noise", normal(4, 2), normal(4, 2).without_grad(), 1, 10.0)
bad("vat_noise", normal(3, 4), normal(3, 5).without_grad())
bad("vat_noise", normal(3, 4), normal(3, 4).without_grad(), base_axis=2)
