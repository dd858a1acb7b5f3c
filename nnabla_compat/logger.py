"""The ``nnabla`` logger.

Importing this module configures the root logger once through ``logging.basicConfig``, with level and
format from the ``[LOG]`` section of the configuration. An application that configured logging before
keeps its own settings. A log file is written only when ``log_file_name`` names one.
"""
import logging

from .config import nnabla_config


def _level(key):
    name = nnabla_config.get("LOG", key)
    level = getattr(logging, name, None)
    return level if isinstance(level, int) else None


log_console_level = _level("log_console_level")
log_console_format = nnabla_config.get("LOG", "log_console_format")

logging.basicConfig(level=log_console_level, format=log_console_format)

if nnabla_config.get("LOG", "log_file_name"):
    _to_file = logging.FileHandler(nnabla_config.get("LOG", "log_file_name"))
    _to_file.setLevel(_level("log_file_level") or logging.NOTSET)
    _to_file.setFormatter(logging.Formatter(nnabla_config.get("LOG", "log_file_format")))
    logging.getLogger().addHandler(_to_file)

logger = logging.getLogger("nnabla")
