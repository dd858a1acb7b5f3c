"""Records what the programs of examples/learning print under the real nnabla.

Run by an interpreter that has nnabla (Python 3.10) and nothing of this project:

    python tests/oracle/record_learning.py
"""
import json
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]


def main():
    recorded = {}
    for program in sorted((ROOT / "examples" / "learning").glob("*.py")):
        printed = subprocess.check_output([sys.executable, str(program)], env=dict(os.environ, OMP_NUM_THREADS="1"), text=True)
        recorded[program.stem] = json.loads(printed)
    target = ROOT / "tests" / "corpus" / "learning.json"
    target.write_text(json.dumps(recorded, indent=0) + "\n")
    print(f"{', '.join(recorded)} in {target}")


if __name__ == "__main__":
    main()
