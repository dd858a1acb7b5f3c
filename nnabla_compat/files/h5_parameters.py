"""Parameters in HDF5: a dataset per parameter at the path equal to its name, groups made by '/'.

Each dataset carries the attributes ``index`` (its place in the order of parameters; HDF5 itself lists
names alphabetically) and ``need_grad``.
"""
import io
import math
from typing import NamedTuple

import numpy as np

from .archive import LARGEST_EXPANSION, LARGEST_RATIO
from .records import ParameterRecord


def read(source):
    """Parameters of an HDF5 file, in their order.

    Soft and external links are not followed, and datasets whose values live in other files are
    refused: reading a parameter file touches no other file.

    Args:
        source: File name, or an open binary file (read from its position to the end).

    Returns:
        list of ParameterRecord

    Raises:
        OSError: not an HDF5 file, or a damaged one (FileNotFoundError: no such file).
        KeyError: a dataset has no ``need_grad`` attribute.
        TypeError: some datasets have an ``index`` and some have not.
        ValueError: a dataset that cannot be a parameter.
    """
    try:
        return _read(source)
    except (RuntimeError, OverflowError) as error:
        # What HDF5 says of some kinds of damage.
        raise OSError(f"{_title(source)}: the HDF5 file is damaged: {error}") from error


def _read(source):
    import h5py
    file = source if isinstance(source, str) or getattr(source, "in_place", False) else io.BytesIO(source.read())
    with h5py.File(file, "r") as f:
        found = []

        def visit(name):
            item = h5py.h5o.open(f.id, name)
            if isinstance(item, h5py.h5d.DatasetID):
                found.append(_Entry(_attribute(item, b"index"), name.decode(), _attribute(item, b"need_grad"), item, item.dtype,
                                    item.shape))

        h5py.h5o.visit(f.id, visit)  # links out of the file are not followed
        without_index = [entry.name for entry in found if entry.index is None]
        if without_index and len(without_index) < len(found):
            raise TypeError(f"{_title(source)}: expected every dataset or none to have the attribute 'index', "
                            f"'{without_index[0]}' lacks it.")
        found.sort(key=lambda entry: entry.name if without_index else (int(entry.index), entry.name))
        for entry in found:
            _check(source, entry)
        _check_sizes(source, found)
        return [_record(entry) for entry in found]


class _Entry(NamedTuple):
    """A dataset and what it says of itself, asked for once, by h5py's low-level interface: parameters may be many."""

    index: int
    name: str
    need_grad: bool
    dataset: object
    dtype: np.dtype
    shape: tuple


def _attribute(item, name):
    from h5py import h5a
    if not h5a.exists(item, name):
        return None
    attribute = h5a.open(item, name)
    value = np.empty(attribute.shape, attribute.dtype)
    attribute.read(value)
    return value[()]


def _check(source, entry):
    from h5py import h5d, h5s
    made = entry.dataset.get_create_plist()
    if made.get_external_count() or made.get_layout() == h5d.VIRTUAL:
        raise ValueError(f"{_title(source)}: dataset '{entry.name}' keeps its values in another file, which is not followed. "
                         "Save the parameters into one file.")
    if entry.dtype.kind not in "biuf" or entry.dataset.get_space().get_simple_extent_type() == h5s.NULL:
        raise ValueError(f"{_title(source)}: expected dataset '{entry.name}' to hold numbers, it holds {entry.dtype}.")
    if entry.need_grad is None:
        raise KeyError(f"{_title(source)}: dataset '{entry.name}' has no attribute 'need_grad', so this is no nnabla "
                       "parameter file.")


def _check_sizes(source, entries):
    claimed = sum(math.prod(e.shape) * e.dtype.itemsize for e in entries)
    stored = sum(e.dataset.get_storage_size() for e in entries)
    allowed = getattr(source, "allowance", max(LARGEST_EXPANSION, LARGEST_RATIO * stored))
    if claimed > allowed:
        raise ValueError(f"{_title(source)}: datasets claim {claimed} bytes, the file holds {stored}. Save it without "
                         "compression if it is sound.")


def _record(entry):
    from h5py import h5s
    values = np.empty(entry.shape, entry.dtype)
    entry.dataset.read(h5s.ALL, h5s.ALL, values)
    if not values.dtype.isnative:
        values = values.astype(values.dtype.newbyteorder("="))
    return ParameterRecord(entry.name, values, bool(entry.need_grad))


def _title(source):
    return source if isinstance(source, str) else getattr(source, "name", "HDF5 file")


def write(sink, parameters):
    """Write name to Variable into ``sink``, a file name or an open binary file."""
    import h5py
    with h5py.File(sink, "w") as f:
        for index, (name, variable) in enumerate(parameters.items()):
            dataset = f.create_dataset(name, data=np.asarray(variable.data.get_data("r")))
            dataset.attrs["need_grad"] = bool(variable.need_grad)
            dataset.attrs["index"] = index
