"""Compiled graphs leave in variables what uncompiled ones do, whatever a loop does besides running them."""
import numpy as np
import pytest
import torch

import nnabla_compat as nn
import nnabla_compat.functions as F
import nnabla_compat.parametric_functions as PF
import nnabla_compat.solvers as S

from .conftest import Loop, assert_same

# Here everything compiles: a warning would say that something ran as it is.
pytestmark = [pytest.mark.usefixtures("traced"), pytest.mark.filterwarnings("error:nnabla_compat.*uncompiled")]


def mlp(x):
    return PF.affine(F.relu(PF.affine(x, 5, name="a")), 4, name="b")


def noisy(x):
    h = F.dropout(F.relu(PF.batch_normalization(PF.affine(x, 5, name="a", with_bias=False))), 0.3)
    return PF.affine(h, 4, name="b")


def twice(script, build, solver=S.Sgd, **options):
    """The script's results with and without compilation, and the parameters after it."""
    results = []
    for enabled in (False, True):
        with nn.compiled(enabled=enabled):
            loop = Loop(build, solver(0.1), **options)
            results.append((script(loop), loop.parameters()))
    return results


def assert_alike(script, build=mlp, **options):
    (expected, parameters), (actual, compiled_parameters) = twice(script, build, **options)
    assert_same({str(i): v for i, v in enumerate(actual)}, {str(i): v for i, v in enumerate(expected)})
    assert_same(compiled_parameters, parameters)


@pytest.mark.parametrize("build", [mlp, noisy])
@pytest.mark.parametrize("solver", [S.Sgd, S.Momentum, S.Adam, S.AdamW, S.Lamb])
def test_training(build, solver, traced):
    assert_alike(lambda loop: [loop.step() for _ in range(6)], build, solver=solver)
    assert len(traced) == 1


def test_new_data_compiles_nothing(traced):
    with nn.compiled():
        loop = Loop(mlp, S.Sgd(0.1))
        for _ in range(5):
            loop.step()
        loop.x.d = np.ones(loop.x.shape)
        nn.get_parameters()["a/affine/W"].d = 0.5
        for _ in range(3):
            loop.step()
    assert len(traced) == 1


def test_equal_graphs_share_code(traced):
    with nn.compiled():
        for _ in range(3):
            loop = Loop(mlp, S.Sgd(0.1))
            for _ in range(3):
                loop.step()
    assert len(traced) == 1


def test_intermediates_after_forward():
    def script(loop):
        seen = []
        for _ in range(4):
            loop.forward(clear_no_need_grad=False)
            seen += [np.array(loop.scores.d), np.array(loop.scores.parent.inputs[0].d)]
            loop.solver.zero_grad()
            loop.loss.backward()
            seen += [np.array(loop.scores.d), np.array(loop.scores.g), np.array(loop.scores.parent.inputs[0].g)]
            loop.solver.update()
            seen.append(np.array(loop.scores.d))
        return seen
    assert_alike(script)


def test_cleared_and_persistent():
    def script(loop):
        loop.scores.persistent = True
        seen = []
        for _ in range(4):
            seen.append(loop.step())
            hidden = loop.scores.parent.inputs[0]
            seen += [np.array(loop.scores.d), np.array(loop.scores.g), hidden.data.clear_called, hidden.grad.clear_called]
        return seen
    assert_alike(script)


def test_inference_keeps_only_the_root():
    def script(loop):
        seen = []
        for _ in range(4):
            loop.feed()
            loop.scores.forward(clear_buffer=True)
            seen += [np.array(loop.scores.d), loop.scores.parent.inputs[0].data.clear_called]
        return seen
    assert_alike(script)


def test_accumulated_gradients():
    def script(loop):
        for k in range(8):
            loop.forward()
            if k % 2 == 0:
                loop.solver.zero_grad()
            loop.loss.backward(clear_buffer=True)
            if k % 2:
                loop.solver.update()
        return [p.g.copy() for p in nn.get_parameters().values()]
    assert_alike(script)


def test_forward_without_backward_now_and_then():
    def script(loop):
        seen = []
        for k in range(8):
            loop.forward()
            seen.append(float(loop.loss.d))
            if k % 3 != 1:
                loop.solver.zero_grad()
                loop.loss.backward(clear_buffer=True)
                loop.solver.update()
        return seen
    assert_alike(script, noisy)


def test_backward_nobody_expected():
    """The first passes are forward only: the history of the third is made when it is asked for, on the same draws."""
    def script(loop):
        seen = []
        for k in range(6):
            loop.forward()
            if k > 2:
                loop.solver.zero_grad()
                loop.loss.backward(clear_buffer=True)
                loop.solver.update()
            seen.append(float(loop.loss.d))
        return seen
    assert_alike(script, noisy)


def test_other_seeds_and_a_second_backward():
    def script(loop):
        for k in range(6):
            loop.forward(clear_no_need_grad=False)
            loop.solver.zero_grad()
            loop.loss.backward(2.0 if k % 2 else 1.0)
            if k == 4:
                loop.loss.backward(3.0)
            loop.solver.update()
        return []
    assert_alike(script, noisy)


def test_another_seed_from_some_step_on(traced):
    """As a loss scale is: the gradients at hand are right again one step later."""
    assert_alike(lambda loop: [loop.step(grad=1 if k < 4 else 0.5) for k in range(16)], noisy)
    assert len(traced) == 1


def test_backward_from_an_intermediate():
    def script(loop):
        for _ in range(3):
            loop.step()
        loop.forward(clear_no_need_grad=False)
        loop.solver.zero_grad()
        loop.scores.backward(clear_buffer=True)
        return [p.g.copy() for p in nn.get_parameters().values()]
    assert_alike(script, noisy)


def test_dynamic_mode_goes_on_from_a_compiled_result():
    def script(loop):
        for _ in range(3):
            loop.step()
        loop.forward(clear_no_need_grad=False)
        loop.solver.zero_grad()
        with nn.auto_forward():
            extra = F.sum(loop.scores ** 2)
        extra.backward()
        return [float(extra.d), *[p.g.copy() for p in nn.get_parameters().values()]]
    assert_alike(script, noisy)


def test_torch_goes_on_from_a_compiled_result():
    def script(loop):
        for _ in range(3):
            loop.step()
        loop.forward(clear_no_need_grad=False)
        loop.solver.zero_grad()
        loop.scores.tensor.square().sum().backward()
        return [p.g.copy() for p in nn.get_parameters().values()]
    assert_alike(script)


def test_several_roots():
    def script(loop):
        error = F.mean(F.top_n_error(loop.scores, loop.t))
        seen = []
        for _ in range(5):
            loop.feed()
            nn.forward_all([loop.loss, error], clear_no_need_grad=True)
            loop.solver.zero_grad()
            loop.loss.backward(clear_buffer=True)
            loop.solver.update()
            seen += [float(loop.loss.d), float(error.d)]
        return seen
    assert_alike(script, noisy)


def test_need_grad_switched_between_steps(traced):
    def script(loop):
        seen = []
        w = nn.get_parameters()["a/affine/W"]
        for k in range(9):
            w.need_grad = k < 4 or k > 6
            seen.append(loop.step())
        return seen
    assert_alike(script)


def test_need_grad_switched_off_before_backward():
    def script(loop):
        w = nn.get_parameters()["a/affine/W"]
        for k in range(6):
            loop.forward()
            loop.solver.zero_grad()
            if k == 4:
                w.need_grad = False
            loop.loss.backward(clear_buffer=True)
            w.need_grad = True
            loop.solver.update()
        return [float(loop.loss.d)]
    assert_alike(script)


def test_shapes_that_change(traced):
    def script(loop):
        seen = []
        for k in range(12):
            rows = 8 if k % 6 < 4 else 3
            loop.x.reset_shape((rows, 6), True)
            loop.t.reset_shape((rows, 1), True)
            seen.append(loop.step())
        return seen
    assert_alike(script)
    assert len(traced) == 2


def test_parameters_swapped_and_set_again():
    def script(loop):
        seen = [loop.step() for _ in range(3)]
        w = nn.get_parameters()["a/affine/W"]
        w.data = nn.NdArray.from_numpy_array(np.full(w.shape, 0.1, np.float32))
        seen += [loop.step() for _ in range(3)]
        w.data.set_tensor(torch.full(w.shape, 0.2))
        seen += [loop.step() for _ in range(3)]
        w.data.zero()
        return seen + [loop.step() for _ in range(3)]
    assert_alike(script)


def test_gradients_shared_by_hand():
    def script(loop):
        for _ in range(3):
            loop.step()
        w = nn.get_parameters()["a/affine/W"]
        w.grad = nn.NdArray(w.shape)
        w.grad.zero()
        return [loop.step() for _ in range(3)] + [w.g.copy()]
    assert_alike(script)


def test_inputs_of_other_dtypes():
    def script(loop):
        seen = []
        for k in range(6):
            loop.x.d = np.ones(loop.x.shape, [np.float32, np.float64, np.uint8][k // 2])
            loop.t.d = np.zeros(loop.t.shape, np.int64)
            loop.scores.forward()
            seen.append(np.array(loop.scores.d))
        return seen
    assert_alike(script)


def test_unlinked_parts():
    def build(x):
        h = PF.affine(x, 5, name="a")
        loose = h.get_unlinked_variable(need_grad=False)
        build.h = h
        return PF.affine(F.relu(loose), 4, name="b")

    def script(loop):
        seen = []
        for _ in range(4):
            loop.feed()
            build.h.forward()
            loop.loss.forward(clear_no_need_grad=True)
            loop.solver.zero_grad()
            loop.loss.backward(clear_buffer=True)
            loop.solver.update()
            seen.append(float(loop.loss.d))
        return seen
    assert_alike(script, build)


def test_gradients_as_variables():
    def build(x):
        x.need_grad = True
        y = mlp(x)
        slope, = nn.grad([F.sum(y ** 2)], [x])
        return y + F.mean(slope ** 2, axis=1, keepdims=True)
    assert_alike(lambda loop: [loop.step() for _ in range(4)], build)


def test_seeds_of_functions():
    def build(x):
        return PF.affine(F.dropout(x, 0.5, seed=3) + F.randn(shape=x.shape) * 0.1, 4, name="b")

    def script(loop):
        seen = [loop.step() for _ in range(4)]
        nn.random.set_function_seed(5)
        return seen + [loop.step() for _ in range(3)]
    assert_alike(script, build)


def test_a_shared_result_is_reshaped():
    def build(x):
        h = F.reshape(PF.affine(x, 6, name="a"), (x.shape[0], 2, 3))
        return PF.affine(F.relu(h), 4, name="b")
    assert_alike(lambda loop: [loop.step() for _ in range(4)], build)


def test_numpy_views_of_parameters_and_gradients_stay():
    with nn.compiled():
        loop = Loop(mlp, S.Sgd(0.1))
        w = nn.get_parameters()["a/affine/W"]
        view = w.d
        for _ in range(4):
            loop.step()
        assert view is not w.d and np.shares_memory(view, w.d)
        view[...] = 0
        loop.forward()
        hidden = loop.scores.parent.inputs[0].parent.inputs[0]
        assert not np.any(w.d) and hidden is not None


def test_runs_as_it_is_in_between():
    """Draws and results of an uncompiled run count, not those of the compiled one before."""
    def script(loop):
        enabled = nn.engine.modes.compiler is not None
        seen = []
        for k in range(8):
            with nn.compiled(enabled=enabled and k % 4 != 3):
                loop.forward(clear_no_need_grad=False)
            loop.solver.zero_grad()
            loop.loss.backward()
            loop.solver.update()
            seen += [float(loop.loss.d), np.array(loop.scores.g)]
        return seen
    assert_alike(script, noisy)


def test_hooks_on_all_functions_in_between():
    def script(loop):
        names = []
        for k in range(8):
            if k == 5:
                nn.set_function_pre_hook("names", lambda f: names.append(f.name))
            loop.step()
            if k == 5:
                nn.unset_function_pre_hook("names")
        script.names.append(names)
        return []
    script.names = []
    with pytest.warns(RuntimeWarning, match="hooks or callbacks"):
        assert_alike(script, noisy)
    assert script.names[0] == script.names[1] != []
