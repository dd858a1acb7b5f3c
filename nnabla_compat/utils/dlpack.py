"""Sharing memory with other array libraries by DLPack capsules, both ways without a copy."""
import torch

from .._nd_array import NdArray


def to_dlpack(a, dtype=None, ctx=None):
    """A DLPack capsule over the memory of an array.

    The capsule, and what another library makes of it, sees writes to the array and the reverse, until one
    of them takes other memory (a change of dtype, of device, or a lazy fill)::

        t = torch.from_dlpack(to_dlpack(a))

    Args:
        a (NdArray): The array; its values have to exist already.
        dtype (numpy.dtype): Convert the array, in place, before.
        ctx (Context): Move the array to this context's device, in place, before.

    Returns:
        PyCapsule: Named ``"dltensor"``; good for one consumer.

    Raises:
        TypeError: ``a`` is no NdArray.
        RuntimeError: The array was never written nor read, so that there is no memory to share.
    """
    if not isinstance(a, NdArray):
        raise TypeError(f"to_dlpack: expected NdArray, received {type(a).__name__}; of a Variable pass .data or .grad")
    if a.storage.present() is None and dtype is None:
        raise RuntimeError(f"to_dlpack: the array of shape {a.shape} is not initialized: it has no dtype and no memory "
                           "to share yet. Write values (or read .data) first, or pass dtype")
    if dtype is not None:
        a.cast(dtype)
    if ctx is not None:
        a.storage.materialize(a.shape, ctx.target.device)
    a.storage.touched()
    return torch.utils.dlpack.to_dlpack(a.tensor.detach())


def from_dlpack(dlp, arr=None):
    """An array over the memory behind a DLPack capsule.

    Args:
        dlp: PyCapsule named ``"dltensor"``, which is used up; or an object with ``__dlpack__``, such as a torch
            tensor or numpy array, which is not.
        arr (NdArray): Let this array take over memory and shape; else a new one is made.

    Returns:
        NdArray: ``arr``, or the new one.

    Raises:
        ValueError: ``dlp`` is neither, or a capsule that was used before.
    """
    if type(dlp).__name__ != "PyCapsule" and not hasattr(dlp, "__dlpack__"):
        raise ValueError(f"from_dlpack: expected a DLPack capsule or an object with __dlpack__, received "
                         f"{type(dlp).__name__}")
    try:
        tensor = torch.utils.dlpack.from_dlpack(dlp)
    except (RuntimeError, BufferError) as error:
        raise ValueError(f"from_dlpack: the capsule can't be read (each is good for one consumer): {error}") from error
    tensor = tensor.detach()
    if arr is None:
        return NdArray.from_tensor(tensor)
    arr._shape = tuple(tensor.shape)
    arr.storage.set(tensor)
    return arr
