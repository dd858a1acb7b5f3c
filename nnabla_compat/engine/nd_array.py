"""NdArray: a shape over a storage."""
import math

import numpy as np
import torch

from . import context, tape, views
from .storage import CLEARED, CLEARED_ZEROED, DIVERGED, FRESH, WRITTEN, ZEROED, Storage, numpy_dtype, on_device, torch_dtype

_LARGEST_EXACT = 2 ** 53


class NdArray:
    """An array of nnabla: lazily allocated, of changeable dtype, viewed by numpy without a copy.

    Args:
        shape (int, tuple or list of int, or the ints themselves): Shape; ``()`` by default.

    Raises:
        ValueError: the arguments are no shape.
    """

    __slots__ = ("_shape", "storage", "__weakref__")

    def __new__(cls, *args, **_):
        if not args:
            shape = ()
        elif len(args) == 1 and type(args[0]) in (tuple, list):
            if any(isinstance(v, (str, bytes)) for v in args[0]):
                raise TypeError(f"NdArray: expected lengths as int, received {args[0]!r}")
            shape = tuple([int(v) for v in args[0]])
        elif all(type(a) is int for a in args):
            shape = args
        else:
            raise ValueError(f"NdArray: expected a shape as int, tuple or list of int, received {args!r}")
        if any(v < 0 for v in shape):
            raise ValueError(f"NdArray: expected a shape without negative lengths, received {shape}")
        array = object.__new__(cls)
        array._shape, array.storage = shape, Storage()
        return array

    @staticmethod
    def over(shape, storage) -> "NdArray":
        """An NdArray of ``shape`` over an existing storage."""
        array = object.__new__(NdArray)
        array._shape, array.storage = shape, storage
        return array

    @staticmethod
    def from_numpy_array(nparr):
        """A copy of a numpy array, keeping its dtype (AssertionError for anything but an ndarray)."""
        assert isinstance(nparr, np.ndarray), f"NdArray.from_numpy_array: expected numpy.ndarray, received {type(nparr)}"
        array = NdArray(tuple(nparr.shape))
        array.data = nparr
        return array

    @staticmethod
    def from_tensor(tensor) -> "NdArray":
        """An NdArray over a torch tensor's own memory."""
        return NdArray.over(tuple(tensor.shape), Storage(tensor))

    # -- shape ---------------------------------------------------------------------------------------

    @property
    def shape(self):
        return self._shape

    @property
    def ndim(self):
        return len(self._shape)

    @property
    def size(self):
        return math.prod(self._shape)

    @property
    def strides(self):
        """Element strides of the contiguous array, as a list."""
        strides, step = [], 1
        for length in reversed(self._shape):
            strides.append(step)
            step *= length
        return strides[::-1]

    def size_from_axis(self, axis=-1):
        """Product of the lengths from ``axis`` on; all of them for a negative axis."""
        return size_from_axis(self._shape, axis)

    # -- values --------------------------------------------------------------------------------------

    @property
    def tensor(self):
        """The torch tensor that holds the values (a parameter's own torch.nn.Parameter)."""
        tensor = self.storage.materialize(self._shape)
        return tensor if tensor.shape == self._shape else tensor.reshape(self._shape)

    def set_tensor(self, tensor):
        """Adopt a torch tensor as the content, without a copy."""
        if tuple(tensor.shape) != self._shape:
            raise RuntimeError(f"NdArray.set_tensor: expected shape {self._shape}, received {tuple(tensor.shape)}")
        self.storage.set(tensor)

    @property
    def data(self):
        """The values as a writable numpy array that aliases this array's memory."""
        storage = self.storage
        array = storage.numpy(self._shape, True)
        storage.touched()
        if storage.computed and storage.owner is None and storage.narrowed is None and storage.host is None:
            return views.watch(storage, array)
        return array

    @data.setter
    def data(self, value):
        self.assign(value)

    def assign(self, value):
        """Write ``value``: a scalar fills lazily and keeps the dtype, an array brings its own dtype."""
        if isinstance(value, np.ndarray):
            self._write(value)
        elif isinstance(value, torch.Tensor):
            self._write_tensor(value)
        elif np.isscalar(value):
            self._assign_scalar(value)
        elif isinstance(value, NdArray):
            raise RuntimeError("expected a scalar or numpy array to assign, received NdArray: use copy_from, or assign "
                               "its .data")
        else:
            self._write(_as_array(value))

    def _assign_scalar(self, value):
        if isinstance(value, (str, bytes, complex, np.complexfloating)):
            raise TypeError(f"expected a real number or array to assign, received {type(value).__name__}")
        if not isinstance(value, (bool, np.bool_)) and isinstance(value, (int, np.integer)) and value > _LARGEST_EXACT:
            try:
                self._write(np.asarray(value, np.int64))
            except OverflowError:
                raise RuntimeError(f"integer {value} doesn't fit into int64") from None
        elif value == 0:
            self.storage.zero()
        else:
            self.storage.fill_lazily(value)

    def _write(self, value):
        storage, shape = self.storage, self._shape
        view = storage.view
        if view is not None and view.dtype is value.dtype and value.shape == shape and storage.view_holds(shape):
            view[...] = value
            storage.touched()
            return
        tensor = storage.present()
        dtype = torch_dtype(value.dtype)
        if storage.narrowed is None and (tensor is None or tensor.dtype != dtype and not storage.aliased):
            fresh = np.empty(shape, value.dtype if value.dtype.isnative else value.dtype.newbyteorder("="))
            fresh[...] = _drop_leading_ones(value, shape)
            self._replace(torch.from_numpy(fresh))
            return
        if storage.narrowed is None and not tensor.is_cpu:
            storage.overwrite(shape, _drop_leading_ones(value, shape))
            return
        target = storage.numpy(shape, True)
        target[...] = _drop_leading_ones(value, shape)
        storage.touched()
        storage.remember(target)

    def _write_tensor(self, value):
        storage = self.storage
        tensor = storage.present()
        value = value.detach()
        if storage.narrowed is None and (tensor is None or tensor.dtype != value.dtype and not storage.aliased):
            self._replace(torch.empty(self._shape, dtype=value.dtype,
                                      device=value.device if tensor is None else tensor.device).copy_(value))
        else:
            self.tensor.data.copy_(value)
            storage.touched()

    def _replace(self, fresh):
        """New memory, perhaps of another dtype; a torch parameter stays one, so it takes integers as float32."""
        storage = self.storage
        tensor = storage.present()
        if storage.owner is None and isinstance(tensor, torch.nn.Parameter):
            _renew(tensor, fresh.to(tensor.device, fresh.dtype if fresh.dtype.is_floating_point else torch.float32))
            storage.state = WRITTEN
        elif storage.owner is None and tensor is None:
            storage.set(on_device(fresh, context.current_ctx.target.device))
        elif storage.owner is None and tensor.requires_grad:
            live = storage.live if storage.state == DIVERGED else tensor
            storage.set(on_device(fresh, tensor.device))
            if live.is_leaf:    # a backward pass to come reads the new values, numpy views keep the old ones
                live.data = fresh.to(device=live.device, dtype=live.dtype, copy=True).reshape(live.shape)
            else:
                storage.live, storage.state = live, DIVERGED
        else:
            storage.set(fresh if tensor is None else on_device(fresh, tensor.device))

    def get_data(self, mode="rw", dtype=None):
        """The values as a numpy array.

        Args:
            mode (str): ``'r'`` read-only, leaves lazy flags alone; ``'rw'``; ``'w'`` contents need not be kept.
            dtype: Converts; with a writing mode the array itself changes its dtype.
        """
        assert mode in ("rw", "r", "w"), f"NdArray.get_data: expected mode 'r', 'rw' or 'w', received {mode!r}"
        if mode == "r":
            storage = self.storage
            state = storage.state
            array = storage.numpy(self._shape, False)
            if state not in (CLEARED, CLEARED_ZEROED) and storage.state == WRITTEN and storage.owner is None:
                storage.state = state
            elif state == CLEARED_ZEROED:
                storage.state = ZEROED
            if dtype is not None and array.dtype != np.dtype(dtype):
                array = array.astype(dtype)
            else:
                array = array.view()
            array.flags.writeable = False
            return array
        return self.data if dtype is None else self.cast(dtype)

    def cast(self, dtype, ctx=None):
        """Convert the array to ``dtype`` in place; returns the numpy view, or None when ``ctx`` is given."""
        if ctx is not None:
            _check_array_class(ctx)
        storage = self.storage
        target = torch_dtype(dtype)
        if storage.narrowed is not None and storage.materialize(self._shape).dtype != target:
            raise RuntimeError("NdArray.cast: a narrowed array keeps its parent's dtype; cast the parent instead")
        if storage.present() is None:
            storage.dtype = target
            if storage.owner is not None:
                storage.materialize(self._shape)
        else:
            tensor = self.tensor
            if tensor.dtype != target:
                value = tensor.detach().to(target)
                if is_leaf_parameter(tensor) and target.is_floating_point:
                    _renew(tensor, value)
                    if tensor.grad is not None:
                        tensor.grad = tensor.grad.to(target)
                else:
                    storage.set(value)
        if ctx is not None:
            storage.materialize(self._shape, ctx.target.device)
            storage.touched()
            return None
        return self.data

    @property
    def dtype(self):
        """numpy dtype of the content; RuntimeError while the array was never touched."""
        known = self.storage.known_dtype
        if known is None:
            raise RuntimeError("NdArray.dtype: the array is not initialized, so it has no dtype yet; write to it or "
                               "read .data first")
        return numpy_dtype(known)

    def data_ptr(self, dtype, ctx=None, write_only=False):
        """Address of the memory after a cast to ``dtype``."""
        _check_array_class(context.current_ctx if ctx is None else ctx)
        self.cast(dtype, ctx or context.current_ctx)
        return self.tensor.data_ptr()

    def zero(self):
        """Fill with zeros, lazily."""
        self.storage.zero()

    def fill(self, value):
        """Fill with ``value`` (rounded to float32), lazily."""
        self.storage.fill_lazily(value)

    def clear(self):
        """Free the memory; what is read next is undefined."""
        self.storage.clear()

    @property
    def zeroing(self):
        return self.storage.zeroing

    @property
    def clear_called(self):
        return self.storage.clear_called

    @property
    def modification_count(self):
        return self.storage.modification_count

    def copy_from(self, arr, use_current_context=True):
        """Copy the values and dtype of an NdArray with as many elements; returns self."""
        if not isinstance(arr, NdArray):
            raise TypeError(f"NdArray.copy_from: expected NdArray, received {type(arr).__name__}")
        if arr.size != self.size:
            raise RuntimeError(f"NdArray.copy_from: expected {self.size} elements for shape {self._shape}, received "
                               f"shape {arr.shape}")
        if not use_current_context and arr.storage.present() is None:
            raise RuntimeError("NdArray.copy_from: the source array was never written, and use_current_context=False "
                               "leaves no context to allocate it in")
        self.take(arr.tensor.detach(), copy=True)
        return self

    def take(self, tensor, copy=False):
        """Let ``tensor`` be the content: written into the memory that is there if it has the same dtype."""
        storage = self.storage
        present = storage.present() if storage.narrowed is None else storage.materialize(self._shape)
        if present is not None and present.dtype == tensor.dtype and present.device == tensor.device:
            present.data.copy_(tensor.reshape(present.shape))
            storage.touched()
        else:
            tensor = tensor.reshape(self._shape)
            self._replace(tensor.clone() if copy else tensor)

    # -- sharing -------------------------------------------------------------------------------------

    def view(self, shape):
        """An NdArray of another shape and as many elements that shares the storage."""
        shape = tuple([int(v) for v in shape])
        if math.prod(shape) != self.size or any(v < 0 for v in shape):
            raise RuntimeError(f"NdArray.view: expected a shape with {self.size} elements, received {shape}")
        if shape != self._shape:
            self.storage.share()
        return NdArray.over(shape, self.storage)

    def narrow(self, dim, start, length):
        """The rows ``start`` to ``start + length``, sharing memory with this array."""
        if dim != 0:
            raise RuntimeError(f"NdArray.narrow: expected dim 0, received {dim}")
        if not self._shape or start < 0 or length < 0 or start + length > self._shape[0]:
            raise RuntimeError(f"NdArray.narrow: rows {start} to {start + length} are outside of shape {self._shape}")
        storage = self.storage
        row = self.size // self._shape[0] if self._shape[0] else 0
        child = Storage()
        if storage.narrowed is not None:
            root, first, _ = storage.narrowed
        else:
            root, first = storage, 0
            storage.parent_size = self.size
            storage.share()
        child.regular = False
        child.narrowed = (root, first + start * row, length * row)
        child.state = FRESH
        return NdArray.over((length, *self._shape[1:]), child)

    def __repr__(self):
        return f"<NdArray({self._shape}) at {hex(id(self))}>"

    # -- identity ------------------------------------------------------------------------------------

    def __eq__(self, other):
        return self is _same_kind(self, other)

    def __ne__(self, other):
        return self is not _same_kind(self, other)

    __hash__ = object.__hash__

    def __reduce__(self):
        raise TypeError("NdArray can't be copied or pickled: use copy_from, or pickle its .data")

    def __copy__(self):
        return self.__reduce__()

    def __deepcopy__(self, memo):
        return self.__reduce__()


def _renew(parameter, value):
    """Give a torch parameter other memory. Plans take it as it is, so they must look again after a change of dtype."""
    if value.dtype != parameter.dtype:
        tape.graph_changed()
    parameter.data = value


def is_leaf_parameter(tensor):
    """Whether the tensor is an autograd leaf that others may hold (a torch parameter)."""
    return isinstance(tensor, torch.nn.Parameter) or (tensor.requires_grad and tensor.is_leaf)


def size_from_axis(shape, axis):
    if axis > len(shape):
        raise RuntimeError(f"size_from_axis: expected an axis up to {len(shape)}, received {axis}")
    return math.prod(shape[max(axis, 0):])


def _same_kind(self, other):
    if not isinstance(other, NdArray):
        raise TypeError(f"NdArray can't be compared with {type(other).__name__}: == tells whether two NdArrays are the "
                        "same array. Use `is` for None, F.equal for values")
    return other


def _as_array(value):
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise RuntimeError(f"expected a scalar or array to assign, received {type(value).__name__}: {error}") from None
    return array


def _drop_leading_ones(value, shape):
    while value.ndim > len(shape) and value.shape[0] == 1:
        value = value[0]
    return value


def _check_array_class(ctx):
    if not isinstance(ctx, context.Context):
        raise TypeError(f"expected a Context, received {type(ctx).__name__}")
    if not ctx.array_class:
        raise RuntimeError("the context has no array class: take one from get_extension_context('cpu')")
