"""Initial values of parameters: nnabla's draws, bit for bit, for the same seed.

An initializer is called with a shape and returns a numpy array. Random ones draw from
``nnabla_compat.random.prng`` as it was when they were made, or from the generator they are given.
"""
import math

import numpy as np

from . import random


class BaseInitializer:
    """What initializers derive from; a subclass defines ``__call__(shape)``."""

    def __call__(self, shape):
        """The initial values.

        Args:
            shape (sequence of int): Shape of the array.

        Returns:
            numpy.ndarray
        """
        raise NotImplementedError(f"{type(self).__name__} must define __call__(self, shape)")

    def _describe(self, *values):
        return f"{type(self).__name__}({', '.join(str(v) for v in values)})"


class NormalInitializer(BaseInitializer):
    r"""Values from the normal distribution :math:`N(0, \sigma^2)`, float32.

    Args:
        sigma (float): Standard deviation.
        rng (numpy.random.RandomState): Generator; the process-wide one by default.
    """

    def __init__(self, sigma=1.0, rng=None):
        self.rng = random.prng if rng is None else rng
        self.sigma = sigma

    def __call__(self, shape):
        return np.float32(self.rng.randn(*shape) * self.sigma)

    def __repr__(self):
        return self._describe(self.sigma)


class UniformInitializer(BaseInitializer):
    """Values distributed evenly over an interval, float32.

    Args:
        lim (pair of float): The interval's ends.
        rng (numpy.random.RandomState): Generator; the process-wide one by default.
    """

    def __init__(self, lim=(-1, 1), rng=None):
        self.rng = random.prng if rng is None else rng
        self.lim = lim

    def __call__(self, shape):
        return np.float32(self.rng.uniform(self.lim[0], self.lim[1], size=shape))

    def __repr__(self):
        return self._describe(self.lim)


class UniformIntInitializer(BaseInitializer):
    """Integers distributed evenly over an interval, int64.

    Args:
        lim (pair of int): The least integer, and the one after the largest.
        rng (numpy.random.RandomState): Generator; the process-wide one by default.
    """

    def __init__(self, lim=(0, 10), rng=None):
        self.rng = random.prng if rng is None else rng
        self.lim = lim

    def __call__(self, shape):
        return self.rng.randint(self.lim[0], self.lim[1], size=shape)

    def __repr__(self):
        return self._describe(self.lim)


class RangeInitializer(BaseInitializer):
    """``start``, ``start + step``, ``start + 2 * step`` ... along the last axis, repeated over the others.

    Args:
        start (int): First value.
        step (int): Difference of neighbours.
    """

    def __init__(self, start=0, step=1):
        self.start, self.step = start, step

    def __call__(self, shape):
        return np.broadcast_to(self.start + np.arange(shape[-1]) * self.step, shape)

    def __repr__(self):
        return self._describe(self.start, self.step)


class ConstantInitializer(BaseInitializer):
    """One value everywhere, float32.

    Args:
        value (float): The value.
    """

    def __init__(self, value=0):
        self.value = value

    def __call__(self, shape):
        return np.float32(np.ones(shape) * self.value)

    def __repr__(self):
        return self._describe(self.value)


class OrthogonalInitializer(BaseInitializer):
    """A matrix with orthonormal rows or columns, times ``gain``; the axes after the first count as one. float32.

    Args:
        gain (float): Factor, to be chosen by the nonlinearity that follows.
        rng (numpy.random.RandomState): Generator; the process-wide one by default.

    Source: Saxe, McClelland and Ganguli, Exact solutions to the nonlinear dynamics of learning in deep linear
    neural networks, 2014.
    """

    def __init__(self, gain=1.0, rng=None):
        self.rng = random.prng if rng is None else rng
        self.gain = gain

    def __call__(self, shape):
        matrix_shape = (shape[0], math.prod(shape[1:]))
        rows, _, columns = np.linalg.svd(self.rng.normal(0.0, 1.0, matrix_shape), full_matrices=False)
        matrix = rows if rows.shape == matrix_shape else columns
        return np.float32(matrix.reshape(shape) * self.gain)

    def __repr__(self):
        return self._describe(self.gain)


class WeightNormalizationScaleInitializer(BaseInitializer):
    """The L2 norms of a weight's slices, so that weight normalization starts out as the identity. float32.

    Args:
        w (Variable): Weight to be normalized, with its initial values.
        dim (int): Axis that keeps its own norms.
        eps (float): Added to the squared norms.
    """

    def __init__(self, w, dim=0, eps=1e-12):
        self.w = w.get_unlinked_variable()
        self.dim, self.eps = dim, eps

    def __call__(self, shape):
        axes = tuple([a for a in range(self.w.ndim) if a != self.dim])
        return np.float32(np.sqrt(np.sum(self.w.d ** 2, axis=axes) + self.eps))

    def __repr__(self):
        return self._describe(self.w.shape, self.dim, self.eps)


def calc_normal_std_he_forward(inmaps, outmaps, kernel=(1, 1)):
    r"""He's standard deviation that keeps the size of activations, :math:`\sqrt{2 / (K N)}`.

    Args:
        inmaps (int): Number of input maps :math:`N`.
        outmaps (int): Number of output maps.
        kernel (tuple of int): Kernel shape, of :math:`K` elements; the default for affine.

    Returns:
        float

    Source: He et al., Delving Deep into Rectifiers, 2015.
    """
    return np.sqrt(2. / (np.prod(kernel) * inmaps))


def calc_normal_std_he_backward(inmaps, outmaps, kernel=(1, 1)):
    r"""He's standard deviation that keeps the size of gradients, :math:`\sqrt{2 / (K M)}`.

    Args:
        inmaps (int): Number of input maps.
        outmaps (int): Number of output maps :math:`M`.
        kernel (tuple of int): Kernel shape, of :math:`K` elements; the default for affine.

    Returns:
        float

    Source: He et al., Delving Deep into Rectifiers, 2015.
    """
    return np.sqrt(2. / (np.prod(kernel) * outmaps))


def calc_normal_std_glorot(inmaps, outmaps, kernel=(1, 1)):
    r"""Glorot's standard deviation, :math:`\sqrt{2 / (K (N + M))}`.

    Args:
        inmaps (int): Number of input maps :math:`N`.
        outmaps (int): Number of output maps :math:`M`.
        kernel (tuple of int): Kernel shape, of :math:`K` elements; the default for affine.

    Returns:
        float

    Source: Glorot and Bengio, Understanding the difficulty of training deep feedforward neural networks, 2010.
    """
    return np.sqrt(2. / (np.prod(kernel) * (inmaps + outmaps)))


def calc_uniform_lim_glorot(inmaps, outmaps, kernel=(1, 1)):
    r"""Ends of Glorot's interval, :math:`\pm\sqrt{6 / (K (N + M))}`.

    Args:
        inmaps (int): Number of input maps :math:`N`.
        outmaps (int): Number of output maps :math:`M`.
        kernel (tuple of int): Kernel shape, of :math:`K` elements; the default for affine.

    Returns:
        (float, float): To be handed to :class:`UniformInitializer`.

    Source: Glorot and Bengio, Understanding the difficulty of training deep feedforward neural networks, 2010.
    """
    limit = np.sqrt(6. / (np.prod(kernel) * (inmaps + outmaps)))
    return -limit, limit
