"""Classes of nnabla.backward_function: the gradient of an operator as a function, to any order."""
import importlib

import numpy as np
import pytest

import nnabla_compat as nn
import nnabla_compat.functions as F
import nnabla_compat.normalization_functions as N

WINDOWS = ((2, 2), (2, 2), True, (0, 0), False)
CONVOLUTION = (1, (1, 1), (2, 2), (1, 1), 2, False)
DECONVOLUTION = (1, (1, 1), (2, 2), (1, 1), 2, False, (0, 0))

# module, class, its arguments, the operator, shapes of its inputs, which gradients the class gives
CASES = [
    ("affine", "AffineDataGrad", (1,), lambda x, w, axis: F.affine(x, w, None, axis), [(4, 5), (5, 3)], [0]),
    ("affine", "AffineFilterGrad", (1,), lambda x, w, axis: F.affine(x, w, None, axis), [(4, 5), (5, 3)], [1]),
    ("convolution", "ConvolutionDataGrad", CONVOLUTION, lambda x, w, *a: F.convolution(x, w, None, *a),
     [(2, 4, 5, 5), (6, 2, 3, 3)], [0]),
    ("convolution", "ConvolutionFilterGrad", CONVOLUTION, lambda x, w, *a: F.convolution(x, w, None, *a),
     [(2, 4, 5, 5), (6, 2, 3, 3)], [1]),
    ("deconvolution", "DeconvolutionDataGrad", DECONVOLUTION, lambda x, w, *a: F.deconvolution(x, w, None, *a),
     [(2, 4, 3, 3), (4, 3, 3, 3)], [0]),
    ("deconvolution", "DeconvolutionFilterGrad", DECONVOLUTION, lambda x, w, *a: F.deconvolution(x, w, None, *a),
     [(2, 4, 3, 3), (4, 3, 3, 3)], [1]),
    ("average_pooling", "AveragePoolingDataGrad", (*WINDOWS, True), F.average_pooling, [(2, 3, 4, 4)], [0]),
    ("sum_pooling", "SumPoolingDataGrad", WINDOWS, F.sum_pooling, [(2, 3, 4, 4)], [0]),
    ("global_average_pooling", "GlobalAveragePoolingDataGrad", (), F.global_average_pooling, [(2, 3, 4, 4)], [0]),
    ("interpolate", "InterpolateDataGrad", ((8, 8), "linear"),
     lambda x, size, mode: F.interpolate(x, output_size=size, mode=mode, align_corners=True), [(2, 3, 4, 4)], [0]),
    ("pad", "PadDataGrad", ((1, 1, 2, 2), "constant", 0.0), F.pad, [(2, 3, 4, 4)], [0]),
    ("slice", "SliceDataGrad", ((0, 1), (2, 4), (1, 2)), F.slice, [(2, 5)], [0]),
    ("transpose", "TransposeDataGrad", ((1, 0),), F.transpose, [(2, 5)], [0]),
    ("unpooling", "UnpoolingDataGrad", ((2, 2),), F.unpooling, [(2, 3, 2, 2)], [0]),
    ("concatenate", "ConcatenateDataGrad", (1,), lambda x, y, axis: F.concatenate(x, y, axis=axis), [(2, 3), (2, 4)], [0, 1]),
    ("batch_normalization", "BatchNormalizationBackward", ((1,), 0.9, 1e-5, True), F.batch_normalization,
     [(4, 3, 2, 2), (1, 3, 1, 1), (1, 3, 1, 1), (1, 3, 1, 1), (1, 3, 1, 1)], [0, 1, 2]),
]


def _made(name, class_name, arguments, shapes, wanted):
    node = getattr(importlib.import_module(f"nnabla_compat.backward_function.{name}"), class_name)(
        nn.get_current_context(), *arguments)
    assert node.name == class_name
    if hasattr(node, "xshapes"):
        node.xshapes = shapes
    elif hasattr(node, "xshape"):
        node.xshape = shapes[0]
    elif hasattr(node, "wshape"):
        node.wshape = shapes[1]
    return node


@pytest.mark.parametrize("name, class_name, arguments, function, shapes, wanted", CASES, ids=[c[1] for c in CASES])
def test_equals_the_gradient_of_the_operator(name, class_name, arguments, function, shapes, wanted):
    rng = np.random.RandomState(3)
    inputs = [nn.Variable.from_numpy_array(rng.randn(*s)).apply(need_grad=True) for s in shapes]
    y = function(*inputs, *arguments)
    dy = nn.Variable.from_numpy_array(rng.randn(*y.shape)).apply(need_grad=True)
    takers = [inputs[i] for i in wanted]
    expected = nn.grad([y], takers, grad_outputs=[dy])

    node = _made(name, class_name, arguments, shapes, wanted)
    if len(shapes) == 2 and len(wanted) == 1:
        others = [inputs[1 - wanted[0]]]
    else:
        others = inputs if class_name == "BatchNormalizationBackward" else []
    found = node(dy, *others)
    found = list(found) if isinstance(found, tuple) else [found]

    # The same gradients, and the same gradients of a function of them, by backward and by nn.grad.
    leaves = [dy, *others[:3]]
    losses = [sum(F.sum(g ** 2) for g in grads) for grads in (expected, found)]
    seconds = [nn.grad([loss], leaves) for loss in losses]
    nn.forward_all([*expected, *found, *seconds[0], *seconds[1]])
    for a, b in zip([*expected, *seconds[0]], [*found, *seconds[1]]):
        np.testing.assert_allclose(b.d, a.d, rtol=1e-4, atol=1e-4)
    for v in leaves:
        v.g = 0
    losses[1].forward()
    losses[1].backward()
    for v, second in zip(leaves, seconds[0]):
        np.testing.assert_allclose(v.g, second.d, rtol=1e-4, atol=1e-4)


def test_max_pooling_gathers_what_its_gradient_scattered():
    from nnabla_compat.backward_function.max_pooling_backward import MaxPoolingBackwardDataGrad
    x = nn.Variable.from_numpy_array(np.random.RandomState(0).randn(2, 3, 4, 4))
    node = MaxPoolingBackwardDataGrad(None, *WINDOWS)
    node.yshape = (2, 3, 2, 2)
    with nn.auto_forward():
        np.testing.assert_array_equal(node(x, x).d, F.max_pooling(x, (2, 2)).d)


def test_bad_arguments():
    from nnabla_compat.backward_function.affine import AffineDataGrad
    with pytest.raises(TypeError, match="AffineDataGrad.*base_axis"):
        AffineDataGrad(None, 1, 2)
    with pytest.raises(TypeError, match="AffineDataGrad.*base_axis"):
        AffineDataGrad(None, axis=1)


def test_axes_left_over():
    assert N._get_axes_excluding(4, [0, -1]) == [1, 2]
    assert N._get_axes_excluding(3, 1) == [0, 2]
    assert N._force_list(2) == [2]


@pytest.mark.parametrize("dynamic", [False, True])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("function", [F.tanh, F.softmax])
def test_in_half_precision(function, dtype, dynamic):
    """What enters a function is converted, whatever it was; the gradient is that of backward()."""
    rng = np.random.RandomState(0)
    x = nn.Variable.from_numpy_array(rng.randn(2, 3).astype(dtype), need_grad=True)
    gradient = rng.randn(2, 3).astype(dtype)
    with nn.context_scope(nn.ext_utils.get_extension_context("cpu", type_config="half")), nn.auto_forward(dynamic):
        y = function(x)
        g, = nn.grad([y], [x], [gradient])
    if not dynamic:
        nn.forward_all([y, g])
    y.backward(gradient)
    assert g.data.dtype == np.float16 and np.any(x.g != 0)
    np.testing.assert_allclose(g.d, x.g, atol=1e-3)
