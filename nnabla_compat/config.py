"""Settings from ``nnabla.conf`` files, as one ``RawConfigParser``.

Read once, at import. Later files win: the packaged default, the machine's, the user's, the one in the
working directory, and the one named by the environment variable ``NNABLA_CONFIG_FILE_PATH``::

    from nnabla.config import nnabla_config
    rows = int(nnabla_config.get("DATA_ITERATOR", "data_source_file_cache_size"))
"""
import configparser
import os


def _config_files():
    yield os.path.join(os.path.dirname(os.path.abspath(__file__)), "nnabla.conf")
    if os.name == "nt":
        for variable in ("PROGRAMDATA", "APPDATA"):
            folder = os.environ.get(variable)
            if folder:
                yield os.path.join(folder, "NNabla", "nnabla.ini")
    else:
        yield "/etc/nnabla.conf"
        yield os.path.join(os.path.expanduser("~"), ".nnabla")
    yield os.path.join(os.getcwd(), "nnabla.conf")
    named = os.environ.get("NNABLA_CONFIG_FILE_PATH")
    if named:
        yield named


def _get_nnabla_config():
    config = configparser.RawConfigParser()
    config.read([path for path in _config_files() if os.path.isfile(path)])  # unreadable: the error says so
    return config


nnabla_config = _get_nnabla_config()
