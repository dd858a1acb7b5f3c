"""Networks as tables."""
import pytest

import nnabla_compat as nn
import nnabla_compat.functions as F
import nnabla_compat.parametric_functions as PF
from nnabla_compat.core.module import Module
from nnabla_compat.experimental.parametric_function_class.affine import Affine
from nnabla_compat.experimental.parametric_function_class.module import Module as ClassModule
from nnabla_compat.utils.summary import summary


class Block(Module):
    def call(self, x):
        return F.relu(PF.convolution(x, 8, (3, 3)))


class Net(Module):
    def __init__(self):
        self.block = Block()

    def call(self, x):
        h = self.block(x)
        return {"scores": PF.affine(F.mean(h, axis=(2, 3)), 10), "features": h}


class OfClasses(ClassModule):
    def __init__(self):
        self.first, self.second = Affine(5, 4), Affine(4, 3)

    def __call__(self, x):
        return self.second(self.first(x))


def test_table_of_a_graph():
    nn.clear_parameters()
    x = nn.Variable((2, 3, 8, 8))
    with nn.parameter_scope("block"):
        h = PF.batch_normalization(PF.convolution(x, 4, (3, 3), with_bias=False, name="conv"), name="bn")
    h = F.relu(h)
    y = PF.affine(h, 1000)
    assert str(summary(F.sum(y))) == """\
layer            type                output         parameters
--------------------------------------------------------------
                 input               2 x 3 x 8 x 8
block/conv/conv  Convolution         2 x 4 x 6 x 6         108
block/bn/bn      BatchNormalization  2 x 4 x 6 x 6          16
                 ReLU                2 x 4 x 6 x 6
affine           Affine              2 x 1000          145,000
                 Sum                 number
--------------------------------------------------------------
145,124 parameters, 145,116 of them trainable"""


def test_module_on_shapes_and_variables():
    for x in ((4, 3, 6, 6), nn.Variable((4, 3, 6, 6))):
        found = summary(Net(), x)
        assert [(layer.name, layer.type, layer.shapes) for layer in found.layers] == [
            ("", "input", [(4, 3, 6, 6)]), ("block/conv", "Convolution", [(4, 8, 4, 4)]), ("", "ReLU", [(4, 8, 4, 4)]),
            ("", "Mean", [(4, 8)]), ("affine", "Affine", [(4, 10)])]
        assert found.parameters == found.trainable == 8 * 3 * 9 + 8 + 8 * 10 + 10
    found = summary(OfClasses(), [2, 5])
    assert [(layer.name, layer.parameters) for layer in found.layers[1:]] == [("first", 24), ("second", 15)]


def test_shared_parameters_count_once():
    nn.clear_parameters()
    x = nn.Variable((2, 5))
    for _ in range(3):
        h = x = PF.affine(x, 5, name="same")
    found = summary([h, F.split(h, axis=1)[0]])
    assert [layer.parameters for layer in found.layers] == [0, 30, 0, 0, 0]
    assert found.layers[-1].shapes == [(2,)] * 5 and found.parameters == 30


def test_what_is_no_network_is_refused():
    with pytest.raises(TypeError, match="expected a Variable or a Module, received int"):
        summary(3)
    with pytest.raises(TypeError, match="inputs are for Modules"):
        summary(nn.Variable((1,)), (1, 2))
    assert [layer.type for layer in summary(nn.Variable((1,))).layers] == ["input"]
