"""Loads parameter files of 400 MB next to a plain h5py read of the same data: python benchmarks/parameter_files.py

Each reading runs in a process of its own, interleaved for some rounds. Times are CPU seconds of the reading thread, the
fastest round; memory is the peak of resident memory (VmHWM) above what was resident before, in sizes of the data. Both of
Linux. Nothing passes or fails by it.
"""
import argparse
import contextlib
import io
import json
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

LAYERS = 100


def plain(folder):
    import h5py
    with h5py.File(folder / "parameters.h5", "r") as file:
        return {layer: {name: data[()] for name, data in file[layer].items()} for layer in file}


def load(name):
    def read(folder):
        nn.load_parameters(str(folder / name))
    return read


def save(name):
    def write(folder):
        nn.save_parameters(str(folder / f"written.{name}"))
    return write


READERS = {"plain h5py": plain, **{name: load(name) for name in (
    "parameters.h5", "parameters.protobuf", "h5.nnp", "protobuf.nnp")}}
WRITERS = {f"save .{name}": save(name) for name in ("h5", "protobuf")}


def status(key):
    lines = pathlib.Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith(key))


def run(what, folder):
    """In the child: seconds and peak in bytes of one reading."""
    global nn
    import torch

    import nnabla_compat as nn
    torch.set_num_threads(1)
    for kind in (".h5", ".protobuf"):  # modules are imported before anything is measured
        file = io.BytesIO()
        nn.save_parameters(file, {}, kind)
        nn.load_parameters(file, extension=kind)
    if what in WRITERS:
        nn.load_parameters(str(folder / "parameters.h5"))
    pathlib.Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    before, start = status("VmRSS"), time.thread_time()
    kept = {**READERS, **WRITERS}[what](folder)  # noqa: F841
    print(json.dumps([time.thread_time() - start, status("VmHWM") - before]))


def make(folder, megabytes):
    import zipfile

    import nnabla_compat as nn
    rng = np.random.default_rng(0)
    side = int((megabytes * 1e6 / 4 / LAYERS) ** 0.5)
    for i in range(LAYERS):
        layer = {"W": rng.standard_normal((side, side), np.float32), "b": rng.standard_normal(side, np.float32)}
        for name, values in layer.items():
            nn.parameter.get_parameter_or_create(f"layer{i}/{name}", values.shape, values)
    for kind in ("h5", "protobuf"):
        file = folder / f"parameters.{kind}"
        nn.save_parameters(str(file))
        with zipfile.ZipFile(folder / f"{kind}.nnp", "w") as archive:
            archive.write(file, file.name)
    return sum(p.data.size for p in nn.get_parameters().values()) * 4


def measure(what, folder):
    command = [sys.executable, __file__, "--child", what, "--folder", str(folder)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--megabytes", type=float, default=400)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=pathlib.Path, help="where to put the files (a temporary folder, removed)")
    parser.add_argument("--make", action="store_true", help="only make the files")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.make or options.child:
        make(options.folder, options.megabytes) if options.make else run(options.child, options.folder)
        return
    with contextlib.ExitStack() as stack:
        folder = options.folder or pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))
        size = make(folder, options.megabytes)
        rounds = [{what: measure(what, folder) for what in (*READERS, *WRITERS)} for _ in range(options.rounds)]
    print(f"{size / 1e6:.0f} MB in {2 * LAYERS} parameters, the fastest and smallest of {options.rounds} rounds")
    print(f"{'':22} {'seconds':>8} {'/plain':>7} {'peak/data':>10}")
    best = {what: [min(r[what][i] for r in rounds) for i in (0, 1)] for what in rounds[0]}
    for what, (seconds, peak) in best.items():
        print(f"{what:22} {seconds:8.3f} {seconds / best['plain h5py'][0]:7.2f} {peak / size:10.2f}")


if __name__ == "__main__":
    main()
