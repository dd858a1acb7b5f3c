"""Loss functions: one loss for each element or sample, to be averaged by the caller."""
import math

import torch
import torch.nn.functional as F

from ..registry import Index, Tensor, operator
from .autograd import apply
from .activation import last_axis
from .positions import wrapped
from .shapes import broadcast_pair, equal_shapes, normalize_axis, require_equal_axes, require_equal_shapes


# Regression

@operator("SquaredError", shape=broadcast_pair)
def squared_error(x0: Tensor, x1: Tensor):
    r"""Squared difference, element by element.

    .. math:: y = (x_0 - x_1)^2

    Args:
        x0: Array of any shape.
        x1: Array with as many axes as ``x0``; axes of length 1 are stretched, in either.

    Returns:
        Array of the broadcast shape.

    Raises:
        ValueError: The shapes do not match.
    """
    require_equal_axes(x0, x1)
    return torch.square(x0 - x1)


@operator("AbsoluteError", shape=broadcast_pair)
def absolute_error(x0: Tensor, x1: Tensor):
    r"""Distance, element by element.

    .. math:: y = |x_0 - x_1|

    Where the inputs are equal the gradient is -1 for ``x0`` and 1 for ``x1``.

    Args:
        x0: Array of any shape.
        x1: Array with as many axes as ``x0``; axes of length 1 are stretched, in either.

    Returns:
        Array of the broadcast shape.

    Raises:
        ValueError: The shapes do not match.
    """
    require_equal_axes(x0, x1)
    return F.leaky_relu(x0 - x1, -1.0)  # torch.abs has gradient 0 at 0


@operator("HuberLoss", shape=broadcast_pair)
def huber_loss(x0: Tensor, x1: Tensor, delta: float = 1.0):
    r"""Squared difference for small errors, linear for large ones.

    .. math::

        y = \begin{cases} d^2 & |d| < \delta \\ \delta (2 |d| - \delta) & |d| \ge \delta \end{cases}
        \quad \text{with } d = x_0 - x_1

    Args:
        x0: Array of any shape.
        x1: Array with as many axes as ``x0``; axes of length 1 are stretched, in either.
        delta (float): :math:`\delta`, where the line begins.

    Returns:
        Array of the broadcast shape.

    Raises:
        ValueError: The shapes do not match.

    Source: Huber, Robust estimation of a location parameter, 1964.
    """
    require_equal_axes(x0, x1)
    if delta > 0:
        return F.huber_loss(*torch.broadcast_tensors(x0, x1), reduction="none", delta=delta) * 2
    return delta * (2 * F.leaky_relu(x0 - x1, -1.0) - delta)  # torch takes no such delta


@operator("EpsilonInsensitiveLoss", shape=broadcast_pair)
def epsilon_insensitive_loss(x0: Tensor, x1: Tensor, epsilon: float):
    r"""Distance beyond a tolerance.

    .. math:: y = \max(|x_0 - x_1| - \epsilon, 0)

    Args:
        x0: Array of any shape.
        x1: Array with as many axes as ``x0``; axes of length 1 are stretched, in either.
        epsilon (float): The tolerance.

    Returns:
        Array of the broadcast shape.

    Raises:
        ValueError: The shapes do not match.

    Source: Vapnik, The nature of statistical learning theory, 1995.
    """
    require_equal_axes(x0, x1)
    return torch.relu((x0 - x1).abs() - epsilon)


# Binary classification

@operator("SigmoidCrossEntropy", shape=equal_shapes, backward_reads={"x": "x target"})
def sigmoid_cross_entropy(x: Tensor, target: Index):
    r"""Cross entropy of two classes, from the score of one of them.

    .. math:: y = -\left(t \ln \sigma(x) + (1 - t) \ln (1 - \sigma(x))\right)

    computed without overflow. For probabilities instead of scores, or targets between the classes,
    see :func:`binary_cross_entropy`.

    Args:
        x: Scores, array of any shape.
        target: Classes 0 or 1, shaped as ``x``; fractions are cut off. No gradient.

    Returns:
        Array shaped as ``x``.

    Raises:
        ValueError: The shapes differ.
    """
    require_equal_shapes(x, target)
    return F.binary_cross_entropy_with_logits(x, target.type_as(x), reduction="none")


class _BinaryCrossEntropy(torch.autograd.Function):
    # A function of its own because nnabla's gradient is 0 where x is 0 or 1 and the target agrees,
    # and not limited to x in [0, 1] as torch's is.
    generate_vmap_rule = True

    @staticmethod
    def forward(x, target):
        tiny = torch.finfo(x.dtype).tiny
        return -(target * x.clamp(min=tiny).log() + (1 - target) * (1 - x).clamp(min=tiny).log())

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, grad):
        x, target = ctx.saved_tensors
        tiny = torch.finfo(x.dtype).tiny
        dx = dt = None
        if ctx.needs_input_grad[0]:
            dx = grad * (x - target) / (x * (1 - x)).clamp(min=tiny)
        if ctx.needs_input_grad[1]:
            dt = grad * ((1 - x).clamp(min=tiny).log() - x.clamp(min=tiny).log())
        return dx, dt


@operator("BinaryCrossEntropy", shape=equal_shapes, backward_reads={"x": "x target", "target": "x"})
def binary_cross_entropy(x: Tensor, target: Tensor):
    r"""Cross entropy of two classes, from the probability of one of them.

    .. math:: y = -\left(t \ln x + (1 - t) \ln (1 - x)\right)

    The logarithms' arguments are kept from falling below the smallest positive number.

    Args:
        x: Probabilities in [0, 1], array of any shape.
        target: Probabilities wanted, shaped as ``x``.

    Returns:
        Array shaped as ``x``.

    Raises:
        ValueError: The shapes differ.
    """
    require_equal_shapes(x, target)
    return apply(_BinaryCrossEntropy, x, target)


# Classification

def label_shape(x, target, axis, **_):
    """Labels have the shape of the scores, but one entry along the class axis."""
    axis = normalize_axis(axis, len(x))
    expected = (*x[:axis], 1, *x[axis + 1:])
    if target != expected:
        raise ValueError(f"expected target of shape {expected} for x of shape {tuple(x)} with classes along axis "
                         f"{axis}, received shape {tuple(target)}")
    return expected


def _direct_cross_entropy(x, target, axis):
    if len(x) == 2 and axis in (1, -1):
        return _rows_cross_entropy


def _rows_cross_entropy(x, target):
    labels = target.clamp(min=-1).squeeze(1)
    return F.cross_entropy(x, labels, ignore_index=-1, reduction="none").unsqueeze(1)


@operator("SoftmaxCrossEntropy", shape=label_shape, resolve=last_axis, backward_reads={"x": "target"},
          direct=_direct_cross_entropy, half=False)
def softmax_cross_entropy(x: Tensor, target: Index, axis: int = None):
    r"""Cross entropy of exclusive classes, from their scores.

    .. math:: y = \ln \sum_j e^{x_j} - x_t

    Args:
        x: Scores, with the classes along ``axis``.
        target: Class labels from 0 on, shaped as ``x`` with length 1 along ``axis``. No gradient.
            A negative label makes loss and gradient 0.
        axis (int): Axis of the classes; the last one by default.

    Returns:
        Array shaped as ``target``.

    Raises:
        ValueError: The shapes do not match.
        IndexError: A label is not below the number of classes.
    """
    shape = label_shape(x.shape, target.shape, axis)
    axis %= x.dim()
    if axis == 1 == x.dim() - 1:
        return _rows_cross_entropy(x, target)
    before, classes, after = math.prod(shape[:axis]), x.shape[axis], math.prod(shape[axis + 1:])
    scores, labels = ((before, classes), (before,)) if after == 1 else ((before, classes, after), (before, after))
    y = F.cross_entropy(x.reshape(scores), target.clamp(min=-1).reshape(labels), ignore_index=-1, reduction="none")
    return y.reshape(shape)


class _NegativeLog(torch.autograd.Function):
    # The logarithm's argument is kept from falling below the smallest positive number, the gradient flows all the same.
    generate_vmap_rule = True

    @staticmethod
    def forward(p):
        return p.clamp(min=torch.finfo(p.dtype).tiny).log_().neg_()

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(inputs[0])

    @staticmethod
    def backward(ctx, grad):
        p, = ctx.saved_tensors
        return grad / p.clamp(min=torch.finfo(p.dtype).tiny).neg_()


@operator("CategoricalCrossEntropy", shape=label_shape, resolve=last_axis, backward_reads={"x": "x target"})
def categorical_cross_entropy(x: Tensor, target: Index, axis: int = None):
    r"""Cross entropy of exclusive classes, from their probabilities.

    .. math:: y = -\ln x_t

    The logarithm's argument is kept from falling below the smallest positive number, the gradient
    flows all the same.

    Args:
        x: Probabilities, with the classes along ``axis``.
        target: Class labels from 0 on, shaped as ``x`` with length 1 along ``axis``. No gradient.
            A negative label makes loss and gradient 0.
        axis (int): Axis of the classes; the last one by default.

    Returns:
        Array shaped as ``target``.

    Raises:
        ValueError: The shapes do not match.
        RuntimeError: A label is not below the number of classes.
    """
    label_shape(x.shape, target.shape, axis)
    if wrapped(target, x.shape[axis]) is target:    # no negative label
        return apply(_NegativeLog, x.gather(axis, target))
    return apply(_NegativeLog, x.gather(axis, target.clamp(min=0))).masked_fill(target < 0, 0)


# Distributions

def _log_ratio(p, q):
    guard = max(1e-8, torch.finfo(p.dtype).tiny)
    return (p + guard).log() - (q + guard).log()


class _KLDivergence(torch.autograd.Function):
    # nnabla's gradient takes no account of the guards: 1 + ln(p / q) and -p / q.
    generate_vmap_rule = True

    @staticmethod
    def forward(p, q):
        return p * _log_ratio(p, q)

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, grad):
        p, q = ctx.saved_tensors
        dp = dq = None
        if ctx.needs_input_grad[0]:
            dp = grad * (_log_ratio(p, q) + 1)
        if ctx.needs_input_grad[1]:
            dq = -grad * p / q.clamp(min=torch.finfo(q.dtype).tiny)
        return dp, dq


def _kl_shape(p, q, base_axis=1):
    return (*equal_shapes(p, q)[:normalize_axis(base_axis, len(p))], 1)


@operator("KLMultinomial", shape=_kl_shape)
def kl_multinomial(p: Tensor, q: Tensor, base_axis: int = 1):
    r"""Kullback-Leibler divergence of multinomial distributions.

    .. math:: D = \sum_i p_i \ln \frac{p_i}{q_i}

    Args:
        p: Probabilities, array of any shape.
        q: Probabilities, shaped as ``p``.
        base_axis (int): Axes before it are the samples, it and those behind are summed over.

    Returns:
        Array (samples..., 1).

    Raises:
        ValueError: The shapes differ, or there is no such axis.
    """
    shape = _kl_shape(p.shape, q.shape, base_axis)
    return apply(_KLDivergence, p, q).sum(tuple(range(len(shape) - 1, p.dim()))).unsqueeze(-1)
