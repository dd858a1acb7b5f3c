"""Training in half precision with a loss scale that adapts."""

_MOST_RETRIES = 100


class DynamicLossScalingUpdater:
    """Training steps with a scaled loss, so that small gradients survive half precision.

    If a gradient overflows the scale is divided and the step done again; after ``N`` good steps it is multiplied::

        with nn.context_scope(get_extension_context("cudnn", type_config="half")):
            loss = network(x)
        updater = DynamicLossScalingUpdater(solver, loss, data_feeder=feed)
        for i in range(iterations):
            updater.update()

    Args:
        solver (Solver): The solver.
        loss (Variable): The loss.
        data_feeder (callable): Called without arguments before each forward, writes a batch.
        scale (float): First factor of the loss.
        scaling_factor (float): Factor between scales, more than 1.
        N (int): Good steps before a larger scale is tried.
        clear_buffer (bool): Free memory while computing.
        accum_grad (int): Batches per step.
        weight_decay (float): Weight decay before each update, if any.
        comm (Communicator): Reduces gradients over processes.
        grads (list of NdArray): The gradients to reduce.

    Attributes:
        scale (float): Factor of the loss now.
    """

    def __init__(self, solver, loss, data_feeder=lambda x: x, scale=8.0, scaling_factor=2.0, N=2000, clear_buffer=True,
                 accum_grad=1, weight_decay=None, comm=None, grads=[]):
        self.solver = solver
        self.loss = loss
        self.data_feeder = data_feeder
        self.scale = scale
        self.scaling_factor = scaling_factor
        self.N = N
        self.clear_buffer = clear_buffer
        self.accum_grad = accum_grad
        self.weight_decay = weight_decay
        self.comm = comm
        self.grads = grads
        self._counter = 0

    def update(self):
        """One training step: zero gradients, feed, forward, backward, and update of the parameters.

        After 100 overflows in a row the step is given up, with the parameters unchanged.
        """
        for _ in range(_MOST_RETRIES + 1):
            self._compute_gradients()
            if not self.solver.check_inf_or_nan_grad():
                break
            self.scale /= self.scaling_factor
            self._counter = 0
        else:
            return
        self.solver.scale_grad(1.0 / self.scale)
        if self.weight_decay is not None:
            self.solver.weight_decay(self.weight_decay)
        self.solver.update()
        if self._counter > self.N:
            self.scale *= self.scaling_factor
            self._counter = 0
        self._counter += 1

    def _compute_gradients(self):
        self.solver.zero_grad()
        for _ in range(self.accum_grad):
            self.data_feeder()
            self.loss.forward(clear_no_need_grad=self.clear_buffer)
            self.loss.backward(self.scale, clear_buffer=self.clear_buffer)
        if self.comm and len(self.grads) != 0:
            self.comm.all_reduce(self.grads, division=False, inplace=False)
