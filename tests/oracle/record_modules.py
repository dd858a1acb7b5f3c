"""Record what nnabla does in each scenario of tests/modules/scenarios.py. Run under Python 3.10 with nnabla 1.39.

    python tests/oracle/record_modules.py
"""
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, ".."))

import nnabla as nn  # noqa: E402
import nnabla.functions as F  # noqa: E402
import nnabla.parametric_functions as PF  # noqa: E402
import nnabla.solvers as S  # noqa: E402
from modules.scenarios import SCENARIOS  # noqa: E402
from parametric_functions.cases import pack  # noqa: E402


def main():
    records = {}
    for scenario in SCENARIOS:
        nn.clear_parameters()
        nn.seed(99)
        records[scenario.__name__] = scenario(nn, PF, F, S)
    folder = os.path.join(HERE, "..", "corpus", "modules")
    os.makedirs(folder, exist_ok=True)
    pack(os.path.join(folder, "recorded.npz"), records)
    for key, value in records["structure"].items():
        print(key, value)


if __name__ == "__main__":
    main()
