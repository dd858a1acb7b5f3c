"""What the original's CPU build cannot compute, against equal calculations written otherwise."""
import numpy as np
import pytest
import torch

import nnabla_compat as nn
import nnabla_compat.functions as F
from oracle import drive
from oracle.cases import CASES

from .test_operators import exists, reader

# Which inputs have channels, and where (first spatial axis counts from these).
CHANNELS = {
    "convolution": {0: 1, 1: 1}, "deconvolution": {0: 1, 1: 1}, "fused_convolution": {0: 1, 1: 1}, "max_pooling": {0: 1},
    "average_pooling": {0: 1}, "sum_pooling": {0: 1}, "max_pooling_backward": {0: 1, 1: 1}, "interpolate": {0: 1}, "warp_by_grid": {0: 1},
    "roi_align": {0: 1}, "unpooling": {0: 1},
}


def channel_last_settings():
    for function in CHANNELS:
        entries = reader(function).entries
        for case in CASES[function]:
            if "unsupported" in entries.get(case.key, {}) and (case.kwargs.get("channel_last") or case.args[-1:] == (True,)):
                yield pytest.param(function, case, id=case.key)


@pytest.mark.parametrize("function, case", list(channel_last_settings()))
def test_channel_last_is_channel_first_moved(function, case):
    inputs = [torch.from_numpy(a).requires_grad_(bool(s.grad)) for s, a in zip(case.specs, case.draw_inputs())]
    last = drive.call(nn, case, inputs)
    moved = [x.movedim(-1, 1) if i in CHANNELS[function] else x for i, x in enumerate(inputs)]
    args, kwargs = case.fill(moved)
    if "channel_last" in kwargs:
        kwargs["channel_last"] = False
    else:
        args[-1] = False
    first = getattr(F, function)(*args, **kwargs).movedim(1, -1)
    torch.testing.assert_close(last, first)
    wanted = [x for x in inputs if x.requires_grad]
    dy = torch.from_numpy(case.draw_gradient(last.shape))
    for a, b in zip(*[torch.autograd.grad(y, wanted, dy, materialize_grads=True) for y in (last, first)]):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["fft", "ifft"])
@pytest.mark.parametrize("normalized", [False, True])
@pytest.mark.parametrize("shape, dims", [((2, 4), 1), ((5,), 1), ((2, 3, 5), 2), ((2, 3, 2, 4), 3), ((1, 1), 1), ((3, 4, 6), 1)])
def test_fourier(name, normalized, shape, dims):
    if not exists(name):
        pytest.xfail("no such function yet: counted in docs/coverage.md")
    rng = np.random.RandomState(3)
    z = rng.randn(*shape) + 1j * rng.randn(*shape)
    axes = tuple(range(len(shape) - dims, len(shape)))
    transform = {"fft": np.fft.fftn, "ifft": np.fft.ifftn}[name]
    expected = transform(z, axes=axes, norm="ortho" if normalized else None)
    x = nn.Variable.from_numpy_array(np.stack([z.real, z.imag], -1).astype(np.float32), need_grad=True)
    y = getattr(F, name)(x, dims, normalized)
    assert y.shape == x.shape
    y.forward()
    np.testing.assert_allclose(y.d, np.stack([expected.real, expected.imag], -1), rtol=1e-4, atol=1e-5)
    x.grad.zero()
    y.backward(y.data)
    # The transform is linear and unitary up to a factor: its adjoint takes y back to x.
    factor = 1.0 if normalized else float(np.prod(shape[-dims:])) ** (1 if name == "fft" else -1)
    np.testing.assert_allclose(x.g, x.d * factor, rtol=1e-4, atol=1e-4)


def test_sync_batch_normalization_of_one_process_is_batch_normalization():
    rng = np.random.RandomState(5)

    def inputs():
        rng.seed(5)
        shapes = [(4, 3, 2), (1, 3, 1), (1, 3, 1), (1, 3, 1), (1, 3, 1)]
        return [nn.Variable.from_numpy_array(np.float32(rng.rand(*s) + 0.5), need_grad=i < 3) for i, s in enumerate(shapes)]
    results = []
    for call in (lambda *v: F.batch_normalization(*v), lambda *v: F.sync_batch_normalization(*v, comm=None)):
        variables = inputs()
        y = call(*variables)
        y.forward()
        for v in variables:
            v.grad.zero()
        y.backward(np.float32(np.random.RandomState(2).randn(*y.shape)))
        results.append([y.d.copy()] + [v.g.copy() for v in variables[:3]] + [v.d.copy() for v in variables[3:]])
    for a, b in zip(*results):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name, args, mean, variance", [
    ("rand_beta", (2.0, 3.0), 0.4, 0.04), ("rand_beta", (0.5, 0.5), 0.5, 0.125), ("rand_gamma", (2.0, 3.0), 6.0, 18.0),
    ("rand_gamma", (0.5, 1.0), 0.5, 0.5), ("rand_binomial", (100, 0.7), 70.0, 21.0), ("rand_binomial", (10, 0.3), 3.0, 2.1),
    ("rand", (-2.0, 3.0), 0.5, 25 / 12), ("randn", (1.0, 0.5), 1.0, 0.25), ("randint", (0, 10), 4.5, 8.25)])
def test_distributions(name, args, mean, variance):
    def draw(seed):
        y = getattr(F, name)(*args, shape=(20000,), seed=seed)
        y.forward()
        return y.d.copy()
    sample = draw(7)
    np.testing.assert_allclose(sample.mean(), mean, atol=5 * (variance / sample.size) ** 0.5)
    np.testing.assert_allclose(sample.var(), variance, rtol=0.1)
    assert np.array_equal(sample, draw(7)) and not np.array_equal(sample, draw(8))
