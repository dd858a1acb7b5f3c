"""Operators between padded batches of sequences and packed ones, without the padding."""
import numpy as np
import torch

from ..registry import Index, Tensor, operator


def _check_lengths(lengths):
    if (lengths[1:] > lengths[:-1]).any():
        raise ValueError(f"expected lengths in descending order, received {lengths.tolist()}")


def _positions(present, device):
    """Where a boolean array of the host is true, counted through."""
    return torch.from_numpy(np.flatnonzero(present)).to(device)


def _counts(counts, device):
    return torch.from_numpy(counts.astype(np.int32)).to(device)


@operator("PackPaddedSequence", data_dependent=True, backward_reads="out1", min_outputs=2)
def pack_padded_sequence(padded_sequence: Tensor, lengths: Index, batch_first: bool = False):
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
    lengths = lengths.cpu().numpy()
    _check_lengths(lengths)
    x = padded_sequence.transpose(0, 1) if batch_first else padded_sequence
    present = np.arange(x.shape[0])[:, None] < lengths
    return x.flatten(0, 1).index_select(0, _positions(present, x.device)), _counts(present.sum(1), x.device)


def _resolve_pad(arguments, *_):
    if arguments["padding_value"] is None:
        arguments["padding_value"] = 0.0
    if arguments["total_length"] is None:
        arguments["total_length"] = -1


@operator("PadPackedSequence", resolve=_resolve_pad, data_dependent=True,
          backward_reads={"packed_sequence": "batch_sizes"}, min_outputs=2)
def pad_packed_sequence(packed_sequence: Tensor, batch_sizes: Index, batch_first: bool = False,
                        padding_value: float = None, total_length: int = None):
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
    """
    sizes, x = batch_sizes.cpu().numpy(), packed_sequence
    batch, n_steps = int(sizes[0]), max(len(sizes), total_length)
    present = np.zeros((n_steps, batch), bool)
    present[:len(sizes)] = np.arange(batch) < sizes[:, None]
    y = x.new_full((n_steps * batch,) + x.shape[1:], padding_value).index_copy(0, _positions(present, x.device), x)
    y = y.reshape((n_steps, batch) + x.shape[1:])
    if batch_first:
        y = y.transpose(0, 1).contiguous()
    return y, _counts(present.sum(0), x.device)
