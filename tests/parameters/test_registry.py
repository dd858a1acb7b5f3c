"""Scopes and the registry of parameters."""
from collections import OrderedDict

import numpy as np
import pytest
import torch

import nnabla_compat as nn
from nnabla_compat import parameter
from nnabla_compat.initializer import ConstantInitializer, UniformIntInitializer
from nnabla_compat.parameter import get_parameter, get_parameter_or_create, pop_parameter, set_parameter


def names(**kwargs):
    return list(nn.get_parameters(grad_only=False, **kwargs))


def test_scopes_nest_and_slashes_do_not_count():
    with nn.parameter_scope("a"):
        with nn.parameter_scope("/b//c/"):
            with nn.parameter_scope(""):
                get_parameter_or_create("W", (2,))
        get_parameter_or_create("d/V", (3,))
    assert names() == ["a/b/c/W", "a/d/V"]
    with nn.parameter_scope("a"):
        assert names() == ["b/c/W", "d/V"]
    assert list(nn.get_parameters(path="p", grad_only=False)) == ["p/a/b/c/W", "p/a/d/V"]


def test_scope_yields_its_dict_and_creates_it_for_good():
    with nn.parameter_scope("x/y") as scope:
        assert scope is nn.get_current_parameter_scope()
        assert isinstance(scope, OrderedDict)
    assert parameter.root_scope["x"]["y"] is scope


def test_private_registry():
    mine = {}
    with nn.parameter_scope("outer"):
        with nn.parameter_scope("", mine):
            get_parameter_or_create("W", (1,))
        with nn.parameter_scope("deep", mine):
            get_parameter_or_create("W", (1,))
    assert list(mine) == ["W", "deep"]
    assert names() == []


def test_scope_decorates_functions_and_is_reentrant():
    @nn.parameter_scope("f")
    def make(depth):
        get_parameter_or_create("W", (1,))
        if depth:
            make(depth - 1)
    make(2)
    assert names() == ["f/W", "f/f/W", "f/f/f/W"]


def test_scope_is_restored_after_an_exception():
    with pytest.raises(KeyError), nn.parameter_scope("a/b"):
        raise KeyError
    assert nn.get_current_parameter_scope() is parameter.root_scope


@pytest.mark.parametrize("scope", [[], 3, "s"])
def test_scope_must_be_a_dict(scope):
    with pytest.raises(ValueError, match="expected scope to be a dict"), nn.parameter_scope("", scope):
        pass


def test_a_name_is_a_scope_or_a_parameter():
    get_parameter_or_create("a", (1,))
    with pytest.raises(AssertionError, match="'a'"), nn.parameter_scope("a"):
        pass
    with pytest.raises(AssertionError):
        get_parameter_or_create("a/b", (1,))
    with nn.parameter_scope("s"):
        pass
    with pytest.raises(AssertionError, match="scope"):
        get_parameter("s")
    with pytest.raises(AssertionError, match="scope"):
        get_parameter_or_create("s", (1,))


def test_returned_variable_is_a_twin_of_the_registered_one():
    w = get_parameter_or_create("a/W", (2, 3), ConstantInitializer(2))
    registered = get_parameter("a/W")
    assert w is not registered and w == registered and hash(w) == hash(registered)
    assert (w.name, registered.name) == ("W", "")
    w.d[...] = 5
    assert registered.d[0, 0] == 5
    w.need_grad = False
    assert registered.need_grad
    assert isinstance(registered.info.initializer, ConstantInitializer)


@pytest.mark.parametrize("need_grad,as_need_grad,returned", [
    (True, None, True), (False, None, False), (True, False, False), (False, True, True)])
def test_need_grad_of_twin_and_registry(need_grad, as_need_grad, returned):
    for _ in range(2):
        w = get_parameter_or_create("W", (2,), None, need_grad, as_need_grad)
        assert w.need_grad is returned
        assert get_parameter("W").need_grad is need_grad
    get_parameter_or_create("W", (2,), None, not need_grad)
    assert get_parameter("W").need_grad is not need_grad


def test_no_grad_leaves_the_registry():
    with nn.no_grad():
        assert parameter.current_no_grad
        assert not get_parameter_or_create("W", (2,)).need_grad
        with nn.no_grad(False):
            assert get_parameter_or_create("W", (2,)).need_grad
    assert get_parameter("W").need_grad and not parameter.current_no_grad


def test_initializers():
    assert get_parameter_or_create("zeros", (2, 3)).data.zeroing
    array = np.arange(6).reshape(2, 3)
    w = get_parameter_or_create("array", None, array)
    assert w.d.dtype == np.int64 and w.shape == (2, 3)
    array[0, 0] = 9
    assert w.d[0, 0] == 0
    seen = []

    def initializer(shape):
        seen.append(shape)
        return np.ones((7,), np.float32)

    assert get_parameter_or_create("call", (np.int64(2), 3.0), initializer).shape == (7,)
    assert seen == [[2, 3]] and all(type(s) is int for s in seen[0])
    assert get_parameter_or_create("ints", (3,), UniformIntInitializer((0, 3))).d.dtype == np.int64


def test_existing_parameter_ignores_the_initializer():
    get_parameter_or_create("W", (2,))
    get_parameter_or_create("W", (2,), lambda shape: pytest.fail("called"))
    with pytest.raises(TypeError):
        get_parameter_or_create("W")


@pytest.mark.parametrize("arguments,error", [
    (dict(), AssertionError), (dict(initializer=ConstantInitializer()), AssertionError),
    (dict(shape=(2,), initializer=np.zeros(3)), AssertionError), (dict(shape=(2,), initializer=3), ValueError),
    (dict(shape=(2,), initializer="normal"), ValueError), (dict(shape=(2,), initializer=[1, 2]), ValueError)])
def test_bad_initializers(arguments, error):
    with pytest.raises(error, match="'W'"):
        get_parameter_or_create("W", **arguments)
    assert names() == []


def test_other_shape_names_both_shapes_and_what_to_do():
    with nn.parameter_scope("net/fc"):
        get_parameter_or_create("W", (2, 3))
        with pytest.raises(ValueError) as e:
            get_parameter_or_create("W", (3, 3))
    text = str(e.value)
    assert all(part in text for part in ('"W"', "net/fc", "(2, 3)", "(3, 3)", "clear_parameters"))


def test_set_pop_and_clear():
    v = nn.Variable((2, 2), need_grad=True)
    set_parameter("a/b/V", v)
    assert get_parameter("a/b/V") is v
    assert get_parameter("a/none") is None and get_parameter("no/such") is None
    assert "no" in parameter.root_scope
    assert pop_parameter("a/b/V") is v and pop_parameter("a/b/V") is None
    get_parameter_or_create("a/W", (1,))
    get_parameter_or_create("W", (1,))
    with nn.parameter_scope("a"):
        nn.clear_parameters()
    assert names() == ["W"]


def test_get_parameters_order_flags_and_extension():
    for name in ("z/W", "a/W", "z/b", "m"):
        get_parameter_or_create(name, (1,), need_grad=name != "a/W")
    assert names() == ["z/W", "z/b", "a/W", "m"]
    assert list(nn.get_parameters()) == ["z/W", "z/b", "m"]
    given = OrderedDict(x=1)
    assert nn.get_parameters(given) is given and list(given) == ["x", "z/W", "z/b", "m"]
    assert nn.get_parameters()["m"] is get_parameter("m")
    parameter.root_scope["bad"] = 3
    with pytest.raises(AssertionError, match="'bad'"):
        nn.get_parameters()


def test_parameters_are_torch_parameters():
    w = get_parameter_or_create("fc/W", (2, 3), ConstantInitializer(1))
    assert isinstance(w.data.tensor, torch.nn.Parameter)
    assert w.data.tensor is get_parameter("fc/W").data.tensor
    assert not isinstance(get_parameter_or_create("bn/mean", (2,), None, False).data.tensor, torch.nn.Parameter)
    with torch.no_grad():
        w.data.tensor.mul_(3)
    assert w.d[0, 0] == 3
