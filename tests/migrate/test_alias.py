"""The import alias. Each test runs in a process of its own: what is imported first is what it is about."""
import json
import pathlib
import subprocess
import sys
import textwrap

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
INVENTORY = json.loads((ROOT / "tests" / "names" / "nnabla-1.39.0.json").read_text())


def python(code, *paths, check=True):
    """Run ``code`` in a new interpreter that sees ``paths`` and this package."""
    paths = [str(p) for p in paths] + [str(ROOT)]
    start = f"import sys; sys.path[:0] = {paths!r}\n"
    done = subprocess.run([sys.executable, "-c", start + textwrap.dedent(code)], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=300)
    if check:
        assert done.returncode == 0, done.stderr
    return done


@pytest.fixture
def other_nnabla(tmp_path):
    """A directory with a package that plays the real nnabla."""
    (tmp_path / "nnabla").mkdir()
    (tmp_path / "nnabla" / "__init__.py").write_text("__version__ = '1.39.0'\nfrom . import functions\n")
    (tmp_path / "nnabla" / "functions.py").write_text("real = True\n")
    return tmp_path


def test_same_objects_under_both_names():
    python("""
        import nnabla_compat
        nnabla_compat.install()
        import nnabla as nn
        import nnabla.functions as F
        import nnabla.parametric_functions as PF
        from nnabla.parameter import get_parameter_or_create
        from nnabla.variable import Variable
        assert nn is nnabla_compat
        assert F is nnabla_compat.functions and PF is nnabla_compat.parametric_functions
        assert get_parameter_or_create is nnabla_compat.parameter.get_parameter_or_create
        assert Variable is nn.Variable is nnabla_compat.Variable
        """)


def test_every_module_path_of_nnabla_that_is_here():
    """All of them resolve to one object, whichever name is imported first."""
    modules = sorted(INVENTORY)
    python(f"""
        import importlib, importlib.util
        import nnabla_compat
        nnabla_compat.install()
        missing = []
        for i, name in enumerate({modules!r}):
            real = name.replace("nnabla", "nnabla_compat", 1)
            try:
                if importlib.util.find_spec(real) is None:
                    raise ModuleNotFoundError(real)
            except ModuleNotFoundError:
                missing.append(name)
                continue
            first, second = (name, real) if i % 2 else (real, name)
            a = importlib.import_module(first)
            assert importlib.import_module(second) is a, name
            assert a.__name__ == a.__spec__.name == real, (a.__name__, a.__spec__)
        import nnabla_ext.cpu, nnabla_compat.ext.cpu
        assert nnabla_ext.cpu is nnabla_compat.ext.cpu
        for name in ("cuda", "cudnn"):
            try:
                real = importlib.import_module("nnabla_compat.ext." + name)
            except ModuleNotFoundError:  # where torch has no CUDA, under the other name too
                try:
                    importlib.import_module("nnabla_ext." + name)
                except ModuleNotFoundError as error:
                    assert error.name == "nnabla_ext." + name
                else:
                    raise AssertionError(name)
            else:
                assert importlib.import_module("nnabla_ext." + name) is real
        print(len(missing), "module paths not there yet")
        """)


def test_lazy():
    """install() loads nothing that `import nnabla` does not load."""
    python("""
        import sys, nnabla_compat
        before = set(sys.modules)
        nnabla_compat.install()
        loaded = {m for m in set(sys.modules) - before if not m.startswith("nnabla.") and m != "nnabla"
                  and not m.startswith("nnabla_ext") and "migrate" not in m}
        assert not loaded, loaded
        assert "nnabla.monitor" not in sys.modules
        import nnabla.monitor
        import nnabla_compat.monitor
        assert nnabla.monitor is nnabla_compat.monitor is sys.modules["nnabla.monitor"]
        """)


def test_modules_run_once(tmp_path):
    """Also a module imported first by its other name, and packages that import nnabla later."""
    (tmp_path / "client").mkdir()
    (tmp_path / "client" / "__init__.py").write_text(
        "import nnabla.utils.learning_rate_scheduler as a\n"
        "from nnabla.utils import learning_rate_scheduler as b\n"
        "import nnabla_compat.utils.learning_rate_scheduler as c\n")
    python("""
        import nnabla_compat
        nnabla_compat.install()
        import client
        assert client.a is client.b is client.c
        import nnabla
        assert nnabla.utils.learning_rate_scheduler is client.a
        """, tmp_path)


def test_names_that_shadow_a_submodule_stay():
    """nnabla.logger and nnabla.grad are objects, though modules of these names exist."""
    python("""
        import logging, nnabla_compat
        nnabla_compat.install()
        import nnabla
        import nnabla.logger as L
        import nnabla.grad
        from nnabla.logger import logger
        assert isinstance(L, logging.Logger) and L is logger is nnabla.logger
        assert callable(nnabla.grad) and callable(nnabla.auto_forward) and callable(nnabla.recompute)
        """)


def test_reload_and_pkgutil():
    python("""
        import importlib, pkgutil, nnabla_compat
        nnabla_compat.install()
        import nnabla.utils.learning_rate_scheduler as module
        assert importlib.reload(module) is module
        assert module.__name__ == "nnabla_compat.utils.learning_rate_scheduler"
        import nnabla, nnabla_compat.migrate.alias as alias
        names = {m.name for m in pkgutil.iter_modules(nnabla.__path__, "nnabla.")}
        assert {"nnabla.functions", "nnabla.monitor"} <= names
        assert pkgutil.get_data("nnabla", "__init__.py")
        spec = importlib.util.find_spec("nnabla.monitor")
        assert spec.origin.endswith("monitor.py") and "class MonitorSeries" in spec.loader.get_source("nnabla.monitor")
        importlib.reload(alias)
        alias.install()
        alias.uninstall()
        assert "nnabla" not in __import__("sys").modules
        """)


def test_missing_submodule_is_named():
    done = python("""
        import nnabla_compat
        nnabla_compat.install()
        import nnabla.no_such_module
        """, check=False)
    assert "ModuleNotFoundError: No module named 'nnabla.no_such_module'" in done.stderr


def test_import_error_inside_a_module_passes(tmp_path):
    """What a module raises reaches the caller, and leaves no half-made entry behind."""
    (tmp_path / "dummy_compat").mkdir()
    (tmp_path / "dummy_compat" / "__init__.py").write_text("")
    (tmp_path / "dummy_compat" / "broken.py").write_text("raise RuntimeError('broken inside')\n")
    python("""
        import sys
        from nnabla_compat.migrate.alias import AliasFinder
        import dummy_compat
        AliasFinder({"dummy": "dummy_compat"}).insert()
        try:
            import dummy.broken
        except RuntimeError as e:
            assert str(e) == "broken inside"
        else:
            raise AssertionError("no error")
        assert "dummy.broken" not in sys.modules and "dummy_compat.broken" not in sys.modules
        """, tmp_path)


def test_uninstall_leaves_things_as_before():
    python("""
        import sys, nnabla_compat
        finders, names = list(sys.meta_path), {n for n in sys.modules if n.split(".")[0] in ("nnabla", "nnabla_ext")}
        nnabla_compat.install()
        nnabla_compat.install()  # a second time does nothing
        import nnabla.monitor, nnabla_ext.cpu
        nnabla_compat.uninstall()
        nnabla_compat.uninstall()
        assert sys.meta_path == finders
        assert {n for n in sys.modules if n.split(".")[0] in ("nnabla", "nnabla_ext")} == names == set()
        """)


def test_refuses_when_another_nnabla_is_imported(other_nnabla):
    done = python("""
        import nnabla, nnabla_compat
        try:
            nnabla_compat.install()
        except RuntimeError as e:
            print(e)
        assert nnabla.functions.real
        """, other_nnabla)
    assert "1.39.0" in done.stdout and str(other_nnabla) in done.stdout and "force=True" in done.stdout


def test_force_takes_the_name_and_uninstall_gives_it_back(other_nnabla):
    python("""
        import sys, nnabla, nnabla_compat
        real, real_functions = nnabla, nnabla.functions
        nnabla_compat.install(force=True)
        import nnabla
        import nnabla.functions
        assert nnabla is nnabla_compat and nnabla.functions is nnabla_compat.functions
        nnabla_compat.uninstall()
        assert sys.modules["nnabla"] is real and sys.modules["nnabla.functions"] is real_functions
        """, other_nnabla)


def test_wins_over_an_installed_nnabla(other_nnabla):
    python("""
        import nnabla_compat
        nnabla_compat.install()
        import nnabla.functions
        assert nnabla.functions is nnabla_compat.functions
        """, other_nnabla)
