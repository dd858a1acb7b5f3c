"""What a training program does in each place of the loops."""
from .evaluator import Evaluator
from .updater import Updater


class Worker:
    """A training program; subclass it and override what it shall do. A :class:`Trainer` calls the methods in order.

    A subclass usually defines ``_graph_init``, ``_loss_init`` (which sets ``self._loss``), ``_solver_init``
    (``self._solver``) and ``_train_data_feeder``. Arguments are the iteration ``i``, the epoch ``e`` and the number of
    the batch in a step, ``ag``, or in an evaluation, ``vi``.

    Args:
        data (Data): The data.
        max_epoch (int): How many epochs.
        iter_per_epoch (int): Steps per epoch.
        clear_buffer (bool): Free memory in backward.
        clear_no_need_grad (bool): Free memory in forward.
    """

    _loss = None
    _solver = None
    _comm = None
    grads = ()

    def __init__(self, data, max_epoch=1, iter_per_epoch=1, clear_buffer=True, clear_no_need_grad=True):
        self._data = data
        self._max_epoch = max_epoch
        self._iter_per_epoch = iter_per_epoch
        self._clear_buffer = clear_buffer
        self._clear_no_need_grad = clear_no_need_grad
        around = {f"{name}_callback_on_{when}": [getattr(self, f"_{name}_callback_on_{when}")]
                  for name in ("loss_forward", "loss_backward", "comm_all_reduce", "solver_update")
                  for when in ("start", "finish")}
        self._updater = Updater(self._train_data_feeder, self._solver_zero_grad, self._solver_update,
                                self._loss_forward, self._loss_backward, comm_all_reduce=self._comm_all_reduce,
                                **around)
        self._evaluator = Evaluator(self._eval_data_feeder, self._eval_graph_forward, [self._eval_callback_on_start],
                                    [self._eval_callback_on_finish])

    def max_epoch(self):
        """How many epochs to train."""
        return self._max_epoch

    def iter_per_epoch(self):
        """How many steps an epoch has."""
        return self._iter_per_epoch

    def _loopCallbackCondition(self, i=0, e=0, ag=0, toExecute=lambda i, e, ag: True):
        """Whether to do something at this place: what ``toExecute`` answers, always by default."""
        return toExecute(i, e, ag)

    def training_prepare(self):
        """Set everything up: context, variables, communicator, data, graph, loss, solver, monitors."""
        self._ctx_init()
        self._var_init()
        self._comm_init()
        self._data_init()
        self._graph_init()
        self._loss_init()
        self._solver_init()
        self._monitor_init()

    def _ctx_init(self):
        """Set the context."""

    def _var_init(self):
        """Make input variables."""

    def _comm_init(self):
        """Make a communicator."""

    def _data_init(self):
        """Prepare the data."""

    def _graph_init(self):
        """Build the network."""

    def _loss_init(self):
        """Build the loss, as ``self._loss``."""

    def _solver_init(self):
        """Make the solver, as ``self._solver``."""

    def _monitor_init(self):
        """Make monitors."""

    def _load_parameters(self):
        """Load parameters."""

    def _save_parameters(self):
        """Save parameters."""

    def _load_model(self):
        """Load a network."""

    def _save_model(self):
        """Save a network."""

    def load_checkpoint(self):
        """The epoch to begin with."""
        return 0

    def training_complete(self):
        """Training is over."""

    def brief(self):
        """A summary, for ``Trainer.brief``."""

    def save_model_at_start(self):
        """Before the first epoch."""

    def save_model_at_end(self):
        """After the last epoch."""

    def epoch_loop_start(self, e):
        """An epoch begins."""

    def epoch_loop_end(self, e):
        """An epoch ends."""

    def save_checkpoint_at_epoch_end(self, e):
        """An epoch is over; save what is needed to go on from here."""

    def iter_loop_start(self, i, e):
        """A step begins."""

    def iter_loop_end(self, i, e):
        """A step ends."""

    def update_in_iteration(self, i, e):
        """One training step."""
        if self._loopCallbackCondition(i=i, e=e):
            self._updater.update(i, e)

    def evaluate_at_epoch_start(self, e):
        """Evaluate before an epoch."""
        if self._loopCallbackCondition(e=e):
            self._evaluator.evaluate(e)

    def evaluate_at_training_end(self):
        """Evaluate after training."""
        self._evaluator.evaluate(self._max_epoch)

    def _train_data_feeder(self, i, e, ag):
        """Write a batch for training."""

    def _solver_zero_grad(self, i, e):
        """Zero gradients."""
        if self._loopCallbackCondition(i=i, e=e):
            self._solver.zero_grad()

    def _loss_forward(self, i, e, ag):
        """Run the loss."""
        if self._loopCallbackCondition(i=i, e=e, ag=ag) and self._loss is not None:
            self._loss.forward(clear_no_need_grad=self._clear_no_need_grad)

    def _loss_backward(self, i, e, ag):
        """Run the loss backward."""
        if self._loopCallbackCondition(i=i, e=e, ag=ag) and self._loss is not None:
            self._loss.backward(clear_buffer=self._clear_buffer)

    def _comm_all_reduce(self, i, e):
        """Reduce ``self.grads`` over processes."""
        if self._loopCallbackCondition(i=i, e=e) and self._comm is not None:
            self._comm.all_reduce(self.grads, division=False, inplace=False)

    def _solver_update(self, i, e):
        """Update parameters."""
        if self._loopCallbackCondition(i=i, e=e) and self._solver is not None:
            self._solver.update()

    def _loss_forward_callback_on_start(self, i, e, ag):
        """Before the loss runs."""

    def _loss_forward_callback_on_finish(self, i, e, ag):
        """After the loss runs."""

    def _loss_backward_callback_on_start(self, i, e, ag):
        """Before the loss runs backward."""

    def _loss_backward_callback_on_finish(self, i, e, ag):
        """After the loss runs backward."""

    def _comm_all_reduce_callback_on_start(self, i, e):
        """Before gradients are reduced."""

    def _comm_all_reduce_callback_on_finish(self, i, e):
        """After gradients are reduced."""

    def _solver_update_callback_on_start(self, i, e):
        """Before parameters are updated."""

    def _solver_update_callback_on_finish(self, i, e):
        """After parameters are updated."""

    def _eval_callback_on_start(self, e):
        """Before an evaluation."""

    def _eval_data_feeder(self, e, vi):
        """Write a batch for evaluation."""

    def _eval_graph_forward(self, e, vi):
        """Run the network for evaluation."""

    def _eval_callback_on_finish(self, e):
        """After an evaluation."""
