"""What can't be compiled runs as it is, gives the same, and says why, once."""
import warnings

import numpy as np
import pytest
import torch

import nnabla_compat as nn
import nnabla_compat.functions as F
import nnabla_compat.parametric_functions as PF
import nnabla_compat.solvers as S
from nnabla_compat.compilation import code
from nnabla_compat.function import PythonFunction
from nnabla_compat.interop import variable_of

from .conftest import Loop, assert_same

pytestmark = pytest.mark.usefixtures("traced")


class Doubled(PythonFunction):
    name = "Doubled"

    def min_outputs(self):
        return 1

    def setup_impl(self, inputs, outputs):
        outputs[0].reset_shape(inputs[0].shape, True)

    def forward_impl(self, inputs, outputs):
        outputs[0].d = 2 * inputs[0].d

    def backward_impl(self, inputs, outputs, propagate_down, accum):
        if propagate_down[0]:
            inputs[0].g = 2 * outputs[0].g + (inputs[0].g if accum[0] else 0)


def affine(x):
    return PF.affine(x, 4, name="a")


def recomputed(x):
    h = F.relu(PF.affine(x, 5, name="a"))
    h.recompute = True
    return PF.affine(F.sigmoid(h), 4, name="b")


def remembering(x):
    return PF.inq_affine(x, 4, name="a")


def with_hook(loop):
    loop.forward()
    loop.solver.zero_grad()
    loop.loss.backward(clear_buffer=True, function_post_hook=lambda f: None)
    loop.solver.update()
    return float(loop.loss.d)


def from_array(loop):
    loop.forward()
    loop.solver.zero_grad()
    loop.loss.backward(np.full((), 0.5, np.float32), clear_buffer=True)
    loop.solver.update()
    return float(loop.loss.d)


def with_other_seeds(loop):
    return loop.step(grad=float(loop.rng.rand()))


def torch_hook(loop):
    w = nn.get_parameters()["a/affine/W"].tensor
    if not w._backward_hooks:
        w.register_hook(lambda g: 2 * g)
    return loop.step()


CASES = {
    "Python": (lambda x: affine(Doubled()(x)), Loop.step, "Callback is written in Python"),
    "recomputation": (recomputed, Loop.step, "recomputed"),
    "memory of earlier runs": (remembering, Loop.step, "remembers earlier runs"),
    "numbers drawn on the host": (lambda x: affine(x + F.rand_beta(shape=x.shape)), Loop.step, "draws random numbers on the host"),
    "hooks": (affine, with_hook, "hooks"),
    "gradient from an array": (affine, from_array, "an array"),
    "ever other seeds": (affine, with_other_seeds, "differs from time to time"),
    "hook of torch": (affine, torch_hook, "hook of torch"),
}


@pytest.mark.parametrize("case", CASES)
def test_same_results_and_one_warning(case):
    build, step, reason = CASES[case]
    results = []
    for enabled in (False, True):
        with nn.compiled(enabled=enabled), warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            loop = Loop(build, S.Sgd(0.1))
            results.append(([step(loop) for _ in range(14)], loop.parameters()))
    caught = [str(w.message) for w in caught if "uncompiled" in str(w.message)]
    assert len(caught) == 1 and reason in caught[0], caught
    np.testing.assert_allclose(results[1][0], results[0][0], rtol=1e-5)
    assert_same(results[1][1], results[0][1])


def test_tensors_with_a_history():
    w = torch.ones(8, 6, requires_grad=True)
    grads = []
    for enabled in (False, True):
        w.grad = None
        with nn.compiled(enabled=enabled), warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            for _ in range(4):
                y = F.sum(variable_of(2 * w) ** 2)
                y.forward()
                y.backward()
        grads.append(w.grad.clone())
    assert torch.equal(*grads)


def test_shapes_that_never_stop_changing():
    with nn.compiled():
        loop = Loop(affine, S.Sgd(0.1))
        with pytest.warns(RuntimeWarning, match="shapes keep changing"):
            for rows in range(1, 30):
                loop.x.reset_shape((rows, 6), True)
                loop.t.reset_shape((rows, 1), True)
                loop.step()
                loop.step()


@pytest.mark.parametrize("error, reason", [(RuntimeError("No C++ compiler found"), "no working C++ compiler"),
                                           (ValueError("out of luck"), "ValueError: out of luck")])
def test_compilers_that_fail(monkeypatch, error, reason):
    def fail(*_):
        raise error
    monkeypatch.setattr(code, "machine_code", fail)
    with nn.compiled():
        loop = Loop(affine, S.Sgd(0.1))
        loop.step()
        with pytest.warns(RuntimeWarning, match=reason.replace("+", r"\+")):
            loop.step()
        loop.step()


def test_code_that_computes_something_else(monkeypatch):
    """The first run of new code is compared with the functions' own; so wrong code changes nothing."""
    def wrong(function, examples, options):
        return lambda tensors: [t + 1 if t.is_floating_point() else t for t in function(*tensors)]
    with nn.compiled(enabled=False):
        loop = Loop(affine, S.Sgd(0.1))
        expected = [loop.step() for _ in range(4)]
    monkeypatch.setattr(code, "machine_code", wrong)
    with nn.compiled():
        loop = Loop(affine, S.Sgd(0.1))
        with pytest.warns(RuntimeWarning, match="something else"):
            actual = [loop.step() for _ in range(4)]
    assert actual == expected


def test_errors_of_the_data_leave_everything_usable():
    """Labels out of range are refused as without compilation, and the graph runs on."""
    def step(loop, labels):
        loop.feed()
        loop.x.d, loop.t.d = loop.x.d, labels
        loop.loss.forward(clear_no_need_grad=True)
        loop.loss.backward(clear_buffer=True)
        return float(loop.loss.d)

    def build(x):
        return PF.affine(F.reshape(PF.embed(F.constant(0, (8, 1)), 3, 6, name="e"), (8, 6)) + x, 4, name="a")
    with nn.compiled():
        loop = Loop(build, S.Sgd(0.1))
        good = np.zeros((8, 1))
        for _ in range(4):
            step(loop, good)
        with pytest.raises(RuntimeError):
            step(loop, good + 70)
        loop.solver.zero_grad()
        after = step(loop, good)
    with nn.compiled(enabled=False):
        loop.x.d = loop.x.d
        loop.loss.forward()
        assert float(loop.loss.d) == pytest.approx(after, rel=1e-5)


def test_exceptions_leave_the_switch_as_it_was():
    with pytest.raises(KeyError):
        with nn.compiled():
            with nn.compiled(enabled=False):
                raise KeyError
    assert nn.compiled.__module__ == "nnabla_compat.compilation.switch"
    from nnabla_compat.engine import modes
    assert modes.compiler is None
