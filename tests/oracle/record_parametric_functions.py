"""Record what nnabla does in each case of tests/parametric_functions/cases.py. Run under Python 3.10 with nnabla 1.39.

    python tests/oracle/record_parametric_functions.py
"""
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, ".."))

import nnabla as nn  # noqa: E402
import nnabla.functions as F  # noqa: E402
import nnabla.initializer as I  # noqa: E402, E741
import nnabla.parametric_functions as PF  # noqa: E402
import nnabla.random  # noqa: E402
from parametric_functions.cases import CASES, Library, pack, run  # noqa: E402


def main():
    library = Library(nn, PF, F, I, nnabla.random)
    folder = os.path.join(HERE, "..", "corpus", "parametric_functions")
    os.makedirs(folder, exist_ok=True)
    records, refused = {}, []
    for case in CASES:
        try:
            record = run(case, library)
        except Exception as error:
            refused.append(f"{case.id}: {type(error).__name__}: {str(error).splitlines()[0]}")
            continue
        records[case.id] = record
    pack(os.path.join(folder, "recorded.npz"), records)
    print(f"{len(CASES)} cases, {len(refused)} refused by nnabla")
    print("\n".join(refused))


if __name__ == "__main__":
    main()
