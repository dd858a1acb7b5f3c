"""``nnabla-compat port``: imports of nnabla become imports of this package, and nothing else changes."""
import pathlib
import subprocess
import sys

import pytest

from nnabla_compat.__main__ import main
from nnabla_compat.migrate import port

ROOT = pathlib.Path(__file__).resolve().parents[2]

CHANGES = {
    "import nnabla as nn": "import nnabla_compat as nn",
    "import nnabla": "import nnabla_compat as nnabla",
    "import nnabla.functions as F": "import nnabla_compat.functions as F",
    "import nnabla.functions": "import nnabla_compat as nnabla, nnabla_compat.functions",
    "import os,  nnabla.solvers as S , sys": "import os,  nnabla_compat.solvers as S , sys",
    "from nnabla import functions as F, solvers": "from nnabla_compat import functions as F, solvers",
    "from nnabla.utils.data_iterator import (\n    data_iterator_simple,  # why\n)": None,
    "from nnabla.parametric_functions import *": "from nnabla_compat.parametric_functions import *",
    "from nnabla_ext import cpu": "from nnabla_compat.ext import cpu",
    "import nnabla_ext.cpu": "import nnabla_compat.ext as nnabla_ext, nnabla_compat.ext.cpu",
    "try:\n\timport nnabla as nn ; x = 1\nexcept ImportError: pass": None,
    "def f():\n  # c\n  import   nnabla.monitor  as   m": "def f():\n  # c\n  import   nnabla_compat.monitor  as   m",
}
SAME = ["import nnabla_compat as nn", "from .nnabla import x", "from . import nnabla", "import my.nnabla as q", "nnabla = 'nnabla'",
        "import nnablacompany", "'''\nimport nnabla\n'''", "# import nnabla as nn", "x = 'nnabla.functions'"]


@pytest.mark.parametrize("before", CHANGES)
def test_change(before):
    expected = CHANGES[before] or before.replace("nnabla", "nnabla_compat")
    for ending in ("\n", "\r\n", ""):
        made = port.port((before.replace("\n", "\r\n") if ending == "\r\n" else before).encode() + ending.encode())
        assert made.after.decode() == (expected.replace("\n", "\r\n") if ending == "\r\n" else expected) + ending
        assert not made.problems and not port.port(made.after).changed


@pytest.mark.parametrize("source", SAME)
def test_left_alone(source):
    made = port.port(source.encode())
    assert not made.changed and not made.problems and not made.notes


def test_encoding_stays():
    source = "# -*- coding: latin-1 -*-\nimport nnabla as nn  # \xe9\n".encode("latin-1")
    assert port.port(source).after == source.replace(b"import nnabla ", b"import nnabla_compat ")


def test_names_that_are_missing_are_reported():
    made = port.port(b"""import nnabla as nn
import nnabla.functions as F
import nnabla.utils.nowhere
from nnabla.solvers import Sgd, Unheard
from nnabla.nothing import x

y = F.relu(F.reluu(nn.Variable((2, 3))))
nn.Variable.from_nowhere
F.relu(y).parent.anything
local = nn.nowhere.at_all
def f(F):
    return F.not_nnabla
""")
    assert made.problems == [
        (3, "nnabla.utils has no name 'nowhere' here"), (4, "nnabla.solvers has no name 'Unheard' here"),
        (5, "nnabla has no name 'nothing' here"), (7, "nnabla.functions has no name 'reluu' here"),
        (8, "nnabla.Variable has no name 'from_nowhere' here"), (10, "nnabla has no name 'nowhere' here")]


def test_extensions_for_hardware_that_is_not_there_exist():
    assert not port.port(b"import nnabla_ext.cuda\nfrom nnabla_ext import cudnn\nimport nnabla_ext.cudnn as c\n").problems


def test_modules_in_strings_are_noted():
    made = port.port(b"import importlib\nF = importlib.import_module('nnabla.functions')\nprint('nnabla.functions')\n")
    assert not made.changed and [line for line, _ in made.notes] == [2] and "nnabla_compat.functions" in made.notes[0][1]


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for folder in ("code", "code/.hidden", "code/env"):
        pathlib.Path(folder).mkdir()
    pathlib.Path("code/env/pyvenv.cfg").write_text("")
    for place in ("code/a.py", "code/.hidden/a.py", "code/env/a.py"):
        pathlib.Path(place).write_text("import nnabla as nn\nprint(nn.__name__)\n")
    pathlib.Path("code/other.py").write_text("print(1)\n")
    pathlib.Path("code/a.py").chmod(0o755)


def test_files(project, capsys):
    assert not main(["port", "code"])
    assert capsys.readouterr().out.splitlines() == ["code/a.py: changed", "2 files, 1 changed"]
    done = subprocess.run([sys.executable, "code/a.py"], env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True)
    assert done.stdout == "nnabla_compat\n", done.stderr
    assert pathlib.Path("code/a.py").stat().st_mode & 0o777 == 0o755
    assert "nnabla_compat" not in pathlib.Path("code/env/a.py").read_text() + pathlib.Path("code/.hidden/a.py").read_text()
    assert not main(["port", "code", "--check"])


def test_check_and_diff_write_nothing(project, capsys):
    before = pathlib.Path("code/a.py").read_bytes()
    assert main(["port", "code", "--check"]) == 1
    assert "code/a.py: would change" in capsys.readouterr().out
    assert not main(["port", "code", "--diff"])
    assert "-import nnabla as nn\n+import nnabla_compat as nn\n" in capsys.readouterr().out
    assert pathlib.Path("code/a.py").read_bytes() == before


def test_broken_files_and_missing_names_do_not_stop_it(project, capsys):
    pathlib.Path("code/bad.py").write_text("import nnabla as nn\nclass\n")
    pathlib.Path("code/gone.py").write_text("import nnabla.functions as F\nF.gone()\n")
    assert main(["port", "code", "nowhere.py"]) == 1
    text = capsys.readouterr().out
    assert "code/bad.py: not changed: line 2" in text and "code/gone.py:2: nnabla.functions has no name 'gone' here" in text
    assert "nowhere.py" in text and "nnabla_compat" in pathlib.Path("code/gone.py").read_text()
    assert pathlib.Path("code/bad.py").read_text().startswith("import nnabla as") and len(list(pathlib.Path("code").iterdir())) == 6


def test_a_failing_write_leaves_the_old_file(project, monkeypatch):
    before = pathlib.Path("code/a.py").read_bytes()
    monkeypatch.setattr(port.os, "fsync", lambda _: (_ for _ in ()).throw(OSError("disk full")))
    assert main(["port", "code/a.py"]) == 1
    assert pathlib.Path("code/a.py").read_bytes() == before and sorted(p.name for p in pathlib.Path("code").glob("a.*")) == ["a.py"]


def test_missing_library(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "libcst", None)
    assert main(["port", __file__]) == 1
    assert "pip install nnabla-compat[migrate]" in capsys.readouterr().err
