"""Two small Modules that nnabla ships as examples and tests."""
from .. import functions as F
from .. import parametric_functions as PF
from .module import Module


def complete_dims(s, dims):
    """``s`` once per spatial axis: a number is repeated ``dims`` times, a sequence must have that length."""
    if not hasattr(s, "__iter__"):
        return (s,) * dims
    if len(s) != dims:
        raise ValueError(f"complete_dims: expected a number or {dims} numbers, received {s}.")
    return s


def get_conv_same_pad(k):
    """Padding that keeps the size for odd kernels ``k`` at stride 1."""
    return tuple(kernel // 2 for kernel in k)


class ConvBn(Module):
    """A convolution without bias, a batch normalization and an optional activation."""

    def __init__(self, outmaps, kernel=1, stride=1, act=None):
        self.outmaps, self.kernel, self.stride, self.act = outmaps, kernel, stride, act

    def call(self, x, training=True):
        kernel, stride = complete_dims(self.kernel, 2), complete_dims(self.stride, 2)
        h = PF.convolution(x, self.outmaps, kernel, get_conv_same_pad(kernel), stride, with_bias=False)
        h = PF.batch_normalization(h, batch_stat=training)
        return h if self.act is None else self.act(h)


class ResUnit(Module):
    """A bottleneck residual unit: convolutions of 1x1, 3x3 and 1x1, and a skip path."""

    def __init__(self, channels, stride=1, skip_by_conv=True):
        self.conv1 = ConvBn(channels // 4, 1, 1, act=_relu)
        self.conv2 = ConvBn(channels // 4, 3, stride, act=_relu)
        self.conv3 = ConvBn(channels, 1)
        self.skip_by_conv = skip_by_conv
        self.skip = ConvBn(channels, 1, stride)

    def call(self, x, training=True):
        h = self.conv3(self.conv2(self.conv1(x)))
        return _relu(F.add2(h, self.skip(x) if self.skip_by_conv else x, inplace=True))


def _relu(x):
    return F.relu(x, inplace=True)    # has no effect, but files of nnabla's unit say so
