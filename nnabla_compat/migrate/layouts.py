"""How nnabla and torch.nn lay out the parameters of the same layer: LAYOUTS, which everything here is driven by.

A row says what a layer is in nnabla (the last component of its scope, which is the name of the parametric function's
own scope), what it is in torch.nn, and for each parameter its two names and what to do with the array. Rows without
leaves (recurrent layers) bring a pair of functions, because arrays are cut up and joined there.

A parameter that no row names is the same on both sides.
"""
from collections import OrderedDict
from typing import Callable, NamedTuple

import numpy as np


class Transform(NamedTuple):
    """What happens to one array on the way from nnabla to torch.nn, and back."""

    text: str
    to_torch: Callable    # array -> array
    to_nnabla: Callable   # array, shape that nnabla gives it (None: not known) -> array


def _back(array, shape):
    return array if shape is None else array.reshape(shape)


def _inputs_first(w, shape):
    if shape is not None and w.shape[1] != shape[0]:
        raise ValueError(f"expected a weight of {shape[0]} inputs for nnabla's shape {shape}")
    return _back(np.ascontiguousarray(w.T), shape)


def _channels_back(array, shape):
    if shape is None:
        raise ValueError("torch keeps one number per channel, nnabla as many axes as its input has: which shape it is to "
                         "have must be told. Name a file that has it with --like, or give \"shapes\" in the file of --names")
    return array.reshape(shape)


SAME = Transform("as it is", lambda a: a, _back)
TRANSPOSED = Transform("(in, *out) transposed: (out, in)",
                       lambda w: np.ascontiguousarray(w.reshape(w.shape[0], -1).T),
                       _inputs_first)
FLAT = Transform("(*out,) flat: (out,)", lambda b: b.reshape(-1), _back)
CHANNELS = Transform("(1, C, 1, 1) flat: (C,)", lambda a: a.reshape(-1), _channels_back)
FEATURES = Transform("(1, *features) without the batch axis: (*features)",
                     lambda a: a[0] if a.ndim > 1 and a.shape[0] == 1 else a,
                     lambda a, shape: a[None] if shape is None else a.reshape(shape))
ONE_FILTER = Transform("(C, *kernel) with an axis for the group's only channel: (C, 1, *kernel)",
                       lambda w: w[:, None], lambda w, shape: w[:, 0])
SLOPE = Transform("() as (1,), (C,) as it is", lambda a: a.reshape(-1),
                  lambda a, shape: a.reshape(() if shape is None and a.size == 1 else a.shape if shape is None else shape))


class Leaf(NamedTuple):
    """One parameter of a layer."""

    nnabla: str
    torch: str
    transform: Transform = SAME
    need_grad: bool = True


class Recurrent(NamedTuple):
    """Weights of a recurrent layer; nnabla's input and recurrent weights lie side by side."""

    gates: int
    biases: int


class Layout(NamedTuple):
    """A row of the table."""

    scope: str            # last component of the scope, made by the parametric function
    torch_layer: str
    leaves: tuple = ()
    recurrent: Recurrent = None

    def matches(self, names, side):
        """Whether these names of parameters (of ``side``, "nnabla" or "torch") are this layer's, and no others."""
        if self.recurrent:
            return _recurrent_names(names, side)
        return bool(names) and set(names) <= {getattr(leaf, side) for leaf in self.leaves}

    def to_torch(self, values):
        """nnabla's arrays by name as torch's."""
        if self.recurrent:
            return _recurrent_to_torch(values, self.recurrent)
        return OrderedDict((leaf.torch, leaf.transform.to_torch(values[leaf.nnabla]))
                           for leaf in self.leaves if leaf.nnabla in values)

    def to_nnabla(self, values, shapes):
        """torch's arrays by name as nnabla's; ``shapes`` are those known of nnabla's side."""
        if self.recurrent:
            return _recurrent_to_nnabla(values, self.recurrent)
        return OrderedDict((leaf.nnabla, leaf.transform.to_nnabla(values[leaf.torch], shapes.get(leaf.nnabla)))
                           for leaf in self.leaves if leaf.torch in values)

    def need_grad(self, name):
        """Whether nnabla's parameter ``name`` is one that is trained."""
        return next((leaf.need_grad for leaf in self.leaves if leaf.nnabla == name), True)


_FILTERS = (Leaf("W", "weight"), Leaf("b", "bias"))
_DEPTHWISE = (Leaf("W", "weight", ONE_FILTER), Leaf("b", "bias"))
_GAMMA_BETA = (Leaf("gamma", "weight", CHANNELS), Leaf("beta", "bias", CHANNELS))

LAYOUTS = (
    Layout("affine", "Linear", (Leaf("W", "weight", TRANSPOSED), Leaf("b", "bias", FLAT))),
    Layout("conv", "Conv1d, Conv2d, Conv3d", _FILTERS),
    Layout("deconv", "ConvTranspose1d, ConvTranspose2d, ConvTranspose3d", _FILTERS),
    Layout("depthwise_conv", "Conv1d, Conv2d (groups=channels)", _DEPTHWISE),
    Layout("depthwise_deconv", "ConvTranspose1d, ConvTranspose2d (groups=channels)", _DEPTHWISE),
    Layout("embed", "Embedding", (Leaf("W", "weight"),)),
    Layout("bn", "BatchNorm1d, BatchNorm2d, BatchNorm3d",
           (*_GAMMA_BETA, Leaf("mean", "running_mean", CHANNELS, False), Leaf("var", "running_var", CHANNELS, False))),
    Layout("instance_normalization", "InstanceNorm1d, InstanceNorm2d (affine=True)", _GAMMA_BETA),
    Layout("group_normalization", "GroupNorm", _GAMMA_BETA),
    Layout("layer_normalization", "LayerNorm", (Leaf("gamma", "weight", FEATURES), Leaf("beta", "bias", FEATURES))),
    Layout("prelu", "PReLU", (Leaf("slope", "weight", SLOPE),)),
    Layout("rnn", "RNN", recurrent=Recurrent(1, 1)),
    Layout("lstm", "LSTM", recurrent=Recurrent(4, 4)),
    Layout("gru", "GRU", recurrent=Recurrent(3, 4)),
)

BY_SCOPE = {layout.scope: layout for layout in LAYOUTS}

# torch.nn's own book-keeping, which nnabla has no use for.
DROPPED = ("num_batches_tracked",)


def layout_of(scope, names, side):
    """The row for the parameters ``names`` (of ``side``) of a scope, or None."""
    layout = BY_SCOPE.get(scope.rpartition("/")[2])
    return layout if layout is not None and layout.matches(names, side) else None


# -- recurrent layers --------------------------------------------------------------------------------
#
# nnabla: weight_l0 (D, gates, H, I + H), weight (L - 1, D, gates, H, D H + H), bias (L, D, biases, H); no axis for
# gates where there is one. torch: weight_ih_l0 (gates H, I), weight_hh_l0 (gates H, H), bias_ih_l0 and bias_hh_l0
# (gates H,), `_reverse` for the second direction. The order of gates is the same: i, f, g, o and r, z, n. nnabla's one
# bias goes to bias_ih; the GRU's fourth is the candidate's part of bias_hh.

def _recurrent_names(names, side):
    if side == "nnabla":
        return "weight_l0" in names and set(names) <= {"weight_l0", "weight", "bias"}
    prefixes = ("weight_ih_l", "weight_hh_l", "bias_ih_l", "bias_hh_l")
    return "weight_ih_l0" in names and "weight_hh_l0" in names and all(n.startswith(prefixes) for n in names)


def _suffixes(layers, directions):
    return [(i, d, f"l{i}" + ("_reverse" if d else "")) for i in range(layers) for d in range(directions)]


def _recurrent_to_torch(values, kind):
    first, above, bias = (values.get(name) for name in ("weight_l0", "weight", "bias"))
    directions, units = first.shape[0], first.shape[-2]
    layers = 1 + (0 if above is None else above.shape[0])
    made = OrderedDict()
    for i, d, suffix in _suffixes(layers, directions):
        both = first[d] if i == 0 else above[i - 1, d]
        both = both.reshape(kind.gates * units, -1)
        features = both.shape[1] - units
        made["weight_ih_" + suffix] = np.ascontiguousarray(both[:, :features])
        made["weight_hh_" + suffix] = np.ascontiguousarray(both[:, features:])
        if bias is not None:
            given = bias[i, d].reshape(kind.biases, units)
            hidden = np.zeros((kind.gates, units), given.dtype)
            if kind.biases > kind.gates:
                hidden[-1] = given[-1]
            made["bias_ih_" + suffix] = given[:kind.gates].reshape(-1)
            made["bias_hh_" + suffix] = hidden.reshape(-1)
    return made


def _recurrent_to_nnabla(values, kind):
    directions = 2 if "weight_ih_l0_reverse" in values else 1
    layers = 1 + max(int(name.split("_l")[-1].split("_")[0]) for name in values if name.startswith("weight_ih_l"))
    units = values["weight_hh_l0"].shape[1]
    gates = (kind.gates,) if kind.gates > 1 else ()
    weights, biases = [], []
    for i, _, suffix in _suffixes(layers, directions):
        both = np.concatenate([values["weight_ih_" + suffix], values["weight_hh_" + suffix]], 1)
        weights.append(both.reshape(*gates, units, both.shape[1]))
        if "bias_ih_" + suffix in values:
            inside, hidden = (values[f"bias_{side}_{suffix}"].reshape(kind.gates, units) for side in ("ih", "hh"))
            if kind.biases > kind.gates:    # all but the candidate's are only ever added up
                joined = np.concatenate([inside[:-1] + hidden[:-1], inside[-1:], hidden[-1:]])
            else:
                joined = inside + hidden
            biases.append(joined.reshape(*((kind.biases,) if kind.biases > 1 else ()), units))
    made = OrderedDict(weight_l0=np.stack(weights[:directions]))
    if layers > 1:
        rest = np.stack(weights[directions:])
        made["weight"] = rest.reshape(layers - 1, directions, *rest.shape[1:])
    if biases:
        stacked = np.stack(biases)
        made["bias"] = stacked.reshape(layers, directions, *stacked.shape[1:])
    return made


def table():
    """LAYOUTS as lines of text, for ``nnabla-compat convert --table``."""
    lines = []
    for row in LAYOUTS:
        lines.append(f"{row.scope:24}torch.nn.{row.torch_layer}")
        if row.recurrent:
            gates = {1: "one gate", 3: "gates r, z, n", 4: "gates i, f, g, o"}[row.recurrent.gates]
            lines.append(f"    weight_l0, weight -> weight_ih_l*, weight_hh_l*    cut in two, {gates} in the same order")
            lines.append("    bias -> bias_ih_l*, bias_hh_l*    " + (
                "r, z, n of the input's side and n of the hidden side" if row.recurrent.biases > row.recurrent.gates else
                "all in bias_ih, zeros in bias_hh; added up on the way back"))
        for leaf in row.leaves:
            lines.append(f"    {leaf.nnabla} -> {leaf.torch}    {leaf.transform.text}")
    lines.append("anything else           as it is, under the same name")
    return lines
