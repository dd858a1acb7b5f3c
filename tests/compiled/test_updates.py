"""Solvers' updates as compiled code, with weight decay in the same function."""
import numpy as np
import pytest

import nnabla_compat as nn
import nnabla_compat.solvers as S
from nnabla_compat.compilation import code
from nnabla_compat.compilation.update import MOST_PARAMETERS
from nnabla_compat.optimization.rule import RULES

pytestmark = pytest.mark.usefixtures("traced")


class Updates:
    """Parameters with gradients, updated; ``step()`` as a loop does it.

    Args:
        solver (Solver): Gets the parameters.
        parameters: (name, shape) of each.
    """

    def __init__(self, solver, *parameters):
        self.rng = np.random.RandomState(0)
        self.solver = solver
        self.w = {name: nn.parameter.get_parameter_or_create(name, shape, self.rng.randn(*shape).astype(np.float32))
                  for name, shape in parameters or (("W", (3, 4)), ("b", (4,)))}
        solver.set_parameters(self.w)

    def gradients(self):
        self.solver.zero_grad()
        for p in self.w.values():
            p.g = self.rng.randn(*p.shape)

    def step(self, decay=1e-2):
        self.gradients()
        self.solver.weight_decay(decay)
        self.solver.update()

    def values(self):
        return [np.array(v) for p in self.w.values() for v in (p.d, p.g)]


def alike(make, script):
    results = []
    for enabled in (False, True):
        nn.clear_parameters()
        with nn.compiled(enabled=enabled):
            updates = Updates(make())
            results.append([*(script(updates) or ()), *updates.values()])
    for actual, expected in zip(results[1], results[0]):
        np.testing.assert_allclose(actual, expected, rtol=2e-5, atol=1e-6)
    return updates


@pytest.mark.parametrize("name", sorted(RULES))
def test_every_rule(name):
    updates = alike(getattr(S, name), lambda u: [u.step() for _ in range(5)] and None)
    assert any(updates.solver.compiled.codes.values())


def test_a_rule_that_cannot_be_traced():
    """Which of its formulas rectified AdaBelief takes depends on the number of the update."""
    with pytest.warns(RuntimeWarning, match="AdaBelief updates uncompiled"):
        alike(lambda: S.AdaBelief(rectify=True), lambda u: [u.step() for _ in range(5)] and None)


def test_many_parameters_are_left_to_fused_kernels():
    with nn.compiled():
        updates = Updates(S.Momentum(), *[(f"w{k}", (2,)) for k in range(MOST_PARAMETERS + 1)])
        for _ in range(4):
            updates.step()
    assert not updates.solver.compiled.codes


@pytest.mark.parametrize("name", sorted(RULES))
def test_rates_and_counters_compile_nothing(name):
    def script(u):
        for k in range(6):
            u.solver.set_learning_rate(0.1 / (k + 1))
            u.step()
    updates = alike(getattr(S, name), script)
    assert sum(call is not None for call in updates.solver.compiled.codes.values()) == 1


def test_gradients_read_before_the_update():
    def script(u):
        seen = []
        for k in range(6):
            u.gradients()
            u.solver.weight_decay(0.1)
            seen += [np.array(p.g) for p in u.w.values()][k % 2:]
            u.solver.update()
        return seen
    alike(S.Momentum, script)


def test_other_methods_between_decay_and_update():
    def script(u):
        for k in range(8):
            u.gradients()
            u.solver.weight_decay(0.1)
            if k % 4 == 0:
                u.solver.weight_decay(0.2)
            if k % 4 == 1:
                u.solver.clip_grad_by_norm(0.5)
            if k % 4 == 2:
                u.solver.scale_grad(0.5)
            if k % 4 == 3:
                assert not u.solver.check_inf_or_nan_grad()
                u.solver.set_parameters(u.w, reset=False, retain_state=True)
            u.solver.update()
    alike(S.Momentum, script)


def test_decay_that_is_dropped_with_the_gradients():
    def script(u):
        for _ in range(3):
            u.step()
        u.gradients()
        u.solver.weight_decay(0.5)
        u.gradients()
        u.solver.update()
        u.solver.weight_decay(0.5)
        u.w["b"].grad.zero()
        u.solver.update()
    alike(S.Momentum, script)


def test_gradients_that_are_missing_and_hooks():
    def script(u):
        for k in range(6):
            u.gradients()
            if k % 2:
                u.w["b"].grad.zero()
            u.solver.weight_decay(0.1)
            u.solver.update(update_post_hook=(lambda: None) if k == 4 else None)
    alike(S.Adam, script)


def test_states_set_from_outside():
    def script(u):
        for _ in range(3):
            u.step()
        states = u.solver.get_states()
        states["W"].pstate["mean"].d = 0.3
        u.step()
        states["W"].t = states["b"].t = 1
        u.solver.set_states(states)
        u.step()
        return [np.array(v.d) for v in u.solver.get_states()["W"].pstate.values()]
    alike(S.Adam, script)


def test_decay_rates_that_never_stop_changing():
    with nn.compiled(), pytest.warns(RuntimeWarning, match="SgdW updates uncompiled.*other decay rates"):
        updates = Updates(S.SgdW())
        for k in range(30):
            updates.step(decay=k // 2 / 100)


def test_one_solver():
    updates = Updates(S.Sgd())
    nn.compiled(updates.solver)
    updates.step()
    assert updates.solver.compiled is not None
    nn.compiled(updates.solver, enabled=False)


def test_code_that_computes_something_else(monkeypatch):
    monkeypatch.setattr(code, "machine_code", lambda *_: lambda tensors: [t.mul_(1.5) for t in tensors])
    with pytest.warns(RuntimeWarning, match="something else"):
        alike(S.Adam, lambda u: [u.step() for _ in range(4)] and None)
