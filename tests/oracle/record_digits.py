"""Records the digits example's curve from the real nnabla.

Run by an interpreter that has nnabla (Python 3.10) and nothing of this project:

    python tests/oracle/record_digits.py

It runs examples/digits/train_digits.py to its end and writes tests/corpus/digits/curve.json: every loss (six digits,
as nnabla's monitor writes them) and the test accuracy after each epoch.
"""
import json
import os
import subprocess
import sys
import tempfile

import nnabla
import numpy

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def read_series(path):
    with open(path) as f:
        return [[int(index), float(value)] for index, value in (line.split() for line in f)]


def main():
    with tempfile.TemporaryDirectory() as out:
        subprocess.check_call([sys.executable, os.path.join(ROOT, "examples", "digits", "train_digits.py"),
                               "--out", out], env=dict(os.environ, OMP_NUM_THREADS="1"))
        record = {
            "nnabla": nnabla.__version__,
            "numpy": numpy.__version__,
            "losses": [value for _, value in read_series(os.path.join(out, "Training-loss.series.txt"))],
            "test_accuracy": read_series(os.path.join(out, "Test-accuracy.series.txt")),
        }
    with open(os.path.join(ROOT, "tests", "corpus", "digits", "curve.json"), "w") as f:
        json.dump(record, f)
        f.write("\n")


if __name__ == "__main__":
    main()
