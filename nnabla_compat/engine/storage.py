"""The values behind arrays: a torch tensor, or a fill value not yet written out.

One storage may be seen through several arrays (views of other shapes, variables sharing data). Writes
never bump torch's version counter: nnabla lets users write values between forward and backward, and
simply sees them.
"""
import math

import numpy as np
import torch

from . import context

# States of a storage. FRESH: never touched. WRITTEN: the tensor counts. DIVERGED: the tensor counts, but
# its autograd history is in `live`. ZEROED, FILLED: lazily `fill`. CLEARED: freed, content undefined.
FRESH, WRITTEN, DIVERGED, ZEROED, FILLED, CLEARED, CLEARED_ZEROED = range(7)

_NUMPY_DTYPES = {
    torch.float32: np.dtype(np.float32), torch.float64: np.dtype(np.float64), torch.float16: np.dtype(np.float16),
    torch.int64: np.dtype(np.int64), torch.int32: np.dtype(np.int32), torch.int16: np.dtype(np.int16),
    torch.int8: np.dtype(np.int8), torch.uint8: np.dtype(np.uint8), torch.bool: np.dtype(np.bool_),
    torch.uint16: np.dtype(np.uint16), torch.uint32: np.dtype(np.uint32), torch.uint64: np.dtype(np.uint64),
}
_TORCH_DTYPES = {n: t for t, n in _NUMPY_DTYPES.items()}


def torch_dtype(dtype) -> torch.dtype:
    """The torch dtype for anything numpy takes as a dtype.

    Raises:
        RuntimeError: torch has no such type (complex, object, strings, long double ...).
    """
    if isinstance(dtype, torch.dtype):
        return dtype
    dtype = np.dtype(dtype)
    found = _TORCH_DTYPES.get(dtype) or _TORCH_DTYPES.get(dtype.newbyteorder("="))
    if found is None:
        raise RuntimeError(f"arrays of dtype {dtype} are not supported: expected a real number or bool type, "
                           f"one of {', '.join(str(n) for n in _TORCH_DTYPES)}")
    return found


def numpy_dtype(dtype: torch.dtype) -> np.dtype:
    """The numpy dtype a torch dtype shows as (bfloat16, which numpy lacks, as float32)."""
    return _NUMPY_DTYPES.get(dtype, np.dtype(np.float32))


class Storage:
    """A buffer with nnabla's laziness. The class attributes are the defaults of a fresh one."""

    _tensor = None     # torch tensor, None while lazy
    state = FRESH
    fill = 0.0         # the value of a FILLED storage, rounded to float32
    dtype = None       # torch dtype of the next allocation, None: float32
    live = None        # DIVERGED: the tensor that carries the autograd history
    owner = None       # gradient storages of leaves: the leaf tensor, whose .grad is the content
    regular = True     # False once owner, host, shared or narrowed was set: hot paths then look closer
    gathers = False    # a gradient storage that several variables may have been given
    waiting = None     # a gradient storage with an owner: what adds to the gradient before anybody looks at it
    linked = None      # data of a leaf: the gradient storage that the tensor's .grad belongs to
    foreign = False    # a torch user's tensor: gradients flow on into its history
    shared = False     # seen through arrays of different shapes
    host = None        # CUDA: numpy copy handed out for writing, newer than the tensor
    alias = False      # the tensor is a view on purpose: numpy writes are to be seen through its base
    compiled = None    # compiled code has left the content without history: a weak reference to what can add it
    aliased = False    # another storage's tensor shows the same memory on purpose: what is written goes into that memory
    narrowed = None    # a child of narrow(): (parent storage, first element, number of elements)
    parent_size = 0    # a parent of narrow(): its number of elements
    view = None        # numpy view of what was last assigned to, to be assigned to again
    viewed = None      # the tensor that `view` was taken of, and its address
    computed = False   # a plan writes it: views that were handed out follow, see views.py
    seen = None        # (weak reference to the array that was handed out, address of its memory)

    def __init__(self, tensor=None):
        if tensor is not None:
            self._tensor = tensor
            self.state = WRITTEN

    def remember(self, view):
        """Keep a numpy view of the tensor for the next assignment: inputs are assigned to again and again."""
        tensor = self._tensor
        if self.regular and tensor.is_cpu:
            self.view, self.viewed = view, (tensor, tensor.data_ptr())

    def view_holds(self, shape):
        """Whether ``view`` still shows the content, in ``shape``."""
        tensor, address = self.viewed
        return self._tensor is tensor and self.regular and tensor.data_ptr() == address and self.view.shape == shape

    # -- flags ---------------------------------------------------------------------------------------

    @property
    def zeroing(self):
        """Lazily zero: set by zero(), until the next access that may write."""
        if self.state == ZEROED:
            return self.owner is None or self.owner.grad is None
        return self.state == CLEARED_ZEROED

    @property
    def clear_called(self):
        return self.state in (CLEARED, CLEARED_ZEROED)

    @property
    def modification_count(self):
        return 0 if self.state in (FRESH, CLEARED, CLEARED_ZEROED) else 1

    @property
    def known_dtype(self):
        """torch dtype of the content, None if it was never touched."""
        tensor = self.present()
        if tensor is not None:
            return tensor.dtype
        # Runs that let go of a result note a dtype other than float32 only.
        return torch.float32 if self.dtype is None and self.computed and self.state == CLEARED else self.dtype

    # -- content -------------------------------------------------------------------------------------

    def present(self):
        """The tensor if one is allocated, without materialising anything."""
        if self.owner is not None:
            if self.waiting is not None:
                self.waiting()
            grad = self.owner.grad
            if grad is not None and self.host is not None:
                self._upload(grad)
            return grad
        if self.host is not None and self._tensor is not None:
            self._upload(self._tensor)
        return self._tensor

    def _upload(self, tensor):
        tensor.data.copy_(staged(torch.from_numpy(self.host).view(tensor.shape)), non_blocking=True)
        self.host = None

    def overwrite(self, shape, values):
        """Take over a numpy array, broadcast to ``shape``, in a tensor on another device, without reading that."""
        self.host = None
        tensor = self.present()
        if self._is_shared_view(tensor):
            tensor = self._own_memory(shape)
        whole = np.empty(shape, numpy_dtype(tensor.dtype))
        whole[...] = values
        tensor.data.copy_(staged(torch.from_numpy(whole).view(tensor.shape)), non_blocking=True)
        self.touched()

    def materialize(self, shape, device=None):
        """The tensor, allocated if need be; on ``device`` (default: the current context's)."""
        if self.narrowed is not None:
            return self._narrow_tensor(shape)
        tensor = self.present()
        if tensor is None:
            if self.state == FRESH and self.owner is not None:
                device = self.owner.device
            if device is None:
                device = self.owner.device if self.owner is not None else context.current_ctx.target.device
            value = self.fill if self.state == FILLED else 0
            dtype = self.dtype or torch.float32
            if self.owner is not None:
                dtype = self.owner.dtype
                shape = self.owner.shape
            tensor = torch.full(shape, value if dtype.is_floating_point else _integer(value, dtype),
                                dtype=dtype, device=device)
            self.set(tensor)
        elif device is not None and tensor.device != device:
            tensor = self._move(tensor, device)
        return tensor

    def _move(self, tensor, device):
        if isinstance(tensor, torch.nn.Parameter) or (tensor.is_leaf and tensor.requires_grad):
            tensor.data = tensor.data.to(device)   # the Parameter object stays the same
            if tensor.grad is not None:
                grad, tensor.grad = tensor.grad, None
                tensor.grad = grad.to(device)
            return tensor
        tensor = tensor.detach().to(device)
        self.set(tensor)
        return tensor

    def set(self, tensor):
        """Adopt ``tensor`` as the content."""
        self.host = self.view = self.viewed = None
        if self.owner is not None:
            owner = self.owner
            tensor = tensor.detach().reshape(owner.shape)
            if tensor.dtype != owner.dtype or tensor.device != owner.device:
                tensor = tensor.to(device=owner.device, dtype=owner.dtype)
            owner.grad = tensor
        else:
            self._tensor = tensor
        self.state = WRITTEN
        self.live = None

    def set_as_stored(self, values, result):
        """Adopt ``values``, of a dtype that takes no gradients, with the history of ``result``: of them in one that does."""
        self.set(values)
        if result.requires_grad:
            self.live, self.state = result, DIVERGED

    def drop(self, state):
        """Forget the content, keeping its dtype for the next allocation."""
        known = self.known_dtype
        self.view = self.viewed = None
        if self.owner is not None:
            owner, self.host = self.owner, None
            owner.grad = torch.full_like(owner.data, self.fill) if state == FILLED else None
        else:
            tensor, self.host = self._tensor, None
            if tensor is not None and tensor.requires_grad and tensor.is_leaf or isinstance(tensor, torch.nn.Parameter):
                # A parameter stays the same torch object, and a backward pass to come reads the new values: write
                # the value out at once, in a buffer of its own so that numpy views taken before keep the old ones.
                value = self.fill if state == FILLED else 0.0
                tensor.data = torch.full_like(tensor.data, value)
                self.state = state
                return
            self._tensor = None
        self.dtype = known
        self.state = state
        self.live = None

    # -- writes --------------------------------------------------------------------------------------

    def zero(self):
        if self.narrowed is not None or self.parent_size or self.aliased:
            self.write_scalar(0.0)
            return
        self.drop(ZEROED)

    def fill_lazily(self, value):
        value = _float32(value)
        if self.narrowed is not None or self.parent_size or self.aliased:
            self.write_scalar(value)
            return
        self.fill = value
        self.drop(FILLED)

    def write_scalar(self, value):
        tensor = self.materialize(self.full_shape())
        tensor.data.fill_(value if tensor.dtype.is_floating_point else _integer(value, tensor.dtype))
        self.touched()

    def full_shape(self):
        tensor = self.present()
        if tensor is not None:
            return tensor.shape
        return (self.narrowed[2],) if self.narrowed is not None else (self.parent_size,)

    def clear(self):
        if self.narrowed is not None:
            raise RuntimeError("NdArray.clear: a narrowed array can't be cleared, its memory belongs to its parent; "
                               "clear the parent instead")
        self.drop(CLEARED_ZEROED if self.zeroing else CLEARED)

    def touched(self):
        """A write-capable access happened: lazy flags end."""
        if self.state != DIVERGED:
            self.state = WRITTEN

    def share(self):
        """Several arrays, of different shapes, see this storage from now on."""
        self.shared, self.regular = True, False

    def link_owner(self, leaf, shape):
        """Make ``leaf.grad`` the content of this gradient storage, carrying over what it holds.

        A former owner may be part of histories still: what backward finds for it comes here, too.
        """
        former = self.owner
        if former is leaf:
            return
        content = self.present()
        if content is None and self.state == FILLED:
            content = torch.full(shape, self.fill)
        self._tensor, self.owner, self.regular = None, leaf, False
        if former is not None and former.requires_grad:
            former.grad = None
            self.gather(former)
        if getattr(leaf, "gathered_by", None) is not None:
            leaf.gathered_by = None
        if content is None:
            leaf.grad = None
            return
        leaf.grad = content.detach().to(device=leaf.device, dtype=leaf.dtype).reshape(leaf.shape)

    def gather(self, leaf):
        """Let what backward accumulates for another ``leaf`` be added to the owner's gradient."""
        if self.owner is leaf or getattr(leaf, "gathered_by", None) is self:
            return

        def hand_over(leaf):
            owner = self.owner
            if leaf.grad is None or owner is leaf or leaf.gathered_by is not self:
                return
            grad, leaf.grad = leaf.grad, None
            if owner is None:
                self.set(grad if self._tensor is None else self._tensor + grad.reshape(self._tensor.shape))
                return
            grad = grad.to(device=owner.device, dtype=owner.dtype).reshape(owner.shape)
            if owner.grad is None:
                owner.grad = grad
            else:
                owner.grad.data.add_(grad)
        leaf.gathered_by = self
        leaf.register_post_accumulate_grad_hook(hand_over)

    def unlink_owner(self):
        """Keep the gradient here and let go of the leaf, which is returned."""
        leaf, self.owner = self.owner, None
        self._tensor, leaf.grad = leaf.grad, None
        return leaf

    def autograd_tensor(self, shape):
        """The content with its autograd history, None if nothing was computed."""
        if self.compiled is not None:
            self.restore_history()
        tensor = self.live if self.state == DIVERGED else self._tensor
        if tensor is not None and self.shared and tensor.shape != shape:
            tensor = tensor.reshape(shape)
        return tensor

    def restore_history(self):
        """Where compiled code has computed the content, compute it again with the history that code doesn't leave."""
        plan = self.compiled()
        if plan is not None:
            plan.restore_history(self)

    # -- numpy ---------------------------------------------------------------------------------------

    def numpy(self, shape, writable):
        """The values as a numpy array; on the CPU it aliases the tensor's memory."""
        if self.narrowed is not None:
            tensor = self._narrow_tensor(shape).detach()
            return tensor.numpy() if tensor.is_cpu else _read_only(tensor.cpu().numpy())
        tensor = self.present()
        if self.host is None and (tensor is None or not tensor.is_contiguous() or self._is_shared_view(tensor)
                                  or tensor.dtype not in _NUMPY_DTYPES):
            tensor = self._own_memory(shape)
        if tensor.device.type != "cpu":
            array = tensor.detach().cpu().numpy()
            if writable:
                self.host, self.regular = array, False
            return array.reshape(shape)
        array = tensor.detach().numpy()
        if array.shape != shape:
            array = array.reshape(shape)
        return array

    def _own_memory(self, shape):
        """Give a lazy, strided or view tensor contiguous memory of its own, keeping its history in `live`."""
        tensor = self.materialize(shape)
        if tensor.dtype not in _NUMPY_DTYPES:
            own = tensor.detach().to(torch.float32)
        elif tensor.is_contiguous() and not self._is_shared_view(tensor):
            return tensor
        else:
            own = tensor.detach().clone(memory_format=torch.contiguous_format)
        if self.owner is not None:
            if own.dtype == self.owner.dtype:
                self.owner.grad = own
            return own
        if isinstance(tensor, torch.nn.Parameter) or (tensor.is_leaf and tensor.requires_grad):
            if own.dtype == tensor.dtype:
                tensor.data = own
                return tensor
            return own
        if tensor.requires_grad:
            live = self.live if self.state == DIVERGED else tensor
            self._tensor, self.live, self.state = own, live, DIVERGED
        else:
            self._tensor = own
        return own

    def _narrow_tensor(self, shape):
        parent, start, size = self.narrowed
        tensor = parent.materialize((parent.parent_size,))
        if not tensor.is_contiguous():
            tensor = parent._own_memory(tensor.shape)
        return tensor.data.view(-1)[start:start + size].view(shape)

    def _is_shared_view(self, tensor):
        """Whether writing the tensor would, unwanted, show through another one."""
        return tensor._base is not None and not self.alias


def staged(tensor):
    """A tensor of the host where a GPU can fetch it by itself: copies from there, ``non_blocking``, make nobody wait.

    torch keeps that memory until they are done.
    """
    return tensor.pin_memory()


def on_device(tensor, device):
    """``tensor``, of the host, on ``device``."""
    return staged(tensor).to(device, non_blocking=True) if device.type == "cuda" and tensor.is_cpu else tensor.to(device)


def _read_only(array):
    """A copy of what is elsewhere: writing to it would change nothing."""
    array.flags.writeable = False
    return array


def _float32(value):
    with np.errstate(over="ignore"):
        return float(np.float32(value))


def _integer(value, dtype):
    if dtype is torch.bool:
        return bool(value)
    return int(value) if math.isfinite(value) else 0
