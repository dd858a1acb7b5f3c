"""docs/conversion.md says what the code does."""
import pathlib
import re

from nnabla_compat.__main__ import COMMANDS
from nnabla_compat.migrate import layouts
from nnabla_compat.migrate.name_map import NameMap
from nnabla_compat.migrate.source_formulas import UNWRITTEN
from nnabla_compat.registry import OPERATORS

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "conversion.md").read_text()


def test_the_table_is_the_one_that_the_code_follows():
    assert re.search(r"^```text\n(.*?)\n```", PAGE, re.M | re.S).group(1).splitlines() == layouts.table()


def test_operators_without_source():
    assert f"{len(OPERATORS) - len(UNWRITTEN)} of the {len(OPERATORS)} operators have source" in PAGE
    for operator, reason in UNWRITTEN.items():
        assert re.search(rf"^- {re.escape(reason)}: .*`{operator}`", PAGE, re.M), operator


def test_commands_exist():
    names = {add.__name__[4:].replace("_", "-") for add in COMMANDS}
    assert set(re.findall(r"nnabla-compat\s([a-z-]+)", PAGE)) <= names


def test_the_map_of_names(tmp_path):
    (tmp_path / "names.json").write_text(re.search(r"^`(\{\"names\".*\})`\. ", PAGE, re.M).group(1))
    names = NameMap.read(tmp_path / "names.json")
    assert names.paths == {"classifier": "fc/affine"} and names.shapes == {"bn/bn/gamma": (1, 64, 1, 1)} and not names.raw


def test_links_lead_somewhere():
    for target in re.findall(r"\]\(([^)#\s]+)\)", PAGE):
        assert (ROOT / "docs" / target).exists(), target
