"""Every command does what nnabla_cli does: statuses, printed lines, files."""
import csv
import json
import re
import tarfile
import zipfile

import numpy as np
import pytest

import nnabla_compat as nn
from nnabla_compat.files import network_files
from nnabla_compat.utils.cli import profile
from nnabla_compat.utils.cli.cli import run

from . import scenarios


@pytest.mark.parametrize("name", scenarios.SCENARIOS)
def test_as_recorded(name, tmp_path, monkeypatch, capsys):
    folder = scenarios.sandbox(tmp_path)
    monkeypatch.chdir(folder)
    monkeypatch.setattr(profile, "SECONDS", 0.0)
    monkeypatch.setattr(profile, "TIMES", 1)
    before = scenarios.files_in(folder)
    recorded = scenarios.RECORDED / name
    for expected in json.loads((recorded / "runs.json").read_text()):
        nn.clear_parameters()
        capsys.readouterr()
        try:
            status = run(expected["command"].split())
        except SystemExit as left:
            status = left.code
        printed, error = capsys.readouterr()
        assert status == expected["status"], (expected["command"], error)
        assert "Traceback" not in printed + error
        if expected["printed"] is not None:
            order = sorted if name in scenarios.UNORDERED else list
            same_lines(order(printed.splitlines()[1:]), order(expected["printed"]))
    files = recorded / "files"
    made = scenarios.files_in(folder) - before
    ignored = scenarios.IGNORED_FILES.get(name, ())
    assert made - {f for f in made if f in ignored} == scenarios.files_in(files) - set(ignored)
    for file in sorted(made - set(ignored) - scenarios.PICTURES):
        if file in scenarios.TIMES:
            assert without_numbers((folder / file).read_text()) == without_numbers((files / file).read_text())
        else:
            same_file(folder / file, files / file)


def same_lines(ours, theirs):
    assert [without_numbers(line) for line in ours] == [without_numbers(line) for line in theirs]
    np.testing.assert_allclose(numbers("\n".join(ours)), numbers("\n".join(theirs)), rtol=1e-4, atol=1e-5)


NUMBER = re.compile(r"(?<![\w.-])-?\d+(?:\.\d+)?(?:e[+-]?\d+)?(?![\w])")


def numbers(text):
    return [float(found) for found in NUMBER.findall(text)]


def without_numbers(text):
    return NUMBER.sub("#", text)


def same_file(ours, theirs):
    if ours.suffix in (".txt", ".yml"):
        same_lines(ours.read_text().splitlines(), theirs.read_text().splitlines())
    elif ours.suffix == ".csv":
        same_tables(*([row for row in csv.reader(path.open(encoding="utf-8-sig", newline=""))] for path in (ours, theirs)))
    elif ours.suffix == ".bin":
        np.testing.assert_allclose(np.fromfile(ours, np.float32), np.fromfile(theirs, np.float32), rtol=1e-4, atol=1e-5)
    elif ours.suffix == ".png":
        from PIL import Image
        a, b = (np.array(Image.open(path)).astype(int) for path in (ours, theirs))
        assert a.shape == b.shape and np.abs(a - b).max() <= 1
    elif ours.suffix == ".tar":
        same_archives(ours, theirs)
    elif ours.suffix == ".npy":
        with ours.open("rb") as a, theirs.open("rb") as b:
            while b.tell() < theirs.stat().st_size:
                x, y = np.load(a), np.load(b)
                assert x.dtype == y.dtype
                np.testing.assert_allclose(x, y, rtol=1e-6, atol=1e-7)
            assert a.tell() == ours.stat().st_size
    else:
        same_parameters(ours, theirs)


def same_archives(ours, theirs):
    with tarfile.open(ours) as a, tarfile.open(theirs) as b:
        assert a.getnames() == b.getnames() and len(b.getnames()) > 1
        for name in b.getnames():
            assert a.extractfile(name).read() == b.extractfile(name).read()


def same_tables(ours, theirs):
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs):
        assert len(a) == len(b)
        for x, y in zip(a, b):
            try:
                assert float(x) == pytest.approx(float(y), rel=1e-4, abs=1e-5)
            except ValueError:
                assert x.split("/dataset/")[-1] == y.split("/dataset/")[-1]


def same_parameters(ours, theirs):
    if ours.suffix == ".nnp":
        # `convert` packs a directory, in whatever order its files are listed, and sorts names as sets come.
        order = sorted if "convert" in theirs.parts else list
        assert order(zipfile.ZipFile(ours).namelist()) == order(zipfile.ZipFile(theirs).namelist())
    a, b = (network_files.read(str(path)) for path in (ours, theirs))
    if "convert" in theirs.parts:
        for executor in (*a.proto.executor, *b.proto.executor):
            executor.parameter_variable.sort(key=lambda entry: entry.variable_name)
    assert a.proto == b.proto
    x, y = ({record.name: record for record in contents.records} for contents in (a, b))
    assert x.keys() == y.keys()
    for name, record in y.items():
        assert x[name].need_grad == record.need_grad and x[name].values.dtype == record.values.dtype
        np.testing.assert_allclose(x[name].values, record.values, rtol=1e-3, atol=1e-5)
    assert a.states.keys() == b.states.keys()
    for name, states in b.states.items():
        for x, y in zip(sorted(a.states[name]), sorted(states), strict=True):
            assert (x.key, x.t, x.states.keys()) == (y.key, y.t, y.states.keys())
            for key, values in y.states.items():
                np.testing.assert_allclose(x.states[key], values, rtol=1e-3, atol=1e-5)
