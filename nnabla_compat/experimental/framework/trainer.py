"""The loops of a training program."""


class Trainer:
    """Runs epochs and iterations; what happens in each place is up to the worker.

    Args:
        worker (Worker): The worker.
    """

    def __init__(self, worker):
        self.worker = worker
        self.start_epoch = 0

    def train(self):
        """Train from the epoch that ``worker.load_checkpoint`` returns, for ``worker.max_epoch()`` epochs."""
        worker = self.worker
        self.start_epoch = worker.load_checkpoint()
        worker.training_prepare()
        worker.save_model_at_start()
        for e in range(self.start_epoch, self.start_epoch + worker.max_epoch()):
            worker.epoch_loop_start(e)
            worker.evaluate_at_epoch_start(e)
            for i in range(worker.iter_per_epoch()):
                worker.iter_loop_start(i, e)
                worker.update_in_iteration(i, e)
                worker.iter_loop_end(i, e)
            worker.epoch_loop_end(e)
            worker.save_checkpoint_at_epoch_end(e)
        worker.evaluate_at_training_end()
        worker.save_model_at_end()
        worker.training_complete()

    def brief(self):
        """What ``worker.brief`` tells."""
        return self.worker.brief()
