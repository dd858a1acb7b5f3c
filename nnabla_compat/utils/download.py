"""Files from the network, kept in one folder."""
import os
import shutil
import tempfile
import urllib.request

from ..logger import logger
from ..optional import available, require

_PIECE = 1 << 20


def get_data_home():
    """The folder downloads are kept in, ``~/nnabla_data``, created when missing."""
    folder = os.path.expanduser("~/nnabla_data")
    if folder == "/nnabla_data":  # a home folder of "/" cannot be written to
        folder = "./nnabla_data"
    os.makedirs(folder, exist_ok=True)
    return folder


def download(url, output_file=None, open_file=True, allow_overwrite=False):
    """Fetch ``url`` unless its file is there already.

    Args:
        url (str): Address.
        output_file (str): Where to keep it; by default the last part of ``url`` in :func:`get_data_home`.
        open_file (bool): Return the file, opened for reading bytes.
        allow_overwrite (bool): Fetch it again when it is there.

    Returns:
        An open file, or None.

    Raises:
        OSError: the address cannot be read, or the connection ended early; no file is left behind.
    """
    name = url.split("/")[-1]
    path = os.path.join(get_data_home(), name) if output_file is None else output_file
    if os.path.exists(path) and not allow_overwrite:
        logger.info("%s exists and is used. Remove it to fetch it again.", path)
    else:
        _fetch(url, name, path)
    return open(path, "rb") if open_file else None


def _fetch(url, name, path):
    """Write to a file beside ``path`` first, so that a broken connection leaves no half file behind."""
    handle, partial = tempfile.mkstemp(prefix=name[:32] + ".", dir=os.path.dirname(os.path.abspath(path)))
    try:
        with os.fdopen(handle, "wb") as target, urllib.request.urlopen(url) as source:
            total = int(source.headers.get("Content-Length") or 0)
            with _bar(name, total) as bar:
                for piece in iter(lambda: source.read(_PIECE), b""):
                    target.write(piece)
                    bar.update(len(piece))
            if target.tell() < total:
                raise ConnectionError(f"{url}: expected {total} bytes, received {target.tell()}. Try again.")
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(partial, 0o666 & ~umask)  # mkstemp's file is private
        shutil.move(partial, path)
    except BaseException:
        if os.path.exists(partial):
            os.remove(partial)
        raise


class _NoBar:
    def __enter__(self):
        return self

    def __exit__(self, *error):
        return False

    def update(self, n):
        pass


def _bar(name, total):
    if not available("tqdm"):
        return _NoBar()
    return require("tqdm").tqdm(total=total or None, desc=name, unit="B", unit_scale=True, unit_divisor=1024)
