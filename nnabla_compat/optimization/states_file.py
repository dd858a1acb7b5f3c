"""Files of solver states: HDF5, or an ``Optimizer`` message of nnabla's network format.

HDF5: a group per parameter at the path equal to its name, with the attribute ``index``; in it the scalar
dataset ``t`` and one dataset per state, each with its ``index``. nnabla's own reader mixes up parameters
when one's name begins with another's (``W`` and ``W2``); this one does not.
"""
import os
from typing import NamedTuple

import numpy as np


class StateRecord(NamedTuple):
    """The state of one parameter."""

    key: str
    t: int
    states: dict  # state name to numpy array


def save(path, records):
    """Write ``records`` to the file ``path`` in the format of its extension."""
    from ..files.save import replacing
    from ..logger import logger
    path = os.fspath(path)
    extension = os.path.splitext(path)[1]
    if extension not in (".h5", ".protobuf"):
        logger.critical("Only supported hdf5 or protobuf.")
        raise AssertionError(f"save_states: expected a file name ending in .h5 or .protobuf, received '{path}'.")
    if extension == ".h5":
        with replacing(path) as f:
            write_h5(f, records)
    else:
        message = _new_message()
        to_message(records, message)
        with replacing(path) as f:
            f.write(message.SerializeToString())
    logger.info("Solver state save (%s): %s", extension, path)


def load(path):
    """The records in the file ``path``; None for an extension that nnabla ignores too."""
    from ..logger import logger
    path = os.fspath(path)
    extension = os.path.splitext(path)[1]
    if extension == ".nnp":
        raise NotImplementedError("Solver.load_states does not read .nnp files: load them with nnabla.utils.load, "
                                  "which restores the solvers in them.")
    if extension == ".h5":
        records = read_h5(path)
    elif extension == ".protobuf":
        with open(path, "rb") as f:
            message = _new_message()
            message.ParseFromString(f.read())
        records = from_message(message)
    elif extension in (".nntxt", ".prototxt"):
        from google.protobuf import text_format
        message = _new_message()
        with open(path, encoding="utf-8") as f:
            text_format.Merge(f.read(), message)
        records = from_message(message)
    else:
        logger.warning("load_states: '%s' was ignored: expected .h5, .protobuf, .nntxt or .prototxt.", path)
        return None
    logger.info("State load (%s): %s", extension, path)
    return records


def write_h5(sink, records):
    """Write ``records`` as HDF5 into ``sink``, a file name or an open binary file."""
    import h5py
    with h5py.File(sink, "w") as f:
        for index, record in enumerate(records):
            group = f.require_group(record.key)
            group.attrs["index"] = index
            group.create_dataset("t", data=np.int64(record.t))
            for i, (name, array) in enumerate(record.states.items()):
                dataset = group.create_dataset(name, data=array)
                dataset.attrs["index"] = i


def read_h5(source):
    """The records in an HDF5 file.

    Raises:
        OSError: not an HDF5 file, or a damaged one (FileNotFoundError: no such file).
        ValueError: as :func:`~nnabla_compat.files.h5_datasets.own_datasets`.
    """
    import h5py

    from ..files.h5_datasets import attribute_of, own_datasets, values_of
    found, groups = [], {}
    with h5py.File(source, "r") as f:
        for path, dataset in own_datasets(f, getattr(source, "name", source)).items():
            key, _, name = path.rpartition("/")
            groups.setdefault(key, {})[name] = dataset
        for key, datasets in groups.items():
            if "t" not in datasets:
                continue
            t = values_of(datasets.pop("t"))
            if t.size != 1:
                raise ValueError(f"{source}: expected one number in '{key}/t', found shape {t.shape}.")
            order = sorted(datasets, key=lambda name: (int(attribute_of(datasets[name], b"index") or 0), name))
            states = {name: values_of(datasets[name]) for name in order}
            place = attribute_of(h5py.h5o.open(f.id, key.encode()), b"index") if key else None
            found.append((int(place or 0), StateRecord(key, int(t.reshape(())), states)))
    found.sort(key=lambda entry: (entry[0], entry[1].key))
    return [record for _, record in found]


def _new_message():
    from ..utils import nnabla_pb2
    return nnabla_pb2.Optimizer()


def to_message(records, optimizer):
    """Write ``records`` into ``optimizer.solver.states``."""
    from ..files.protobuf_stream import encode_data
    for record in records:
        state = optimizer.solver.states[record.key]
        state.t = record.t
        for name, array in record.states.items():
            parameter = state.state_parameter[name]
            parameter.shape.dim.extend(array.shape)
            parameter.MergeFromString(b"".join(encode_data(array)))


def from_message(optimizer):
    """The records in ``optimizer.solver.states``.

    Raises:
        ValueError: a state has another number of values than its shape says.
    """
    from ..files.protobuf_parameters import values_of
    records = []
    for key, state in optimizer.solver.states.items():
        states = {}
        for name, parameter in state.state_parameter.items():
            shape = tuple(parameter.shape.dim)
            values = values_of(parameter)
            if values.size != int(np.prod(shape, dtype=np.int64)):
                raise ValueError(f"state '{name}' of '{key}': expected the {int(np.prod(shape, dtype=np.int64))} values "
                                 f"of shape {shape}, found {values.size}.")
            states[name] = values.reshape(shape)
        records.append(StateRecord(key, int(state.t), states))
    return records
