"""Running somebody else's program in this process, as ``python script.py`` and ``python -m module`` would."""
import builtins
import importlib.machinery
import io
import os
import pkgutil
import runpy
import sys
import types

# Files whose frames lie between Python's start and the program.
_OURS = {__file__, runpy.run_path.__code__.co_filename}


def run_script(path, arguments):
    """Run a file, or a directory or zip file with a ``__main__.py``, as the main program."""
    sys.argv[:] = [path, *arguments]
    if pkgutil.get_importer(path) is not None:
        _drop_own_path()
        return _report(runpy.run_path, path, run_name="__main__")
    _set_own_path(os.path.dirname(os.path.realpath(path)))
    return _report(_run_file, path)


def run_module(name, arguments):
    """Run a module, or a package with a ``__main__`` module, as the main program."""
    sys.argv[:] = [name, *arguments]  # runpy puts the file's path first, once it has found it
    _set_own_path(os.getcwd())
    return _report(runpy.run_module, name, run_name="__main__", alter_sys=True)


def _run_file(path):
    with io.open_code(path) as f:
        source = f.read()
    path = os.path.abspath(path)
    main = types.ModuleType("__main__")
    main.__file__ = path
    main.__builtins__ = builtins
    main.__loader__ = importlib.machinery.SourceFileLoader("__main__", path)
    # Left there afterwards: threads, atexit functions and pickle look the program's names up in it.
    sys.modules["__main__"] = main
    exec(compile(source, path, "exec"), main.__dict__)


def _set_own_path(directory):
    """The entry Python itself put at the head of sys.path for this program, replaced by the one for the other."""
    if not getattr(sys.flags, "safe_path", False):
        sys.path[0] = directory


def _drop_own_path():
    if not getattr(sys.flags, "safe_path", False):
        del sys.path[0]


def _report(program, *args, **kwargs):
    """Run ``program``; an exception is shown without the frames that led from Python's start to it. Gives the status."""
    try:
        program(*args, **kwargs)
        return 0
    except Exception as error:
        trace = error.__traceback__
        while trace is not None and trace.tb_frame.f_code.co_filename in _OURS:
            trace = trace.tb_next
        sys.excepthook(type(error), error.with_traceback(trace), trace)
        return 1
