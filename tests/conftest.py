"""One thread for torch: the suite runs small arrays, in parallel worker processes. No test sees another's seed."""
import pathlib
import sys

import pytest
import torch

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def own_seed():
    """Give the generator of initial parameters, as a fresh process has it, to every test."""
    from nnabla_compat import random

    random.set_parameter_seed(313)
    yield
    random.set_parameter_seed(313)
