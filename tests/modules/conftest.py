import pytest

import nnabla_compat as nn
from nnabla_compat import parameter
from nnabla_compat.core import module


@pytest.fixture(autouse=True)
def clean_state():
    """Each test starts with nnabla's initial values and ends outside every Module and scope."""
    nn.clear_parameters()
    nn.seed(99)
    yield
    assert parameter.current_scope is parameter.root_scope and module._frame is None
    nn.clear_parameters()
