"""What a parameter file holds, whatever its format."""
from typing import NamedTuple

import numpy as np


class ParameterRecord(NamedTuple):
    """One parameter as stored in a file."""

    name: str
    values: np.ndarray
    need_grad: bool
