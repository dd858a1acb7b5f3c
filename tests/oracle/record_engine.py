"""Records the scenarios of tests/engine/scenarios.py from the real nnabla: python tests/oracle/record_engine.py"""
import json
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from engine.plain_data import plain  # noqa: E402
from engine import SCENARIOS  # noqa: E402


def main():
    import nnabla as nn
    import nnabla.functions as F
    import nnabla.initializer
    import nnabla.parametric_functions
    import nnabla.solvers  # noqa: F401

    recorded = {}
    for name, run in SCENARIOS.items():
        recorded[name] = plain(run(nn, F))
    target = HERE.parent / "corpus" / "engine.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(recorded, indent=0) + "\n")
    print(f"{len(recorded)} scenarios in {target}")


if __name__ == "__main__":
    main()
