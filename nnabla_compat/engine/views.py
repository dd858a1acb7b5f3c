"""Numpy views of computed arrays: they show what the next run computes.

nnabla computes into the memory an array has, so that ``d = y.d``, taken once, follows every ``y.forward()``. torch
gives each result memory of its own; where somebody still holds a view of the last one, the new result is moved there.
"""
import weakref

import torch

from .storage import DIVERGED

# Weak references to the storages that have views; looked through after every run, empty in nearly all programs.
watched = []


def watch(storage, array):
    """The array to hand out for ``array``, a view of the whole content of a computed storage on the CPU."""
    address = array.__array_interface__["data"][0]
    if storage.seen is None:
        watched.append(weakref.ref(storage))
    else:
        reference, known_address = storage.seen
        known = reference()
        if known is not None and known_address == address:
            return known.view().reshape(array.shape)     # which keeps `known` alive
    storage.seen = weakref.ref(array), address
    return array


def follow():
    """Move the results of a run to where they are looked at."""
    still = []
    for reference in watched:
        storage = reference()
        if storage is None:
            continue
        array, tensor = storage.seen[0](), storage._tensor
        if array is None or tensor is None or not tensor.is_cpu or not array.flags.writeable:
            storage.seen = None
            continue
        if tensor.data_ptr() != storage.seen[1]:
            memory = torch.from_numpy(array)
            if tensor.numel() != memory.numel() or tensor.dtype is not memory.dtype:
                storage.seen = None
                continue
            if tensor.shape != memory.shape:    # another of the arrays that share the storage
                memory = torch.from_numpy(array.reshape(tensor.shape))
            memory.copy_(tensor.detach())
            if tensor.requires_grad:
                storage.live, storage.state = tensor, DIVERGED
            storage._tensor = memory
        still.append(reference)
    watched[:] = still
