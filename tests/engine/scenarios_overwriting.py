"""Gradients of variables that were written to by index."""
import numpy as np

from .scenarios import caught, scenario, var


@scenario
def gradients_left_by_setitem(nn, F):
    """The gradient of what was written is no longer in that of the variable; a scalar to start from is no variable's."""
    out = []
    for key, shape in ((slice(0, 1), (1, 2)), (1, (2,)), (([0, 2],), (2, 2)), ((slice(None), 1), (3,))):
        for needed in (True, False):
            x, value = var(nn, np.ones((3, 2))), var(nn, np.full(shape, 5.), need_grad=needed)
            h = x * 2
            h[key] = value
            for read in (F.sum(h * 3), h * 3 + h):
                value.g = 0
                read.forward()
                read.backward(2.)
                out.append([h.g.copy(), value.g.copy()])
    return out


@scenario
def gradients_left_at_a_root(nn, F):
    out = []
    for seed in (None, 2., np.full((3, 2), 4.)):
        x, first = var(nn, np.ones((3, 2))), var(nn, [[5, 6]])
        x.g = first.g = 0
        x[0:1] = first
        x.forward()
        x.g = 6
        x.backward(seed)
        out.append([x.g.copy(), first.g.copy()])
        x.backward(seed)
        out.append([x.g.copy(), first.g.copy()])
    return out


@scenario
def storages_shared(nn, F):
    value, mask, at = var(nn, [[5, 6]]), nn.Variable.from_numpy_array([1, 0, 0]), nn.Variable.from_numpy_array([[0]])
    builds = (lambda x: F.scatter_nd(value, at, out=x), lambda x: F.scatter_nd(value, at, shape=(3, 2)),
              lambda x: F.bool_scatter(value, mask, x), lambda x: F.bool_scatter(value, mask),
              lambda x: x + 1, lambda x: F.reshape(x, (2, 3)), F.sum)
    made = [build(var(nn, np.ones((3, 2)))).parent for build in builds]
    return [[[f.inplace_data(i), caught(lambda: f.inplace_data_with(i))] for i in range(len(f.inputs))] for f in made]


@scenario
def written_variables_that_were_told_about_gradients(nn, F):
    """What need_grad was set to before is of what the variable was: gradients pass what it has become."""
    out = []
    for wish in (False, True):
        for computed in (False, True):
            a, value = var(nn, np.arange(6).reshape(2, 3)), var(nn, [1, 2, 3])
            a.g = value.g = 0
            x = a * 2 if computed else a
            x.need_grad = wish
            x[0] = value
            total = F.sum(x * 3)
            total.forward()
            total.backward()
            out.append([a.g.copy(), value.g.copy()])
    return out
