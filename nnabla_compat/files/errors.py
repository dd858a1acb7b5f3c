"""What is raised for files that cannot be read."""
from contextlib import contextmanager
from functools import lru_cache


class FileFormatError(Exception):
    """A file is damaged, or holds what this package cannot use.

    What is raised is this and, at the same time, the exception that nnabla's users know for the case:
    ``OSError`` (.h5), ``zipfile.BadZipFile`` (.nnp), protobuf's ``DecodeError`` or ``ParseError``,
    ``KeyError`` (a name that is not declared), ``ValueError``, ``RuntimeError`` (shapes that do not
    fit). Files that are missing or may not be opened raise their own ``OSError`` alone.
    """

    message = ""

    def __str__(self):
        return self.message


@lru_cache(maxsize=None)
def _kind(cls):
    return type(cls.__name__, (FileFormatError, cls), {"__module__": __name__, "__str__": FileFormatError.__str__})


def as_file_error(error, title):
    """``error`` as a :class:`FileFormatError` that is of the same class too, its text headed by ``title``."""
    text = error.args[0] if isinstance(error, KeyError) and error.args else error
    message = f"{title}: {text}" if title else str(text)
    for cls in type(error).__mro__:
        for arguments in ((message,), error.args):
            try:
                made = _kind(cls)(*arguments)
            except TypeError:  # a constructor that takes something else
                continue
            made.message = message
            return made
    raise AssertionError("unreachable: Exception takes any argument")


@contextmanager
def reading(source):
    """Whatever goes wrong in the block is the file's fault, and becomes a :class:`FileFormatError`."""
    try:
        yield
    except (FileFormatError, FileNotFoundError, PermissionError, IsADirectoryError, ImportError):
        raise
    except Exception as error:
        raise as_file_error(error, _title(source)) from error


def _title(source):
    if isinstance(source, (list, tuple)):
        return ", ".join(_title(s) for s in source)
    return source if isinstance(source, str) else str(getattr(source, "name", "") or "")
