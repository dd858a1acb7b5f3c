"""``nn.Module``: a network with parameters of its own.

Every method of a Module runs inside the Module's private parameter scope, so parametric functions
called there register their parameters with the Module and never in the global registry.

Children and their names
    ==============================  ==========================================================
    ``self.conv = ConvBn(8)``       ``@conv/...``
    ``self.cnb = [ConvBn(8), ...]``  ``@cnb.0/...``; items appended later count too
    ``self.cnb = {'a': ConvBn(8)}``  ``@cnb.a/...``
    nested containers               ``@cnb.0.1/...``, ``@cnb.a.0/...``
    ``ConvBn(8)(x)`` in ``call``    ``@call.conv_bn.0/...``, see below
    ==============================  ==========================================================

Modules made inside ``call``
    A Module that ``call`` makes, uses and drops is a new object at each call. Its parameters belong to
    the Module whose ``call`` made it, under the class name and a number counting the temporaries of
    that class in the order of their first use; the next call's object finds them again. When a later
    call reaches the same number from another line of source, or when such a Module creates parameters
    in its ``__init__``, there is no telling which parameters are meant, and an error says so.
"""
import inspect
import re
import sys
from collections import OrderedDict
from functools import wraps
from types import FunctionType

from .. import parameter

__all__ = ["Module", "MetaClass", "ParamMemo", "insert_parent_name"]

# The method running now: [module, method name, state of the call]. The state is None until a Module is
# made inside the method.
_frame = None

# Called with a Module when a method of it has ended that no other Module called (see core.graph_def).
finished = None


def insert_parent_name(name, params):
    """``params`` with every key moved below the child ``name``: ``W`` becomes ``@name/W``."""
    return OrderedDict((f"@{name}/{key}", value) for key, value in params.items())


class ParamMemo:
    """Parameters and modules already listed, so that shared ones are listed once."""

    def __init__(self):
        self._memo = set()
        self._modules = set()

    def filter_and_update(self, params):
        """The entries of ``params`` not seen before, which count as seen from now on."""
        fresh = OrderedDict()
        for key, value in params.items():
            if value not in self._memo:
                self._memo.add(value)
                fresh[key] = value
        return fresh

    def first_visit(self, module):
        """Whether ``module`` has not been visited before; it has from now on."""
        if id(module) in self._modules:
            return False
        self._modules.add(id(module))
        return True


class _CallState:
    """What one run of a method knows about the Modules made in it."""

    def __init__(self, owner, method):
        self.owner, self.method = owner, method
        self.made = []
        self.used = {}
        self.running = True


class _Birth:
    """Where a Module was made: the method run, and the line of source."""

    __slots__ = ("state", "code", "line")

    def __init__(self, state, code, line):
        self.state, self.code, self.line = state, code, line

    def site(self):
        return self.code, self.line


class _Memory:
    """Parameters of a Module made inside ``call``, which outlive the object: its scope and its children's."""

    def __init__(self):
        self.scope = OrderedDict()
        self.children = OrderedDict()
        self.site = None

    def child(self, name):
        memory = self.children.get(name)
        if memory is None:
            memory = self.children[name] = _Memory()
        return memory

    def get_parameters(self, recursive, grad_only, memo):
        return _collect(self.children.items() if recursive else (), self.scope, recursive, grad_only, memo)

    def set_parameter(self, key, param, raise_if_missing=False):
        if key.startswith("@"):
            name, _, subkey = key[1:].partition("/")
            self.child(name).set_parameter(subkey, param)
        else:
            _store(self.scope, key, param)


def _collect(children, scope, recursive, grad_only, memo):
    params = OrderedDict()
    for name, child in children:
        for key, value in child.get_parameters(recursive=recursive, grad_only=grad_only, memo=memo).items():
            params[f"@{name}/{key}"] = value
    params.update(memo.filter_and_update(parameter.list_parameters(scope, grad_only)))
    return params


def _store(scope, key, param):
    outer = parameter.current_scope
    parameter.current_scope = scope
    try:
        parameter.set_parameter(key, param)
    finally:
        parameter.current_scope = outer


class MetaClass(type):
    """Makes methods of Modules run inside the Module's parameter scope."""

    @staticmethod
    def method_wrapper(method):
        """``method`` as it runs on Modules: with their parameter scope as the current one."""
        name = getattr(method, "__name__", "")

        @wraps(method)
        def wrapped(self, *args, **kwargs):
            global _frame
            try:
                scope = self.__dict__["_parameter_scope"]
            except KeyError:
                scope = _resolve_scope(self, name)
            outer_scope, outer_frame = parameter.current_scope, _frame
            parameter.current_scope = scope
            if outer_frame is None or outer_frame[0] is not self:
                _frame = [self, name, None]
            try:
                result = method(self, *args, **kwargs)
                if outer_frame is None and finished is not None:
                    finished(self)
                return result
            finally:
                parameter.current_scope = outer_scope
                if _frame is not outer_frame:
                    if _frame[2] is not None:
                        _frame[2].running = False
                    _frame = outer_frame

        return wrapped

    def __new__(meta, classname, bases, class_dict):
        if bases:
            class_dict = {
                name: meta.method_wrapper(value) if _is_method(name, value) else value
                for name, value in class_dict.items()}
        return super().__new__(meta, classname, bases, class_dict)

    @property
    def __signature__(cls):
        # inspect would show the arguments of __call__ below.
        init = cls.__init__
        if init is object.__init__:
            return inspect.Signature()
        signature = inspect.signature(init)
        return signature.replace(parameters=list(signature.parameters.values())[1:])

    def __call__(cls, *args, **kwargs):
        if _frame is None:
            return super().__call__(*args, **kwargs)
        owner, method, state = frame = _frame
        if state is None:
            state = frame[2] = _CallState(owner, method)
        made = super().__call__(*args, **kwargs)
        # Whose parameters are used is settled at the first use, when it is known where the Module went.
        attributes = made.__dict__
        if "_birth" not in attributes and "_parent" not in attributes:
            caller = sys._getframe(1)
            attributes["_birth"] = _Birth(state, caller.f_code, caller.f_lineno)
            state.made.append(made)
        if "_parameter_scope" in attributes and "_memory" not in attributes:
            attributes["_scope_of_init"] = attributes.pop("_parameter_scope")
        return made


def _is_method(name, value):
    # nnabla wraps everything callable; plain callables, classes and static methods are left alone here,
    # so that they can be used: wrapped, they would be handed `self`.
    if name in ("__new__", "__init_subclass__", "__class_getitem__"):
        return False
    return isinstance(value, FunctionType) or (
        callable(value) and hasattr(value, "__get__") and not isinstance(value, (type, staticmethod, classmethod)))


def _resolve_scope(module, method=""):
    """Give ``module`` its parameter scope, at the first use of it."""
    attributes = module.__dict__
    if method == "__init__":
        scope = attributes["_parameter_scope"] = OrderedDict()
        return scope
    birth = attributes.get("_birth")
    parent, name = _owner(module, birth)
    memory = None
    if parent is not None:
        parent.parameter_scope  # noqa: B018  settles the parent first
        remembered = parent.__dict__.get("_memory")
        if remembered is not None:
            memory = remembered.child(name)
    elif birth is not None and birth.state.running and birth.state.method in ("call", "__call__"):
        memory = _adopt(module, birth)
    attributes.pop("_birth", None)
    scope = attributes.pop("_scope_of_init", None)
    if memory is None:
        scope = OrderedDict() if scope is None else scope
    else:
        if scope and parameter.list_parameters(scope, False):
            raise RuntimeError(
                f"{type(module).__name__} is made inside call and creates parameters in its __init__, so each call "
                "would start from new ones. Make it once, as an attribute, in __init__ of the Module that uses it.")
        attributes["_memory"] = memory
        scope = memory.scope
    attributes["_parameter_scope"] = scope
    return scope


def _owner(module, birth):
    """The Module that holds ``module`` as a child, and the child's name; (None, None) when there is none."""
    parent = module.__dict__.get("_parent")
    if parent is not None:
        return parent, module.__dict__["_name"]
    if birth is not None:
        for candidate in (birth.state.owner, *birth.state.made):
            if candidate is not module:
                for name, child in candidate._children():
                    if child is module:
                        return candidate, name
    return None, None


def _adopt(module, birth):
    """The memory of a Module made and dropped inside ``call``."""
    owner, used = birth.state.owner, birth.state.used
    kind = module.name
    number = used[kind] = used.get(kind, -1) + 1
    name = f"{birth.state.method}.{kind}.{number}"
    memory = owner._temporaries().child(name)
    if memory.site is None:
        memory.site = birth.site()
    elif memory.site != birth.site():
        first, now = memory.site, birth.site()
        raise RuntimeError(
            f"{owner!r}.{birth.state.method} makes Modules of class {type(module).__name__} in an order that changes "
            f"between calls: number {number} was first made in {first[0].co_name} at "
            f"{first[0].co_filename}:{first[1]}, now in {now[0].co_name} at {now[0].co_filename}:{now[1]}. Whose "
            "parameters it should use cannot be told. Make the Modules once, as attributes, in __init__.")
    if "training" not in module.__dict__ and not owner.training:
        module.training = owner.training
    return memory


def _modules_in(container, prefix, path=()):
    """``(name, Module)`` for the Modules inside a list, tuple or dict, to any depth."""
    if id(container) in path:
        return
    if isinstance(container, dict):
        items = container.items()
    else:
        items = enumerate(container)
    for key, value in items:
        if isinstance(value, Module):
            yield f"{prefix}.{_key(key)}", value
        elif isinstance(value, (list, tuple, dict)) and value:
            yield from _modules_in(value, f"{prefix}.{_key(key)}", (*path, id(container)))


def _key(key):
    return str(key).replace("%", "%25").replace("/", "%2F") if isinstance(key, str) else str(key)


# Modules whose `training` is being handed to their children: containers may lead back to a parent.
_propagating = set()

# Attributes of a Module that are its own bookkeeping, not the user's.
_OWN = frozenset(("_parameter_scope", "_scope_of_init", "_submodules", "_parent", "_name", "_birth", "_memory",
                  "_temporary_memory", "training"))


class Module(metaclass=MetaClass):
    """Base class of networks. A subclass writes ``call``; instances are called::

        class Net(nn.Module):
            def __init__(self):
                self.body = [ConvBn(16), ConvBn(32)]    # a list, tuple or dict of Modules will do
                self.head = Head()

            def call(self, x):
                for layer in self.body:
                    x = layer(x)
                return PF.affine(self.head(x), 10)

        net = Net()
        y = net(x)
        solver.set_parameters(net.get_parameters())

    Parameters come into being at the first call. The instance owns them: keep it as long as graphs
    built from it are used.
    """

    _recursive_attrs = ["training"]

    def __repr__(self):
        return self.__class__.__name__

    @property
    def training(self):
        """Whether the Module is in training state; True at first.

        Setting it sets all present children, in containers too. Children attached later keep their own.
        """
        return self.__dict__.get("training", True)

    @training.setter
    def training(self, b):
        self.__setattr__("training", b)

    @property
    def parameter_scope(self):
        """The Module's own parameters and scopes, without its children's (``OrderedDict``)."""
        try:
            return self.__dict__["_parameter_scope"]
        except KeyError:
            return _resolve_scope(self)

    @property
    def submodules(self):
        """Children assigned as attributes, by name, in the order of their first assignment (``OrderedDict``)."""
        try:
            return self.__dict__["_submodules"]
        except KeyError:
            submodules = self.__dict__["_submodules"] = OrderedDict()
            return submodules

    def _children(self):
        """``(name, Module)`` of all children: attributes, then those in lists, tuples and dicts."""
        yield from self.__dict__.get("_submodules", {}).items()
        for name, value in list(self.__dict__.items()):
            if isinstance(value, (list, tuple, dict)) and value and name not in _OWN:
                for path, child in _modules_in(value, name):
                    if "_parent" not in child.__dict__ and child is not self:
                        child.__dict__.update(_name=path, _parent=self)
                        child.__dict__.pop("_birth", None)
                    yield path, child

    def _temporaries(self):
        """Memory of the Modules made inside this Module's ``call``."""
        memory = self.__dict__.get("_memory")  # made inside a call itself: kept where the next object finds it
        if memory is None:
            memory = self.__dict__.get("_temporary_memory")
            if memory is None:
                memory = self.__dict__["_temporary_memory"] = _Memory()
        return memory

    def _remembered(self):
        memory = self.__dict__.get("_memory") or self.__dict__.get("_temporary_memory")
        return memory.children if memory is not None else {}

    def get_scope_name(self):
        """Names of the first child, its first child and so on: ``@block/@conv``."""
        names = []
        module = self
        while module.submodules:
            name, module = next(iter(module.submodules.items()))
            names.append("@" + name)
        return "/".join(names)

    def get_parameters(self, recursive=True, grad_only=False, memo=None):
        """Parameters of the Module.

        Args:
            recursive (bool): Include the children's, named ``@child/...``.
            grad_only (bool): Leave out parameters with ``need_grad=False``.
            memo (ParamMemo): Parameters listed already; they are left out.

        Returns:
            OrderedDict: name to Variable; children first, in the order of registration, then the
            Module's own. Parameters shared between Modules are listed once.
        """
        if memo is None:
            memo = ParamMemo()
        if not memo.first_visit(self):
            return OrderedDict()
        scope = self.parameter_scope
        if not recursive:
            return _collect((), scope, False, grad_only, memo)
        children = OrderedDict()
        for name, child in self._children():
            if children.setdefault(name, child) is not child:
                raise ValueError(f"{self!r}: two children are named '@{name}'. Use keys without '.' in dicts of "
                                 "Modules.")
        for name, memory in self._remembered().items():
            children.setdefault(name, memory)
        return _collect(children.items(), scope, True, grad_only, memo)

    def set_parameter(self, key, param, raise_if_missing=False):
        """Register ``param`` itself as the parameter ``key``; ``@child/...`` names a child's.

        Raises:
            ValueError: ``key`` names a child but no parameter, or there is no such child and
                ``raise_if_missing``.
        """
        if not key.startswith("@"):
            _store(self.parameter_scope, key, param)
            return
        name, _, subkey = key[1:].partition("/")
        if not subkey:
            raise ValueError(f"{self!r}.set_parameter: expected '@child/parameter', received '{key}'. "
                             "Name a parameter of the child.")
        self.parameter_scope  # noqa: B018  settles where temporaries are remembered
        child = self.submodules.get(name)
        if child is None:
            child = dict(self._children()).get(name)
        if child is None and callable(getattr(type(self), name.partition(".")[0], None)) and name.count(".") > 1:
            child = self._temporaries().child(name)
        if child is not None:
            child.set_parameter(subkey, param, raise_if_missing=raise_if_missing)
        elif raise_if_missing:
            known = ", ".join("@" + n for n, _ in self._children()) or "none"
            raise ValueError(f"{self!r}.set_parameter: '{key}' names the child module '{name}', which {self!r} does "
                             f"not have (children: {known}). Build the Module as it was when saved, or pass "
                             "raise_if_missing=False.")

    def set_parameters(self, params, raise_if_missing=False):
        """:meth:`set_parameter` for each entry of a dict."""
        for key, param in params.items():
            self.set_parameter(key, param, raise_if_missing=raise_if_missing)

    def update_parameter(self):
        """Register the Module's parameters again under their present names."""
        self.set_parameters(self.get_parameters())

    def load_parameters(self, path, extension=".h5", raise_if_missing=True):
        """Take parameters from a file written by :meth:`save_parameters`.

        The Variables are replaced: graphs built and solvers set before keep the old ones. It works
        before the first call too.

        Args:
            path: File name or open file.
            extension (str): Format of an open file.
            raise_if_missing (bool): Whether a child named in the file must exist.

        Raises:
            ValueError: no such child.
        """
        scope = OrderedDict()
        with parameter.parameter_scope("", scope):
            parameter.load_parameters(path, extension=extension)
        self.set_parameters(parameter.list_parameters(scope, False), raise_if_missing=raise_if_missing)

    def save_parameters(self, path, extension=".h5"):
        """Write all parameters, those with ``need_grad=False`` included, to a file or open file."""
        parameter.save_parameters(path, params=self.get_parameters(), extension=extension)

    def zero_grad(self):
        """Set the gradients of all parameters to zero."""
        for param in self.get_parameters().values():
            param.grad.zero()

    def __len__(self):
        return len(self.submodules)

    def __setattr__(self, name, value):
        attributes = self.__dict__
        if isinstance(value, Module):
            self.submodules[name] = value
            attributes.pop(name, None)
            child = value.__dict__
            child["_name"] = name
            child["_parent"] = self
            child.pop("_birth", None)
            return
        attributes[name] = value
        if name in self._recursive_attrs and id(self) not in _propagating:
            _propagating.add(id(self))
            try:
                for _, child in self._children():
                    setattr(child, name, value)
            finally:
                _propagating.discard(id(self))

    def __getattr__(self, name):
        try:
            return self.__dict__["_submodules"][name]
        except KeyError:
            raise AttributeError(
                f"'{type(self).__name__}' object has no attribute '{name}'", name=name, obj=self) from None

    @property
    def name(self):
        """The name the Module has in its parent, or its class name in snake case."""
        name = self.__dict__.get("_name")
        return name if name is not None else re.sub(r"(?<!^)(?=[A-Z])", "_", type(self).__name__).lower()

    @property
    def parent(self):
        """The Module this one was last assigned to, or None."""
        return self.__dict__.get("_parent")

    def is_root(self):
        """Whether the Module has no parent."""
        return self.parent is None

    def get_path_name(self):
        """Names from the root down to the Module: ``@net/@block/@conv``."""
        names = []
        module = self
        while module is not None:
            names.append("@" + module.name)
            module = module.parent
        return "/".join(reversed(names))

    def __call__(self, *args, **kwargs):
        return self.call(*args, **kwargs)

    def call(self, *args, **kwargs):
        """The network. Subclasses write it; use the instance itself to call it."""
        raise NotImplementedError(f"{type(self).__name__} has no method 'call'. Write call(self, ...) to say what the "
                                  "Module computes.")
