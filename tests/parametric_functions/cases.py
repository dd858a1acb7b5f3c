"""Calls of every parametric function, run alike under nnabla (to record) and under this package (to test).

``run`` gives everything worth comparing about one call: names, shapes, dtypes, flags and initial values
of the parameters, outputs, gradients of inputs and parameters, values of the parameters afterwards, and
the next random number, which tells whether as many were drawn.
"""
import json
import zlib
from typing import NamedTuple

import numpy as np


class Library(NamedTuple):
    """The modules of the library under test."""

    nn: object
    PF: object
    F: object
    I: object
    random: object


class Case(NamedTuple):
    function: str
    number: int
    inputs: tuple
    arguments: object

    @property
    def id(self):
        return f"{self.function}-{self.number}"


CASES = []


def cases(function, inputs, *arguments):
    """Add a case for each of ``arguments``: a dict, a callable giving one from the library, or (inputs, dict)."""
    number = sum(case.function == function for case in CASES)
    for number, argument in enumerate(arguments, number):
        given = inputs
        if isinstance(argument, tuple):
            given, argument = argument
        CASES.append(Case(function, number, given if isinstance(given, list) else [given], argument))


def ints(shape, high):
    """Input of random integers below ``high``."""
    return ("ints", shape, high)


def binary(shape):
    """Input of random zeros and ones that needs no gradient."""
    return ("binary", shape)


def rng(seed=7):
    return np.random.RandomState(seed)


def values(*shape):
    return np.random.RandomState(11).randn(*shape).astype(np.float32)


X = (4, 3, 6)
cases("affine", X,
      dict(n_outmaps=5), dict(n_outmaps=(2, 3)), dict(n_outmaps=4, base_axis=2), dict(n_outmaps=3, with_bias=False),
      lambda t: dict(n_outmaps=3, w_init=t.I.NormalInitializer(0.2), b_init=t.I.ConstantInitializer(0.5)),
      lambda t: dict(n_outmaps=3, rng=rng(), name="named/deep"),
      lambda t: dict(n_outmaps=2, w_init=values(18, 2), b_init=values(2), fix_parameters=True),
      lambda t: dict(n_outmaps=3, apply_w=lambda w: w * 0.5, apply_b=lambda b: b + 1),
      lambda t: dict(n_outmaps=3, apply_w=t.PF.weight_normalization))
cases("svd_affine", X,
      dict(n_outmaps=5, r=3), dict(n_outmaps=(2, 3), r=2), dict(n_outmaps=4, r=2, base_axis=2),
      dict(n_outmaps=4, r=4, with_bias=False),
      lambda t: dict(n_outmaps=4, r=2, uv_init=values(18, 4), fix_parameters=True),
      lambda t: dict(n_outmaps=4, r=2, rng=rng(), b_init=t.I.ConstantInitializer(0.1)))
for name in ("binary_connect_affine", "binary_weight_affine"):
    cases(name, X,
          dict(n_outmaps=5), dict(n_outmaps=(2, 3)), dict(n_outmaps=4, base_axis=2, quantize_zero_to=-1.0),
          dict(n_outmaps=4, with_bias=False), lambda t: dict(n_outmaps=4, rng=rng(), name="n"),
          lambda t: dict(n_outmaps=4, w_init=values(18, 4), wb_init=t.I.ConstantInitializer(1), fix_parameters=True))
cases("inq_affine", X,
      dict(n_outmaps=5), dict(n_outmaps=(2, 3), num_bits=3), dict(n_outmaps=4, base_axis=2),
      dict(n_outmaps=4, with_bias=False, selection_algorithm="largest_abs"),
      lambda t: dict(n_outmaps=4, w_init=values(18, 4), inq_iterations=(1,), selection_algorithm="largest_abs"),
      lambda t: dict(n_outmaps=4, rng=rng(), i_init=t.I.ConstantInitializer(0), fix_parameters=True))

IMAGE = (2, 4, 7, 8)
cases("convolution", IMAGE,
      dict(outmaps=6, kernel=(3, 3)), dict(outmaps=4, kernel=(3, 2), pad=(1, 0), stride=(2, 1)),
      dict(outmaps=4, kernel=(2, 2), dilation=(2, 1), group=2), dict(outmaps=3, kernel=(1, 1), with_bias=False),
      ([(3, 4, 9)], dict(outmaps=5, kernel=(3,), pad=(1,))), ([(2, 2, 4, 5, 6)], dict(outmaps=2, kernel=(2, 3, 2))),
      ([(2, 3, 4, 6, 6)], dict(outmaps=2, kernel=(3, 3), base_axis=2)),
      lambda t: dict(outmaps=4, kernel=(3, 3), w_init=t.I.OrthogonalInitializer(), b_init=values(4)),
      lambda t: dict(outmaps=4, kernel=(3, 3), rng=rng(), name="conv1", fix_parameters=True),
      lambda t: dict(outmaps=4, kernel=(3, 3), apply_w=lambda w: t.PF.spectral_norm(w, test=True),
                     apply_b=lambda b: b + 1))
cases("deconvolution", IMAGE,
      dict(outmaps=6, kernel=(3, 3)), dict(outmaps=4, kernel=(3, 2), pad=(1, 0), stride=(2, 1)),
      dict(outmaps=4, kernel=(2, 2), dilation=(2, 1), group=2), dict(outmaps=3, kernel=(1, 1), with_bias=False),
      dict(outmaps=2, kernel=(3, 3), stride=(2, 2), output_padding=(1, 1)), ([(3, 4, 9)], dict(outmaps=5, kernel=(3,))),
      lambda t: dict(outmaps=4, kernel=(3, 3), rng=rng(), b_init=values(4), apply_w=lambda w: w * 2))
cases("depthwise_convolution", IMAGE,
      dict(kernel=(3, 3)), dict(kernel=(3, 2), pad=(1, 0), stride=(2, 1)), dict(kernel=(2, 2), dilation=(2, 1)),
      dict(kernel=(3, 3), multiplier=2, with_bias=False), lambda t: dict(kernel=(3, 3), multiplier=3, rng=rng()),
      lambda t: dict(kernel=(3, 3), w_init=values(4, 3, 3), b_init=values(4), fix_parameters=True))
cases("depthwise_deconvolution", IMAGE,
      dict(kernel=(3, 3)), dict(kernel=(3, 2), pad=(1, 0), stride=(2, 1)), dict(kernel=(2, 2), dilation=(2, 1)),
      dict(kernel=(3, 3), divisor=2, with_bias=False), lambda t: dict(kernel=(3, 3), divisor=4, rng=rng()),
      lambda t: dict(kernel=(3, 3), w_init=values(4, 3, 3), b_init=values(4), fix_parameters=True))


def offsets(shape, kernel, group=1):
    taps = int(np.prod(kernel)) * group
    return [shape, (shape[0], 2 * taps, *shape[2:]), (shape[0], taps, *shape[2:])]


cases("deformable_convolution", offsets((2, 4, 5, 5), (3, 3)),
           dict(outmaps=4, kernel=(3, 3), pad=(1, 1)), dict(outmaps=2, kernel=(3, 3), pad=(1, 1), with_bias=False),
           dict(outmaps=4, kernel=(3, 3), pad=(1, 1), group=2),
           (offsets((2, 4, 5, 5), (3, 3), 2), dict(outmaps=4, kernel=(3, 3), pad=(1, 1), deformable_group=2)),
           lambda t: dict(outmaps=4, kernel=(3, 3), pad=(1, 1), rng=rng(), b_init=values(4), name="d"))
cases("svd_convolution", IMAGE,
      dict(outmaps=4, kernel=(3, 3), r=2), dict(outmaps=3, kernel=(3, 2), r=1, pad=(1, 0), stride=(2, 1)),
      dict(outmaps=4, kernel=(2, 2), r=2, dilation=(2, 1)), dict(outmaps=4, kernel=(3, 3), r=3, with_bias=False),
      lambda t: dict(outmaps=4, kernel=(3, 3), r=2, uv_init=values(4, 4, 3, 3), fix_parameters=True),
      lambda t: dict(outmaps=4, kernel=(3, 3), r=2, rng=rng(), b_init=values(4)))
cases("cpd3_convolution", IMAGE,
      dict(outmaps=4, kernel=(3, 3), r=2, max_iter=20),
      dict(outmaps=3, kernel=(3, 2), r=1, pad=(1, 0), stride=(2, 1), max_iter=20),
      dict(outmaps=4, kernel=(2, 2), r=2, dilation=(2, 1), max_iter=5, stopping_criterion=-1.0),
      dict(outmaps=4, kernel=(3, 3), r=3, with_bias=False, max_iter=10, lambda_reg=0.1),
      lambda t: dict(outmaps=4, kernel=(3, 3), r=2, oik_init=values(4, 4, 3, 3), fix_parameters=True, max_iter=10),
      lambda t: dict(outmaps=4, kernel=(3, 3), r=2, rng=rng(), b_init=values(4), max_iter=10))
for name in ("binary_connect_convolution", "binary_weight_convolution"):
    cases(name, IMAGE,
          dict(outmaps=6, kernel=(3, 3)), dict(outmaps=4, kernel=(3, 2), pad=(1, 0), stride=(2, 1)),
          dict(outmaps=4, kernel=(2, 2), dilation=(2, 1), quantize_zero_to=-1.0),
          dict(outmaps=3, kernel=(1, 1), with_bias=False), lambda t: dict(outmaps=4, kernel=(3, 3), rng=rng()),
          lambda t: dict(outmaps=4, kernel=(3, 3), w_init=values(4, 4, 3, 3), b_init=values(4), fix_parameters=True))
cases("inq_convolution", IMAGE,
      dict(outmaps=6, kernel=(3, 3)), dict(outmaps=4, kernel=(3, 2), pad=(1, 0), stride=(2, 1), num_bits=3),
      dict(outmaps=4, kernel=(2, 2), dilation=(2, 1)), dict(outmaps=3, kernel=(1, 1), with_bias=False),
      lambda t: dict(outmaps=4, kernel=(3, 3), rng=rng(), inq_iterations=(1,), selection_algorithm="largest_abs"),
      lambda t: dict(outmaps=4, kernel=(3, 3), w_init=values(4, 4, 3, 3), b_init=values(4), fix_parameters=True))

cases("embed", ints((4, 3), 7),
      dict(n_inputs=7, n_features=5), dict(n_inputs=9, n_features=1), ([ints((6,), 4)], dict(n_inputs=4, n_features=3)),
      lambda t: dict(n_inputs=7, n_features=4, initializer=t.I.NormalInitializer(0.1)),
      lambda t: dict(n_inputs=7, n_features=4, fix_parameters=True, apply_w=lambda w: w * 3, name="e"))
cases("prelu", IMAGE,
      dict(), dict(shared=False), dict(shared=False, base_axis=2), dict(fix_parameters=True),
      lambda t: dict(shared=False, slope_init=t.I.ConstantInitializer(0.7), name="p"),
      lambda t: dict(shared=False, slope_init=values(4)))

for name in ("batch_normalization", "fused_batch_normalization"):
    cases(name, IMAGE,
          dict(), dict(batch_stat=False), dict(decay_rate=0.5, eps=1e-3), dict(no_scale=True), dict(no_bias=True),
          dict(fix_parameters=True), ([(5, 4)], dict()),
          lambda t: dict(param_init=dict(beta=t.I.ConstantInitializer(0.3), gamma=t.I.NormalInitializer(),
                                         mean=t.I.ConstantInitializer(0.2), var=t.I.ConstantInitializer(2.0))),
          lambda t: dict(batch_stat=False, name="first",
                         param_init=dict(mean=values(1, 4, 1, 1), var=values(1, 4, 1, 1)**2 + 0.5)))
cases("batch_normalization", IMAGE, dict(axes=[3]), dict(output_stat=True))
cases("fused_batch_normalization", [IMAGE, IMAGE], dict(), dict(batch_stat=False), dict(decay_rate=0.7))
cases("mean_subtraction", X,
      dict(), dict(base_axis=2), dict(update_running_mean=False), dict(fix_parameters=True), dict(name="m"))
cases("layer_normalization", IMAGE,
      dict(), dict(batch_axis=(0, 1)), dict(eps=1e-3), dict(no_scale=True), dict(no_bias=True),
      dict(fix_parameters=True),
      lambda t: dict(param_init=dict(beta=t.I.NormalInitializer(), gamma=t.I.NormalInitializer())),
      dict(output_stat=True))
cases("instance_normalization", IMAGE,
      dict(), dict(channel_axis=3), dict(eps=1e-3), dict(no_scale=True), dict(no_bias=True), dict(fix_parameters=True),
      lambda t: dict(param_init=dict(beta=t.I.NormalInitializer(), gamma=t.I.NormalInitializer())),
      dict(output_stat=True))
cases("group_normalization", IMAGE,
      dict(num_groups=2), dict(num_groups=4), dict(num_groups=2, eps=1e-3), dict(num_groups=2, no_scale=True),
      dict(num_groups=1, no_bias=True), dict(num_groups=2, fix_parameters=True),
      lambda t: dict(num_groups=2, param_init=dict(beta=t.I.NormalInitializer(), gamma=t.I.NormalInitializer())),
      dict(num_groups=2, output_stat=True))
cases("weight_normalization", (4, 3, 2),
      dict(), dict(dim=1), dict(dim=2, eps=1e-3), dict(fix_parameters=True),
      lambda t: dict(g_init=t.I.ConstantInitializer(1.5), name="w"))
cases("spectral_norm", (4, 3, 2),
      dict(), dict(dim=1), dict(dim=2, itr=3), dict(eps=1e-3), dict(test=True),
      lambda t: dict(u_init=t.I.ConstantInitializer(0.5), name="s"))

for name in ("fixed_point_quantized", "pow2_quantized", "pruned", "min_max_quantized"):
    w, b = ("prune_w", "prune_b") if name == "pruned" else ("quantize_w", "quantize_b")
    tuning = {"fixed_point_quantized": dict(n_w=4, delta_w=0.25, sign_b=False, ste_fine_grained_w=False),
              "pow2_quantized": dict(n_w=4, m_w=1, with_zero_w=True, ste_fine_grained_w=False),
              "pruned": dict(rate_w=0.5, rate_b=0.2),
              "min_max_quantized": dict(ql_max_w=15, w_min_max=True, ste_fine_grained_w=False, eps=0.05)}[name]
    cases(name + "_affine", X,
          dict(n_outmaps=5), dict(n_outmaps=(2, 3), **tuning), {"n_outmaps": 4, "base_axis": 2, w: False},
          {"n_outmaps": 4, b: False}, dict(n_outmaps=4, with_bias=False),
          lambda t: dict(n_outmaps=4, w_init=t.I.NormalInitializer(), b_init=values(4), fix_parameters=True),
          lambda t: dict(n_outmaps=4, rng=rng(), name="q"))
    cases(name + "_convolution", IMAGE,
          dict(outmaps=5, kernel=(3, 3)), dict(outmaps=4, kernel=(3, 2), pad=(1, 0), stride=(2, 1), **tuning),
          {"outmaps": 4, "kernel": (2, 2), "dilation": (2, 1), "group": 2, w: False},
          {"outmaps": 4, "kernel": (3, 3), "group": 2, b: False}, dict(outmaps=4, kernel=(3, 3), with_bias=False),
          lambda t: dict(outmaps=4, kernel=(3, 3), w_init=t.I.NormalInitializer(), b_init=values(4),
                         fix_parameters=True),
          lambda t: dict(outmaps=4, kernel=(3, 3), rng=rng(), name="q"))
cases("min_max_quantize", (4, 3),
      dict(), dict(ql_min=-4, ql_max=3), dict(x_min_max=True), dict(x_min_max=True, ema=True, decay=0.5),
      dict(ste_fine_grained=False, eps=0.1),
      lambda t: dict(qr_min_init=t.I.ConstantInitializer(-1.0), qr_max_init=t.I.ConstantInitializer(0.5), name="q"))

SEQUENCE = [(4, 3, 5), (1, 1, 3, 6)]
DEEP = [(4, 3, 5), (2, 1, 3, 6)]
BOTH = [(4, 3, 5), (2, 2, 3, 4)]
for name, extra in (("rnn", 0), ("gru", 0), ("lstm", 1)):
    def sequence(shapes, extra=extra):
        return shapes + shapes[1:] * extra
    gates = {"rnn": (), "gru": (3,), "lstm": (4,)}[name]
    cases(name, sequence(SEQUENCE),
          dict(), (sequence(DEEP), dict()), (sequence(BOTH), dict(bidirectional=True)), dict(with_bias=False),
          dict(fix_parameters=True), (sequence(DEEP), lambda t: dict(rng=rng(), name="r")),
          lambda t, gates=gates: dict(w0_init=values(1, *gates, 6, 11) * 0.3, b_init=t.I.ConstantInitializer(0.1)))
cases("rnn", SEQUENCE, dict(nonlinearity="relu"))
cases("lstm_cell", [(3, 5), (3, 4), (3, 4)],
      dict(state_size=4), dict(state_size=4, name="cell"), dict(state_size=4, fix_parameters=True),
      lambda t: dict(state_size=4, w_init=t.I.NormalInitializer(0.3)),
      lambda t: dict(state_size=4, w_init=values(9, 4, 4), b_init=t.I.ConstantInitializer(0.2)))

ATTENTION = [(4, 2, 12), (5, 2, 12), (5, 2, 12)]
cases("multi_head_attention", ATTENTION,
      dict(), dict(num_heads=3), dict(num_heads=2, with_bias=False), dict(num_heads=2, out_dim=7),
      dict(num_heads=2, add_attn_bias=True), dict(num_heads=2, k_embed_dim=6, v_embed_dim=8),
      lambda t: dict(num_heads=2, rng=rng(), fix_parameters=True, param_init=dict(q_bias=values(12))),
      lambda t: dict(num_heads=2, additive_mask=t.nn.Variable.from_numpy_array(values(4, 5)), name="a"))
cases("transformer_encode", (4, 2, 6),
      dict(embed_dim=6, num_heads=2, dim_feedforward=8, dropout=0.0),
      dict(embed_dim=6, num_heads=3, dim_feedforward=5, dropout=0.0, add_attn_bias=True),
      lambda t: dict(embed_dim=6, num_heads=2, dim_feedforward=8, dropout=0.0, activation=t.F.tanh),
      lambda t: dict(embed_dim=6, num_heads=2, dim_feedforward=8, dropout=0.0,
                     src_additive_mask=t.nn.Variable.from_numpy_array(values(4, 4))),
      dict(embed_dim=6, num_heads=1, dim_feedforward=8, dropout=0.0, name="t", fix_parameters=True))
cases("transformer_decode", [(4, 2, 6), (5, 2, 6)],
      dict(embed_dim=6, num_heads=2, dim_feedforward=8, dropout=0.0),
      dict(embed_dim=6, num_heads=3, dim_feedforward=5, dropout=0.0, add_attn_bias=True),
      lambda t: dict(embed_dim=6, num_heads=2, dim_feedforward=8, dropout=0.0, activation=t.F.tanh),
      lambda t: dict(embed_dim=6, num_heads=2, dim_feedforward=8, dropout=0.0,
                     tgt_additive_mask=t.nn.Variable.from_numpy_array(values(4, 4)),
                     memory_additive_mask=t.nn.Variable.from_numpy_array(values(4, 5))),
      dict(embed_dim=6, num_heads=1, dim_feedforward=8, dropout=0.0, name="t"))
cases("transformer", [(4, 2, 6), (3, 2, 6)],
      dict(embed_dim=6, num_heads=2, dim_feedforward=8, dropout=0.0, num_encoder_layers=1, num_decoder_layers=1),
      dict(embed_dim=6, num_heads=2, dim_feedforward=8, dropout=0.0, num_encoder_layers=2, num_decoder_layers=1),
      dict(embed_dim=6, num_heads=3, dim_feedforward=8, dropout=0.0, num_encoder_layers=1, num_decoder_layers=2,
           add_attn_bias=True),
      dict(embed_dim=6, num_heads=2, dim_feedforward=8, dropout=0.0, num_encoder_layers=0, num_decoder_layers=1),
      lambda t: dict(embed_dim=6, num_heads=2, dim_feedforward=8, dropout=0.0, num_encoder_layers=1,
                     num_decoder_layers=1, activation=t.F.tanh, name="t"))

# Positions of the inputs that a function takes by name.
INPUT_NAMES = {"deformable_convolution": (None, "offset", "mask"), "fused_batch_normalization": (None, "z")}


def make_input(library, spec, random):
    if spec[0] == "ints":
        return library.nn.Variable.from_numpy_array(random.randint(0, spec[2], spec[1]).astype(np.float32))
    if spec[0] == "binary":
        return library.nn.Variable.from_numpy_array(random.randint(0, 2, spec[1]).astype(np.float32))
    return library.nn.Variable.from_numpy_array(random.randn(*spec).astype(np.float32), need_grad=True)


def run(case, library, auto_forward=False):
    """Everything to compare about a case, as a dict of arrays. With ``auto_forward`` functions run when called."""
    nn, F = library.nn, library.F
    with nn.auto_forward(auto_forward):
        return _run(case, library, nn, F, auto_forward)


def _run(case, library, nn, F, auto_forward):
    nn.clear_parameters()
    nn.seed(1223)
    random = np.random.RandomState(zlib.crc32(case.id.encode()))
    inputs = [make_input(library, spec, random) for spec in case.inputs]
    arguments = case.arguments(library) if callable(case.arguments) else case.arguments
    names = INPUT_NAMES.get(case.function, ())
    function = getattr(library.PF, case.function)

    def call():
        by_name = {names[i]: x for i, x in enumerate(inputs) if i < len(names) and names[i]}
        by_place = [x for i, x in enumerate(inputs) if not (i < len(names) and names[i])]
        return function(*by_place, **by_name, **arguments)

    outputs = call()
    outputs = list(outputs) if isinstance(outputs, (tuple, list)) else [outputs]
    parameters = nn.get_parameters(grad_only=False)
    record = {"names": np.array(list(parameters)), "need_grad": np.array([p.need_grad for p in parameters.values()])}
    for name, parameter in parameters.items():
        record["initial " + name] = parameter.d.copy()
    if not auto_forward:
        call()
    record["next draw"] = np.array(library.random.prng.rand())

    loss = None
    for y in outputs:
        weights = nn.Variable.from_numpy_array(random.randn(*y.shape).astype(np.float32))
        term = F.sum(y * weights)
        loss = term if loss is None else loss + term
        y.persistent = True
    for variable in [*inputs, *parameters.values()]:
        variable.grad.zero()
    if not auto_forward:
        loss.forward()
    for i, y in enumerate(outputs):
        record[f"output {i}"] = y.d.copy()
    for name, parameter in parameters.items():
        record["after " + name] = parameter.d.copy()
    loss.backward()
    for i, x in enumerate(inputs):
        if x.need_grad:
            record[f"gradient {i}"] = x.g.copy()
    for name, parameter in parameters.items():
        if parameter.need_grad:
            record["gradient of " + name] = parameter.g.copy()
    nn.clear_parameters()
    return record


def pack(path, records):
    """Write ``{case: {key: array}}``: all values of a dtype in one array, since the arrays are many and small."""
    index, flat = [], {}
    for case, record in records.items():
        for key, value in record.items():
            if value.dtype.kind == "U":
                index.append([case, key, value.tolist(), "str"])
            else:
                index.append([case, key, value.shape, value.dtype.str])
                flat.setdefault(value.dtype.str, []).append(value.ravel())
    np.savez_compressed(path, index=np.frombuffer(json.dumps(index).encode(), np.uint8),
                        **{dtype: np.concatenate(parts) for dtype, parts in flat.items()})


def unpack(path):
    """Read what :func:`pack` wrote."""
    records, places = {}, {}
    with np.load(path) as f:
        flat = {name: f[name] for name in f.files}
    for case, key, shape, dtype in json.loads(flat.pop("index").tobytes()):
        if dtype == "str":
            value = np.array(shape)
        else:
            start = places.get(dtype, 0)
            places[dtype] = end = start + int(np.prod(shape, dtype=int))
            value = flat[dtype][start:end].reshape(shape)
        records.setdefault(case, {})[key] = value
    return records
