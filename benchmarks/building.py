"""Times of building the benchmark's graphs, next to nnabla's, and of importing: python benchmarks/building.py

    NNABLA_PYTHON=/path/to/python3.10 python benchmarks/building.py --cases mlp resnet50

Building: microseconds for a training graph whose parameters are there, fastest of some rounds, the libraries in turns.
Importing: seconds of processor time in a fresh process, beyond importing torch, fastest of some processes. All with one
thread; nothing passes or fails by it.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import cases  # noqa: E402

ENVIRONMENT = dict(os.environ, OMP_NUM_THREADS="1", PYTHONPATH=os.pathsep.join([str(HERE), str(HERE.parent)]))

_BUILD = """
import json, sys, time
import worker, cases
library, *names = sys.argv[1:]
for name in names:
    side = worker.Nnabla(library, cases.load(name), 1, "cpu")
    side.prepare("training" if "training" in side.case.KINDS else "inference", "static")
    variables = [side.nn.Variable(a.shape) for a in side.batches[0]]
    rounds = []
    for _ in range(20):
        start = time.thread_time()
        graphs = list(side.build(variables))
        rounds.append(time.thread_time() - start)
    functions = []
    for root, _ in graphs:
        root.visit(functions.append)
    print(json.dumps([name, min(rounds), len(functions)]))
"""

_IMPORT = "import time; start = time.process_time(); import {}; print(time.process_time() - start)"


def build(interpreter, library, names):
    """{case: (seconds, functions)}"""
    found = subprocess.run([interpreter, "-c", _BUILD, library, *names], env=ENVIRONMENT, check=True, stdout=subprocess.PIPE, text=True)
    return {name: (seconds, count) for name, seconds, count in map(json.loads, found.stdout.splitlines()[-len(names):])}


def importing(module, rounds):
    return min(float(subprocess.run([sys.executable, "-c", _IMPORT.format(module)], env=ENVIRONMENT, check=True, capture_output=True,
                                    text=True).stdout) for _ in range(rounds))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", nargs="+", default=list(cases.NAMES), choices=cases.NAMES)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", help="file to write everything measured to")
    args = parser.parse_args()
    sides = {"nnabla_compat": sys.executable}
    if os.environ.get("NNABLA_PYTHON"):
        sides["nnabla"] = os.environ["NNABLA_PYTHON"]
    best = {}
    for _ in range(args.rounds):
        for library, interpreter in sides.items():
            for name, measured in build(interpreter, library, args.cases).items():
                best[library, name] = min(measured, best.get((library, name), measured))
    print(f"{'case':<16} {'functions':>9} {'compat us':>11} {'nnabla us':>11} {'/nnabla':>8}")
    for name in args.cases:
        ours, theirs = best["nnabla_compat", name], best.get(("nnabla", name))
        end = f"{1e6 * theirs[0]:11.0f} {ours[0] / theirs[0]:8.2f}" if theirs else ""
        print(f"{name:<16} {ours[1]:>9} {1e6 * ours[0]:11.0f} {end}".rstrip())
    imports = {module: importing(module, args.rounds) for module in ("torch", "torch, nnabla_compat")}
    torch, both = imports.values()
    print(f"importing torch {torch:.2f} s, nnabla_compat beyond it {both - torch:.3f} s")
    if args.json:
        found = [{"library": library, "case": name, "seconds": s, "functions": n} for (library, name), (s, n) in best.items()]
        pathlib.Path(args.json).write_text(json.dumps({"building": found, "importing": imports}, indent=1))


if __name__ == "__main__":
    main()
