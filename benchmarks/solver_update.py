"""Times a solver's update of 200 tensors next to torch's foreach and fused optimizers: python benchmarks/solver_update.py

Prints the median of interleaved rounds, in microseconds, and the ratio of ours to each; nothing passes or fails by it.
"""
import argparse
import pathlib
import statistics
import sys
import time

import torch

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from nnabla_compat import solvers as S  # noqa: E402

TENSORS = 200
CASES = {
    "Sgd": (lambda: S.Sgd(1e-4), lambda ps, how: torch.optim.SGD(ps, 1e-4, **how)),
    "Momentum": (lambda: S.Momentum(1e-4), lambda ps, how: torch.optim.SGD(ps, 1e-4, momentum=0.9, **how)),
    "Adam": (lambda: S.Adam(1e-4), lambda ps, how: torch.optim.Adam(ps, 1e-4, **how)),
    "AdamW": (lambda: S.AdamW(1e-4), lambda ps, how: torch.optim.AdamW(ps, 1e-4, **how)),
    "RMSprop": (lambda: S.RMSprop(1e-4), lambda ps, how: torch.optim.RMSprop(ps, 1e-4, **how)),
    "Adadelta": (lambda: S.Adadelta(1.0), lambda ps, how: torch.optim.Adadelta(ps, 1.0, **how)),
    "Lamb": (lambda: S.Lamb(1e-4), None),
}


def parameters(shape, device):
    made = [torch.nn.Parameter(torch.randn(shape, device=device)) for _ in range(TENSORS)]
    for p in made:
        p.grad = torch.randn(shape, device=device)
    return made


def steps_of(name, shape, device):
    """The steps to compare, by label; torch has no Lamb, and fuses only some optimizers."""
    make, optimizer = CASES[name]
    solver = make()
    solver.set_parameters({str(i): p for i, p in enumerate(parameters(shape, device))})
    steps = {"nnabla_compat": solver.update}
    for how in ("foreach", "fused") if optimizer else ():
        try:
            step = optimizer(parameters(shape, device), {how: True}).step
            step()
        except (TypeError, RuntimeError):
            continue
        steps[how] = step
    return steps


def measure(steps, rounds, device, now):
    times = {label: [] for label in steps}
    for _ in range(rounds):
        for label, step in steps.items():
            step()
            if device == "cuda":
                torch.cuda.synchronize()
            start = now()
            step()
            if device == "cuda":
                torch.cuda.synchronize()
            times[label].append(now() - start)
    return {label: statistics.median(t) * 1e6 for label, t in times.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--clock", default="wall", choices=["wall", "cpu"], help="cpu: processor time, for busy machines")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    now = time.perf_counter if options.clock == "wall" else time.process_time
    print(f"torch {torch.__version__}, {options.threads} thread(s), {options.device}; {TENSORS} tensors of 16 x 16")
    print(f"{'solver':10} {'ours us':>9} {'foreach':>9} {'fused':>9} {'/foreach':>9} {'/fused':>9}")
    for name in CASES:
        found = measure(steps_of(name, (16, 16), options.device), options.rounds, options.device, now)
        ours = found["nnabla_compat"]
        row = [f"{found[h]:9.0f}" if h in found else " " * 9 for h in ("foreach", "fused")]
        row += [f"{ours / found[h]:9.2f}" if h in found else " " * 9 for h in ("foreach", "fused")]
        print(f"{name:10} {ours:9.0f} {' '.join(row)}".rstrip())


if __name__ == "__main__":
    main()
