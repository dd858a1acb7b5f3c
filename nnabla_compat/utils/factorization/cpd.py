"""CP decomposition: an array as a sum of outer products of vectors."""
import string

import numpy as np


class ALS:
    """CP decomposition by alternating least squares, a factor at a time."""

    def solve(self, X, rank, max_iter=500, stopping_criterion=1e-5, lambda_reg=0.0, dtype=np.float32, rng=None):
        r"""Decompose ``X``.

        .. math:: X_{ij\ldots} \approx \sum_{r} \lambda_r A_{ir} B_{jr} \cdots

        Args:
            X (numpy.ndarray): Array with at least two axes.
            rank (int): Number of outer products.
            max_iter (int): Most rounds over the factors.
            stopping_criterion (float): Stop when the share of the squared norm explained changes by
                less; negative: never early.
            lambda_reg (float): Weight of the factors' squared norm.
            dtype: Of the random first factors.
            rng (numpy.random.RandomState): Source of the first factors; ``RandomState(313)`` by default.

        Returns:
            tuple: list of the factors, one for each axis of ``X``, of shape (axis size, rank); and the
            weights, (rank,).
        """
        rng = np.random.RandomState(313) if rng is None else rng
        axes = range(X.ndim)
        factors = [None] + [np.array(rng.rand(X.shape[n], rank), dtype=dtype) for n in axes[1:]]
        letters = string.ascii_lowercase[:X.ndim]
        squared_norm = np.sum(X**2)
        explained = 0.0
        for iteration in range(max_iter):
            for n in axes:
                others = [m for m in axes if m != n]
                gram = np.ones((rank, rank))
                for m in others:
                    gram = gram * np.dot(factors[m].T, factors[m])
                # X, unfolded along n, times the Khatri-Rao product of the other factors.
                projected = np.einsum(f"{letters},{','.join(letters[m] + 'z' for m in others)}->{letters[n]}z",
                                      X.astype(np.float64), *[factors[m] for m in others], optimize=True)
                factor = projected.dot(np.linalg.pinv(gram + lambda_reg * np.eye(rank)))
                if iteration == 0:
                    weights = np.sqrt((factor**2).sum(axis=0))
                else:
                    weights = np.maximum(factor.max(axis=0), 1)
                factors[n] = factor / weights
            if stopping_criterion < 0:
                continue
            approximation = np.einsum(f"z,{','.join(letter + 'z' for letter in letters)}->{letters}", weights, *factors)
            residual = squared_norm + np.sum(approximation**2) - 2 * np.sum(X * approximation)
            before, explained = explained, 1.0 - residual / squared_norm
            if iteration > 0 and abs(before - explained) < stopping_criterion:
                break
        return factors, weights
