"""Every test starts and ends without parameters, and with the default context."""
import pytest

import nnabla_compat as nn
from nnabla_compat.core import graph_def


@pytest.fixture(autouse=True)
def clean():
    context = nn.get_current_context()
    nn.clear_parameters()
    graph_def.reset_default_graph()
    yield
    nn.clear_parameters()
    nn.set_default_context(context)
