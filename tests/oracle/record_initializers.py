"""Record tests/corpus/initializers/*.npz with the real nnabla 1.39 (Python 3.10): ``python tests/oracle/record_initializers.py``."""
import pathlib
import sys

import numpy as np

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TESTS / "initializers"))

import initializer_cases as cases  # noqa: E402
import nnabla as nn  # noqa: E402
import nnabla.initializer  # noqa: E402
import nnabla.random  # noqa: E402
import nnabla.utils.learning_rate_scheduler  # noqa: E402


def main():
    folder = TESTS / "corpus" / "initializers"
    folder.mkdir(parents=True, exist_ok=True)
    draws = cases.initializers(nn, nnabla.random, nnabla.initializer)
    curves = cases.schedules(nnabla.utils.learning_rate_scheduler)
    # One flat file per kind: names, shapes and dtypes beside the joined values keep it small.
    for name, arrays in (("initializers", draws), ("schedules", curves)):
        np.savez_compressed(folder / f"{name}.npz", names=np.array(list(arrays)),
                            shapes=np.array([str(a.shape) for a in arrays.values()]),
                            dtypes=np.array([str(a.dtype) for a in arrays.values()]),
                            values=np.concatenate([np.ravel(a).astype(np.float64) for a in arrays.values()]))
        print(f"nnabla {nn.__version__}: {len(arrays)} arrays recorded as {folder / name}.npz")


if __name__ == "__main__":
    main()
