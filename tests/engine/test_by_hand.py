"""Functions run by hand: f.setup, forward, backward, recompute on Variables of one's own."""
import numpy as np
import pytest

import nnabla_compat as nn
import nnabla_compat.functions as F

RNG = np.random.RandomState(11)


def variable(*shape, need_grad=True, low=-2.0):
    return nn.Variable.from_numpy_array(RNG.uniform(low, 2.0, size=shape).astype(np.float32), need_grad=need_grad)


def constant(value, *shape):
    return nn.Variable.from_numpy_array(np.full(shape, value, np.float32))


DRAWING = {
    "rand": lambda seed: (F.rand(shape=(40,), seed=seed), []),
    "randn": lambda seed: (F.randn(shape=(41,), seed=seed), []),
    "dropout": lambda seed: calling(F.dropout, variable(6, 7), p=0.4, seed=seed),
    "random_choice": lambda seed: calling(F.random_choice, variable(9), constant(1.0, 9), shape=(20,), seed=seed),
    "random_flip": lambda seed: calling(F.random_flip, variable(20, 4), axes=(1,), seed=seed),
}

# What comes out hangs on buffers or on how often the function ran.
STATEFUL = {
    "batch_normalization": lambda: calling(F.batch_normalization, variable(4, 3), variable(1, 3), variable(1, 3, low=0.5),
                                           constant(0.0, 1, 3), constant(1.0, 1, 3)),
    "spectral_norm": lambda: calling(F.spectral_norm, variable(3, 4), constant(0.5, 3)),
    "mean_subtraction": lambda: calling(F.mean_subtraction, variable(4, 3), constant(0.0, 3), constant(2.0, 1)),
    "min_max_quantize": lambda: calling(nn.function_bases.min_max_quantize, variable(4, 3), constant(-1.0, 1, 1), constant(1.0, 1, 1),
                                        constant(0.0, 1, 1), constant(7.0, 1, 1), decay=0.5, x_min_max=True, ema=True),
    "inq_affine": lambda: calling(F.inq_affine, variable(2, 3), variable(3, 4), constant(0.0, 3, 4), num_bits=3, inq_iterations=(1, 2),
                                  selection_algorithm="random", seed=3),
}


def calling(function, *inputs, **arguments):
    return function(*inputs, **arguments), list(inputs)


def clear(variables):
    for v in variables:
        v.grad.zero()


@pytest.mark.parametrize("seed", [-1, 5])
@pytest.mark.parametrize("name", DRAWING)
def test_recompute_and_backward_repeat_the_draws(name, seed):
    y, inputs = DRAWING[name](seed)
    f = y.parent
    assert f.need_setup_recompute(0)
    nn.seed(3)
    f.setup_recompute(inputs, [y])
    f.forward(inputs, [y])
    first = y.d.copy()
    f.recompute(inputs, [y])
    np.testing.assert_array_equal(y.d, first)
    if inputs:
        clear(inputs)
        y.g = 1
        f.backward(inputs, [y])
        once = inputs[0].g.copy()
        f.backward(inputs, [y], [False] * len(inputs))
        np.testing.assert_array_equal(inputs[0].g, once)
    f.forward(inputs, [y])
    assert not np.array_equal(y.d, first), "the next forward draws anew"


@pytest.mark.parametrize("dynamic", [False, True])
def test_backward_by_hand_uses_the_mask_of_the_graphs_run(dynamic):
    x = variable(20, 3)
    with nn.auto_forward(dynamic):
        y = F.dropout(x, 0.5)
    if not dynamic:
        y.forward()
    mask = y.d != 0
    y.g = 3
    x.g = np.full(x.shape, np.nan)
    y.parent.backward([x], [y], [False])
    np.testing.assert_array_equal(x.g, np.float32(6) * mask)


@pytest.mark.parametrize("name", STATEFUL)
def test_stateful_functions_as_in_a_graph(name):
    def run(by_hand):
        global RNG
        RNG = np.random.RandomState(11)
        y, inputs = STATEFUL[name]()
        for v in inputs:    # buffers and flags take no gradient
            v.need_grad = v.need_grad and name != "min_max_quantize" or v is inputs[0]
        clear(inputs)
        for _ in range(3):
            if by_hand:
                y.parent.forward(inputs, [y])
            else:
                y.forward()
        states = [v.d.copy() for v in inputs]
        if by_hand:
            y.g = 2
            y.parent.backward(inputs, [y])
            assert all(np.array_equal(v.d, s) for v, s in zip(inputs, states)), "backward changes no buffer"
        else:
            y.backward(2)
        return [y.d.copy()] + states + [v.g.copy() for v in inputs]

    for a, b in zip(run(True), run(False)):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_accumulation_of_each_input():
    a, b = variable(2, 3), variable(2, 3)
    y = a * b
    f = y.parent
    f.forward([a, b], [y])
    y.g = 1
    a.g, b.g = np.nan, 10
    f.backward([a, b], [y], [False, True])
    np.testing.assert_allclose(a.g, b.d)
    np.testing.assert_allclose(b.g, 10 + a.d)
    a.need_grad = False
    a.g = 0
    f.backward([a, b], [y])
    assert not a.g.any()


@pytest.mark.parametrize("type_name, arguments, least", [
    ("Split", (0,), 2), ("STFT", (8, 4, 8, "hanning", True, "reflect", False), 2), ("TopKData", (2, False, True, 1, True, False), 1),
    ("TopKData", (2, False, True, 1, True, True), 2), ("ReLU", (False,), 1)])
def test_least_number_of_outputs(type_name, arguments, least):
    assert getattr(nn.function, type_name)(nn.Context(), *arguments).min_outputs() == least


def test_outputs_asked_for_change_nothing_about_the_least():
    y = F.max(variable(2, 3), axis=1, with_index=True)[0]
    assert len(y.parent.outputs) == 2 and y.parent.min_outputs() == 1


def test_setup_of_a_function_whose_shape_hangs_on_values():
    x, y = nn.Variable.from_numpy_array(np.float32([[0, 2], [3, 0]])), nn.Variable()
    f = nn.function.NonZero(nn.Context())
    f.setup([x], [y])
    assert y.shape == (2, 2)
    f.forward([x], [y])
    np.testing.assert_array_equal(y.d, [[0, 1], [1, 0]])


def test_inputs_are_a_list():
    x, w = variable(2, 3), variable(3, 4)
    f = F.affine(x, w).parent
    assert f.inputs[:1] + f.inputs[1:] == [x, w]


def test_backward_leaves_the_random_stream_alone():
    def draws(with_backward):
        nn.seed(1)
        x = variable(8)
        y = F.dropout(x, 0.5)
        drawn = []
        for _ in range(3):
            y.parent.forward([x], [y])
            drawn.append(y.d.copy() != 0)
            if with_backward:
                y.parent.backward([x], [y])
        return np.array(drawn)

    assert np.array_equal(draws(True), draws(False))


def test_other_variables_of_other_shapes_may_be_run():
    f = F.relu(variable(2)).parent
    x, y = variable(2, 3), nn.Variable((1,))
    f.setup([x], [y])
    f.forward([x], [y])
    assert np.array_equal(y.d, np.maximum(x.d, 0))


def test_backward_leaves_what_it_writes_to_buffers():
    """``vat_noise`` takes the gradient of its output as the noise of the next round."""
    y, inputs = calling(F.vat_noise, variable(3, 4), constant(0.0, 3, 4))
    f = y.parent
    for gradient in (2.0, 3.0):
        f.forward(inputs, [y])
        y.g = gradient
        f.backward(inputs, [y])
        np.testing.assert_array_equal(inputs[1].d, np.full((3, 4), gradient, np.float32))


def test_other_numbers_of_inputs_than_were_set_up_are_refused():
    y, inputs = calling(F.batch_normalization, variable(2, 3), *[constant(1.0, 1, 3) for _ in range(4)])
    f = y.parent
    f.setup(inputs, [y])
    for run in (f.forward, f.backward, f.recompute):
        with pytest.raises(RuntimeError, match="expected 5 inputs"):
            run(inputs[:3], [y])


def test_a_function_with_inputs_left_out_refuses_fewer():
    x, mean, variance = variable(2, 3), constant(0.0, 1, 3), constant(1.0, 1, 3)
    y = nn.function_bases.batch_normalization(x, None, None, mean, variance, no_scale=True, no_bias=True)
    for run in (y.parent.setup, y.parent.forward, y.parent.backward):
        with pytest.raises(RuntimeError, match="expected 3 inputs"):
            run([x, mean], [y])
        run([x, mean, variance], [y])


def test_a_function_that_was_never_set_up_refuses_to_run():
    with pytest.raises(RuntimeError, match="setup"):
        nn.function.ReLU(nn.Context(), False).forward([variable(2)], [variable(2)])
