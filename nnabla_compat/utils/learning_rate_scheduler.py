"""Learning rates as functions of the iteration, for ``solver.set_learning_rate``."""
import math


class BaseLearningRateScheduler:
    """What schedulers derive from; a subclass defines ``get_learning_rate(iter)``."""

    def get_learning_rate(self, iter):
        """The learning rate of iteration ``iter``, counted from 0."""
        raise NotImplementedError(f"{type(self).__name__} must define get_learning_rate(self, iter)")


class PolynomialScheduler(BaseLearningRateScheduler):
    r"""Polynomial decay, :math:`\eta_0 (1 - i / I)^p`.

    Args:
        init_lr (float): Initial learning rate :math:`\eta_0`.
        max_iter (int): Iteration :math:`I` at which the rate is 0.
        power (float): Exponent :math:`p`.
    """

    def __init__(self, init_lr, max_iter, power):
        self.init_lr, self.max_iter, self.power = init_lr, max_iter, power

    def get_learning_rate(self, iter):
        """The learning rate of iteration ``iter``, counted from 0."""
        return self.init_lr * (1.0 - iter / self.max_iter) ** self.power


class CosineScheduler(BaseLearningRateScheduler):
    r"""Cosine decay, :math:`\eta_0 (1 + \cos(\pi i / I)) / 2`.

    Args:
        init_lr (float): Initial learning rate :math:`\eta_0`.
        max_iter (int): Iteration :math:`I` at which the rate is 0.

    Source: Loshchilov and Hutter, SGDR: Stochastic Gradient Descent with Warm Restarts, 2017.
    """

    def __init__(self, init_lr, max_iter):
        self.init_lr, self.max_iter = init_lr, max_iter

    def get_learning_rate(self, iter):
        """The learning rate of iteration ``iter``, counted from 0."""
        return self.init_lr * ((math.cos(iter / self.max_iter * math.pi) + 1.0) * 0.5)


class ExponentialScheduler(BaseLearningRateScheduler):
    r"""Exponential decay, :math:`\eta_0 \gamma^{\lfloor i / n \rfloor}`.

    Args:
        init_lr (float): Initial learning rate :math:`\eta_0`.
        gamma (float): Factor :math:`\gamma`.
        iter_interval (int): Iterations :math:`n` between two changes.
    """

    def __init__(self, init_lr, gamma, iter_interval=1):
        self.init_lr, self.gamma, self.iter_interval = init_lr, gamma, iter_interval

    def get_learning_rate(self, iter):
        """The learning rate of iteration ``iter``, counted from 0."""
        return self.init_lr * self.gamma ** (iter // self.iter_interval)


class StepScheduler(BaseLearningRateScheduler):
    """The rate is multiplied with ``gamma`` at each of the given iterations.

    Args:
        init_lr (float): Initial learning rate.
        gamma (float): Factor.
        iter_steps (sequence of int): First iterations with the factor once more.
    """

    def __init__(self, init_lr, gamma, iter_steps):
        self.init_lr, self.gamma, self.iter_steps = init_lr, gamma, iter_steps

    def get_learning_rate(self, iter):
        """The learning rate of iteration ``iter``, counted from 0."""
        rate = self.init_lr
        for first in self.iter_steps:
            if iter >= first:
                rate *= self.gamma
        return rate


class LinearWarmupScheduler(BaseLearningRateScheduler):
    """Another scheduler's rates, rising linearly to their full size at first.

    Args:
        scheduler (BaseLearningRateScheduler): Gives the full rates.
        warmup_iter (int): Number of iterations with smaller rates.

    Source: Goyal et al., Accurate, Large Minibatch SGD, 2017.
    """

    def __init__(self, scheduler, warmup_iter):
        self.scheduler, self.warmup_iter = scheduler, warmup_iter

    def get_learning_rate(self, iter):
        """The learning rate of iteration ``iter``, counted from 0."""
        rate = self.scheduler.get_learning_rate(iter)
        if iter < self.warmup_iter:
            rate *= (iter + 1) / self.warmup_iter
        return rate
