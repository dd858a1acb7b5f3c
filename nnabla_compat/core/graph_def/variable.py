"""Variables of descriptions."""
import numpy as np

from ...engine.variable import Variable
from ...files import initializers as _initializers


class ProtoVariable:
    """A variable of a description: shape and name, no values.

    Functions called on it record themselves in the current network instead of computing::

        with nn.graph_def.graph(name="net") as g:
            y = F.relu(PF.affine(nn.ProtoVariable((64, 100), name="x"), 10))

    Args:
        shape (tuple of int): Shape; -1 in front stands for the batch size.
        name (str): Name in the network; made up from the function that uses it first when left out.
        need_grad (bool): Kept for the Variable made from it.
        var_type (str): ``"Buffer"`` or ``"Parameter"``.
    """

    __slots__ = ("name", "shape", "need_grad", "parent", "required", "type", "info", "initializer",
                 "variable_instance", "repeat_id", "stop", "_proto", "__weakref__")

    def __init__(self, shape, name=None, need_grad=False, var_type="Buffer"):
        self.name, self.shape, self.need_grad, self.type = name, tuple(shape), need_grad, var_type
        self.parent = None        # name of the function that makes it
        self.required = []        # names of the functions that read it
        self.info = self.initializer = self.variable_instance = None
        self.repeat_id = []
        self.stop = False
        self._proto = None

    def __repr__(self):
        return f"<ProtoVariable {self.name!r} {self.shape}>"

    @property
    def ndim(self):
        """Number of axes."""
        return len(self.shape)

    @property
    def size(self):
        """Number of elements."""
        return int(np.prod(self.shape))

    def clone(self):
        """A copy that belongs to no function and holds no Variable."""
        copy = ProtoVariable(self.shape, self.name, self.need_grad, self.type)
        copy.info, copy.initializer, copy.repeat_id = self.info, self.initializer, list(self.repeat_id)
        return copy

    def as_proto(self):
        """A new ``Variable`` message that describes it."""
        from ...utils import nnabla_pb2
        message = nnabla_pb2.Variable(name=self.name, type=self.type, repeat_id=self.repeat_id)
        message.shape.SetInParent()
        message.shape.dim[:] = [int(s) for s in self.shape]
        _initializers.to_message(self.initializer, message)
        return message

    @property
    def proto(self):
        """Its ``Variable`` message, to edit; :meth:`update_from_proto` makes the changes take effect."""
        if self._proto is None:
            self._proto = self.as_proto()
        return self._proto

    @proto.setter
    def proto(self, message):
        self._proto = message

    def prepare_renaming(self, renames):
        """Note in the dict ``renames``, from old to new, the name its message was given."""
        if self._proto is not None and self._proto.name != self.name:
            renames[self.name] = self._proto.name

    def update_from_proto(self, rng, renames):
        """Take over what its message says.

        Args:
            rng (numpy.random.RandomState): What a new initializer draws from.
            renames (dict): Old to new names, of all variables; see :meth:`prepare_renaming`.

        Raises:
            AssertionError: the message makes a Buffer of a Parameter, or the other way round.
        """
        message, self._proto = self._proto, None
        if message is None:
            return
        if message.type != self.type:
            raise AssertionError(f"variable '{self.name}' is a {self.type}, its message says {message.type}. A "
                                 "variable's type cannot be changed.")
        self.name = renames.get(self.name, self.name)
        self.shape = tuple(message.shape.dim)
        self.initializer = _initializers.from_message(message, rng)

    def __pos__(self):
        return self

    def __neg__(self):
        return _functions().mul_scalar(self, -1.0)

    def __add__(self, other):
        return _arithmetic(self, other, "add2", "add_scalar")

    __radd__ = __add__

    def __mul__(self, other):
        return _arithmetic(self, other, "mul2", "mul_scalar")

    __rmul__ = __mul__

    def __sub__(self, other):
        return _arithmetic(self, other, "sub2", "add_scalar", lambda s: -s)

    def __rsub__(self, other):
        return _arithmetic(self, other, None, "r_sub_scalar")

    def __truediv__(self, other):
        return _arithmetic(self, other, "div2", "mul_scalar", lambda s: 1.0 / s)

    def __rtruediv__(self, other):
        return _arithmetic(self, other, None, "r_div_scalar")

    def __pow__(self, other, modulo=None):
        return NotImplemented if modulo is not None else _arithmetic(self, other, "pow2", "pow_scalar")

    def __rpow__(self, other):
        return _arithmetic(self, other, None, "r_pow_scalar")


def _functions():
    from ... import function_bases
    return function_bases


def _arithmetic(x, other, of_arrays, with_scalar, convert=lambda s: s):
    if isinstance(other, (ProtoVariable, Variable)) and of_arrays:
        return getattr(_functions(), of_arrays)(x, other)
    if isinstance(other, (int, float, np.number)):
        return getattr(_functions(), with_scalar)(x, convert(float(other)))
    return NotImplemented
