"""What the programs share: the list of them, a clean start, and short forms of their results."""
import math
import zlib

import numpy as np

PROGRAMS = {}


TOLERANCE = {}


def program(f=None, rtol=2e-4):
    """Enter a program, a function that takes nothing and returns plain data, under its name."""
    if f is None:
        return lambda f: program(f, rtol)
    if f.__name__ in PROGRAMS:
        raise ValueError(f"two programs are called {f.__name__}")
    PROGRAMS[f.__name__], TOLERANCE[f.__name__] = f, rtol
    return f


def fresh(nn):
    """The state a new process starts with."""
    nn.clear_parameters()
    nn.seed(313)
    nn.set_auto_forward(False)
    np.random.seed(0)


def bits(array):
    """Shape, dtype and a checksum of an array that has to be equal to the last bit."""
    array = np.ascontiguousarray(array)
    return [list(array.shape), str(array.dtype), zlib.crc32(array.tobytes())]


def brief(array):
    """Shape, dtype, mean, root mean square and both ends of an array that has to be nearly equal."""
    array = np.asarray(array)
    flat = array.astype(np.float64).ravel()
    if not flat.size:
        return [list(array.shape), str(array.dtype)]
    return [list(array.shape), str(array.dtype)] + [
        float(v) for v in (flat.mean(), math.sqrt((flat ** 2).mean()), flat[0], flat[-1])]


def initial(params):
    """Names in their order, shapes, flags and bits of parameters."""
    return [[name, v.need_grad] + bits(v.d) for name, v in params.items()]


def values(params):
    return {name: brief(v.d) for name, v in params.items()}


def gradients(params):
    return {name: brief(v.g) for name, v in params.items()}


def differences(expected, got, rtol, atol, path="result"):
    """Where two results differ: numbers beyond the tolerance, everything else at all."""
    if isinstance(expected, float) or isinstance(got, float):
        if not (isinstance(expected, (int, float)) and isinstance(got, (int, float))):
            return [f"{path}: expected {expected!r}, got {got!r}"]
        if expected == got or (math.isnan(expected) and math.isnan(got)):
            return []
        return [] if abs(expected - got) <= atol + rtol * abs(expected) else [f"{path}: expected {expected}, got {got}"]
    if type(expected) is not type(got):
        return [f"{path}: expected {expected!r}, got {got!r}"]
    if isinstance(expected, dict):
        if list(expected) != list(got):
            return [f"{path}: expected keys {list(expected)}, got {list(got)}"]
        return [d for k in expected for d in differences(expected[k], got[k], rtol, atol, f"{path}.{k}")]
    if isinstance(expected, list):
        if len(expected) != len(got):
            return [f"{path}: expected {expected}, got {got}"]
        return [d for i, (e, g) in enumerate(zip(expected, got)) for d in differences(e, g, rtol, atol, f"{path}[{i}]")]
    return [] if expected == got else [f"{path}: expected {expected!r}, got {got!r}"]
