"""Results of scenarios as JSON data."""
import numpy as np


def plain(value):
    """Numbers, strings, lists and dicts; arrays keep their dtype and shape beside the values."""
    if isinstance(value, np.ndarray):
        flat = value.astype(np.float64).ravel().tolist() if value.dtype != object else [str(v) for v in value.ravel()]
        return {"array": flat, "shape": list(value.shape), "dtype": str(value.dtype)}
    if isinstance(value, (np.generic,)):
        return value.item()
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise TypeError(f"a scenario returned {type(value).__name__}, which is no plain data")
