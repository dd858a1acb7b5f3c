"""Scenarios of engine behaviour, run alike on the real nnabla (to record) and on this package (to compare).

Each takes ``nn`` and ``F`` and returns plain data: numbers, strings, lists, dicts, numpy arrays. ``caught`` turns an
exception into the name of its class. Nothing here imports either library.
"""
import numpy as np

SCENARIOS = {}


def scenario(f):
    SCENARIOS[f.__name__] = f
    return f


def caught(f):
    try:
        f()
    except Exception as error:
        return type(error).__name__
    return "no error"


def var(nn, values, need_grad=True):
    return nn.Variable.from_numpy_array(np.asarray(values, np.float32), need_grad=need_grad)


def flags(array):
    return [bool(array.zeroing), bool(array.clear_called), int(array.modification_count)]


# -- NdArray ------------------------------------------------------------------------------------------

@scenario
def ndarray_construction(nn, F):
    made = [nn.NdArray(), nn.NdArray(()), nn.NdArray(3), nn.NdArray([2, 3]), nn.NdArray((2, 3)), nn.NdArray(2, 3),
            nn.NdArray((np.int64(2), 3.7)), nn.NdArray((0, 2))]
    bad = [caught(lambda: nn.NdArray(2.0)), caught(lambda: nn.NdArray(np.int64(3))), caught(lambda: nn.NdArray(np.array([2, 3]))),
           caught(lambda: nn.NdArray(True)), caught(lambda: nn.NdArray(2, 3.0)), caught(lambda: nn.NdArray((2, 'a')))]
    return [list(a.shape) for a in made], [a.size for a in made], [a.ndim for a in made], bad


@scenario
def ndarray_from_numpy(nn, F):
    kept = [nn.NdArray.from_numpy_array(np.arange(6).reshape(2, 3)[:, ::2].astype(t)) for t in
            ("float32", "float64", "int64", "int32", "uint8", "bool", "float16", "int16", "int8", "uint16", "uint32", "uint64")]
    return ([str(a.data.dtype) for a in kept], [np.asarray(a.data, np.float64) for a in kept],
            caught(lambda: nn.NdArray.from_numpy_array([1, 2])), caught(lambda: nn.NdArray.from_numpy_array(np.float32(2))),
            nn.NdArray.from_numpy_array(np.array(3.0)).data.shape)


@scenario
def ndarray_lazy_dtype(nn, F):
    out = []
    a = nn.NdArray((2,))
    out.append(caught(lambda: a.dtype))
    a.fill(3)
    out.append(caught(lambda: a.dtype))
    out.append([str(a.data.dtype), a.data.copy()])
    b = nn.NdArray((2,))
    out.append([str(b.cast(np.int32).dtype), str(b.dtype)])
    b.fill(2.5)
    out.append([str(b.dtype), b.data.copy()])
    b.data = 7.9
    out.append([str(b.dtype), b.data.copy()])
    b.zero()
    out.append([str(b.dtype), b.data.copy()])
    c = nn.NdArray((1,))
    c.data = 0.1
    out.append(c.cast(np.float64).copy())
    c.data = 2 ** 24 + 1
    out.append(c.data.copy())
    c.data = 1e300
    out.append(c.data.copy())
    return out


@scenario
def ndarray_flags(nn, F):
    out = []
    a = nn.NdArray((2,))
    out.append(flags(a))
    a.data
    out.append(flags(a))
    a.zero()
    out.append(flags(a))
    a.get_data('r')
    out.append(flags(a))
    a.get_data('rw')
    out.append(flags(a))
    a.fill(1)
    out.append(flags(a))
    a.get_data('r')
    out.append(flags(a))
    a.clear()
    out.append(flags(a))
    a.data
    out.append(flags(a))
    a.data = 0
    out.append(flags(a))
    a.data = np.zeros(2)
    out.append(flags(a))
    a.zero()
    a.clear()
    out.append(flags(a))
    a.zero()
    a.cast(np.float32)
    out.append(flags(a))
    a.data = False
    out.append(flags(a))
    a.data = 3
    out.append(flags(a))
    return out


@scenario
def ndarray_assignment(nn, F):
    out = []
    for value in ([1, 2, 3], [1., 2., 3.], (True, False, True), np.float16([1, 2, 3]), np.uint8([1, 2, 3]), np.int8(4), 5,
                  True, np.float64(2.5), -2 ** 60, 2 ** 53 + 1, np.array(4), np.array([[1, 2, 3]]), np.array([9])):
        a = nn.NdArray((3,))
        a.data = value
        out.append([str(a.data.dtype), np.asarray(a.data, np.float64)])
    a = nn.NdArray((3,))
    errors = [caught(lambda v=v: setattr(a, "data", v)) for v in
              (np.array([1j, 2, 3]), "abc", None, np.array(["a", "b", "c"]), 1j, nn.NdArray((3,)), np.zeros(2), np.zeros((2, 3)),
               2 ** 70, nn.Variable((3,)))]
    return out, errors


@scenario
def ndarray_aliasing(nn, F):
    out = []
    a = nn.NdArray((3,))
    w = a.data
    w[1] = 5
    out.append(a.data.copy())
    a.data = np.float32([7, 8, 9])
    out.append(w.copy())
    a.data = np.float64([1, 2, 3])
    out.append(w.copy())
    w[0] = 100
    out.append(a.data.copy())
    w = a.data
    a.zero()
    out.append([w.copy(), a.data.copy()])
    w = a.data
    a.fill(4)
    out.append([w.copy(), a.data.copy()])
    w = a.data
    a.cast(np.int32)
    w[0] = 50
    out.append([w.copy(), a.data.copy()])
    r = a.get_data('r')
    out.append(caught(lambda: r.__setitem__(0, 1)))
    out.append(caught(lambda: a.get_data('x')))
    out.append([str(a.get_data('r', np.float64).dtype), str(a.dtype)])
    out.append([str(a.get_data('rw', np.float64).dtype), str(a.dtype)])
    a.data = [1.5, -2.5, 0]
    out.append(a.cast(np.int32).copy())
    a.data += 1
    out.append(a.data.copy())
    out.append(caught(lambda: exec("a.data /= 2", {"a": a})))
    return out


@scenario
def ndarray_methods(nn, F):
    out = []
    a = nn.NdArray.from_numpy_array(np.arange(24, dtype=np.float32).reshape(2, 3, 4))
    out.append([a.size_from_axis(), a.size_from_axis(0), a.size_from_axis(1), a.size_from_axis(2), a.size_from_axis(3), a.size_from_axis(-2)])
    out.append(list(a.strides))
    b = nn.NdArray((4, 6))
    out.append(b.copy_from(a) is b)
    out.append(b.data.copy())
    c = nn.NdArray.from_numpy_array(np.arange(24))
    b.copy_from(c)
    out.append([str(b.dtype), list(b.shape)])
    out.append(caught(lambda: b.copy_from(nn.NdArray((5,)))))
    out.append(caught(lambda: b.copy_from(nn.Variable((4, 6)))))
    out.append(caught(lambda: b.copy_from(nn.NdArray((4, 6)), use_current_context=False)))
    v = a.view((6, 4))
    v.data[0, 0] = 99
    out.append([a.data[0, 0, 0], v == a, list(v.shape)])
    a.zero()
    out.append([bool(v.zeroing), v.data.copy()])
    v.data = np.arange(24).reshape(6, 4)
    out.append([str(a.dtype), a.data.copy()])
    out.append(caught(lambda: a.view(3)))
    n = nn.NdArray.from_numpy_array(np.arange(12, dtype=np.float32).reshape(4, 3))
    p = n.narrow(0, 1, 2)
    out.append([list(p.shape), p.data.copy()])
    p.data = 7
    out.append(n.data.copy())
    n.data[1, 0] = 3
    out.append(p.data.copy())
    p.data[...] = 1
    n.zero()
    out.append(p.data.copy())
    out.append([caught(lambda: n.narrow(1, 0, 1)), caught(lambda: n.narrow(0, 3, 2)), caught(lambda: p.clear())])
    return out


@scenario
def ndarray_identity(nn, F):
    a, b = nn.NdArray((2,)), nn.NdArray((2,))
    v = nn.Variable((2,))
    return [a == a, a == b, a != b, v.data == v.data, hash(a) == hash(a), caught(lambda: a == 3), caught(lambda: a == None),  # noqa: E711
            caught(lambda: a == v), caught(lambda: a < b), caught(lambda: a % 2), caught(lambda: len(a)), caught(lambda: float(a)), bool(a),
            caught(lambda: setattr(a, "foo", 1)), caught(lambda: setattr(a, "shape", (3,))), caught(lambda: __import__("copy").copy(a)),
            caught(lambda: __import__("pickle").dumps(a))]


@scenario
def ndarray_operators(nn, F):
    a = nn.NdArray.from_numpy_array(np.float32([[1, 2, 3], [4, 5, 6]]))
    b = nn.NdArray.from_numpy_array(np.float32([[1], [2]]))
    v = var(nn, [[2, 2, 2], [3, 3, 3]])
    out = [(a + 1).data, (1 + a).data, (a - 1).data, (1 - a).data, (a * 2).data, (2 * a).data, (a / 2).data, (2 / a).data, (a ** 2).data,
           (2 ** a).data, (-a).data, (+a).data, (a + b).data, (a - b).data, (a * b).data, (a / b).data, (a ** b).data, (a + v).data,
           (v + a).data, (a @ nn.NdArray.from_numpy_array(np.ones((3, 2), np.float32))).data]
    kinds = [type(a + v).__name__, type(v + a).__name__, str((nn.NdArray.from_numpy_array(np.arange(3)) + 1).data.dtype)]
    errors = [caught(lambda: a + nn.NdArray((3,))), caught(lambda: a + np.ones((2, 3))), caught(lambda: a + [1, 2]), caught(lambda: a / 0),
              caught(lambda: a + nn.NdArray((2, 4)))]
    return out, kinds, errors


@scenario
def ndarray_inplace_operators(nn, F):
    out = []
    for op in ("+=", "-=", "*=", "/=", "**="):
        for rhs in ("2", "nn.NdArray.from_numpy_array(np.float32([2, 3]))"):
            a = nn.NdArray.from_numpy_array(np.float32([4, 9]))
            space = {"a": a, "nn": nn, "np": np}
            exec(f"a {op} {rhs}", space)
            out.append([op, rhs[:2], space["a"] is a, space["a"].data.copy(), a.data.copy()])
    return out


# -- indexing -----------------------------------------------------------------------------------------

@scenario
def indexing(nn, F):
    a = np.arange(60, dtype=np.float32).reshape(3, 4, 5)
    keys = [0, -1, (1, 2), (1, 2, 3), slice(1), slice(None, None, -1), (slice(None), 1), (Ellipsis, 2), (Ellipsis, slice(1, 4, 2)), None,
            (Ellipsis, None), (slice(None), slice(None), slice(None), None), (0, Ellipsis), (slice(2, 0, -1), slice(None), slice(3, None)),
            (slice(1, 1),), (), True, ([0, 1], [1, 2]), [0, 2], np.array([1, 1]), ([2, 0],), slice(-2, None), (slice(None), slice(-3, -1))]
    out = []
    for key in keys:
        for make in (nn.NdArray.from_numpy_array, lambda x: var(nn, x)):
            x = make(a)
            y = x[key]
            if isinstance(y, nn.Variable):
                if y.parent is not None:
                    y.forward()
                out.append(y.d.copy())
            else:
                out.append(y.data.copy())
    x = nn.NdArray.from_numpy_array(a)
    errors = [caught(lambda k=k: x[k]) for k in (np.int64(1), 1.0, "a", 7, (0, 0, 0, 0), (Ellipsis, Ellipsis))]
    return out, errors


@scenario
def boolean_indexing(nn, F):
    a = np.arange(6, dtype=np.float32).reshape(2, 3)
    x = var(nn, a)
    y = x[a > 2]
    y.forward()
    z = x[[True, False]]
    z.forward()
    s = F.sum(x[x.d > 1] * 2)
    s.forward()
    x.grad.zero()
    s.backward()
    return y.d.copy(), z.d.copy(), list(y.shape), s.d.copy(), x.g.copy()


@scenario
def indexing_gradient(nn, F):
    x = var(nn, np.arange(12).reshape(3, 4))
    y = F.sum(x[1:, ::2] * 3) + F.sum(x[0])
    y.forward()
    x.grad.zero()
    y.backward()
    return y.d.copy(), x.g.copy()


@scenario
def ndarray_setitem(nn, F):
    out = []
    for key, value in ((0, 5), ((slice(None), 1), np.float32([7, 8])), ((1, slice(1, None)), [3, 4]), (Ellipsis, 2), ((0, 0), np.array(9))):
        a = nn.NdArray.from_numpy_array(np.arange(6).reshape(2, 3))
        a[key] = value
        out.append([a.data.copy(), str(a.data.dtype)])
    return out


@scenario
def variable_setitem(nn, F):
    out = []
    x = var(nn, np.arange(6).reshape(2, 3))
    v = var(nn, [10, 20, 30])
    y = x * 2
    y[0] = v
    out.append([y.parent is not None, list(y.shape)])
    loss = F.sum(y * y)
    loss.forward()
    x.grad.zero()
    v.grad.zero()
    loss.backward()
    out.append([y.d.copy(), loss.d.copy(), x.g.copy(), v.g.copy()])
    w = var(nn, np.arange(4), need_grad=False)
    w[2:] = 9
    w.forward()
    out.append(w.d.copy())
    return out


# -- Variable -----------------------------------------------------------------------------------------

@scenario
def variable_construction(nn, F):
    made = [nn.Variable(), nn.Variable([2, 3]), nn.Variable((2.9, 3)), nn.Variable(np.array([4, 5])), nn.Variable(range(3)), nn.Variable((2,), True)]
    x = nn.Variable.from_numpy_array([1, 2, 3])
    y = nn.Variable.from_numpy_array(2.5, need_grad=True)
    z = nn.Variable.from_numpy_array(np.ones((2, 2)), grad=np.full((2, 2), 3.0))
    return ([list(v.shape) for v in made], [v.need_grad for v in made], [v.size for v in made], [v.d.copy() for v in made], str(made[0].d.dtype),
            str(made[0].g.dtype), str(x.d.dtype), str(y.d.dtype), y.need_grad, z.g.copy(),
            caught(lambda: nn.Variable.from_numpy_array(np.ones(2), grad=np.ones(3))), caught(lambda: nn.Variable.from_numpy_array(x)),
            made[1].__repr__()[:36])


@scenario
def variable_attributes(nn, F):
    v = nn.Variable((2, 3))
    return (caught(lambda: setattr(v, "foo", 1)), caught(lambda: setattr(v, "shape", (6,))), [hasattr(v, n) for n in ("inplace", "retain_grad", "dtype", "T", "item")],
            v.apply(d=3, need_grad=True, persistent=True, name='q') is v, v.d.copy(), v.need_grad, v.persistent, v.name,
            caught(lambda: v.apply(foo=2)), caught(lambda: setattr(v, "name", 3)), caught(lambda: setattr(v, "parent", None)),
            caught(lambda: setattr(v, "data", nn.NdArray((6,)))), caught(lambda: setattr(v, "data", np.ones((2, 3)))), caught(lambda: v.__delattr__("d")),
            v.recompute, v.rank, v.parent is None, v.function_references, v.size_from_axis(1), v.ndim,
            caught(lambda: __import__("copy").deepcopy(v)), caught(lambda: len(v)), bool(v), caught(lambda: v == None), caught(lambda: v == 1))  # noqa: E711


@scenario
def variable_sharing(nn, F):
    a = var(nn, [1, 2, 3])
    u = a.get_unlinked_variable()
    n = a.get_unlinked_variable(need_grad=False)
    out = [a == u, hash(a) == hash(u), len({a, u, n}), u.need_grad, n.need_grad, a.need_grad, u.parent is None]
    u.d = 5
    out.append(a.d.copy())
    a.grad.fill(3)
    out.append(u.g.copy())
    b = nn.Variable((3,))
    b.data = a.data
    out += [b == a, b.data == a.data]
    b.d[0] = -1
    out.append(a.d.copy())
    u.reset_shape((1, 3))
    out.append(list(a.shape))
    x = var(nn, np.arange(6))
    keep = x.data
    x.reset_shape((2, 3))
    out.append([list(keep.shape), x.d.copy(), list(x.grad.shape)])
    out.append(caught(lambda: x.reset_shape((4,))))
    x.reset_shape((4,), True)
    out.append([x.d.copy(), list(keep.shape)])
    y = var(nn, np.arange(6))
    z = y.reshape((2, 3), unlink=True)
    z.d[0, 0] = 50
    out.append([y.d.copy(), z.parent is None, z == y, z.need_grad])
    w = y.reshape((3, -1))
    out.append([list(w.shape), w.parent.name])
    return out


@scenario
def variable_operators(nn, F):
    a, b = var(nn, [[1, 2, 3], [4, 5, 6]]), var(nn, [[1], [2]])
    made = [a + 1, 1 + a, a - 1, 1 - a, a * 2, 2 * a, a / 2, 2 / a, a ** 2, 2 ** a, -a, a + b, a - b, a * b, a / b, a ** b, sum([a, a]),
            a + np.float32(2), np.float64(2) * a]
    out = []
    for y in made:
        y.forward()
        a.grad.zero()
        b.grad.zero()
        y.backward()
        out.append([y.parent.name, y.parent.info.args, y.d.copy(), a.g.copy(), b.g.copy()])
    m = [(var(nn, np.ones(3)), var(nn, np.arange(3))), (var(nn, np.ones((2, 3))), var(nn, np.ones((3, 4)))), (var(nn, np.ones((2, 3))), var(nn, np.ones(3))),
         (var(nn, np.ones(3)), var(nn, np.ones((3, 2)))), (var(nn, np.ones((5, 2, 3))), var(nn, np.ones((5, 3, 4)))),
         (var(nn, np.ones((5, 2, 3))), var(nn, np.ones((3, 4)))), (var(nn, np.ones((2, 1, 2, 3))), var(nn, np.ones((4, 3, 1))))]
    products = []
    for x, y in m:
        z = x @ y
        z.forward()
        products.append(z.d.copy())
    errors = [caught(lambda: a + var(nn, [1, 2, 3])), caught(lambda: var(nn, [1, 2]) + var(nn, 3)), caught(lambda: a + np.ones((2, 3))), caught(lambda: a / 0),
              caught(lambda: a % 2), caught(lambda: a // 2), caught(lambda: abs(a)), caught(lambda: a @ 3), caught(lambda: a < b), caught(lambda: a + "x")]
    return out, products, errors


# -- graphs -------------------------------------------------------------------------------------------

@scenario
def static_by_default(nn, F):
    x = var(nn, [1, -2, 3])
    y = F.relu(x * 2)
    before = y.d.copy()
    y.forward()
    first = y.d.copy()
    x.d = [5, 6, 7]
    kept = y.d.copy()
    y.forward()
    return before, first, kept, y.d.copy(), str(y.d.dtype), y.need_grad, y.rank, y.parent.rank, y.parent.name, y.parent.inputs[0].parent.name


@scenario
def leaf_errors(nn, F):
    x = nn.Variable((2,))
    return caught(lambda: x.forward()), caught(lambda: x.backward())


@scenario
def accumulation(nn, F):
    x, w = var(nn, [1, 2]), var(nn, [3, 4])
    h = x * w
    loss = F.sum(h * h)
    loss.forward()
    out = []
    for step in range(3):
        loss.backward()
        out.append([x.g.copy(), w.g.copy(), h.g.copy(), loss.g.copy()])
    w.grad.zero()
    loss.backward()
    out.append([x.g.copy(), w.g.copy(), h.g.copy()])
    w.g = 7
    loss.backward(clear_buffer=True)
    out.append([x.g.copy(), w.g.copy()])
    return out


@scenario
def backward_gradients(nn, F):
    out = []
    for grad in (1, 2.5, np.float32([1, 2, 3]), None, "nd"):
        x = var(nn, [1, 2, 3])
        x.grad.zero()
        y = x * 2
        y.forward()
        if grad is None:
            y.g = [4, 5, 6]
        if isinstance(grad, str):
            grad = nn.NdArray.from_numpy_array(np.float32([7, 8, 9]))
        y.backward(grad)
        out.append([x.g.copy(), y.g.copy()])
    x = var(nn, [1, 2, 3])
    y = x * 2
    y.forward()
    errors = [caught(lambda g=g: y.backward(g)) for g in (np.ones(2), np.ones((1, 3)), [1, 2, 3], "a", nn.NdArray((2,)), np.ones(()), x)]
    return out, errors


@scenario
def need_grad_cuts(nn, F):
    out = []
    x, w = var(nn, [1, 2]), var(nn, [3, 4], need_grad=False)
    h = x * w
    g = F.exp(h)
    y = F.sum(g + h)
    y.forward()
    x.grad.zero()
    w.g = 5
    y.backward()
    out.append([x.g.copy(), w.g.copy(), h.need_grad, y.need_grad])
    h.need_grad = False
    x.g = 9
    y.forward()
    y.backward()
    out.append([x.g.copy(), h.need_grad, g.need_grad])
    w.need_grad = True
    h.need_grad = True
    y.forward()
    x.grad.zero()
    w.grad.zero()
    y.backward()
    out.append([x.g.copy(), w.g.copy()])
    a = var(nn, [1, 2], need_grad=False)
    m = a * 2
    m.need_grad = True
    z = F.sum(m * m)
    z.forward()
    z.backward()
    out.append([m.g.copy(), a.need_grad, z.need_grad])
    b = var(nn, [1, 2])
    c = F.sum(b * b)
    c.forward()
    b.g = 1
    b.need_grad = False
    c.backward()
    out.append(b.g.copy())
    c.need_grad = False
    b.need_grad = True
    c.forward()
    b.grad.zero()
    c.backward()
    out.append(b.g.copy())
    return out


@scenario
def late_need_grad(nn, F):
    x = var(nn, [1, 2], need_grad=False)
    y = F.sum(x * x)
    y.forward()
    x.need_grad = True
    x.g = 3
    y.backward()
    first = x.g.copy()
    y.forward()
    y.backward()
    return first, x.g.copy(), y.parent.need_grad


@scenario
def shared_leaf(nn, F):
    x = var(nn, [2, 3])
    u = x.get_unlinked_variable()
    y = F.sum(x * x * u)
    y.forward()
    x.grad.zero()
    y.backward()
    return x.g.copy(), u.g.copy(), [f.name for f in x.function_references], len((x + x).parent.inputs)


@scenario
def persistent_and_clearing(nn, F):
    out = []
    for clear_buffer, clear_no_need_grad in ((True, False), (False, False)):
        x = var(nn, [1, 2])
        h = x * 2
        k = F.exp(h)
        p = F.tanh(k)
        p.persistent = True
        y = F.sum(p)
        y.forward(clear_buffer=clear_buffer, clear_no_need_grad=clear_no_need_grad)
        out.append([h.data.clear_called, k.data.clear_called, p.data.clear_called, y.data.clear_called, x.data.clear_called, p.d.copy(), y.d.copy()])
    x = var(nn, [1, 2], need_grad=False)
    h = x * 2
    y = F.sum(F.exp(h))
    y.forward(clear_no_need_grad=True)
    out.append([h.data.clear_called, x.data.clear_called, y.data.clear_called])
    x = var(nn, [1, 2])
    h = x * 2
    k = F.exp(h)
    p = F.tanh(k)
    p.persistent = True
    y = F.sum(p)
    y.forward(clear_no_need_grad=True)
    x.grad.zero()
    y.backward(clear_buffer=True)
    out.append([p.d.copy(), y.d.copy(), x.g.copy(), h.data.clear_called, k.data.clear_called, p.data.clear_called, k.grad.clear_called, p.g.copy()])
    return out


@scenario
def forward_all(nn, F):
    x = var(nn, [1, 2])
    h = x * 2
    a, b = F.exp(h), F.tanh(h)
    nn.forward_all([a, b, x])
    first = [a.d.copy(), b.d.copy()]
    nn.forward_all((a, b), clear_buffer=True)
    second = [a.d.copy(), b.d.copy(), a.persistent]
    nn.forward_all([a, b], clear_no_need_grad=True)
    x.grad.zero()
    a.backward()
    b.backward()
    return first, second, x.g.copy(), caught(lambda: nn.forward_all(v for v in [a]))


@scenario
def sinks(nn, F):
    a = var(nn, [1, 2])
    b = a * 3
    s = F.sink(a, b)
    s.forward()
    a.grad.zero()
    s.backward(5)
    first = [list(s.shape), b.d.copy(), a.g.copy(), b.g.copy()]
    t = F.sink(a * 2, a * 4, one_input_grad=False)
    t.forward()
    p, q = t.parent.inputs
    p.g = 10
    q.g = 100
    a.grad.zero()
    t.backward()
    return first, a.g.copy(), caught(lambda: F.sink())


@scenario
def sink_after_forward_all(nn, F):
    x = var(nn, np.arange(4).reshape(2, 2))
    mean, variance = nn.Variable((1, 2)), nn.Variable((1, 2))
    y = F.batch_normalization(
        x, nn.Variable.from_numpy_array(np.zeros((1, 2))), nn.Variable.from_numpy_array(np.ones((1, 2))), mean, variance)
    z = y * 2
    nn.forward_all([y, z])
    y.g = 3
    z.g = np.float32([[1, 2], [3, 5]])
    x.grad.zero()
    F.sink(y, z, one_input_grad=False).backward()
    return mean.d.copy(), variance.d.copy(), x.g.copy()


@scenario
def shape_changes(nn, F):
    x = var(nn, np.ones((2, 3)))
    w = var(nn, np.ones((3, 4)))
    y = F.affine(x, w)
    z = F.sum(F.relu(y))
    z.forward()
    out = [z.d.copy()]
    x.reset_shape((5, 3), True)
    x.d = 2
    out.append(list(y.shape))
    z.forward()
    w.grad.zero()
    z.backward()
    out += [list(y.shape), z.d.copy(), w.g.copy(), list(y.grad.shape)]
    x.reset_shape((5, 4), True)
    out.append(caught(lambda: z.forward()))
    x.reset_shape((1, 3), True)
    x.d = 1
    z.forward()
    out.append(z.d.copy())
    return out


@scenario
def rewiring(nn, F):
    x = var(nn, [1, 2])
    y = F.sum(F.exp(x))
    a = var(nn, [3, 4])
    m = a * 2
    x2 = nn.Variable((2,))
    y2 = F.sum(F.exp(x2))
    x2.rewire_on(m)
    y2.forward()
    a.grad.zero()
    y2.backward()
    out = [y2.d.copy(), a.g.copy(), x2 == m, m.parent is None, x2.parent.name, x2.need_grad]
    errors = [caught(lambda: x.rewire_on(var(nn, [1, 2]))), caught(lambda: x.rewire_on(F.exp(var(nn, [1, 2, 3]))))]
    return out, errors, caught(lambda: y.forward())


@scenario
def traversal(nn, F):
    x = var(nn, [1, 2])
    h = F.exp(x)
    y = F.sum(F.tanh(h) + h)
    names = []
    out = [y.visit(lambda f: names.append(f.name)), names, x.visit(names.append)]
    out.append([bool(y.visit_check(lambda f: f.name == "Tanh")), bool(y.visit_check(lambda f: False)), bool(x.visit_check(lambda f: True))])
    out.append(sorted(f.name for f in h.function_references))
    y.clear_all_graph_links()
    out.append([y.parent is None, h.parent is None])
    return out


@scenario
def rebuilt_without_grad(nn, F):
    with nn.parameter_scope("rebuilt"):
        w = nn.parameter.get_parameter_or_create("w", (2,), np.float32([3, 4]))
    x = var(nn, [1, 2])
    y = F.sum(x * w)
    z = y.no_grad()
    z.forward()
    x.grad.zero()
    w.grad.zero()
    z.backward()
    nn.clear_parameters()
    return z.d.copy(), x.g.copy(), w.g.copy(), z.parent.inputs[0].parent.inputs[1].need_grad, w.need_grad


@scenario
def auto_forward(nn, F):
    out = []
    x = var(nn, [1, -2])
    with nn.auto_forward():
        y = F.relu(x * 3)
        out.append([y.d.copy(), y.parent.name, y.need_grad, nn.get_auto_forward()])
        z = F.sum(y * y)
        x.grad.zero()
        z.backward()
        out.append([x.g.copy(), y.g.copy(), z.d.copy()])
        x.d = [4, 5]
        out.append(z.d.copy())
        z.forward()
        out.append(z.d.copy())
    out.append(nn.get_auto_forward())
    nn.set_auto_forward(True)
    try:
        with nn.no_grad():
            u = F.exp(x)
            out.append([u.d.copy(), u.parent is None, u.need_grad])
        with nn.auto_forward(False):
            s = F.exp(x)
            out.append(s.d.copy())
        h = x * 2
        loss = F.mean(h)
        x.grad.zero()
        loss.backward(clear_buffer=True)
        out.append(x.g.copy())
    finally:
        nn.set_auto_forward(False)
    return out


@scenario
def imperative(nn, F):
    a = nn.NdArray.from_numpy_array(np.float32([[1, -2, 3]]))
    v = var(nn, [[1, 1, 1]])
    out = [F.relu(a).data.copy(), F.add2(a, v).data.copy(), type(F.add2(v, a)).__name__, len(F.split(a, axis=1))]
    o = nn.NdArray((3,))
    r = F.relu(a, outputs=[o])
    out += [o.data.copy(), r == o, list(o.shape)]
    x = var(nn, [[1, 2, 3]])
    y = F.relu(x, outputs=[o])
    y.forward()
    out.append(o.data.copy())
    errors = [caught(lambda: F.relu(np.ones(3))), caught(lambda: F.relu(1.0)), caught(lambda: F.relu(None)), caught(lambda: F.relu(a, outputs=[nn.NdArray((5,))])),
              caught(lambda: F.relu(a, outputs=[nn.NdArray((3,)), nn.NdArray((3,))])), caught(lambda: F.relu(a, outputs=[x])), caught(lambda: F.relu(a, bogus=1)),
              caught(lambda: F.leaky_relu(a, "x")), caught(lambda: F.relu())]
    return out, errors


@scenario
def reshape_shares(nn, F):
    x = var(nn, np.arange(6))
    y = F.reshape(x, (2, 3))
    y.d[0, 0] = 9
    out = [x.d.copy()]
    z = F.reshape(x, (3, 2), inplace=False)
    z.forward()
    z.d[0, 0] = 50
    out.append(x.d.copy())
    loss = F.sum(y * y)
    loss.forward()
    x.grad.zero()
    loss.backward()
    out += [x.g.copy(), y.g.copy()]
    h = x * 2
    u = F.unlink(h)
    w = F.sum(u * u)
    w.forward()
    x.g = 3
    w.backward()
    out += [x.g.copy(), w.d.copy()]
    return out


@scenario
def function_object(nn, F):
    x = var(nn, np.ones((2, 3, 4, 4)))
    w = var(nn, np.ones((5, 3, 3, 3)))
    y = F.convolution(x, w, pad=(1, 1))
    f = y.parent
    same = y.parent
    return (f.name, str(f), f.info.type_name, f.info.args, f.arguments, f.args, f.tags, len(f.inputs), len(f.outputs), f.need_grad, f.rank,
            f == same, hash(f) == hash(same), f.inputs[0] == x, f.outputs[0] == y, f.min_outputs(), f == 3, f.inplace_data(0),
            caught(lambda: f.inplace_data_with(0)))


@scenario
def function_by_hand(nn, F):
    ctx = nn.Context()
    f = nn.function.LeakyReLU(ctx, 0.5, False)
    x, y = var(nn, [1, -2]), nn.Variable((2,))
    out = [f.name, f.info is None]
    f.setup([x], [y])
    f.forward([x], [y])
    out.append(y.d.copy())
    y.g = [3, 4]
    x.g = 10
    f.backward([x], [y])
    out.append(x.g.copy())
    f.backward([x], [y], [False])
    out.append(x.g.copy())
    z = f(x)
    z.forward()
    out += [z.d.copy(), caught(lambda: nn.function.LeakyReLU(ctx)), caught(lambda: nn.function.LeakyReLU(ctx, "a", False))]
    return out


@scenario
def dead_outputs(nn, F):
    x = var(nn, [1, 2])
    y = F.exp(x)
    z = F.tanh(y)
    f = y.parent
    n = len(x.function_references)
    del y, z
    import gc
    gc.collect()
    del f
    gc.collect()
    return n, len(x.function_references)


@scenario
def hooks(nn, F):
    x = var(nn, [1, 2])
    h = F.exp(x)
    y = F.sum(h * x)
    log = []
    y.forward(function_pre_hook=lambda f: log.append("pre " + f.name), function_post_hook=lambda f: log.append("post " + f.name))
    x.grad.zero()
    y.backward(function_pre_hook=lambda f: log.append("bpre " + f.name), function_post_hook=lambda f: log.append(["bpost " + f.name, f.inputs[0].g.copy()]))
    out = [log, x.g.copy(), h.g.copy()]
    log2 = []
    nn.set_function_pre_hook("a", lambda f: log2.append("A" + f.name))
    nn.set_function_pre_hook("a", lambda f: log2.append("duplicate"))
    nn.set_function_post_hook("b", lambda f: log2.append("B" + f.name))
    y.forward(function_pre_hook=lambda f: log2.append("l"), function_post_hook=lambda f: log2.append("m"))
    nn.unset_function_pre_hook("a")
    nn.unset_function_post_hook("b")
    nn.unset_function_post_hook("unknown")
    y.forward()
    return out, log2


@scenario
def hooks_with_an_unused_output(nn, F):
    x = var(nn, np.arange(4).reshape(2, 2))
    a, b = F.split(x, axis=1)
    b.g = 7
    loss = F.sum(a * a)
    loss.forward()
    x.grad.zero()
    log = []
    loss.backward(function_post_hook=lambda f: log.append(f.name))
    first = [log, x.g.copy(), a.g.copy(), b.g.copy()]
    b.g = 7
    x.grad.zero()
    loss.backward()
    return first, x.g.copy(), b.g.copy()


@scenario
def gradient_variables(nn, F):
    out = []
    x, w = var(nn, [1, 2, 3]), var(nn, [4, 5, 6])
    y = F.sum(x * x * w)
    gx, gw = nn.grad([y], [x, w])
    s = F.sum(gx * gx)
    s.forward()
    out.append([gx.d.copy(), list(gx.shape), gx.need_grad])
    x.grad.zero()
    w.grad.zero()
    s.backward()
    out.append([x.g.copy(), w.g.copy()])
    ggx, = nn.grad([F.sum(gx)], [x])
    gggx = nn.grad(F.sum(ggx), [x])[0]
    nn.forward_all([ggx, gw])
    out.append([ggx.d.copy(), gw.d.copy(), y.persistent, list(gggx.shape)])
    z = var(nn, [1, 1])
    zero, = nn.grad([y], [z])
    zero.forward() if zero.parent is not None else None
    out.append([list(zero.shape), zero.d.copy()])
    y2 = F.exp(x)
    g2, = nn.grad([y2], [x], grad_outputs=[var(nn, [1, 10, 100])])
    g3, = nn.grad([y2], [x], grad_outputs=[np.float32([1, 2, 3])])
    g4, = nn.grad([y2], [x], grad_outputs=2)
    nn.forward_all([g2, g3, g4])
    out.append([g2.d.copy(), g3.d.copy(), g4.d.copy()])
    h = x * w
    y3 = F.sum(F.exp(h * 0.1))
    gh, = nn.grad([y3], [h])
    gh.forward()
    out.append(gh.d.copy())
    gb, = nn.grad([y3], [x], bind_grad_output=True)
    gb.forward()
    out.append(x.g.copy())
    out.append([caught(lambda: nn.grad([y], [3])), caught(lambda: nn.grad([x], [x])), caught(lambda: nn.grad([y], [x], grad_outputs=[1, 2])),
                caught(lambda: nn.grad([y], [x], grad_outputs=[np.ones(7)])), caught(lambda: nn.grad([y], [x], persistent_outputs=[True, False]))])
    with nn.auto_forward():
        y4 = F.sum(x ** 3)
        g5, = nn.grad([y4], [x])
        g6, = nn.grad([F.sum(g5)], [x])
        out.append([g5.d.copy(), g6.d.copy()])
    return out


@scenario
def python_function(nn, F):
    calls = []

    class Scale(nn.function.PythonFunction):
        def __init__(self, s, ctx=None):
            super().__init__(ctx)
            self.s = s

        @property
        def name(self):
            return "Scale"

        def min_outputs(self):
            return 2

        def setup_impl(self, inputs, outputs):
            calls.append(["setup", list(inputs[0].shape)])
            outputs[0].reset_shape(inputs[0].shape, True)
            outputs[1].reset_shape((1,), True)

        def forward_impl(self, inputs, outputs):
            calls.append("forward")
            outputs[0].d = inputs[0].d * self.s
            outputs[1].d = np.sum(inputs[0].d)

        def backward_impl(self, inputs, outputs, propagate_down, accum):
            calls.append(["backward", [bool(p) for p in propagate_down]])
            if not propagate_down[0]:
                return
            g = outputs[0].g * self.s + outputs[1].g
            if accum[0]:
                inputs[0].g += g
            else:
                inputs[0].g = g

        def grad_depends_output_data(self, i, o):
            return False

        def grad_depends_input_data(self, i, j):
            return False

    x, c = var(nn, [1, 2]), var(nn, [5, 5], need_grad=False)
    y, t = Scale(3)(x)
    out = [y.parent.name, y.parent.info.type_name, list(t.shape), y.need_grad]
    loss = F.sum(y * y) + F.sum(t)
    loss.forward()
    x.grad.zero()
    loss.backward()
    out += [y.d.copy(), t.d.copy(), x.g.copy(), calls]
    loss.backward()
    out.append(x.g.copy())
    z, _ = Scale(2)(nn.NdArray.from_numpy_array(np.float32([1, 2])))
    out.append([type(z).__name__, z.data.copy()])
    with nn.auto_forward():
        a, _ = Scale(4)(x)
        out.append(a.d.copy())
    return out


@scenario
def contexts(nn, F):
    c = nn.Context()
    d = nn.Context(['cpu:half', 'cpu:float'], 'CpuCachedArray', '1')
    out = [repr(c), repr(d), d['backend'], d['array_class'], d['device_id'], c == nn.Context(), caught(lambda: nn.Context([1])),
           caught(lambda: nn.Context(device_id=1)), nn.Context('ab').backend]
    e = __import__("pickle").loads(__import__("pickle").dumps(d))
    out.append(repr(e))
    from_copy = __import__("copy").copy(d)
    out.append(repr(from_copy))
    before = nn.get_current_context()
    with nn.context_scope(d):
        out.append([nn.get_current_context() is d, caught(lambda: nn.set_default_context(c))])
        y = F.relu(var(nn, [1, -2]))
    out.append(nn.get_current_context() is before)
    y.forward()
    out.append([str(y.d.dtype), y.d.astype(np.float32), y.parent.context.backend])
    with nn.context_scope(nn.Context(['cudnn:float'])):
        out.append(caught(lambda: F.relu(var(nn, [1]))))
    with nn.context_scope(nn.Context(['cudnn:float', 'cpu:float'])):
        z = F.relu(var(nn, [1]))
        z.forward()
        out.append(z.d.copy())
    return out


@scenario
def half_context(nn, F):
    from_ext = nn.Context(['cpu:half', 'cpu:float'], 'CpuCachedArray', '')
    with nn.context_scope(from_ext):
        x, w = var(nn, np.ones((2, 3))), var(nn, np.full((3, 2), 0.5))
        y = F.affine(x, w)
        loss = F.sum(y * y)
        loss.forward()
        x.grad.zero()
        w.grad.zero()
        loss.backward()
    return [str(y.d.dtype), str(w.d.dtype), y.d.astype(np.float32), w.g.astype(np.float32), x.g.astype(np.float32)]


@scenario
def random_streams(nn, F):
    nn.seed(7)
    out = []
    y = F.randn(shape=(5,))
    for _ in range(2):
        y.forward()
        out.append(y.d.copy())
    z = F.dropout(var(nn, np.ones(8)), 0.4)
    loss = F.sum(z * z)
    loss.forward()
    z.parent.inputs[0].grad.zero()
    loss.backward()
    out += [z.d.copy(), z.parent.inputs[0].g.copy()]
    a, b = F.rand(shape=(3,), seed=5), F.rand(shape=(3,), seed=5)
    for v in (a, b, a):
        v.forward()
        out.append(v.d.copy())
    return out


@scenario
def integer_inputs(nn, F):
    x = nn.Variable.from_numpy_array(np.arange(4).reshape(2, 2))
    y = x + 1
    y.forward()
    t = nn.Variable.from_numpy_array(np.array([[1], [0]]))
    s = F.softmax_cross_entropy(var(nn, [[1, 2], [3, 4]]), t)
    s.forward()
    return str(y.d.dtype), str(x.d.dtype), y.d.copy(), s.d.copy(), str(t.d.dtype)


@scenario
def replaced_data(nn, F):
    x = var(nn, [1, 2])
    y = x * 2
    y.forward()
    x.data = nn.NdArray.from_numpy_array(np.float32([5, 6]))
    y.forward()
    first = y.d.copy()
    y.data = nn.NdArray.from_numpy_array(np.float32([0, 0]))
    keep = y.data
    y.forward()
    g = nn.NdArray((2,))
    g.zero()
    x.grad = g
    y.backward()
    return first, keep.data.copy(), g.data.copy()


@scenario
def chained_graphs(nn, F):
    x = var(nn, [1, 2])
    y = F.exp(x)
    u = y.get_unlinked_variable(need_grad=True)
    loss = F.sum(u * u)
    y.forward()
    loss.forward()
    x.grad.zero()
    u.grad.zero()
    loss.backward()
    y.backward(grad=None)
    return x.g.copy(), u.g.copy()


@scenario
def recompute(nn, F):
    x = var(nn, [1, 2])
    with nn.recompute():
        h = F.exp(x)
        k = F.tanh(h)
    y = F.sum(k * k)
    y.forward()
    out = [h.recompute, k.recompute, y.recompute, y.d.copy(), h.data.clear_called]
    x.grad.zero()
    y.backward()
    out.append(x.g.copy())

    @nn.recompute_fn()
    def block(v):
        return F.exp(v)
    out.append(block(x).recompute)
    nn.set_global_recompute(True)
    out.append(nn.Variable((2,)).recompute)
    nn.set_global_recompute(False)
    return out


@scenario
def weird_gradients(nn, F):
    out = []
    x = nn.Variable.from_numpy_array(np.array([1., 2.]), need_grad=True)     # float64
    y = F.sum(x * x)
    y.forward()
    x.grad.zero()
    y.backward()
    out.append([x.g.copy(), str(x.d.dtype), str(x.g.dtype)])
    i = nn.Variable.from_numpy_array(np.array([1, 2]), need_grad=True)       # int64
    y = F.sum(i * i)
    y.forward()
    i.grad.zero()
    y.backward()
    out.append([i.g.copy(), str(i.d.dtype), str(i.g.dtype)])
    m = var(nn, [[3, 1, 2]])
    s, idx = F.sort(m, axis=1, with_index=True)
    loss = F.sum(s * s)
    loss.forward()
    m.grad.zero()
    loss.backward()
    out.append([m.g.copy(), idx.d.copy()])
    return out
