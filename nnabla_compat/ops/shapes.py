"""Shape rules shared by kernels: same parameters as a kernel, shapes (tuples of int) for its tensors."""


def left_to_torch(rule):
    """Mark a rule whose refusals the kernel's torch calls share: calls that compute at once do not ask it."""
    rule.left_to_torch = True
    return rule


@left_to_torch
def same_shape(x, *_, **__):
    """The first input's shape."""
    return x


@left_to_torch
def no_shape(*_, **__):
    """A scalar."""
    return ()


@left_to_torch
def broadcast_pair(x0, x1, **_):
    """Equal numbers of axes, of equal length or 1 (nnabla never adds axes to broadcast)."""
    if x0 == x1:
        return x0
    if len(x0) != len(x1):
        raise ValueError(f"expected inputs with the same number of axes, received shapes {x0} and {x1}. "
                         "nnabla adds no axes when it broadcasts: reshape the smaller one first")
    out = []
    for a, b in zip(x0, x1):
        if a != b and a != 1 and b != 1:
            raise ValueError(f"expected shapes that are equal or 1 along each axis, received {x0} and {x1}")
        out.append(b if a == 1 else a)
    return tuple(out)


def normalize_axis(axis, ndim):
    """``axis`` counted from the front; ValueError when it is out of range."""
    if not -ndim <= axis < ndim:
        raise ValueError(f"expected an axis in [{-ndim}, {ndim}), received {axis}")
    return axis + ndim if axis < 0 else axis


@left_to_torch
def along_axis(x, *_, axis, **__):
    """The first input's shape, in which ``axis`` exists (negative counts from the end)."""
    normalize_axis(axis, len(x))
    return x


def doubled_axis(x, *, axis, **_):
    """The input's shape, twice as long along ``axis``."""
    axis = normalize_axis(axis, len(x))
    return (*x[:axis], 2 * x[axis], *x[axis + 1:])


@left_to_torch
def equal_shapes(*x, **_):
    """The one shape all inputs have."""
    if not x:
        raise ValueError("expected at least one input, received none")
    for shape in x:
        if shape != x[0]:
            raise ValueError(f"expected inputs of one shape, received {', '.join(str(tuple(s)) for s in x)}. "
                             "Nothing is broadcast here: reshape or broadcast them first")
    return x[0]


@left_to_torch
def reduced(x, axes, keep_dims=False, **_):
    """The input's shape without ``axes``, or with them of length 1."""
    dropped = {normalize_axis(a, len(x)) for a in axes}
    if len(dropped) != len(axes):
        raise ValueError(f"expected distinct axes, received {tuple(axes)} for shape {x}")
    if keep_dims:
        return tuple([1 if i in dropped else n for i, n in enumerate(x)])
    return tuple([n for i, n in enumerate(x) if i not in dropped])


# Checks for kernels, of what torch would silently broadcast and nnabla refuses

def require_equal_axes(x0, x1):
    """ValueError when the numbers of axes of two tensors differ."""
    if x0.dim() != x1.dim():
        broadcast_pair(tuple(x0.shape), tuple(x1.shape))


def require_equal_shapes(*x):
    """ValueError when the shapes of the tensors differ."""
    equal_shapes(*[t.shape for t in x])
