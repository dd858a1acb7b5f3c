"""Sizes that files leave open, and sizes that they only claim."""
import numpy as np

# What has to be allocated while a network is built, without values in the file, may take this many elements in
# all. Such sizes are bare claims: a file of a hundred bytes can claim terabytes.
LARGEST_WITHOUT_VALUES = 1 << 28


def positive_batch(network, batch_size):
    """``batch_size``; a ValueError that names the ProtoNetwork when it is not positive."""
    if not batch_size or batch_size < 0:
        raise ValueError(f"network '{network.name}': expected a positive batch size, received {batch_size}. "
                         "Pass batch_size=.")
    return batch_size


def check_size(shapes, network):
    """ValueError when the network called ``network`` would allocate too much for these shapes."""
    total = sum(int(np.prod(shape, dtype=object)) for shape in shapes)
    if total > LARGEST_WITHOUT_VALUES:
        raise ValueError(f"network '{network}' declares variables of {total} elements and gives no values for them. "
                         "Load the file with the values along with it, or raise "
                         "nnabla_compat.core.graph_def.sizes.LARGEST_WITHOUT_VALUES.")
