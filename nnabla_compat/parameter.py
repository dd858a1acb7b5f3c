"""The parameter registry: nested scopes of named Variables, and files of them.

A scope is an ``OrderedDict`` whose values are Variables (parameters) or further scopes. The registry
is the one called ``root_scope``; ``current_scope`` is where names are resolved now. Both are
process-wide, as in nnabla: two threads that enter scopes at the same time disturb each other.

Every Variable that enters the registry holds a ``torch.nn.Parameter`` (a plain tensor when its
``need_grad`` is False), see :mod:`nnabla_compat.engine.parameters`.
"""
from collections import OrderedDict
from contextlib import ContextDecorator

import numpy as np
import torch

from .engine import modes
from .engine.parameters import make_parameter
from .variable import Variable

current_scope = OrderedDict()
root_scope = current_scope
current_no_grad = False


# ---------------------------------------------------------------------------------------- scopes

def get_current_parameter_scope():
    """The scope (an ``OrderedDict``) in which parameter names are resolved now."""
    return current_scope


class no_grad(ContextDecorator):
    """Parameters met inside the block do not ask for gradients.

    Parametric functions called inside return nodes whose parameters have ``need_grad=False``; the
    flags in the registry stay as they are. In auto-forward mode the outputs are cut from the graph
    too; in static mode a graph is built as usual, so inputs that need gradients keep them.

    Args:
        no_grad_ (bool): False turns gradients on again inside an outer ``no_grad`` block.
    """

    def __init__(self, no_grad_=True):
        self.no_grad_ = no_grad_

    def _recreate_cm(self):
        return no_grad(self.no_grad_)

    def __enter__(self):
        global current_no_grad
        self.outer = current_no_grad
        current_no_grad = modes.no_grad = self.no_grad_

    def __exit__(self, *exc):
        global current_no_grad
        current_no_grad = modes.no_grad = self.outer


def child_scope(scope, name):
    """The scope called ``name`` inside ``scope``, created when missing.

    Raises:
        AssertionError: ``name`` is a parameter there.
    """
    child = scope.get(name)
    if child is None:
        child = scope[name] = OrderedDict()
    elif not isinstance(child, dict):
        raise AssertionError(
            f"parameter_scope: expected '{scope_path(scope, name)}' to be a scope, it is a parameter of shape "
            f"{getattr(child, 'shape', None)}. Use another scope name, or remove it with pop_parameter.")
    return child


def scope_path(scope, name=""):
    """Where ``scope`` sits in the registry, as text for messages ('...' for private scopes)."""
    def search(here, path):
        if here is scope:
            return path
        for key, value in here.items():
            if isinstance(value, dict):
                found = search(value, path + [key])
                if found is not None:
                    return found
        return None
    path = search(root_scope, [])
    return "/".join([*(path if path is not None else ["..."]), *([name] if name else [])])


def _current_scope_name():
    return "" if current_scope is root_scope else scope_path(current_scope)


modes.scope_name = _current_scope_name      # the engine names the scope in its errors


class _ScopeEntry(ContextDecorator):
    """What :func:`parameter_scope` returns: enters the scope, restores the outer one on exit."""

    def __init__(self, name, scope):
        self.name, self.scope, self.outer = name, scope, None

    def _recreate_cm(self):
        return _ScopeEntry(self.name, self.scope)

    def __enter__(self):
        global current_scope
        scope = self.scope
        if scope is None:
            scope = current_scope
        elif not isinstance(scope, dict):
            raise ValueError(f"parameter_scope: expected scope to be a dict, received {type(scope).__name__}. "
                             "Pass an OrderedDict, or leave it out to use the current scope.")
        for part in self.name.strip("/").split("/"):
            if part:
                scope = child_scope(scope, part)
        self.outer = current_scope
        current_scope = scope
        return scope

    def __exit__(self, *exc):
        global current_scope
        current_scope = self.outer


def parameter_scope(name, scope=None):
    """Resolve parameter names inside the scope ``name`` while the block runs::

        with nn.parameter_scope("encoder"):
            h = PF.affine(x, 64, name="fc1")      # encoder/fc1/affine/W, encoder/fc1/affine/b

    Blocks nest, and ``"encoder/block1"`` enters two levels at once. Leading, trailing and doubled
    slashes do not count; an empty name stays where it is. Scopes that do not exist are created.

    Args:
        name (str): Path of the scope.
        scope (dict): Resolve ``name`` inside this dict instead of the current scope. With an empty
            name this installs a private registry for the block.

    Returns:
        A context manager that yields the scope's dict; it can decorate a function too.

    Raises:
        AssertionError: the path runs into a parameter.
        ValueError: ``scope`` is not a dict.
    """
    return _ScopeEntry(name, scope)


def _descend(key):
    """Scope that holds the last component of ``key``, and that component; creates missing scopes."""
    if "/" not in key:
        return current_scope, key
    *parts, leaf = key.split("/")
    scope = current_scope
    for part in parts:
        if part:
            scope = child_scope(scope, part)
    return scope, leaf


# ------------------------------------------------------------------------------------ parameters

def get_parameter(key):
    """The registered Variable called ``key`` ('/' separates scopes), or None.

    Raises:
        AssertionError: ``key`` is a scope.
    """
    scope, leaf = _descend(key)
    param = scope.get(leaf)
    if param is not None and not isinstance(param, Variable):
        raise AssertionError(f"get_parameter: expected '{key}' to be a parameter, it is a scope. "
                             "Pass the full path of a parameter, or use get_parameters inside the scope.")
    return param


def pop_parameter(key):
    """Take the parameter ``key`` out of the registry and return it; None when there is none."""
    scope, leaf = _descend(key)
    return scope.pop(leaf, None)


def set_parameter(key, param):
    """Register ``param`` itself under ``key``, creating scopes and replacing what was there.

    Later parametric functions that ask for this name use it. Graphs built before keep what they hold.
    """
    scope, leaf = _descend(key)
    scope[leaf] = param
    if isinstance(param, Variable) and param.parent is None:
        make_parameter(param, param.need_grad)


class VariableInfo:
    """What ``registered_variable.info`` holds: how the parameter was first filled."""

    __slots__ = ("initializer", "__dict__")

    def __init__(self, initializer):
        self.initializer = initializer


def _new_parameter(name, shape, initializer, need_grad):
    if initializer is None:
        if shape is None:
            raise AssertionError(f"get_parameter_or_create: parameter '{name}' does not exist and neither shape nor "
                                 "initializer says what to create. Pass shape.")
        param = Variable(shape, need_grad=need_grad)
        param.data.zero()
        return param
    if isinstance(initializer, np.ndarray):
        if shape is not None and tuple(shape) != initializer.shape:
            raise AssertionError(f"get_parameter_or_create: parameter '{name}' expected an initial array of shape "
                                 f"{tuple(shape)}, received {initializer.shape}.")
        return Variable.from_numpy_array(initializer, need_grad=need_grad)
    if callable(initializer):
        if shape is None:
            raise AssertionError(f"get_parameter_or_create: parameter '{name}' needs a shape, which its initializer "
                                 "is called with. Pass shape.")
        return Variable.from_numpy_array(initializer(shape=[int(s) for s in shape]), need_grad=need_grad)
    raise ValueError(f"get_parameter_or_create: parameter '{name}' expected initializer to be None, a numpy array or a "
                     f"callable taking shape (see nnabla.initializer), received {type(initializer).__name__}.")


def get_parameter_or_create(name, shape=None, initializer=None, need_grad=True, as_need_grad=None):
    """The parameter called ``name`` in the current scope, created and registered on first use.

    Args:
        name (str): Name; '/' separates scopes.
        shape (sequence of int): Shape. Required unless ``initializer`` is an array; an existing
            parameter must have this shape.
        initializer: Initial values of a new parameter: a numpy array (copied with its dtype), a
            callable called as ``initializer(shape=[...])``, or None for zeros. Not used, and no
            random number is drawn, when the parameter exists.
        need_grad (bool): Flag of the registered parameter; overwrites the flag of an existing one.
        as_need_grad (bool): Flag of the Variable returned; as ``need_grad`` by default, and False
            inside :func:`no_grad`.

    Returns:
        Variable: A new node sharing data and gradient with the registered Variable (they compare
        equal). Setting its ``need_grad`` leaves the registry alone.

    Raises:
        ValueError: the parameter exists with another shape, or ``initializer`` is of no known kind.
        AssertionError: the shape is missing or differs from the initial array's; ``name`` is a scope.
    """
    scope, leaf = _descend(name) if "/" in name else (current_scope, name)
    if as_need_grad is None:
        as_need_grad = need_grad
    if current_no_grad:
        as_need_grad = False
    param = scope.get(leaf)
    if param is None:
        param = _new_parameter(name, shape, initializer, need_grad)
        param.info = VariableInfo(initializer)
        make_parameter(param, need_grad)
        scope[leaf] = param
    elif isinstance(param, dict):
        raise AssertionError(f"get_parameter_or_create: expected '{scope_path(scope, leaf)}' to be a parameter, it "
                             "is a scope. Use another name.")
    else:
        if param.container.shape != tuple(shape):
            raise ValueError(_shape_conflict(leaf, param.shape, tuple(shape), scope_path(scope)))
        if need_grad is not param._need_grad and need_grad != param.need_grad:
            param.need_grad = need_grad
            make_parameter(param, need_grad)
    node = Variable.over(param.container, bool(as_need_grad))
    node._name = leaf
    return node


def _shape_conflict(leaf, existing, asked, scope):
    return (f'The existing parameter "{leaf}" (scope \'{scope}\') has shape {existing}, which differs from the shape '
            f"asked for, {asked}.\nGive the layer a name of its own (name=... or nn.parameter_scope), or drop all "
            "parameters with nn.clear_parameters().")


def get_parameters(params=None, path='', grad_only=True):
    """Parameters of the current scope and those below it.

    Args:
        params (dict): Extend this dict instead of a new one.
        path (str): Prefix of every name.
        grad_only (bool): Leave out parameters with ``need_grad=False`` (running statistics).

    Returns:
        OrderedDict: ``{"conv1/conv/W": Variable}``, the registered Variables in creation order,
        depth first.
    """
    return list_parameters(current_scope, grad_only, OrderedDict() if params is None else params, path)


def list_parameters(scope, grad_only, params=None, path=""):
    """As :func:`get_parameters`, of the given scope."""
    if params is None:
        params = OrderedDict()
    prefix = path + "/" if path else ""
    for name, value in scope.items():
        if isinstance(value, dict):
            list_parameters(value, grad_only, params, prefix + name)
        elif not isinstance(value, Variable):
            raise AssertionError(f"get_parameters: expected '{prefix}{name}' to hold a Variable, it holds a "
                                 f"{type(value).__name__}. Register parameters as Variables.")
        elif not grad_only or value.need_grad:
            params[prefix + name] = value
    return params


def clear_parameters():
    """Forget every parameter of the current scope. Graphs and solvers keep those they hold."""
    current_scope.clear()


# ----------------------------------------------------------------------------------------- files

def apply_records(records):
    """Set the parameters of the current scope to ``records`` (see :mod:`nnabla_compat.files.records`).

    Existing parameters are written in place, so graphs and solvers see the new values; missing ones
    are created; others are left alone. Everything is checked before anything is written.

    Raises:
        ValueError: a shape differs from the existing parameter's; nothing has been changed.
        AssertionError: a name is a scope on one side and a parameter on the other; likewise.
    """
    planned = {}
    for record in records:
        *parts, leaf = record.name.split("/")
        scope, known = current_scope, True
        path = []
        for part in parts:
            if not part:
                continue
            path.append(part)
            if planned.get(tuple(path)) is not None:
                raise AssertionError(f"load_parameters: '{'/'.join(path)}' is a parameter and a scope in the same "
                                     "file.")
            planned[tuple(path)] = None
            scope = scope.get(part) if known else None
            known = scope is not None
            if known and not isinstance(scope, dict):
                raise AssertionError(f"load_parameters: '{record.name}' cannot be loaded, '{'/'.join(path)}' is an "
                                     "existing parameter. Load into another nn.parameter_scope, or clear_parameters "
                                     "first.")
        existing = scope.get(leaf) if known else None
        if isinstance(existing, dict):
            raise AssertionError(f"load_parameters: '{record.name}' cannot be loaded as a parameter, it is an existing "
                                 "scope. Load into another nn.parameter_scope, or clear_parameters first.")
        shape = existing.shape if existing is not None else planned.get((*path, leaf), record.values.shape)
        if shape is None:
            raise AssertionError(f"load_parameters: '{record.name}' is a parameter and a scope in the same file.")
        if tuple(shape) != record.values.shape:
            raise ValueError(_shape_conflict(leaf, tuple(shape), record.values.shape,
                                             scope_path(scope) if known else ""))
        planned[(*path, leaf)] = record.values.shape
    for record in records:
        scope, leaf = _descend(record.name)
        param = scope.get(leaf)
        if param is None:
            param = _adopt(record)
            param.info = VariableInfo(None)
            scope[leaf] = param
        else:
            param.d = record.values
            param.need_grad = record.need_grad
        make_parameter(param, record.need_grad)


def _adopt(record):
    """A parameter over the very memory a reader made, so that a file is in memory once."""
    values = record.values
    if values.flags.writeable and values.flags.c_contiguous and values.dtype.kind in "bif":
        param = Variable(values.shape, need_grad=record.need_grad)
        param.data.set_tensor(torch.from_numpy(values))
        return param
    return Variable.from_numpy_array(values, need_grad=record.need_grad)


def set_parameter_from_proto(proto):
    """Register every ``parameter`` entry of an ``NNablaProtoBuf`` message in the current scope."""
    from .files.protobuf_parameters import records_of
    apply_records(records_of(proto))


def load_parameters(path, proto=None, needs_proto=False, extension=".nntxt"):
    """Load parameters into the current scope.

    Existing parameters are changed in place, so graphs built before and solvers see the new values;
    missing ones are created; parameters that the file lacks keep their values. A load that fails
    leaves every parameter as it was.

    Args:
        path: File name ending in ``.h5``, ``.protobuf``, ``.nntxt``, ``.prototxt`` or ``.nnp``; an open
            file; or a list of these. Any other extension is skipped with a warning.
        proto: An ``NNablaProtoBuf`` message to merge what is read into.
        needs_proto (bool): Put the values of ``.h5`` files into the message too.
        extension (str): Format of open files, such as ``".h5"``.

    Returns:
        The ``NNablaProtoBuf`` message (``proto``, or a new one; that of a large ``.protobuf`` file is read when
        somebody looks at it). None when the protobuf package is not installed and no format met needs it.

    Raises:
        ValueError: a shape differs from the existing parameter's, or there is no extension.
        FileNotFoundError: no such file. Damaged files raise ``OSError`` (.h5), ``DecodeError``
            (.protobuf), ``ParseError`` (.nntxt) or ``BadZipFile`` (.nnp).
        KeyError: an ``.h5`` dataset lacks its ``need_grad`` attribute.
    """
    from .files import load
    records, proto = load.read_parameters(path, proto, needs_proto, extension)
    apply_records(records)
    return proto


def save_parameters(path, params=None, extension=None):
    """Save parameters to a file that nnabla reads.

    A file given by name is replaced only once the new one is complete.

    Args:
        path: File name ending in ``.h5`` or ``.protobuf``, an open binary file (rewound afterwards), or a
            list of these.
        params (dict): Name to Variable. All parameters of the current scope by default, those with
            ``need_grad=False`` included.
        extension (str): Format of an open file, ``".h5"`` or ``".protobuf"``; file names tell their own.

    Raises:
        AssertionError: no such format.
        ValueError: no extension.
    """
    from .files import save
    save.write_parameters(path, get_parameters(grad_only=False) if params is None else params, extension)
