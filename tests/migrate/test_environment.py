"""`nnabla-compat alias`: the name nnabla and the command nnabla_cli, in a fresh environment."""
import os
import pathlib
import subprocess
import sys
import sysconfig
import venv

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.fixture
def environment(tmp_path):
    """A virtual environment that has this package and what it needs."""
    venv.create(tmp_path / "env", symlinks=os.name != "nt", with_pip=False)
    scripts = next(p for p in (tmp_path / "env" / "bin", tmp_path / "env" / "Scripts") if p.exists())
    python = next(p for p in (scripts / "python", scripts / "python.exe") if p.exists())
    site = subprocess.run([python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], check=True,
                          stdout=subprocess.PIPE, text=True).stdout.strip()
    # Where the tests run, nnabla_compat need not be installed.
    paths = dict.fromkeys([str(ROOT), sysconfig.get_path("purelib"), sysconfig.get_path("platlib")])
    (pathlib.Path(site) / "packages.pth").write_text("\n".join(paths) + "\n")
    return python, scripts, pathlib.Path(site)


def run(*command, status=0):
    clean = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run(list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300, env=clean)
    assert done.returncode == status, done.stdout
    return done.stdout


def test_alias_of_an_environment(environment):
    python, scripts, site = environment
    use = (python, "-c", "import nnabla, nnabla.functions, nnabla_ext.cpu; print(nnabla.__name__)")
    assert "No module named 'nnabla'" in run(*use, status=1)
    assert run(python, "-m", "nnabla_compat", "alias", "install").count("wrote") == 2
    assert run(*use) == "nnabla_compat\n"
    (command,) = scripts.glob("nnabla_cli*")
    assert "Version:" in run(command, "version", status=255)  # nnabla's own status for it
    assert "train" in run(command, "--help")
    run(python, "-m", "nnabla_compat", "alias", "install")  # again
    assert run(python, "-m", "nnabla_compat", "alias", "remove").count("removed") == 2
    assert "No module named 'nnabla'" in run(*use, status=1)
    assert not list(scripts.glob("nnabla_cli*")) and "no alias" in run(python, "-m", "nnabla_compat", "alias", "remove")


def test_it_takes_nobodys_place(environment):
    python, scripts, site = environment
    foreign = scripts / ("nnabla_cli" if sys.platform != "win32" else "nnabla_cli.cmd")
    foreign.write_text("something else")
    assert "Remove it first" in run(python, "-m", "nnabla_compat", "alias", "install", status=1)
    assert "no alias" in run(python, "-m", "nnabla_compat", "alias", "remove") and foreign.read_text() == "something else"
    foreign.unlink()
    (site / "nnabla-1.39.0.dist-info").mkdir()
    (site / "nnabla-1.39.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: nnabla\nVersion: 1.39.0\n")
    assert "nnabla 1.39.0 is installed" in run(python, "-m", "nnabla_compat", "alias", "install", status=1)
    assert not list(site.glob("nnabla-compat*.pth"))
