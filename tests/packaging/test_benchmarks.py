"""The benchmarks run, and compare the same mathematics. What they measure is not judged here."""
import json
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("case", ["mlp", "lenet", "lstm"])
def test_same_mathematics(case, tmp_path):
    done = subprocess.run([sys.executable, str(ROOT / "benchmarks" / "run.py"), "--cases", case, "--rounds", "2", "--seconds",
                           "0.001", "--threads", "1", "--json", str(tmp_path / "result.json")],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    results = json.loads((tmp_path / "result.json").read_text())
    assert {(r["what"], r["mode"]) for r in results["results"]} == {
        (what, mode) for what in ("training", "inference") for mode in ("static", "auto")}
    for r in results["results"]:
        assert r["difference"] < 1e-3, f"{r['case']} {r['what']} {r['mode']}: the libraries compute different things"
    assert "geometric mean" in done.stdout and set(results["versions"]) >= {"nnabla_compat", "torch"}


def test_sizes(tmp_path):
    subprocess.run([sys.executable, str(ROOT / "benchmarks" / "scaling.py"), "--sweeps", "layers", "--layers", "2", "4", "--modes", "static",
                    "--rounds", "1", "--seconds", "0.001", "--clock", "cpu", "--json", str(tmp_path / "result.json"),
                    "--markdown", str(tmp_path / "tables.md")], check=True, capture_output=True, text=True, timeout=300)
    results = json.loads((tmp_path / "result.json").read_text())
    assert all(r["difference"] < 1e-3 for r in results["layers"])
    assert results["parts"]["nnabla_compat"]["4"]["backward"] > 0
    assert "| 4 | training | static |" in (tmp_path / "tables.md").read_text()
