"""Compares compiled graphs with uncompiled ones, with hand-written PyTorch as it is and under torch.compile, and with nnabla.

    python benchmarks/compiled.py
    NNABLA_PYTHON=/path/to/python3.10 python benchmarks/compiled.py --cases mlp --json result.json

Each takes turns in a process of its own, as in run.py, and all start alike; "differ" is how far their first six results lie
apart. The ratios are those of the compiled graph's median time to the others'; the worst comes first. "compile s" is how much
longer the first six steps took than torch's: seconds of the clock on the wall, less where inductor finds earlier code on disk
(TORCHINDUCTOR_CACHE_DIR names its place).
"""
import argparse
import json
import os
import pathlib
import statistics
import sys

from run import Worker, cases, device_name, processor, summarize

# Column -> (library, mode). On a GPU, "compiled" replays CUDA graphs, which "uncaptured" does without.
SIDES = {"compiled": ("nnabla_compat", "compiled"), "uncaptured": ("nnabla_compat", "uncaptured"),
         "static": ("nnabla_compat", "static"), "torch": ("torch", "static"), "torch.compile": ("torch", "compiled"),
         "nnabla": ("nnabla", "static")}


def measure(workers, what, rounds, seconds):
    """For each side the seconds a step of each round; how far the first results lie apart; the seconds they took."""
    first, steps, started = {}, {}, {}
    for side, w in workers.items():
        answer = w.ask(do="prepare", what=what, mode=SIDES[side][1])
        first[side], started[side] = answer["first"], answer["seconds"]
        n, took = 1, 0.0
        while took < seconds:
            took = w.ask(do="round", steps=n)["seconds"]
            steps[side] = n if took >= seconds else max(2 * n, int(n * seconds / max(took, 1e-6)))
            n = steps[side]
    difference = max(abs(a - b) / max(abs(b), 1e-3) for values in first.values() for a, b in zip(values, first["torch"]))
    times = {side: [] for side in workers}
    order = list(workers)
    for i in range(rounds):
        for side in order[i % len(order):] + order[:i % len(order)]:
            times[side].append(workers[side].ask(do="round", steps=steps[side])["seconds"] / steps[side])
    return times, difference, started


def run_case(name, args):
    case = cases.load(name)
    threads = args.threads or case.THREADS
    workers = {}
    try:
        for side, (library, _) in SIDES.items():
            interpreter = os.environ.get("NNABLA_PYTHON") if library == "nnabla" else sys.executable
            here = args.device == "cpu" if library == "nnabla" else args.device != "cpu" or side != "uncaptured"
            if side not in args.without and interpreter and here:
                workers[side] = Worker(library, interpreter, name, threads, args.device, args.clock)
        for what in [w for w in args.what if w in case.KINDS]:
            times, difference, started = measure(workers, what, args.rounds, args.seconds)
            result = {"case": name, "title": case.TITLE, "what": what, "threads": threads, "difference": difference,
                      **{side: summarize(t) for side, t in times.items()}}
            result["compiling"] = {side: started[side] - started["torch"] for side in workers if SIDES[side][1] != "static"}
            result["ratios"] = {side: result["compiled"]["median"] / result[side]["median"] for side in workers}
            yield result, {w.library: w.about for w in workers.values()}
    finally:
        for w in workers.values():
            w.close()


def row(r):
    cells = "".join(f"{1e3 * r[s]['median']:14.3f}" if s in r else f"{'-':>14}" for s in SIDES)
    ratios = "".join(f"{r['ratios'][s]:>8.2f}" if s in r["ratios"] else f"{'-':>8}" for s in list(SIDES)[1:])
    return f"{r['title']:<46} {r['what']:<9} {r['threads']:>2}{cells}  {ratios} {r['compiling']['compiled']:9.1f} {r['difference']:8.0e}"


HEADER = (f"{'case':<46} {'step':<9} {'th':>2}" + "".join(f"{s + ' ms':>14}" if len(s) < 11 else f"{s:>14}" for s in SIDES)
          + "  " + "".join(f"{'/' + s[-7:]:>8}" for s in list(SIDES)[1:]) + f" {'compile s':>9} {'differ':>8}")


def markdown(results):
    """The table of docs/compiled.md: the compiled step and the ratios of its time to the others'."""
    sides = [side for side in SIDES if side in results[0]]
    yield f"| case | step | threads | {' | '.join(sides)} | {' | '.join('/ ' + side for side in sides[1:])} | compiling, s |"
    yield "|---|---|" + "--:|" * (2 * len(sides) + 1)
    for r in results:
        yield (f"| {r['title']} | {r['what']} | {r['threads']} | " + " | ".join(f"{1e3 * r[side]['median']:.3f}" for side in sides)
               + " | " + " | ".join(f"{r['ratios'][side]:.2f}" for side in sides[1:]) + f" | {r['compiling']['compiled']:.0f} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", nargs="+", default=list(cases.NAMES), choices=cases.NAMES)
    parser.add_argument("--what", nargs="+", default=["training", "inference"], choices=["training", "inference"])
    parser.add_argument("--without", nargs="*", default=[], choices=list(SIDES)[1:], help="sides to leave out")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=0.3, help="length of a round")
    parser.add_argument("--threads", type=int, help="instead of the number each case names")
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--clock", default="cpu", choices=["cpu", "wall"], help="time of the processor, or of the clock on the wall")
    parser.add_argument("--json", help="file to write everything measured to")
    parser.add_argument("--markdown", help="file to write the table to, as docs/compiled.md has it")
    args = parser.parse_args()
    if "torch" in args.without:
        parser.error("torch gives the results that others are compared with")
    if args.device != "cpu":
        args.clock = "wall"

    results, about = [], {}
    for name in args.cases:
        for result, about in run_case(name, args):
            results.append(result)
            print("  " + row(result), file=sys.stderr, flush=True)
    results.sort(key=lambda r: -max(v for side, v in r["ratios"].items() if side != "compiled"))
    print(HEADER)
    for r in results:
        print(row(r))
    for side in list(SIDES)[1:]:
        ratios = [r["ratios"][side] for r in results if side in r["ratios"]]
        if ratios:
            print(f"geometric mean against {side}: {statistics.geometric_mean(ratios):.3f}")
    print("; ".join(f"{library} {a['version']} (Python {a['python']}, numpy {a['numpy']})" for library, a in about.items()))
    print(f"{processor()}, {os.cpu_count()} cores, on {device_name(args.device)}, {args.clock} clock")
    if args.markdown:
        pathlib.Path(args.markdown).write_text("\n".join(markdown(results)) + "\n")
    if args.json:
        pathlib.Path(args.json).write_text(json.dumps({"versions": about, "results": results}, indent=1))


if __name__ == "__main__":
    main()
