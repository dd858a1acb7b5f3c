"""Record reference results from the original library.

Run with the original installed, from the repository's root::

    python3.10 -m pip install nnabla==1.39.0 "numpy<2"
    python3.10 tests/oracle/record.py operators            # everything
    python3.10 tests/oracle/record.py operators relu sum   # some names only

A subject is a module ``record_<subject>.py`` beside this file with a function ``record(names)``.
"""
import importlib
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))


def main(argv):
    here = pathlib.Path(__file__).resolve().parent
    subjects = sorted(p.stem[len("record_"):] for p in here.glob("record_*.py"))
    if len(argv) < 2 or argv[1] not in subjects:
        sys.exit(f"usage: record.py SUBJECT [NAME...]\nsubjects: {', '.join(subjects)}")
    importlib.import_module(f"oracle.record_{argv[1]}").record(argv[2:])


if __name__ == "__main__":
    main(sys.argv)
