"""Fully connected layers."""
import numpy as np

from .. import functions as F
from ..variable import Variable
from ..initializer import ConstantInitializer
from ..parameter import get_parameter, set_parameter
from .api import layer
from .weights import affine_shape, bias, glorot, statistic, weight


@layer("affine", [("W", "Weights", "(inmaps, outmaps)", True), ("b", "Bias", "(outmaps,)", True)])
def affine(inp, n_outmaps, base_axis=1, w_init=None, b_init=None, fix_parameters=False, rng=None, with_bias=True,
           apply_w=None, apply_b=None):
    r"""Fully connected layer.

    .. math:: y = x W + b

    Args:
        inp: Array; the axes from ``base_axis`` on are flattened.
        n_outmaps (int or tuple of int): Number of outputs, or the shape they form.

    Returns:
        Array of the batch axes and ``n_outmaps``.
    """
    shape, outmaps, fan_in, fan_out = affine_shape(inp, n_outmaps, base_axis)
    w = weight("W", shape, w_init, fix_parameters, glorot, fan_in, fan_out, (1, 1), rng)
    if apply_w is not None:
        w = apply_w(w)
    b = bias(outmaps, b_init, fix_parameters, with_bias, apply_b)
    return F.affine(inp, w, b, base_axis)


@layer("svd_affine", [("U", "Left factor", "(inmaps, r)", True), ("V", "Right factor", "(r, outmaps)", True),
                      ("b", "Bias", "(outmaps,)", True)])
def svd_affine(inp, n_outmaps, r, base_axis=1, uv_init=None, b_init=None, fix_parameters=False, rng=None,
               with_bias=True):
    r"""Fully connected layer with weights of rank ``r``.

    .. math:: y = x U V + b

    The factors start as the truncated singular value decomposition of a full weight matrix.

    Args:
        inp: Array; the axes from ``base_axis`` on are flattened.
        n_outmaps (int or tuple of int): Number of outputs, or the shape they form.
        r (int): Rank, at least 1.
        uv_init: The full weights to decompose: array, or initializer; uniform with Glorot's limit by default.

    Returns:
        Array of the batch axes and ``n_outmaps``.
    """
    shape, outmaps, fan_in, fan_out = affine_shape(inp, n_outmaps, base_axis)
    if uv_init is None:
        uv_init = glorot(fan_in, fan_out, rng=rng)
    # Drawn even when the factors exist: nnabla does, and later draws follow from it.
    uv = uv_init if isinstance(uv_init, np.ndarray) else uv_init(shape)
    u, v = get_parameter("U"), get_parameter("V")
    if u is None or v is None:
        if r <= 0:
            raise AssertionError(f"svd_affine: expected a rank r of at least 1, received {r}.")
        left, singular, right = np.linalg.svd(uv.reshape(fan_in, fan_out), full_matrices=False)
        u = register("U", [fan_in, r], np.dot(left, np.diag(singular))[:, :r])
        v = register("V", [r] + outmaps, right[:r, :].reshape([r] + outmaps))
    u, v = (p.get_unlinked_variable(need_grad=not fix_parameters) for p in (u, v))
    b = bias(outmaps, b_init, fix_parameters, with_bias)
    return F.affine(F.affine(inp, u, None, base_axis), v, b, base_axis)


def register(name, shape, values):
    """Register a trainable parameter holding ``values``, as float32 (nnabla keeps the decomposition's float64)."""
    variable = Variable.from_numpy_array(np.asarray(values, np.float32).reshape(shape), need_grad=True)
    set_parameter(name, variable)
    return variable


@layer("bicon_affine", [("W", "Weights before binarization", "(inmaps, outmaps)", True),
                        ("Wb", "Binary weights", "(inmaps, outmaps)", False), ("b", "Bias", "(outmaps,)", True)])
def binary_connect_affine(inp, n_outmaps, base_axis=1, quantize_zero_to=1.0, w_init=None, wb_init=None, b_init=None,
                          fix_parameters=False, rng=None, with_bias=True):
    r"""Fully connected layer with weights of -1 and 1 (BinaryConnect).

    .. math:: y = x \, \mathrm{sign}(W) + b

    Args:
        inp: Array; the axes from ``base_axis`` on are flattened.
        n_outmaps (int or tuple of int): Number of outputs, or the shape they form.
        quantize_zero_to (float): Binary value of a weight that is 0.
        wb_init: Initial binary weights, overwritten by the first forward.

    Returns:
        Array of the batch axes and ``n_outmaps``.

    Source: Courbariaux et al., BinaryConnect: Training Deep Neural Networks with binary weights, 2015.
    """
    w, wb, outmaps = _binary_weights(inp, n_outmaps, base_axis, w_init, wb_init, fix_parameters, rng)
    b = bias(outmaps, b_init, fix_parameters, with_bias)
    return F.binary_connect_affine(inp, w, wb, b, base_axis, quantize_zero_to)


@layer("bwn_affine", [("W", "Weights before binarization", "(inmaps, outmaps)", True),
                      ("Wb", "Binary weights", "(inmaps, outmaps)", False),
                      ("alpha", "Scale of each output", "(outmaps,)", False), ("b", "Bias", "(outmaps,)", True)])
def binary_weight_affine(inp, n_outmaps, base_axis=1, quantize_zero_to=1.0, w_init=None, wb_init=None, b_init=None,
                         fix_parameters=False, rng=None, with_bias=True):
    r"""Fully connected layer with binary weights and a scale for each output (Binary Weight Networks).

    .. math:: y_j = \alpha_j \sum_i \mathrm{sign}(W_{ij}) x_i + b_j, \quad \alpha_j = \mathrm{mean}_i |W_{ij}|

    Args:
        inp: Array; the axes from ``base_axis`` on are flattened.
        n_outmaps (int or tuple of int): Number of outputs, or the shape they form.
        quantize_zero_to (float): Binary value of a weight that is 0.
        wb_init: Initial binary weights, overwritten by the first forward.

    Returns:
        Array of the batch axes and ``n_outmaps``.

    Source: Rastegari et al., XNOR-Net, 2016.
    """
    w, wb, outmaps = _binary_weights(inp, n_outmaps, base_axis, w_init, wb_init, fix_parameters, rng)
    alpha = statistic("alpha", outmaps, ConstantInitializer(0))
    b = bias(outmaps, b_init, fix_parameters, with_bias)
    return F.binary_weight_affine(inp, w, wb, alpha, b, base_axis, quantize_zero_to)


def _binary_weights(inp, n_outmaps, base_axis, w_init, wb_init, fix_parameters, rng):
    shape, outmaps, fan_in, fan_out = affine_shape(inp, n_outmaps, base_axis)
    w = weight("W", shape, w_init, fix_parameters, glorot, fan_in, fan_out, (1, 1), rng)
    wb = statistic("Wb", shape, glorot(fan_in, fan_out, rng=rng) if wb_init is None else wb_init)
    return w, wb, outmaps


@layer("inq_affine", [("W", "Weights", "(inmaps, outmaps)", True),
                      ("I", "1 where a weight is fixed", "(inmaps, outmaps)", False),
                      ("b", "Bias", "(outmaps,)", True)])
def inq_affine(inp, n_outmaps, base_axis=1, num_bits=4, inq_iterations=(), selection_algorithm="random", seed=-1,
               w_init=None, i_init=None, b_init=None, fix_parameters=False, rng=None, with_bias=True):
    r"""Fully connected layer whose weights are fixed to powers of two, some more at given iterations.

    Args:
        inp: Array; the axes from ``base_axis`` on are flattened.
        n_outmaps (int or tuple of int): Number of outputs, or the shape they form.
        num_bits (int): Bits of a weight, sign included; at least 2.
        inq_iterations (tuple of int): Iterations at which half of the free weights are fixed; at the last, all.
        selection_algorithm (str): Which are fixed first: ``"largest_abs"`` or ``"random"``.
        seed (int): Of the random selection; -1 takes the global stream.
        i_init: Initial indicator; zeros by default.

    Returns:
        Array of the batch axes and ``n_outmaps``.

    Source: Zhou et al., Incremental Network Quantization, 2017.
    """
    shape, outmaps, fan_in, fan_out = affine_shape(inp, n_outmaps, base_axis)
    w = weight("W", shape, w_init, fix_parameters, glorot, fan_in, fan_out, (1, 1), rng)
    i = statistic("I", shape, ConstantInitializer() if i_init is None else i_init)
    b = bias(outmaps, b_init, fix_parameters, with_bias)
    return F.inq_affine(inp, w, i, b, base_axis, num_bits, inq_iterations, selection_algorithm, seed)
