"""Cache files: how samples are laid out in a cache folder.

``<prefix>_<first>_<last><extension>`` holds the samples of these positions; ``cache_index.csv`` lists the files with
their rows, ``cache_info.csv`` the variables (for ``.npy``), ``order.csv`` where each row was in the source.
"""
import csv
import os

import h5py
import numpy

from ..logger import logger


def cache_file_name(prefix, first, last, extension):
    """Name of the cache file that holds the positions ``first`` to ``last``, both included."""
    return "{}_{:08d}_{:08d}{}".format(prefix, first, last, extension)


def write_cache_file(path, variables, samples):
    """Write samples to one cache file.

    ``.h5`` holds a dataset per variable; anything else consecutive ``numpy.save`` records in the order of
    ``variables``. Arrays keep their dtype, numbers and lists become float32.

    Raises:
        ValueError: Two samples of one variable differ in shape.
    """
    columns = {}
    for i, name in enumerate(variables):
        values = [sample[i] if isinstance(sample[i], numpy.ndarray)
                  else numpy.array(sample[i]).astype(numpy.float32) for sample in samples]
        odd = next((value.shape for value in values if value.shape != values[0].shape), None)
        if odd is not None:
            message = 'The sizes of data "{}" are not the same. ({} != {})'.format(name, values[0].shape, odd)
            logger.critical(message)
            raise ValueError(message + " Give every sample the same shape, or go without a file cache.")
        columns[name] = numpy.array(values)
    logger.debug("Writing %s", path)
    if path.endswith(".h5"):
        with h5py.File(path, "w") as h5:
            for name, values in columns.items():
                h5.create_dataset(name, data=values)
    else:
        with open(path, "wb") as records:
            for values in columns.values():
                numpy.save(records, values)


def write_cache_index(folder, extension, variables, files, original_order, order):
    """Write the text files beside cache files: which there are, the variables, and the order of the rows."""
    def write(name, rows):
        with open(os.path.join(folder, name), "w", newline="") as table:
            csv.writer(table, lineterminator="\n").writerows(rows)

    write("cache_index.csv", [(os.path.basename(path), rows) for path, rows in files])
    if extension == ".npy":
        write("cache_info.csv", [(name,) for name in variables])
    if order is not None and original_order is not None:
        write("order.csv", zip(original_order, order))
