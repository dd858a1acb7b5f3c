"""Operators between padded batches of sequences and packed ones, without the padding."""
import numpy as np
import torch

from ..registry import Index, Tensor, operator


def _check_lengths(lengths):
    if (lengths[1:] > lengths[:-1]).any():
        raise ValueError(f"expected lengths in descending order, received {lengths.tolist()}")


def _layout(memo, numbers, steps, device, places):
    """What ``places`` finds for ``numbers``, on ``device``; found once, as long as they are the same."""
    key = (numbers.tobytes(), steps, device)
    if memo.get("key") != key:
        memo["key"], memo["layout"] = key, [torch.from_numpy(found).to(device) for found in places(numbers, steps)]
    return memo["layout"]


def _packed_places(lengths, steps):
    """Which rows of the padded batch are no padding, and how many sequences have each step."""
    _check_lengths(lengths)
    present = np.arange(steps)[:, None] < lengths
    return np.flatnonzero(present), present.sum(1, dtype=np.int32)


def _padded_places(sizes, steps):
    """Which rows of the padded batch the packed ones become, and the lengths of the sequences."""
    lengths = (np.arange(sizes[0] if len(sizes) else 0)[:, None] < sizes).sum(1, dtype=np.int32)
    return np.flatnonzero(np.arange(steps)[:, None] < lengths), lengths


@operator("PackPaddedSequence", data_dependent=True, backward_reads="out1", min_outputs=2)
def pack_padded_sequence(padded_sequence: Tensor, lengths: Index, batch_first: bool = False, *, memo):
    """Drop the padding of a batch of sequences: all first steps, then all second steps, and so on.

    Args:
        padded_sequence: Array of shape ``(T, B, ...)``, or ``(B, T, ...)`` with ``batch_first``.
        lengths: Lengths of the ``B`` sequences, in descending order.
        batch_first (bool): The first axis counts sequences, the second steps.

    Returns:
        Packed steps of shape ``(sum of lengths, ...)``, and how many sequences have each step (int32), of
        shape ``(T,)``.

    Raises:
        ValueError: the lengths are not in descending order.
    """
    x = padded_sequence.transpose(0, 1) if batch_first else padded_sequence
    rows, counts = _layout(memo, lengths.cpu().numpy(), x.shape[0], x.device, _packed_places)
    return x.flatten(0, 1).index_select(0, rows), counts.clone()


def _resolve_pad(arguments, packed_sequence, batch_sizes):
    if arguments["padding_value"] is None:
        arguments["padding_value"] = 0.0
    if arguments["total_length"] is None:
        arguments["total_length"] = -1
    if len(batch_sizes) != 1:
        raise ValueError(f"expected batch_sizes with one axis, received shape {batch_sizes}")


@operator("PadPackedSequence", resolve=_resolve_pad, data_dependent=True,
          backward_reads={"packed_sequence": "batch_sizes"}, min_outputs=2)
def pad_packed_sequence(packed_sequence: Tensor, batch_sizes: Index, batch_first: bool = False,
                        padding_value: float = None, total_length: int = None, *, memo):
    """Lay out packed steps as a padded batch of sequences: the inverse of packing.

    Args:
        packed_sequence: Packed steps of shape ``(sum of lengths, ...)``.
        batch_sizes: How many sequences have each step, descending.
        batch_first (bool): Put the axis of sequences before that of steps.
        padding_value (float): Value of the padding; 0 by default.
        total_length (int): Number of steps of the result, if above the longest sequence's.

    Returns:
        Array of shape ``(T, B, ...)``, or ``(B, T, ...)`` with ``batch_first``, and the lengths of the
        sequences (int32).

    Raises:
        ValueError: ``batch_sizes`` has not exactly one axis.
    """
    x, sizes = packed_sequence, batch_sizes.cpu().numpy()
    steps = max(len(sizes), total_length)
    rows, lengths = _layout(memo, sizes, steps, x.device, _padded_places)
    shape = (steps * len(lengths),) + x.shape[1:]
    if padding_value:
        y = x.new_full(shape, padding_value).index_copy_(0, rows, x)
    else:
        y = x.new_zeros(shape).index_add_(0, rows, x)   # twice as fast as copying
    y = y.view((steps, len(lengths)) + x.shape[1:])
    return y.transpose(0, 1).contiguous() if batch_first else y, lengths.clone()
