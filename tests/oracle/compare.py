"""Comparing arrays with their recorded references."""
import numpy as np

TOLERANCE = 1e-5  # float32 rounding of a handful of operations


FLOOR = 1e-2


def relative_error(actual, expected, floor=FLOOR):
    """Largest difference relative to the reference's largest magnitude and to each element.

    A result is within tolerance ``t`` when ``|a - e| <= t * max|e| + t * |e|`` everywhere. Arrays
    of tiny numbers are measured against ``floor``: their noise is that of what they were computed from.
    """
    e, a = expected.astype(np.float64), actual.astype(np.float64)
    if not e.size:
        return 0.0
    finite = np.isfinite(e)
    if not np.array_equal(np.isnan(a), np.isnan(e)) or not np.array_equal(a[~finite & ~np.isnan(e)], e[~finite & ~np.isnan(e)]):
        return np.inf
    if not finite.any():
        return 0.0
    a, e = a[finite], e[finite]
    return float(np.max(np.abs(a - e) / (max(np.abs(e).max(), floor) + np.abs(e))))


def difference(actual, expected, tolerance=TOLERANCE, floor=FLOOR):
    """What differs, in words; None when the arrays agree in dtype, shape and values."""
    if actual.shape != expected.shape:
        return f"shape {actual.shape}, expected {expected.shape}"
    if actual.dtype != expected.dtype:
        return f"dtype {actual.dtype}, expected {expected.dtype}"
    if expected.dtype.kind != "f":
        return None if np.array_equal(actual, expected) else f"values {brief(actual)}, expected {brief(expected)}"
    error = relative_error(actual, expected, floor)
    if error <= tolerance:
        return None
    return f"relative error {error:.2g} (tolerance {tolerance:g}): {brief(actual)}, expected {brief(expected)}"


def brief(array, count=6):
    flat = array.ravel()
    text = ", ".join(f"{v:.7g}" if flat.dtype.kind == "f" else str(v) for v in flat[:count])
    return f"[{text}{', ...' if flat.size > count else ''}]"
