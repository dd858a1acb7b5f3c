"""Reading strangers' HDF5 files: only what lies in the file itself, and no more than its size can account for.

By h5py's low-level interface, which costs a fraction of the other where datasets are many.
"""
import math

import numpy as np

from .archive import LARGEST_EXPANSION, LARGEST_RATIO


def own_datasets(file, title, allowance=None):
    """The datasets of an open file, by name. Links are not followed.

    Args:
        file (h5py.File): The file.
        title (str): What errors call it.
        allowance (int): Bytes that all of them may have together, where what they occupy does not say.

    Returns:
        dict: name -> h5py.h5d.DatasetID, for :func:`values_of`.

    Raises:
        ValueError: values that are no numbers, that lie in other files, or that are beyond all measure.
    """
    from h5py import h5d, h5o
    found = {}

    def visit(name):
        item = h5o.open(file.id, name)
        if isinstance(item, h5d.DatasetID):
            found[name.decode()] = item

    h5o.visit(file.id, visit)
    for name, dataset in found.items():
        _check(title, name, dataset)
    claimed = sum(math.prod(d.shape) * d.dtype.itemsize for d in found.values())
    stored = sum(d.get_storage_size() for d in found.values())
    if claimed > (allowance or max(LARGEST_EXPANSION, LARGEST_RATIO * stored)):
        raise ValueError(f"{title}: datasets claim {claimed} bytes, the file holds {stored}. Save it without compression "
                         "if it is sound.")
    return found


def _check(title, name, dataset):
    from h5py import h5d, h5s
    made = dataset.get_create_plist()
    if made.get_external_count() or made.get_layout() == h5d.VIRTUAL:
        raise ValueError(f"{title}: dataset '{name}' keeps its values in another file, which is not followed. Save all "
                         "into one file.")
    if dataset.dtype.kind not in "biuf" or dataset.get_space().get_simple_extent_type() == h5s.NULL:
        raise ValueError(f"{title}: expected dataset '{name}' to hold numbers, it holds {dataset.dtype}.")


def values_of(dataset):
    """The values of a dataset, as an array in this machine's byte order."""
    from h5py import h5s
    values = np.empty(dataset.shape, dataset.dtype)
    dataset.read(h5s.ALL, h5s.ALL, values)
    return values if values.dtype.isnative else values.astype(values.dtype.newbyteorder("="))


def attribute_of(item, name):
    """The attribute ``name`` (bytes) of a dataset or group, None where there is none."""
    from h5py import h5a
    if not h5a.exists(item, name):
        return None
    attribute = h5a.open(item, name)
    value = np.empty(attribute.shape, attribute.dtype)
    attribute.read(value)
    return value[()]
