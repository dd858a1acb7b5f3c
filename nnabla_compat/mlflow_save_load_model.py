"""Models of this package in MLflow's model format (the ``mlflow`` extra).

A model is a folder of files: the parameters (``model/``), and if given networks (``nnp_files/``), checkpoints
(``checkpoint_files/``), others (``extra_files/``) and a configuration. With a network it can be served by
``mlflow.pyfunc``, too.
"""
import importlib.metadata
import os
import shutil
import sys

import numpy as np

from . import __version__
from .optional import require

FLAVOR_NAME = "nnabla"

# Folders of a model, by the argument that fills them.
_FOLDERS = {"nnp": "nnp_files", "checkpoint": "checkpoint_files", "extra_files": "extra_files"}
_DATA = "model"


def _mlflow(module=""):
    return require(f"mlflow.{module}" if module else "mlflow", purpose="MLflow models")


def get_default_pip_requirements():
    """What a model needs to be loaded, as lines for pip."""
    try:
        return [f"nnabla-compat=={importlib.metadata.version('nnabla-compat')}"]
    except importlib.metadata.PackageNotFoundError:  # run from its sources
        return ["nnabla-compat"]


def get_default_conda_env():
    """What a model needs to be loaded, as a Conda environment."""
    return _mlflow("utils.environment")._mlflow_conda_env(additional_pip_deps=get_default_pip_requirements())


def log_model(nnabla_model_name, path, nnp=None, checkpoint=None, config_file=None, extra_files=None, conda_env=None,
              code_paths=None, signature=None, input_example=None, pip_requirements=None, extra_pip_requirements=None,
              metadata=None):
    """Log a model to the active run, one being started if there is none.

    Args:
        nnabla_model_name (str): Name of the file with the parameters, in the folder ``path``.
        path (str): Folder of that file; the model is called like it, without what MLflow forbids.
        **others: See :func:`save_model`.

    Returns:
        mlflow.models.model.ModelInfo
    """
    name = os.path.basename(os.path.normpath(path))
    return _mlflow("models").Model.log(
        artifact_path=name, flavor=sys.modules[__name__], nnabla_model_name=os.path.join(path, nnabla_model_name),
        nnp=nnp, checkpoint=checkpoint, config_file=config_file, extra_files=extra_files, conda_env=conda_env,
        code_paths=code_paths, signature=signature, input_example=input_example, pip_requirements=pip_requirements,
        extra_pip_requirements=extra_pip_requirements, metadata=metadata)


def save_model(nnabla_model_name, path, nnp=None, checkpoint=None, config_file=None, extra_files=None, conda_env=None,
               code_paths=None, mlflow_model=None, signature=None, input_example=None, pip_requirements=None,
               extra_pip_requirements=None, metadata=None):
    """Save a model as a folder in MLflow's format.

    Args:
        nnabla_model_name (str): The file with the parameters.
        path (str): The folder to make; it must not hold anything yet.
        nnp (list of str): Network files, paths or URIs.
        checkpoint (list of str): Checkpoint files, paths or URIs.
        config_file (str): A file that is put beside.
        extra_files (list of str): Other files, paths or URIs.
        conda_env (dict or str): Conda environment, or a file with one.
        code_paths (list of str): Python files that are importable where the model is loaded.
        mlflow_model (mlflow.models.Model): What is described; a new one by default.
        signature (mlflow.models.ModelSignature): Inputs and outputs.
        input_example: An input, kept with the model.
        pip_requirements (list of str): In place of :func:`get_default_pip_requirements`.
        extra_pip_requirements (list of str): Added to it.
        metadata (dict): Kept in the description.

    Raises:
        TypeError: ``nnp``, ``checkpoint`` or ``extra_files`` is no list.
        mlflow.exceptions.MlflowException: ``path`` is not empty; environments contradict each other.
    """
    environment, models = _mlflow("utils.environment"), _mlflow("models")
    environment._validate_env_arguments(conda_env, pip_requirements, extra_pip_requirements)
    given = {"nnp": nnp, "checkpoint": checkpoint, "extra_files": extra_files}
    for name, files in given.items():
        if files is not None and not isinstance(files, list):
            raise TypeError(f"save_model: expected {name} to be a list of files, received {files!r}.")
    path = os.path.abspath(path)
    _mlflow("utils.model_utils")._validate_and_prepare_target_save_path(path)
    code = _mlflow("utils.model_utils")._validate_and_copy_code_paths(code_paths, path)

    description = models.Model() if mlflow_model is None else mlflow_model
    if signature:
        description.signature = signature
    if input_example is not None:
        _mlflow("models.utils")._save_example(description, input_example, path)
    if metadata is not None:
        description.metadata = metadata

    os.makedirs(os.path.join(path, _DATA))
    shutil.copy(nnabla_model_name, os.path.join(path, _DATA))
    if config_file:
        shutil.copy(config_file, path)
    contents = {}
    for name, files in given.items():
        if files:
            contents[_FOLDERS[name]] = [{"path": _fetch(file, path, _FOLDERS[name])} for file in files]
    description.add_flavor(FLAVOR_NAME, model_data=_DATA, nnabla_version=__version__, code=code, **contents)
    _mlflow("pyfunc").add_to_model(description, loader_module=__name__, data=_DATA, code=code,
                                   conda_env=environment._CONDA_ENV_FILE_NAME,
                                   python_env=environment._PYTHON_ENV_FILE_NAME)
    description.save(os.path.join(path, "MLmodel"))
    _write_environment(environment, path, conda_env, pip_requirements, extra_pip_requirements)


def _fetch(file, path, folder):
    place = os.path.join(path, folder)
    os.makedirs(place, exist_ok=True)
    _mlflow("artifacts").download_artifacts(artifact_uri=file, dst_path=place)
    return f"{folder}/{os.path.basename(file)}"


def _write_environment(environment, path, conda_env, pip_requirements, extra_pip_requirements):
    if conda_env is None:
        default = get_default_pip_requirements() if pip_requirements is None else None
        made = environment._process_pip_requirements(default, pip_requirements, extra_pip_requirements)
    else:
        made = environment._process_conda_env(conda_env)
    conda, requirements, constraints = made
    with open(os.path.join(path, environment._CONDA_ENV_FILE_NAME), "w") as file:
        require("yaml").safe_dump(conda, file, default_flow_style=False)
    lists = {environment._REQUIREMENTS_FILE_NAME: requirements, environment._CONSTRAINTS_FILE_NAME: constraints}
    for name, lines in lists.items():
        if lines:
            with open(os.path.join(path, name), "w") as file:
                file.write("\n".join(lines))
    environment._PythonEnv.current().to_yaml(os.path.join(path, environment._PYTHON_ENV_FILE_NAME))


def load_model(model_uri, dst_path=None, **kwargs):
    """Fetch a model.

    Args:
        model_uri (str): Path or URI, such as ``runs:/<run id>/<name>``.
        dst_path (str): Folder to fetch it to; a temporary one by default.
        model (str): What of it: ``'model'`` (default), ``'nnp'``, ``'checkpoint'``, or ``'MLmodel'`` for the folder.

    Returns:
        str or list of str: path of the file of parameters, or of the folder, or paths of network or checkpoint files.

    Raises:
        ValueError: no such part.
        FileNotFoundError: the model does not have that part.
    """
    parts = {"model": _DATA, "MLmodel": "", "nnp": _FOLDERS["nnp"], "checkpoint": _FOLDERS["checkpoint"]}
    part = kwargs.get("model", "model")
    if part not in parts:
        raise ValueError(f"load_model: expected model to be one of {list(parts)}, received {part!r}.")
    path = _mlflow("artifacts").download_artifacts(artifact_uri=model_uri, dst_path=dst_path)
    tools = _mlflow("utils.model_utils")
    tools._add_code_from_conf_to_system_path(
        path, tools._get_flavor_configuration(model_path=path, flavor_name=FLAVOR_NAME))
    if part == "MLmodel":
        return path
    files = _files(os.path.join(path, parts[part]))
    return files[0] if part == "model" else files


def _files(folder):
    return sorted(os.path.join(folder, name) for name in os.listdir(folder))


def _load_pyfunc(path):
    """The model whose parameters are in the folder ``path``, for ``mlflow.pyfunc``."""
    return _Served(os.path.join(os.path.dirname(path.rstrip("/")), _FOLDERS["nnp"]))


class _Served:
    """The first network of a model, called on arrays."""

    def __init__(self, folder):
        from .utils.nnp_graph import NnpLoader
        if not os.path.isdir(folder):
            raise FileNotFoundError(f"The model has no network, there is no {folder}. Save it with nnp=[...].")
        self._file = NnpLoader(_files(folder)[0])
        self._name = self._file.get_network_names()[0]

    def predict(self, data, params=None):
        """Run the network on a batch.

        Args:
            data: Array of a network's only input; or arrays by the inputs' names.
            params: Not used.

        Returns:
            numpy.ndarray, or a dict of them by name where the network has several outputs.
        """
        data = data if isinstance(data, dict) else {None: getattr(data, "values", data)}
        arrays = {name: np.asarray(values, np.float32) for name, values in data.items()}
        net = self._file.get_network(self._name, batch_size=len(next(iter(arrays.values()))))
        for name, values in arrays.items():
            (next(iter(net.inputs.values())) if name is None else net.inputs[name]).d = values
        for y in net.outputs.values():
            y.forward()
        outputs = {name: y.d.copy() for name, y in net.outputs.items()}
        return next(iter(outputs.values())) if len(outputs) == 1 else outputs


def unique_run_name():
    """From now on, let ``mlflow.start_run`` number names that the experiment has already: ``name-1``, ``name-2`` ..."""
    mlflow = _mlflow()
    start = mlflow.start_run

    def start_run(run_id=None, experiment_id=None, run_name=None, *args, **kwargs):
        taken = [run.info.run_name for run in _runs(experiment_id)] if run_name is not None else ()
        unique, number = run_name, 0
        while unique in taken:
            number += 1
            unique = f"{run_name}-{number}"
        return start(run_id, experiment_id, unique, *args, **kwargs)

    mlflow.start_run = start_run


def _runs(experiment_id=None):
    from_active = _mlflow("tracking.fluent")._get_experiment_id
    return _mlflow().MlflowClient().search_runs([experiment_id or from_active()])


def get_runid_by_name(run_name, experiment_name=None):
    """Id of the latest run of that name, None if there is none; in the active experiment, or the one of that name."""
    client = _mlflow().MlflowClient()
    experiment = client.get_experiment_by_name(experiment_name).experiment_id if experiment_name else None
    return next((run.info.run_id for run in _runs(experiment) if run.info.run_name == run_name), None)
