"""Lists, tuples and dicts of Modules, and Modules made inside call: nnabla loses their parameters, here they stay."""
import copy
import inspect

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import nnabla_compat as nn
import nnabla_compat.functions as F
import nnabla_compat.parametric_functions as PF
from nnabla_compat.core.module import ParamMemo, insert_parent_name


class Dense(nn.Module):
    def __init__(self, size=3):
        self.size = size

    def call(self, x):
        return PF.affine(x, self.size)


class Box(nn.Module):
    """Calls every Module found in ``parts``, in order."""

    def __init__(self, parts):
        self.parts = parts

    def call(self, x):
        def run(parts, x):
            for part in parts.values() if isinstance(parts, dict) else parts:
                x = part(x) if isinstance(part, nn.Module) else run(part, x)
            return x
        return run(self.parts, x)


def x():
    return nn.Variable.from_numpy_array(np.ones((2, 3), np.float32))


def children(module):
    return sorted({name.split("/")[0] for name in module.get_parameters()})


@pytest.mark.parametrize("make,expected", [
    (lambda: [Dense(), Dense()], ["@parts.0", "@parts.1"]),
    (lambda: (Dense(), Dense()), ["@parts.0", "@parts.1"]),
    (lambda: {"a": Dense(), "b": Dense()}, ["@parts.a", "@parts.b"]),
    (lambda: {0: Dense(), 10: Dense()}, ["@parts.0", "@parts.10"]),
    (lambda: [Dense(), [Dense(), (Dense(),)]], ["@parts.0", "@parts.1.0", "@parts.1.1.0"]),
    (lambda: {"a": [Dense(), Dense()]}, ["@parts.a.0", "@parts.a.1"]),
    (lambda: {"up/down": Dense(), "50%": Dense()}, ["@parts.50%25", "@parts.up%2Fdown"])])
def test_names_and_files(make, expected, tmp_path):
    box = Box(make())
    y = box(x())
    assert children(box) == expected
    assert nn.get_parameters(grad_only=False) == {}
    y.forward()
    box.save_parameters(str(tmp_path / "p.h5"))

    again = Box(make())
    again.load_parameters(str(tmp_path / "p.h5"))
    z = again(x())
    z.forward()
    np.testing.assert_array_equal(z.d, y.d)
    assert list(again.get_parameters()) == list(box.get_parameters())


def test_doc_example_in_training():
    class Net(nn.Module):
        def __init__(self):
            self.cnb = [Dense(k) for k in (8, 16, 4)]
            self.heads = {f"name_{k}": Dense(k) for k in (2, 3)}

        def call(self, x):
            for layer in self.cnb:
                x = F.relu(layer(x))
            return [head(x) for head in self.heads.values()]

    import nnabla_compat.solvers as S
    net = Net()
    a, b = net(x())
    loss = F.sum(a) + F.sum(b)
    solver = S.Sgd(0.1)
    solver.set_parameters(net.get_parameters(grad_only=True))
    before = {name: p.d.copy() for name, p in net.get_parameters().items()}
    assert len(before) == 10
    loss.forward()
    solver.zero_grad()
    loss.backward()
    solver.update()
    changed = [name for name, p in net.get_parameters().items() if not np.array_equal(p.d, before[name])]
    assert "@heads.name_2/affine/b" in changed and "@cnb.2/affine/W" in changed
    net.zero_grad()
    assert all(p.grad.zeroing for p in net.get_parameters().values())


def test_lists_grow():
    box = Box([Dense()])
    box(x())
    box.parts.append(Dense())
    box(x())
    assert children(box) == ["@parts.0", "@parts.1"]
    box.parts.pop()
    assert children(box) == ["@parts.0"]


def test_training_reaches_containers():
    box = Box([Dense(), {"a": [Dense()]}])
    box.training = False
    assert [m.training for m in (box.parts[0], box.parts[1]["a"][0])] == [False, False]
    box.parts.append(Dense())
    assert box.parts[2].training


def test_parents_and_paths():
    class Root(nn.Module):
        def __init__(self):
            self.box = Box([Dense()])

    root = Root()
    root.box(x())
    root.get_parameters()
    item = root.box.parts[0]
    assert item.parent is root.box and item.get_path_name() == "@root/@box/@parts.0"
    assert len(root.box) == 0


def test_shared_and_cyclic_containers():
    shared = Dense()

    class Net(nn.Module):
        def __init__(self):
            self.first = shared
            self.all = [shared, Dense(), shared]
            self.all[1].peers = [self, self.all]

        def call(self, x):
            for layer in self.all:
                x = layer(x)
            return x

    net = Net()
    net(x())
    assert list(net.get_parameters()) == ["@first/affine/W", "@first/affine/b", "@all.1/affine/W", "@all.1/affine/b"]
    net.training = False
    assert not shared.training and not net.all[1].training


def test_clashing_keys():
    box = Box({"a.b": Dense(), "a": {"b": Dense()}})
    with pytest.raises(ValueError, match="@parts.a.b"):
        box.get_parameters()


def test_unknown_child_lists_the_known_ones():
    box = Box([Dense()])
    with pytest.raises(ValueError, match="@parts.0"):
        box.set_parameter("@parts.1/affine/W", nn.Variable((1,)), raise_if_missing=True)
    box.set_parameter("@parts.1/affine/W", nn.Variable((1,)))


def test_methods_run_in_the_scope_but_plain_callables_do_not():
    class Net(nn.Module):
        act = staticmethod(F.relu)
        kind = Dense

        def call(self, x):
            return self.build(self.act(self.kind()(x)))

        def build(self, x):
            return PF.affine(x, 2, name="own")

        @classmethod
        def make(cls):
            return cls()

        @property
        def outside(self):
            return PF.affine(x(), 2, name="leaks")

    net = Net.make()
    net(x())
    net.outside
    assert sorted(net.get_parameters()) == ["@call.dense.0/affine/W", "@call.dense.0/affine/b", "own/affine/W",
                                            "own/affine/b"]
    assert list(nn.get_parameters()) == ["leaks/affine/W", "leaks/affine/b"]


def test_special_methods():
    class Net(nn.Module):
        made = 0

        def __new__(cls, *args):
            cls.made += 1
            return super().__new__(cls)

        def __init_subclass__(cls):
            cls.tag = "t"

        def __init__(self, size):
            self.size = size

        def __getattr__(self, name):
            return name if name == "answer" else super().__getattr__(name)

        def __len__(self):
            return 7

        def __call__(self, x):
            return PF.affine(x, self.size)

    class Sub(Net):
        pass

    net = Sub(2)
    net(x())
    assert (Sub.made, Sub.tag, net.answer, len(net), str(inspect.signature(Sub))) == (1, "t", "answer", 7, "(size)")
    assert str(inspect.signature(Dense)) == "(size=3)" and str(inspect.signature(nn.Module)) == "()"
    assert list(net.get_parameters()) == ["affine/W", "affine/b"]
    with pytest.raises(AttributeError, match="'Sub' object has no attribute 'nothing'"):
        net.nothing


def test_scope_is_left_after_exceptions():
    class Net(nn.Module):
        def call(self, x):
            raise KeyError(x)

    with pytest.raises(KeyError):
        Net()(1)


# ------------------------------------------------------------------------------- made inside call

class Temporary(nn.Module):
    """nnabla's documentation gives this as not allowed."""

    def call(self, x):
        dense = Dense()
        return Dense(2)(F.relu(dense(x)))


def test_temporaries_keep_their_parameters(tmp_path):
    net = Temporary()
    y = net(x())
    names = ["@call.dense.0/affine/W", "@call.dense.0/affine/b", "@call.dense.1/affine/W", "@call.dense.1/affine/b"]
    assert list(net.get_parameters()) == names
    parameters = net.get_parameters()
    z = net(x())
    assert net.get_parameters() == parameters and list(net.get_parameters()) == names
    nn.forward_all([y, z])
    np.testing.assert_array_equal(y.d, z.d)
    net.save_parameters(str(tmp_path / "p.h5"))

    fresh = Temporary()
    fresh.load_parameters(str(tmp_path / "p.h5"))
    assert list(fresh.get_parameters()) == names
    w = fresh(x())
    w.forward()
    np.testing.assert_array_equal(w.d, y.d)
    assert list(fresh.get_parameters()) == names


def test_temporaries_train_in_auto_forward():
    import nnabla_compat.solvers as S
    net, solver, losses = Temporary(), S.Sgd(0.05), []
    with nn.auto_forward():
        for _ in range(5):
            loss = F.mean(net(x())**2)
            solver.set_parameters(net.get_parameters(grad_only=True), reset=False, retain_state=True)
            solver.zero_grad()
            loss.backward()
            solver.update()
            losses.append(float(loss.d))
    assert losses == sorted(losses, reverse=True) and losses[-1] < losses[0]


def test_temporaries_with_children_and_containers():
    class Block(nn.Module):
        def __init__(self):
            self.inner = Dense()
            self.more = [Dense(), Dense()]

        def call(self, x):
            x = Dense()(self.inner(x))
            for layer in self.more:
                x = layer(x)
            return PF.affine(x, 3, name="own")

    class Net(nn.Module):
        def call(self, x):
            h = Block()(x)
            return nn.Sequential(Dense(), ("last", Dense()))(h)

    net = Net()
    y = net(x())
    first = net.get_parameters()
    assert children(net) == ["@call.block.0", "@call.sequential.0"]
    assert {name.split("/affine")[0] for name in first} == {
        "@call.block.0/@inner", "@call.block.0/@call.dense.0", "@call.block.0/@more.0", "@call.block.0/@more.1",
        "@call.block.0/own", "@call.sequential.0/@dense_0", "@call.sequential.0/@last"}
    z = net(x())
    assert dict(net.get_parameters()) == dict(first)
    nn.forward_all([y, z])
    np.testing.assert_array_equal(y.d, z.d)


def test_lazily_assigned_children_are_no_temporaries():
    class Net(nn.Module):
        def call(self, x):
            if "late" not in self.submodules:
                self.late = Dense()
                self.listed = [Dense()]
            return self.listed[0](self.late(x))

    net = Net()
    net(x())
    parameters = net.get_parameters()
    net(x())
    assert net.get_parameters() == parameters and children(net) == ["@late", "@listed.0"]


def test_helpers_of_call_make_temporaries_too():
    class Net(nn.Module):
        def call(self, x):
            return self.block(self.block(x))

        def block(self, x):
            return Dense()(x)

    net = Net()
    net(x())
    net(x())
    assert children(net) == ["@call.dense.0", "@call.dense.1"]


def test_other_methods_make_modules_of_their_own():
    class Trainer(nn.Module):
        def run(self):
            model = Dense()
            model(x())
            return model

    trainer = Trainer()
    a, b = trainer.run(), trainer.run()
    assert trainer.get_parameters() == {}
    assert a.get_parameters() != b.get_parameters() and list(a.get_parameters()) == ["affine/W", "affine/b"]


def test_modules_returned_unused_are_their_users():
    class Factory(nn.Module):
        def call(self):
            return Dense()

    factory = Factory()
    dense = factory()
    dense(x())
    assert factory.get_parameters() == {} and list(dense.get_parameters()) == ["affine/W", "affine/b"]


def test_training_state_passes_to_temporaries():
    seen = []

    class Probe(nn.Module):
        def call(self, x):
            seen.append(self.training)
            return x

    class Net(nn.Module):
        def call(self, x):
            return Probe()(x)

    net = Net()
    net(x())
    net.training = False
    net(x())
    assert seen == [True, False]


def test_changing_order_is_an_error():
    class Net(nn.Module):
        def call(self, x, auxiliary):
            if auxiliary:
                x = Dense()(x)
            return Dense()(x)

    net = Net()
    net(x(), False)
    with pytest.raises(RuntimeError, match="order that changes between calls"):
        net(x(), True)


def test_parameters_made_in_init_of_a_temporary_are_an_error():
    class Early(nn.Module):
        def __init__(self):
            self.w = PF.get_parameter_or_create("w", (2,))

        def call(self, x):
            return x

    class Net(nn.Module):
        def call(self, x):
            return Early()(x)

    assert list(Early().get_parameters()) == ["w"]
    with pytest.raises(RuntimeError, match="Make it once, as an attribute"):
        Net()(x())


def test_children_that_make_parameters_in_init():
    class Early(nn.Module):
        def __init__(self):
            PF.get_parameter_or_create("w", (2,))

    class Net(nn.Module):
        def __init__(self):
            self.child = Early()
            self.listed = [Early()]

    assert list(Net().get_parameters()) == ["@child/w", "@listed.0/w"]


def test_copies():
    box = Box([Dense(), Dense()])
    twin = copy.deepcopy(box)
    box(x())
    assert twin.get_parameters() == {} and len(box.get_parameters()) == 4
    twin(x())
    assert len(twin.get_parameters()) == 4
    assert set(map(id, twin.get_parameters().values())).isdisjoint(map(id, box.get_parameters().values()))


def test_memo_and_parent_name():
    v, w = nn.Variable((1,)), nn.Variable((1,))
    memo = ParamMemo()
    assert list(memo.filter_and_update({"a": v, "b": v, "c": w})) == ["a", "c"]
    assert memo.filter_and_update({"d": v}) == {}
    assert insert_parent_name("m", {"a/W": v}) == {"@m/a/W": v}


def test_example_modules():
    from nnabla_compat.core.modules import ConvBn, ResUnit, complete_dims, get_conv_same_pad
    assert complete_dims(3, 2) == (3, 3) and complete_dims((1, 2), 2) == (1, 2)
    assert get_conv_same_pad((3, 5, 1)) == (1, 2, 0)
    with pytest.raises(ValueError):
        complete_dims((1, 2), 3)
    image = nn.Variable((2, 4, 8, 8))
    assert ResUnit(8, 2)(image).shape == (2, 8, 4, 4)
    assert ConvBn(5, act=F.relu)(image).shape == (2, 5, 8, 8)


STRUCTURES = st.recursive(
    st.just("Dense"), lambda inner: st.lists(inner, max_size=3) | st.tuples(inner, inner)
    | st.dictionaries(st.text(alphabet="ab%/1", max_size=3), inner, max_size=3), max_leaves=8)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(STRUCTURES)
def test_any_structure_has_a_name_for_every_module(structure):
    """Parameters go out under the names they come in by."""
    made = []

    def build(part):
        if part == "Dense":
            made.append(Dense())
            made[-1].set_parameter("w", nn.Variable((1,)))
            return made[-1]
        if isinstance(part, dict):
            return {key: build(value) for key, value in part.items()}
        return type(part)(build(value) for value in part)

    box = Box([build(structure)])
    parameters = box.get_parameters()
    assert len(parameters) == len(made)
    for name, module in zip(parameters, made):
        assert parameters[name] is module.get_parameters()["w"]
        replacement = nn.Variable((1,))
        box.set_parameter(name, replacement, raise_if_missing=True)
        assert module.get_parameters()["w"] is replacement
