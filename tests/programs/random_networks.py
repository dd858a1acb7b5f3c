"""Networks thrown together at random, trained a few steps in a mode chosen at random."""
import random

import nnabla as nn
import nnabla.functions as F
import nnabla.parametric_functions as PF
import nnabla.solvers as S
import numpy as np

from .kit import program


def masked(h):
    mask = F.greater_scalar(h, 0)
    mask.need_grad = False
    return F.where(mask, h, h * 0.1)


# Each takes the last variable, a name for parameters, and a random generator; the second group wants images.
ANYWHERE = [
    lambda h, n, r: F.relu(h, inplace=True),
    lambda h, n, r: F.tanh(h),
    lambda h, n, r: F.elu(F.sigmoid(h) - 0.3),
    lambda h, n, r: F.leaky_relu(h, 0.2),
    lambda h, n, r: F.swish(h) + F.gelu(h),
    lambda h, n, r: h * r.choice([0.5, 2, -1]) + 1,
    lambda h, n, r: h * F.sigmoid(h),
    lambda h, n, r: F.dropout(h, 0.3),
    lambda h, n, r: F.clip_by_value(h, -1, 1.5),
    lambda h, n, r: F.softmax(h, axis=1) * h,
    lambda h, n, r: F.pow_scalar(F.abs(h) + 0.5, 0.5),
    lambda h, n, r: F.log(F.abs(h) + 1),
    lambda h, n, r: F.flip(h, axes=[1]) + h,
    lambda h, n, r: h + F.mean(h, axis=1, keepdims=True),
    lambda h, n, r: masked(h),
    lambda h, n, r: F.maximum2(h, F.mul_scalar(h, 0.3)),
    lambda h, n, r: h * 2 - F.identity(h),
    lambda h, n, r: F.add_n(h, h, F.sin(h)),
    lambda h, n, r: h[:, :max(1, h.shape[1] - 1)],
    lambda h, n, r: F.mean(F.stack(h, F.tanh(h), axis=0), axis=0),
    lambda h, n, r: F.reshape(F.tanh(F.reshape(h, (h.shape[0], -1))), h.shape, inplace=r.random() < 0.5),
    lambda h, n, r: PF.affine(h, 4, base_axis=h.ndim - 1, name=n),
    lambda h, n, r: PF.affine(h, r.choice([3, 6]), name=n),
    lambda h, n, r: PF.batch_normalization(h, axes=[1], decay_rate=0.5, name=n),
]
ON_IMAGES = [
    lambda h, n, r: PF.convolution(h, r.choice([2, 4]), (3, 3), pad=(1, 1), stride=(r.choice([1, 2]),) * 2, name=n),
    lambda h, n, r: PF.convolution(h, h.shape[1] * 2, (3, 3), pad=(1, 1), group=h.shape[1], name=n) if h.shape[1] < 6 else h,
    lambda h, n, r: PF.depthwise_convolution(h, (3, 3), pad=(1, 1), name=n),
    lambda h, n, r: PF.deconvolution(h, 3, (2, 2), stride=(2, 2), name=n) if h.shape[2] < 9 else h,
    lambda h, n, r: PF.batch_normalization(h, name=n, batch_stat=r.random() < 0.8),
    lambda h, n, r: PF.layer_normalization(h, name=n),
    lambda h, n, r: PF.prelu(h, name=n),
    lambda h, n, r: F.concatenate(h[:, :, :, 1:], h[:, :, :, :1], axis=3),
    lambda h, n, r: F.max_pooling(h, (2, 2)) if h.shape[2] > 1 else h,
    lambda h, n, r: F.average_pooling(h, (2, 2), stride=(1, 1)) if h.shape[2] > 1 else h,
    lambda h, n, r: F.interpolate(h, scale=(2, 2), mode="linear", align_corners=False) if h.shape[2] < 7 else h,
    lambda h, n, r: F.pad(h, (1, 0, 0, 1)),
    lambda h, n, r: F.unpooling(h, (2, 2)) if h.shape[2] < 6 else h,
    lambda h, n, r: F.global_average_pooling(h),
]


def network(x, t, r, recomputed):
    h, passed = x, []
    for i in range(r.randint(3, 9)):
        layer = r.choice(ANYWHERE + (ON_IMAGES if h.ndim == 4 and min(h.shape[2:]) > 1 else []))
        with nn.recompute(recomputed and r.random() < 0.5):
            h = layer(h, f"layer{i}", r)
            partners = [p for p in passed if p.shape == h.shape]
            if partners and r.random() < 0.5:
                h = h + F.tanh(r.choice(partners))
        fate = r.random()
        if fate < 0.1:
            h.persistent = True
        elif fate < 0.13 and i:
            h.need_grad = False
        passed.append(h)
    loss = F.mean(F.squared_error(PF.affine(h, 3, name="head"), t) * 0.5)
    if r.random() < 0.3:
        loss = loss + 0.01 * F.add_n(*[F.mean(p ** 2) for p in passed[-3:]])
    return loss, passed


def train(seed):
    r, rng = random.Random(seed), np.random.RandomState(seed)
    nn.clear_parameters()
    nn.seed(seed)
    batch = r.choice([2, 3])
    x, t = nn.Variable((batch, r.choice([2, 3]), 6, 6), need_grad=r.random() < 0.3), nn.Variable((batch, 3))
    dynamic, recomputed, resized = r.random() < 0.25, r.random() < 0.2, r.random() < 0.2
    keep, drop = r.choice([(False, False), (True, True), (True, False), (False, True)])
    solver = r.choice([lambda: S.Sgd(0.02), lambda: S.Momentum(0.01), lambda: S.Nesterov(0.01)])()
    decay, clip = r.choice([0, 1e-3]), r.choice([0, 0.5])
    out, loss = [], None
    for step in range(r.randint(2, 4)):
        if resized and step == 1 and not dynamic:
            x.reset_shape((batch + 1,) + x.shape[1:], True)
            t.reset_shape((batch + 1, 3), True)
        x.d, t.d = rng.randn(*x.shape), rng.randn(*t.shape)
        if dynamic or loss is None:
            with nn.auto_forward(dynamic):
                loss, passed = network(x, t, random.Random(seed + 1), recomputed)
        if step == 0:
            solver.set_parameters(nn.get_parameters())
        if not dynamic:
            loss.forward(clear_no_need_grad=keep)
        x.grad.zero()
        solver.zero_grad()
        loss.backward(clear_buffer=drop)
        solver.weight_decay(decay)
        if clip:
            solver.clip_grad_by_norm(clip)
        found = [0.0 if p.grad.zeroing else float(np.abs(p.g).sum()) for p in nn.get_parameters().values()]
        solver.update()
        out.append([float(loss.d), found, float(np.abs(x.g).sum()) if x.need_grad else 0.0,
                    [float(np.abs(p.d).mean()) for p in passed if p.persistent]])
    return out, {k: float(np.abs(v.d).mean()) for k, v in nn.get_parameters(grad_only=False).items()}


def trained(seeds):
    """What came out for each seed; the name of the exception where a graph does not take another batch size."""
    found = {}
    for seed in seeds:
        try:
            found[str(seed)] = train(seed)
        except RuntimeError as error:
            found[str(seed)] = type(error).__name__
    nn.set_auto_forward(False)
    return found


@program(rtol=2e-3)
def random_networks():
    return trained(range(60))
