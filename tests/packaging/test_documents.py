"""What README and the migration guide show works, and the packaging files agree with each other."""
import configparser
import os
import pathlib
import re
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
GUIDE = (ROOT / "migration_guide.md").read_text()


def blocks(text, language):
    return re.findall(r"^```%s\n(.*?)^```" % language, text, re.M | re.S)


def command(name):
    found = re.search(r"<!-- ci: %s command -->\n```bash\n(.*?)```" % name, README, re.S)
    assert found, f"README.md has no block after '<!-- ci: {name} command -->'"
    return found.group(1).strip()


def python(code, directory):
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])))
    return subprocess.run([sys.executable, "-c", code], cwd=directory, env=environment, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=300)


def test_readme_example_trains(tmp_path):
    (example,) = blocks(README, "python")
    done = python(example, tmp_path)
    assert done.returncode == 0, done.stderr
    assert float(re.search(r"loss (\S+)", done.stdout).group(1)) < 0.25
    assert "torch.nn.parameter.Parameter" in done.stdout


def test_readme_example_is_short():
    (example,) = blocks(README, "python")
    assert len(example.strip().splitlines()) <= 36


def test_guide_recipes_run(tmp_path):
    done = python("\n".join(blocks(GUIDE, "python")), tmp_path)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("document", ["README.md", "migration_guide.md", "examples/digits/DATA.md"])
def test_links_lead_somewhere(document):
    path = ROOT / document
    for target in re.findall(r"\]\(([^)#\s]+)\)", path.read_text()):
        if not target.startswith("http"):
            assert (path.parent / target).exists(), f"{document} points to {target}"


def test_commands_are_one_line():
    for name in ("demo", "test"):
        assert "\n" not in command(name) and "-c constraints.txt" in command(name)
    assert "-n 2" in command("test")


def test_ci_reads_the_command_from_readme():
    """Its awk program finds what README shows, and nothing else."""
    script = (ROOT / ".ci" / "run").read_text()
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
    program = re.search(r"awk '(.*?)' README.md", script, re.S).group(1)
    found = subprocess.run(["awk", program, "README.md"], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    assert found.stdout.strip() == command("test")


@pytest.fixture(scope="module")
def setup():
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg")
    return parser


def requirements(text):
    return {re.split(r"[\[<>=;]", line.strip())[0].lower(): line.strip() for line in text.splitlines()
            if line.strip() and not line.lstrip().startswith("#")}


def test_constraints_cover_what_is_installed(setup):
    constraints = requirements((ROOT / "constraints.txt").read_text())
    wanted = requirements(setup["options"]["install_requires"])
    for extra in ("nnp", "images", "demo", "migrate", "onnx", "safetensors", "test"):
        wanted.update(requirements(setup["options.extras_require"][extra]))
    wanted.pop("nnabla-compat")
    assert set(wanted) == set(constraints)
    assert all("==" in line for line in constraints.values())
    assert constraints["torch"] == "torch==2.13.0"


def test_extras_named_in_messages_exist(setup):
    from nnabla_compat import optional
    extras = set(setup["options.extras_require"])
    for extra in set(optional.EXTRAS.values()):
        assert extra in extras, f"messages say pip install nnabla-compat[{extra}]"


def test_data_files_ship(setup):
    """Everything under the package that is not a Python module of a regular package is package data."""
    package = ROOT / "nnabla_compat"
    patterns = setup["options.package_data"]["nnabla_compat"].split()
    shipped = {p for pattern in patterns for p in package.glob(pattern)}
    for path in package.rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            regular = all((parent / "__init__.py").exists() for parent in path.parents
                          if parent == package or package in parent.parents)
            if not (path.suffix == ".py" and regular):
                assert path in shipped, f"{path.relative_to(ROOT)} would not be installed"


def test_console_script(setup):
    from nnabla_compat.__main__ import main
    assert "nnabla_compat.__main__:main" in setup["options.entry_points"]["console_scripts"]
    assert callable(main)


def test_importing_needs_no_optional_library(tmp_path):
    blocked = ["google", "PIL", "png", "cv2", "matplotlib", "tqdm", "scipy", "pytest"]
    done = python(f"import sys\nfor name in {blocked!r}: sys.modules[name] = None\n"
                  "import nnabla_compat, nnabla_compat.monitor, nnabla_compat.utils.data_iterator, nnabla_compat.solvers",
                  tmp_path)
    assert done.returncode == 0, done.stderr
