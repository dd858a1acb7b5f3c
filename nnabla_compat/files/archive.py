"""Members of ``.nnp`` archives. Nothing is ever extracted to disk, so member names are only names."""
import io
import os
import struct
import zipfile
import zlib
from concurrent.futures import ThreadPoolExecutor

# What a file unpacks to may take this many bytes, or else this many times the file's size: a compressed kilobyte can
# promise gigabytes, and such a file is refused before anything is unpacked.
LARGEST_EXPANSION = 64 << 20
LARGEST_RATIO = 200
# Members up to this size are read into memory.
SMALL = 1 << 20


class Member(io.BytesIO):
    """A member of an archive, in memory and with its name.

    ``allowance`` is how many bytes it may unpack to in turn.
    """

    def __init__(self, name, content):
        super().__init__(content)
        self.name = name


class Span(io.RawIOBase):
    """A part of a file, such as a member that is not compressed, read where it lies."""

    in_place = True  # reading it in parts costs no more than reading it whole

    def __init__(self, name, path, start, size):
        self.name, self.path, self.start, self.size, self.at, self.file = name, path, start, size, 0, None
        self.checksum = None

    def again(self):
        """The same part, opened once more."""
        return Span(self.name, self.path, self.start, self.size)

    def check(self, expected):
        """Compare the checksum, beside whatever else is read; a ``with`` statement ends by BadZipFile if it differs."""
        worker = ThreadPoolExecutor(1)
        self.checksum, self.expected = worker.submit(_checksum, self.again()), expected
        worker.shutdown(wait=False)

    def __exit__(self, *error):
        super().__exit__(*error)
        if self.checksum is not None and self.checksum.result() != self.expected:
            raise zipfile.BadZipFile(f"Bad CRC-32 for file {self.name!r}")

    def fileno(self):
        return self._opened().fileno()

    def _opened(self):
        if self.file is None:
            self.file = open(self.path, "rb", buffering=0)
        return self.file

    def readable(self):
        return True

    def seekable(self):
        return True

    def tell(self):
        return self.at

    def seek(self, offset, whence=os.SEEK_SET):
        self.at = max(0, offset + {os.SEEK_SET: 0, os.SEEK_CUR: self.at, os.SEEK_END: self.size}[whence])
        return self.at

    def readinto(self, buffer):
        file = self._opened()
        file.seek(self.start + self.at)
        count = file.readinto(memoryview(buffer)[:max(0, self.size - self.at)])
        self.at += count
        return count

    def close(self):
        if self.file is not None:
            self.file.close()
        super().close()


def _open(archive, info, source):
    """A member as an open file; a large one that is not compressed stays where it is."""
    if not isinstance(source, str) or info.compress_type != zipfile.ZIP_STORED or info.file_size < SMALL:
        return Member(info.filename, archive.read(info))
    archive.open(info).close()  # looks for the member's header
    archive.fp.seek(info.header_offset + 26)
    name_length, extra_length = struct.unpack("<HH", archive.fp.read(4))
    member = Span(info.filename, source, info.header_offset + 30 + name_length + extra_length, info.file_size)
    member.check(info.CRC)
    return member


def _checksum(file):
    buffer, found = bytearray(1 << 18), 0
    with file:
        while count := file.readinto(buffer):
            found = zlib.crc32(memoryview(buffer)[:count], found)
    return found


def members(source, extensions):
    """``(name, extension, open file)`` of the members whose extension is one of ``extensions``, in archive order.

    Others are skipped, those without an extension too (nnabla stumbles over them).

    Raises:
        zipfile.BadZipFile: no archive, a damaged one, or one that would expand beyond all measure.
    """
    found = []
    try:
        with zipfile.ZipFile(source) as archive:
            wanted = [info for info in archive.infolist()
                      if not info.is_dir() and os.path.splitext(info.filename)[1] in extensions]
            size, expanded = archive.fp.seek(0, os.SEEK_END), sum(info.file_size for info in wanted)
            allowance = max(LARGEST_EXPANSION, LARGEST_RATIO * size)
            if expanded > allowance:
                raise zipfile.BadZipFile(f"the archive of {size} bytes would expand to {expanded} bytes. Pack it "
                                         "without compression if it is sound.")
            for info in wanted:
                member = _open(archive, info, source)
                member.allowance = allowance
                found.append((info.filename, os.path.splitext(info.filename)[1], member))
    except (RuntimeError, zlib.error) as error:  # RuntimeError: versions and methods unknown to zipfile, encryption
        raise zipfile.BadZipFile(f"the archive is damaged or not one nnabla writes: {error}") from error
    return found
