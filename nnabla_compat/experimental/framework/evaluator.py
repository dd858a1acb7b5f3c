"""Evaluation as a fixed order of calls."""


def listed(value):
    """A list as it is, anything else as the only element of one."""
    return value if isinstance(value, list) else [value]


class Evaluator:
    """Feeds and runs a network a number of times.

    Args:
        eval_data_feeder (callable): ``(epoch, iteration)``; writes a batch.
        eval_graph_forward (callable): ``(epoch, iteration)``; runs the network.
        eval_callback_on_start, eval_callback_on_finish (callable or list): ``(epoch)``; before and after all.
        val_iter (int): How many batches.
    """

    def __init__(self, eval_data_feeder, eval_graph_forward, eval_callback_on_start=lambda i: True,
                 eval_callback_on_finish=lambda i: True, val_iter=1):
        self.eval_data_feeder = eval_data_feeder
        self.eval_graph_forward = eval_graph_forward
        self.eval_callback_on_start = listed(eval_callback_on_start)
        self.eval_callback_on_finish = listed(eval_callback_on_finish)
        self.val_iter = val_iter

    def evaluate(self, e):
        """Evaluate in epoch ``e``."""
        for callback in self.eval_callback_on_start:
            callback(e)
        for iteration in range(self.val_iter):
            self.eval_data_feeder(e, iteration)
            self.eval_graph_forward(e, iteration)
        for callback in self.eval_callback_on_finish:
            callback(e)
