"""The tutorials and the page on mixing run as they stand."""
import os
import pathlib
import re
import subprocess
import sys

from nnabla_compat import interop

ROOT = pathlib.Path(__file__).resolve().parents[2]


def run(directory, *arguments):
    environment = dict(os.environ, OMP_NUM_THREADS="1",
                       PYTHONPATH=os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])))
    done = subprocess.run([sys.executable, *arguments], cwd=directory, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, env=environment, timeout=300)
    assert done.returncode == 0, done.stderr
    return done


def test_mix_with_pytorch(tmp_path):
    done = run(tmp_path, str(ROOT / "examples" / "mix_with_pytorch.py"))
    assert [line.split(":")[0] for line in done.stdout.splitlines()] == [
        "1. arrays", "2. gradients", "3. torch_module_in_nnabla", "4. torch_module_in_module", "5. nnabla_in_torch",
        "6. graph_in_torch", "7. parameters"]


def test_leave_nnabla(tmp_path):
    done = run(tmp_path, str(ROOT / "examples" / "leave_nnabla.py"), "--keep", str(tmp_path / "left"))
    assert [line.split(":")[0] for line in done.stdout.splitlines()] == [
        "1. files", "2. torch_module", "3. state_dict", "4. programs", "5. source", "6. back"]
    assert "Warning" not in done.stderr
    left = {path.name for path in (tmp_path / "left").iterdir()}
    assert {"digits.nnp", "digits.h5", "back.h5", "names.json", "digits.pt2", "digits_torch", "trained.nnp"} <= left
    assert not any(name.endswith(".part") for name in left)


def test_document(tmp_path):
    text = (ROOT / "docs" / "mixing_with_pytorch.md").read_text()
    run(tmp_path, "-c", "\n".join(re.findall(r"^```python\n(.*?)^```", text, re.M | re.S)))
    for name in set(re.findall(r"interop\.(\w+)", text)):
        assert hasattr(interop, name), name
