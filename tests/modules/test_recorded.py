"""Modules do what nnabla recorded, the documentation's ConvBn and ResUnit among them."""
import os
import pathlib

import numpy as np
import pytest
from parametric_functions.cases import unpack

import nnabla_compat as nn
import nnabla_compat.functions as F
import nnabla_compat.parametric_functions as PF
import nnabla_compat.solvers as S

from .scenarios import SCENARIOS

CORPUS = os.path.join(os.path.dirname(__file__), "..", "corpus", "modules", "recorded.npz")


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda s: s.__name__)
def test_scenario(scenario):
    expected = unpack(CORPUS)[scenario.__name__]
    record = scenario(nn, PF, F, S)
    assert list(record) == list(expected)
    for key, value in expected.items():
        if value.dtype.kind in "Ub":
            np.testing.assert_array_equal(record[key], value, err_msg=key)
        elif key.startswith("initial"):
            np.testing.assert_array_equal(record[key], value, err_msg=key)
        else:
            np.testing.assert_allclose(record[key], value, rtol=2e-5,
                                       atol=2e-5 * max(0.1, np.abs(value).max(initial=0)),
                                       err_msg=key)


def test_a_file_of_nnablas_module():
    """nnabla saved this Module's parameters, an input and the output it computed."""
    class Unit(nn.Module):
        def __init__(self, outmaps):
            self.outmaps = outmaps

        def call(self, x):
            h = PF.convolution(x, self.outmaps, (3, 3), (1, 1), with_bias=False)
            return F.relu(PF.batch_normalization(h, batch_stat=False))

    class Net(nn.Module):
        def __init__(self):
            self.u1, self.deep = Unit(3), Unit(4)

        def call(self, x):
            return PF.affine(self.deep(self.u1(x)), 2, name="fc")

    files = pathlib.Path(__file__).parent.parent / "parameters" / "files"
    values = np.load(files / "module.npz")
    net = Net()
    net.load_parameters(str(files / "module.h5"))
    x = nn.Variable.from_numpy_array(values["__x__"])
    y = net(x)
    y.forward()
    np.testing.assert_allclose(y.d, values["__y__"], rtol=1e-5, atol=1e-6)
    assert set(net.get_parameters()) == set(values.files) - {"__x__", "__y__"}
