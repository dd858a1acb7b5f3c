"""Operators and indexing of NdArray and Variable, built on the public functions.

:func:`install` sets the special methods on the two classes, which the engine defines without knowing
any operator.
"""
import math

import numpy as np
import torch

from . import function_bases as F
from .engine import NdArray, Variable, gradient

_ARRAYS = (Variable, NdArray, torch.Tensor)


def install(nd_array, variable):
    """Give both classes their operators and indexing, NdArray those that work in place, and the engine the two
    operators it needs itself."""
    methods = {
        "add": _binary(F.add2, F.add_scalar), "radd": _reflected(F.add2, F.add_scalar),
        "sub": _binary(F.sub2, lambda x, s: F.add_scalar(x, -s)), "rsub": _reflected(F.sub2, F.r_sub_scalar),
        "mul": _binary(F.mul2, F.mul_scalar), "rmul": _reflected(F.mul2, F.mul_scalar),
        "truediv": _binary(F.div2, lambda x, s: F.mul_scalar(x, 1.0 / s)), "rtruediv": _reflected(F.div2, F.r_div_scalar),
        "pow": _binary(F.pow2, F.pow_scalar), "rpow": _reflected(F.pow2, F.r_pow_scalar),
        "matmul": matmul, "rmatmul": _reflected_matmul,
        "neg": lambda self: F.mul_scalar(self, -1.0), "pos": lambda self: self,
        "getitem": getitem,
    }
    for cls in (nd_array, variable):
        for name, method in methods.items():
            setattr(cls, f"__{name}__", method)
    variable.reshape_in_graph = lambda self, shape: F.reshape(self, shape)
    gradient.make_zero = lambda: F.constant(0, ())
    variable.__setitem__ = set_variable_item
    nd_array.__setitem__ = set_array_item
    nd_array.__iadd__ = _in_place(F.add2, F.add_scalar)
    nd_array.__isub__ = _in_place(F.sub2, lambda x, s, outputs: F.add_scalar(x, -s, outputs=outputs))
    # With an array nnabla makes a new array of these two, and of **= always.
    nd_array.__imul__ = _in_place(None, F.mul_scalar)
    nd_array.__itruediv__ = _in_place(None, lambda x, s, outputs: F.mul_scalar(x, 1.0 / s, outputs=outputs))
    nd_array.bool_fill = nd_array.masked_fill = bool_fill_array
    variable.bool_fill_ = variable.masked_fill_ = bool_fill_variable


def _number(value):
    """A scalar operand as a Python number; None when it is something else's business to handle it."""
    if isinstance(value, (int, float)):
        return value
    if isinstance(value, (np.generic, np.ndarray)):
        if value.size != 1:
            raise TypeError(f"expected a scalar, Variable or NdArray as operand, received numpy.ndarray of shape "
                            f"{value.shape}. Wrap it: nn.Variable.from_numpy_array(...)")
        value = value.item()
        if isinstance(value, (int, float)):
            return value
    return None


def _binary(of_arrays, with_scalar):
    def operate(self, other):
        if other.__class__ is Variable or isinstance(other, _ARRAYS):
            return of_arrays(self, other)
        number = _number(other)
        return NotImplemented if number is None else with_scalar(self, number)
    return operate


def _reflected(of_arrays, with_scalar):
    def operate(self, other):
        if isinstance(other, _ARRAYS):
            return of_arrays(other, self)
        number = _number(other)
        return NotImplemented if number is None else with_scalar(self, number)
    return operate


def _in_place(of_arrays, with_scalar):
    def operate(self, other):
        if isinstance(other, _ARRAYS):
            if of_arrays is None:
                return NotImplemented
            of_arrays(self, other, outputs=[self])
            return self
        number = _number(other)
        if number is None:
            return NotImplemented
        with_scalar(self, number, outputs=[self])
        return self
    return operate


def matmul(a, b):
    """``a @ b``: product of vectors, matrices and stacks of matrices.

    Raises:
        AssertionError: an operand is no array or a scalar.
        RuntimeError: the shapes do not fit.
    """
    for x in (a, b):
        assert isinstance(x, _ARRAYS) and x.ndim >= 1, (
            f"@: expected Variables or NdArrays with at least 1 axis, received {type(x).__name__}"
            + (" without axes" if isinstance(x, _ARRAYS) else ""))
    if a.ndim == b.ndim == 1:
        return F.sum(F.mul2(a, b), (0,))
    if a.ndim <= 2 and b.ndim <= 2:
        if a.ndim == 1:
            y = F.affine(F.reshape(a, (1, -1)), b)
            return F.reshape(y, y.shape[1:])
        if b.ndim == 1:
            y = F.affine(a, F.reshape(b, (-1, 1)))
            return F.reshape(y, y.shape[:1])
        return F.affine(a, b)
    rows, columns = a.ndim > 1, b.ndim > 1
    ndim = max(a.ndim, b.ndim)
    a_shape = tuple(a.shape) if rows else (1, *a.shape)
    b_shape = tuple(b.shape) if columns else (*b.shape, 1)
    y = F.batch_matmul(_reshaped(a, (1,) * (ndim - len(a_shape)) + a_shape),
                       _reshaped(b, (1,) * (ndim - len(b_shape)) + b_shape))
    if rows and columns:
        return y
    return F.reshape(y, y.shape[:-1] if rows else (*y.shape[:-2], y.shape[-1]))


def _reflected_matmul(self, other):
    return matmul(other, self) if isinstance(other, torch.Tensor) else NotImplemented


def _reshaped(x, shape):
    return x if tuple(x.shape) == shape else F.reshape(x, shape)


# -- indexing -------------------------------------------------------------------------------------------
# A key is basic (int, slice, Ellipsis, None) or advanced: one boolean mask, or positions along the first
# axes given as lists, numpy arrays, or Variables and NdArrays (whose values count when the graph runs).

_HELD = (Variable, NdArray)
_LISTS = (list, tuple, np.ndarray, torch.Tensor)


def getitem(self, key):
    """Copy of the selected elements, by NumPy's rules."""
    if not _is_advanced(key):
        return _get_basic(self, key)
    new_axes, positions = _positions(self, key)
    y = F.gather_nd(self, positions)
    return F.reshape(y, (1,) * new_axes + tuple(y.shape)) if new_axes else y


def _is_advanced(key):
    if key.__class__ is tuple:
        return any(isinstance(k, _HELD) or isinstance(k, _LISTS) for k in key)
    return isinstance(key, _HELD) or isinstance(key, _LISTS)


def _basic_parts(shape, key):
    """``key`` as one int or slice for each axis, and with the None among them, in order."""
    parts = list(key) if key.__class__ is tuple else [key]
    used = dots = 0
    for part in parts:
        if part is Ellipsis:
            dots += 1
        elif part is not None:
            if not isinstance(part, (int, slice)):
                raise TypeError(f"invalid index of type {type(part).__name__}: expected int, slice, ..., None, or "
                                "positions as list, ndarray, NdArray or Variable")
            used += 1
    if dots > 1:
        raise IndexError("an index can hold only one ellipsis (...)")
    if used > len(shape):
        raise IndexError(f"too many indices: {used} for an array with {len(shape)} axes")
    at = next((i for i, part in enumerate(parts) if part is Ellipsis), len(parts))
    parts[at:at + 1] = [slice(None)] * (len(shape) - used)
    return parts


def _get_basic(self, key):
    shape = self.shape
    start, stop, step, new_shape, axis = [], [], [], [], 0
    for part in _basic_parts(shape, key):
        if part is None:
            new_shape.append(1)
            continue
        n = shape[axis]
        axis += 1
        if part.__class__ is slice:
            first, end, by = part.indices(n)
            new_shape.append(len(range(first, end, by)))
            if end < 0:
                end -= n    # before the first element, for a negative step
            # What counts from the end stays so, as in nnabla, and works for another size too.
            if part.start is not None and -n <= part.start < 0:
                first = part.start
            elif part.start is None and by < 0 < n:
                first = -1
            if part.stop is not None and -n <= part.stop < 0:
                end = part.stop
        else:
            first, by = _checked(part, n), 1
            end = first + 1
        start.append(first)
        stop.append(end)
        step.append(by)
    y = F.slice(self, start, stop, step)
    return _reshaped(y, tuple(new_shape))


def _checked(position, n):
    position = int(position)
    if not -n <= position < n:
        raise IndexError(f"index {position} is out of bounds for an axis with size {n}")
    return position + n if position < 0 else position


def _positions(self, key):
    """How many leading None a key has, and its positions as an input of GatherNd, of shape (axes, ...)."""
    parts = list(key) if key.__class__ is tuple else [key]
    new_axes = 0
    while parts[0] is None:
        new_axes += 1
        del parts[0]
    held = [isinstance(p, _HELD) for p in parts]
    lists = [isinstance(p, _LISTS) for p in parts]
    if any(p is None or p is Ellipsis or isinstance(p, slice) for p in parts) or (any(held) and not all(held)):
        raise NotImplementedError("positions can't be mixed with slices, ... or None, nor Variables with lists")
    if not any(held) and not all(lists):
        raise ValueError("positions can't be mixed with single ints: write them as a list")
    if len(parts) > self.ndim:
        raise IndexError(f"too many indices: {len(parts)} for an array with {self.ndim} axes")
    masks = [_mask(p) for p in parts]
    if any(m is not None for m in masks):
        if len(parts) > 1:
            raise ValueError("a boolean mask can't be mixed with other indices")
        mask = masks[0]
        if mask.ndim > self.ndim or mask.shape != tuple(self.shape[:mask.ndim]):
            raise RuntimeError(f"expected a mask with the first sizes of shape {self.shape}, received shape {mask.shape}")
        return new_axes, _constant(np.stack(mask.nonzero()), self)
    if any(np.ndim(p) == 0 if isinstance(p, np.ndarray) else not isinstance(p, (list, tuple)) and p.ndim == 0
           for p in parts):
        raise RuntimeError("positions need at least 1 axis: write a single one as an int, or as a list")
    if any(held):
        if isinstance(self, NdArray):
            parts = [p.data if isinstance(p, Variable) else p for p in parts]
        return new_axes, F.stack(*parts) if len(parts) > 1 else F.reshape(parts[0], (1, *parts[0].shape), inplace=False)
    arrays = [np.asarray(p.cpu() if isinstance(p, torch.Tensor) else p) for p in parts]
    try:
        return new_axes, _constant(np.stack(np.broadcast_arrays(*arrays)).astype(np.int64), self)
    except ValueError as error:
        raise RuntimeError(f"positions along the axes can't be paired: {error}") from None


def _mask(part):
    """``part`` as a boolean numpy array, evaluated now, or None when it holds positions."""
    if isinstance(part, list):
        part = np.asarray(part)
        return part if part.dtype == bool else None
    if isinstance(part, torch.Tensor):
        return part.cpu().numpy() if part.dtype == torch.bool else None
    if isinstance(part, _HELD):
        array = part.data if isinstance(part, Variable) else part
        try:
            return array.data if array.dtype == bool else None
        except RuntimeError:    # never written: no dtype yet
            return None
    return part if isinstance(part, np.ndarray) and part.dtype == bool else None


def _constant(values, like):
    """Positions as an array of the kind ``like`` is."""
    return NdArray.from_numpy_array(values) if isinstance(like, NdArray) else Variable.from_numpy_array(values)


def _numpy_key(self, key):
    """A key for numpy's own indexing, checked by the rules here."""
    if not _is_advanced(key):
        axis = 0
        parts = _basic_parts(self.shape, key)
        for part in parts:
            if part is not None:
                if part.__class__ is not slice:
                    _checked(part, self.shape[axis])
                axis += 1
        return tuple([int(p) if isinstance(p, bool) else p for p in parts])
    new_axes, positions = _positions(self, key)
    positions = (positions.data if isinstance(positions, NdArray) else _values_now(positions)).astype(np.int64)
    for at, n in zip(positions, self.shape):
        if at.size and (at.min() < -n or at.max() >= n):
            raise RuntimeError(f"positions {at.tolist()} are out of bounds for an axis with size {n}")
    return (None,) * new_axes + tuple(positions)


def _values_now(variable):
    if variable.parent is not None:
        variable.forward()
    return variable.d


def _as_value(value):
    """What is to be written: a Variable or NdArray as it is, anything else as a float32 numpy array."""
    if isinstance(value, _ARRAYS):
        return value
    try:
        if value is not None:
            return np.asarray(value, np.float32)
        raise TypeError
    except (TypeError, ValueError):
        raise RuntimeError(f"expected a scalar or array to write, received {type(value).__name__}") from None


def set_array_item(self, key, value):
    """Write to the selected elements, now. The array becomes float32."""
    value = _as_value(value)
    if isinstance(value, Variable):
        value = value.d
    elif isinstance(value, NdArray):
        value = value.data
    elif isinstance(value, torch.Tensor):
        value = value.detach().cpu().numpy()
    key = _numpy_key(self, key)
    target = self.cast(np.float32)
    region = np.empty(self.shape, bool)[key].shape
    target[key] = _broadcast(value, region)


def _broadcast(value, shape):
    try:
        return np.broadcast_to(value, shape)
    except ValueError:
        raise RuntimeError(f"values of shape {value.shape} can't be written to elements of shape {shape}") from None


def bool_fill_array(self, mask, value):
    """Replace, in place, the elements where ``mask`` is not zero by ``value``.

    Args:
        mask (NdArray): Array whose axes fit those of this one, or are of size 1.
        value (float): What to write.

    Returns:
        NdArray: this array's storage.
    """
    return F.bool_fill(self, mask, value, outputs=[self])


def bool_fill_variable(self, mask, value):
    """A variable that, when computed, holds the elements of this one with ``value`` where ``mask`` is not zero.

    Its data shares this variable's storage: computing it writes there.

    Args:
        mask (Variable): Array whose axes fit those of this one, or are of size 1.
        value (float): What to write.

    Returns:
        Variable: the new variable.
    """
    return F.bool_fill(self, mask, value, outputs=[self.data])


def set_variable_item(self, key, value):
    """Make this variable the output of a ScatterNd that writes ``value`` to the selected elements."""
    value = _as_value(value)
    if self.ndim == 0:
        if key not in ((), Ellipsis):
            raise IndexError("a variable without axes takes only the index () or ...")
        positions, region, shown = np.zeros((1, 1), np.int64), (1,), ()
    else:
        positions, region, shown = _scatter_positions(self, key)
    source = _as_source(value, region, shown)
    if not isinstance(positions, _HELD):
        positions = Variable.from_numpy_array(positions)

    def write(old):
        if old.ndim:
            return F.scatter_nd(source, positions, old, old.shape)
        return F.reshape(F.scatter_nd(source, positions, F.reshape(old, (1,)), (1,)), (), inplace=False)

    self.rebind_as_output_of(write)


def _scatter_positions(self, key):
    """Positions along the first axes, of shape (axes, ...), the shape of the region they select, and the
    shape that region has by the key, with the axes None adds and without those an int drops."""
    shape = tuple(self.shape)
    if _is_advanced(key):
        new_axes, positions = _positions(self, key)
        region = tuple(positions.shape[1:]) + shape[positions.shape[0]:]
        return positions, region, (1,) * new_axes + region
    parts = _numpy_key(self, key)
    shown = np.empty(shape, bool)[parts].shape
    parts = [p for p in parts if p is not None]
    while len(parts) > 1 and parts[-1] == slice(None):
        parts.pop()    # whole axes at the end need no positions
    axes = len(parts)
    places = np.arange(math.prod(shape[:axes])).reshape(shape[:axes])[tuple(parts)].reshape(-1)
    positions = np.stack(np.unravel_index(places, shape[:axes]))
    return positions, places.shape + shape[axes:], shown


def _as_source(value, region, shown):
    """``value``, repeated to shape ``shown``, as a Variable of shape ``region``."""
    if isinstance(value, np.ndarray):
        return Variable.from_numpy_array(_broadcast(value, shown).reshape(region))
    if isinstance(value, NdArray):
        held = Variable(value.shape)
        held.data = value
        value = held
    if tuple(value.shape) != shown:
        value = F.broadcast(value, shown)
    return _reshaped(value, region)
