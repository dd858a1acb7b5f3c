"""Comparisons for tests of nnabla code."""
import numpy as np


def assert_allclose(actual, desired, rtol=1e-5, atol=1e-6, equal_nan=True, err_msg="", verbose=True):
    """``numpy.testing.assert_allclose`` with the tolerances of ``numpy.allclose``, near enough for float32.

    Raises:
        AssertionError: ``|actual - desired| > atol + rtol |desired|`` somewhere, or the shapes differ.
    """
    np.testing.assert_allclose(actual, desired, rtol=rtol, atol=atol, equal_nan=equal_nan,
                               err_msg=err_msg, verbose=verbose)
