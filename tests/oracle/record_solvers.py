"""Record tests/corpus/solvers/*.npz with the real nnabla 1.39 (Python 3.10): ``python tests/oracle/record_solvers.py``."""
import pathlib
import sys

import numpy as np

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TESTS / "solvers"))

import nnabla as nn  # noqa: E402
import nnabla.solvers as S  # noqa: E402
import solver_cases as cases  # noqa: E402


def main():
    folder = TESTS / "corpus" / "solvers"
    folder.mkdir(parents=True, exist_ok=True)
    files = {}
    for case in cases.CASES:
        for name, value in cases.run(nn, S, case).items():
            files.setdefault(case.solver, {})[f"{case.label}|{name}"] = value
    for solver, arrays in files.items():
        np.savez_compressed(folder / f"{solver}.npz", **arrays)
    print(f"nnabla {nn.__version__}: {len(cases.CASES)} runs of {len(files)} solvers recorded in {folder}")


if __name__ == "__main__":
    main()
