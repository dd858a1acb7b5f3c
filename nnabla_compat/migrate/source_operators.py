"""How each operator is written in PyTorch: one expression, or one for each output.

Those that need no thought are formulas (:mod:`~nnabla_compat.migrate.source_formulas`). The others are functions of the
:class:`~nnabla_compat.migrate.source_module.SourceModule` and the :class:`Node`, registered here. An operator whose
arguments PyTorch has no idiom for raises Refused.
"""
import math

import numpy as np

from .source_formulas import FORMULAS, UNWRITTEN
from .source_module import Refused, call, shape_text

class Node:
    """A function of the network as the writers see it.

    Attributes:
        type, name (str), args (dict): The function; its arguments, resolved.
        names (list of str): Inputs in the places of the operator's declaration, None for those left out.
        x (list of str): Expressions of the inputs, likewise.
        shapes, out_shapes (list of tuple): Shapes of both.
        batch (int): The batch size that the source is to leave open, or None.
    """

    def __init__(self, module, f, batch):
        function = f.function_instance
        if function.bound is None:
            function.bind([v.shape for v in function.inputs], len(function.output_refs))
        self.type, self.name, self.batch = f.type, f.name, batch
        self.args = dict(function.args_resolved)
        self._module = module
        names, shapes = list(f.inputs), [v.shape for v in function.inputs]
        if function.mask is not None:
            given = iter(zip(names, shapes))
            names, shapes = zip(*[next(given) if present else (None, None) for present in function.mask])
        missing = max(0, len(function.op.inputs) - len(names)) if not function.op.variadic else 0
        self.names, self.shapes = [*names, *[None] * missing], [*shapes, *[None] * missing]
        for i, flag in enumerate(("no_bias", "no_scale"), 1):
            if self.args.get(flag) and self.names[i] is not None and self.names[-1] is None:    # later ones have moved up
                for listed in (self.names, self.shapes):
                    listed.insert(i, None)
                    listed.pop()
        self.out_shapes = [c.shape for c in function.output_containers]
        self.count = len(f.outputs)

    @property
    def x(self):
        """Asking for the expression of a parameter makes it one of the module's own."""
        return [None if n is None else self._module.value(n) for n in self.names]

    @property
    def input(self):
        """The expression of the first input."""
        return self._module.value(self.names[0])

    def open(self, shape):
        """``shape`` with -1 for the batch size."""
        return [-1 if i == 0 and self.batch is not None and s == self.batch else s for i, s in enumerate(shape)]

    def refuse_unless(self, condition, text):
        if not condition:
            raise Refused(text)


WRITERS = {}


def writes(*types):
    """Register the writer of operators."""
    def register(writer):
        for type_ in types:
            WRITERS[type_] = writer
        return writer
    return register


def write(module, f, batch):
    """The expressions of the outputs of a function.

    Raises:
        Refused: the operator, or its arguments, cannot be written.
    """
    if f.type in UNWRITTEN:
        raise Refused(UNWRITTEN[f.type])
    node = Node(module, f, batch)
    if f.type in WRITERS:
        made = WRITERS[f.type](module, node)
    else:
        arguments = {k: shape_text(v) if k in ("axes", "reps") and f.type != "Flip" else _number(v)
                     for k, v in node.args.items()}
        made = FORMULAS[f.type].format(*node.x, **arguments)
    return made if isinstance(made, list) else [made]


def _number(value):
    """An argument as source; numbers that went through float32 in the file as they were meant."""
    if isinstance(value, float) and math.isfinite(value) and float(np.float32(value)) == value:
        return repr(float(str(np.float32(value))))
    return repr(value)


def _scalar(values, default):
    """A window's argument as torch takes it; None where it is the default."""
    if all(v == default for v in values):
        return None
    return values[0] if len(set(values)) == 1 else tuple(values)


# -- layers ------------------------------------------------------------------------------------------

@writes("Affine")
def affine(m, n):
    x, base, inner = n.input, n.args["base_axis"], n.shapes[1]
    features, outputs = inner[0], inner[1:]
    if len(n.shapes[0]) > base + 1:
        x = f"{x}.flatten({base})"
    elif len(n.shapes[0]) == base:
        x = f"{x}.unsqueeze(-1)"
    if m.owns(n.names[1], n.names[2]):
        layer = m.layer("affine", call("nn.Linear", features, math.prod(outputs), bias=None if n.names[2] else False),
                        {"W": n.names[1], "b": n.names[2]})
        made = f"{layer}({x})"
        return f"{made}.unflatten(-1, {tuple(outputs)})" if len(outputs) > 1 else made
    n.refuse_unless(len(outputs) == 1, "outputs of several axes, with weights that are shared or computed")
    return call("F.linear", x, f"{n.x[1]}.t()", *n.x[2:3]) if n.names[2] else f"{x} @ {n.x[1]}"


_CONVOLUTIONS = {"Convolution": ("conv", "Conv"), "Deconvolution": ("deconv", "ConvTranspose"),
                 "DepthwiseConvolution": ("depthwise_conv", "Conv"),
                 "DepthwiseDeconvolution": ("depthwise_deconv", "ConvTranspose")}


@writes(*_CONVOLUTIONS)
def convolution(m, n):
    row, layer = _CONVOLUTIONS[n.type]
    a, weight = n.args, n.shapes[1]
    axes = len(n.shapes[0]) - 2
    n.refuse_unless(a["base_axis"] == 1 and not a.get("channel_last") and 1 <= axes <= 3, "channels elsewhere than on axis 1")
    inside, outside = n.shapes[0][1], n.out_shapes[0][1]
    depthwise = n.type.startswith("Depthwise")
    group = min(inside, outside) if depthwise else a["group"]
    kernel = weight[1:] if depthwise else weight[2:]
    named = {"stride": _scalar(a["stride"], 1), "padding": _scalar(a["pad"], 0), "output_padding":
             _scalar(a["output_padding"], 0) if a.get("output_padding") else None,
             "groups": None if group == 1 else group, "dilation": _scalar(a["dilation"], 1)}
    if m.owns(n.names[1], n.names[2]):
        kernel = kernel[0] if len(set(kernel)) == 1 else tuple(kernel)
        made = m.layer(row, call(f"nn.{layer}{axes}d", inside, outside, kernel, **named, bias=None if n.names[2] else False),
                       {"W": n.names[1], "b": n.names[2]})
        return f"{made}({n.input})"
    name = f"F.conv{axes}d" if layer == "Conv" else f"F.conv_transpose{axes}d"
    filters = f"{n.x[1]}.unsqueeze(1)" if depthwise else n.x[1]
    return call(name, n.input, filters, n.x[2], **named)


@writes("BatchNormalization")
def batch_normalization(m, n):
    a, axes = n.args, len(n.shapes[0])
    n.refuse_unless(a["axes"] == (1,) and 2 <= axes <= 5, "channels elsewhere than on axis 1")
    n.refuse_unless(n.count == 1, "mean and variance as outputs")
    momentum = 1 - a["decay_rate"]
    if not m.owns(*n.names[1:]) or None in n.names[3:5] or (n.names[1] is None) != (n.names[2] is None):
        beta, gamma, mean, variance = _flat(m, n.names[1:5])
        kept = m.is_parameter(n.names[3]) and m.is_parameter(n.names[4])
        training = "self.training" if kept else bool(a["batch_stat"])
        if training is True:
            mean = variance = None      # computed ones would be written to
        return call("F.batch_norm", n.input, mean, variance, weight=gamma, bias=beta, training=training,
                    momentum=_unless(momentum, 0.1) if kept else None, eps=_unless(a["eps"], 1e-5))
    layer = m.layer("bn", call(f"nn.BatchNorm{max(1, axes - 2)}d", n.shapes[0][1],
                               eps=_unless(a["eps"], 1e-5), momentum=_unless(momentum, 0.1),
                               affine=None if n.names[1] else False),
                    dict(zip(("beta", "gamma", "mean", "var"), n.names[1:])))
    return f"{layer}({n.input})"


def _flat(m, names):
    """Expressions of one number for each channel, None for what is left out."""
    return [None if name is None else f"{m.value(name)}.flatten()" for name in names]


def _unless(value, default):
    return None if abs(value - default) <= 1e-6 * default else _number(value)


@writes("InstanceNormalization", "GroupNormalization")
def channel_normalization(m, n):
    a, axes = n.args, len(n.shapes[0])
    n.refuse_unless(a["channel_axis"] == 1 and a["batch_axis"] == (0,) and n.count == 1, "other axes than (N, C, ...)")
    groups = a.get("num_groups", n.shapes[0][1])
    beta, gamma = n.names[1:3]
    if beta is None or gamma is None or not m.owns(beta, gamma):
        flat = None in (beta, gamma) or n.shapes[1][0] == n.shapes[2][0] == 1
        n.refuse_unless(flat, "scales for each sample")
        beta, gamma = _flat(m, (beta, gamma))
        return call("F.group_norm", n.input, groups, weight=gamma, bias=beta, eps=_unless(a["eps"], 1e-5))
    row = "instance_normalization" if n.type.startswith("Instance") else "group_normalization"
    if n.type.startswith("Instance") and 3 <= axes <= 5:
        made = call(f"nn.InstanceNorm{axes - 2}d", n.shapes[0][1], eps=_unless(a["eps"], 1e-5), affine=True)
    else:
        made = call("nn.GroupNorm", groups, n.shapes[0][1], eps=_unless(a["eps"], 1e-5))
    return f"{m.layer(row, made, {'beta': beta, 'gamma': gamma})}({n.input})"


@writes("LayerNormalization")
def layer_normalization(m, n):
    a, leading = n.args, len(n.args["batch_axis"])
    features = tuple(n.shapes[0][leading:])
    n.refuse_unless(a["batch_axis"] == tuple(range(leading)) and features and n.count == 1, "other batch axes than the first")
    beta, gamma = n.names[1:3]
    if beta is None and gamma is None:
        return call("F.layer_norm", n.input, features, eps=_unless(a["eps"], 1e-5))
    if None in (beta, gamma) or not m.owns(beta, gamma) or leading > 1:
        shapes = [s for s in n.shapes[1:3] if s is not None]
        n.refuse_unless(all(s == (*[1] * leading, *features) for s in shapes), "scales of another shape than the features")
        first = ", ".join("0" * leading)
        weight, bias = (None if name is None else f"{m.value(name)}[{first}]" for name in (gamma, beta))
        return call("F.layer_norm", n.input, features, weight=weight, bias=bias, eps=_unless(a["eps"], 1e-5))
    made = m.layer("layer_normalization", call("nn.LayerNorm", features, eps=_unless(a["eps"], 1e-5)),
                   {"beta": beta, "gamma": gamma})
    return f"{made}({n.input})"


@writes("PReLU")
def prelu(m, n):
    n.refuse_unless(n.args["base_axis"] == 1 and m.owns(n.names[1]), "slopes of another axis than 1, or shared")
    return f"{m.layer('prelu', call('nn.PReLU', *[n.shapes[1][0]] if n.shapes[1] else []), {'slope': n.names[1]})}({n.input})"


@writes("Embed")
def embed(m, n):
    if not m.owns(n.names[1]) or len(n.shapes[1]) != 2:
        return f"{n.x[1]}[{n.input}.long()]"
    return f"{m.layer('embed', call('nn.Embedding', *n.shapes[1]), {'W': n.names[1]})}({n.input}.long())"


@writes("RNN", "LSTM", "GRU")
def recurrent(m, n):
    a, states = n.args, 2 if n.type == "LSTM" else 1
    weights = n.names[1 + states:]
    if a["num_layers"] == 1 and weights[1] is not None and weights[2] is None:
        weights = [weights[0], None, weights[1]]     # the bias moves up where there are no further layers
    n.refuse_unless(m.owns(*weights), "weights that are shared or computed")
    n.refuse_unless(a["dropout"] == 0 or a["num_layers"] == 1, "dropout between layers")
    made = m.layer(n.type.lower(), call(
        f"nn.{n.type}", n.shapes[0][2], n.shapes[1][3], None if a["num_layers"] == 1 else a["num_layers"],
        nonlinearity=repr("relu") if a.get("nonlinearity") == "relu" else None, bias=None if weights[2] else False,
        bidirectional=True if a["bidirectional"] else None).replace(", None", ""),
        {"weight_l0": weights[0], "weight": weights[1], "bias": weights[2]})
    first = [f"{x}.flatten(0, 1)" for x in map(m.value, n.names[1:1 + states])]
    hx = f"({', '.join(first)})" if states > 1 else first[0]
    sequence, last = m.temporary("sequence"), m.temporary("last")
    m.lines.append(f"{sequence}, {last} = {made}({n.input}, {hx})")
    states = [f"{last}[{i}]" for i in range(2)] if states > 1 else [last]
    return [sequence, *[f"{s}.unflatten(0, {tuple(n.shapes[1][:2])})" for s in states]]


@writes("Dropout")
def dropout(m, n):
    return n.input if n.args["p"] == 0 else call("F.dropout", n.input, _number(n.args["p"]), "self.training")


# -- windows -----------------------------------------------------------------------------------------

def _window(n):
    a = n.args
    axes = len(a["kernel"])
    n.refuse_unless(not a["channel_last"] and 1 <= axes <= 3 and len(n.shapes[0]) >= axes + 1, "channels last")
    kernel = a["kernel"][0] if len(set(a["kernel"])) == 1 else tuple(a["kernel"])
    stride = None if a["stride"] == a["kernel"] else a["stride"][0] if len(set(a["stride"])) == 1 else tuple(a["stride"])
    return axes, [n.input, kernel], {"stride": stride, "padding": _scalar(a["pad"], 0)}


@writes("MaxPooling")
def max_pooling(m, n):
    axes, given, named = _window(n)
    return _whole(n, call(f"F.max_pool{axes}d", *given, **named, ceil_mode=None if n.args["ignore_border"] else True))


@writes("AveragePooling")
def average_pooling(m, n):
    axes, given, named = _window(n)
    n.refuse_unless(n.args["ignore_border"] or not any(n.args["pad"]), "windows beyond the border")
    including = n.args["including_pad"] or not any(n.args["pad"])
    return _whole(n, call(f"F.avg_pool{axes}d", *given, **named, ceil_mode=None if n.args["ignore_border"] else True,
                          count_include_pad=None if including else False))


@writes("SumPooling")
def sum_pooling(m, n):
    axes, given, named = _window(n)
    n.refuse_unless(n.args["ignore_border"], "windows beyond the border")
    return f"{math.prod(n.args['kernel'])} * " + call(f"F.avg_pool{axes}d", *given, **named)


def _whole(n, expression):
    """Refuse where torch's idea of a last window differs (only the verification could tell otherwise)."""
    a = n.args
    if not a["ignore_border"]:
        for size, k, s, p, out in zip(n.shapes[0][-len(a["kernel"]):], a["kernel"], a["stride"], a["pad"],
                                      n.out_shapes[0][-len(a["kernel"]):]):
            made = -(-(size + 2 * p - k) // s) + 1
            made -= (made - 1) * s >= size + p
            n.refuse_unless(made == out, "windows beyond the border")
    return expression


@writes("GlobalAveragePooling")
def global_average_pooling(m, n):
    axes = tuple(range(2, len(n.shapes[0])))
    return f"{n.input}.mean({axes}, keepdim=True)"


@writes("Unpooling")
def unpooling(m, n):
    n.refuse_unless(not n.args["channel_last"], "channels last")
    made, first = n.input, len(n.shapes[0]) - len(n.args["kernel"])
    for i, k in enumerate(n.args["kernel"]):
        made += f".repeat_interleave({k}, {first + i})" if k > 1 else ""
    return made


@writes("Interpolate")
def interpolate(m, n):
    a = n.args
    size = tuple(a["output_size"])
    n.refuse_unless(not a["channel_last"] and 1 <= len(size) <= 3, "channels last")
    if a["mode"] == "nearest":
        n.refuse_unless(not a["align_corners"] and not a["half_pixel"] and not a["half_pixel_for_nn"],
                        "nearest neighbours with align_corners or half_pixel")
        return f"F.interpolate({n.input}, {size})"
    n.refuse_unless(a["mode"] == "linear" and (a["align_corners"] or a["half_pixel"]), "linear, without align_corners and half_pixel")
    mode = ("linear", "bilinear", "trilinear")[len(size) - 1]
    return call("F.interpolate", n.input, size, mode=repr(mode), align_corners=bool(a["align_corners"]))


# -- shapes ------------------------------------------------------------------------------------------

@writes("Reshape")
def reshape(m, n):
    before, after = n.shapes[0], n.out_shapes[0]
    if len(after) == 2 and before[:1] == after[:1] and len(before) > 2:
        return f"{n.input}.flatten(1)"
    given = list(n.args["shape"])
    if -1 not in given and n.batch is not None and before and after and before[0] == n.batch and n.batch in after[:1]:
        given = n.open(after)
    return f"{n.input}.reshape({shape_text(given) if given else '()'})"


@writes("Broadcast")
def broadcast(m, n):
    before, after = n.shapes[0], n.out_shapes[0]
    same = len(before) == len(after)
    return f"{n.input}.expand({shape_text([-1 if same and b == s else s for b, s in zip(before, after)] if same else after)})"


@writes("Slice")
def slice_(m, n):
    parts, shape = [], n.shapes[0]
    for size, start, stop, step in zip(shape, n.args["start"], n.args["stop"], n.args["step"]):
        n.refuse_unless(step > 0, "steps backwards")
        parts.append(f"{start or ''}:{'' if stop == size else stop}{f':{step}' if step != 1 else ''}")
    n.refuse_unless(len(parts) == len(shape), "fewer axes than the input has")
    while len(parts) > 1 and parts[-1] == ":":
        parts.pop()
    return f"{n.input}[{', '.join(parts)}]"


@writes("Concatenate")
def concatenate(m, n):
    return f"torch.cat([{', '.join(n.x)}], {n.args['axis']})"


@writes("Stack")
def stack(m, n):
    return f"torch.stack([{', '.join(n.x)}], {n.args['axis']})"


@writes("Split")
def split(m, n):
    return [f"torch.unbind({n.input}, {n.args['axis']})"]


@writes("Pad")
def pad(m, n):
    a = n.args
    width = list(a["pad_width"])
    pairs = [width[i:i + 2] for i in range(0, len(width), 2)][::-1]
    flat = tuple(v for pair in pairs for v in pair)
    if a["mode"] == "constant":
        return call("F.pad", n.input, flat, value=_number(a["constant_value"]) if a["constant_value"] else None)
    n.refuse_unless(a["mode"] == "reflect" and len(pairs) <= 3 and len(n.shapes[0]) - len(pairs) in (1, 2),
                    f"mode {a['mode']} on these axes")
    return call("F.pad", n.input, flat, mode=repr("reflect"))


@writes("Shift")
def shift(m, n):
    n.refuse_unless(n.args["border_mode"] == "nearest", "other borders than the nearest value")
    made, shape = n.input, n.shapes[0]
    for axis, by in zip(range(len(shape) - len(n.args["shifts"]), len(shape)), n.args["shifts"]):
        if by:
            made = f"{m.function('shift')}({made}, {by}, {axis})"
    return made


@writes("Gather")
def gather(m, n):
    n.refuse_unless(n.args["batch_dims"] == 0 and len(n.shapes[1]) == 1, "batches of positions")
    return f"torch.index_select({n.input}, {n.args['axis']}, {n.x[1]}.long())"


@writes("Constant")
def constant(m, n):
    return call("torch.full", tuple(n.out_shapes[0]), _number(n.args["val"]), device=m.device())


@writes("OneHot")
def one_hot(m, n):
    n.refuse_unless(len(n.args["shape"]) == 1, "positions of several axes")
    return f"F.one_hot({n.input}.long().squeeze(-1), {n.args['shape'][0]}).float()"


# -- reductions --------------------------------------------------------------------------------------

@writes("Where")
def where(m, n):
    missing = len(n.shapes[1]) - len(n.shapes[0])
    return f"torch.where({n.x[0]}[{', '.join(['...', *['None'] * missing])}] != 0, {n.x[1]}, {n.x[2]})" if missing else \
        f"torch.where({n.x[0]} != 0, {n.x[1]}, {n.x[2]})"


@writes("Sum", "Mean")
def reduction(m, n):
    name, axes = n.type.lower(), n.args["axes"]
    if not axes:
        return f"{n.input}.clone()"
    keep = ", keepdim=True" if n.args["keep_dims"] else ""
    if len(axes) == len(n.shapes[0]) and not keep:
        return f"{n.input}.{name}()"
    return f"{n.input}.{name}({axes[0] if len(axes) == 1 else tuple(axes)}{keep})"


@writes("Max", "Min")
def extremum(m, n):
    n.refuse_unless(not n.args["with_index"] and not n.args["only_index"], "positions as outputs")
    name, axes = "a" + n.type.lower(), n.args["axes"]
    keep = ", keepdim=True" if n.args["keep_dims"] else ""
    return f"{n.input}.{name}({axes[0] if len(axes) == 1 else tuple(axes)}{keep})"


@writes("Prod")
def prod(m, n):
    n.refuse_unless(len(n.args["axes"]) == 1, "several axes")
    return f"{n.input}.prod({n.args['axes'][0]}{', keepdim=True' if n.args['keep_dims'] else ''})"


@writes("CumSum", "CumProd")
def running(m, n):
    n.refuse_unless(not n.args["exclusive"] and not n.args["reverse"], "exclusive or reverse")
    return f"{n.input}.{n.type.lower()}({n.args['axis']})"


@writes("Sort")
def sort(m, n):
    n.refuse_unless(not n.args["with_index"] and not n.args["only_index"], "positions as outputs")
    return f"{n.input}.sort({n.args['axis']}{', descending=True' if n.args['reverse'] else ''}).values"


@writes("TopKData")
def top_k_data(m, n):
    a = n.args
    n.refuse_unless(a["reduce"] and not a["abs"] and not a["with_index"], "positions, absolute values, or values in place")
    x = n.input if len(n.shapes[0]) == a["base_axis"] + 1 else f"{n.input}.flatten({a['base_axis']})"
    return f"{x}.topk({a['k']}{'' if a['largest'] else ', largest=False'}).values"


@writes("Norm")
def norm(m, n):
    a = n.args
    return (f"torch.linalg.vector_norm({n.input}, {_number(a['p'])}, {tuple(a['axes'])}"
            f"{', keepdim=True' if a['keep_dims'] else ''})")


@writes("BatchMatmul")
def batch_matmul(m, n):
    a, b = (f"{x}.transpose(-1, -2)" if n.args[flag] else x
            for x, flag in zip(n.x, ("transpose_a", "transpose_b")))
    return f"{a} @ {b}"


@writes("SoftmaxCrossEntropy")
def softmax_cross_entropy(m, n):
    axis = n.args["axis"]
    return (f"F.cross_entropy({n.input}{'' if axis == 1 else f'.movedim({axis}, 1)'}, {n.x[1]}.long().squeeze({axis}), "
            f"reduction='none').unsqueeze({axis})")


@writes("TopNError")
def top_n_error(m, n):
    return f"{m.function('top_n_error')}({n.input}, {n.x[1]}, {n.args['axis']}, {n.args['n']})"


@writes("Round")
def round_(m, n):
    return f"{m.function('round_straight_through')}({n.input})"


@writes("WeightNormalization")
def weight_normalization(m, n):
    return f"{m.function('weight_norm')}({n.x[0]}, {n.x[1]}, {n.args['dim'] % len(n.shapes[0])}, {_number(n.args['eps'])})"


@writes("FixedPointQuantize")
def fixed_point_quantize(m, n):
    a = n.args
    n.refuse_unless(a["ste_fine_grained"], "gradients beyond the range")
    top = ((1 << a["n"] - 1) - 1 if a["sign"] else (1 << a["n"]) - 1) * a["delta"]
    return f"{m.function('quantize')}({n.input}, {_number(a['delta'])}, {_number(-top if a['sign'] else 0.0)}, {_number(top)})"


@writes("Pow2Quantize")
def pow2_quantize(m, n):
    a = n.args
    n.refuse_unless(a["ste_fine_grained"], "gradients beyond the range")
    low = math.ldexp(1.0, a["m"] - (2 ** (a["n"] - a["sign"] - a["with_zero"]) - 1))
    return call(m.function("power_of_two"), n.x[0], _number(low), _number(2.0 ** a["m"]), a["sign"], a["with_zero"])


@writes("BinaryTanh", "BinarySigmoid")
def binary_step(m, n):
    low, slope = (-1.0, 1.0) if n.type == "BinaryTanh" else (0.0, 0.5)
    return f"{m.function('binary_step')}({n.input}, {low}, {slope})"


@writes("Prune")
def prune(m, n):
    n.refuse_unless(n.args["rate"] < 1, "everything pruned")
    return f"{m.function('prune')}({n.input}, {_number(n.args['rate'])})"


def _binary(m, n, axes):
    """The weight as an expression, and that of the bias."""
    scaled = n.type.startswith("BinaryWeight")
    bias = n.names[4 if scaled else 3]
    kept, alpha = (m.value(name) if m.is_parameter(name) and name in m.file.fixed else None
                   for name in (n.names[2], n.names[3] if scaled else None))
    weight = call(m.function("binary_weight"), m.value(n.names[1]), _number(n.args["quantize_zero_to"]),
                  *[kept] if kept else [], alpha=alpha, axes=axes if scaled else None)
    return weight, None if bias is None else m.value(bias)


@writes("BinaryConnectAffine", "BinaryWeightAffine")
def binary_affine(m, n):
    base = n.args["base_axis"]
    n.refuse_unless(len(n.shapes[1]) == 2, "outputs of several axes")
    weight, bias = _binary(m, n, 0)
    x = n.input if len(n.shapes[0]) == base + 1 else f"{n.input}.flatten({base})"
    return f"F.linear({x}, {weight}.t(){', ' + bias if bias else ''})"


@writes("BinaryConnectConvolution", "BinaryWeightConvolution")
def binary_convolution(m, n):
    a, axes = n.args, len(n.shapes[0]) - 2
    n.refuse_unless(a["base_axis"] == 1 and 1 <= axes <= 3, "channels elsewhere than on axis 1")
    weight, bias = _binary(m, n, tuple(range(1, axes + 2)))
    return call(f"F.conv{axes}d", n.input, weight, bias, stride=_scalar(a["stride"], 1), padding=_scalar(a["pad"], 0),
                dilation=_scalar(a["dilation"], 1), groups=None if a["group"] == 1 else a["group"])
