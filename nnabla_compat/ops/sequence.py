"""Operators between padded batches of sequences and packed ones, without the padding."""
import numpy as np
import torch

from ..registry import Index, Tensor, operator
from .autograd import apply


def _check_lengths(lengths):
    if (lengths[1:] > lengths[:-1]).any():
        raise ValueError(f"expected lengths in descending order, received {lengths.tolist()}")


class _Rows(torch.autograd.Function):
    """Rows of ``x`` at the positions ``at``, where the one past the end holds ``padding``; ``back`` leads back."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x, at, back, padding):
        if padding is not None:
            x = torch.cat([x, x.new_full((1,) + x.shape[1:], padding)])
        return x.index_select(0, at)

    @staticmethod
    def setup_context(ctx, inputs, output):
        _, at, back, padding = inputs
        ctx.save_for_backward(at, back)
        ctx.padding = 0.0 if padding is None else None

    @staticmethod
    def backward(ctx, grad):
        at, back = ctx.saved_tensors
        return apply(_Rows, grad, back, at, ctx.padding), None, None, None


def _places(memo, lengths, steps, device):
    """Where the packed rows lie in the padded batch and where its rows lie among the packed ones (behind them: nowhere), and
    how many sequences have each of the ``steps``. What the last call found serves as long as the lengths are the same."""
    key = (lengths.tobytes(), steps, device)
    if memo.get("key") != key:
        present = np.arange(steps)[:, None] < lengths
        packed = np.flatnonzero(present)
        padded = np.full(present.size, len(packed))
        padded[packed] = np.arange(len(packed))
        memo["key"], memo["places"] = key, [torch.from_numpy(places).to(device) for places in (packed, padded)]
        memo["counts"] = torch.from_numpy(present.sum(1).astype(np.int32)).to(device)
    return *memo["places"], memo["counts"].clone()


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
    lengths = lengths.cpu().numpy()
    _check_lengths(lengths)
    x = padded_sequence.transpose(0, 1) if batch_first else padded_sequence
    packed, padded, counts = _places(memo, lengths, x.shape[0], x.device)
    return apply(_Rows, x.flatten(0, 1), packed, padded, None), counts


def _resolve_pad(arguments, *_):
    if arguments["padding_value"] is None:
        arguments["padding_value"] = 0.0
    if arguments["total_length"] is None:
        arguments["total_length"] = -1


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
    """
    x, sizes = packed_sequence, batch_sizes.cpu().numpy()
    steps = max(len(sizes), total_length)
    lengths = (np.arange(sizes[0])[:, None] < sizes).sum(1)
    packed, padded, _ = _places(memo, lengths, steps, x.device)
    y = apply(_Rows, x, padded, packed, padding_value).reshape((steps, len(lengths)) + x.shape[1:])
    if batch_first:
        y = y.transpose(0, 1).contiguous()
    return y, torch.from_numpy(lengths.astype(np.int32)).to(x.device)
