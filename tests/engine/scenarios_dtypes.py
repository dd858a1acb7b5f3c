"""Results of the dtype that the input is stored in, whatever functions compute in."""
import numpy as np

from .scenarios import scenario

DTYPES = ("int32", "int64", "float64", "uint8", "uint16", "float16", "float32", "bool")
BACKENDS = (["cpu:float"], ["cpu:half", "cpu:float"])


def _each_way(nn):
    """Makers of leaves: in graphs and dynamic mode, with and without need_grad."""
    for auto in (False, True):
        for need_grad in (False, True):
            with nn.auto_forward(auto):
                yield need_grad, lambda values: nn.Variable.from_numpy_array(values, need_grad=need_grad)


def _functions(F):
    return (lambda x: F.reshape(x, (3, 2)), lambda x: F.reshape(x, (3, 2), inplace=False), F.identity, F.unlink,
            lambda x: F.flip(x, (0,)), lambda x: F.identity(F.reshape(F.identity(x), (6,))))


@scenario
def dtypes_that_are_kept(nn, F):
    out = []
    for backend in BACKENDS:
        with nn.context_scope(nn.Context(backend)):
            for _, leaf in _each_way(nn):
                for f in _functions(F):
                    made = [(x, f(x)) for x in [leaf(np.ones((2, 3), dtype)) for dtype in DTYPES]]
                    nn.forward_all([y for _, y in made])
                    out.append(" ".join([f"{x.d.dtype}-{y.d.dtype}" for x, y in made]))
            for f in _functions(F):
                arrays = [nn.NdArray.from_numpy_array(np.ones((2, 3), dtype)) for dtype in DTYPES]
                out.append(" ".join([str(f(a).data.dtype) for a in arrays]))
    return out


@scenario
def large_numbers_that_are_kept(nn, F):
    """Exactly, also where gradients flow."""
    out = []
    values = np.array([[2**40 + 1, 3, 5], [7, 2**24 + 1, 1]])
    for need_grad, leaf in _each_way(nn):
        for dtype in (np.int64, np.float64):
            for f in _functions(F)[::5] + (F.identity,):
                x = leaf(values.astype(dtype))
                y = f(x)
                z = F.sum(y * 2)
                z.forward()
                out.append([y.d.ravel().tolist(), str(y.d.dtype)])
                if need_grad:
                    x.g = 0
                    z.backward()
                    out.append(x.g.copy())
    return out


@scenario
def integers_that_share_memory(nn, F):
    out = []
    for need_grad, leaf in _each_way(nn):
        x = leaf(np.arange(6, dtype=np.int32).reshape(2, 3))
        y = F.reshape(x, (6,))
        y.forward()
        y.d[0], x.d[1, 2] = 9, 8
        z = F.sum(y * y)
        z.forward()
        out.append([x.d.copy(), y.d.copy(), z.d.copy()])
        if need_grad:
            x.g = 0
            z.backward()
            out.append(x.g.copy())
    return out


@scenario
def kept_dtypes_follow_the_leaf(nn, F):
    out = []
    for need_grad in (False, True):
        x = nn.Variable.from_numpy_array(np.array([1, 2], np.int32), need_grad=need_grad)
        y = F.identity(x)
        z = y * 2
        for values in ([1.5, 2.5], np.array([4, 5], np.float32), np.array([6, 7], np.int64)):
            x.data = nn.NdArray.from_numpy_array(np.asarray(values))
            z.forward()
            out.append([y.d.copy(), z.d.copy()])
    return out
