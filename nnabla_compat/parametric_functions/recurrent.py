"""Recurrent layers."""
from math import prod

import numpy as np

from .. import functions as F
from ..engine.composition import Composition
from ..initializer import ConstantInitializer
from ..ops import recurrent
from ..parameter import get_parameter, get_parameter_or_create, parameter_scope, set_parameter
from ..variable import Variable
from .api import layer
from .weights import bias, glorot, weight


def _gate_weights(gates, directions, input_size, hidden_size, num_layers, rng):
    """Draw initial weights: of layer 0 and of those above, input and hidden parts drawn apart."""
    def draw(shape, fan_in):
        from_input = glorot(fan_in, hidden_size, rng=rng)((*shape, fan_in))
        from_hidden = glorot(hidden_size, hidden_size, rng=rng)((*shape, hidden_size))
        return np.concatenate((from_input, from_hidden), axis=-1)
    return (lambda: draw((directions, *gates, hidden_size), input_size),
            lambda: draw((num_layers - 1, directions, *gates, hidden_size), directions * hidden_size))


@layer("rnn", [("weight_l0", "Weights of layer 0", "(D, H, I + H)", True),
               ("weight", "Weights of the layers above", "(L - 1, D, H, D H + H)", True),
               ("bias", "Biases", "(L, D, H)", True)])
def rnn(x, h, w0_init=None, w_init=None, b_init=None, num_layers=1, nonlinearity="tanh", dropout=0.0,
        bidirectional=False, training=True, rng=None, with_bias=True, fix_parameters=False):
    r"""Elman network over a sequence.

    .. math:: h_t = \tanh(W_x x_t + W_h h_{t-1} + b)

    Args:
        x: Sequence, (time, batch, features I).
        h: First hidden state, (layers L, directions D, batch, hidden size H).
        w0_init: Initial weights of layer 0; uniform with Glorot's limit by default.
        w_init: Initial weights of the layers above; likewise.
        num_layers (int): Not used: ``h`` tells the number of layers.
        nonlinearity (str): ``"tanh"`` or ``"relu"``.
        dropout (float): Rate of dropout between layers.
        bidirectional (bool): Run over the sequence both ways.
        training (bool): Whether gradients will be asked for.

    Returns:
        tuple: output (time, batch, D H) and last hidden state, shaped as ``h``.
    """
    input_size, hidden_size, num_layers = x.shape[2], h.shape[3], h.shape[0]
    directions = 2 if bidirectional else 1
    first, above = _gate_weights((), directions, input_size, hidden_size, num_layers, rng)
    # Drawn at each call, also when the parameters exist: nnabla does, and later draws follow from it.
    w0_init = first() if w0_init is None else w0_init
    w_init = above() if w_init is None else w_init
    w0 = get_parameter_or_create("weight_l0", (directions, hidden_size, input_size + hidden_size), w0_init, True,
                                 not fix_parameters)
    w = None
    if num_layers > 1:
        w = get_parameter_or_create("weight", (num_layers - 1, directions, hidden_size, (directions + 1) * hidden_size),
                                    w_init, True, not fix_parameters)
    b = bias((num_layers, directions, hidden_size), b_init, fix_parameters, with_bias, name="bias")
    return F.rnn(x, h, weight_l0=w0, weight=w, bias=b, num_layers=num_layers, nonlinearity=nonlinearity,
                 dropout=dropout, bidirectional=bidirectional, training=training)


def _gated(gates, x, h, w0_init, w_init, b_init, bidirectional, rng, with_bias, fix_parameters):
    """Parameters of :func:`lstm` (4 gates) and :func:`gru` (3; its bias has 4)."""
    input_size, hidden_size, num_layers = x.shape[2], h.shape[3], h.shape[0]
    directions = 2 if bidirectional else 1
    first, above = _gate_weights((gates,), directions, input_size, hidden_size, num_layers, rng)
    shape0 = (directions, gates, hidden_size, input_size + hidden_size)
    shape = (num_layers - 1, directions, gates, hidden_size, (directions + 1) * hidden_size)
    w0 = _gate_parameter("weight_l0", shape0, w0_init, first)
    w = _gate_parameter("weight", shape, w_init, above) if num_layers > 1 else None
    b = None
    if with_bias:
        b = get_parameter("bias") or get_parameter_or_create(
            "bias", (num_layers, directions, 4, hidden_size), ConstantInitializer() if b_init is None else b_init)
    return num_layers, [p and p.get_unlinked_variable(need_grad=not fix_parameters) for p in (w0, w, b)]


def _gate_parameter(name, shape, init, draw):
    existing = get_parameter(name)
    if existing is None:
        return get_parameter_or_create(name, shape, draw() if init is None else init)
    if existing.shape != shape and existing.size == np.prod(shape):
        # Early nnabla releases saved these weights in another layout.
        existing = Variable.from_numpy_array(np.reshape(existing.d, shape), need_grad=True)
        set_parameter(name, existing)
        return existing
    return existing if existing.shape == shape else get_parameter_or_create(name, shape)


@layer("lstm", [("weight_l0", "Weights of layer 0", "(D, 4, H, I + H)", True),
                ("weight", "Weights of the layers above", "(L - 1, D, 4, H, D H + H)", True),
                ("bias", "Biases", "(L, D, 4, H)", True)])
def lstm(x, h, c, w0_init=None, w_init=None, b_init=None, num_layers=1, dropout=0.0, bidirectional=False, training=True,
         rng=None, with_bias=True, fix_parameters=False):
    r"""Long short-term memory over a sequence.

    .. math::
        i_t, f_t, o_t &= \sigma(W x_t + R h_{t-1} + b) \\
        c_t &= f_t c_{t-1} + i_t \tanh(W_c x_t + R_c h_{t-1} + b_c) \\
        h_t &= o_t \tanh(c_t)

    Args:
        x: Sequence, (time, batch, features I).
        h: First hidden state, (layers L, directions D, batch, hidden size H).
        c: First cell state, shaped as ``h``.
        w0_init: Initial weights of layer 0; uniform with Glorot's limit by default.
        w_init: Initial weights of the layers above; likewise.
        num_layers (int): Not used: ``h`` tells the number of layers.
        dropout (float): Rate of dropout between layers.
        bidirectional (bool): Run over the sequence both ways.
        training (bool): Whether gradients will be asked for.

    Returns:
        tuple: output (time, batch, D H), last hidden state and last cell state, shaped as ``h``.

    Raises:
        ValueError: called with the arguments of :func:`lstm_cell`, which had this name once.

    Source: Hochreiter & Schmidhuber, Long Short-Term Memory, 1997.
    """
    if isinstance(w0_init, int):
        raise ValueError(f"lstm: expected initial weights as w0_init, received the number {w0_init}. One step of an "
                         "LSTM is lstm_cell(x, h, c, state_size).")
    num_layers, (w0, w, b) = _gated(4, x, h, w0_init, w_init, b_init, bidirectional, rng, with_bias, fix_parameters)
    return F.lstm(x, h, c, weight_l0=w0, weight=w, bias=b, num_layers=num_layers, dropout=dropout,
                  bidirectional=bidirectional, training=training)


@layer("gru", [("weight_l0", "Weights of layer 0", "(D, 3, H, I + H)", True),
               ("weight", "Weights of the layers above", "(L - 1, D, 3, H, D H + H)", True),
               ("bias", "Biases", "(L, D, 4, H)", True)])
def gru(x, h, w0_init=None, w_init=None, b_init=None, num_layers=1, dropout=0.0, bidirectional=False, training=True,
        rng=None, with_bias=True, fix_parameters=False):
    r"""Gated recurrent units over a sequence.

    .. math::
        r_t, z_t &= \sigma(W x_t + R h_{t-1} + b) \\
        n_t &= \tanh(W_n x_t + b_{in} + r_t (R_n h_{t-1} + b_{hn})) \\
        h_t &= (1 - z_t) n_t + z_t h_{t-1}

    Args:
        x: Sequence, (time, batch, features I).
        h: First hidden state, (layers L, directions D, batch, hidden size H).
        w0_init: Initial weights of layer 0; uniform with Glorot's limit by default.
        w_init: Initial weights of the layers above; likewise.
        num_layers (int): Not used: ``h`` tells the number of layers.
        dropout (float): Rate of dropout between layers.
        bidirectional (bool): Run over the sequence both ways.
        training (bool): Whether gradients will be asked for.

    Returns:
        tuple: output (time, batch, D H) and last hidden state, shaped as ``h``.

    Source: Cho et al., Learning Phrase Representations using RNN Encoder-Decoder, 2014.
    """
    num_layers, (w0, w, b) = _gated(3, x, h, w0_init, w_init, b_init, bidirectional, rng, with_bias, fix_parameters)
    return F.gru(x, h, weight_l0=w0, weight=w, bias=b, num_layers=num_layers, dropout=dropout,
                 bidirectional=bidirectional, training=training)


@layer("lstm", [("affine/W", "Weights of all gates", "(inmaps + state_size, 4, state_size)", True),
                ("affine/b", "Biases of all gates", "(4, state_size)", True)])
def lstm_cell(x, h, c, state_size, w_init=None, b_init=None, fix_parameters=False):
    r"""One step of a long short-term memory.

    Args:
        x: Input, (batch, features).
        h: Hidden state, (batch, state_size).
        c: Cell state, (batch, state_size).
        state_size (int): Size of the states.

    Returns:
        tuple: the next hidden and cell states.

    Source: Hochreiter & Schmidhuber, Long Short-Term Memory, 1997.
    """
    features = prod(x.shape[1:]) + prod(h.shape[1:])
    with parameter_scope("affine"):
        w = weight("W", (features, 4, state_size), w_init, fix_parameters, glorot, features, 4 * state_size)
        b = bias((4, state_size), b_init, fix_parameters)
    if len(x.shape) == len(h.shape) == len(c.shape) == 2:
        return _step(x, h, c, w, b)
    return _step.parts(x, h, c, w, b)


def _step_of_functions(x, h, c, w, b):
    gates = F.affine(F.concatenate(x, h, axis=1), w, b)
    input_gate, output_gate, forget_gate, candidate = F.split(gates, axis=1)
    c = F.sigmoid(forget_gate) * c + F.sigmoid(input_gate) * F.tanh(candidate)
    return F.sigmoid(output_gate) * F.tanh(c), c


_step = Composition("LSTMCell", recurrent.lstm_cell, _step_of_functions)


class LSTMCell:
    """:func:`lstm_cell` with its states kept between calls.

    Args:
        batch_size (int): Number of sequences.
        state_size (int): Size of the states.
        h: First hidden state; zeros by default.
        c: First cell state; zeros by default.
        name (str): Scope of the parameters.
    """

    def __init__(self, batch_size, state_size, h=None, c=None, name=None):
        self.batch_size, self.state_size, self.name = batch_size, state_size, name
        self.h = self._zeros() if h is None else h
        self.c = self._zeros() if c is None else c

    def _zeros(self):
        state = Variable((self.batch_size, self.state_size))
        state.data.zero()
        return state

    def reset_state(self):
        """Set both states to zero."""
        self.h.data.zero()
        self.c.data.zero()

    def __call__(self, x, w_init=None, b_init=None, fix_parameters=False):
        """Take a step on ``x`` and return the hidden state."""
        self.h, self.c = lstm_cell(x, self.h, self.c, self.state_size, w_init, b_init, fix_parameters=fix_parameters,
                                   name=self.name)
        return self.h
