"""Logger, configuration, progress, download, hooks, communicators and the like."""
import functools
import http.server
import inspect
import io
import logging
import os
import subprocess
import sys
import threading

import numpy as np
import pytest

from nnabla_compat import communicators, optional, testing
from nnabla_compat.config import nnabla_config
from nnabla_compat.utils import callback, communicator_util, data_source_loader, download, progress
from nnabla_compat.utils.py23_compatible import getargspec

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")


def python(code, cwd, **environment):
    """Output of a fresh interpreter that runs ``code`` in an empty home folder."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=cwd, timeout=120,
                          env={**os.environ, "PYTHONPATH": ROOT, "HOME": str(cwd), **environment})
    assert done.returncode == 0, done.stderr
    return done


def test_settings_have_nnablas_names_and_values():
    assert {section: dict(nnabla_config[section]) for section in nnabla_config.sections()} == {
        "DATA_ITERATOR": {
            "cache_file_format": ".npy", "data_source_file_cache_num_of_threads": "10",
            "cache_file_cache_num_of_threads": "4", "data_source_file_cache_size": "100",
            "data_source_file_cache_location": "", "data_source_buffer_max_size": "1073741824"},
        "LOG": {
            "log_file_name": "", "log_file_level": "DEBUG", "log_console_level": "INFO",
            "log_file_format": "%(asctime)s [%(name)s][%(levelname)s]: %(pathname)s : %(funcName)s : %(lineno)s : "
                               "%(message)s",
            "log_console_format": "%(asctime)s [%(name)s][%(levelname)s]: %(message)s"},
        "MISC": {"misc_show_progress": "True", "nnp_param_format": ".h5"},
        "CALLBACK": {"util_callback_module": ""},
        "CHECKPOINT": {"optimizer_interval": "5"},
        "MULTINODE": {"analyse_gpu_status_interval": "20", "gpu_slowing_warning_threshold": "2",
                      "gpu_slowing_error_threshold": "10"},
        "COMPILATION": {"compiled": "False"}}  # this package's own


def test_later_settings_win(tmp_path):
    (tmp_path / ".nnabla").write_text("[MISC]\nnnp_param_format = .user\n[OWN]\na = user\nb = user\nc = user\n")
    (tmp_path / "nnabla.conf").write_text("[OWN]\nb = here\nc = here\n")
    (tmp_path / "named.conf").write_text("[OWN]\nc = named\n")
    done = python("from nnabla_compat.config import nnabla_config as c\n"
                  "print(c.get('MISC', 'nnp_param_format'), *[c.get('OWN', k) for k in 'abc'])",
                  tmp_path, NNABLA_CONFIG_FILE_PATH=str(tmp_path / "named.conf"))
    assert done.stdout.split() == [".user", "user", "here", "named"]


def test_log_goes_to_stderr_and_to_a_file_only_when_asked(tmp_path):
    code = "from nnabla_compat.logger import logger; logger.info('hello'); logger.debug('quiet')"
    done = python(code, tmp_path)
    assert " [nnabla][INFO]: hello\n" in done.stderr and "quiet" not in done.stderr
    assert os.listdir(tmp_path) == []
    (tmp_path / "nnabla.conf").write_text("[LOG]\nlog_console_level = ERROR\n")
    assert "hello" not in python(code, tmp_path).stderr
    (tmp_path / "nnabla.conf").write_text("[LOG]\nlog_file_name = run.log\n")
    python(code, tmp_path)
    assert "[nnabla][INFO]: " in (tmp_path / "run.log").read_text()


def test_an_application_keeps_its_own_logging(tmp_path):
    done = python("import logging; logging.basicConfig(level='ERROR', format='mine %(message)s')\n"
                  "from nnabla_compat.logger import logger; logger.info('hello'); logger.error('oh')", tmp_path)
    assert done.stderr.splitlines() == ["mine oh"]


def test_progress_goes_to_file_and_callback(tmp_path, monkeypatch):
    monkeypatch.setattr(progress, "state_file_name", "")
    monkeypatch.setattr(progress, "state_callback", None)
    states, path = [], tmp_path / "state"
    progress.configure_progress(str(path), lambda state, share: states.append((state, share)))
    assert path.read_text() == ""
    monkeypatch.setattr(progress, "_written_at", 0.0)
    progress.progress("work", 0.5)
    assert path.read_text() == "work (50.00%)"
    progress.progress("work", 0.6)  # within a second of the last
    assert path.read_text() == "work (50.00%)"
    progress.progress(None)
    assert path.read_text() == "" and states == [(None, 0.0), ("work", 0.5), ("work", 0.6), (None, 0.0)]


def test_callbacks_of_an_application(monkeypatch):
    assert callback.get_timelimit(None) == -1 and callback.check_training_time(1, 2, 3, 4, 5) is True
    assert callback.get_best_from_status(None) == (None, None) and callback.result_base(1, 2, 3) is None
    assert data_source_loader.load(".png") is data_source_loader.load_image

    class Application:
        @staticmethod
        def get_load_image_func(ext):
            return len if ext == ".png" else None
    monkeypatch.setattr(callback, "callback_list", [Application])
    assert data_source_loader.load(".png") is len
    assert data_source_loader.load(".bmp") is data_source_loader.load_image
    assert callback.get_timelimit(None) == -1


@pytest.fixture
def server(tmp_path):
    folder = tmp_path / "served"
    folder.mkdir()

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            pass
    served = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=served.serve_forever)
    thread.start()
    yield folder, f"http://127.0.0.1:{served.server_port}/"
    served.shutdown()
    served.server_close()
    thread.join()


def test_download(server, tmp_path, monkeypatch):
    folder, url = server
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    content = os.urandom(3_000_000)
    (folder / "data.bin").write_bytes(content)
    with download.download(url + "data.bin") as file:
        assert file.read() == content
    kept = tmp_path / "home" / "nnabla_data" / "data.bin"
    assert kept.read_bytes() == content
    (folder / "data.bin").write_bytes(b"new")
    assert download.download(url + "data.bin", open_file=False) is None
    assert kept.read_bytes() == content
    download.download(url + "data.bin", open_file=False, allow_overwrite=True)
    assert kept.read_bytes() == b"new"
    target = tmp_path / "there.bin"
    with pytest.raises(OSError):
        download.download(url + "missing.bin", str(target))
    assert not target.exists() and os.listdir(kept.parent) == ["data.bin"]
    download.download(url + "data.bin", str(target)).close()
    assert target.read_bytes() == b"new"
    assert data_source_loader.download is download.download


def test_reading_over_http(server, monkeypatch):
    folder, url = server
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    (folder / "sub").mkdir()
    np.save(folder / "sub" / "v.npy", np.arange(3))
    (folder / "t.csv").write_text("x,y\nsub\\v.npy,1\n")
    from nnabla_compat.utils.data_source_implements import CsvDataSource
    with CsvDataSource(url + "t.csv") as source:
        v, y = source.next()
    assert v.tolist() == [0, 1, 2] and y == [1.0]


def test_resource_reader_takes_paths_and_binary_files(tmp_path):
    path = tmp_path / "x.CSV"
    path.write_bytes(b"1,2")
    with data_source_loader.ResourceFileReader(str(path)).open() as file:
        assert file.read() == b"1,2" and file.ext == ".csv"
    stored = io.BytesIO(b"GIF89a...")
    reader = data_source_loader.ResourceFileReader(stored)
    assert reader.ext == ".gif"
    for _ in range(2):
        with reader.open() as file:
            assert file.read(3) == b"GIF"
    for wrong in (3, io.StringIO("text")):
        with pytest.raises(ValueError, match="expected a path"):
            data_source_loader.ResourceFileReader(wrong)


def test_audio_of_every_width(tmp_path):
    import wave

    from nnabla_compat.utils import audio_utils
    assert audio_utils.get_backend() in audio_utils.get_available_backends()
    path = str(tmp_path / "x.wav")
    with wave.open(path, "wb") as audio:
        audio.setnchannels(1)
        audio.setsampwidth(3)
        audio.setframerate(8000)
        audio.writeframes(b"\x01\x02\x03\xff\xff\xff")
    assert audio_utils.auread(path).tolist() == [[0x03020100], [-256]]
    raw = tmp_path / "x.raw"
    np.array([1, -2, 3, -4], np.int16).tofile(raw)
    assert audio_utils.auread(str(raw), raw_format_param=dict(sample_width=2, channels=2, frame_rate=8000)).tolist() \
        == [[1, -2], [3, -4]]
    (tmp_path / "broken.wav").write_bytes(b"RIFF nothing")
    with pytest.raises((ValueError, EOFError)):
        audio_utils.auread(str(tmp_path / "broken.wav"))


@pytest.mark.parametrize("ending", [".flac", ".wav", ".aiff"])
@pytest.mark.parametrize("dtype", [np.int16, np.int32, np.float32])
def test_audio_through_soundfile(tmp_path, ending, dtype):
    pytest.importorskip("soundfile")
    from nnabla_compat.utils import audio_utils
    whole = np.random.RandomState(0).randint(-2 ** 15, 2 ** 15, (50, 2))
    audio = (whole * {np.int16: 1, np.int32: 2 ** 16, np.float32: 2. ** -15}[dtype]).astype(dtype)
    path = str(tmp_path / "new" / f"x{ending}")
    audio_utils.set_backend("soundfile")
    try:
        audio_utils.ausave(path, audio.T, channel_first=True)
        read = audio_utils.auread(path)
        first = audio_utils.auread(path, channel_first=True)
        with pytest.raises(ValueError, match="float array"):
            audio_utils.ausave(str(tmp_path / "x.flac"), whole)
        with pytest.raises(ValueError, match="writes no .xyz"):
            audio_utils.ausave(str(tmp_path / "x.xyz"), audio)
        (tmp_path / "broken.flac").write_bytes(b"fLaC nothing")
        with pytest.raises(ValueError, match="auread"):
            audio_utils.auread(str(tmp_path / "broken.flac"))
        assert audio_utils.auresize(audio, (25, 1)).shape == (25, 1)
    finally:
        audio_utils.set_backend("wave")
    # Integers are scaled to what the file stores; formats without fractions keep 16 bits of them.
    as_numbers = [a / (1. if a.dtype.kind == "f" else np.iinfo(a.dtype).max + 1.) for a in (read, audio)]
    np.testing.assert_allclose(*as_numbers, atol=2 ** -14)
    assert np.array_equal(first, read.T)


def test_single_process_has_no_communicator(monkeypatch):
    monkeypatch.delenv("OMPI_COMM_WORLD_SIZE", raising=False)
    assert communicator_util.create_communicator() is None
    assert communicator_util.current_communicator() is None and communicator_util.single_or_rankzero()
    for name in ("MultiProcessDataParallelCommunicator", "MultiProcessDataParalellCommunicator",
                 "MultiProcessCommunicator", "DataParallelCommunicator", "Comm", "Dist"):
        with pytest.raises(RuntimeError, match="create_communicator"):
            getattr(communicators, name)(None)
    monkeypatch.setenv("OMPI_COMM_WORLD_SIZE", "1")
    with pytest.raises(RuntimeError):
        communicator_util.create_communicator(extension_module="cpu")
    assert communicator_util.create_communicator(ignore_error=True, extension_module="cpu") is None


def test_hooks_by_key():
    from nnabla_compat import callback as hooks
    from nnabla_compat.engine.hooks import function_pre_hooks
    hooks.set_function_pre_hook("a", len)
    hooks.set_function_pre_hook("a", repr)
    try:
        assert function_pre_hooks["a"] is len
    finally:
        hooks.unset_function_pre_hook("a")
    hooks.unset_function_pre_hook("a")
    assert "a" not in function_pre_hooks


def test_assert_allclose_has_float32_tolerances():
    testing.assert_allclose(np.array([1.0, np.nan]), np.array([1.000009, np.nan]))
    with pytest.raises(AssertionError):
        testing.assert_allclose(1.0, 1.0001)


def test_getargspec():
    spec = getargspec(lambda a, b=2, *c, **d: None)
    assert spec == (["a", "b"], "c", "d", (2,)) and spec.keywords == "d"
    assert inspect.signature(getargspec).parameters.keys() == {"func"}


def test_optional_libraries_name_their_extra(tmp_path, monkeypatch):
    assert optional.require("json") is __import__("json") and optional.available("json")
    assert not optional.available("no_such_library.part")
    with pytest.raises(ImportError, match=r"pip install nnabla-compat\[images\]") as caught:
        optional.require("no_such_library", extra="images", purpose="pictures")
    assert "for pictures" in str(caught.value)
    with pytest.raises(ImportError, match="pip install no_such_library$"):
        optional.require("no_such_library.part")
    (tmp_path / "needs_more.py").write_text("import not_there_either\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="not_there_either"):
        optional.require("needs_more", extra="images")


def test_logger_is_nnablas():
    from nnabla_compat.logger import logger
    assert logger is logging.getLogger("nnabla")
