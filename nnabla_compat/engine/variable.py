"""Variable: a node of the graph over a data container that unlinked twins share."""
import numpy as np
import torch

from . import backward, context, modes, plan, tape
from .leaf import link_leaf, with_history
from .nd_array import NdArray, size_from_axis
from .storage import DIVERGED, FRESH, Storage, on_device, torch_dtype


class Container:
    """What twins share: a shape, data and gradient. NdArrays are made when somebody asks for them."""

    __slots__ = ("shape", "storage", "grad_storage", "_data", "_grad")

    def __init__(self, shape, storage):
        self.shape, self.storage = shape, storage
        self.grad_storage = self._data = self._grad = None

    @property
    def data(self) -> NdArray:
        if self._data is None:
            self._data = NdArray.over(self.shape, self.storage)
        return self._data

    @data.setter
    def data(self, array):
        self._data, self.storage = array, array.storage
        tape.graph_changed()

    @property
    def grad(self) -> NdArray:
        if self._grad is None:
            if self.grad_storage is None:
                self.grad_storage = Storage()
            self._grad = NdArray.over(self.shape, self.grad_storage)
        return self._grad

    @grad.setter
    def grad(self, array):
        previous, self._grad, self.grad_storage = self.grad_storage, array, array.storage
        array.storage.gathers = True
        if previous is not None and previous is not array.storage and previous.owner is not None:
            leaf = previous.unlink_owner()
            if self.storage.linked is previous:
                self.storage.linked = array.storage
            if array.storage.owner is None:
                array.storage.link_owner(leaf, self.shape)
            else:
                array.storage.gather(leaf)

    def reset_shape(self, shape, force, keep_data=False):
        """See Variable.reset_shape; ``keep_data`` where the storage belongs to another variable, which has the new size."""
        if shape == self.shape:
            return
        size, new_size = np.prod(self.shape, dtype=int), np.prod(shape, dtype=int)
        if size != new_size:
            if not force:
                raise RuntimeError(f"Variable.reset_shape: shape {shape} has {new_size} elements, the variable of shape "
                                   f"{self.shape} has {size}. Pass force=True to drop its values")
            if not keep_data:
                self._renew(self.storage)
            if self.grad_storage is not None:
                self._renew(self.grad_storage)
        else:
            self.storage.share()
        self.shape = shape
        for array in (self._data, self._grad):
            if array is not None:
                array._shape = shape
        tape.graph_changed()

    @staticmethod
    def _renew(storage):
        storage.owner = storage._tensor = storage.dtype = storage.host = None
        storage.state = FRESH


class Variable:
    """A node of a computation graph, with data ``d`` and gradient ``g``.

    Args:
        shape (iterable of int): Shape; ``()`` by default.
        need_grad (bool or None): Whether backward fills ``g``; None leaves it to be inferred (False for a leaf).
        info: Free slot for the user.

    Raises:
        TypeError: ``shape`` is no iterable of numbers.
    """

    __slots__ = ("container", "_parent", "_need_grad", "_inferred", "rank", "_persistent", "_recompute", "_name",
                 "info", "_consumers", "_plan", "_plan_of_many", "_run",
                 "__weakref__")

    # Everything happens in __new__, as in nnabla: subclasses there pass it what they make of their own arguments.
    def __new__(cls, shape=(), need_grad=None, info=None):
        if isinstance(shape, (str, bytes)):
            raise TypeError(f"Variable: expected shape as an iterable of int, received {shape!r}")
        shape = tuple([int(v) for v in shape])
        if any(v < 0 for v in shape):
            raise ValueError(f"Variable: expected a shape without negative lengths, received {shape}")
        variable = object.__new__(cls)
        variable._setup(Container(shape, Storage()), None if need_grad is None else bool(need_grad))
        variable.info = info
        return variable

    def _setup(self, container, need_grad, inferred=False, rank=0, parent=None):
        self.container = container
        self._need_grad = need_grad
        self._inferred, self.rank, self._parent = inferred, rank, parent
        self._plan = self._plan_of_many = self._run = self.info = self._consumers = None
        self._persistent = False
        self._recompute = modes.recompute
        self._name = ""

    @staticmethod
    def over(container, need_grad=None) -> "Variable":
        """A new leaf node over an existing container."""
        variable = object.__new__(Variable)
        variable._setup(container, need_grad)
        return variable

    @staticmethod
    def from_numpy_array(data, grad=None, need_grad=None):
        """A Variable holding a copy of ``data`` (and ``grad``), dtypes kept."""
        if isinstance(data, (Variable, NdArray)):
            raise RuntimeError(f"Variable.from_numpy_array: expected numpy.ndarray, received {type(data).__name__}; "
                               "pass its .d or .data")
        data = np.asarray(data)
        torch_dtype(data.dtype)     # refuses what torch has no type for
        dtype = data.dtype if data.dtype.isnative else data.dtype.newbyteorder("=")
        tensor = torch.from_numpy(np.array(data, dtype, order="C"))
        storage = Storage(on_device(tensor, context.current_ctx.target.device))
        variable = Variable.over(Container(data.shape, storage), None if need_grad is None else bool(need_grad))
        if grad is not None:
            grad = np.asarray(grad)
            assert grad.shape == data.shape, (f"Variable.from_numpy_array: expected grad of shape {data.shape}, "
                                              f"received {grad.shape}")
            variable.grad.assign(grad)
        return variable

    # -- data and gradient ---------------------------------------------------------------------------

    @property
    def shape(self):
        return self.container.shape

    @property
    def ndim(self):
        return len(self.container.shape)

    @property
    def size(self):
        return self.container.data.size

    def size_from_axis(self, axis=-1):
        """Product of the lengths from ``axis`` on; all of them for a negative axis."""
        return size_from_axis(self.container.shape, axis)

    @property
    def d(self):
        """The values as a numpy array that aliases them."""
        return self.container.data.data

    @d.setter
    def d(self, value):
        self.container.data.assign(value)

    @d.deleter
    def d(self):
        raise NotImplementedError("Variable.d can't be deleted; use .data.clear() to free the memory")

    @property
    def g(self):
        """The gradient as a numpy array that aliases it."""
        return self.container.grad.data

    @g.setter
    def g(self, value):
        self.container.grad.assign(value)

    @property
    def data(self) -> NdArray:
        return self.container.data

    @data.setter
    def data(self, value):
        self._check_array("data", value)
        self.container.data = value

    @property
    def grad(self) -> NdArray:
        return self.container.grad

    @grad.setter
    def grad(self, value):
        self._check_array("grad", value)
        self.container.grad = value

    def _check_array(self, name, value):
        if not isinstance(value, NdArray):
            raise TypeError(f"Variable.{name}: expected NdArray, received {type(value).__name__}; to write values use "
                            f".{name[0]} = ...")
        if value.shape != self.container.shape:
            raise RuntimeError(f"Variable.{name}: expected an NdArray of shape {self.container.shape}, received "
                               f"{value.shape}")

    @property
    def tensor(self):
        """The torch tensor that holds the values, to compute with in torch; a parameter's own torch.nn.Parameter.

        That of a computed variable has its history, that of a leaf with ``need_grad`` has ``g`` as its ``.grad``: a
        backward pass of torch goes on into the graph.
        """
        container = self.container
        if container.storage.compiled is not None and self._parent is not None:
            container.storage.restore_history()
        tensor = container.data.tensor
        if container.storage.state == DIVERGED:
            return with_history(container.storage, tensor)
        if self._need_grad and self._parent is None and not tensor.requires_grad and tensor.is_floating_point():
            return link_leaf(container, tensor)
        return tensor

    def reset_shape(self, shape, force=False):
        """Change the shape in place; values survive only if the number of elements does."""
        self.container.reset_shape(tuple([int(v) for v in shape]), force)

    # -- node ----------------------------------------------------------------------------------------

    @property
    def need_grad(self):
        """Whether backward computes the gradient of this variable: as set, else inferred from its inputs."""
        return self._inferred if self._need_grad is None else self._need_grad

    @need_grad.setter
    def need_grad(self, value):
        value = bool(value)
        if value is not self._need_grad:
            self._need_grad = value
            tape.graph_changed()

    @property
    def persistent(self):
        """Whether the data survives clearing passes."""
        return self._persistent

    @persistent.setter
    def persistent(self, value):
        value = bool(value)
        if value is not self._persistent:
            self._persistent = value
            tape.graph_changed()

    @property
    def recompute(self):
        """Whether the data is dropped after use in forward and computed again in backward."""
        return self._recompute

    @recompute.setter
    def recompute(self, value):
        value = bool(value)
        if value is not self._recompute:
            self._recompute = value
            tape.graph_changed()

    @property
    def name(self):
        return self._name

    @name.setter
    def name(self, value):
        if isinstance(value, bytes):
            value = value.decode()
        if not isinstance(value, str):
            raise TypeError(f"Variable.name: expected str, received {type(value).__name__}")
        self._name = value

    @property
    def parent(self):
        """The Function that computes this variable, None for a leaf."""
        if self._parent is not None and self._parent.composed:
            self._parent.take_apart()
        return self._parent

    @parent.setter
    def parent(self, function):
        from .function import Function
        if not isinstance(function, Function):
            raise TypeError(f"Variable.parent: expected Function, received {type(function).__name__}")
        self._parent = function
        function.adopt_output(self)
        tape.graph_changed()

    @property
    def function_references(self):
        """The live functions that take this variable as an input."""
        if self._consumers is None:
            return []
        for ref in tuple(self._consumers):
            if (function := ref()) is not None and function.composed:
                function.take_apart()
        found = {}
        for ref in self._consumers:
            function = ref()
            if function is not None and any(v is self for v in function.inputs):
                found[id(function)] = function
        return list(found.values())

    @property
    def get_number_of_references(self):
        """Number of nodes that share the data container's array (an aid for tests)."""
        import sys
        return sys.getrefcount(self.container) - 1

    def add_consumer(self, function_ref):
        """Remember a function that reads this variable; dead ones are dropped now and then."""
        consumers = self._consumers
        if consumers is None:
            self._consumers = [function_ref]
            return
        consumers.append(function_ref)
        if len(consumers) & (len(consumers) - 1) == 0 and len(consumers) > 32:
            self._consumers = [r for r in consumers if r() is not None]

    def apply(self, **kwargs):
        """Set attributes by keyword; returns self."""
        for name, value in kwargs.items():
            setattr(self, name, value)
        return self

    # -- sharing and surgery -------------------------------------------------------------------------

    def get_unlinked_variable(self, need_grad=None):
        """A leaf node over the same data, gradient and shape; need_grad as here unless given."""
        return Variable.over(self.container, self.need_grad if need_grad is None else bool(need_grad))

    def unlinked(self, need_grad=None):
        """Deprecated name of :meth:`get_unlinked_variable`."""
        import warnings
        warnings.warn("Variable.unlinked is deprecated, use get_unlinked_variable", DeprecationWarning, stacklevel=2)
        return self.get_unlinked_variable(need_grad)

    def reshape(self, shape, unlink=False):
        """This variable in another shape: a graph node, or with ``unlink`` a leaf sharing data and gradient."""
        if not unlink:
            return self.reshape_in_graph(shape)
        shape = tuple([int(v) for v in shape])
        variable = Variable(shape, self.need_grad)
        variable.container.data = self.data.view(shape)
        variable.container.grad = self.grad.view(shape)
        return variable

    def rewire_on(self, var):
        """Take over the parent and the data of ``var``, so that consumers of self read it.

        Raises:
            RuntimeError: the shapes differ, or ``var`` has no parent.
        """
        if var.shape != self.shape:
            raise RuntimeError(f"Variable.rewire_on: expected a variable of shape {self.shape}, received {var.shape}")
        if var._parent is None:
            raise RuntimeError("Variable.rewire_on: expected a variable computed by a function, received a leaf")
        function = var._parent
        self._parent, var._parent = function, None
        self.container, self.rank = var.container, var.rank
        self._inferred = var._inferred
        if var._need_grad is not None:
            self._need_grad = var._need_grad
        else:
            self._need_grad = None
        function.replace_output(var, self)
        tape.graph_changed()

    def rebind_as_output_of(self, make):
        """Make this object the output of ``make(old)``, where ``old`` is a new node with self's past."""
        old = Variable.over(self.container, self._need_grad)
        old._inferred, old.rank, old._persistent = self._inferred, self.rank, self._persistent
        old._parent, old._consumers = self._parent, self._consumers
        if old._parent is not None:
            old._parent.replace_output(self, old)
        for function in self.function_references:
            function.inputs = [old if v is self else v for v in function.inputs]
        self._parent = self._consumers = self._plan = None
        self._need_grad = None      # what the user set is the old node's: gradients pass what is made
        result = make(old)
        self.container, self.rank, self._inferred = result.container, result.rank, result._inferred
        self._parent, result._parent = result._parent, None
        if self._parent is not None:
            self._parent.replace_output(result, self)
        tape.graph_changed()

    def clear_all_graph_links(self):
        """Cut every function off its outputs, from here backwards."""
        functions = []
        self.visit(functions.append)
        for function in functions:
            for output in function.outputs:
                output._parent = None
        tape.graph_changed()

    def no_grad(self):
        """A rebuilt copy of this graph whose parameters take no gradient."""
        from .calls import rebuild
        return rebuild(self, lambda leaf: leaf.get_unlinked_variable(need_grad=False)
                       if isinstance(leaf.container.storage._tensor, torch.nn.Parameter) else leaf)

    def visit(self, f):
        """Call ``f`` on each function from the leaves to this variable, once each."""
        for function in tape.ordered_functions((self,)):
            f(function)

    def visit_check(self, f):
        """Call ``f`` on each function until it answers true; returns whether it did."""
        result = False
        for function in tape.ordered_functions((self,)):
            result = f(function)
            if result:
                return True
        return result

    # -- running -------------------------------------------------------------------------------------

    def forward(self, clear_buffer=False, clear_no_need_grad=False, function_pre_hook=None, function_post_hook=None):
        """Compute this variable from the leaves.

        Args:
            clear_buffer (bool): Free each intermediate after its last use: least memory, no backward afterwards.
            clear_no_need_grad (bool): Free the intermediates that the backward pass doesn't need.
            function_pre_hook, function_post_hook: Called with each Function before and after it runs.

        Raises:
            RuntimeError: the variable is a leaf, or a function refuses its inputs.
        """
        if self._parent is None:
            raise RuntimeError("Variable.forward: expected a variable computed by a function, this one is a leaf "
                               f"of shape {self.shape}")
        plan.forward(self, clear_buffer, clear_no_need_grad, function_pre_hook, function_post_hook)

    def backward(self, grad=1, clear_buffer=False, communicator_callbacks=None, function_pre_hook=None,
                 function_post_hook=None):
        """Propagate gradients from this variable to the leaves, adding to theirs.

        Args:
            grad (scalar, numpy.ndarray, NdArray or None): Gradient of this variable: a scalar is filled in, an
                array has this shape, None takes what ``self.g`` holds.
            clear_buffer (bool): Free intermediates as soon as they are used.
            communicator_callbacks: Called after each function, and at the end.
            function_pre_hook, function_post_hook: Called with each Function before and after its backward.

        Raises:
            RuntimeError: the variable is a leaf, or ``grad`` has another shape.
        """
        if self._parent is None:
            raise RuntimeError("Variable.backward: expected a variable computed by a function, this one is a leaf "
                               f"of shape {self.shape}")
        backward.backward(self, grad, clear_buffer, communicator_callbacks, function_pre_hook, function_post_hook)

    def __repr__(self):
        return f"<Variable({self.shape}, need_grad={self.need_grad}) at {hex(id(self))}>"

    # -- identity ------------------------------------------------------------------------------------

    def __eq__(self, other):
        return self.container is _same_kind(other).container

    def __ne__(self, other):
        return self.container is not _same_kind(other).container

    def __hash__(self):
        return hash(self.container)

    def __reduce__(self):
        raise TypeError("Variable can't be copied or pickled: save its .d, or the parameters by save_parameters")

    def __copy__(self):
        return self.__reduce__()

    def __deepcopy__(self, memo):
        return self.__reduce__()


def _same_kind(other):
    if not isinstance(other, Variable):
        raise TypeError(f"Variable can't be compared with {type(other).__name__}: == tells whether two Variables share "
                        "their data. Use `is` for None, F.equal for values")
    return other

