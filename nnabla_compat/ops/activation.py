"""Activation functions."""
import torch
import torch.nn.functional as F

from ..registry import Double, Tensor, operator
from .autograd import apply
from .shapes import along_axis, doubled_axis, normalize_axis, same_shape


def last_axis(arguments, x, *_):
    """The axis not given is the last one."""
    if arguments["axis"] is None:
        arguments["axis"] = len(x) - 1


# Rectifiers

@operator("ReLU", shape=same_shape, backward_reads="out", direct=lambda x, inplace: torch.relu)
def relu(x: Tensor, inplace: bool = False):
    r"""Rectified linear unit.

    .. math:: y = \max(0, x)

    The gradient at 0 is 0. NaN stays NaN, so that a diverged network shows.

    Args:
        x: Array of any shape.
        inplace (bool): Accepted for compatibility; nothing is overwritten.

    Returns:
        Array shaped as ``x``.

    Source: Nair and Hinton, Rectified linear units improve restricted Boltzmann machines, 2010.
    """
    return torch.relu(x)


@operator("LeakyReLU", shape=same_shape, backward_reads="out")
def leaky_relu(x: Tensor, alpha: float = 0.1, inplace: bool = False):
    r"""Rectifier that lets a fraction of the negative side through.

    .. math:: y = \begin{cases} x & x > 0 \\ \alpha x & x \le 0 \end{cases}

    Args:
        x: Array of any shape.
        alpha (float): Slope on the negative side, also the gradient at 0.
        inplace (bool): Accepted for compatibility; nothing is overwritten.

    Returns:
        Array shaped as ``x``.

    Source: Maas et al., Rectifier nonlinearities improve neural network acoustic models, 2013.
    """
    return F.leaky_relu(x, alpha)


def _prelu_shape(x0, x1, base_axis=1):
    channels = x0[normalize_axis(base_axis, len(x0))]
    if x1 != (channels,) and any(n != 1 for n in x1):
        raise ValueError(f"expected a slope of size 1 or of shape ({channels},), one for each position of axis "
                         f"{base_axis} of x0 {x0}, received shape {x1}")
    return x0


@operator("PReLU", shape=_prelu_shape, backward_reads={"x0": "x0 x1", "x1": "x0"})
def prelu(x0: Tensor, x1: Tensor, base_axis: int = 1):
    r"""Leaky rectifier whose negative slope is learnt, one for all or one for each channel.

    .. math:: y = \max(0, x_0) + x_1 \min(0, x_0)

    Args:
        x0: Array of any shape with at least ``base_axis`` + 1 axes.
        x1: Slopes: of size 1, or of shape (channels,).
        base_axis (int): The channel axis of ``x0``.

    Returns:
        Array shaped as ``x0``.

    Raises:
        ValueError: The slopes do not fit the channel axis.

    Source: He et al., Delving deep into rectifiers, 2015.
    """
    if x1.dim() != 1 or x1.shape[0] != 1:
        _prelu_shape(x0.shape, x1.shape, base_axis)
        if x1.numel() != 1:
            x1 = x1.reshape([-1 if i == base_axis % x0.dim() else 1 for i in range(x0.dim())])
            return torch.where(x0 < 0, x0 * x1, x0)
    return torch.where(x0 < 0, x0 * x1.reshape(()), x0)


@operator("ReLU6", shape=same_shape)
def relu6(x: Tensor):
    r"""Rectifier with a ceiling.

    .. math:: y = \min(\max(0, x), 6)

    The gradient at 0 and at 6 is 0.

    Args:
        x: Array of any shape.

    Returns:
        Array shaped as ``x``.

    Source: Krizhevsky, Convolutional deep belief networks on CIFAR-10, 2010.
    """
    return F.relu6(x)


class _CReLU(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(x, axis):
        return torch.cat((x, -x), axis).relu_()

    @staticmethod
    def setup_context(ctx, inputs, output):
        x, ctx.axis = inputs
        ctx.save_for_backward(x)

    @staticmethod
    def backward(ctx, grad):
        above = ctx.saved_tensors[0].detach().relu()
        positive, negative = grad.chunk(2, ctx.axis)
        return (torch.ops.aten.threshold_backward(positive, above, 0.0)
                - torch.ops.aten.hardtanh_backward(negative, above, -1.0, torch.finfo(above.dtype).tiny)), None


@operator("CReLU", shape=doubled_axis)
def crelu(x: Tensor, axis: int = 1):
    r"""Rectified positive and negative parts side by side.

    .. math:: y = [\max(0, x), \max(0, -x)]

    At 0 the negative part takes the gradient.

    Args:
        x: Array with at least ``axis`` + 1 axes.
        axis (int): Axis the two parts are joined along.

    Returns:
        Array shaped as ``x`` but twice as long along ``axis``.

    Raises:
        ValueError: ``x`` has no such axis.

    Source: Shang et al., Understanding and improving convolutional neural networks via concatenated
    rectified linear units, 2016.
    """
    return apply(_CReLU, x, axis)


# Exponential units

@operator("ELU", shape=same_shape)
def elu(x: Tensor, alpha: Double = 1.0):
    r"""Exponential linear unit.

    .. math:: y = \begin{cases} x & x \ge 0 \\ \alpha (e^x - 1) & x < 0 \end{cases}

    Args:
        x: Array of any shape.
        alpha (float): Depth of the negative side. The gradient at 0 is 1 whatever it is.

    Returns:
        Array shaped as ``x``.

    Source: Clevert et al., Fast and accurate deep network learning by exponential linear units, 2015.
    """
    if alpha == 1.0:
        return F.elu(x)
    # torch's gradient at 0 is alpha
    return torch.where(x < 0, alpha * torch.expm1(x.clamp(max=0)), x)


@operator("SELU", shape=same_shape)
def selu(x: Tensor, scale: Double = 1.05070098735548, alpha: Double = 1.673263242354377):
    r"""Self-normalizing exponential linear unit.

    .. math:: y = \lambda \begin{cases} x & x > 0 \\ \alpha (e^x - 1) & x \le 0 \end{cases}

    Args:
        x: Array of any shape.
        scale (float): :math:`\lambda`.
        alpha (float): :math:`\alpha`. The defaults keep mean 0 and variance 1 from layer to layer.

    Returns:
        Array shaped as ``x``.

    Source: Klambauer et al., Self-normalizing neural networks, 2017.
    """
    return F.elu(x, alpha) * scale


@operator("CELU", shape=doubled_axis)
def celu(x: Tensor, alpha: Double = 1.0, axis: int = 1):
    r"""Exponential linear units of x and of -x side by side.

    .. math:: y = [\mathrm{elu}(x), \mathrm{elu}(-x)]

    Not to be confused with the continuously differentiable ELU that torch calls celu.

    Args:
        x: Array with at least ``axis`` + 1 axes.
        alpha (float): Depth of the negative side of the unit.
        axis (int): Axis the two parts are joined along.

    Returns:
        Array shaped as ``x`` but twice as long along ``axis``.

    Raises:
        ValueError: ``x`` has no such axis.
    """
    return elu(torch.cat((x, -x), axis), alpha)


# Sigmoids

@operator("Sigmoid", shape=same_shape, backward_reads="out", direct=lambda x: torch.sigmoid)
def sigmoid(x: Tensor):
    r"""Logistic function.

    .. math:: y = \frac{1}{1 + e^{-x}}

    Args:
        x: Array of any shape.

    Returns:
        Array shaped as ``x``, in (0, 1).
    """
    return torch.sigmoid(x)


@operator("LogSigmoid", shape=same_shape)
def log_sigmoid(x: Tensor):
    r"""Logarithm of the logistic function, without overflow.

    .. math:: y = \log \frac{1}{1 + e^{-x}}

    Args:
        x: Array of any shape.

    Returns:
        Array shaped as ``x``, negative.
    """
    return F.logsigmoid(x)


def _beyond(end, x):
    """The next number of the dtype of ``x`` behind the ``end`` of a range: torch's gradient leaves its ends out."""
    return end * (1 + torch.finfo(x.dtype).eps)


class _HardSigmoid(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(x):
        return torch.rsub(x, 0.5, alpha=-0.2).clamp(0.0, 1.0)

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(inputs[0])

    @staticmethod
    def backward(ctx, grad):
        x, = ctx.saved_tensors
        return torch.ops.aten.hardtanh_backward(grad, x.detach(), -_beyond(2.5, x), _beyond(2.5, x)) * 0.2


@operator("HardSigmoid", shape=same_shape)
def hard_sigmoid(x: Tensor):
    r"""Logistic function in three straight pieces.

    .. math:: y = \min(\max(0.2 x + 0.5, 0), 1)

    The gradient is 0.2 where :math:`-2.5 \le x \le 2.5`, else 0.

    Args:
        x: Array of any shape.

    Returns:
        Array shaped as ``x``, in [0, 1].
    """
    return apply(_HardSigmoid, x)


@operator("Swish", shape=same_shape, backward_reads="x out")
def swish(x: Tensor):
    r"""Input times its logistic function.

    .. math:: y = \frac{x}{1 + e^{-x}}

    Args:
        x: Array of any shape.

    Returns:
        Array shaped as ``x``.

    Source: Ramachandran et al., Searching for activation functions, 2017.
    """
    return F.silu(x)


@operator("GELU", shape=same_shape, backward_reads="x out")
def gelu(x: Tensor):
    r"""Gaussian error linear unit, in its tanh approximation.

    .. math:: y = \frac{x}{2} \left(1 + \tanh\left(\sqrt{2/\pi}\,(x + 0.044715 x^3)\right)\right)

    Args:
        x: Array of any shape.

    Returns:
        Array shaped as ``x``.

    Source: Hendrycks and Gimpel, Gaussian error linear units, 2016.
    """
    return F.gelu(x, approximate="tanh")


@operator("Mish", shape=same_shape)
def mish(x: Tensor):
    r"""Input times the tanh of its softplus.

    .. math:: y = x \tanh(\log(1 + e^x))

    Args:
        x: Array of any shape.

    Returns:
        Array shaped as ``x``.

    Source: Misra, Mish: a self regularized non-monotonic neural activation function, 2019.
    """
    return F.mish(x)


@operator("SoftPlus", shape=same_shape)
def softplus(x: Tensor, beta: Double = 1.0):
    r"""Smooth rectifier.

    .. math:: y = \frac{1}{\beta} \log(1 + e^{\beta x})

    Args:
        x: Array of any shape.
        beta (float): Sharpness of the bend.

    Returns:
        Array shaped as ``x``.
    """
    return F.softplus(x, beta)


# Hyperbolic tangent and relatives

@operator("Tanh", shape=same_shape, backward_reads="out", direct=lambda x: torch.tanh)
def tanh(x: Tensor):
    r"""Hyperbolic tangent.

    .. math:: y = \tanh x

    Args:
        x: Array of any shape.

    Returns:
        Array shaped as ``x``, in (-1, 1).
    """
    return torch.tanh(x)


class _HardTanh(torch.autograd.Function):
    # Not clamp, whose gradient at the bounds depends on the release of torch.
    generate_vmap_rule = True

    @staticmethod
    def forward(x):
        return x.clamp(-1.0, 1.0)

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(inputs[0])

    @staticmethod
    def backward(ctx, grad):
        x, = ctx.saved_tensors
        return torch.ops.aten.hardtanh_backward(grad, x.detach(), -_beyond(1.0, x), _beyond(1.0, x))


@operator("HardTanh", shape=same_shape)
def hard_tanh(x: Tensor):
    r"""Hyperbolic tangent in three straight pieces.

    .. math:: y = \min(\max(x, -1), 1)

    Args:
        x: Array of any shape.

    Returns:
        Array shaped as ``x``, in [-1, 1].
    """
    return apply(_HardTanh, x)


@operator("TanhShrink", shape=same_shape)
def tanh_shrink(x: Tensor):
    r"""What tanh takes away.

    .. math:: y = x - \tanh x

    Args:
        x: Array of any shape.

    Returns:
        Array shaped as ``x``.
    """
    return F.tanhshrink(x)


class _SoftSign(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(x):
        return x / torch.abs(x).add_(1)

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(inputs[0])

    @staticmethod
    def backward(ctx, grad):
        x, = ctx.saved_tensors
        return grad / torch.abs(x).add_(1).square_()


@operator("SoftSign", shape=same_shape)
def softsign(x: Tensor):
    r"""Sign with a soft passage through 0.

    .. math:: y = \frac{x}{1 + |x|}

    Args:
        x: Array of any shape.

    Returns:
        Array shaped as ``x``, in (-1, 1).
    """
    return apply(_SoftSign, x)


@operator("Sinc", shape=same_shape)
def sinc(x: Tensor):
    r"""Unnormalized cardinal sine.

    .. math:: y = \begin{cases} \sin(x) / x & x \ne 0 \\ 1 & x = 0 \end{cases}

    Args:
        x: Array of any shape.

    Returns:
        Array shaped as ``x``.
    """
    zero = x == 0
    return torch.where(zero, 1.0, torch.sin(x) / torch.where(zero, 1.0, x))


# Distributions

@operator("Softmax", shape=along_axis, resolve=last_axis, backward_reads="out", half=False)
def softmax(x: Tensor, axis: int = None):
    r"""Exponentials that sum to 1 along an axis.

    .. math:: y_i = \frac{e^{x_i}}{\sum_j e^{x_j}}

    Args:
        x: Array with at least one axis.
        axis (int): Axis that is normalized; the last one by default.

    Returns:
        Array shaped as ``x``.

    Raises:
        ValueError: ``x`` has no such axis.
    """
    return torch.softmax(x, axis)


@operator("LogSoftmax", shape=along_axis, resolve=last_axis, backward_reads="out", half=False)
def log_softmax(x: Tensor, axis: int = None):
    r"""Logarithm of the softmax, without loss of precision.

    .. math:: y_i = x_i - \log \sum_j e^{x_j}

    Args:
        x: Array with at least one axis.
        axis (int): Axis that is normalized; the last one by default.

    Returns:
        Array shaped as ``x``.

    Raises:
        ValueError: ``x`` has no such axis.
    """
    return torch.log_softmax(x, axis)
