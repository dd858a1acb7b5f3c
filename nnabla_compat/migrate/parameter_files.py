"""``nnabla-compat convert`` of parameters: reads one file, writes another, and reads that back before it counts."""
import io
import os

import numpy as np

from ..engine.variable import Variable
from ..files import h5_parameters, load, network_files, protobuf_parameters
from ..files.errors import reading
from ..files.save import replacing
from . import state_dicts
from .name_map import NameMap
from .parameter_conversion import RAW, to_nnabla, to_torch

NNABLA = (".h5", ".protobuf", ".nntxt", ".prototxt", ".nnp")


def extension_of(path, known):
    """The extension of a file name.

    Raises:
        ValueError: none of ``known``.
    """
    extension = os.path.splitext(path)[1]
    if extension not in known:
        raise ValueError(f"{path}: expected one of the extensions {', '.join(known)}.")
    return extension


def read_records(path):
    """The parameters in a file of nnabla, of which the last counts where several have the same name.

    Raises:
        FileFormatError, FileNotFoundError: as ``load_parameters``.
        ValueError: it holds none.
    """
    extension_of(path, NNABLA)
    records, _ = load.read_parameters(path)
    records = list({record.name: record for record in records}.values())
    if not records:
        raise ValueError(f"{path}: the file holds no parameters.")
    return records


def read_arrays(path):
    """The state dict in a file of torch."""
    extension = extension_of(path, state_dicts.EXTENSIONS)
    with reading(path):
        return state_dicts.read(path, extension, path)


def convert(source, target, layout=RAW, names=None, like=None, write_names=None):
    """Convert a file of parameters; the formats are those of the extensions.

    nnabla's are ``.h5``, ``.protobuf``, ``.nntxt`` and ``.nnp``, torch's ``.pt``, ``.pth`` and ``.safetensors``. The file is
    read back and compared before it takes the place of ``target``. A network and what belongs to it in ``like`` goes
    into a ``.nnp``, ``.nntxt`` or ``.protobuf`` along with the parameters; states of solvers do not.

    Args:
        source (str): File to read.
        target (str): File to write.
        layout (str): What the arrays on torch's side are: ``"raw"``, nnabla's own, or ``"torch"``, those of torch.nn's layers (see
            :mod:`~nnabla_compat.migrate.layouts`).
        names (NameMap): Names that the rule of :mod:`nnabla_compat.interop.names` does not give.
        like (str): A file of nnabla with the parameters that ``target`` is to have.
        write_names (str): Where to write the map with which the state dict becomes nnabla's parameters again.

    Returns:
        list of str: what was done.

    Raises:
        ValueError: names, shapes or extensions do not fit.
        FileFormatError: a damaged file.
        OSError: a file cannot be read or written.
    """
    known = (*NNABLA, *state_dicts.EXTENSIONS)
    from_torch = extension_of(source, known) in state_dicts.EXTENSIONS
    extension = extension_of(target, known)
    into_torch = extension in state_dicts.EXTENSIONS
    names = names or NameMap()
    expected = None if like is None else read_records(like)
    if from_torch and into_torch:
        arrays = read_arrays(source)
        _write_arrays(target, extension, arrays)
        return [f"{source} -> {target}: {_count(arrays.values())}, read back and equal"]
    if into_torch:
        records = read_records(source)
        made = to_torch(records, layout, names)
        back = NameMap(names.paths, {r.name: r.values.shape for r in records}, names.raw)
        _same_records(to_nnabla(made.arrays, layout, back).records, records, "converting back does not give")
        _write_arrays(target, extension, made.arrays)
        count = _count(made.arrays.values())
        if write_names is not None:
            with replacing(write_names) as f:
                f.write(back.text().encode())
    else:
        if from_torch:
            made = to_nnabla(read_arrays(source), layout, names, expected)
            records = made.records
        else:
            made, records = None, read_records(source)
        _write_records(target, extension, records, like)
        count = _count(r.values for r in records)
    lines = [f"{source} -> {target}: {count}, read back and equal"]
    if made is not None and layout != RAW and made.unchanged:
        lines.append(f"no layer of torch.nn known for: {', '.join(made.unchanged)} (as they were)")
    if made is not None and made.dropped:
        lines.append(f"left out: {', '.join(made.dropped)}")
    return lines


def _count(arrays):
    arrays = list(arrays)
    return f"{len(arrays)} parameters with {sum(a.size for a in arrays)} values"


def _write_arrays(target, extension, arrays):
    with replacing(target) as f:
        state_dicts.write(f, extension, arrays)
        f.flush()
        f.seek(0)
        back = state_dicts.read(f, extension, target)
        if set(back) != set(arrays) or any(not _equal(back[name], a) for name, a in arrays.items()):
            raise ValueError(f"{target}: what was written does not read back as it was.")


def _equal(a, b):
    return a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes()


def _write_records(target, extension, records, like):
    variables = {}
    for record in records:
        values = record.values if record.values.dtype.kind in "biuf" else record.values.astype(np.float32)
        variables[record.name] = Variable.from_numpy_array(values, need_grad=record.need_grad)
    with replacing(target) as f:
        if extension == ".h5":
            h5_parameters.write(f, variables)
        else:
            f.write(_message_content(extension, variables, like))
        f.flush()
        f.seek(0)
        # Read from memory: HDF5 would keep the file open that is renamed next.
        back, _ = load.read_parameters(_Named(f.read(), target), extension=extension)
        back = list({record.name: record for record in back}.values())
        _same_records(back, records, f"{target}: reading back does not give")
        if [r.need_grad for r in back] != [r.need_grad for r in records]:
            raise ValueError(f"{target}: reading back does not give the same need_grad.")


class _Named(io.BytesIO):
    def __init__(self, content, name):
        super().__init__(content)
        self.name = name


def _message_content(extension, variables, like):
    if like is not None and os.path.splitext(like)[1] in NNABLA[1:]:
        proto = network_files.read([like]).proto
    else:
        proto = protobuf_parameters.new_message()
    proto.ClearField("parameter")
    if extension != ".nnp":
        for name, variable in variables.items():
            protobuf_parameters.add_record(proto, name, variable.d, variable.need_grad)
    sink = io.BytesIO() if extension not in network_files.TEXT else io.StringIO()
    network_files.write(sink, proto, extension, variables if extension == ".nnp" else None)
    content = sink.getvalue()
    return content.encode() if isinstance(content, str) else content


def _same_records(found, expected, what):
    found = {r.name: r.values for r in found}
    for record in expected:
        value = found.get(record.name)
        if value is None or value.shape != record.values.shape or not np.array_equal(
                value.astype(np.float32), record.values.astype(np.float32), equal_nan=True):
            raise ValueError(f"{what} '{record.name}' as it was: expected shape {record.values.shape}"
                             + (", received nothing" if value is None else f", received {value.shape}"
                                + (" and other values" if value.shape == record.values.shape else "")) + ".")
    if len(found) != len(expected):
        raise ValueError(f"{what} the same parameters: {sorted(set(found) ^ {r.name for r in expected})}.")


