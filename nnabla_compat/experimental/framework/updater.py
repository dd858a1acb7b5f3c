"""A training step as a fixed order of calls."""
from .evaluator import listed


def _nothing(i, e):
    return True


def _nothing_in_batch(i, e, ag):
    return True


class Updater:
    """Feeds, runs forward and backward, and updates; everything is a callable.

    Callables get the iteration, the epoch and, inside of a step, the number of the batch: ``(i, e)`` or
    ``(i, e, ag)``. The ``..._callback_on_start`` and ``..._callback_on_finish`` (one callable or a list) are called
    around what they are named after.

    Args:
        train_data_feeder (callable): ``(i, e, ag)``; writes a batch.
        solver_zero_grad (callable): ``(i, e)``; zeroes gradients.
        solver_update (callable): ``(i, e)``; updates parameters.
        loss_forward, loss_backward (callable): ``(i, e, ag)``; run the network.
        comm_all_reduce (callable): ``(i, e)``; called if there are a communicator and gradients.
        accum_grad (int): Batches per step.
        comm (Communicator): Communicator.
        grads (list of NdArray): Gradients to reduce.
    """

    def __init__(self, train_data_feeder, solver_zero_grad, solver_update, loss_forward=_nothing_in_batch,
                 loss_backward=_nothing_in_batch, loss_forward_callback_on_start=_nothing_in_batch,
                 loss_forward_callback_on_finish=_nothing_in_batch, loss_backward_callback_on_start=_nothing_in_batch,
                 loss_backward_callback_on_finish=_nothing_in_batch, comm_all_reduce_callback_on_start=_nothing,
                 comm_all_reduce=_nothing, comm_all_reduce_callback_on_finish=_nothing,
                 solver_update_callback_on_start=_nothing, solver_update_callback_on_finish=_nothing, accum_grad=1,
                 comm=None, grads=[]):
        self.train_data_feeder = train_data_feeder
        self.solver_zero_grad = solver_zero_grad
        self.solver_update = solver_update
        self.loss_forward = loss_forward
        self.loss_backward = loss_backward
        self.comm_all_reduce = comm_all_reduce
        self.loss_forward_callback_on_start = listed(loss_forward_callback_on_start)
        self.loss_forward_callback_on_finish = listed(loss_forward_callback_on_finish)
        self.loss_backward_callback_on_start = listed(loss_backward_callback_on_start)
        self.loss_backward_callback_on_finish = listed(loss_backward_callback_on_finish)
        self.comm_all_reduce_callback_on_start = listed(comm_all_reduce_callback_on_start)
        self.comm_all_reduce_callback_on_finish = listed(comm_all_reduce_callback_on_finish)
        self.solver_update_callback_on_start = listed(solver_update_callback_on_start)
        self.solver_update_callback_on_finish = listed(solver_update_callback_on_finish)
        self.accum_grad = accum_grad
        self.comm = comm
        self.grads = grads

    def _run(self, name, *where):
        """An action between its callbacks."""
        for callback in getattr(self, f"{name}_callback_on_start"):
            callback(*where)
        getattr(self, name)(*where)
        for callback in getattr(self, f"{name}_callback_on_finish"):
            callback(*where)

    def update(self, i, e):
        """One step: iteration ``i`` of epoch ``e``."""
        self.solver_zero_grad(i, e)
        for ag in range(self.accum_grad):
            self.train_data_feeder(i, e, ag)
            self._run("loss_forward", i, e, ag)
            self._run("loss_backward", i, e, ag)
        if self.comm and len(self.grads) != 0:
            self._run("comm_all_reduce", i, e)
        self._run("solver_update", i, e)
