"""Monitors and models in MLflow, with a store in a local folder."""
import numpy as np
import pytest

import nnabla_compat as nn
import nnabla_compat.parametric_functions as PF
from nnabla_compat.monitor import Monitor, MonitorImage, MonitorImageTile, MonitorSeries, MonitorTimeElapsed


@pytest.fixture
def mlflow(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")  # newer releases want a database
    library = pytest.importorskip("mlflow")
    library.set_tracking_uri((tmp_path / "store").as_uri())
    monkeypatch.chdir(tmp_path)
    nn.clear_parameters()
    yield library
    library.end_run()
    library.set_tracking_uri(None)


@pytest.fixture
def autolog(mlflow):
    from nnabla_compat import autolog
    yield autolog
    autolog.stop_autolog()


def artifacts(mlflow, run, folder):
    return [a.path for a in mlflow.MlflowClient().list_artifacts(run.info.run_id, folder)]


def metric(mlflow, run, name):
    return [(m.step, m.value) for m in mlflow.MlflowClient().get_metric_history(run.info.run_id, name)]


def test_monitors_are_logged(mlflow, autolog, tmp_path):
    monitor = Monitor(str(tmp_path / "monitor"))
    series = MonitorSeries("loss", monitor, interval=2, verbose=False)
    timer = MonitorTimeElapsed("time", monitor, interval=2, verbose=False)
    pictures = [cls(name, monitor, interval=2, verbose=False, num_images=2)
                for name, cls in (("images", MonitorImage), ("tiles", MonitorImageTile))]
    autolog.autolog()
    with mlflow.start_run() as run:
        for i in range(6):
            series.add(i, i)
            timer.add(i)
            for p in pictures:
                p.add(i, np.random.RandomState(i).rand(3, 1, 4, 4))
    assert metric(mlflow, run, "loss") == [(1, .5), (3, 2.5), (5, 4.5)]
    assert [step for step, _ in metric(mlflow, run, "time")] == [1, 3, 5]
    place = f"runs_{run.info.run_id}"
    assert artifacts(mlflow, run, f"{place}/images") == [
        f"{place}/images/{i:06d}-{j:03d}.png" for i in (1, 3, 5) for j in (0, 1)]
    assert artifacts(mlflow, run, f"{place}/tiles") == [f"{place}/tiles/{i:06d}.png" for i in (1, 3, 5)]
    autolog.stop_autolog()
    with mlflow.start_run() as run:
        series.add(7, 1.)
    assert not mlflow.get_run(run.info.run_id).data.metrics


def test_parameters_are_logged_on_request(mlflow, autolog, tmp_path):
    PF.affine(nn.Variable((2, 3)), 4)
    original, path = nn.save_parameters, str(tmp_path / "p.h5")
    autolog.autolog()
    assert nn.save_parameters is original
    autolog.autolog(with_save_parameters=True)
    with mlflow.start_run() as run:
        nn.save_parameters(path)
    assert artifacts(mlflow, run, f"runs_{run.info.run_id}/parameters") == [f"runs_{run.info.run_id}/parameters/p.h5"]
    autolog.stop_autolog()
    assert nn.save_parameters is original


@pytest.fixture
def files(tmp_path):
    """Parameters, a network with them, and a checkpoint, in one folder."""
    pytest.importorskip("google.protobuf")
    from nnabla_compat.utils.save import save
    folder = tmp_path / "result"
    folder.mkdir()
    x = nn.Variable((1, 3))
    y = PF.affine(x, 2)
    nn.save_parameters(str(folder / "params.h5"))
    save(str(folder / "net.nnp"), {"networks": [{"name": "net", "batch_size": 1, "outputs": {"y": y}, "names": {"x": x}}],
                                   "executors": []})
    (folder / "state.h5").write_bytes(b"state")
    w = nn.get_parameters()
    return folder, lambda v: v @ w["affine/W"].d + w["affine/b"].d


def test_a_model_is_logged_loaded_and_served(mlflow, files):
    from nnabla_compat import mlflow_save_load_model as flavor
    folder, network = files
    with mlflow.start_run():
        info = flavor.log_model("params.h5", str(folder), nnp=[str(folder / "net.nnp")],
                                checkpoint=[str(folder / "state.h5")], extra_files=[str(folder / "state.h5")],
                                metadata={"made": "here"})
    assert set(info.flavors) == {"nnabla", "python_function"} and info.metadata == {"made": "here"}
    assert flavor.load_model(info.model_uri).endswith("model/params.h5")
    for part, end in (("nnp", "nnp_files/net.nnp"), ("checkpoint", "checkpoint_files/state.h5")):
        found, = flavor.load_model(info.model_uri, model=part)
        assert found.endswith(end)
    nn.clear_parameters()
    nn.load_parameters(flavor.load_model(info.model_uri))
    assert set(nn.get_parameters()) == {"affine/W", "affine/b"}
    served = mlflow.pyfunc.load_model(info.model_uri)
    data = np.random.RandomState(0).randn(5, 3).astype(np.float32)
    np.testing.assert_allclose(served.predict(data), network(data), rtol=1e-5)
    np.testing.assert_allclose(served.predict({"x": data}), network(data), rtol=1e-5)
    with pytest.raises(ValueError, match="expected model to be one of"):
        flavor.load_model(info.model_uri, model="weights")


def test_a_saved_model_says_what_it_needs(mlflow, files, tmp_path):
    from nnabla_compat import mlflow_save_load_model as flavor
    folder, _ = files
    flavor.save_model(str(folder / "params.h5"), str(tmp_path / "saved"), config_file=str(folder / "state.h5"),
                      extra_pip_requirements=["pillow"])
    saved = tmp_path / "saved"
    assert {p.name for p in saved.iterdir()} == {"MLmodel", "conda.yaml", "model", "python_env.yaml", "requirements.txt",
                                                  "state.h5"}
    assert "nnabla-compat" in (saved / "requirements.txt").read_text() and "pillow" in (saved / "conda.yaml").read_text()
    assert "nnabla_compat.mlflow_save_load_model" in (saved / "MLmodel").read_text()
    with pytest.raises(mlflow.exceptions.MlflowException):
        flavor.save_model(str(folder / "params.h5"), str(saved))
    with pytest.raises(TypeError, match="nnp"):
        flavor.save_model(str(folder / "params.h5"), str(tmp_path / "other"), nnp="net.nnp")
    with pytest.raises(FileNotFoundError, match="no network"):
        mlflow.pyfunc.load_model(str(saved))


def test_names_of_runs(mlflow, monkeypatch):
    from nnabla_compat import mlflow_save_load_model as flavor
    monkeypatch.setattr(mlflow, "start_run", mlflow.start_run)
    flavor.unique_run_name()
    ids = []
    for _ in range(3):
        with mlflow.start_run(run_name="train") as run:
            ids.append(run.info.run_id)
    names = [mlflow.get_run(i).info.run_name for i in ids]
    assert names == ["train", "train-1", "train-2"]
    assert [flavor.get_runid_by_name(n) for n in names] == ids and flavor.get_runid_by_name("other") is None
    assert flavor.get_runid_by_name("train", "Default") == ids[0]


def test_without_mlflow_the_extra_is_named(monkeypatch):
    import sys
    from nnabla_compat import autolog, mlflow_save_load_model
    monkeypatch.setitem(sys.modules, "mlflow", None)
    for call in (autolog.autolog, lambda: mlflow_save_load_model.get_runid_by_name("run")):
        with pytest.raises(ImportError, match=r"nnabla-compat\[mlflow\]"):
            call()
