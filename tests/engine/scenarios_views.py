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


@scenario
def reshaped_arrays_share_memory(nn, F):
    """What is written to a reshaped variable shows in the other, in both modes; gradients stay apart."""
    out = []
    for auto in (False, True):
        for leaf in (False, True):
            with nn.auto_forward(auto):
                x = var(nn, np.arange(6.0).reshape(2, 3))
                h = x if leaf else x * 2
                r = h.reshape((3, 2))
                y = r * 2
            y.forward()
            x.g, seen = 0, []
            y.backward()
            for value in (0, 7, np.full(6, 8.5)):
                h.d = value if np.isscalar(value) else value.reshape(2, 3)
                seen.append(float(r.d[0, 0]))
                r.d = value + 1 if np.isscalar(value) else value.reshape(3, 2)
                seen.append(float(h.d[0, 0]))
            h.g = 9
            out.append([seen, r.g.copy(), x.g.copy()])
    return out
