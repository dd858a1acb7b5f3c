"""The one door for libraries that only some users need.

``require("PIL", extra="images")`` returns the module, or says which extra to install. Nothing optional
is imported before it is used, so ``import nnabla_compat`` works with torch, numpy and h5py alone.
"""
import importlib
import importlib.util

# Extra that brings each optional module, where there is one: `require` then needs no `extra`.
EXTRAS = {
    "google.protobuf": "nnp",
    "PIL": "images",
    "png": "images",
    "cv2": "opencv",
    "pydicom": "dicom",
    "soundfile": "audio",
    "matplotlib": "demo",
    "tqdm": "demo",
    "libcst": "migrate",
    "safetensors": "safetensors",
    "tensorboard": "tensorboard",
    "graphviz": "graphviz",
    "mlflow": "mlflow",
    "onnx": "onnx",
}


def require(name, extra=None, purpose=None):
    """Import an optional module.

    Args:
        name (str): Module to import, dotted names allowed (``"google.protobuf.text_format"``).
        extra (str): Extra of this package that installs it. Looked up by name when left out.
        purpose (str): What needs it, for the message: ``"reading PNG files"``.

    Returns:
        The module.

    Raises:
        ImportError: The module is missing; the text holds the ``pip install`` line to run. An error raised
            inside a module that is installed passes unchanged.
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        root = name.split(".")[0]
        missing = error.name or ""
        if missing != name and not name.startswith(missing + "."):
            raise  # the library is there, something it needs is not: its own message says more
        extra = extra or _extra_of(name)
        install = f"nnabla-compat[{extra}]" if extra else root
        why = f" for {purpose}" if purpose else ""
        raise ImportError(
            f"The Python package that provides {name!r} is needed{why} and is not installed. "
            f"Run: pip install {install}", name=name) from error


def available(name):
    """Whether ``name`` can be found, without importing more than its parent packages."""
    try:
        return importlib.util.find_spec(name) is not None
    except (ModuleNotFoundError, ValueError):
        return False


def _extra_of(name):
    parts = name.split(".")
    for end in range(len(parts), 0, -1):
        extra = EXTRAS.get(".".join(parts[:end]))
        if extra:
            return extra
    return None
