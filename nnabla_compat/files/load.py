"""Reading parameter files: which reader a file name or extension means, archives, lists of files."""
import os

from ..optional import available
from . import h5_parameters, protobuf_parameters, protobuf_stream
from .archive import members
from .errors import reading as reading_file


def read_parameters(sources, proto=None, needs_proto=False, extension=".nntxt"):
    """Everything ``sources`` hold, decoded before anybody uses it.

    Returns:
        tuple: list of ParameterRecord in the order to apply them, and the message merged into
        (None when the protobuf package is missing and was not needed).
    """
    if not isinstance(sources, (list, tuple)):
        sources = [sources]
    reading = _Reading(proto, needs_proto)
    for source in sources:
        if isinstance(source, os.PathLike):
            source = os.fspath(source)
        if not isinstance(source, str) and not hasattr(source, "read"):
            raise TypeError(f"load_parameters: expected a file name, an open file or a list of them, received "
                            f"{type(source).__name__}.")
        with reading_file(source):
            reading.read(source, os.path.splitext(source)[1] if isinstance(source, str) else extension)
    return reading.records, reading.finish()


class _Reading:
    """One call's state: the records found so far and the message they came from."""

    EXTENSIONS = (".h5", ".protobuf", ".nntxt", ".prototxt", ".nnp")

    def __init__(self, proto, needs_proto):
        self.target, self.needs_proto = proto, needs_proto
        self.parts = []  # messages, and large files with one
        self.records = []

    def finish(self):
        if self.target is None and any(hasattr(part, "read") for part in self.parts):
            return protobuf_stream.LargeMessage(self.parts)
        message = self.target
        if message is None:
            if not self.parts and not available("google.protobuf"):
                return None
            message = protobuf_parameters.new_message() if len(self.parts) != 1 else self.parts.pop()
        for part in self.parts:
            protobuf_stream.merge(message, part)
        return message

    def read(self, source, extension):
        if extension in self.EXTENSIONS:
            getattr(self, "_read_" + extension[1:])(source)
        elif any(extension in known for known in (*self.EXTENSIONS, ".nntxt,.prototxt")):
            raise ValueError(f"load_parameters: expected one of {', '.join(self.EXTENSIONS)}, received a file with the "
                             f"extension '{extension}'. Rename the file, or pass extension= for an open file.")
        else:
            from ..logger import logger
            logger.warning("%s is omitted: load_parameters reads %s.", source, ", ".join(self.EXTENSIONS))

    def _read_h5(self, source):
        records = h5_parameters.read(source)
        if self.needs_proto:
            message = protobuf_parameters.new_message()
            for record in records:
                protobuf_parameters.add_record(message, *record)
            self.parts.append(message)
        self.records += records

    def _read_protobuf(self, source):
        file = protobuf_stream.open_large(source)
        if file is not None:
            self._take(file, protobuf_stream.records(file))
        else:
            self._take_message(protobuf_parameters.read_binary(_content(source)))

    def _read_nntxt(self, source):
        title = source if isinstance(source, str) else getattr(source, "name", "text")
        self._take_message(protobuf_parameters.read_text(_content(source), title))

    _read_prototxt = _read_nntxt

    def _take_message(self, message):
        self._take(message, protobuf_parameters.records_of(message))

    def _take(self, part, records):
        if self.target is not None and not self.parts:
            # As in nnabla, parameters of the message that was passed in are set along with the file's.
            self.records += protobuf_parameters.records_of(self.target)
        self.parts.append(part)
        self.records += records

    def _read_nnp(self, source):
        for _, extension, member in members(source, self.EXTENSIONS[:-1]):
            with member:
                self.read(member, extension)


def _content(source):
    if isinstance(source, str):
        with open(source, "rb") as f:
            return f.read()
    return source.read()
