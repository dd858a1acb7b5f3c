"""What save does with its options and with wrong contents; what comes back."""
import io
import pathlib
import zipfile

import numpy as np
import pytest

import nnabla_compat as nn
import nnabla_compat.functions as F
import nnabla_compat.parametric_functions as PF
import nnabla_compat.solvers as S
from nnabla_compat.optimization.rule import RULES
from nnabla_compat.utils.load import load
from nnabla_compat.utils.nnp_format import nnp_version
from nnabla_compat.utils.save import create_proto, save


def contents(**more):
    x = nn.Variable((2, 3))
    h = PF.affine(x, 4, name="fc1")
    y = PF.affine(F.relu(h), 5, name="fc2")
    return {"networks": [{"name": "net", "batch_size": 2, "outputs": {"y": y}, "names": {"x": x, "h": h}}],
            "datasets": [{"name": "d", "uri": "a.csv", "variables": {"x": x}, "shuffle": True, "batch_size": 2,
                          "no_image_normalization": True}], **more}


def optimizer(solver, **more):
    solver.set_parameters(nn.get_parameters())
    return {"name": "o", "solver": solver, "network": "net", "dataset": "d", "weight_decay": 0, "lr_decay": 1,
            "lr_decay_interval": 1, "update_interval": 2, **more}


def values():
    return {k: v.d.copy() for k, v in nn.get_parameters(grad_only=False).items()}


@pytest.mark.parametrize("extension", [".nnp", ".nntxt", ".prototxt", ".protobuf"])
@pytest.mark.parametrize("by", ["name", "path", "file"])
def test_formats(tmp_path, extension, by):
    made, before = contents(), None
    before = values()
    if by == "file":
        target = io.BytesIO() if extension in (".nnp", ".protobuf") else io.StringIO()
        save(target, made, include_params=True, extension=extension)
        assert target.tell() == 0
    else:
        target = tmp_path / ("net" + extension)
        target = str(target) if by == "name" else target
        save(target, made, include_params=True)
    nn.clear_parameters()
    info = load(target, extension=extension)
    assert list(info.networks["net"].variables) == ["x", "h", "@net/ReLU_out", "y"]
    after = values()
    assert list(after) == list(before)
    for k in before:
        np.testing.assert_array_equal(after[k], before[k])


@pytest.mark.parametrize("parameter_format", [".h5", ".protobuf"])
@pytest.mark.parametrize("state_format", [".h5", ".protobuf"])
def test_archive(tmp_path, parameter_format, state_format):
    made = contents()
    solver = S.Adam()
    made["optimizers"] = [optimizer(solver)]
    for p in nn.get_parameters().values():
        p.g = 1
    solver.update()
    path = str(tmp_path / "net.nnp")
    save(path, made, parameter_format=parameter_format, include_solver_state=True, solver_state_format=state_format)
    with zipfile.ZipFile(path) as z:
        states = "o_Adam_optimizer.h5.optimizer" if state_format == ".h5" else "optimizer.protobuf.optimizer"
        assert z.namelist() == ["nnp_version.txt", "network.nntxt", "parameter" + parameter_format, states]
        assert z.read("nnp_version.txt").decode() == nnp_version() + "\n" == "0.1\n"
        assert {i.compress_type for i in z.infolist()} == {zipfile.ZIP_STORED}
    expected = solver.get_states()
    nn.clear_parameters()
    found = load(path).optimizers["o"].solver.get_states()
    assert set(found) == set(expected)
    for key, state in expected.items():
        assert found[key].t == state.t == 1
        for name, v in state.pstate.items():
            np.testing.assert_array_equal(found[key].pstate[name].d, v.d)


def test_given_parameters():
    made, file = contents(), io.BytesIO()
    save(file, made, parameters={"only/W": nn.Variable.from_numpy_array(np.ones((2, 2)))})
    nn.clear_parameters()
    nn.load_parameters(file, extension=".nnp")
    assert list(nn.get_parameters(grad_only=False)) == ["only/W"]


@pytest.mark.parametrize("name", ["net.h5", "net.zip", "net.NNP"])
def test_other_extensions_write_nothing(tmp_path, name):
    save(str(tmp_path / name), contents())
    assert not list(tmp_path.iterdir())


def test_no_extension(tmp_path):
    with pytest.raises(ValueError, match="is not support"):
        save(str(tmp_path / "net"), contents())


def test_empty():
    assert not create_proto({}).ByteSize()


@pytest.mark.parametrize("solver", RULES)
def test_every_solver_comes_back(solver):
    made, file = contents(), io.BytesIO()
    given = {k: not v if isinstance(v, bool) else v * 0.5 for k, v in RULES[solver].defaults.items()}
    made["optimizers"] = [optimizer(getattr(S, solver)(**given))]
    save(file, made)
    info = load(file, extension=".nnp")
    loaded = info.optimizers["o"]
    assert loaded.solver.name == solver and loaded.update_interval == 2
    known = {k: v for k, v in made["optimizers"][0]["solver"].info.items() if k in loaded.solver.info}
    fields = create_proto(made).optimizer[0].solver
    stored = {d.name for d in getattr(fields, fields.WhichOneof("parameter")).DESCRIPTOR.fields}
    assert {k: v for k, v in loaded.solver.info.items() if k in stored} == {k: v for k, v in known.items() if k in stored}


def test_frozen_parameters():
    made, file = contents(), io.BytesIO()
    solver = S.Sgd()
    made["optimizers"] = [optimizer(solver)]
    solver.set_parameters({k: v for k, v in nn.get_parameters().items() if k.startswith("fc2")})
    save(file, made)
    loaded = load(file, extension=".nnp").optimizers["o"]
    assert {v.name: m for v, m in loaded.parameter_learning_rate_multipliers.items()} == {
        "fc1/affine/W": 0, "fc1/affine/b": 0, "fc2/affine/W": 1, "fc2/affine/b": 1}
    assert set(loaded.solver.get_parameters()) == {"fc2/affine/W", "fc2/affine/b"}
    assert [v.variable_instance.need_grad for v in loaded.network.parameters.values()] == [False, False, True, True]


def test_training_goes_on(tmp_path):
    """A loaded optimizer makes the steps that the saved one would have made."""
    rng = np.random.RandomState(0)
    x, t = nn.Variable((4, 3)), nn.Variable((4, 2))
    loss = F.mean(F.squared_error(PF.affine(F.tanh(PF.affine(x, 5, name="a")), 2, name="b"), t))
    solver = S.Momentum(0.1)
    solver.set_parameters(nn.get_parameters())

    def step(loss, solver, x, t):
        x.d, t.d = rng.randn(4, 3), rng.randn(4, 2)
        loss.forward()
        solver.zero_grad()
        loss.backward()
        solver.update()
    for _ in range(3):
        step(loss, solver, x, t)
    path = str(tmp_path / "state.nnp")
    save(path, {"networks": [{"name": "net", "batch_size": 4, "outputs": {"loss": loss}, "names": {"x": x, "t": t}}],
                "datasets": [{"name": "d", "uri": "a.csv", "variables": ["x", "t"], "shuffle": False, "batch_size": 4,
                              "no_image_normalization": True}],
                "optimizers": [
                    {"name": "o", "solver": solver, "network": "net", "dataset": "d", "weight_decay": 0, "lr_decay": 1,
                     "lr_decay_interval": 1, "update_interval": 1, "data_variables": {"x": "x", "t": "t"}}]},
         include_solver_state=True)
    state = rng.get_state()
    for _ in range(3):
        step(loss, solver, x, t)
    expected = values()
    nn.clear_parameters()
    rng.set_state(state)
    loaded = load(path, prepare_data_iterator=False).optimizers["o"]
    inputs = {name: v.variable_instance for v, name in loaded.dataset_assign.items()}
    for _ in range(3):
        step(loaded.target, loaded.solver, inputs["x"], inputs["t"])
    for name, value in values().items():
        np.testing.assert_allclose(value, expected[name], 1e-5, 1e-6)


def test_data_sets_of_a_file_are_iterated(tmp_path):
    path = tmp_path / "data.csv"
    path.write_text("x__0,x__1,y\n" + "".join(f"{i},{i + 1},{i % 2}\n" for i in range(8)))
    made = contents()
    made["datasets"][0].update(uri=str(path), cache_dir=str(tmp_path / "cache"), shuffle=False)
    file = io.BytesIO()
    save(file, made)
    for cached in (False, True):
        file.seek(0)
        with load(file, extension=".nnp").datasets["d"].data_iterator() as iterator:
            assert set(iterator.variables) == {"x", "y"} and iterator.size == 8
            first = dict(zip(iterator.variables, iterator.next()))
            np.testing.assert_array_equal(first["x"], [[0, 1], [1, 2]])
        assert (tmp_path / "cache" / "cache_index.csv").exists()


WRONG = [
    (lambda c: c["networks"][0].update(outputs={}), AssertionError, "at least one output"),
    (lambda c: c["networks"][0].update(outputs={"y": nn.Variable((2, 3))}), ValueError, "No network is found"),
    (lambda c: c["networks"][0].pop("names"), KeyError, "names"),
    (lambda c: c.update(executors=[{"name": "e", "network": "other"}]), KeyError, "other is not found in networks"),
    (lambda c: c.update(executors=[{"name": "e", "network": "net", "data": ["q"]}]), ValueError, "q is not found in networks!"),
    (lambda c: c.update(monitors=[{"name": "m", "network": "other", "dataset": "d"}]), ValueError, "other is not found"),
    (lambda c: c.update(monitors=[{"name": "m", "network": "net", "dataset": "q"}]), ValueError, "monitor definition: q"),
    (lambda c: c.update(optimizers=[optimizer(S.Sgd(), dataset=["q"])]), ValueError, "found in optimizer: q"),
    (lambda c: c.update(training_config={"max_epoch": 1}), KeyError, "iter_per_epoch"),
]


@pytest.mark.parametrize("change, error, text", WRONG, ids=[w[2] for w in WRONG])
def test_wrong_contents(tmp_path, change, error, text):
    made = contents()
    change(made)
    with pytest.raises(error, match=text):
        save(str(tmp_path / "net.nnp"), made)
    assert not list(pathlib.Path(tmp_path).iterdir())


def test_reshape_that_merges_the_batch():
    x = nn.Variable((2, 3, 4))
    y = PF.affine(F.reshape(x, (6, 4)), 5)
    made = {"networks": [{"name": "n", "batch_size": 6, "outputs": {"y": F.reshape(y, (2, 15))}, "names": {}}]}
    with pytest.raises(AssertionError, match="variable_batch_size=False"):
        save(io.BytesIO(), made)
    save(io.BytesIO(), made, variable_batch_size=False)
