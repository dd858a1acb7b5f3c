"""Records uses of the real nnabla: python tests/oracle/record_utilities.py [utils|converters|experimental|models|images]"""
import json
import sys
from importlib import import_module
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from engine.plain_data import plain  # noqa: E402


def main():
    for folder in sys.argv[1:] or ("utils", "converters", "experimental", "models", "images"):
        scenarios = import_module(f"{folder}.scenarios").SCENARIOS
        target = HERE.parent / "corpus" / f"{folder}.json"
        target.write_text(json.dumps({name: plain(run("nnabla")) for name, run in scenarios.items()}, indent=0) + "\n")
        print(f"{len(scenarios)} scenarios in {target}")


if __name__ == "__main__":
    main()
