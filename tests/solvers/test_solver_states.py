"""Solver states: handed out, taken over, saved, loaded; nnabla's own files among them."""
import pathlib

import h5py
import numpy as np
import pytest
import torch

from nnabla_compat import solvers as S
from nnabla_compat.engine.variable import Variable
from nnabla_compat.optimization.rule import RULES

FILES = pathlib.Path(__file__).resolve().parents[1] / "corpus" / "solver_states"
# Written by nnabla 1.39 after two updates of these solvers; the .npz holds what went on before and after.
WRITTEN_BY_NNABLA = {
    "adadelta": ("Adadelta", {}), "adam": ("Adam", {"alpha": 0.01}), "adamw": ("AdamW", {"alpha": 0.01}),
    "amsgrad": ("AMSGRAD", {"alpha": 0.02}), "lion": ("Lion", {"lr": 0.01}),
    "momentum": ("Momentum", {"lr": 0.1, "momentum": 0.8}), "rmsprop": ("RMSprop", {"lr": 0.01}),
    "rmspropgraves": ("RMSpropGraves", {"lr": 0.01}), "sgd": ("Sgd", {"lr": 0.2})}
KEYS = ("l1/affine/W", "l1/affine/b", "gain")
FORMATS = (".h5", ".protobuf")


def needs(extension):
    if extension == ".protobuf":
        pytest.importorskip("google.protobuf")


def parameter(shape=(2, 3), grad=1.0):
    variable = Variable.from_numpy_array(np.random.RandomState(3).randn(*shape).astype(np.float32), need_grad=True)
    variable.g = np.full(shape, grad, np.float32)
    return variable


def trained(name="Adam", keys=("a", "b/W"), updates=2):
    solver = getattr(S, name)()
    solver.set_parameters({key: parameter() for key in keys})
    for _ in range(updates):
        solver.update()
    return solver


def plain(solver):
    return {key: (state.t, {name: v.d.tolist() for name, v in state.pstate.items()})
            for key, state in solver.get_states().items()}


@pytest.mark.parametrize("extension", FORMATS)
@pytest.mark.parametrize("stem", WRITTEN_BY_NNABLA)
def test_training_continues_from_a_file_of_nnabla(stem, extension, tmp_path):
    needs(extension)
    name, arguments = WRITTEN_BY_NNABLA[stem]
    arrays = np.load(FILES / f"{stem}.npz")
    parameters = {key: Variable.from_numpy_array(arrays["before." + key], need_grad=True) for key in KEYS}
    solver = getattr(S, name)(**arguments)
    solver.set_parameters(parameters)
    solver.load_states(FILES / (stem + extension))
    for key, state in solver.get_states().items():
        assert state.t == 2
        for n, value in state.pstate.items():
            np.testing.assert_allclose(value.d, arrays[f"state.{key}.{n}"], 1e-5, 1e-7)
    again = str(tmp_path / ("again" + extension))
    solver.save_states(again)
    solver.load_states(again)
    for i in range(2):
        for key, p in parameters.items():
            p.g = arrays[f"grad{i}.{key}"]
        solver.update()
    for key, p in parameters.items():
        np.testing.assert_allclose(p.d, arrays["after." + key], 1e-5, 1e-6)


@pytest.mark.parametrize("extension", FORMATS)
@pytest.mark.parametrize("name", RULES)
def test_states_of_every_solver_survive_a_file(name, extension, tmp_path):
    needs(extension)
    solver, other = trained(name), trained(name, updates=0)
    solver.save_states(tmp_path / ("s" + extension))
    other.load_states(tmp_path / ("s" + extension))
    assert plain(other) == plain(solver)


def test_h5_file_has_the_layout_nnabla_reads(tmp_path):
    trained("Momentum").save_states(str(tmp_path / "s.h5"))
    with h5py.File(tmp_path / "s.h5") as f:
        group = f["b/W"]
        assert group.attrs["index"] == 1 and group["t"][()] == 2 and group["t"].dtype == np.int64
        assert group["m"].dtype == np.float32 and group["m"].attrs["index"] == 0 and set(group) == {"t", "m"}


@pytest.mark.parametrize("extension", FORMATS)
def test_names_that_begin_alike_are_kept_apart(extension, tmp_path):
    needs(extension)
    solver = S.Momentum()
    solver.set_parameters({"x/W2": parameter(grad=2.), "x/W": parameter(grad=1.), "x": parameter((4,), grad=3.)})
    solver.update()
    solver.save_states(tmp_path / ("s" + extension))
    other = S.Momentum()
    other.set_parameters({"x/W": parameter(), "x": parameter((4,)), "x/W2": parameter()})
    other.load_states(tmp_path / ("s" + extension))
    assert plain(other) == plain(solver)


def test_states_are_live():
    solver = S.Momentum(1.0, 0.5)
    p = parameter()
    solver.set_parameters({"a": p})
    state = solver.get_states()["a"]
    assert type(state) is S.SolverState and state.t == 0 and state.pstate["m"].need_grad is False
    solver.update()
    np.testing.assert_array_equal(state.pstate["m"].d, 1)
    assert solver.get_states()["a"].pstate["m"] == state.pstate["m"]
    state.t = 5
    assert solver.get_states()["a"].t == 1
    for replacement in (np.full((2, 3), 4.0), np.full((2, 3), 4.0, np.float32), 4.0):
        state.pstate["m"].d = replacement
        solver.update()
        np.testing.assert_array_equal(state.pstate["m"].d, 3)
        assert state.pstate["m"].data.dtype == np.float32
    state.pstate["m"].d = 0
    solver.update()
    np.testing.assert_array_equal(state.pstate["m"].d, 1)


def test_set_states_takes_over_the_variables():
    solver = S.Momentum(1.0, 0.5)
    solver.set_parameters({"a": parameter(), "b": parameter()})
    state = S.SolverState()
    assert (state.t, state.pstate) == (0, {})
    momentum = Variable((2, 3))
    momentum.d = 4.0
    state.t, state.pstate = 7, {"m": momentum}
    solver.set_states({"a": state})
    assert solver.get_states()["a"].t == 7 and solver.get_states()["a"].pstate["m"] == momentum
    assert solver.get_states()["b"].t == 0
    solver.update()
    np.testing.assert_array_equal(momentum.d, 3)
    assert [s.t for s in solver.get_states().values()] == [8, 1]


def test_states_pass_from_solver_to_solver():
    solver, other = trained("Adam"), trained("Adam", updates=0)
    other.set_states(solver.get_states())
    assert plain(other) == plain(solver)
    solver.update()
    other.update()


@pytest.mark.parametrize("spoil, text", [
    (lambda states: states.__setitem__("zzz", states["a"]), "Set weight parameter for zzz first"),
    (lambda states: setattr(states["b/W"], "pstate", {}), "expected the states mean, var"),
    (lambda states: states["b/W"].pstate.__setitem__("var", Variable((5,))), "expected shape (2, 3)"),
    (lambda states: setattr(states["b/W"], "t", -1), "received t=-1"),
])
def test_bad_states_change_nothing(spoil, text):
    solver, source = trained("Adam"), trained("Adam", updates=5)
    before, states = plain(solver), source.get_states()
    spoil(states)
    with pytest.raises(RuntimeError) as error:
        solver.set_states(states)
    assert text in str(error.value)
    assert plain(solver) == before


@pytest.mark.parametrize("extension", FORMATS)
def test_a_file_that_does_not_fit_changes_nothing(extension, tmp_path):
    needs(extension)
    path = tmp_path / ("s" + extension)
    trained("Adam", updates=5, keys=("a", "b/W", "c")).save_states(path)
    solver = trained("Adam")
    before = plain(solver)
    with pytest.raises(RuntimeError, match="Set weight parameter for c first"):
        solver.load_states(path)
    assert plain(solver) == before
    with pytest.raises(RuntimeError, match="another solver"):
        trained("AMSGRAD", keys=("a", "b/W", "c")).load_states(path)


def test_unreadable_files(tmp_path):
    pytest.importorskip("google.protobuf")
    from google.protobuf.message import DecodeError
    solver = trained()
    before = plain(solver)
    for name in ("broken.h5", "broken.protobuf"):
        (tmp_path / name).write_bytes(b"\xff\xff\x01")
    for name, error in {"none.h5": FileNotFoundError, "none.protobuf": FileNotFoundError, "x.nnp": NotImplementedError,
                        "broken.h5": OSError, "broken.protobuf": DecodeError}.items():
        with pytest.raises(error):
            solver.load_states(str(tmp_path / name))
    solver.load_states(str(tmp_path / "anything.else"))    # ignored with a warning, as in nnabla
    assert plain(solver) == before
    with pytest.raises(AssertionError):
        solver.save_states(str(tmp_path / "x.npz"))
    with pytest.raises(TypeError), open(tmp_path / "broken.h5", "rb") as f:
        solver.save_states(f)


def test_a_failed_save_keeps_the_file(tmp_path, monkeypatch):
    path = tmp_path / "s.h5"
    trained().save_states(path)
    content = path.read_bytes()

    def fail(*_, **__):
        raise OSError("disk full")
    monkeypatch.setattr(h5py.Group, "create_dataset", fail)
    with pytest.raises(OSError, match="disk full"):
        trained(updates=3).save_states(path)
    assert path.read_bytes() == content and [p.name for p in tmp_path.iterdir()] == ["s.h5"]


def test_text_states_are_read(tmp_path):
    pytest.importorskip("google.protobuf")
    from google.protobuf import text_format

    from nnabla_compat.utils import nnabla_pb2
    solver, other = trained(), trained(updates=0)
    message = nnabla_pb2.Optimizer()
    solver.set_states_to_protobuf(message)
    (tmp_path / "s.nntxt").write_text(text_format.MessageToString(message))
    other.load_states(tmp_path / "s.nntxt")
    assert plain(other) == plain(solver)
    third = trained(updates=0)
    third.set_states_from_protobuf(message)
    assert plain(third) == plain(solver)


def test_states_of_float64_torch_parameters_keep_their_precision(tmp_path):
    weight = torch.nn.Parameter(torch.ones(3, dtype=torch.float64))
    weight.grad = torch.full((3,), 0.1, dtype=torch.float64)
    solver = S.Momentum()
    solver.set_parameters({"w": weight})
    solver.update()
    assert weight.dtype == torch.float64 and solver.get_states()["w"].pstate["m"].data.dtype == np.float64
    solver.save_states(tmp_path / "s.h5")
    solver.load_states(tmp_path / "s.h5")
    assert solver.get_states()["w"].pstate["m"].data.dtype == np.float64
