"""What convolution and transposed convolution have in common."""
from ...initializer import ConstantInitializer
from ...parametric_functions.weights import glorot
from .module import Module, make


class FilterLayer(Module):
    """A layer with filters ``W`` and a bias ``b``. Subclasses say which function it is, and how ``W`` is shaped.

    Args:
        inmaps (int): Number of input channels.
        outmaps (int): Number of output channels.
        kernel (tuple of int): Size of the filter along each spatial axis.
        pad, stride, dilation (tuple of int): See ``F.convolution``.
        group (int): Channels are split into this many groups that do not mix.
        w_init: Initializer of the filters; uniform with Glorot's limit by default.
        b_init: Initializer of the bias; zeros by default.
        base_axis (int): Axis of the channels.
        fix_parameters (bool): Parameters need no gradients.
        rng (numpy.random.RandomState): Source of the default initial filters.
        with_bias (bool): Whether there is a bias.
    """

    def __init__(self, inmaps, outmaps, kernel, pad=None, stride=None, dilation=None, group=1, w_init=None, b_init=None,
                 base_axis=1, fix_parameters=False, rng=None, with_bias=True):
        kernel = tuple(kernel)
        w_init = glorot(inmaps, outmaps, kernel, rng) if w_init is None else w_init
        b_init = ConstantInitializer() if b_init is None else b_init
        self.W = make(w_init, self.channels(inmaps, outmaps, group) + kernel, not fix_parameters)
        self.b = make(b_init, (outmaps,), not fix_parameters) if with_bias else None
        self.base_axis, self.pad, self.stride, self.dilation, self.group = base_axis, pad, stride, dilation, group

    def __call__(self, inp):
        return self.function(inp, self.W, self.b, self.base_axis, self.pad, self.stride, self.dilation, self.group)
