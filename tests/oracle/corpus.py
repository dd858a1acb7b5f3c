"""Reading and writing recorded cases: ``<name>.json`` says what, ``<name>.npz`` holds the numbers.

Arrays of one file are joined into one flat array per dtype, and referred to as
``[dtype, offset, shape]``: thousands of tiny zip members would cost more than their contents.
"""
import json
import pathlib

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parent.parent / "corpus"


class Writer:
    """Collects arrays and hands out references to them."""

    def __init__(self):
        self.parts, self.sizes, self.seen = {}, {}, {}

    def put(self, array):
        array = np.asarray(array)
        content = (array.dtype.str, array.shape, array.tobytes())
        if content not in self.seen:
            name = array.dtype.name
            offset = self.sizes.get(name, 0)
            self.parts.setdefault(name, []).append(array.ravel())
            self.sizes[name] = offset + array.size
            self.seen[content] = [name, offset, list(array.shape)]
        return self.seen[content]

    def save(self, directory, name, entries):
        """Write ``entries`` (JSON with references inside) and their arrays."""
        directory = pathlib.Path(directory)
        directory.mkdir(parents=True, exist_ok=True)
        with open(directory / f"{name}.json", "w") as f:
            f.write("{\n" + ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in entries.items()) + "\n}\n")
        np.savez_compressed(directory / f"{name}.npz", **{k: np.concatenate(v) for k, v in sorted(self.parts.items())})


class Reader:
    """The recorded entries of one file, and the arrays they refer to."""

    def __init__(self, directory, name):
        directory = pathlib.Path(directory)
        with open(directory / f"{name}.json") as f:
            self.entries = json.load(f)
        with np.load(directory / f"{name}.npz") as arrays:
            self.arrays = {k: arrays[k] for k in arrays.files}

    def get(self, reference):
        """A writable copy of the array a reference stands for (None for None)."""
        if reference is None:
            return None
        dtype, offset, shape = reference
        size = int(np.prod(shape, dtype=np.int64))
        return self.arrays[dtype][offset:offset + size].reshape(shape).copy()
