"""Compares nnabla_compat, hand-written PyTorch and, where there is one, the real nnabla on the same mathematics.

    python benchmarks/run.py
    NNABLA_PYTHON=/path/to/python3.10 python benchmarks/run.py --cases mlp lstm --json result.json

Each library runs in a process of its own and all of them take turns, round by round, so that what else the machine does
hits them alike. All start from the same parameters; that their first results agree is checked and shown. The table gives
the median time of a step, the spread (half the middle half of the rounds, relative to the median) and the ratios of the
medians; "best" is the ratio to torch of the fastest rounds, which tells more on a busy machine. Where we lose most comes
first; a second table has the memory that steps take at their peak. Nothing here passes or fails by time.
"""
import argparse
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import cases  # noqa: E402


class Worker:
    """A library in its own process."""

    def __init__(self, library, interpreter, case, threads, device, clock):
        self.library = library
        path = os.pathsep.join(filter(None, [str(HERE), str(HERE.parent), os.environ.get("PYTHONPATH")]))
        environment = dict(os.environ, PYTHONPATH=path, OMP_NUM_THREADS=str(threads), OPENBLAS_NUM_THREADS=str(threads),
                           MKL_NUM_THREADS=str(threads))
        self.process = subprocess.Popen(
            [interpreter, str(HERE / "worker.py"), library, case, str(threads), device, clock], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE if library == "nnabla" else None, text=True, env=environment)
        self.about = self._answer()

    def ask(self, **command):
        self.process.stdin.write(json.dumps(command) + "\n")
        self.process.stdin.flush()
        return self._answer()

    def _answer(self):
        line = self.process.stdout.readline()
        if not line:
            error = (self.process.stderr.read() if self.process.stderr else "see above").strip()
            raise RuntimeError(f"the process of {self.library} ended: {error[-2000:]}")
        return json.loads(line)

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def measure(workers, what, mode, rounds, seconds):
    """Seconds a step for each round of each worker, taken in turns; and how far their first results lie apart."""
    first = {w.library: w.ask(do="prepare", what=what, mode=mode)["first"] for w in workers}
    expected = first["torch"]
    difference = max(abs(a - b) / max(abs(b), 1e-3) for values in first.values() for a, b in zip(values, expected))
    steps = {}
    for w in workers:
        n, took = 1, 0.0
        while took < seconds:  # warms up, too
            took = w.ask(do="round", steps=n)["seconds"]
            if took < seconds:
                n = max(2 * n, int(n * seconds / max(took, 1e-6)))
        steps[w.library] = max(1, int(n * seconds / took))
    times = {w.library: [] for w in workers}
    for i in range(rounds):
        for w in workers[i % len(workers):] + workers[:i % len(workers)]:
            times[w.library].append(w.ask(do="round", steps=steps[w.library])["seconds"] / steps[w.library])
    return times, difference


def summarize(times):
    median = statistics.median(times)
    low, _, high = statistics.quantiles(times, n=4) if len(times) > 1 else (median,) * 3
    return {"median": median, "spread": (high - low) / median, "best": min(times), "rounds": times}


def run_case(name, args):
    case = cases.load(name)
    threads = args.threads or case.THREADS
    interpreters = [("nnabla_compat", sys.executable), ("torch", sys.executable)]
    if os.environ.get("NNABLA_PYTHON") and args.device == "cpu":
        interpreters.append(("nnabla", os.environ["NNABLA_PYTHON"]))
    workers, results = [], []
    try:
        for library, interpreter in interpreters:
            workers.append(Worker(library, interpreter, name, threads, args.device, args.clock))
        for what in [w for w in args.what if w in case.KINDS]:
            for mode in args.modes:
                times, difference = measure(workers, what, mode, args.rounds, args.seconds)
                result = {"case": name, "title": case.TITLE, "what": what, "mode": mode, "threads": threads,
                          "difference": difference}
                result.update({library: summarize(t) for library, t in times.items()})
                result["peak"] = {w.library: w.ask(do="memory")["peak"] for w in workers if w.library != "nnabla"}
                result["to_torch"] = result["nnabla_compat"]["median"] / result["torch"]["median"]
                result["to_torch_best"] = result["nnabla_compat"]["best"] / result["torch"]["best"]
                if "nnabla" in result:
                    result["to_nnabla"] = result["nnabla_compat"]["median"] / result["nnabla"]["median"]
                results.append(result)
                print("  " + row(result), file=sys.stderr)
    finally:
        for w in workers:
            w.close()
    return results, {w.library: w.about for w in workers}


def row(r):
    def cell(library):
        if library not in r:
            return f"{'-':>16}"
        return f"{1e3 * r[library]['median']:9.3f} ±{50 * r[library]['spread']:3.0f} %"
    to_nnabla = f"{r['to_nnabla']:6.2f}" if "to_nnabla" in r else f"{'-':>6}"
    return (f"{r['title']:<54} {r['what']:<9} {r['mode']:<6} {r['threads']:>2} {cell('nnabla_compat')} {cell('torch')} "
            f"{cell('nnabla')} {r['to_torch']:6.2f} {r['to_torch_best']:6.2f} {to_nnabla} {r['difference']:8.0e}")


HEADER = (f"{'case':<54} {'step':<9} {'mode':<6} {'th':>2} {'compat ms':>16} {'torch ms':>16} {'nnabla ms':>16} "
          f"{'/torch':>6} {'best':>6} {'/nnabla':>6} {'differ':>7}")


def memory_table(results):
    """Memory of steps at their peak beyond parameters and the solver's states, in MiB, worst first."""
    rows = [(r, r["peak"]["nnabla_compat"] / r["peak"]["torch"]) for r in results]
    for r, ratio in sorted(rows, key=lambda row: -row[1]):
        cells = "".join(f"{peak / 2 ** 20:16.2f}" for peak in r["peak"].values())
        yield f"{r['title']:<54} {r['what']:<9} {r['mode']:<6} {cells} {ratio:6.2f}"


def markdown(results):
    """The table of docs/performance.md."""
    yield "| case | step | mode | threads | this package, ms | torch, ms | nnabla, ms | /torch | best | /nnabla | memory /torch |"
    yield "|---|---|---|--:|--:|--:|--:|--:|--:|--:|--:|"
    for r in results:
        nnabla = (f"{1e3 * r['nnabla']['median']:.3f}", f"{r['to_nnabla']:.2f}") if "nnabla" in r else ("", "")
        cells = (r["title"], r["what"], r["mode"], r["threads"], f"{1e3 * r['nnabla_compat']['median']:.3f}",
                 f"{1e3 * r['torch']['median']:.3f}", nnabla[0], f"{r['to_torch']:.2f}", f"{r['to_torch_best']:.2f}", nnabla[1],
                 f"{r['peak']['nnabla_compat'] / r['peak']['torch']:.2f}")
        yield f"| {' | '.join(map(str, cells))} |"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", nargs="+", default=list(cases.NAMES), choices=cases.NAMES)
    parser.add_argument("--what", nargs="+", default=["training", "inference"], choices=["training", "inference"])
    parser.add_argument("--modes", nargs="+", default=["static", "auto"], choices=["static", "auto"])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=0.3, help="length of a round")
    parser.add_argument("--threads", type=int, help="instead of the number each case names")
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--clock", default="wall", choices=["wall", "cpu"],
                        help="cpu counts the processor time of all threads: for busy machines")
    parser.add_argument("--json", help="file to write everything measured to")
    parser.add_argument("--markdown", help="file to write the first table to, as docs/performance.md has it")
    args = parser.parse_args()

    results, about = [], {}
    for name in args.cases:
        measured, about = run_case(name, args)
        results += measured
    results.sort(key=lambda r: -max(r["to_torch"], r.get("to_nnabla", 0)))
    machine = {"processor": processor(), "cores": os.cpu_count(), "system": platform.platform(), "device": args.device}
    print(HEADER)
    for r in results:
        print(row(r))
    for mode in args.modes:
        ratios = [r["to_torch"] for r in results if r["mode"] == mode]
        print(f"geometric mean against torch, {mode}: {statistics.geometric_mean(ratios):.3f}")
    print(f"{'peak memory, MiB':<71} {'compat':>16}{'torch':>16} {'/torch':>6}", *memory_table(results), sep="\n")
    print("; ".join(f"{library} {a['version']} (Python {a['python']}, numpy {a['numpy']})" for library, a in about.items()))
    print(f"{machine['processor']}, {machine['cores']} cores, {machine['system']}, on {device_name(args.device)}")
    if args.markdown:
        pathlib.Path(args.markdown).write_text("\n".join(markdown(results)) + "\n")
    if args.json:
        pathlib.Path(args.json).write_text(json.dumps({"machine": machine, "versions": about, "results": results}, indent=1))


def processor():
    try:
        with open("/proc/cpuinfo") as f:
            return next(line.split(":")[1].strip() for line in f if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def device_name(device):
    if device == "cpu":
        return "the CPU"
    import torch
    return torch.cuda.get_device_name()


if __name__ == "__main__":
    main()
