"""Imports run one way: faces -> ops -> engine -> registry -> torch."""
import ast
from pathlib import Path

import pytest

import nnabla_compat

ROOT = Path(nnabla_compat.__file__).parent

# What modules below a folder (or a file) may import from this package, inside functions too.
ALLOWED = {
    "registry.py": set(),
    "ops": {"registry", "ops"},
    "engine": {"registry", "engine"},
    "optional.py": set(),
    "faces.py": {"registry", "engine"},
}
# Nobody below the command line may lean on these.
ON_TOP = {"interop", "migrate"}
MAY_USE_TOP = {"__init__.py", "__main__.py", "interop", "migrate"}


def imported(path, inside_functions=False):
    """Top-level names of this package that a module imports, when it is imported or at all."""
    package = ("nnabla_compat", *path.relative_to(ROOT).parent.parts)
    module = ast.parse(path.read_text())
    for node in ast.walk(module) if inside_functions else module.body:
        if isinstance(node, ast.Import):
            names = [a.name.split(".") for a in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = list(package[:len(package) - node.level + 1]) if node.level else []
            base += node.module.split(".") if node.module else []
            names = [base] if len(base) > 1 else [[*base, a.name] for a in node.names]
        else:
            continue
        for parts in names:
            if parts[0] == "nnabla_compat" and len(parts) > 1:
                yield parts[1]


def modules_of(place):
    path = ROOT / place
    return [path] if path.is_file() else sorted(path.rglob("*.py"))


@pytest.mark.parametrize("place", ALLOWED)
def test_lower_layers_import_only_what_lies_below(place):
    wrong = {str(p.relative_to(ROOT)): extra for p in modules_of(place) if (extra := set(imported(p, inside_functions=True)) - ALLOWED[place])}
    assert not wrong


def test_only_the_command_line_imports_the_top():
    wrong = {}
    for path in sorted(ROOT.rglob("*.py")):
        place = path.relative_to(ROOT).parts[0]
        if place not in MAY_USE_TOP and (used := set(imported(path)) & ON_TOP):
            wrong[str(path.relative_to(ROOT))] = used
    assert not wrong
