"""The Solver's members: parameters, hooks, gradient utilities, lazily zero gradients, dtypes."""
import gc
import inspect
import math
import weakref
from collections import OrderedDict

import numpy as np
import pytest
import torch

import nnabla_compat as nn
import nnabla_compat.functions as F
from nnabla_compat import solver as solver_module
from nnabla_compat import solvers as S
from nnabla_compat.engine import hooks
from nnabla_compat.engine.nd_array import NdArray
from nnabla_compat.engine.variable import Variable
from nnabla_compat.optimization.rule import RULES, update_rule

DECAY_IS_FUSED = {"AdamW", "SgdW", "Lamb", "Lars", "Lion"}


def parameter(value=(0., 1., 2.), grad=(1., 1., 1.)):
    variable = Variable.from_numpy_array(np.array(value, np.float32), need_grad=True)
    if grad is not None:
        variable.g = np.array(grad, np.float32)
    return variable


def solver_of(made, **parameters):
    made.set_parameters(parameters)
    return made


# -- construction ----------------------------------------------------------------------------------

@pytest.mark.parametrize("name", RULES)
def test_factory_derives_from_the_rule(name):
    factory, rule = getattr(S, name), RULES[name]
    solver = factory()
    assert isinstance(solver, S.Solver) and solver.name == name == factory.__name__
    assert factory is getattr(solver_module, name)
    assert {k: p.default for k, p in inspect.signature(factory).parameters.items()} == rule.defaults
    assert list(solver.info) == list(rule.defaults)
    assert solver.weight_decay_is_fused() is (name in DECAY_IS_FUSED)
    documented = [line.split()[0] for line in inspect.getdoc(factory).split("Args:")[1].split("Returns:")[0].splitlines()
                  if line.startswith("    ") and line[4] != " "]
    assert documented == list(rule.defaults)


def test_info_and_learning_rate_are_float32():
    solver = S.Adam(alpha=0.1, beta1=np.float64(0.3))
    assert solver.info["alpha"] == float(np.float32(0.1)) == solver.learning_rate()
    assert all(type(v) is float for v in solver.info.values())
    solver.set_learning_rate(np.float32(0.2))
    assert solver.learning_rate() == float(np.float32(0.2)) and type(solver.learning_rate()) is float
    assert solver.info["alpha"] == float(np.float32(0.1))
    assert S.AMSGRAD(bias_correction=2).info["bias_correction"] is True
    assert S.AdaBelief(weight_decouple=True).weight_decay_is_fused() and not S.AdaBelief(wd=0.1).weight_decay_is_fused()


@pytest.mark.parametrize("call, text", [
    (lambda: S.Adam(lr=0.1), "unexpected keyword argument 'lr'"),
    (lambda: S.Adam(1, 2, 3, 4, 5), "too many positional"),
    (lambda: S.Adam("0.1"), "must be real number"),
    (lambda: S.Adam(None), "must be real number"),
    (lambda: S.Adam().set_learning_rate("x"), "must be real number"),
    (lambda: S.Solver(), "Adam(alpha=1e-3)"),
])
def test_wrong_arguments(call, text):
    with pytest.raises(TypeError) as error:
        call()
    assert text in str(error.value)


def test_attributes_are_fixed():
    solver = S.Adam()
    for attempt in (lambda: solver.foo, lambda: setattr(solver, "foo", 1), lambda: setattr(solver, "name", "x")):
        with pytest.raises(AttributeError):
            attempt()


def test_a_rule_declared_twice_is_refused():
    with pytest.raises(ValueError, match="declared twice"):
        update_rule("Adam")(lambda step, w, g, lr=1.0: None)


def test_solver_api_passes_the_context():
    @S.solver_api
    def made(ctx, lr=0.1):
        return ctx, lr
    ctx, lr = made(lr=3)
    assert lr == 3 and type(ctx).__name__ == "Context" and list(inspect.signature(made).parameters) == ["lr"]


# -- parameters ------------------------------------------------------------------------------------

def test_set_parameters_refuses_what_is_no_variable():
    solver = solver_of(S.Sgd(), a=parameter())
    for wrong, error in (([parameter()], AttributeError), (None, AttributeError), ({"a": 1}, TypeError),
                         ({1: parameter()}, TypeError), ({"b": parameter(), "c": parameter().data}, TypeError)):
        with pytest.raises(error):
            solver.set_parameters(wrong)
        assert list(solver.get_parameters()) == ["a"]
    with pytest.raises(RuntimeError, match="set_parameters"):
        solver.setup({"a": parameter()})


def test_get_parameters_gives_wrappers():
    p, q = parameter(), parameter()
    solver = solver_of(S.Sgd(), q=q, p=p)
    got = solver.get_parameters()
    assert type(got) is OrderedDict and list(got) == ["q", "p"] and got["p"] == p and got["p"] is not p
    assert got["p"].need_grad is False


def test_reset_and_retain_state():
    a, b = parameter(), parameter()
    solver = solver_of(S.Momentum(), a=a)
    solver.update()
    solver.set_parameters({"a": b}, reset=False)
    assert solver.get_parameters()["a"] == a and solver.get_states()["a"].t == 0    # starts over, keeps the object
    solver.update()
    solver.set_parameters({"a": b, "c": b}, reset=False, retain_state=True)
    assert solver.get_parameters()["a"] == a and list(solver.get_parameters()) == ["a", "c"]
    assert [s.t for s in solver.get_states().values()] == [1, 0]
    with pytest.raises(RuntimeError, match="retain the state of 'a'"):
        solver.set_parameters({"d": b, "a": parameter((1., 2.), None)}, reset=False, retain_state=True)
    assert list(solver.get_parameters()) == ["a", "c"]
    solver.set_parameters({"a": b})
    assert solver.get_parameters()["a"] == b and solver.get_states()["a"].t == 0


def test_remove_and_clear_parameters():
    solver = solver_of(S.Momentum(), a=parameter(), b=parameter(), c=parameter())
    solver.remove_parameters(["a", "unknown"])
    assert list(solver.get_parameters()) == ["b", "c"] == list(solver.get_states())
    solver.clear_parameters()
    assert solver.get_parameters() == OrderedDict() == solver.get_states()
    solver.update()
    solver.zero_grad()


def test_parameters_live_as_long_as_the_solver():
    solver = solver_of(S.Sgd(1.0), a=parameter())
    gc.collect()
    solver.update()
    np.testing.assert_array_equal(solver.get_parameters()["a"].d, [-1, 0, 1])
    alive = weakref.ref(solver)
    del solver
    gc.collect()
    assert alive() is None


# -- lazily zero gradients -------------------------------------------------------------------------

@pytest.mark.parametrize("name", RULES)
def test_a_lazily_zero_gradient_freezes_its_parameter(name):
    p, q = parameter(), parameter((1., 2., 3.))
    solver = solver_of(getattr(S, name)(), p=p, q=q)
    solver.update()
    before = p.d.copy()
    solver.zero_grad()
    assert p.grad.zeroing and q.grad.zeroing
    q.g = np.ones(3, np.float32)
    solver.weight_decay(0.1)
    solver.clip_grad_by_norm(0.1)
    solver.scale_grad(3.0)
    assert not solver.check_inf_or_nan_grad()
    solver.update()
    assert p.grad.zeroing
    np.testing.assert_array_equal(p.d, before)
    assert [s.t for s in solver.get_states().values()] == [1, 2]


def test_what_ends_lazy_zero():
    p = parameter()
    solver = solver_of(S.Momentum(1.0), p=p)

    def t_after(action):
        solver.zero_grad()
        action()
        before = solver.get_states()["p"].t
        solver.update()
        return solver.get_states()["p"].t - before

    assert t_after(lambda: None) == 0
    assert t_after(lambda: p.grad.get_data("r")) == 0
    assert t_after(lambda: setattr(p, "g", 0)) == 0
    assert t_after(lambda: p.g) == 1
    assert t_after(lambda: setattr(p, "g", np.zeros(3))) == 1
    assert t_after(lambda: setattr(p, "g", 1.5)) == 1


def test_a_fresh_gradient_counts():
    p = parameter(grad=None)
    solver = solver_of(S.Adam(), p=p)
    solver.update()
    assert solver.get_states()["p"].t == 1


# -- dtypes, storage -------------------------------------------------------------------------------

@pytest.mark.parametrize("dtype", ["int64", "float64", "float16", "int32"])
@pytest.mark.parametrize("grad_dtype", ["float32", "float64", "float16", "int32"])
def test_other_dtypes(dtype, grad_dtype):
    p = Variable((3,), need_grad=True)
    p.d = np.array([1, 2, 3], dtype)
    p.g = np.array([1, 2, 3], grad_dtype)
    solver = solver_of(S.Momentum(0.5), p=p)
    solver.update()
    assert p.data.dtype == np.float32
    np.testing.assert_array_equal(p.d, [0.5, 1, 1.5])
    solver.weight_decay(0.5)
    np.testing.assert_array_equal(p.g, [1.25, 2.5, 3.75])
    assert p.grad.dtype == np.float32


@pytest.mark.parametrize("first", ["weight_decay", "scale_grad", "clip_grad_by_norm", "update"])
def test_a_parameter_made_of_float64_beside_float32(first):
    """As `get_parameter_or_create(name, shape, np.zeros(n))` makes them: float32 from the solver's first touch on."""
    nn.clear_parameters()
    double = nn.parameter.get_parameter_or_create("double", (3,), np.array([1., 2., 3.]))
    single = nn.parameter.get_parameter_or_create("single", (3,), np.float32([1, 2, 3]))
    y = F.sum(double ** 2 + single ** 2)
    solver = solver_of(S.Momentum(0.5), **nn.get_parameters())
    for _ in range(2):
        y.forward()
        solver.zero_grad()
        y.backward()
        if first != "update":
            getattr(solver, first)(0.5)
            assert double.g.tolist() == single.g.tolist()
        solver.update()
        assert double.data.dtype == double.grad.dtype == np.float32 and double.d.tolist() == single.d.tolist()
        double.d = double.d.astype(np.float64)
    nn.clear_parameters()


def test_update_writes_in_place_and_leaves_versions_alone():
    p = parameter()
    view, gradient = p.d, p.g
    solver = solver_of(S.Momentum(1.0), p=p)
    tensor = p.tensor
    versions = tensor._version, p.grad.tensor._version
    solver.weight_decay(0.5)
    solver.update()
    np.testing.assert_array_equal(gradient, [1, 1.5, 2])
    np.testing.assert_array_equal(view, [-1, -0.5, 0])
    assert p.tensor is tensor and (tensor._version, p.grad.tensor._version) == versions


def test_new_memory_is_found():
    p = parameter()
    solver = solver_of(S.Sgd(1.0), p=p)
    solver.update()
    p.d = np.array([5., 6., 7.])    # other dtype: other memory
    p.g = np.array([1., 2., 3.])
    solver.update()
    np.testing.assert_array_equal(p.d, [4, 4, 4])
    p.data = NdArray.from_numpy_array(np.array([1., 1., 1.], np.float32))
    p.grad = NdArray.from_numpy_array(np.array([1., 2., 3.], np.float32))
    solver.update()
    np.testing.assert_array_equal(p.d, [0, -1, -2])
    p.d = 3
    solver.update()
    np.testing.assert_array_equal(p.d, [2, 1, 0])
    p.data.zero()
    solver.update()
    np.testing.assert_array_equal(p.d, [-1, -2, -3])
    assert not p.data.zeroing


def test_narrowed_parameters_are_written_through():
    whole, grads = NdArray((6,)), NdArray((6,))
    whole.data = np.arange(6, dtype=np.float32)
    grads.data = np.ones(6, np.float32)
    p = Variable((3,), need_grad=True)
    p.data, p.grad = whole.narrow(0, 3, 3), grads.narrow(0, 3, 3)
    solver = solver_of(S.Sgd(1.0), p=p)
    solver.update()
    solver.scale_grad(2.0)
    np.testing.assert_array_equal(whole.data, [0, 1, 2, 2, 3, 4])
    np.testing.assert_array_equal(grads.data, [1, 1, 1, 2, 2, 2])


def test_strided_and_expanded_tensors():
    strided = torch.nn.Parameter(torch.ones(2, 3, 4, 5).to(memory_format=torch.channels_last))
    strided.grad = torch.ones(2, 3, 4, 5)
    solver = solver_of(S.Momentum(1.0), strided=strided)
    solver.update()
    np.testing.assert_array_equal(solver.get_states()["strided"].pstate["m"].d, 1)
    solver.update()
    assert strided.is_contiguous(memory_format=torch.channels_last) and torch.allclose(strided, torch.tensor(-1.9))
    np.testing.assert_allclose(solver.get_states()["strided"].pstate["m"].d, 1.9, rtol=1e-6)
    p = Variable((4,), need_grad=True)
    p.data.set_tensor(torch.ones(1).expand(4))
    p.g = np.arange(4, dtype=np.float32)
    solver_of(S.Sgd(1.0), p=p).update()
    np.testing.assert_array_equal(p.d, [1, 0, -1, -2])


def test_hooks_may_use_autograd():
    w = torch.ones(3, requires_grad=True)
    solver = solver_of(S.Sgd(), p=parameter())
    for call in (solver.update, lambda hook: solver.scale_grad(1.0, hook), solver.check_nan_grad):
        seen = []
        call(lambda: seen.append((w * 2).requires_grad))
        assert seen == [True]


def test_scalar_and_empty_parameters():
    scalar, empty = parameter(2.0, 3.0), parameter(np.zeros((0, 3)), np.zeros((0, 3)))
    for name in RULES:
        solver = solver_of(getattr(S, name)(), scalar=scalar, empty=empty)
        solver.clip_grad_by_norm(1.0)
        assert not solver.check_nan_grad()
        solver.update()
        assert np.isfinite(scalar.d)


def test_a_gradient_with_history_is_only_read():
    w = torch.nn.Parameter(torch.ones(3))
    w.grad = torch.autograd.grad((w ** 3).sum(), w, create_graph=True)[0]
    for name in RULES:
        solver = solver_of(getattr(S, name)(), w=w)
        solver.update()
        assert all(not v.tensor.requires_grad for v in solver.get_states()["w"].pstate.values())
    assert w.grad.requires_grad
    w.grad = None


def test_torch_parameter_without_gradient_is_left_alone():
    w = torch.nn.Parameter(torch.ones(3))
    solver = solver_of(S.AdamW(), w=w)
    solver.update()
    assert solver.get_states()["w"].t == 0
    (w * 2).sum().backward()
    solver.update()
    solver.zero_grad()
    assert w.grad is None and solver.get_states()["w"].t == 1 and (w < 1).all()
    w.data = torch.zeros(3)
    (w * 2).sum().backward()
    solver.update()
    assert (w < 0).all() and w._version == 0


# -- weight decay, gradient utilities --------------------------------------------------------------

def test_weight_decay_of_l2_style_acts_at_once():
    p = parameter()
    solver = solver_of(S.Sgd(), p=p)
    solver.weight_decay(0.5)
    np.testing.assert_array_equal(p.g, [1, 1.5, 2])
    solver.weight_decay(0.0)
    np.testing.assert_array_equal(p.g, [1, 1.5, 2])


def test_fused_weight_decay_lasts_one_update():
    p = parameter(grad=(0., 0., 0.))
    solver = solver_of(S.SgdW(lr=1.0, momentum=0.0, wd=0.25), p=p)
    solver.weight_decay(0.5)
    np.testing.assert_array_equal(p.g, 0)
    np.testing.assert_array_equal(p.d, [0, 1, 2])
    solver.update()
    np.testing.assert_array_equal(p.d, [0, 0.5, 1])
    solver.update()
    np.testing.assert_array_equal(p.d, [0, 0.375, 0.75])
    solver.weight_decay(0.0)
    solver.update()
    np.testing.assert_array_equal(p.d, [0, 0.375, 0.75])


def test_clip_grad_by_norm_works_per_parameter():
    big, small = parameter(grad=(0., 3., 4.)), parameter(grad=(0., 0.3, 0.4))
    solver = solver_of(S.Sgd(), big=big, small=small)
    solver.clip_grad_by_norm(0.0)
    np.testing.assert_array_equal(big.g, np.float32([0, 3, 4]))
    solver.clip_grad_by_norm(1.0)
    np.testing.assert_allclose(big.g, [0, 0.6, 0.8], rtol=1e-6)
    np.testing.assert_array_equal(small.g, np.float32([0, 0.3, 0.4]))
    big.g, small.g = np.array([math.nan, 1, 2]), np.array([math.inf, 1, 2])
    solver.clip_grad_by_norm(1.0)
    np.testing.assert_array_equal(big.g, [math.nan, 1, 2])
    np.testing.assert_array_equal(small.g, [math.nan, 0, 0])


@pytest.mark.parametrize("values, inf, nan", [((1, 2), False, False), ((1, math.inf), True, False),
                                              ((-math.inf, 1), True, False), ((math.nan, 1), False, True),
                                              ((math.nan, math.inf), True, True), ((3e38, 3e38), False, False)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_checks(values, inf, nan, dtype):
    p, q = parameter((1., 2.), None), parameter()
    p.g = np.array(values, dtype)
    solver = solver_of(S.Sgd(), q=q, p=p)
    assert (solver.check_inf_grad(), solver.check_nan_grad(), solver.check_inf_or_nan_grad()) == (inf, nan, inf or nan)
    assert p.grad.dtype == dtype
    solver.zero_grad()
    assert not solver.check_inf_or_nan_grad()


# -- hooks -----------------------------------------------------------------------------------------

@pytest.fixture
def global_hooks():
    log = []
    hooks.add(hooks.solver_pre_hooks, "test", lambda: log.append("global pre"))
    hooks.add(hooks.solver_post_hooks, "test", lambda: log.append("global post"))
    yield log
    hooks.remove(hooks.solver_pre_hooks, "test")
    hooks.remove(hooks.solver_post_hooks, "test")


def test_hooks_run_before_each_parameter_changes(global_hooks):
    log, p, q, r = global_hooks, parameter(), parameter(), parameter()
    solver = solver_of(S.Sgd(1.0), p=p, q=q, r=r)
    q.grad.zero()
    seen = []
    solver.update(lambda: (log.append("pre"), seen.append((p.d[0], r.d[0]))), lambda: log.append("post"))
    assert log == ["global pre", "pre", "post", "global post"] * 2
    assert seen == [(0, 0), (-1, 0)]
    assert (p.d[0], q.d[0], r.d[0]) == (-1, 0, -1)


@pytest.mark.parametrize("name, argument", [("weight_decay", 0.1), ("clip_grad_by_norm", 0.1), ("scale_grad", 2.0),
                                            ("check_inf_grad", None), ("check_nan_grad", None),
                                            ("check_inf_or_nan_grad", None)])
def test_gradient_utilities_call_hooks(name, argument, global_hooks):
    log = global_hooks
    solver = solver_of(S.Sgd(), p=parameter(), q=parameter())
    arguments = [] if argument is None else [argument]
    getattr(solver, name)(*arguments, lambda: log.append("pre"), lambda: log.append("post"))
    assert log == ["global pre", "pre", "post", "global post"] * 2
    log.clear()
    getattr(solver, name)(*arguments, pre_hook=lambda: log.append("pre"))
    assert log == ["global pre", "pre", "global post"] * 2


def test_nothing_to_do_calls_no_hooks(global_hooks):
    solver = solver_of(S.Sgd(), p=parameter())
    solver.weight_decay(0.0)
    solver.clip_grad_by_norm(0.0)
    solver.zero_grad()
    solver.update()
    assert global_hooks == []


def test_an_exception_of_a_hook_reaches_the_caller():
    p = parameter()
    solver = solver_of(S.Sgd(1.0), p=p)

    class Mine(Exception):
        pass

    def fail():
        raise Mine
    for call in (lambda: solver.update(fail), lambda: solver.update(None, fail), lambda: solver.weight_decay(0.1, fail)):
        with pytest.raises(Mine):
            call()
    np.testing.assert_array_equal(p.d, [0, 1, 2])
    with pytest.raises(TypeError):
        solver.update(5)


def test_update_with_hooks_equals_update_without():
    for name in RULES:
        rng = np.random.RandomState(1)
        p, q = (parameter(rng.randn(4), rng.randn(4)) for _ in range(2))
        u, v = parameter(p.d, p.g), parameter(q.d, q.g)
        one, other = solver_of(getattr(S, name)(), p=p, q=q), solver_of(getattr(S, name)(), p=u, q=v)
        for _ in range(3):
            one.update()
            other.update(lambda: None)
        np.testing.assert_allclose(u.d, p.d, rtol=1e-6)
        np.testing.assert_allclose(v.d, q.d, rtol=1e-6)


# -- odd arguments ---------------------------------------------------------------------------------

def test_zero_arguments_give_finite_steps():
    for solver in (S.AMSBound(gamma=0.0), S.AdaBound(gamma=0.0), S.AdamW(alpha=0.0), S.SgdW(lr=0.0), S.AdaBound(alpha=0.0)):
        p = parameter()
        solver_of(solver, p=p).update()
        assert np.isfinite(p.d).all(), solver


def test_lamb_and_lars_with_vanishing_norms():
    p = parameter((0., 0.), (1., 1.))
    solver_of(S.Lamb(eta=1.0), p=p).update()
    np.testing.assert_array_equal(p.d, 0)
    p = parameter((1e-9, 1e-9), (0., 0.))
    solver = solver_of(S.Lamb(eta=1.0, gamma_l=0.5), p=p)
    solver.weight_decay(0.5)
    solver.update()
    np.testing.assert_allclose(p.d, 5e-10, rtol=1e-5)
    for value, grad, decay, expected in ((0.01, 1.0, 0.0, -0.99), (0.01, 1.0, 0.5, -0.995), (0.01, 0.0, 0.5, 0.005)):
        p = parameter((value,), (grad,))
        solver = solver_of(S.Lars(lr=1.0, momentum=0.0, coefficient=0.5, eps=0.1), p=p)
        solver.weight_decay(decay)
        solver.update()
        np.testing.assert_allclose(p.d, [expected], rtol=1e-5)
