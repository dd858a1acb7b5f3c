"""Gradients of linear operators as functions of their own, which nnabla puts into gradient graphs.

``AffineDataGrad(ctx, base_axis)``, say, is a function of ``(dy, w)``: the gradient of ``affine`` with respect to its
data, whose shape is set first::

    data_grad = AffineDataGrad(nn.get_current_context(), 1)
    data_grad.xshape = x.shape
    dx = data_grad(dy, w)

``nn.grad`` makes none of them here; they are for scripts that do. All are differentiable to any order.
"""
from ..registry import find_operator
from .backward_functions import OperatorBackward
from .context import get_current_context
from .variable import Variable


class OperatorGradient:
    """The gradient of one operator as a function.

    Args:
        ctx (Context): Context to compute in. None: the current one.
        *args, **kwargs: Arguments of the operator, in its order.

    Raises:
        TypeError: More arguments than the operator has, or unknown ones.
    """

    operator = None
    # What nnabla's constructors accept and do not use.
    unused_arguments = ()

    def __init__(self, ctx=None, *args, **kwargs):
        self.ctx = get_current_context() if ctx is None else ctx
        names = [a.name for a in find_operator(self.operator).arguments] + list(self.unused_arguments)
        if len(args) > len(names) or not set(kwargs) <= set(names):
            raise TypeError(f"{self.name}: expected the arguments {names}, received {[*args, *kwargs]}")
        given = {**dict(zip(names, args)), **kwargs}
        self.args = {name: value for name, value in given.items() if name not in self.unused_arguments}

    @property
    def name(self):
        return type(self).__name__

    def _gradients(self, grads, inputs):
        return OperatorBackward(self.operator)(grads, inputs, **self.args)


class UnaryDataGrad(OperatorGradient):
    """Gradient of a linear operator of one input, ``f(dy)``. ``xshape``: shape of the input."""

    xshape = None

    def __call__(self, dy):
        return self._gradients([dy], [Variable(self.xshape)])[0]


class LinearDataGrad(OperatorGradient):
    """Gradient of an operator with respect to its data, ``f(dy, w)``. ``xshape``: shape of the data."""

    xshape = None

    def __call__(self, dy, w):
        return self._gradients([dy], [Variable(self.xshape), w])[0]


class LinearFilterGrad(OperatorGradient):
    """Gradient of an operator with respect to its weight, ``f(dy, x)``. ``wshape``: shape of the weight."""

    wshape = None

    def __call__(self, dy, x):
        return self._gradients([dy], [x, Variable(self.wshape)])[1]


class AffineDataGrad(LinearDataGrad):
    operator = "Affine"


class AffineFilterGrad(LinearFilterGrad):
    operator = "Affine"


class ConvolutionDataGrad(LinearDataGrad):
    operator = "Convolution"


class ConvolutionFilterGrad(LinearFilterGrad):
    operator = "Convolution"


class DeconvolutionDataGrad(LinearDataGrad):
    operator = "Deconvolution"


class DeconvolutionFilterGrad(LinearFilterGrad):
    operator = "Deconvolution"


class EmbedFilterGrad(LinearFilterGrad):
    operator = "Embed"
    unused_arguments = ("base_axis",)


class AveragePoolingDataGrad(UnaryDataGrad):
    operator = "AveragePooling"


class SumPoolingDataGrad(UnaryDataGrad):
    operator = "SumPooling"
    unused_arguments = ("including_pad",)


class GlobalAveragePoolingDataGrad(UnaryDataGrad):
    operator = "GlobalAveragePooling"


class InterpolateDataGrad(UnaryDataGrad):
    operator = "Interpolate"


class PadDataGrad(UnaryDataGrad):
    operator = "Pad"


class SliceDataGrad(UnaryDataGrad):
    operator = "Slice"


class TransposeDataGrad(UnaryDataGrad):
    operator = "Transpose"


class UnpoolingDataGrad(UnaryDataGrad):
    operator = "Unpooling"


class ConcatenateDataGrad(OperatorGradient):
    """Gradients of concatenate, ``f(dy)``, one for each input. ``xshapes``: shapes of the inputs."""

    operator = "Concatenate"
    xshapes = None

    def __call__(self, dy):
        return tuple(self._gradients([dy], [Variable(shape) for shape in self.xshapes]))


class MaxPoolingBackwardDataGrad(OperatorGradient):
    """Gradient of max_pooling_backward with respect to dy, ``f(dx, x)``. ``yshape``: shape of dy."""

    operator = "MaxPoolingBackward"
    yshape = None

    def __call__(self, dx, x):
        return self._gradients([dx], [Variable(self.yshape), x])[0]


class BatchNormalizationBackward(OperatorGradient):
    """Gradients of batch normalization, ``f(dy, x, beta, gamma, mean, variance)``: of x, beta and gamma.

    With ``no_bias`` there is no beta, with ``no_scale`` no gamma.
    """

    operator = "BatchNormalization"

    def __call__(self, dy, *inputs):
        found = self._gradients([dy], list(inputs))[:-2]     # the running statistics have none
        return tuple(found) if len(found) > 1 else found[0]


class FusedBatchNormalizationBackward(OperatorGradient):
    """Gradients of fused batch normalization, ``f(dy, x, beta, gamma, mean, variance, y[, z])``.

    Of x, beta and gamma, and of z, which is added before the nonlinearity, if ``is_add``.
    """

    operator = "FusedBatchNormalization"
    is_add = False

    def __call__(self, dy, x, beta, gamma, mean, variance, y, z=None):
        found = self._gradients([dy], [x, beta, gamma, mean, variance, *([z] if self.is_add else [])])
        return tuple(found[:3] + found[5:])


# The classes above that differentiate an operator.
CLASSES = [made for made in list(globals().values())
           if isinstance(made, type) and issubclass(made, OperatorGradient) and made.operator is not None]
