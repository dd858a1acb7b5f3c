"""Parameters in HDF5: a dataset per parameter at the path equal to its name, groups made by '/'.

Each dataset carries the attributes ``index`` (its place in the order of parameters; HDF5 itself lists
names alphabetically) and ``need_grad``.
"""
import io

import numpy as np

from .h5_datasets import attribute_of, own_datasets, values_of
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
        datasets = own_datasets(f, _title(source), getattr(source, "allowance", None))
        places = {name: attribute_of(dataset, b"index") for name, dataset in datasets.items()}
        without = [name for name, place in places.items() if place is None]
        if without and len(without) < len(places):
            raise TypeError(f"{_title(source)}: expected every dataset or none to have the attribute 'index', "
                            f"'{without[0]}' lacks it.")
        order = sorted(places) if without else sorted(places, key=lambda name: (int(places[name]), name))
        need_grad = {name: attribute_of(datasets[name], b"need_grad") for name in order}
        for name, flag in need_grad.items():
            if flag is None:
                raise KeyError(f"{_title(source)}: dataset '{name}' has no attribute 'need_grad', so this is no nnabla "
                               "parameter file.")
        return [ParameterRecord(name, values_of(datasets[name]), bool(flag)) for name, flag in need_grad.items()]


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
