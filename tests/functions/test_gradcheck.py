"""Gradients of smooth functions against finite differences, in double precision, on torch tensors."""
import pytest
import torch

import nnabla_compat as nn
from oracle import drive
from oracle.cases import CASES

from .test_operators import exists, reader

# Gradients that are not derivatives, by design: straight-through, clipped, cut, or of random draws.
SURROGATE = {
    "round", "ceil", "floor", "sign", "binary_sigmoid", "binary_tanh", "binary_connect_affine", "binary_weight_affine",
    "binary_connect_convolution", "binary_weight_convolution", "inq_affine", "inq_convolution", "fixed_point_quantize",
    "pow2_quantize", "min_max_quantize", "quantize_linear", "dequantize_linear", "prune", "clip_grad_by_value", "clip_grad_by_norm",
    "function_bases.fixed_point_quantize", "function_bases.pow2_quantize", "function_bases.min_max_quantize",
    "unlink", "sink", "assign", "spectral_norm", "mean_subtraction", "vat_noise", "random_erase", "mod2", "top_k_grad",
    "sort", "unique", "top_k_data", "reset_nan", "reset_inf", "norm_normalization", "clip_by_norm", "max_pooling_backward", "stft", "istft",
    "batch_cholesky",  # the original's gradient is that of symmetric matrices: off-diagonal halves are shared
    "sigmoid_cross_entropy", "binary_cross_entropy", "kl_multinomial", "softmax_cross_entropy", "categorical_cross_entropy",
}
pytestmark = pytest.mark.filterwarnings("ignore:reduce is deprecated")
LIMIT = 40  # elements of all inputs together: each costs two evaluations


def smooth_settings(function, limit=LIMIT):
    entries = reader(function).entries
    for case in CASES[function]:
        entry = entries.get(case.key, {})
        differentiable = [s for s in case.specs if s.grad]
        if (case.bad or case.random or case.code or case.forwards > 1 or case.auto or "grads" not in entry
                or any(s.kind in ("ties", "values") for s in differentiable)
                or function == "affine" and any(s.kind == "integers" for s in case.specs)):  # read as float32
            continue
        if 0 < elements(case) <= limit:
            yield case


def elements(case):
    return sum(_size(s.shape) for s in case.specs if s.grad)


def some_settings(function):
    """Small settings, or else the smallest of the larger ones."""
    return list(smooth_settings(function)) or sorted(smooth_settings(function, 1000), key=elements)[:1]


def _size(shape):
    size = 1
    for d in shape:
        size *= d
    return size


def prepared(case):
    """The call as a function of the inputs that take a gradient, in double precision; and those inputs."""
    arrays = case.draw_inputs()
    inputs = [torch.from_numpy(a) for a in arrays]
    where = [i for i, s in enumerate(case.specs) if s.grad and arrays[i].dtype.kind == "f"]

    def compute(*changing):
        filled = [t.double() if t.is_floating_point() else t.clone() for t in inputs]
        for i, t in zip(where, changing):
            filled[i] = t
        return tuple(y for y in drive.listed(drive.call(nn, case, filled)) if y.is_floating_point() and y.requires_grad)
    return compute, [inputs[i].double().requires_grad_() for i in where]


SMOOTH = [f for f in CASES if f not in SURROGATE and not f.startswith("array.")]


@pytest.mark.parametrize("function", SMOOTH)
def test_gradcheck(function):
    if not exists(function):
        pytest.xfail("no such function yet: counted in docs/coverage.md")
    chosen = some_settings(function)[:3]
    if not chosen:
        pytest.skip("no small smooth setting")
    for case in chosen:
        compute, wanted = prepared(case)
        assert torch.autograd.gradcheck(compute, wanted, eps=1e-6, atol=1e-5, rtol=1e-4, fast_mode=elements(case) > LIMIT), case.key


@pytest.mark.parametrize("function", SMOOTH)
def test_gradgradcheck(function):
    if not exists(function):
        pytest.xfail("no such function yet: counted in docs/coverage.md")
    chosen = sorted(some_settings(function), key=elements)
    if not chosen:
        pytest.skip("no small smooth setting")
    case = chosen[len(chosen) // 2]
    compute, wanted = prepared(case)
    assert torch.autograd.gradgradcheck(compute, wanted, eps=1e-6, atol=1e-4, rtol=1e-3, fast_mode=elements(case) > LIMIT), case.key
