"""Each test starts with an empty parameter registry and the same random numbers."""
import pytest
import torch

import nnabla_compat as nn


@pytest.fixture(autouse=True)
def fresh_registry():
    nn.clear_parameters()
    nn.seed(0)
    torch.manual_seed(0)
    yield
    nn.clear_parameters()
    nn.set_auto_forward(False)
