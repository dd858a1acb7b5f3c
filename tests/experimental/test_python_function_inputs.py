"""PythonFunctions that keep statistics in an input, as recorders of ranges do, or read labels from one."""
import numpy as np
import pytest

import nnabla_compat as nn
import nnabla_compat.functions as F


class Recorder(nn.function.PythonFunction):
    def __init__(self, write):
        super().__init__()
        self.write = write

    name = "Recorder"

    def min_outputs(self):
        return 1

    def setup_impl(self, inputs, outputs):
        outputs[0].reset_shape(inputs[0].shape, True)

    def forward_impl(self, inputs, outputs):
        x, high = inputs[0].data, inputs[1].data
        outputs[0].data.copy_from(x)
        self.write(x, high)

    def backward_impl(self, inputs, outputs, propagate_down, accum):
        if propagate_down[0]:
            inputs[0].g = outputs[0].g


WRITES = {
    "outputs=": lambda x, high: F.maximum2(high, F.max(x, keepdims=True), outputs=[high]),
    "copy_from": lambda x, high: high.copy_from(F.max(x, keepdims=True)),
    "numpy": lambda x, high: high.data.__setitem__(..., x.data.max()),
    "scalar": lambda x, high: setattr(high, "data", float(x.data.max())),
}


@pytest.mark.parametrize("auto", [False, True])
@pytest.mark.parametrize("write", WRITES)
def test_writing_into_an_input(write, auto):
    nn.clear_parameters()
    x = nn.Variable.from_numpy_array(np.float32([[1, 5, 3]]), need_grad=True)
    high = nn.parameter.get_parameter_or_create("high", (1, 1), np.zeros((1, 1), np.float32))
    with nn.auto_forward(auto):
        y = F.sum(Recorder(WRITES[write])(x, high) * 2)
        if not auto:
            y.forward()
    assert high.d.item() == 5 == nn.parameter.get_parameter("high").d.item()
    y.backward()
    assert x.g.tolist() == [[2, 2, 2]]


class PickedLogit(nn.function.PythonFunction):
    name = "PickedLogit"

    def min_outputs(self):
        return 1

    def setup_impl(self, inputs, outputs):
        outputs[0].reset_shape(inputs[1].shape, True)

    def forward_impl(self, inputs, outputs):
        logits, self.labels = inputs[0].d, inputs[1].d
        outputs[0].d = logits[np.arange(len(logits)), self.labels]

    def backward_impl(self, inputs, outputs, propagate_down, accum):
        assert propagate_down == [True, False]
        inputs[0].g[np.arange(len(self.labels)), self.labels] = outputs[0].g


@pytest.mark.parametrize("auto", [False, True])
@pytest.mark.parametrize("dtype", [np.int64, np.int32, np.uint8])
def test_integer_inputs_stay_integers(dtype, auto):
    x = nn.Variable.from_numpy_array(np.arange(6, dtype=np.float32).reshape(2, 3), need_grad=True)
    labels = nn.Variable((2,))
    labels.d = np.array([2, 0], dtype)
    with nn.auto_forward(auto):
        h = x * 2
        y = PickedLogit()(h, labels)
        if not auto:
            y.forward(clear_no_need_grad=True)
    y.backward(np.float32([1, 3]), clear_buffer=True)
    assert y.d.tolist() == [4, 6] and labels.d.dtype == dtype
    assert x.g.tolist() == [[0, 0, 2], [6, 0, 0]]
