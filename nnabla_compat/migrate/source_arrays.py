"""Further operators written in PyTorch: positions, linear algebra, grids, constants, normalizations without layers."""
from .source_module import call
from .source_operators import _number, batch_normalization, writes


@writes("AddN", "MulN")
def chain(m, n):
    return (" + " if n.type == "AddN" else " * ").join(n.x)


@writes("Ceil", "Floor")
def rounded(m, n):
    return f"{m.function('straight_through')}({n.input}, torch.{n.type.lower()}({n.input}))"


@writes("Sign")
def sign(m, n):
    signs = f"torch.sign({n.input})"
    if n.args["alpha"]:
        signs = f"torch.where({n.input} == 0, {_number(n.args['alpha'])}, {signs})"
    return f"{m.function('straight_through')}({n.input}, {signs})"


@writes("Mod2")
def mod(m, n):
    return f"torch.fmod({n.x[0]}, {n.x[1]})"


@writes("CategoricalCrossEntropy")
def categorical_cross_entropy(m, n):
    return f"{m.function('categorical_cross_entropy')}({n.x[0]}, {n.x[1]}, {n.args['axis']})"


@writes("KLMultinomial")
def kl_multinomial(m, n):
    return f"{m.function('kl_divergence')}({n.x[0]}, {n.x[1]}, {tuple(range(n.args['base_axis'], len(n.shapes[0])))})"


# -- positions ---------------------------------------------------------------------------------------

@writes("GatherNd")
def gather_nd(m, n):
    return f"{n.input}[{n.x[1]}.long().unbind(0)]"


@writes("ScatterNd")
def scatter_nd(m, n):
    base = f"{n.input}.new_zeros({tuple(n.args['shape'])})" if n.x[2] is None else n.x[2]
    return f"{base}.index_put({n.x[1]}.long().unbind(0), {n.x[0]}{', accumulate=True' if n.args['add'] else ''})"


@writes("ScatterAdd")
def scatter_add(m, n):
    n.refuse_unless(n.shapes[1] == n.shapes[2], "positions of another shape than the values")
    return f"{n.x[0]}.scatter_add({n.args['axis']}, {n.x[1]}.long(), {n.x[2]})"


@writes("SearchSorted")
def search_sorted(m, n):
    return f"torch.searchsorted({n.x[0]}, {n.x[1]}{', right=True' if n.args['right'] else ''}).to({n.x[1]}.dtype)"


@writes("Shape")
def shape(m, n):
    return f"torch.tensor({n.input}.shape[{n.args['start'] or ''}:{n.args['end'] or ''}], dtype={n.input}.dtype)"


# -- matrices, grids, constants ----------------------------------------------------------------------

@writes("Trilu")
def trilu(m, n):
    return call(f"torch.tri{'u' if n.args['upper'] else 'l'}", n.input, *[n.args["k"]] if n.args["k"] else [])


@writes("BatchCholesky")
def cholesky(m, n):
    return call("torch.linalg.cholesky", n.input, upper=True if n.args["upper"] else None)


@writes("Einsum")
def einsum(m, n):
    return f"torch.einsum({n.args['equation']!r}, {', '.join(n.x)})"


@writes("EyeLike")
def eye_like(m, n):
    rows, columns = n.shapes[0]
    n.refuse_unless(n.batch is None or rows != n.batch, "as many rows as the batch has")
    diagonal = f"torch.ones_like({n.input}).triu({n.args['k']}).tril({n.args['k']})"
    return diagonal if -rows < n.args["k"] < columns else f"torch.zeros_like({n.input})"


@writes("Meshgrid")
def meshgrid(m, n):
    n.refuse_unless(n.count > 1, "a single array")
    return [f"torch.meshgrid({', '.join(n.x)}, indexing={'ij' if n.args['ij_indexing'] else 'xy'!r})"]


@writes("BroadcastTo")
def broadcast_to(m, n):
    axis, missing = n.args["axis"], len(n.shapes[0]) - len(n.shapes[1])
    after = missing - axis if axis >= 0 else 0
    y = f"{n.x[1]}[{', '.join(['...', *['None'] * after])}]" if after else n.x[1]
    return f"{y}.expand_as({n.x[0]})"


@writes("Linspace", "Arange")
def progression(m, n):
    a = n.args
    numbers = [a["start"], a["stop"], a["num"] if n.type == "Linspace" else a["step"]]
    return call(f"torch.{n.type.lower()}", *map(_number, numbers), **{} if n.type == "Linspace" else {"dtype": "torch.float32"},
                device=m.device())


@writes("AffineGrid")
def affine_grid(m, n):
    n.refuse_unless(1 not in n.args["size"] or not n.args["align_corners"], "axes of one element with align_corners")
    size = [f"{n.input}.shape[0]", 1, *n.args["size"]]
    return f"F.affine_grid({n.input}, ({', '.join(map(str, size))}), align_corners={n.args['align_corners']})"


@writes("WarpByGrid")
def warp_by_grid(m, n):
    a = n.args
    n.refuse_unless(a["mode"] == "linear" and not a["channel_last"], "nearest neighbours, or channels last")
    padding = {"zero": "zeros", "repeat": "border", "reflect": "reflection"}[a["padding_mode"]]
    return call("F.grid_sample", *n.x, padding_mode=None if padding == "zeros" else repr(padding), align_corners=a["align_corners"])


@writes("FFT", "IFFT")
def fourier(m, n):
    axes = tuple(range(-n.args["signal_ndim"], 0))
    numbers = call(f"torch.fft.{n.type.lower()}n", f"torch.view_as_complex({n.input})", dim=axes,
                   norm="'ortho'" if n.args["normalized"] else None)
    return f"torch.view_as_real({numbers})"


# -- normalizations ----------------------------------------------------------------------------------

@writes("SyncBatchNormalization")
def sync_batch_normalization(m, n):
    return batch_normalization(m, n)


@writes("FusedBatchNormalization")
def fused_batch_normalization(m, n):
    n.refuse_unless(n.args["nonlinearity"] == "relu", "other activations than relu")
    z = n.names[5]
    n.names = n.names[:5]
    normalized = batch_normalization(m, n)
    return f"F.relu({normalized})" if z is None else f"F.relu({normalized} + {m.value(z)})"


@writes("NormNormalization")
def norm_normalization(m, n):
    n.refuse_unless(n.args["axes"], "no axes")
    p = n.args["p"]
    return (f"{n.input} / torch.linalg.vector_norm({n.input}, {_number(p)}, {tuple(n.args['axes'])}, keepdim=True)")


@writes("WeightStandardization", "TensorNormalization")
def standardized(m, n):
    n.refuse_unless(n.count == 1, "mean and variance as outputs")
    kept = n.args["axes"] if n.type.startswith("Tensor") else (n.args["channel_axis"],)
    axes = tuple(i for i in range(len(n.shapes[0])) if i not in [a % len(n.shapes[0]) for a in kept])
    made = f"{m.function('standardized')}({n.input}, {axes}, {_number(n.args['eps'])})"
    if n.type.startswith("Tensor"):
        beta, gamma = n.names[1:3]
        made += f" * {m.value(gamma)}" if gamma is not None else ""
        made += f" + {m.value(beta)}" if beta is not None else ""
    return made
