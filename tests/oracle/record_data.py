"""Record what the real nnabla does in the scenarios of ``data_scenarios.py``.

Run it with a Python that has nnabla 1.39, Pillow and pydub installed::

    python tests/oracle/record_data.py [scenario ...]

It rewrites ``tests/corpus/data/<scenario>.json.gz``.
"""
import gzip
import importlib
import json
import logging
import os
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)


def main(names):
    import nnabla
    from data_scenarios import SCENARIOS
    logging.disable(logging.CRITICAL)
    folder = os.path.join(HERE, "..", "corpus", "data")
    for name in names or SCENARIOS:
        with tempfile.TemporaryDirectory() as tmp:
            result = SCENARIOS[name](lambda path: importlib.import_module("nnabla." + path), tmp)
        text = json.dumps({"recorded_from": "nnabla " + nnabla.__version__, "result": result}, indent=0)
        with open(os.path.join(folder, name + ".json.gz"), "wb") as file:
            file.write(gzip.compress(text.encode(), mtime=0))
        print(name, len(text))


main(sys.argv[1:])
