"""Large ``NNablaProtoBuf`` files: values go between file and arrays without a message that holds them all once more.

Only what surrounds the values becomes a message. The values themselves, which the wire format stores as one run of
little-endian float32, are read into arrays, and written from them.
"""
import io
import os

import numpy as np

from .archive import Span

# Files from this size on are read in this way. The message of a smaller one costs little.
LARGE = 16 << 20

# Tags of NNablaProtoBuf.parameter and of Parameter.data, and SolverStateParameter.data: the field's number, then 2 for
# "length and bytes".
PARAMETER, DATA = 200 << 3 | 2, 100 << 3 | 2
FIXED = {1: 8, 5: 4}  # sizes of the kinds of fields that have one


def open_large(source):
    """``source`` as a file of its own to read from, if it is a large file by name or in an archive; else None."""
    if isinstance(source, str):
        source = Span(source, source, 0, os.path.getsize(source))
    return io.BufferedReader(source.again()) if isinstance(source, Span) and source.size >= LARGE else None


def records(file):
    """The parameters of the message in ``file``, an open file at its beginning.

    Raises:
        google.protobuf.message.DecodeError: damaged data, in other fields too.
        ValueError: as :func:`~.protobuf_parameters.record_of`.
    """
    from .protobuf_parameters import read_binary
    found, others, end = [], bytearray(), file.seek(0, os.SEEK_END)
    file.seek(0)
    for tag, field, place, size in _fields(file, end):
        if tag == PARAMETER:
            found.append(_record(file, place, size))
        else:
            file.seek(field)
            others += file.read(place + size - field)
    read_binary(bytes(others))
    return found


def _record(file, start, size):
    from ..utils import nnabla_pb2
    from .protobuf_parameters import record_of
    file.seek(start)
    around, runs = bytearray(), []
    for tag, field, place, length in _fields(file, start + size):
        if tag == DATA:
            runs.append((place, length))
        else:
            file.seek(field)
            around += file.read(place + length - field)
    entry = nnabla_pb2.Parameter.FromString(bytes(around))
    if len(runs) != 1 or runs[0][1] % 4 or entry.data:  # values in several pieces, which nobody writes but may
        file.seek(start)
        return record_of(nnabla_pb2.Parameter.FromString(file.read(size)))
    place, length = runs[0]
    values = np.empty(length // 4, "<f4")
    file.seek(place)
    file.readinto(values.view(np.uint8))
    file.seek(start + size)
    return record_of(entry, values.astype(np.float32, copy=False))


def _fields(file, end):
    """Tag, start, start of the content and its size of each field up to ``end``; the file may be moved meanwhile."""
    start = file.tell()
    while start < end:
        file.seek(start)
        tag = _varint(file, end)
        kind = tag & 7
        if tag < 8 or kind not in (0, 2, *FIXED):
            _damaged()
        size = FIXED.get(kind, 0)
        if kind == 0:
            _varint(file, end)
        elif kind == 2:
            size = _varint(file, end)
        place = file.tell()
        if place + size > end:
            _damaged()
        yield tag, start, place, size
        start = place + size


def _varint(file, end):
    number = 0
    for shift in range(0, 70, 7):
        byte = file.read(1) if file.tell() < end else b""
        if not byte:
            break
        number |= (byte[0] & 0x7F) << shift
        if byte[0] < 0x80:
            return number
    return _damaged()


def _damaged():
    from google.protobuf.message import DecodeError
    raise DecodeError("Error parsing message: the file is damaged.")


def encode(name, values, need_grad):
    """A field ``parameter``: the bytes that protobuf itself would write, as a list of buffers."""
    from ..utils import nnabla_pb2
    before = nnabla_pb2.Parameter(variable_name=name)
    before.shape.dim.extend(np.shape(values))
    parts = [before.SerializeToString(), nnabla_pb2.Parameter(need_grad=bool(need_grad)).SerializeToString()]
    parts[1:1] = encode_data(values)
    return [_bytes_of(PARAMETER) + _bytes_of(sum(map(len, parts))), *parts]


def encode_data(values):
    """A field ``data``, of a parameter or of a solver's state, as a list of buffers."""
    values = np.ascontiguousarray(values, dtype="<f4")
    return [_bytes_of(DATA) + _bytes_of(values.nbytes), values.reshape(-1).view(np.uint8).data] if values.size else []


def _bytes_of(number):
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


class LargeMessage:
    """Stands for the ``NNablaProtoBuf`` that is merged from ``parts``, messages and large files.

    The files are read when somebody looks at the message, which hardly anybody does.
    """

    def __init__(self, parts):
        self.__dict__.update(parts=parts, stamps=[_stamp(part) for part in parts], message=None)

    def _message(self):
        from .protobuf_parameters import new_message
        if self.message is None:
            message = new_message()
            for part, stamp in zip(self.parts, self.stamps):
                if _stamp(part) != stamp:
                    raise OSError(f"{part.name} was changed after it was loaded, so that its message is lost.")
                merge(message, part)
            self.__dict__.update(parts=(), message=message)
        return self.message

    @property
    def __class__(self):
        from ..utils import nnabla_pb2
        return nnabla_pb2.NNablaProtoBuf

    def __getattr__(self, name):
        return getattr(self._message(), name)

    def __setattr__(self, name, value):
        setattr(self._message(), name, value)

    def __eq__(self, other):
        return self._message() == (other._message() if type(other) is LargeMessage else other)

    def __repr__(self):
        return repr(self._message())


def _stamp(part):
    if not hasattr(part, "fileno"):
        return None
    status = os.fstat(part.fileno())
    return status.st_size, status.st_mtime_ns


def merge(message, part):
    """Merge ``part``, a message or an open file with one, into ``message``."""
    if hasattr(part, "read"):
        part.seek(0)
        message.MergeFromString(part.read())
    else:
        message.MergeFrom(part)
