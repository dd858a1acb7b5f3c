"""CP decomposition: an array as a sum of outer products of vectors."""
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
        squared_norm = np.sum(X**2)
        explained = 0.0
        for iteration in range(max_iter):
            for n in axes:
                gram = self.hadamard_products_of_gramians(factors, n)
                others = [m for m in axes if m != n]
                projected = np.tensordot(X, self.khatrirao_products(factors, n),
                                         axes=(others, range(len(others))[::-1]))
                factor = projected.dot(np.linalg.pinv(gram + lambda_reg * np.eye(rank)))
                if iteration == 0:
                    weights = np.sqrt((factor**2).sum(axis=0))
                else:
                    weights = np.maximum(factor.max(axis=0), 1)
                factors[n] = factor / weights
            if stopping_criterion < 0:
                continue
            approximation = self.approximate_tensor(factors, weights)
            residual = squared_norm + np.sum(approximation**2) - 2 * np.sum(X * approximation)
            before, explained = explained, 1.0 - residual / squared_norm
            if iteration > 0 and abs(before - explained) < stopping_criterion:
                break
        return factors, weights

    def khatrirao_product(self, X, Y):
        """Column-wise outer products: (I, R) and (J, R) make (I, J, R)."""
        return X[:, None, :] * Y[None, :, :]

    def khatrirao_products(self, A, n, reverse=True):
        """:meth:`khatrirao_product` of all factors but the n-th, the last axis first with ``reverse``."""
        product = None
        for m in sorted((m for m in range(len(A)) if m != n), reverse=reverse):
            product = A[m].astype(np.float64) if product is None else product[..., None, :] * A[m]
        return product

    def hadamard_products_of_gramians(self, A, n):
        """Elementwise product of the Gram matrices of all factors but the n-th, (rank, rank)."""
        product = 1.0
        for m, factor in enumerate(A):
            if m != n:
                product = product * np.dot(factor.T, factor)
        return product

    def approximate_tensor(self, A, lmbda):
        """The array that factors and weights stand for."""
        letters = "abcdefghijklmnopqrstuvwxy"[:len(A)]
        return np.einsum(f"z,{','.join(letter + 'z' for letter in letters)}->{letters}", lmbda, *A)
