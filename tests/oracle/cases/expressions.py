"""Operators and indexing of arrays and variables, as written in code."""
from ..case import bad, boolean, expression, integers, normal, positive, uniform, values

BINARY = {"add": "+", "sub": "-", "mul": "*", "div": "/", "pow": "**"}
for name, sign in BINARY.items():
    group = f"array.{name}"
    for a, b in (((2, 3), (2, 3)), ((2, 1), (1, 3)), ((), ()), ((4,), (1,)), ((2, 1, 3), (2, 4, 1))):
        expression(group, f"a {sign} b", a=positive(*a), b=positive(*b))
    for scalar in ("2", "0.5", "-1.5", "3", "True", "np.float32(1.25)"):
        expression(group, f"a {sign} {scalar}", a=positive(2, 3))
        if scalar != "True" and not (name == "pow" and scalar == "-1.5") and not scalar.startswith("np"):
            expression(group, f"{scalar} {sign} a", a=positive(2, 3))
    expression(group, f"(a {sign} b) {sign} a", a=positive(2, 3), b=positive(2, 3))
    expression(group, f"a {sign} a", a=positive(2, 3))
    expression(group, f"a {sign} b", a=positive(2, 3), b=positive(3)).flags(bad=True)
    expression(group, f"a {sign} 'x'", a=positive(2, 3)).flags(bad=True)
    expression(group, f"a {sign} None", a=positive(2, 3)).flags(bad=True)
    expression(group, f"a {sign} [1, 2]", a=positive(2, 3)).flags(bad=True)
expression("array.div", "a / 0", a=positive(2)).flags(bad=True)
expression("array.neg", "-a", a=normal(2, 3))
expression("array.neg", "-a", a=normal())
expression("array.neg", "-(-a)", a=normal(2, 3))
expression("array.neg", "sum([a, b])", a=normal(2, 3), b=normal(2, 3))
expression("array.neg", "-a * 2 - b ** 2 / 3", a=normal(2, 3), b=normal(2, 3))
for a, b in (((3,), (3,)), ((2, 3), (3, 4)), ((3,), (3, 4)), ((2, 3), (3,)), ((2, 2, 3), (2, 3, 4)), ((2, 2, 3), (3, 4)), ((3, 4), (2, 4, 2)),
             ((2, 2, 3), (3,)), ((3,), (2, 3, 4)), ((2, 1, 2, 3), (3, 3, 2))):
    expression("array.matmul", "a @ b", a=normal(*a), b=normal(*b))
expression("array.matmul", "a @ b", a=normal(2, 3), b=normal(4, 2)).flags(bad=True)
expression("array.matmul", "a @ b", a=normal(), b=normal())
expression("array.matmul", "a @ 2", a=normal(2, 3)).flags(bad=True)

for key in ("0", "-1", "1:", ":-1", "::2", "::-1", "1:3", "0, 1", ":, 1", "1, :", "..., 0", "...", ":, ::-1", "None", "..., None", "1:3, 0:2", "-2:, -1",
            ":, :, None", "3:0:-1, ::2", "()", "1:1", "True", "0:1", ":, -1:"):
    expression("array.getitem", f"a[{key}]", a=normal(4, 3))
for key in ("0", "1, 2", "0, :, 1", "..., 1:3", ":, 1", "0, ...", "1, 0, 2", "::1, ::-1, ::2", "..., 0, :", "0, 1, None, 2"):
    expression("array.getitem", f"a[{key}]", a=normal(2, 3, 4))
for key in ("[0, 1], [1, 2]", "[0, 2, 0]", "[-1]", "np.array([0, 1])", "np.array([[0, 1], [2, 0]])", "np.array([0, 1]), np.array([2, 0])", "(0, 1)",
            "[True, False, True, True]", "np.array([True, False, False, True])", "np.arange(12).reshape(4, 3) % 2 == 0", "[0, 1],"):
    expression("array.getitem", f"a[{key}]", a=normal(4, 3))
expression("array.getitem", "a[i]", a=normal(4, 3), i=integers(3, high=4))
expression("array.getitem", "a[i, j]", a=normal(4, 3), i=integers(3, high=4), j=integers(3, high=3))
for key in ("4", "-5", "0, 0, 0", "..., ...", "'x'", "1.0", "np.int64(1)", "[0, 1], 0", "[0, 1], :", "[9]"):
    expression("array.getitem", f"a[{key}]", a=normal(4, 3)).flags(bad=True)

for key, shape in (("0", (3,)), ("1:", (3, 3)), (":, 1", (4,)), ("::2", (2, 3)), ("0, 0", ()), ("...", (4, 3)), ("[0, 2]", (2, 3)), ("[0, 1], [1, 2]", (2,)),
                   ("1:3, 0:2", (2, 2)), ("::-1", (4, 3)), ("-1", (3,))):
    expression("array.setitem", f"y = F.identity(a); y[{key}] = b", a=normal(4, 3), b=normal(*shape))
    expression("array.setitem", f"y = F.identity(a); y[{key}] = 2.5", a=normal(4, 3)).flags(backward=False)
expression("array.setitem", "y = F.identity(a); y[1:] = b", a=normal(4, 3), b=normal(1, 3))
expression("array.setitem", "y = F.identity(a); y[1:] = np.ones((3, 3))", a=normal(4, 3)).flags(backward=False)
expression("array.setitem", "y = F.identity(a); y[0] += 5", a=normal(4, 3)).flags(backward=False)
expression("array.setitem", "y = F.identity(a); y[0] *= b", a=normal(4, 3), b=normal(3))
expression("array.setitem", "y = F.identity(a); y[9] = 1", a=normal(4, 3)).flags(bad=True)
expression("array.setitem", "y = F.identity(a); y[0] = b", a=normal(4, 3), b=normal(4)).flags(bad=True)

for sign in ("+", "-", "*", "/", "**"):
    expression("array.inplace", f"y = F.identity(a); y {sign}= 2", a=positive(2, 3))
    expression("array.inplace", f"y = F.identity(a); y {sign}= b", a=positive(2, 3), b=positive(2, 3))
    expression("array.inplace", f"y = F.identity(a); y {sign}= b", a=positive(2, 3), b=positive(1, 3))

for shape, mask in (((2, 3), (2, 3)), ((2, 3), (1, 3)), ((4,), (4,)), ((2, 1, 3), (2, 1, 1)), ((3, 4), (3, 1))):
    expression("array.bool_fill", "(a.bool_fill if hasattr(a, 'bool_fill') else a.bool_fill_)(m, -1.5)", a=normal(*shape), m=boolean(*mask))
    expression("array.bool_fill", "(a.masked_fill if hasattr(a, 'masked_fill') else a.masked_fill_)(m, 2)", a=normal(*shape), m=boolean(*mask))
