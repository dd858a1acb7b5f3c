"""Parameters in protobuf: the ``parameter`` entries of an ``NNablaProtoBuf`` message, binary or text."""
import math

import numpy as np

from . import protobuf_stream
from .records import ParameterRecord


def new_message():
    """An empty ``NNablaProtoBuf``."""
    from ..utils import nnabla_pb2
    return nnabla_pb2.NNablaProtoBuf()


def records_of(proto):
    """The parameters of a message, see :func:`record_of`."""
    return [record_of(entry) for entry in proto.parameter]


def record_of(entry, values=None):
    """The parameter that a ``Parameter`` message holds, or the one that it describes of ``values``, a flat array.

    nnabla's own reader makes parameters float64 (of float32 values); here they are float32, the dtype they
    were computed in.

    Raises:
        ValueError: the shape asks for another number of values.
    """
    shape = tuple(entry.shape.dim)
    if values is None:
        values = values_of(entry, after=3 if entry.need_grad else 0)
    if any(s < 0 for s in shape) or values.size != math.prod(shape):
        raise ValueError(f"parameter '{entry.variable_name}': expected {shape} values, received {values.size}. "
                         "The file is damaged.")
    return ParameterRecord(entry.variable_name, values.reshape(shape), entry.need_grad)


def values_of(entry, after=0):
    """The field ``data`` of an entry, by way of its bytes: taking values one by one is forty times slower.

    ``after`` says how many bytes follow it: fields are written in the order of their numbers.
    """
    count = len(entry.data)
    entry.DiscardUnknownFields()
    packed = entry.SerializeToString()
    return np.frombuffer(packed, "<f4", count, len(packed) - after - 4 * count).astype(np.float32)


def add_record(proto, name, values, need_grad):
    """Append a parameter entry to a message."""
    proto.MergeFromString(b"".join(protobuf_stream.encode(name, values, need_grad)))


def read_binary(data):
    """The message in ``data``.

    Raises:
        google.protobuf.message.DecodeError: damaged data.
    """
    proto = new_message()
    proto.MergeFromString(data)
    return proto


def read_text(text, title):
    """The message in ``text`` (str or UTF-8 bytes).

    Raises:
        google.protobuf.text_format.ParseError: bad syntax, or a field nnabla does not know.
        UnicodeDecodeError: not text.
    """
    from google.protobuf import text_format

    from ..logger import logger
    proto = new_message()
    if isinstance(text, bytes):
        text = text.decode("utf-8")
    try:
        text_format.Merge(text, proto)
    except text_format.ParseError:
        logger.critical("Failed to read %s.", title)
        raise
    return proto


def write(sink, parameters):
    """Write name to Variable into ``sink``, an open binary file."""
    for name, variable in parameters.items():
        sink.writelines(protobuf_stream.encode(name, variable.data.get_data("r"), variable.need_grad))
