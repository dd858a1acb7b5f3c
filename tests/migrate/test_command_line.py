"""`python -m nnabla_compat`: programs run as Python itself would run them."""
import os
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]


def compat(*arguments, cwd, python=(), **environment):
    """Run the command line in a process of its own."""
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    return subprocess.run([sys.executable, *python, "-m", "nnabla_compat", *map(str, arguments)], cwd=cwd,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=300,
                          env=dict(os.environ, PYTHONPATH=path, **environment))


@pytest.fixture
def program(tmp_path):
    """A directory with a script, a module beside it, a package, and something that fails."""
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "beside.py").write_text("value = 3\n")
    (tmp_path / "code" / "script.py").write_text(
        "import sys, os\n"
        "import nnabla as nn, nnabla.functions as F, beside\n"
        "if __name__ == '__main__':\n"
        "    import __main__\n"
        "    assert __main__.nn is nn and __main__.__file__ == os.path.abspath(__file__)\n"
        "    assert __spec__ is None and __package__ is None\n"
        "    print(sys.argv, sys.path[0], nn.__name__)\n"
        "    sys.exit(7)\n")
    (tmp_path / "code" / "fails.py").write_text("def f():\n    return 1 / 0\n\n\nf()\n")
    (tmp_path / "code" / "package").mkdir()
    (tmp_path / "code" / "package" / "__init__.py").write_text("")
    (tmp_path / "code" / "package" / "__main__.py").write_text(
        "import sys\nfrom . import part\nimport nnabla.solvers\nprint(__name__, __package__, sys.argv, sys.path[0])\n")
    (tmp_path / "code" / "package" / "part.py").write_text("")
    return tmp_path


def test_script(program):
    done = compat("run", "code/script.py", "--", "--epochs", "3", "-h", "--", "-m", "x", cwd=program)
    assert done.returncode == 7, done.stderr
    argv = ["code/script.py", "--", "--epochs", "3", "-h", "--", "-m", "x"]
    assert done.stdout == f"{argv} {program / 'code'} nnabla_compat\n"


def test_module(program):
    done = compat("run", "-m", "package", "--epochs", "3", cwd=program / "code")
    assert done.returncode == 0, done.stderr
    argv = [str(program / "code" / "package" / "__main__.py"), "--epochs", "3"]
    assert done.stdout == f"__main__ package {argv} {program / 'code'}\n"


def test_module_of_this_package_by_nnablas_name(program):
    done = compat("run", "-m", "nnabla.utils.learning_rate_scheduler", cwd=program)
    assert done.returncode == 0, done.stderr


def test_directory(program):
    done = compat("run", "code/package", "a", cwd=program)
    assert done.returncode == 1 and "attempted relative import" in done.stderr  # as `python code/package` says
    (program / "code" / "package" / "__main__.py").write_text("import sys, part\nprint(sys.argv, sys.path[0])\n")
    done = compat("run", "code/package", "a", cwd=program)
    assert done.stdout == "['code/package', 'a'] code/package\n"


def test_traceback_shows_the_program_only(program):
    done = compat("run", "code/fails.py", cwd=program)
    assert done.returncode == 1
    assert done.stderr.count("File ") == 2 and "launch.py" not in done.stderr and "runpy" not in done.stderr
    assert done.stderr.rstrip().endswith("ZeroDivisionError: division by zero")
    assert "launch.py" not in compat("run", "-m", "fails", cwd=program / "code").stderr


def test_script_that_is_not_there(program):
    done = compat("run", "nowhere.py", cwd=program)
    assert done.returncode == 2 and "nowhere.py" in done.stderr


def test_processes_the_program_starts(program):
    """Spawned and plain child processes have the alias too."""
    (program / "code" / "parent.py").write_text(
        "import multiprocessing, subprocess, sys\n"
        "import nnabla\n"
        "def tell(connection):\n"
        "    connection.send(nnabla.__name__)\n"
        "if __name__ == '__main__':\n"
        "    spawn = multiprocessing.get_context('spawn')\n"
        "    here, there = spawn.Pipe()\n"
        "    child = spawn.Process(target=tell, args=(there,))\n"
        "    child.start()\n"
        "    there.close()\n"      # so that a child that dies ends the wait
        "    print([here.recv()])\n"
        "    child.join()\n"
        "    code = 'import nnabla_ext.cpu, nnabla.functions as F; print(F.__name__)'\n"
        "    print(subprocess.check_output([sys.executable, '-c', code], text=True))\n")
    done = compat("run", "code/parent.py", cwd=program)
    assert done.returncode == 0, done.stderr
    assert "['nnabla_compat']" in done.stdout and "nnabla_compat.functions" in done.stdout


def test_path_for_programs_that_something_else_starts(program):
    shim = compat("path", cwd=program).stdout.strip()
    done = subprocess.run([sys.executable, "code/script.py"], cwd=program, stdout=subprocess.PIPE, text=True,
                          env=dict(os.environ, PYTHONPATH=os.pathsep.join([shim, str(ROOT)])), timeout=300)
    assert done.returncode == 7 and "nnabla_compat" in done.stdout


@pytest.mark.skipif(sys.version_info < (3, 11), reason="Python 3.11 brought safe_path")
def test_safe_path_is_respected(program):
    (program / "code" / "script.py").write_text("import beside\n")
    done = compat("run", "code/script.py", cwd=program, python=["-P"])
    assert "No module named 'beside'" in done.stderr


def test_usage(program):
    assert "run a program written for nnabla" in compat("--help", cwd=program).stdout
    assert compat(cwd=program).returncode == 2
    assert "torch" in compat("version", cwd=program).stdout
