"""Members of ``.nnp`` archives. Nothing is ever extracted to disk, so member names are only names."""
import io
import os
import zipfile
import zlib

# Members may take this many bytes together, or else this many times the size of the archive: zip can promise
# gigabytes in a kilobyte, and such an archive is refused before anything is unpacked.
LARGEST_EXPANSION = 256 << 20
LARGEST_RATIO = 200


class Member(io.BytesIO):
    """A member of an archive, in memory and with its name."""

    def __init__(self, name, content):
        super().__init__(content)
        self.name = name


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
            if expanded > max(LARGEST_EXPANSION, LARGEST_RATIO * size):
                raise zipfile.BadZipFile(f"the archive of {size} bytes would expand to {expanded} bytes. Pack it without "
                                         "compression if it is sound.")
            for info in wanted:
                found.append((info.filename, os.path.splitext(info.filename)[1],
                              Member(info.filename, archive.read(info))))
    except (RuntimeError, zlib.error) as error:  # RuntimeError: versions and methods unknown to zipfile, encryption
        raise zipfile.BadZipFile(f"the archive is damaged or not one nnabla writes: {error}") from error
    return found
