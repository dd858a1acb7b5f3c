"""nnabla's path to nn.grad, and the objects behind it."""
from .backward_functions import registry
from .engine.gradient import grad
from .engine.python_function import PythonFunction

__all__ = ["Grad", "GradEndFunction", "grad", "registry"]


class Grad:
    """:func:`grad` as an object."""

    def __call__(self, outputs, inputs, grad_outputs=None, persistent_outputs=[], bind_grad_output=False):
        """As :func:`grad`."""
        return grad(outputs, inputs, grad_outputs, persistent_outputs, bind_grad_output)


class GradEndFunction(PythonFunction):
    """Ones in the shape of its input, which takes no gradient from it."""

    @property
    def name(self):
        return type(self).__name__

    def min_outputs(self):
        return 1

    def setup_impl(self, inputs, outputs):
        outputs[0].reset_shape(inputs[0].shape, True)

    def forward_impl(self, inputs, outputs):
        outputs[0].data.fill(1.0)

    def backward_impl(self, inputs, outputs, propagate_down, accum):
        if propagate_down[0] and not accum[0]:
            inputs[0].grad.zero()

    def grad_depends_output_data(self, i, o):
        return False

    def grad_depends_input_data(self, i, j):
        return False
