"""Commands leave parameters, the default context and where progress goes behind: each test starts afresh."""
import pytest

import nnabla_compat as nn
from nnabla_compat.utils import progress


@pytest.fixture(autouse=True)
def clean():
    context = nn.get_current_context()
    nn.clear_parameters()
    yield
    nn.clear_parameters()
    nn.set_default_context(context)
    progress.state_file_name, progress.state_callback = "", None
