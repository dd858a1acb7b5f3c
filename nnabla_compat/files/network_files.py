"""Files that hold networks: ``.nnp`` archives, and messages as text or binary. Reading and writing whole files."""
import io
import os
import zipfile

from ..optimization import states_file
from . import h5_parameters, protobuf_parameters
from .archive import members
from .errors import reading
from .save import replacing

TEXT = (".nntxt", ".prototxt")
VERSION = "0.1"


class Contents:
    """What a set of files holds, decoded and not yet used.

    Attributes:
        proto: The ``NNablaProtoBuf`` messages of all files, merged.
        records: Parameters, in the order to apply them.
        states: Optimizer name to the records of its solver's states.
    """

    def __init__(self):
        self.proto, self.records, self.states = protobuf_parameters.new_message(), [], {}


def read(sources, extension=".nntxt", exclude_parameter=False, parameter_only=False):
    """Read one or several files.

    Args:
        sources: File name, open file, bytes, or a list of these.
        extension (str): Format of open files and bytes.
        exclude_parameter (bool): Skip parameters.
        parameter_only (bool): Skip networks.

    Raises:
        FileFormatError: a file is damaged.
        FileNotFoundError: there is none.
        ValueError: a file name without extension.
    """
    reader = _Reader(exclude_parameter, parameter_only)
    for source in sources if isinstance(sources, (list, tuple)) else [sources]:
        if isinstance(source, os.PathLike):
            source = os.fspath(source)
        if isinstance(source, bytes):
            source = io.BytesIO(source)
        by_name = isinstance(source, str)
        if not by_name and not hasattr(source, "read"):
            raise TypeError(f"expected a file name, an open file, bytes or a list of them, received "
                            f"{type(source).__name__}.")
        with reading(source):
            reader.read(source, os.path.splitext(source)[1] if by_name else extension, source)
    return reader.contents


class _Reader:
    EXTENSIONS = (*TEXT, ".protobuf", ".h5", ".nnp", ".optimizer")

    def __init__(self, exclude_parameter, parameter_only):
        self.exclude_parameter, self.parameter_only = exclude_parameter, parameter_only
        self.contents = Contents()

    def read(self, source, extension, name):
        if extension in TEXT:
            if not self.parameter_only:
                self._merge(protobuf_parameters.read_text(_content(source), name))
        elif extension == ".protobuf":
            if not self.exclude_parameter:
                self._merge(protobuf_parameters.read_binary(_content(source)))
        elif extension == ".h5":
            if not self.exclude_parameter:
                self.contents.records += h5_parameters.read(source)
        elif extension == ".optimizer":
            self._read_states(source, name)
        elif extension == ".nnp":
            for member, inner, file in members(source, self.EXTENSIONS):
                if inner != ".nnp":
                    with file:
                        self.read(file, inner, member)
        elif any(extension in known for known in self.EXTENSIONS):
            raise ValueError(f"expected a file with one of the extensions {', '.join(self.EXTENSIONS)}, received "
                             f"'{extension}'. Rename the file, or pass extension= for an open file.")
        else:
            from ..logger import logger
            logger.warning("%s is omitted: networks and parameters are read from %s.", name, ", ".join(self.EXTENSIONS))

    def _merge(self, proto):
        if not self.exclude_parameter:
            self.contents.records += protobuf_parameters.records_of(proto)
        if self.parameter_only:
            del proto.network[:], proto.executor[:], proto.optimizer[:], proto.monitor[:], proto.dataset[:]
        if self.contents.proto.ListFields():
            self.contents.proto.MergeFrom(proto)
        else:
            self.contents.proto = proto  # usually the only one, and it may be large

    def _read_states(self, source, name):
        stem, inner = os.path.splitext(os.path.splitext(name if isinstance(name, str) else "")[0])
        if inner == ".h5":
            optimizer = os.path.basename(stem).rsplit("_", 2)[0]
            content = source if not isinstance(source, str) else open(source, "rb")
            with content:
                self.contents.states[optimizer] = states_file.read_h5(io.BytesIO(content.read()))
        else:
            proto = protobuf_parameters.read_binary(_content(source))
            for entry in proto.optimizer:
                self.contents.states[entry.name] = states_file.from_message(entry)


def _content(source):
    if isinstance(source, str):
        with open(source, "rb") as f:
            return f.read()
    return source.read()


# -- writing -----------------------------------------------------------------------------------------

def write(target, proto, extension=None, parameters=None, parameter_format=".h5", states=(), state_format=".h5"):
    """Write a message, with what belongs to it, to a file name or an open file.

    A file given by name is replaced only once the new one is complete.

    Args:
        target: File name, whose extension decides the format, or an open file.
        proto: The ``NNablaProtoBuf`` message.
        extension (str): Format of an open file.
        parameters (dict): Name to Variable; the parameter member of a ``.nnp``, which has none if this is None.
        parameter_format (str): ``".h5"`` or ``".protobuf"``.
        states: Of a ``.nnp``: (name, solver type, StateRecords) of each optimizer.
        state_format (str): ``".h5"`` or ``".protobuf"``.

    Returns:
        bool: whether the format exists; else nothing has been written.

    Raises:
        ValueError: a file name without extension.
    """
    if isinstance(target, os.PathLike):
        target = os.fspath(target)
    by_name = isinstance(target, str)
    if by_name:
        extension = os.path.splitext(target)[1]
    known = (".nnp", *TEXT, ".protobuf")
    if extension not in known:
        if any(extension in name for name in known):
            raise ValueError(f"Currently, ext == {extension} is not support. Name the file .nnp, .nntxt, .prototxt or "
                             ".protobuf.")
        return False

    def fill(file):
        if extension == ".nnp":
            _write_archive(file, proto, parameters, parameter_format, states, state_format)
        elif extension == ".protobuf":
            file.write(proto.SerializeToString(deterministic=True))
        else:
            file.write(to_text(proto).encode() if by_name else to_text(proto))

    if by_name:
        with replacing(target) as f:
            fill(f)
    else:
        fill(target)
        if hasattr(target, "seek"):
            target.seek(0)
    return True


def to_text(proto):
    """The message as text."""
    from google.protobuf import text_format
    return text_format.MessageToString(proto)


def _write_archive(file, proto, parameters, parameter_format, states, state_format):
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("nnp_version.txt", VERSION + "\n")
        archive.writestr("network.nntxt", to_text(proto))
        if parameters is None:
            pass
        elif parameter_format == ".h5":
            part = io.BytesIO()  # HDF5 goes back in its file, which a member's cannot
            h5_parameters.write(part, parameters)
            archive.writestr("parameter.h5", part.getbuffer())
        else:
            with archive.open("parameter.protobuf", "w", force_zip64=True) as part:
                protobuf_parameters.write(part, parameters)
        if state_format == ".h5":
            for name, solver_type, records in states:
                part = io.BytesIO()
                states_file.write_h5(part, records)
                archive.writestr(f"{name}_{solver_type}_optimizer.h5.optimizer", part.getbuffer())
        elif states:
            message = protobuf_parameters.new_message()
            for name, solver_type, records in states:
                entry = message.optimizer.add(name=name)
                entry.solver.type = solver_type
                states_file.to_message(records, entry)
            archive.writestr("optimizer.protobuf.optimizer", message.SerializeToString())
