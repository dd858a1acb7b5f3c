"""Inputs that change their size after the graph was built."""
import numpy as np
import pytest

import nnabla_compat as nn
import nnabla_compat.functions as F


@pytest.mark.parametrize("function", [F.unlink, lambda x: F.reshape(x, (-1, 3))])
def test_new_shapes_leave_shared_values_alone(function, capsys):
    x = nn.Variable((2, 3))
    y = function(x)
    z = y + 1
    z.forward()
    x.reset_shape((4, 3), True)
    x.d = np.arange(12).reshape(4, 3)
    z.forward()
    for v, expected in ((x, np.arange(12)), (y, np.arange(12)), (z, np.arange(12) + 1)):
        np.testing.assert_array_equal(v.d.ravel(), expected)


def test_new_shapes_restart_a_stream_of_ones_own(capsys):
    x = nn.Variable.from_numpy_array(np.ones((2, 50), np.float32))
    y = F.dropout(x, 0.5, seed=5)
    y.forward()
    first = y.d.copy()
    x.reset_shape((4, 50), True)
    x.d = np.ones((4, 50))
    y.forward()
    np.testing.assert_array_equal(y.d[:2], first)
