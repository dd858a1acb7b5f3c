"""Layers as classes (nnabla.experimental.parametric_function_class)."""
import numpy as np
import pytest

import nnabla_compat as nn
import nnabla_compat.functions as F
import nnabla_compat.parametric_functions as PF
from nnabla_compat.experimental.parametric_function_class.affine import Affine, Linear
from nnabla_compat.experimental.parametric_function_class.batch_normalization import (
    BatchNorm1d,
    BatchNorm2d,
    BatchNorm3d,
    BatchNormalization,
)
from nnabla_compat.experimental.parametric_function_class.convolution import Conv2d, Convolution
from nnabla_compat.experimental.parametric_function_class.deconvolution import Deconv2d
from nnabla_compat.experimental.parametric_function_class.embed import Embed
from nnabla_compat.experimental.parametric_function_class.module import Module


class Net(Module):
    def __init__(self):
        self.conv = Conv2d(3, 4, (3, 3), with_bias=False)
        self.bn = BatchNorm2d(4)
        self.fc = Affine(64, (2, 5))
        self.again = self.fc

    def __call__(self, x, test=False):
        return self.fc(F.relu(self.bn(self.conv(x), test)))


def image():
    return nn.Variable.from_numpy_array(np.random.RandomState(0).randn(2, 3, 6, 6).astype(np.float32))


def test_names_values_and_files(tmp_path):
    net = Net()
    assert list(net.get_parameters()) == ["conv/W", "bn/beta", "bn/gamma", "fc/W", "fc/b"]
    assert list(net.get_parameters(grad_only=False)) == ["conv/W", "bn/beta", "bn/gamma", "bn/mean", "bn/var", "fc/W",
                                                         "fc/b"]
    y = net(image())
    y.forward()
    nn.seed(99)
    h = F.relu(PF.batch_normalization(PF.convolution(image(), 4, (3, 3), with_bias=False)))
    z = PF.affine(h, 10)
    z.forward()
    np.testing.assert_array_equal(y.d, z.d)
    nn.clear_parameters()

    path = str(tmp_path / "p.h5")
    net.save_parameters(path)
    other = Net()
    conv = other.conv.W
    other.load_parameters(path)
    assert nn.get_parameters(grad_only=False) == {} and other.conv.W is conv
    for name, p in net.get_parameters(grad_only=False).items():
        np.testing.assert_array_equal(other.get_parameters(grad_only=False)[name].d, p.d)
    single = Affine(3, 2)
    single.save_parameters(path)
    Linear(3, 2).load_parameters(path)
    with pytest.raises(ValueError, match="conv/W"):
        net.load_parameters(path)


def test_the_other_layers():
    assert Deconv2d(3, 5, (3, 3))(image()).shape == (2, 5, 8, 8)
    assert Embed(7, 3)(nn.Variable((4,))).shape == (4, 3)
    assert BatchNorm1d(3)(nn.Variable((2, 3, 4))).shape == (2, 3, 4)
    assert BatchNorm3d(3)(nn.Variable((2, 3, 4, 4, 4)), test=True).shape == (2, 3, 4, 4, 4)
    assert list(Convolution(3, 2, (1, 1), fix_parameters=True).get_parameters()) == []
    with pytest.raises(AssertionError):
        BatchNormalization(3, 4, axes=[1, 2])
