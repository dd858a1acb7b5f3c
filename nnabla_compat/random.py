"""The random generators: one for parameters (numpy), one for functions.

``prng`` is the generator that initializers draw from, and ``pseed`` its seed; seeding *rebinds* both, so
read them as attributes of this module (``random.prng``), never by ``from ... import prng``.
"""
import numpy as np

from .engine import randomness

pseed = 313
prng = np.random.RandomState(pseed)


def seed(seed_value, set_function_seed=True, set_parameter_seed=True):
    """Seed the generators of parameters and functions.

    Args:
        seed_value (int): Seed, from 0 to 2**32 - 1.
        set_function_seed (bool): Seed the random functions (dropout, rand, ...) that have no seed of their own.
        set_parameter_seed (bool): Seed the initial values of parameters.

    Raises:
        AssertionError: ``seed_value`` is not an int.
        ValueError: it is out of range.
    """
    seed_value = _checked(seed_value)
    if set_function_seed:
        randomness.set_function_seed(seed_value)
    if set_parameter_seed:
        _seed_parameters(seed_value)


def set_parameter_seed(seed_value):
    """Seed the initial values of parameters; raises as :func:`seed`.

    Args:
        seed_value (int): Seed, from 0 to 2**32 - 1.
    """
    _seed_parameters(_checked(seed_value))


def set_function_seed(seed_value):
    """Seed the random functions that have no seed of their own; raises as :func:`seed`.

    Args:
        seed_value (int): Seed, from 0 to 2**32 - 1.
    """
    randomness.set_function_seed(_checked(seed_value))


def _seed_parameters(seed_value):
    global prng, pseed
    prng = np.random.RandomState(seed_value)
    pseed = seed_value


def _checked(seed_value):
    assert isinstance(seed_value, int), f"seed: expected an int, received {type(seed_value).__name__}"
    if not 0 <= seed_value < 2 ** 32:
        raise ValueError(f"seed: expected a value from 0 to 2**32 - 1, received {seed_value}")
    return seed_value
