"""Sequences of different lengths: padded to one array, or packed time step by time step."""
import numpy as np

from .. import functions as F
from ..auto_forward import auto_forward, get_auto_forward
from ..variable import Variable


class PackedSequence:
    """Sequences packed by :func:`pack_padded_sequence`.

    Attributes:
        data (Variable): All elements, time step by time step: (sum of lengths, ...).
        batch_sizes (Variable): How many sequences reach each time step: (longest length,).
        sorted_indices (Variable): Where the sequences, longest first, stood before; None if they came sorted.
        unsorted_indices (Variable): The reverse.
    """

    def __init__(self):
        self.data = None
        self.batch_sizes = None
        self.sorted_indices = None
        self.unsorted_indices = None

    def __str__(self):
        return (f"data={self.data}, batch_sizes={self.batch_sizes}, sorted_indices={self.sorted_indices}, "
                f"unsorted_indices={self.unsorted_indices}")


def pad_sequence(sequences, batch_first=False, padding_value=0.0):
    """Put sequences into one array, padded at their ends.

    Args:
        sequences (list of Variable): B arrays of shape (length, ...), equal but for the length.
        batch_first (bool): Whether the sequences come along the first axis.
        padding_value (float): Value of the padding.

    Returns:
        Variable: (T, B, ...) with the longest length T, or (B, T, ...).
    """
    longest = max(s.shape[0] for s in sequences)
    padded = [F.pad(s, (0, longest - s.shape[0]) + (0, 0) * (s.ndim - 1), "constant", padding_value) for s in sequences]
    return F.stack(*padded, axis=0 if batch_first else 1)


def pack_padded_sequence(padded_sequence, lengths, batch_first=False, enforce_sorted=True):
    """Pack padded sequences: what is padding goes, time steps come one after the other.

    Args:
        padded_sequence (Variable): (T, B, ...), or (B, T, ...) with ``batch_first``.
        lengths (Variable): (B,) lengths. Their values are read now: they decide about shapes.
        batch_first (bool): Whether the sequences come along the first axis.
        enforce_sorted (bool): The sequences come with falling lengths; otherwise they are sorted here.

    Returns:
        PackedSequence: What :func:`pad_packed_sequence` undoes.
    """
    packed = PackedSequence()
    if not enforce_sorted:
        with auto_forward():
            lengths, order = F.sort(lengths, axis=0, reverse=True, with_index=True)
            places = np.argsort(order.d.astype(np.int64)).astype(np.float32)   # as nnabla has them
        packed.sorted_indices, packed.unsorted_indices = order, Variable.from_numpy_array(places)
        padded_sequence = F.gather(padded_sequence, order, 0 if batch_first else 1)
    packed.data, packed.batch_sizes = F.pack_padded_sequence(padded_sequence, lengths, batch_first)
    if not get_auto_forward():
        # Shapes of what is built on it are read from the batch sizes: they have to be there already.
        steps = np.arange(packed.batch_sizes.shape[0])
        packed.batch_sizes.d = (lengths.d > steps[:, None]).sum(axis=1).astype(np.int32)
    return packed


def pack_sequence(sequences, batch_first=False, enforce_sorted=True):
    """Pack sequences of different lengths.

    Args:
        sequences (list of Variable): Arrays of shape (length, ...), equal but for the length.
        batch_first (bool): Without meaning here: a packed sequence has no such axis.
        enforce_sorted (bool): The sequences come with falling lengths; otherwise they are sorted here.

    Returns:
        PackedSequence: The sequences.
    """
    lengths = Variable.from_numpy_array(np.array([s.shape[0] for s in sequences]))
    return pack_padded_sequence(pad_sequence(sequences), lengths, enforce_sorted=enforce_sorted)


def pad_packed_sequence(sequence, batch_first=False, padding_value=0.0, total_length=None):
    """Undo :func:`pack_padded_sequence`.

    Args:
        sequence (PackedSequence): Packed sequences.
        batch_first (bool): Whether the sequences shall come along the first axis.
        padding_value (float): Value of the padding.
        total_length (int): Pad to this length; to the longest sequence by default.

    Returns:
        tuple: padded sequences, (T, B, ...) or (B, T, ...), and their lengths (B,), as Variables.

    Raises:
        ValueError: ``total_length`` is less than the longest sequence.
    """
    longest = sequence.batch_sizes.shape[0]
    if total_length is not None and total_length < longest:
        raise ValueError(f"pad_packed_sequence: expected total_length of at least {longest}, the longest length, "
                         f"received {total_length}")
    padded, lengths = F.pad_packed_sequence(sequence.data, sequence.batch_sizes, batch_first, padding_value,
                                            total_length)
    if sequence.unsorted_indices is not None:
        padded = F.gather(padded, sequence.unsorted_indices, 0 if batch_first else 1)
        lengths = F.gather(lengths, sequence.unsorted_indices, 0)
    return padded, lengths
