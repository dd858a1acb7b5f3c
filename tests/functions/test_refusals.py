"""Calls that the original refuses when a graph is built are refused as well where they compute at once."""
import pytest

import nnabla_compat as nn
from oracle import drive
from oracle.cases import CASES

from .modes import raised_as
from .test_operators import exists, reader


pytestmark = pytest.mark.filterwarnings("ignore:reduce is deprecated")


def refused():
    for function, cases in CASES.items():
        if not exists(function):
            continue
        entries = reader(function).entries
        for case in cases:
            stage, error = entries.get(case.key, {}).get("raises", (None, None))
            if stage == "build" and case.specs and not case.code:
                yield pytest.param(case, error, id=case.key[:120])


@pytest.mark.parametrize("case, error", list(refused()))
def test_refused_at_once(case, error):
    arrays = case.draw_inputs()
    with pytest.raises(Exception) as graph:
        drive.call(nn, case, drive.variables(nn, case, arrays))
    with pytest.raises(Exception) as dynamic, nn.auto_forward():
        drive.call(nn, case, drive.variables(nn, case, arrays))
    with pytest.raises(Exception) as array:
        drive.call(nn, case, [nn.NdArray.from_numpy_array(a) for a in arrays])
    for raised in (graph, dynamic, array):
        assert raised_as(raised.value, error), raised.value
