"""Numpy views of computed arrays, held while the graph runs again."""
import numpy as np

from .scenarios import scenario, var


def _run_again(nn, x, roots, arrays, **options):
    """What the arrays show after a first run, and after a second one with other data."""
    x.d = 1
    nn.forward_all(roots, **options)
    views = [a.d for a in arrays]
    first = [v.copy() for v in views]
    x.d = 3
    nn.forward_all(roots, **options)
    return first, [v.copy() for v in views], [a.d.copy() for a in arrays]


@scenario
def views_follow_forward(nn, F):
    out = []
    for options in ({}, {"clear_no_need_grad": True}, {"clear_buffer": True}):
        x = nn.Variable((2, 2), need_grad=True)
        y = F.tanh(x * 0.1)
        out.append(_run_again(nn, x, [y], [y], **options))
    return out


@scenario
def views_of_shared_and_split_arrays(nn, F):
    x = nn.Variable((2, 2))
    h = x * 2
    flat = F.reshape(h, (4,))
    first, second = F.split(x, axis=0)
    return _run_again(nn, x, [flat, first, second], [flat, h, first])


@scenario
def views_of_other_shapes_and_gradients_stay(nn, F):
    x = nn.Variable((2, 2), need_grad=True)
    y = F.sum(x * x)
    x.d, x.g = 1, 0
    y.forward()
    y.backward()
    gradient = x.g
    x.d = 3
    x.grad.zero()
    y.forward()
    y.backward()
    z = x * 2
    z.forward()
    view = z.d
    x.reset_shape((3, 2), True)
    x.d = 1
    z.forward()
    return [gradient.copy(), x.shape, view.copy(), z.d.copy()]


@scenario
def views_written_between_runs(nn, F):
    x = var(nn, np.arange(4.0))
    y = x ** 2
    y.forward()
    view = y.d
    x.d = [3, 2, 1, 0]
    y.forward()
    view[...] = 5
    x.grad.zero()
    y.backward()
    return [y.d.copy(), x.g.copy(), (y.forward(), view.copy())[1]]
