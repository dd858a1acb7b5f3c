"""Functions that move elements about: reshape, transpose, concatenate, slice, pad, gather, scatter ..."""
from ..case import bad, boolean, case, integers, normal, positive, ties, values

for name in ("concatenate", "stack"):
    case(name, normal(2, 3), normal(2, 3))
    case(name, normal(2, 3))
    for axis in (0, 1, -1, -2):
        case(name, normal(2, 3), normal(2, 3), normal(2, 3), axis=axis)
    case(name, normal(4), normal(4), axis=0)
    case(name, normal(2, 1, 3), normal(2, 1, 3), axis=2)
    case(name, normal(2, 3), normal(2, 3).without_grad(), axis=0)
    case(name, normal(0, 3), normal(0, 3), axis=0)
    bad(name, normal(2, 3), normal(3, 4), axis=0)
    bad(name, normal(2, 3), normal(2, 3), axis=3)
    bad(name)
case("concatenate", normal(2, 3), normal(2, 1), normal(2, 4))
case("concatenate", normal(2, 3), normal(4, 3), axis=0)
case("concatenate", normal(2, 3), normal(0, 3), axis=0)
case("stack", normal(), normal())
case("stack", normal(2, 3), normal(2, 3), axis=2)

for shape, axis in (((2, 3), 0), ((2, 3), 1), ((4,), 0), ((2, 3, 4), 2), ((2, 3, 4), -1), ((2, 3, 4), -3), ((3, 1), 0)):
    case("split", normal(*shape), axis)
case("split", normal(3, 2))
case("split", normal(2, 3), axis=-2)
case("split", normal(1, 3), 0)
bad("split", normal(2, 3), axis=2)

for shape, target in (((2, 3), (3, 2)), ((2, 3), (6,)), ((6,), (2, 3)), ((2, 3), (-1,)), ((2, 3, 4), (2, -1)), ((2, 3), (1, 2, 3, 1)),
                      ((1,), ()), ((), (1, 1)), ((0, 3), (3, 0)), ((2, 3), [3, -1])):
    case("reshape", normal(*shape), target)
    case("reshape", normal(*shape), target, inplace=False)
case("reshape", normal(2, 3), shape=(3, 2))
bad("reshape", normal(2, 3), (4, 2))
bad("reshape", normal(2, 3), (-1, 4))
bad("reshape", normal(2, 3), (-1, -1))
bad("reshape", normal(2, 3))
bad("reshape", normal(2, 3), 6)

for shape, axes in (((2, 3), (1, 0)), ((2, 3), (0, 1)), ((2, 3, 4), (2, 0, 1)), ((2, 3, 4), [1, 2, 0]), ((2, 3, 4, 2), (0, 2, 3, 1)),
                    ((4,), (0,)), ((2, 3, 4), (-1, 0, 1)), ((2, 1, 3), (1, 2, 0)), ((0, 3), (1, 0)), ((2, 3, 4), (2, 1, 0))):
    case("transpose", normal(*shape), axes)
bad("transpose", normal(2, 3), (0, 0))
bad("transpose", normal(2, 3), (0,))
bad("transpose", normal(2, 3), (0, 2))

for shape, target in (((1, 3), (2, 3)), ((2, 1), (2, 4)), ((1,), (5,)), ((1, 1), (2, 3)), ((2, 1, 3), (2, 4, 3)), ((2, 3), (2, 3)),
                      ((), (2, 2)), ((1, 3), [4, 3]), ((1, 3), (0, 3)), ((1, 1, 1, 2), (2, 3, 2, 2))):
    case("broadcast", normal(*shape), target)
bad("broadcast", normal(2, 3), (4, 3))
case("broadcast", normal(3), (2, 3))

case("broadcast_to", normal(2, 3).without_grad(), normal(2, 3))
case("broadcast_to", normal(2, 3).without_grad(), normal(3))
case("broadcast_to", normal(2, 3, 4).without_grad(), normal(3, 4))
case("broadcast_to", normal(2, 3).without_grad(), normal(2), axis=0)
case("broadcast_to", normal(2, 3, 4).without_grad(), normal(3), axis=1)
case("broadcast_to", normal(2, 3, 4).without_grad(), normal(2, 3), axis=0)
case("broadcast_to", normal(2, 3, 4).without_grad(), normal(3, 4), axis=-1)
case("broadcast_to", normal(2, 3, 4).without_grad(), normal(1, 4), axis=1)
case("broadcast_to", normal(2, 3, 4, 2).without_grad(), normal(3, 4), 1)
case("broadcast_to", normal(2, 3), normal(3))
bad("broadcast_to", normal(2, 3), normal(4))
bad("broadcast_to", normal(2, 3), normal(2))
bad("broadcast_to", normal(3), normal(2, 3))

for shape, reps in (((2, 3), (1, 2)), ((2, 3), (2, 1)), ((2, 3), 2), ((4,), (3,)), ((4,), (2, 3)), ((2, 3), (2,)), ((2, 1, 3), (1, 2, 2)),
                    ((2, 3), [1, 1]), ((2, 3), (2, 1, 2)), ((), (2,))):
    case("tile", normal(*shape), reps)

SLICES = [dict(), dict(start=(1, 0), stop=(3, 2)), dict(start=(0, 1), stop=(4, 5), step=(2, 2)), dict(start=(-2, -3), stop=(4, 5)),
          dict(start=(0, 0), stop=(-1, -2)), dict(start=(3, 4), stop=(0, 1), step=(-1, -2)), dict(start=(1, 1)), dict(stop=(2, 2)),
          dict(start=(1,), stop=(3,)), dict(step=(2, 1)), dict(start=(1, 2), stop=(1, 4)), dict(start=(0, 0), stop=(9, 9)),
          dict(start=(3, 0), stop=(None, 5), step=(-1, 1))]
for setting in SLICES:
    case("slice", normal(4, 5), **setting)
case("slice", normal(2, 3, 4), [0, 1, 1], [2, 3, 3], [1, 1, 1])
case("slice", normal(5), (1,), (4,), (2,))
bad("slice", normal(4, 5), (0, 0, 0), (1, 1, 1))

for mode in ("constant", "reflect", "repeat"):
    case("pad", normal(3, 4), (1, 2), mode)
    case("pad", normal(3, 4), (1, 0, 2, 1), mode)
    case("pad", normal(2, 3, 4), (0, 0, 1, 1, 2, 0), mode=mode)
    case("pad", normal(4), [2, 1], mode)
    case("pad", normal(2, 3, 4), (2, 2), mode)
    case("pad", normal(2, 3, 4, 3), (1, 1, 0, 2), mode)
    case("pad", normal(2, 3), (0, 0), mode)
case("pad", normal(3, 4), (1, 1))
case("pad", normal(3, 4), (1, 1, 1, 1), "constant", 2.5)
case("pad", normal(3, 4), pad_width=(0, 3), constant_value=-1)
case("pad", normal(3, 4), (4, 5), "repeat")
bad("pad", normal(3, 4), (1, 1, 1))
bad("pad", normal(3, 4), (1, 1, 1, 1, 1, 1))
bad("pad", normal(3, 4), (1, 1), "mirror")
bad("pad", normal(3, 4), (4, 1), "reflect")

for axes in (None, [0], [1], [-1], [0, 1], [-2, -1], (2,), [0, 1, 2]):
    case("flip", normal(2, 3, 4), axes)
case("flip", normal(5))
case("flip", normal(2, 1), axes=[1])
bad("flip", normal(2, 3), [2])

for mode in ("nearest", "reflect"):
    for shifts in ((1,), (0, 2), (-1, 1), (0, -2), (1, 0), (0, 1, -1)):
        n = len(shifts)
        case("shift", normal(*(3, 4, 5)[3 - n:]), shifts, mode)
case("shift", normal(3, 4))
case("shift", normal(2, 3, 4), (1, 1))
bad("shift", normal(3, 4), (1, 1, 1))
bad("shift", normal(3, 4), (1, 1), "mirror")

for shape in ((3,), (2, 3), (2, 2, 3), (1,), (0,), (2, 1), (5,), (1, 2, 2)):
    case("matrix_diag", normal(*shape))
for shape in ((3, 3), (2, 3, 3), (2, 2, 2, 2), (1, 1), (2, 1, 1), (5, 5), (1, 4, 4), (3, 2, 2)):
    case("matrix_diag_part", normal(*shape))
bad("matrix_diag_part", normal(2, 3))
for k in (0, 1, -1, 2, -2, 5):
    case("trilu", normal(3, 4), k)
    case("trilu", normal(4, 3), k=k, upper=False)
    case("trilu", normal(2, 3, 3), k, True)
    case("eye_like", normal(3, 4).without_grad(), k)
    case("eye_like", normal(4, 3).without_grad(), k=k)
bad("trilu", normal(3))
case("trilu", normal(3, 4))
case("eye_like", normal(3, 3).without_grad())
bad("eye_like", normal(3).without_grad())
bad("eye_like", normal(2, 3, 3).without_grad())

for setting in (dict(), dict(start=1), dict(end=2), dict(start=1, end=3), dict(start=-2), dict(end=-1), dict(start=-3, end=-1), dict(start=0, end=9)):
    case("shape", normal(2, 3, 4, 5).without_grad(), **setting)
case("shape", normal(4).without_grad())

for ij in (False, True):
    case("meshgrid", normal(3), normal(4), ij_indexing=ij)
    case("meshgrid", normal(2), normal(3), normal(4), ij_indexing=ij)
    case("meshgrid", normal(3), normal(3), ij_indexing=ij)
    case("meshgrid", normal(1), normal(4), ij_indexing=ij)
case("meshgrid", normal(3), normal(2))
case("function_bases.meshgrid", normal(3), normal(2), ij_indexing=True)

for axis, batch in ((0, 0), (1, 0), (2, 0), (-1, 0), (-2, 0), (1, 1), (2, 1), (2, 2)):
    lead = (3, 3, 4)[:batch]
    case("gather", normal(3, 3, 4), integers(*lead, 2, high=3), axis, batch)
    case("gather", normal(3, 3, 4), integers(*lead, 2, 2, high=3), axis=axis, batch_dims=batch)
case("gather", normal(4, 2), integers(3, high=4))
case("gather", normal(4, 2), integers(3, low=-4, high=0))
case("gather", normal(4, 2), integers(high=4))
case("gather", normal(4), integers(0, high=4))
bad("gather", normal(4, 2), values([1, 4], dtype="int64"))
bad("gather", normal(4, 2), integers(2, high=2), axis=2)
case("gather_nd", normal(4, 3), values([[0, 1, 3]], dtype="int64"))
case("gather_nd", normal(4, 3), values([[0, 1, 3], [2, 0, 1]], dtype="int64"))
case("gather_nd", normal(4, 3), values([[-1, 1, -4], [2, 0, -1]], dtype="int64"))
case("gather_nd", normal(2, 3, 4), values([[[0, 1], [1, 0]], [[2, 0], [1, 1]]], dtype="int64"))
case("gather_nd", normal(2, 3, 4), values([[1, 1, 0]], dtype="int64"))
case("gather_nd", normal(2, 3, 4), values([[1, 1, 0], [2, 2, 0], [3, 3, 3]], dtype="int64"))
case("gather_nd", normal(5), values([[4, 4, 0]], dtype="int64"))
case("gather_nd", normal(4, 3), [[0, 1, 3], [2, 0, 1]])
bad("gather_nd", normal(4, 3), values([[0, 9]], dtype="int64"))
bad("gather_nd", normal(4), values([[0], [1]], dtype="int64"))

for add in (False, True):
    case("scatter_nd", normal(3), values([[0, 2, 4]], dtype="int64"), shape=(6,), add=add)
    case("scatter_nd", normal(3, 4), values([[0, 2, 4]], dtype="int64"), shape=(6, 4), add=add)
    case("scatter_nd", normal(2), values([[0, 1], [2, 0]], dtype="int64"), (3, 4), add=add)
    case("scatter_nd", normal(2, 2), values([[[0, 1], [1, 2]], [[2, 0], [1, 1]]], dtype="int64"), (3, 4), add=add)
    case("scatter_nd", normal(2), values([[-1, 1]], dtype="int64"), shape=[4], add=add)
case("scatter_nd", normal(3), [[0, 2, 4]], (6,))
case("scatter_nd", normal(4), values([[1, 1, 0, 1]], dtype="int64"), shape=(3,), add=True)
case("scatter_nd", normal(2, 3), values([[1, 1]], dtype="int64"), shape=(3, 3), add=True)
bad("scatter_nd", normal(3), values([[0, 2, 9]], dtype="int64"), shape=(6,))
bad("scatter_nd", normal(3), values([[0, 2]], dtype="int64"), shape=(6,))
bad("scatter_nd", normal(3), values([[0, 2, 4]], dtype="int64"))
for axis in (0, 1, -1, -2):
    case("scatter_add", normal(3, 4), integers(2, 3, high=3), normal(2, 3), axis)
case("scatter_add", normal(5), integers(4, high=5), normal(4))
case("scatter_add", normal(3, 4), integers(3, 4, high=3), normal(3, 4))
case("scatter_add", normal(2, 3, 4), integers(2, 2, 3, high=3), normal(2, 2, 3), axis=1)
case("scatter_add", normal(3, 4), integers(2, 3, low=-3, high=0), normal(2, 3), axis=0)
case("scatter_add", normal(3, 4).without_grad(), integers(2, 3, high=3), normal(2, 3))
bad("scatter_add", normal(3, 4), integers(2, 3, high=3), normal(2, 4))

case("bool_gather", normal(2, 3), values([[1, 0, 1], [0, 1, 0]]).without_grad())
case("bool_gather", normal(4, 2), values([1, 0, 1, 1]).without_grad())
case("bool_gather", normal(2, 2, 3), values([[1, 0], [0, 1]]).without_grad())
case("bool_gather", normal(4), values([0.0, 0.0, 0.0, 0.0]).without_grad())
case("bool_gather", normal(3), values([1.0, 1.0, 1.0]).without_grad())
case("bool_gather", normal(4), boolean(4))
case("bool_gather", normal(2, 3, 2), values([[1, 0, 0], [1, 1, 0]]).without_grad())
case("bool_gather", normal(3, 2, 2, 2), values([1, 0, 1]).without_grad())
case("bool_gather", normal(2, 3, 2, 1, 2), values([[1, 0, 1], [0, 1, 0]]).without_grad())
case("bool_gather", normal(5, 1), values([0, 0, 1, 0, 1]).without_grad())
case("bool_gather", normal(3, 2), values([True, False, True], dtype="bool"))
bad("bool_gather", normal(4), boolean(3))
case("bool_scatter", normal(3), values([[1, 0, 1], [0, 1, 0]]).without_grad())
case("bool_scatter", normal(3, 2), values([1, 0, 1, 1]).without_grad())
case("bool_scatter", normal(2, 3), values([[1, 0], [0, 1]]).without_grad())
case("bool_scatter", normal(3), values([1.0, 1.0, 1.0]).without_grad())
case("bool_scatter", normal(2), values([0, 1, 0, 0, 1]).without_grad())
case("bool_scatter", normal(3, 2, 2), values([[1, 0], [1, 1]]).without_grad())
case("bool_scatter", normal(2, 3), values([True, False, True], dtype="bool"))
bad("bool_scatter", normal(3), values([1.0, 0.0, 1.0]).without_grad())
for value in (0, 1.5, -2, 0.1):
    case("bool_fill", normal(3, 4), boolean(3, 4), value)
    case("bool_fill", normal(2, 3), boolean(1, 3), value=value)
case("bool_fill", normal(3, 4), boolean(3, 1))
case("bool_fill", normal(4), ties(4).without_grad(), 7.0)
bad("bool_fill", normal(3, 4), boolean(3, 3))

case("assign", normal(2, 3), normal(2, 3)).flags(second=False)
case("assign", normal(4), normal(4).without_grad()).flags(second=False)
case("assign", normal(), normal()).flags(second=False)
case("assign", normal(2, 1, 2).without_grad(), normal(2, 1, 2)).flags(second=False)
case("assign", normal(0, 2), normal(0, 2)).flags(second=False)
case("assign", normal(5).without_grad(), normal(5))
case("assign", normal(1, 4).without_grad(), normal(1, 4).without_grad())
case("assign", normal(2, 2).without_grad(), integers(2, 2))
bad("assign", normal(2, 3), normal(3, 2))
case("sink", normal(2, 3), normal(4)).flags(backward=False)
case("sink", normal(2, 3)).flags(backward=False)
case("sink", normal(2, 3), normal(2, 3), one_input_grad=False).flags(backward=False)
case("sink", normal(), normal(2), one_input_grad=True).flags(backward=False)
case("sink", normal(0, 2), normal(2)).flags(backward=False)
case("sink", normal(3), normal(3), normal(2, 2), one_input_grad=False).flags(backward=False)
case("sink", normal(1), one_input_grad=False).flags(backward=False)
case("sink", normal(2, 2).without_grad(), normal(3)).flags(backward=False)
bad("sink")

for first in (True, False):
    shape = (lambda t, n, *r: (n, t) + r) if first else (lambda t, n, *r: (t, n) + r)
    case("pack_padded_sequence", normal(*shape(4, 3, 2)), values([4, 2, 1], dtype="int64"), batch_first=first)
    case("pack_padded_sequence", normal(*shape(4, 3)), values([4, 3, 3], dtype="int64"), batch_first=first)
    case("pack_padded_sequence", normal(*shape(3, 2, 2, 2)), values([3, 1], dtype="int64"), first)
    case("pack_padded_sequence", normal(*shape(3, 2, 2)), values([3, 3], dtype="int64"), first)
    case("pad_packed_sequence", normal(7, 2), values([3, 2, 1, 1], dtype="int64"), batch_first=first)
    case("pad_packed_sequence", normal(7, 2), values([3, 2, 1, 1], dtype="int64"), batch_first=first, padding_value=-1.5)
    case("pad_packed_sequence", normal(7, 2), values([3, 2, 1, 1], dtype="int64"), batch_first=first, total_length=6)
    case("pad_packed_sequence", normal(7), values([3, 2, 1, 1], dtype="int64"), first, 0.5, 5)
    case("pad_packed_sequence", normal(0, 3), values([], dtype="int64"), first, total_length=4)     # no steps

case("arange", 0, 5)
case("arange", 1, 4.5)
case("arange", 0, 5, 2)
case("arange", 0.5, 3.0, 0.25)
case("arange", 5, 0, -1)
case("arange", start=2, stop=2)
case("arange", 0.0, 1.0, 0.1)
case("arange", -1, 1, step=0.7)
case("linspace", 0, 1, 5)
case("linspace", 1, -1, 4)
case("linspace", 0, 10, 11)
case("linspace", 0.1, 0.9, 3)
case("linspace", 2, 2, 4)
case("linspace", 0, 1, 1)
case("linspace", 0, 1, 0)
case("linspace", start=-3, stop=3, num=7)
case("constant")
case("constant", 1.5)
case("constant", 2, (2, 3))
case("constant", shape=(4,))
case("constant", 0.1, [1, 2, 1])
case("constant", -1, (0, 2))
case("constant", val=3, shape=[])
case("constant", True, (2,))
bad("constant", "x", (2,))
