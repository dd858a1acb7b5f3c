"""Functions that run as one in dynamic mode: nobody sees it."""
import numpy as np
import pytest

import nnabla_compat as nn
import nnabla_compat.functions as F
import nnabla_compat.parametric_functions as PF

BATCH, FEATURES, STATES = 3, 5, 4


def leaf(*shape, seed=0):
    variable = nn.Variable(shape, need_grad=True)
    variable.d = np.random.RandomState(seed).randn(*shape).astype("float32")
    variable.grad.zero()
    return variable


@pytest.fixture(autouse=True)
def parameters():
    nn.clear_parameters()
    nn.seed(313)
    yield
    nn.clear_parameters()


def steps(x, h, c, count=2):
    for _ in range(count):
        h, c = PF.lstm_cell(x, h, c, STATES)
    return h, c


def inputs():
    return leaf(BATCH, FEATURES), leaf(BATCH, STATES, seed=1), leaf(BATCH, STATES, seed=2)


def networks(count=2):
    """The same network in both modes: (leaves, h, c) each."""
    static, dynamic = inputs(), inputs()
    yield (static, *steps(*static, count))
    with nn.auto_forward():
        made = steps(*dynamic, count)
    yield (dynamic, *made)


def functions(variable):
    found = []
    variable.visit(found.append)
    return found


def test_the_graph_is_that_of_static_mode():
    (_, h, c), (_, h_now, c_now) = networks()
    F.sink(h, c).forward()
    np.testing.assert_array_equal(h.d, h_now.d)
    np.testing.assert_array_equal(c.d, c_now.d)
    for a, b in ((h, h_now), (c, c_now)):
        fs, gs = functions(a), functions(b)
        assert a.rank == b.rank and a.need_grad == b.need_grad
        assert [f.name for f in fs] == [g.name for g in gs]
        for f, g in zip(fs, gs):
            assert f.info.args == g.info.args and f.rank == g.rank
            for v, w in zip([*f.inputs, *f.outputs], [*g.inputs, *g.outputs]):
                assert (v.parent and v.parent.name) == (w.parent and w.parent.name)
                assert [r.name for r in v.function_references] == [r.name for r in w.function_references]
                np.testing.assert_array_equal(v.d, w.d)


@pytest.mark.parametrize("look", ["parent", "function_references", "visit", "get_parameters"])
def test_whoever_looks_sees_functions(look):
    (x, h0, c0), h, c = list(networks(1))[1]
    if look == "parent":
        assert h.parent.name == "Mul2" and c.parent.name == "Add2"
        assert h.parent.inputs[1].parent.inputs[0] is c
    elif look == "function_references":
        assert [f.name for f in x.function_references] == ["Concatenate"]
        assert [f.name for f in c0.function_references] == ["Mul2"]
        assert [f.name for f in c.function_references] == ["Tanh"]
    elif look == "visit":
        assert [f.name for f in functions(c)] == ["Concatenate", "Affine", "Split", "Sigmoid", "Mul2", "Sigmoid", "Tanh", "Mul2", "Add2"]
        assert c.parent.outputs == [c] and h.parent.outputs == [h]
    else:
        assert list(nn.get_parameters()) == ["lstm/affine/W", "lstm/affine/b"]


@pytest.mark.parametrize("looked", ["never", "before", "between"])
@pytest.mark.parametrize("clear_buffer", [False, True])
def test_gradients(looked, clear_buffer):
    gradients = []
    for k, (leaves, h, c) in enumerate(networks()):
        for p in nn.get_parameters().values():
            p.grad.zero()
        with nn.auto_forward(k == 1):
            if k and looked == "before":
                functions(h)
            loss = F.sum(h * h) + F.sum(c)
            if k and looked == "between":
                functions(loss)
        if not k:
            loss.forward(clear_no_need_grad=clear_buffer)
        loss.backward(clear_buffer=clear_buffer)
        gradients.append([v.g.copy() for v in (*leaves, *nn.get_parameters().values())])
    for a, b in zip(*gradients):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_gradients_of_gradients():
    found = []
    for k, (leaves, h, c) in enumerate(networks()):
        with nn.auto_forward(k == 1):
            dx, = nn.grad([F.sum(h) + F.sum(c)], [leaves[0]])
            loss = F.sum(dx * dx)
        if not k:
            loss.forward()
        for v in leaves:
            v.grad.zero()
        loss.backward()
        found.append([dx.d.copy(), *[v.g.copy() for v in leaves]])
    for a, b in zip(*found):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_running_again_as_a_graph():
    (leaves, h, c), (now, h_now, c_now) = networks()
    for x, x_now in zip(leaves, now):
        x.d = x_now.d = x.d * 2
    h.forward()
    h_now.forward(clear_buffer=True)
    np.testing.assert_array_equal(h.d, h_now.d)


def test_states_that_nobody_holds():
    x, h, c = inputs()
    with nn.auto_forward():
        h, _ = steps(x, h, c)
    del _, c
    expected = h.d.copy()
    assert [f.name for f in functions(h)][-2:] == ["Tanh", "Mul2"]
    np.testing.assert_allclose(np.tanh(h.parent.inputs[1].parent.inputs[0].d), h.parent.inputs[1].d, rtol=1e-6)
    h.forward()
    np.testing.assert_array_equal(h.d, expected)


def test_one_variable_for_both_states_and_other_consumers():
    names, held = [], []
    for now in (False, True):
        x, h, _ = inputs()
        with nn.auto_forward(now):
            held.append(F.relu(h))
            held.append(PF.lstm_cell(x, h, h, STATES))
            held.append(F.exp(h))
        names.append([f.name for f in h.function_references])
    assert names[0] == names[1] == ["ReLU", "Concatenate", "Mul2", "Exp"]


def test_truncation_in_time():
    gradients = []
    for now in (False, True):
        x, h0, c0 = inputs()
        with nn.auto_forward(now):
            h, c = PF.lstm_cell(x, h0, c0, STATES)
            h.need_grad = c.need_grad = False
            h, c = PF.lstm_cell(x, h, c, STATES)
        if not now:
            h.forward()
        h.backward()
        gradients.append([x.g.copy(), h0.g.copy(), c0.g.copy()])
    assert not gradients[1][1].any() and not gradients[1][2].any()
    np.testing.assert_allclose(gradients[0][0], gradients[1][0], rtol=1e-5)


def test_no_nodes_without_gradients():
    (_, h, _), _ = networks()
    h.forward()
    with nn.auto_forward(), nn.no_grad():
        now, c = steps(*inputs())
    assert now.parent is None and c.parent is None and not now.need_grad
    np.testing.assert_array_equal(now.d, h.d)


def test_hooks_in_the_backward_pass():
    (x, _, _), h, _ = list(networks(1))[1]
    w = nn.get_parameters()["lstm/affine/W"]
    w.grad.zero()
    seen = []
    h.backward(function_post_hook=lambda f: seen.append((any(v == w for v in f.inputs), bool(w.g.any()))))
    assert (True, True) in seen


def test_weights_kept_by_hand_and_fixed():
    with nn.auto_forward():
        h, c = PF.lstm_cell(*inputs(), STATES, w_init=np.ones((FEATURES + STATES, 4, STATES), "float32"), fix_parameters=True)
        h.backward()
    w = nn.get_parameters()["lstm/affine/W"]
    assert w.need_grad and (w.d == 1).all() and not w.g.any()


def test_shapes_that_do_not_fit():
    x, h, c = inputs()
    for now in (False, True):
        with nn.auto_forward(now), pytest.raises(RuntimeError):
            PF.lstm_cell(x, leaf(BATCH + 1, STATES), c, STATES)
        with nn.auto_forward(now), pytest.raises(RuntimeError):
            PF.lstm_cell(x, h, leaf(BATCH, STATES + 1), STATES)
        with nn.auto_forward(now), pytest.raises(RuntimeError):
            PF.lstm_cell(x, h, leaf(STATES), STATES)
