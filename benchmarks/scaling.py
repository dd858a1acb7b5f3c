"""What size does: the cost of a layer in networks of 10 to 1,000, throughput of batches of 1 to 512, and of 1 and 2 threads.

    python benchmarks/scaling.py
    NNABLA_PYTHON=/path/to/python3.10 python benchmarks/scaling.py --sweeps layers --clock cpu --markdown scaling.md

Workers take turns as in run.py. Threads can only be told from each other by the clock on the wall, on a quiet machine; for the
other sweeps, ``--clock cpu`` serves on a busy one.
"""
import argparse
import json
import os
import pathlib
import sys

from run import Worker, device_name, measure, processor, summarize

LAYERS = (10, 30, 100, 300, 1000)
BATCHES = {"mlp": (1, 8, 64, 512), "lenet": (1, 8, 64, 512), "resnet14": (1, 8, 64, 512)}
THREADED = ("lenet", "resnet14", "transformer")
ALL = ("nnabla_compat", "torch", "nnabla")


def started(case, threads, args, libraries=ALL):
    """The workers of a case; nnabla's where there is one."""
    interpreters = {"nnabla": os.environ.get("NNABLA_PYTHON") if args.device == "cpu" else None}
    found = [(library, interpreters.get(library, sys.executable)) for library in libraries]
    return [Worker(library, interpreter, case, threads, args.device, args.clock) for library, interpreter in found if interpreter]


def steps(case, threads, args):
    """Seconds a step of each library, for each kind of step and mode, with what was measured."""
    workers = started(case, threads, args)
    try:
        for what in args.what:
            for mode in args.modes:
                times, difference = measure(workers, what, mode, args.rounds, args.seconds)
                yield {"case": case, "threads": threads, "what": what, "mode": mode, "difference": difference,
                       **{library: summarize(t) for library, t in times.items()}}
                print(f"  {case}, {threads} thread(s), {what}, {mode}", file=sys.stderr)
    finally:
        for worker in workers:
            worker.close()


def cells(results, scale):
    """Cells of a row of a table: the libraries' medians times ``scale``, and our ratio to torch's."""
    medians = [f"{results[library]['median'] * scale:.4g}" if library in results else "" for library in ALL]
    return [*medians, f"{results['nnabla_compat']['median'] / results['torch']['median']:.2f}"]


def table(header, rows):
    yield f"| {' | '.join(header)} |"
    yield "|" + "---|" * len(header)
    yield from (f"| {' | '.join(map(str, row))} |" for row in rows)
    yield ""


LIBRARIES = ("this package", "torch", "nnabla", "/torch")


def layers(args):
    """Microseconds of each layer: of steps, and of the other parts of a graph's life."""
    found = [(n, r) for n in args.layers for r in steps(f"layers:LAYERS={n}", 1, args)]
    yield "layers", [r for _, r in found]
    found.sort(key=lambda f: (f[1]["what"], f[1]["mode"], f[0]))
    yield from table(("layers", "step", "mode", *[f"{s}, us a layer" if s != "/torch" else s for s in LIBRARIES]),
                     [(n, r["what"], r["mode"], *cells(r, 1e6 / n)) for n, r in found])
    parts = {}
    for n in args.layers if args.device == "cpu" else ():
        for worker in started(f"layers:LAYERS={n}", 1, args, ("nnabla_compat", "nnabla")):
            worker.ask(do="prepare", what="training", mode="static")
            parts.setdefault(worker.library, {})[n] = worker.ask(do="parts")["seconds"]
            worker.close()
    yield "parts", parts
    for library, seconds in parts.items():
        names = next(iter(seconds.values()))
        yield from table((f"{library}, us a layer", *names),
                         [(n, *[f"{1e6 / n * found[name]:.1f}" for name in names]) for n, found in seconds.items()])


def batches(args):
    """Samples a second by the size of the batch."""
    found = [(case, n, r) for case, sizes in BATCHES.items() for n in sizes for r in steps(f"{case}:BATCH={n}", 1, args)]
    yield "batches", [r for *_, r in found]
    yield from table(("case", "batch", "step", "mode", *[f"{s}, us a sample" if s != "/torch" else s for s in LIBRARIES]),
                     [(case, n, r["what"], r["mode"], *cells(r, 1e6 / n)) for case, n, r in found])


def threads(args):
    """Milliseconds a step, with 1 and 2 threads."""
    found = {}
    for case in THREADED:
        for n in (1, 2):
            for r in steps(case, n, args):
                found.setdefault((case, r["what"], r["mode"]), []).append(r)
    yield "threads", [r for rs in found.values() for r in rs]
    rows = []
    for key, (one, two) in found.items():
        gains = [f"{one[s]['median'] / two[s]['median']:.2f}" if s in one else "" for s in ALL]
        rows.append((*key, *cells(one, 1e3), *cells(two, 1e3), *gains))
    header = [f"{s}{', ms' * (s != '/torch')}, {n} thread{'s' * (n > 1)}" for n in (1, 2) for s in LIBRARIES]
    yield from table(("case", "step", "mode", *header, "gain", "torch's gain", "nnabla's gain"), rows)


SWEEPS = {"layers": layers, "batches": batches, "threads": threads}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sweeps", nargs="+", default=list(SWEEPS), choices=SWEEPS)
    parser.add_argument("--layers", nargs="+", type=int, default=LAYERS, help="numbers of layers")
    parser.add_argument("--what", nargs="+", default=["training", "inference"], choices=["training", "inference"])
    parser.add_argument("--modes", nargs="+", default=["static", "auto"], choices=["static", "auto", "compiled"])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.3, help="length of a round")
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--clock", default="wall", choices=["wall", "cpu"], help="cpu: processor time, for busy machines")
    parser.add_argument("--json", help="file to write everything measured to")
    parser.add_argument("--markdown", help="file to write the tables to")
    args = parser.parse_args()
    if args.clock == "cpu" and "threads" in args.sweeps:
        parser.error("processor time doesn't tell threads apart: measure them with --clock wall")

    lines, measured = [], {}
    for sweep in args.sweeps:
        for found in SWEEPS[sweep](args):
            if isinstance(found, str):
                lines.append(found)
                print(found, flush=True)
            else:
                name, values = found
                measured[name] = values
    print(f"{processor()}, {os.cpu_count()} cores, on {device_name(args.device)}, {args.clock} clock")
    if args.markdown:
        pathlib.Path(args.markdown).write_text("\n".join(lines))
    if args.json:
        pathlib.Path(args.json).write_text(json.dumps(measured, indent=1))


if __name__ == "__main__":
    main()
