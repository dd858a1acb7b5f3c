"""Recurrent layers over whole sequences, on torch's fused kernels.

nnabla keeps one array for the first layer's weights and one for all others; input and recurrent
weights lie side by side in the last axis, and there is one bias for each gate (two for the GRU's
candidate, one on each side). torch takes separate matrices for each layer and direction: views of
those arrays, so nothing is copied where torch copies nothing.
"""
import torch

from ..registry import Tensor, operator


def _fill_dropout(arguments, *_):
    if arguments["dropout"] is None:
        arguments["dropout"] = 0.0


def _biased(weight, bias, num_layers):
    """(weight, bias), when one layer needs no further weights and the bias moved up to their place."""
    if num_layers == 1 and weight is not None and bias is None:
        return None, weight
    return weight, bias


def _check(gates, biases, x, h, weight_l0, weight, bias, num_layers, bidirectional):
    """Raise ValueError unless all shapes agree; returns the shape of y."""
    weight, bias = _biased(weight, bias, num_layers)
    directions = 2 if bidirectional else 1
    if weight is not None and num_layers == 1:
        raise ValueError(f"expected no weight beside weight_l0 for one layer, received shape {weight}")
    if len(x) != 3:
        raise ValueError(f"expected x of 3 axes (time, batch, features), received shape {x}")
    steps, batch, features = x
    if len(h) != 4:
        raise ValueError(f"expected h of 4 axes (layers, directions, batch, units), received shape {h}")
    units = h[3]
    gate = (gates,) if gates > 1 else ()
    gate_bias = (biases,) if biases > 1 else ()
    expected = [("h", h, (num_layers, directions, batch, units)),
                ("weight_l0", weight_l0, (directions, *gate, units, features + units))]
    if num_layers > 1:
        expected.append(("weight", weight, (num_layers - 1, directions, *gate, units, directions * units + units)))
    if bias is not None:
        expected.append(("bias", bias, (num_layers, directions, *gate_bias, units)))
    for name, shape, wanted in expected:
        if shape != wanted:
            raise ValueError(f"expected {name} of shape {wanted} for x of shape {x}, {num_layers} layer(s) and {directions} "
                             f"direction(s), received {shape}")
    return steps, batch, directions * units


def _rnn_shape(x, h, weight_l0, weight=None, bias=None, num_layers=1, nonlinearity="tanh", dropout=0.0, bidirectional=False,
               training=True):
    if nonlinearity not in ("tanh", "relu"):
        raise ValueError(f"expected nonlinearity 'tanh' or 'relu', received {nonlinearity!r}")
    return [_check(1, 1, x, h, weight_l0, weight, bias, num_layers, bidirectional), h]


def _lstm_shape(x, h, c, weight_l0, weight=None, bias=None, num_layers=1, dropout=0.0, bidirectional=False, training=True):
    y = _check(4, 4, x, h, weight_l0, weight, bias, num_layers, bidirectional)
    if c != h:
        raise ValueError(f"expected c shaped as h, {h}, received {c}")
    return [y, h, c]


def _gru_shape(x, h, weight_l0, weight=None, bias=None, num_layers=1, dropout=0.0, bidirectional=False, training=True):
    return [_check(3, 4, x, h, weight_l0, weight, bias, num_layers, bidirectional), h]


def _same_bias(bias):
    return bias.reshape(-1), torch.zeros_like(bias).reshape(-1)


def _gru_bias(bias):
    """Reset and update gates have one bias each; the candidate has one beside the input and one beside h."""
    zeros = torch.zeros_like(bias[:2])
    return bias[:3].reshape(-1), torch.cat([zeros, bias[3:]]).reshape(-1)


def _parameters(layer, weight_l0, weight, bias, features, units, directions, split_bias):
    """One layer's weights as torch wants them: input, recurrent, and two biases for each direction."""
    flat = []
    both = weight_l0 if layer == 0 else weight[layer - 1]
    for direction in range(directions):
        matrix = both[direction].reshape(-1, features + units)
        flat += [matrix[:, :features], matrix[:, features:]]
        if bias is not None:
            flat += split_bias(bias[layer, direction])
    return flat


def _run(fused, x, states, weight_l0, weight, bias, num_layers, dropout, bidirectional, training, split_bias, rng):
    """y and the final states of a stack of layers; ``states`` are (layers, directions, batch, units)."""
    weight, bias = _biased(weight, bias, num_layers)
    directions = 2 if bidirectional else 1
    units = states[0].shape[3]
    shape = states[0].shape
    features = x.shape[2]
    layers = [_parameters(i, weight_l0, weight, bias, features if i == 0 else directions * units, units, directions,
                          split_bias) for i in range(num_layers)]
    merged = [s.reshape(-1, *s.shape[2:]) for s in states]

    def call(x, states, flat, count):
        # Always torch's training mode: it only decides about dropout, done below, and about keeping
        # what cuDNN needs for a backward pass.
        hx = tuple(states) if len(states) > 1 else states[0]
        return fused(x, hx, flat, bias is not None, count, 0.0, True, bidirectional, False)

    if not (training and dropout > 0.0 and num_layers > 1):
        y, *last = call(x, merged, sum(layers, []), num_layers)
        return (y, *(s.reshape(shape) for s in last))
    finals = []
    for i, flat in enumerate(layers):
        if i:
            keep = rng.keep_mask(tuple(x.shape), dropout, x.device)
            x = torch.where(keep, x * (1.0 / (1.0 - dropout) if dropout < 1.0 else 0.0), 0.0)
        x, *last = call(x, [s[i * directions:(i + 1) * directions] for s in merged], flat, 1)
        finals.append(last)
    return (x, *(torch.stack(s).reshape(shape) for s in zip(*finals)))


@operator("RNN", shape=_rnn_shape, resolve=_fill_dropout, backward_reads="", min_outputs=2)
def rnn(x: Tensor, h: Tensor, weight_l0: Tensor, weight: Tensor = None, bias: Tensor = None, num_layers: int = 1,
        nonlinearity: str = "tanh", dropout: float = None, bidirectional: bool = False, training: bool = True, *, rng=None):
    r"""Elman network over a sequence.

    .. math:: h_t = \phi(W [x_t; h_{t-1}] + b)

    Args:
        x: Array (T, B, I): time, batch, features.
        h: First state (L, D, B, H): layers, directions, batch, units.
        weight_l0: First layer's weights (D, H, I + H).
        weight: The other layers' weights (L - 1, D, H, D * H + H); needed with more than one layer.
        bias: Array (L, D, H); none is added by default.
        num_layers (int): Number of layers L.
        nonlinearity (str): ``"tanh"`` or ``"relu"``.
        dropout (float): Share of a layer's output dropped on the way to the next; 0 by default.
        bidirectional (bool): A second set of layers (D = 2) reads backwards in time.
        training (bool): Dropout is active.

    Returns:
        y (T, B, D * H), the last layer's states, and ``h_n`` shaped as ``h``, the last states.

    Raises:
        ValueError: Shapes do not agree, or the nonlinearity is unknown.

    Source: Elman, Finding Structure in Time, 1990.
    """
    fused = torch._VF.rnn_relu if nonlinearity == "relu" else torch._VF.rnn_tanh
    return _run(fused, x, (h,), weight_l0, weight, bias, num_layers, dropout, bidirectional, training, _same_bias, rng)


@operator("LSTM", shape=_lstm_shape, resolve=_fill_dropout, backward_reads="", min_outputs=3)
def lstm(x: Tensor, h: Tensor, c: Tensor, weight_l0: Tensor, weight: Tensor = None, bias: Tensor = None,
         num_layers: int = 1, dropout: float = None, bidirectional: bool = False, training: bool = True, *, rng=None):
    r"""Long short-term memory over a sequence.

    .. math::
        i, f, o &= \sigma(W_{i, f, o} [x_t; h_{t-1}] + b_{i, f, o}), \quad
        g = \tanh(W_g [x_t; h_{t-1}] + b_g) \\
        c_t &= f c_{t-1} + i g, \quad h_t = o \tanh(c_t)

    Args:
        x: Array (T, B, I): time, batch, features.
        h: First state (L, D, B, H): layers, directions, batch, units.
        c: First cell state, shaped as ``h``.
        weight_l0: First layer's weights (D, 4, H, I + H), gates in the order i, f, g, o.
        weight: The other layers' weights (L - 1, D, 4, H, D * H + H); needed with more than one layer.
        bias: Array (L, D, 4, H); none is added by default.
        num_layers (int): Number of layers L.
        dropout (float): Share of a layer's output dropped on the way to the next; 0 by default.
        bidirectional (bool): A second set of layers (D = 2) reads backwards in time.
        training (bool): Dropout is active.

    Returns:
        y (T, B, D * H), the last layer's states, and ``h_n`` and ``c_n`` shaped as ``h``.

    Raises:
        ValueError: Shapes do not agree.

    Source: Hochreiter and Schmidhuber, Long Short-Term Memory, 1997.
    """
    return _run(torch._VF.lstm, x, (h, c), weight_l0, weight, bias, num_layers, dropout, bidirectional, training, _same_bias,
                rng)


@operator("GRU", shape=_gru_shape, resolve=_fill_dropout, backward_reads="", min_outputs=2)
def gru(x: Tensor, h: Tensor, weight_l0: Tensor, weight: Tensor = None, bias: Tensor = None, num_layers: int = 1,
        dropout: float = None, bidirectional: bool = False, training: bool = True, *, rng=None):
    r"""Gated recurrent unit over a sequence.

    .. math::
        r, z &= \sigma(W_{r, z} [x_t; h_{t-1}] + b_{r, z}), \quad
        n = \tanh(W_{nx} x_t + b_{nx} + r (W_{nh} h_{t-1} + b_{nh})) \\
        h_t &= (1 - z) n + z h_{t-1}

    Args:
        x: Array (T, B, I): time, batch, features.
        h: First state (L, D, B, H): layers, directions, batch, units.
        weight_l0: First layer's weights (D, 3, H, I + H), gates in the order r, z, n.
        weight: The other layers' weights (L - 1, D, 3, H, D * H + H); needed with more than one layer.
        bias: Array (L, D, 4, H) in the order r, z, nx, nh; none is added by default.
        num_layers (int): Number of layers L.
        dropout (float): Share of a layer's output dropped on the way to the next; 0 by default.
        bidirectional (bool): A second set of layers (D = 2) reads backwards in time.
        training (bool): Dropout is active.

    Returns:
        y (T, B, D * H), the last layer's states, and ``h_n`` shaped as ``h``, the last states.

    Raises:
        ValueError: Shapes do not agree.

    Source: Cho et al., Learning Phrase Representations using RNN Encoder-Decoder, 2014.
    """
    return _run(torch._VF.gru, x, (h,), weight_l0, weight, bias, num_layers, dropout, bidirectional, training, _gru_bias, rng)


def lstm_cell(x: Tensor, h: Tensor, c: Tensor, weight: Tensor, bias: Tensor):
    """One step: the next hidden state and cell state.

    Args:
        x: Input, (batch, features I).
        h: Hidden state, (batch, H).
        c: Cell state, (batch, H).
        weight: Weights of the gates: input, output, forget and candidate, (I + H, 4, H).
        bias: Their biases, (4, H).
    """
    gates = torch.addmm(bias.flatten(), torch.cat((x, h), 1), weight.flatten(1)).view(-1, *bias.shape)
    input_gate, output_gate, forget_gate, candidate = gates.unbind(1)
    c = torch.sigmoid(forget_gate) * c + torch.sigmoid(input_gate) * torch.tanh(candidate)
    return torch.sigmoid(output_gate) * torch.tanh(c), c
