"""Reading data set files: from disk, http(s) or S3, and into arrays by file extension."""
import contextlib
import csv
import io
import os
import shutil
import tempfile
import urllib.request
from urllib.parse import urljoin

import h5py
import numpy

from ..logger import logger
from ..optional import require
from .download import download, get_data_home  # noqa: F401  many scripts import them from here

# nnabla reads audio through pydub where that is installed; this package reads .wav files by itself.
pydub_available = False


class FileReader:
    """Opens a file, or files named relative to it, by path or address.

    Args:
        base_uri (str): Path of a file or folder, or an address: ``http://``, ``https://``, ``s3://``
            (which needs boto3 and its credentials).
    """

    def __init__(self, base_uri):
        self._base_uri = base_uri
        self.base_ext = os.path.splitext(base_uri)[1].lower()
        scheme = base_uri.split("://", 1)[0].lower() if "://" in base_uri else ""
        self._file_type = {"s3": "s3", "http": "http", "https": "http"}.get(scheme, "file")
        if self._file_type == "s3":
            boto3 = require("boto3", purpose="reading s3:// addresses")
            bucket, _, self._s3_base_key = base_uri.split("://", 1)[1].partition("/")
            self._s3_bucket = boto3.session.Session().resource("s3").Bucket(bucket)

    def read_s3_object(self, key):
        """Bytes of the object ``key`` in the bucket."""
        return self._s3_bucket.Object(key).get()["Body"].read()

    def _resolve(self, filename, base):
        """``filename`` as seen from ``base``; backslashes separate folders too, as in files from Windows."""
        filename = filename.replace("\\", "/")
        if self._file_type == "file":
            return os.path.abspath(os.path.join(os.path.dirname(base.replace("\\", "/")), filename))
        # urljoin knows no s3 addresses
        scheme, rest = base.split("://", 1)
        return urljoin("http://" + rest, filename).replace("http://", scheme + "://", 1)

    @contextlib.contextmanager
    def open(self, filename=None, textmode=False, encoding="utf-8-sig"):
        """Open a file for reading, with its extension as attribute ``ext``.

        Args:
            filename (str): Relative to the folder of the base; the base itself when None.
            textmode (bool): Read text instead of bytes.
            encoding (str): Of the text; a byte order mark is skipped by default.
        """
        uri = self._base_uri if filename is None else self._resolve(filename, self._base_uri)
        if self._file_type == "file":
            file = open(uri, "rt", encoding=encoding, newline="") if textmode else open(uri, "rb")
        else:
            if self._file_type == "s3":
                content = self.read_s3_object(uri.split("://", 1)[1].partition("/")[2])
            else:
                with urllib.request.urlopen(uri) as response:
                    content = response.read()  # loaders seek, a connection cannot
            file = io.StringIO(content.decode(encoding), newline="") if textmode else io.BytesIO(content)
        with file:
            file.ext = os.path.splitext(uri)[1].lower()
            yield file

    @contextlib.contextmanager
    def open_cache(self, cache_name):
        """Open the HDF5 cache file ``cache_name`` inside the folder this reader was made for."""
        if os.path.isabs(cache_name) or os.path.exists(cache_name):
            uri = cache_name  # cache_index.csv readers give whole paths
        else:
            uri = self._resolve(cache_name, self._base_uri + "/")
        if self._file_type == "file":
            with h5py.File(uri, "r") as h5:
                yield h5
            return
        with FileReader(uri).open() as remote, tempfile.TemporaryFile() as local:
            shutil.copyfileobj(remote, local)
            with h5py.File(local, "r") as h5:
                yield h5

    def listdir(self):
        """Sorted names of the ``.h5`` files in the folder; None over http, which has no listings."""
        if self._file_type == "s3":
            names = [os.path.basename(found.key) for found in self._s3_bucket.objects.filter(
                Prefix=self._s3_base_key + "/", Delimiter="/")]
            return sorted(names)
        if self._file_type == "http":
            return None
        return [name for name in sorted(os.listdir(self._base_uri))
                if os.path.splitext(name)[1].lower() == ".h5"]


# Extension, offset and first bytes; a later entry wins where two fit.
_SIGNATURES = (
    (".bmp", 0, b"BM"), (".dib", 0, b"BM"),
    (".pgm", 0, b"P5\n"),
    (".jpg", 0, b"\xff\xd8\xff"),
    (".png", 0, b"\x89PNG\r\n\x1a\n"),
    (".tiff", 0, b"I I"), (".tiff", 0, b"II*\0"), (".tiff", 0, b"MM\0*"),
    (".eps", 0, b"\xc5\xd0\xd3\xc6"),
    (".gif", 0, b"GIF87a"), (".gif", 0, b"GIF89a"),
    (".ico", 0, b"\0\0\1\0"),
    (".dcm", 128, b"DICM"),
    (".wav", 0, b"RIFF"),
)


def get_file_extension(source):
    """Lower-case extension of a path or file, told from the first bytes where a file has no name."""
    if isinstance(source, str):
        return os.path.splitext(source)[1].lower()
    if not hasattr(source, "read"):
        return ""
    if isinstance(getattr(source, "name", None), str):
        return os.path.splitext(source.name)[1].lower()
    source.seek(0)
    head = source.read(160)
    source.seek(0)
    extension = ""
    for candidate, offset, signature in _SIGNATURES:
        if head[offset:].startswith(signature):
            extension = candidate
    return extension


class ResourceFileReader:
    """A path, an open binary file or a BytesIO, with its extension as ``ext``.

    Args:
        source: Path or binary file.

    Raises:
        ValueError: Anything else, such as a file open in text mode.
    """

    def __init__(self, source):
        self._source = source
        if isinstance(source, str):
            self.handler = FileReader(source)
            self.ext = self.handler.base_ext
            if not self.ext:
                with self.handler.open() as file:
                    self.ext = get_file_extension(io.BytesIO(file.read(160)))
        elif _is_binary_file(source):
            self.handler = source
            self.ext = get_file_extension(source)
        else:
            raise ValueError(
                f"ResourceFileReader: expected a path, a file open for reading bytes or a BytesIO, "
                f"received {type(source).__name__}.")

    @contextlib.contextmanager
    def open(self):
        """The file, at its start."""
        if isinstance(self.handler, FileReader):
            with self.handler.open() as file:
                file.ext = file.ext or self.ext
                yield file
        else:
            self.handler.seek(0)
            self.handler.ext = self.ext
            yield self.handler
            self.handler.seek(0)


def _is_binary_file(source):
    if not (hasattr(source, "read") and hasattr(source, "seek")):
        return False
    try:
        source.seek(0)
        first = source.read(1)
        source.seek(0)
    except (OSError, ValueError):
        return False
    return isinstance(first, bytes)


def load_image_imread(file, shape=None, max_range=1.0):
    """Read an image as ``(C, H, W)``.

    Args:
        file: Path or binary file.
        shape (tuple of int): Size to bring it to, ``(C, H, W)``; its own when None.
        max_range (float): Value of white; below 0 the pixels stay as they are stored.

    Returns:
        numpy.ndarray: As stored, or float64 from 0 to ``max_range``.
    """
    from .image_utils import imread, imresize
    image = imread(file)
    if image.ndim == 2:
        image = image[..., None]
    height, width, channels = image.shape
    if shape is not None:
        assert shape[0] == channels, (
            f"expected an image of {shape[0]} channels, received {channels}.")
        if tuple(shape[1:]) != (height, width):
            image = imresize(image, (shape[2], shape[1]))
    image = image.transpose(2, 0, 1)
    white = 65535.0 if image.dtype == numpy.uint16 else 255.0
    if max_range < 0 or max_range == white:
        return image
    return image * (max_range / white)


def load_image(file, shape=None, normalize=False):
    """Read an image as ``(C, H, W)``, scaled to [0, 1] when ``normalize``."""
    return load_image_imread(file, shape, 1.0 if normalize else -1)


def load_csv(file, shape=None, normalize=False):
    """Read a matrix of numbers from a binary file of comma separated values, reshaped when ``shape`` is given."""
    rows = csv.reader(io.StringIO(file.read().decode("utf-8"), newline=""))
    try:
        matrix = numpy.array([[float(cell) for cell in row] for row in rows if row])
        return matrix if shape is None else matrix.reshape(shape)
    except ValueError:
        logger.log(99, "No matrix of numbers could be read from %s.", getattr(file, "name", "the file"))
        raise


def load_npy(path, shape=None, normalize=False):
    """Read a ``.npy`` file, reshaped when ``shape`` is given. Pickled objects are refused."""
    array = numpy.load(path, allow_pickle=False)
    return array if shape is None else array.reshape(shape)


def load_wav(path, shape=None, normalize=False):
    """Read a ``.wav`` file of integer samples as ``(samples, channels)``, or in ``shape``."""
    from .audio_utils.wave_utils import read_wav
    array = read_wav(path)
    return array if shape is None else array.reshape(shape)


def load_audio_pydub(path, shape=None, normalize=False):
    """Read an audio file as ``(samples, channels)``, resized to ``shape`` when given."""
    from .audio_utils import auread, auresize
    return auresize(auread(path), shape) if shape else auread(path)


def load_audio(file, shape=None, normalize=False):
    """Read an audio file as ``(samples, channels)``."""
    return (load_audio_pydub if pydub_available else load_wav)(file, shape, normalize)


_load_functions = {
    **dict.fromkeys((".bmp", ".jpg", ".jpeg", ".png", ".gif", ".tif", ".tiff", ".dcm"), load_image),
    ".csv": load_csv,
    ".npy": load_npy,
    ".wav": load_audio,
}


def load(ext):
    """The function that reads files with extension ``ext`` as ``f(file, shape=None, normalize=False)``.

    Raises:
        ValueError: No function is known for it.
    """
    from .callback import get_load_image_func
    function = get_load_image_func(ext) or _load_functions.get(ext)
    if function is None:
        raise ValueError(
            'File format with extension "{}" is not supported. Known: {}.'.format(
                ext, ", ".join(sorted(_load_functions))))
    return function
