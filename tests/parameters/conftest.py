import pytest

import nnabla_compat as nn
from nnabla_compat import parameter


@pytest.fixture(autouse=True)
def clean_registry():
    """Each test starts and ends with an empty registry and no scope entered."""
    nn.clear_parameters()
    yield
    assert parameter.current_scope is parameter.root_scope
    nn.clear_parameters()
