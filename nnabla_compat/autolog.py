"""What monitors record, in MLflow too (the ``mlflow`` extra).

::

    autolog(with_save_parameters=True)
    with mlflow.start_run():
        train()                    # series and times become metrics, images and parameter files artifacts
    stop_autolog()
"""
import nnabla_compat

from . import monitor, parameter
from .optional import require


def autolog(with_save_parameters=False):
    """Log to MLflow's active run, one being started if there is none, what monitors write from now on.

    ========================== ========================================================================
    what                       becomes
    ========================== ========================================================================
    MonitorSeries              metric ``name``: the mean it writes, the index being the step
    MonitorTimeElapsed         metric ``name``: the seconds of the lap
    MonitorImage, ...ImageTile artifacts ``runs_<run id>/<name>/``
    ``nn.save_parameters``     artifact ``runs_<run id>/parameters/``
    ========================== ========================================================================

    Args:
        with_save_parameters (bool): Log files that ``nn.save_parameters`` writes too.

    Raises:
        ImportError: MLflow is not installed.
    """
    require("mlflow", purpose="autolog")
    stop_autolog()
    monitor.observers.append(_log)
    if with_save_parameters:
        nnabla_compat.save_parameters = _save_parameters


def stop_autolog():
    """Log nothing more."""
    if _log in monitor.observers:
        monitor.observers.remove(_log)
    if nnabla_compat.save_parameters is _save_parameters:
        nnabla_compat.save_parameters = parameter.save_parameters


def _log(source, index, value):
    mlflow = require("mlflow")
    if not isinstance(value, list):
        mlflow.log_metric(source.name, value, step=index)
    elif (index + 1) % source.interval == 0:  # nnabla leaves out the first pictures, which come before an interval is over
        _log_files(source.name, value)


def _log_files(name, paths):
    mlflow = require("mlflow")
    run = mlflow.active_run() or mlflow.start_run()
    for path in paths:
        mlflow.log_artifact(path, f"runs_{run.info.run_id}/{name}")


def _save_parameters(path, params=None, extension=None):
    parameter.save_parameters(path, params, extension)
    _log_files("parameters", [path])
