"""Records the programs of tests/programs from the real nnabla: python tests/oracle/record_programs.py [NAME ...]"""
import importlib
import json
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from engine.plain_data import plain  # noqa: E402
from programs import TOPICS  # noqa: E402
from programs.kit import PROGRAMS, fresh  # noqa: E402


def main():
    import nnabla as nn

    for topic in TOPICS:
        importlib.import_module(f"programs.{topic}")
    target = HERE.parent / "corpus" / "programs.json"
    recorded = json.loads(target.read_text()) if target.exists() and len(sys.argv) > 1 else {}
    for name in sys.argv[1:] or PROGRAMS:
        fresh(nn)
        try:
            recorded[name] = plain(PROGRAMS[name]())
        except Exception as error:  # the others are still worth recording
            print(f"{name} fails in nnabla: {error}")
    lines = [f"{json.dumps(name)}: {json.dumps(recorded[name], separators=(',', ':'))}" for name in PROGRAMS if name in recorded]
    target.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    print(f"{len(recorded)} programs in {target}")


if __name__ == "__main__":
    main()
