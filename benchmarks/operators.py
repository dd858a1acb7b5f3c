"""Times every operator, this package against the real nnabla, on the same inputs in one run.

    NNABLA_PYTHON=/path/to/python3.10 python benchmarks/operators.py
    NNABLA_PYTHON=... python benchmarks/operators.py sum mean --rounds 20 --json operators.json

Each library runs in a process of its own; they take turns, round by round, so that whatever else the machine does hits
both. A graph of the one function is built, and its forward pass, and forward and backward together, are timed: by the
processor time of the process, in the fastest of the rounds, so that a machine shared with others tells the truth too
(--clock wall for more threads than one). The table gives microseconds and their ratio, where we lose most first; operators
the original cannot compute on the CPU are listed without a ratio. A second table shows what calls cost that compute
next to nothing. Without NNABLA_PYTHON only our own times are shown. Sizes: operator_cases.py.
"""
import argparse
import importlib
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
from operator_cases import AT_ONCE, CASES, COMMON, TINY  # noqa: E402
from oracle import drive  # noqa: E402

KINDS = ("forward", "training")  # training: forward and backward
CLOCKS = {"cpu": time.process_time, "wall": time.perf_counter}
SUBJECTS = {**CASES, **{f"tiny {name}": case for name, case in TINY.items()}}


# -- the process of one library

class Dynamic:
    """A case called anew each time, in dynamic mode."""

    wanted = ()

    def __init__(self, nn, case):
        self.nn, self.case = nn, case
        self.xs = drive.variables(nn, case, case.draw_inputs())

    def forward(self):
        with self.nn.auto_forward():
            drive.call(self.nn, self.case, self.xs)


class Graph:
    """The graph of one case in one library."""

    def __init__(self, nn, case):
        self.xs = drive.variables(nn, case, case.draw_inputs())
        self.ys = drive.build(nn, case, self.xs)
        self.wanted = [x for s, x in zip(case.specs, self.xs) if s.grad]
        self.root = self.ys[0]
        if len(self.ys) > 1:
            self.root = drive.module(nn, "functions").sink(*self.ys)
        self.grad = nn.NdArray.from_numpy_array(case.draw_gradient(self.root.shape))

    def forward(self):
        self.root.forward()

    def training(self):
        self.root.forward()
        for x in self.wanted:
            x.grad.zero()
        self.root.backward(self.grad)


def work(library, threads, clock):
    """Answer commands, JSON lines: {"prepare": name} with what runs, {"kind":, "steps":} with the seconds of a step."""
    if library == "nnabla_compat":
        import torch
        torch.set_num_threads(threads)
    answers, sys.stdout = sys.stdout, sys.stderr
    nn = importlib.import_module(library)

    def answer(value):
        answers.write(json.dumps(value) + "\n")
        answers.flush()
    answer({"version": nn.__version__})
    subject = None
    for line in sys.stdin:
        command = json.loads(line)
        if "prepare" in command:
            subject, runs = None, []
            try:
                subject = (Dynamic if command["prepare"] in AT_ONCE else Graph)(nn, SUBJECTS[command["prepare"]])
                for kind in KINDS[:1 + bool(subject.wanted)]:
                    getattr(subject, kind)()
                    runs.append(kind)
                answer({"runs": runs})
            except Exception as error:
                answer({"runs": runs, "error": " ".join(str(error).split())[:200]})
        else:
            run, steps = getattr(subject, command["kind"]), command["steps"]
            start = clock()
            for _ in range(steps):
                run()
            answer((clock() - start) / steps)


# -- the process that compares

class Worker:
    """A library in its own process, started again when it dies."""

    def __init__(self, library, interpreter, threads, clock):
        self.library, self.interpreter, self.threads, self.clock = library, interpreter, threads, clock
        self.start()

    def start(self):
        threads = str(self.threads)
        environment = dict(os.environ, OMP_NUM_THREADS=threads, OPENBLAS_NUM_THREADS=threads, MKL_NUM_THREADS=threads, NNABLA_NUM_THREADS=threads)
        self.process = subprocess.Popen([self.interpreter, __file__, "--worker", self.library, "--threads", threads, "--clock", self.clock], env=environment, text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.version = self.receive()["version"]

    def receive(self):
        line = self.process.stdout.readline()
        return json.loads(line) if line else None

    def ask(self, **command):
        self.process.stdin.write(json.dumps(command) + "\n")
        self.process.stdin.flush()
        result = self.receive()
        if result is None:
            self.process.wait()
            self.start()
        return result

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def measure(workers, name, rounds, seconds):
    """{kind: {library: seconds of the fastest round}} of one case, and what could not run."""
    runs, errors, times = {}, {}, {}
    for worker in workers:
        found = worker.ask(prepare=name) or {"runs": [], "error": "the process died"}
        runs[worker.library] = found["runs"]
        if "error" in found:
            errors[worker.library] = found["error"]
            if not found["runs"]:
                worker.ask(prepare="shape")
    for kind in KINDS:
        able = [w for w in workers if kind in runs[w.library]]
        if not able:
            continue
        steps, taken = {}, {w.library: [] for w in able}
        for w in able:
            first = min(w.ask(kind=kind, steps=1), w.ask(kind=kind, steps=2))
            steps[w.library] = max(1, min(1000, int(seconds / first)))
        for turn in range(rounds):
            for w in able if turn % 2 else able[::-1]:
                taken[w.library].append(w.ask(kind=kind, steps=steps[w.library]))
        times[kind] = {library: min(values) for library, values in taken.items()}
    return times, errors


def table(results, two):
    rows = []
    for name, result in results.items():
        times = result["times"]
        ratios = {k: t["nnabla_compat"] / t["nnabla"] for k, t in times.items() if len(t) == 2}
        rows.append((max(ratios.values(), default=0.0), name, times, ratios))
    rows.sort(key=lambda row: (-row[0], row[1]))
    lines = [f"{'operator':32}{'forward':>10}{'nnabla':>10}{'ratio':>8}{'training':>11}{'nnabla':>10}{'ratio':>8}   (microseconds)"]
    for worst, name, times, ratios in rows:
        line = f"{name + (' *' if name in COMMON else ''):32}"
        for kind, width in zip(KINDS, (10, 11)):
            t = times.get(kind, {})
            for library, w in (("nnabla_compat", width), ("nnabla", 10)):
                line += f"{t[library] * 1e6:{w}.1f}" if library in t else f"{'-':>{w}}"
            line += f"{ratios[kind]:8.2f}" if kind in ratios else f"{'-':>8}"
        lines.append(line)
    if two and results.keys() <= CASES.keys():
        for label, names in (("common (*)", COMMON), ("all", results)):
            for kind in KINDS:
                ratios = [r[3][kind] for r in rows if r[1] in names and kind in r[3]]
                if ratios:
                    lines.append(f"{label}, {kind}: {len(ratios)} operators, geometric mean {statistics.geometric_mean(ratios):.2f}, "
                                 f"{sum(r > 1 for r in ratios)} slower, {sum(r > 3 for r in ratios)} more than 3 times slower")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="operators to time, as in the tables; all by default")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=0.005, help="length of a round")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--clock", choices=CLOCKS, default="cpu", help="what is measured: processor time (the default) or time passed")
    parser.add_argument("--json", help="file for the results")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        return work(options.worker, options.threads, CLOCKS[options.clock])
    unknown = sorted(set(options.names) - set(SUBJECTS))
    if unknown:
        parser.error(f"no such operators: {', '.join(unknown)}")
    workers = [Worker("nnabla_compat", sys.executable, options.threads, options.clock)]
    if os.environ.get("NNABLA_PYTHON"):
        workers.append(Worker("nnabla", os.environ["NNABLA_PYTHON"], options.threads, options.clock))
    results, start = {}, time.time()
    for name in options.names or SUBJECTS:
        times, errors = measure(workers, name, options.rounds, options.seconds)
        results[name] = {"call": SUBJECTS[name].key, "times": times, **({"errors": errors} if errors else {})}
    for part in (CASES, SUBJECTS.keys() - CASES.keys()):
        shown = {name: result for name, result in results.items() if name in part}
        if shown:
            print(table(shown, len(workers) == 2))
    for name, result in results.items():
        for library, error in result.get("errors", {}).items():
            print(f"{library} cannot run {name}: {error}")
    print(", ".join(f"{w.library} {w.version}" for w in workers) + f"; {options.clock} time, {options.threads} thread(s), Python {platform.python_version()}, "
          f"{platform.machine()}, load {os.getloadavg()[0]:.1f}; {time.time() - start:.0f} s")
    if options.json:
        with open(options.json, "w") as file:
            json.dump(results, file, indent=1)
    for worker in workers:
        worker.close()


if __name__ == "__main__":
    main()
