"""Communicators, by which several processes train one network.

In a single process there is nothing to talk to: making one fails as in nnabla without its distributed build,
and :func:`nnabla_compat.utils.communicator_util.create_communicator` returns None.
"""

class Communicator:
    """What all communicators offer. Objects come from the functions of this module.

    ``group`` names a set of ranks made by :meth:`new_group`; ``"world"`` is all of them.
    """

    @property
    def name(self):
        """Kind of the communicator."""
        raise _unavailable("Communicator.name")

    @property
    def rank(self):
        """Number of this process, from 0."""
        raise _unavailable("Communicator.rank")

    @property
    def local_rank(self):
        """Number of this process on its machine, from 0."""
        raise _unavailable("Communicator.local_rank")

    @property
    def size(self):
        """Number of processes."""
        raise _unavailable("Communicator.size")

    def init(self):
        """Connect to the other processes."""
        raise _unavailable("Communicator.init")

    def abort(self):
        """End all processes."""
        raise _unavailable("Communicator.abort")

    def barrier(self):
        """Wait until all processes are here."""
        raise _unavailable("Communicator.barrier")

    def new_group(self, name_ranks):
        """Make a group from a pair of its name and its ranks."""
        raise _unavailable("Communicator.new_group")

    def list_groups(self):
        """All groups, name to ranks."""
        raise _unavailable("Communicator.list_groups")

    def find_group(self, group):
        """Ranks of a group."""
        raise _unavailable("Communicator.find_group")

    def add_context_and_parameters(self, ctx_param_dict):
        """Register a pair of context and parameters."""
        raise _unavailable("Communicator.add_context_and_parameters")

    def clear_context_parameters(self):
        """Forget all registered parameters."""
        raise _unavailable("Communicator.clear_context_parameters")

    def all_reduce(self, data, division=False, inplace=False, group="world"):
        """Sum (or average) arrays over the processes, everywhere."""
        raise _unavailable("Communicator.all_reduce")

    def all_reduce_callback(self, data, pack_size, division=False, group="world", scale_grad=1.0,
                            keep_dtype=False):
        """A callback for backward that sums gradients over the processes as they become ready."""
        raise _unavailable("Communicator.all_reduce_callback")

    def allreduce(self, division=False, inplace=False):
        """Sum (or average) the gradients of the registered parameters."""
        raise _unavailable("Communicator.allreduce")

    def reduce(self, data, dst, division=False, inplace=False, group="world"):
        """Sum (or average) arrays over the processes, at ``dst``."""
        raise _unavailable("Communicator.reduce")

    def bcast(self, data, src, inplace=False, group="world"):
        """Copy arrays of ``src`` to all processes."""
        raise _unavailable("Communicator.bcast")

    def all_gather(self, ndarray, ndarray_list, group="world"):
        """Collect the array of each process, everywhere."""
        raise _unavailable("Communicator.all_gather")

    def reduce_scatter(self, ndarray_list, ndarray, division=False, group="world"):
        """Sum (or average) lists of arrays over the processes; each gets one entry."""
        raise _unavailable("Communicator.reduce_scatter")


def _unavailable(what):
    return RuntimeError(
        f"{what}: no communicator runs in a single process. Scripts that also run alone use "
        "nnabla.utils.communicator_util.create_communicator(), which returns None there.")


def DataParallelCommunicator(ctx):
    """A communicator between several devices of one process."""
    raise _unavailable("DataParallelCommunicator")


def MultiProcessDataParallelCommunicator(ctx):
    """A communicator between processes, one device each.

    Args:
        ctx (Context): Context of this process.

    Raises:
        RuntimeError: This process runs alone.
    """
    raise _unavailable("MultiProcessDataParallelCommunicator")


def MultiProcessCommunicator(ctx):
    """The same as :func:`MultiProcessDataParallelCommunicator`."""
    return MultiProcessDataParallelCommunicator(ctx)


# nnabla's older names, one of them misspelt, which scripts use
MultiProcessDataParalellCommunicator = MultiProcessDataParallelCommunicator
Comm = DataParallelCommunicator
Dist = MultiProcessDataParallelCommunicator
