"""Records what the real nnabla_cli does: python tests/oracle/record_cli.py [scenario ...]

Run by an interpreter that has nnabla, matplotlib, Pillow and tqdm. ``inputs`` as an argument makes the network files of
tests/cli/inputs anew first.
"""
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from cli import scenarios  # noqa: E402


def make_inputs():
    """Networks whose outputs have all the shapes that `forward` knows, and one evaluated several times."""
    import numpy as np
    import nnabla as nn
    import nnabla.functions as F
    import nnabla.parametric_functions as PF
    from nnabla.utils.save import save
    folder = scenarios.INPUTS / "nnp"
    folder.mkdir(exist_ok=True)
    x = nn.Variable((4, 3, 4, 6))
    y = F.mul_scalar(x, 0.5)
    outputs = {"scaled": y, "gray": F.mean(y, axis=1, keepdims=True), "two": y[:, :2], "matrix": F.mean(y, axis=1),
               "columns": F.mean(y, axis=(1, 2)), "one": F.mean(y, axis=(1, 2, 3), keepdims=False).reshape((4, 1))}
    net = {"name": "net", "batch_size": 4, "names": {"image": x}, "outputs": outputs}
    executor = {"name": "all", "network": "net", "data": ["image"], "output": list(outputs), "remp": {"image": "x"}}
    save(str(folder / "shapes.nnp"), {"networks": [net], "executors": [executor]})
    from PIL import Image
    rng = np.random.RandomState(3)
    for place, shape in (("cats/a.png", (5, 9, 3)), ("cats/b.PNG", (9, 5)), ("cats/notes.txt", None), ("cats/broken.png", None),
                         ("dogs/c.bmp", (6, 8, 3)), ("dogs/d.gif", (7, 7)), ("dogs/e.png", (4, 4, 4)), ("empty/x.txt", None),
                         ("wolves/f.tif", (13, 4, 3))):
        path = scenarios.INPUTS / "images" / place
        path.parent.mkdir(parents=True, exist_ok=True)
        if shape is None:
            path.write_text("no image")
        else:
            Image.fromarray(rng.randint(0, 256, shape, dtype=np.uint8)).save(path)
    for place, objects in (("a.png", "0 0.5 0.5 0.25 0.3\n2 0.9 0.1 0.4 0.3\n"),
                           ("deep/c.png", "1 0.2 0.8 0.8 0.9\n0 0.3 0.4 0.2 0.25\n1 0.7 0.7 0.7 0.95\n")):
        path = scenarios.INPUTS / "objects" / place
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.randint(0, 256, (8, 12, 3), dtype=np.uint8)).save(path)
        path.with_suffix(".txt").write_text(objects)
    np.arange(4 * 72, dtype=np.uint8).tofile(scenarios.INPUTS / "x.bin")
    nn.clear_parameters()
    x = nn.Variable((4, 3))
    y = PF.affine(x, 1, name="fc")
    save(str(folder / "std.nnp"), {
        "networks": [{"name": "net", "batch_size": 4, "names": {"x": x}, "outputs": {"y": y}}],
        "executors": [{"name": "run", "network": "net", "data": ["x"], "output": ["y"], "num_evaluations": 3,
                       "repeat_evaluation_type": "std"}]})


def record(name):
    target = scenarios.RECORDED / name
    shutil.rmtree(target, ignore_errors=True)
    with tempfile.TemporaryDirectory() as folder:
        folder = scenarios.sandbox(folder)
        before, runs = scenarios.files_in(folder), []
        for command in scenarios.SCENARIOS[name]:
            done = subprocess.run([sys.executable, "-m", "nnabla.utils.cli.cli", *command.split()], cwd=folder,
                                  capture_output=True, text=True)
            lines = [line for line in done.stdout.splitlines()[1:] if not line.startswith("Temporary dir")]
            if any(line.startswith("Traceback") for line in lines) or lines == ["None"]:
                lines = None  # the original's error texts, and a print() left in it, are not compared
            runs.append({"command": command, "status": done.returncode, "printed": lines})
        target.mkdir(parents=True)
        (target / "runs.json").write_text(json.dumps(runs, indent=1) + "\n")
        for file in sorted(scenarios.files_in(folder) - before):
            if file in scenarios.IGNORED_FILES.get(name, ()):
                continue
            content = (folder / file).read_bytes().replace(str(folder).encode(), b"SANDBOX")
            (target / "files" / file).parent.mkdir(parents=True, exist_ok=True)
            (target / "files" / file).write_bytes(content if file not in scenarios.PICTURES else b"")
        for path in folder.rglob("*"):  # directories made and left empty
            if path.is_dir() and not any(path.iterdir()) and path.name != "out":
                (target / "files" / path.relative_to(folder)).mkdir(parents=True, exist_ok=True)
    print(name, [run["status"] for run in runs])


if __name__ == "__main__":
    names = sys.argv[1:]
    if "inputs" in names:
        names.remove("inputs")
        make_inputs()
    for name in names or scenarios.SCENARIOS:
        record(name)
