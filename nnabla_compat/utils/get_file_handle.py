"""nnabla's table of file formats: which loader or saver an extension means.

Here it is a thin layer over :mod:`nnabla_compat.files`, for code that works with the tables. A context object
carries what is loaded or saved: ``proto`` (an ``NNablaProtoBuf`` message), ``parameter_scope``, ``parameters``,
``exclude_parameter``, ``parameter_only``.
"""
import io
import os
import zipfile
from collections import OrderedDict
from contextlib import contextmanager

from .. import parameter
from ..files import network_files, protobuf_parameters
from ..files import save as _save
from ..files.save import replacing
from ..logger import logger

_KNOWN = (".nnp", ".h5", ".nntxt", ".prototxt", ".protobuf")


class FileHandlerContext:
    """Carries what files are loaded into, or saved from."""


def _unsupported(ext):
    return ValueError(f"Currently, ext == {ext} is not support. Expected one of {', '.join(_KNOWN)}.")


@contextmanager
def get_file_handle_load(nnp, path, ext):
    """Open a file, or a member of the open archive ``nnp``, as its format wants it.

    Args:
        nnp (zipfile.ZipFile): Archive, or None.
        path: File name, open file, or the member's name.
        ext (str): Extension that tells the format.

    Yields:
        ``zipfile.ZipFile`` (.nnp), ``h5py.File`` (.h5) or an open file: text for .nntxt and .prototxt by name.

    Raises:
        ValueError: no such format.
    """
    if nnp is not None:
        with nnp.open(path) as member:
            if ext == ".h5":
                with _h5(io.BytesIO(member.read())) as f:
                    yield f
            else:
                yield member
    elif ext == ".nnp":
        with zipfile.ZipFile(path) as f:
            yield f
    elif ext == ".h5":
        with _h5(path if isinstance(path, str) else io.BytesIO(path.read())) as f:
            yield f
    elif ext not in _KNOWN:
        raise _unsupported(ext)
    elif hasattr(path, "read"):
        yield path
    else:
        with open(path, "rb") if ext == ".protobuf" else open(path, encoding="utf-8") as f:
            yield f


def _h5(source):
    import h5py
    return h5py.File(source, "r")


@contextmanager
def get_file_handle_save(path, ext):
    """Open a file to write a format; one given by name is replaced when the block ends without an exception.

    Args:
        path: File name, or an open file (rewound afterwards).
        ext (str): Extension that tells the format.

    Yields:
        ``zipfile.ZipFile`` (.nnp), ``h5py.File`` (.h5) or an open file: text for .nntxt and .prototxt by name.

    Raises:
        ValueError: no such format.
    """
    if ext not in _KNOWN:
        raise _unsupported(ext)
    if hasattr(path, "read"):
        with _writer(path, ext, text=False) as f:
            yield f
        path.seek(0)
    else:
        with replacing(path) as file, _writer(file, ext, text=True) as f:
            yield f


@contextmanager
def _writer(file, ext, text):
    if ext == ".nnp":
        with zipfile.ZipFile(file, "w") as f:
            yield f
    elif ext == ".h5":
        import h5py
        with h5py.File(file, "w") as f:
            yield f
    elif text and ext != ".protobuf":
        f = io.TextIOWrapper(file, encoding="utf-8")
        yield f
        f.flush()
        f.detach()
    else:
        yield file


def get_buf_type(filename):
    """Format of a solver state inside a .nnp, such as ``h5`` of ``name_Adam_optimizer.h5.optimizer``."""
    return filename.split("_")[-1].split(".")[1].lower()


def load_solve_state_from_h5(nnp, filename):
    """Solver states in an HDF5 file, or in a member of the open archive ``nnp``.

    Returns:
        OrderedDict: parameter to SolverState, as ``solver.set_states`` takes them.
    """
    from ..optimization.slot import SolverState
    from ..optimization.states_file import read_h5
    from ..variable import Variable
    if nnp is not None:
        with nnp.open(filename) as member:
            filename = io.BytesIO(member.read())
    states = OrderedDict()
    for record in read_h5(filename):
        state = states[record.key] = SolverState()
        state.t = record.t
        state.pstate = OrderedDict((k, Variable.from_numpy_array(v)) for k, v in record.states.items())
    return states


# -- loaders -----------------------------------------------------------------------------------------

def _load_network(ctx, file_loaders, nnp, filename, ext):
    _load(ctx, nnp, filename, ext, getattr(ctx, "exclude_parameter", False), getattr(ctx, "parameter_only", False))


def _load_parameters(ctx, file_loaders, nnp, filename, ext):
    _load(ctx, nnp, filename, ext, False, False)


def _load(ctx, nnp, filename, ext, exclude_parameter, parameter_only):
    if nnp is not None:
        with nnp.open(filename) as member:
            filename = io.BytesIO(member.read())
    contents = network_files.read(filename, ext, exclude_parameter, parameter_only)
    if not hasattr(ctx, "proto") or ctx.proto is None:
        ctx.proto = protobuf_parameters.new_message()
    ctx.proto.MergeFrom(contents.proto)
    parameter.apply_records(contents.records)
    if contents.states:
        ctx.optimizer_states_checkpoint = {**getattr(ctx, "optimizer_states_checkpoint", {}), **contents.states}


def _load_states(ctx, file_loaders, nnp, filename, ext):
    _load_network(ctx, file_loaders, nnp, filename, ext)
    for name, records in getattr(ctx, "optimizer_states_checkpoint", {}).items():
        if name in getattr(ctx, "optimizers", {}):
            ctx.optimizers[name].solver._take_over(records)


def get_parameter_file_loader():
    """Extensions to loaders of parameters."""
    return OrderedDict((key, _load_parameters) for key in (".h5", ".protobuf", ".nntxt,.prototxt", ".nnp"))


def get_initial_file_loader():
    """Extensions to loaders of networks with all that belongs to them."""
    return OrderedDict((key, _load_network) for key in (".nntxt,.prototxt", ".protobuf,.h5", ".nnp", ".optimizer"))


def get_decorated_file_loader():
    """Extensions to loaders of what is added to an already loaded ``ctx``: parameters, and states of its solvers."""
    return OrderedDict([(".optimizer", _load_states), (".protobuf,.h5", _load_parameters), (".nnp", _load_states)])


def load_files(ctx, file_loaders, filenames, extension=None):
    """Load one or several files into ``ctx``, each by the loader of its extension.

    Files of other extensions are left out, with a warning.
    """
    with parameter.parameter_scope("", getattr(ctx, "parameter_scope", None)):
        for filename in filenames if isinstance(filenames, (list, tuple)) else [filenames]:
            ext = os.path.splitext(filename)[1] if isinstance(filename, str) else extension
            loader = next((loader for key, loader in file_loaders.items() if ext in key.split(",")), None)
            if loader is None:
                logger.warning("%s is omitted.", filename)
            else:
                loader(ctx, file_loaders, None, filename, ext)


# -- savers ------------------------------------------------------------------------------------------

def get_default_file_savers(parameter_format=".h5", solver_state_format=None):
    """Extensions to savers of networks: ``saver(ctx, filename, ext)``."""
    def save_network(ctx, filename, ext):
        states = [(name, o.solver.name, o.solver._records()) for name, o in getattr(ctx, "optimizers", {}).items()]
        network_files.write(filename, ctx.proto, ext, getattr(ctx, "parameters", {}), parameter_format,
                            states if solver_state_format else (), solver_state_format or ".h5")
    return OrderedDict((key, save_network) for key in (".nntxt,.prototxt", ".protobuf", ".nnp"))


def get_parameter_file_savers():
    """Extensions to savers of ``ctx.parameters``: ``saver(ctx, filename, ext)``."""
    def save_parameters(ctx, filename, ext):
        _save.write_parameters(filename, ctx.parameters, ext)
    return OrderedDict((key, save_parameters) for key in (".h5", ".protobuf"))


def save_files(ctx, file_savers, filenames, extension=None):
    """Save ``ctx`` to one or several files, each by the saver of its extension.

    Returns:
        bool: whether there was a saver for each of them.
    """
    supported = True
    for filename in filenames if isinstance(filenames, (list, tuple)) else [filenames]:
        ext = os.path.splitext(filename)[1] if isinstance(filename, str) else extension
        saver = next((saver for key, saver in file_savers.items() if ext in key.split(",")), None)
        if saver is None:
            supported = False
        else:
            saver(ctx, filename, ext)
    return supported
