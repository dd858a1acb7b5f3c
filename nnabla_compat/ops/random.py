"""Operators that draw random numbers, and selection of the k largest.

On a CPU the streams are those of nnabla's generator, a 32-bit Mersenne twister: for one seed the
same numbers come out as there.
"""
import math

import numpy as np
import torch

from ..registry import Double, Shape, Tensor, operator
from .autograd import apply
from .draws.beta import betas
from .draws.binomial import binomials
from .draws.gamma import gammas
from .draws.stretch import unit_doubles
from .shapes import normalize_axis


def _dropout_shape(x, p=0.5, seed=-1):
    if not 0 <= p < 1:
        raise ValueError(f"expected p in [0, 1), received {p}")
    return x


@operator("Dropout", shape=_dropout_shape, backward_reads="")
def dropout(x: Tensor, p: Double = 0.5, seed: int = -1, *, rng):
    r"""Clear each element with probability ``p`` and scale the others so that the mean stays.

    .. math:: y_i = x_i m_i / (1 - p), \quad m_i \sim \mathrm{Bernoulli}(1 - p)

    Args:
        x: Array of any shape.
        p (float): Probability of clearing an element, in [0, 1).
        seed (int): Seed of a stream of the function's own; -1 draws from the common stream.

    Returns:
        Array shaped as ``x``. The gradient passes through the elements kept.

    Raises:
        ValueError: ``p`` is outside [0, 1).

    Source: Srivastava et al., Dropout: a simple way to prevent neural networks from overfitting, 2014.
    """
    kept = rng.keep_mask(x.shape, p, x.device).view(torch.uint8)    # of which torch makes numbers faster than of bool
    return x * kept.to(x.dtype).mul_(1 / (1 - p))


def _range_shape(low=0, high=1, shape=(), seed=-1):
    if high <= low:
        raise ValueError(f"expected high above low, received low={low} and high={high}")
    return shape


@operator("Rand", shape=_range_shape)
def rand(low: float = 0, high: float = 1, shape: Shape = [], seed: int = -1, *, rng):
    """Uniform random numbers in [low, high).

    Args:
        low (float): Lower bound, included.
        high (float): Upper bound, excluded.
        shape (tuple of int): Shape of the result.
        seed (int): Seed of a stream of the function's own; -1 draws from the common stream.

    Returns:
        Array of shape ``shape``.

    Raises:
        ValueError: ``high`` is not above ``low``.
    """
    y = rng.rand(shape)
    return y if low == 0 and high == 1 else y * (high - low) + low


def _randn_shape(mu=0, sigma=1, shape=(), seed=-1):
    if sigma == 0:
        raise ValueError(f"expected sigma other than 0, received {sigma}")
    return shape


@operator("Randn", shape=_randn_shape)
def randn(mu: float = 0, sigma: float = 1, shape: Shape = [], seed: int = -1, *, rng):
    r"""Normal random numbers of mean :math:`\mu` and standard deviation :math:`\sigma`.

    Args:
        mu (float): Mean.
        sigma (float): Standard deviation.
        shape (tuple of int): Shape of the result.
        seed (int): Seed of a stream of the function's own; -1 draws from the common stream.

    Returns:
        Array of shape ``shape``.
    """
    y = rng.randn(shape)
    return y if mu == 0 and sigma == 1 else y * sigma + mu


@operator("Randint", shape=_range_shape)
def randint(low: int = 0, high: int = 1, shape: Shape = [], seed: int = -1, *, rng):
    """Uniform random integers in [low, high).

    Args:
        low (int): Lower bound, included.
        high (int): Upper bound, excluded.
        shape (tuple of int): Shape of the result.
        seed (int): Seed of a stream of the function's own; -1 draws from the common stream.

    Returns:
        Array of int32 of shape ``shape``.

    Raises:
        ValueError: ``high`` is not above ``low``.
    """
    return rng.randint(low, high, shape).to(torch.int32)


def _rand_binomial_shape(n=1, p=0.5, shape=(), seed=-1):
    if n <= 0 or not 0 < p < 1:
        raise ValueError(f"expected n above 0 and p in (0, 1), received n={n} and p={p}")
    return shape


@operator("RandBinomial", shape=_rand_binomial_shape)
def rand_binomial(n: int = 1, p: float = 0.5, shape: Shape = [], seed: int = -1, *, rng):
    """Random counts of successes among ``n`` trials that succeed with probability ``p``.

    Args:
        n (int): Number of trials, positive.
        p (float): Probability of success, in (0, 1).
        shape (tuple of int): Shape of the result.
        seed (int): Seed of a stream of the function's own; -1 draws from the common stream.

    Returns:
        Array of shape ``shape``.

    Raises:
        ValueError: ``n`` or ``p`` is out of range.
    """
    single = float(np.float32(p))   # which nnabla takes the probability for
    return torch.from_numpy(binomials(rng, n, single, math.prod(shape)).reshape(shape))


def _rand_beta_shape(alpha=0.5, beta=0.5, shape=(), seed=-1):
    if alpha <= 0 or beta <= 0:
        raise ValueError(f"expected alpha and beta above 0, received alpha={alpha} and beta={beta}")
    return shape


@operator("RandBeta", shape=_rand_beta_shape)
def rand_beta(alpha: float = 0.5, beta: float = 0.5, shape: Shape = [], seed: int = -1, *, rng):
    """Random numbers in (0, 1) of the beta distribution.

    Args:
        alpha (float): First shape parameter, positive.
        beta (float): Second shape parameter, positive.
        shape (tuple of int): Shape of the result.
        seed (int): Seed of a stream of the function's own; -1 draws from the common stream.

    Returns:
        Array of shape ``shape``.

    Raises:
        ValueError: a parameter is not positive.
    """
    return torch.from_numpy(betas(rng, alpha, beta, math.prod(shape)).reshape(shape))


def _rand_gamma_shape(k=0.5, theta=1, shape=(), seed=-1):
    if k <= 0 or theta <= 0:
        raise ValueError(f"expected k and theta above 0, received k={k} and theta={theta}")
    return shape


@operator("RandGamma", shape=_rand_gamma_shape)
def rand_gamma(k: float = 0.5, theta: float = 1, shape: Shape = [], seed: int = -1, *, rng):
    """Random positive numbers of the gamma distribution.

    Args:
        k (float): Shape parameter, positive.
        theta (float): Scale parameter, positive.
        shape (tuple of int): Shape of the result.
        seed (int): Seed of a stream of the function's own; -1 draws from the common stream.

    Returns:
        Array of shape ``shape``.

    Raises:
        ValueError: a parameter is not positive.
    """
    return torch.from_numpy((gammas(rng, k, math.prod(shape)) * np.float32(theta)).reshape(shape))


def _random_choice_shape(x, w, shape=(), replace=True, seed=-1):
    if x != w or not x:
        raise ValueError(f"expected values and weights of the same shape with at least 1 axis, received {x} and {w}")
    count = math.prod(shape)
    if not replace and count > x[-1]:
        raise ValueError(f"expected at most {x[-1]} samples to be drawn without replacement, received shape {shape}")
    return x[:-1] + (shape or (1,))


@operator("RandomChoice", shape=_random_choice_shape, backward_reads="")
def random_choice(x: Tensor, w: Tensor, shape: Shape = [], replace: bool = True, seed: int = -1, *, rng):
    """Draw elements along the last axis of ``x`` with probabilities proportional to ``w``.

    Args:
        x: Values to draw from, of shape ``(..., N)``.
        w: Weights, none negative, shaped as ``x``.
        shape (tuple of int): Shape of the sample for each row.
        replace (bool): An element may be drawn more than once.
        seed (int): Seed of a stream of the function's own; -1 draws from the common stream.

    Returns:
        Array of shape ``(..., *shape)``. The gradient of an element drawn goes to its value and, as in
        nnabla, to its weight.

    Raises:
        ValueError: the shapes of ``x`` and ``w`` differ, or too many are drawn without replacement.
    """
    shape = shape or (1,)
    count, n = math.prod(shape), x.shape[-1]
    weights = w.detach().to("cpu", torch.float64).reshape(-1, n).numpy()
    if replace:
        uniform = unit_doubles(rng.words(2 * count * len(weights))).reshape(len(weights), count)
        sums = weights.cumsum(-1)
        at = np.stack([np.searchsorted(c, u * c[-1], side="right") for c, u in zip(sums, uniform)])
    else:
        at = np.stack([_choose_distinct(row, count, rng) for row in weights])
    at = torch.from_numpy(np.minimum(at, n - 1)).reshape(x.shape[:-1] + (count,)).to(x.device)
    y = x.gather(-1, at)
    if w.requires_grad:
        chosen = w.gather(-1, at)
        y = y + (chosen - chosen.detach())
    return y.reshape(x.shape[:-1] + shape)


def _choose_distinct(weights, count, rng):
    """``count`` different positions: draw, keep what is new, draw again for the rest."""
    weights, chosen = weights.copy(), []
    while len(chosen) < count:
        weights[chosen] = 0
        sums = weights.cumsum()
        new = np.searchsorted(sums, unit_doubles(rng.words(2 * (count - len(chosen)))) * sums[-1], side="right")
        chosen += dict.fromkeys(new.tolist())
    return np.array(chosen)


def _top_k_shape(x, k, base_axis, **_):
    base_axis = normalize_axis(base_axis, len(x))
    size = math.prod(x[base_axis:])
    if not 0 < k <= size:
        raise ValueError(f"expected k in [1, {size}], the elements of a sample, received {k}")
    return base_axis


def _top_k_data_shape(x, k, abs=False, reduce=True, base_axis=1, largest=True, with_index=False):
    y = x[:_top_k_shape(x, k, base_axis)] + (k,)
    if with_index and not reduce:
        raise ValueError("expected reduce=True with with_index=True, received reduce=False")
    return [y, y] if with_index else y if reduce else x


def _top_positions(x, k, largest):
    """Positions of the k largest (smallest) along the last axis, in order; of equal ones the first."""
    if x.is_cpu and not torch.compiler.is_compiling():
        # Several times faster than sorting, but in any order among equal ones: then it is of no use.
        found, at = torch.topk(x, min(k + 1, x.shape[-1]), dim=-1, largest=largest)
        if not (found[..., 1:] == found[..., :-1]).any():
            return at[..., :k]
    return torch.sort(x, dim=-1, descending=largest, stable=True)[1][..., :k]


def _rank(x, abs):
    return x.detach().abs() if abs else x.detach()


@operator("TopKData", shape=_top_k_data_shape, backward_reads=lambda args: "out" if args["with_index"] else "",
          min_outputs=lambda args: 1 + args["with_index"])
def top_k_data(x: Tensor, k: int, abs: bool = False, reduce: bool = True, base_axis: int = 1,
               largest: bool = True, with_index: bool = False):
    """Keep the ``k`` largest elements of each sample.

    Args:
        x: Array whose axes before ``base_axis`` count samples.
        k (int): Number of elements to keep.
        abs (bool): Compare absolute values; the values kept have their signs.
        reduce (bool): Give only the ``k`` elements, in order; otherwise ``x`` with the others cleared.
        base_axis (int): First axis of a sample.
        largest (bool): Keep the largest, else the smallest.
        with_index (bool): Give positions within the flattened sample too.

    Returns:
        Array of shape ``x.shape[:base_axis] + (k,)``, or of the shape of ``x`` without ``reduce``, and the
        positions (uint64) if asked for. With ``reduce`` the gradient goes to the
        elements kept, without it to all.

    Raises:
        ValueError: ``k`` or ``base_axis`` is out of range, or positions are asked for without ``reduce``.
    """
    flat = x.flatten(base_axis)
    at = _top_positions(_rank(flat, abs), k, largest)
    y = flat.gather(-1, at)
    if not reduce:
        # The whole gradient passes, to the elements cleared too.
        return torch.zeros_like(flat).scatter(-1, at, y.detach()).reshape(x.shape) + (x - x.detach())
    return (y, at.contiguous().view(torch.uint64)) if with_index else y


class _TopKGrad(torch.autograd.Function):
    @staticmethod
    def forward(x, k, abs, base_axis):
        return x.clone()

    @staticmethod
    def setup_context(ctx, inputs, output):
        _, ctx.k, ctx.abs, ctx.base_axis = inputs

    @staticmethod
    def backward(ctx, dy):
        flat = dy.flatten(ctx.base_axis)
        at = _top_positions(_rank(flat, ctx.abs), ctx.k, True)
        return torch.zeros_like(flat).scatter(-1, at, flat.gather(-1, at)).reshape(dy.shape), None, None, None


def _top_k_grad_shape(x, k, abs=False, base_axis=1):
    _top_k_shape(x, k, base_axis)
    return x


@operator("TopKGrad", shape=_top_k_grad_shape, backward_reads="")
def top_k_grad(x: Tensor, k: int, abs: bool = False, base_axis: int = 1):
    """Pass ``x`` on unchanged, but only the ``k`` largest elements of each sample's gradient back.

    Args:
        x: Array whose axes before ``base_axis`` count samples.
        k (int): Number of gradient elements to keep.
        abs (bool): Compare absolute values.
        base_axis (int): First axis of a sample.

    Returns:
        Array equal to ``x``.

    Raises:
        ValueError: ``k`` or ``base_axis`` is out of range.
    """
    return apply(_TopKGrad, x, k, abs, base_axis)
