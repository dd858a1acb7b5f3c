"""A generative adversarial network of Modules learns how points in the plane are spread.

Ordinary nnabla code: it runs under Sony's nnabla as it stands, and under nnabla_compat with

    python -m nnabla_compat run examples/learning/gan.py
"""
import json

import numpy as np

import nnabla as nn
import nnabla.functions as F
import nnabla.parametric_functions as PF
import nnabla.solvers as S

BATCH, NOISE, STEPS = 128, 8, 800


class Layer(nn.Module):
    def __init__(self, outmaps, normalize=False):
        self.outmaps, self.normalize = outmaps, normalize

    def call(self, x):
        h = PF.affine(x, self.outmaps)
        if self.normalize:
            h = PF.batch_normalization(h, batch_stat=self.training)
        return F.leaky_relu(h, 0.2)


class Generator(nn.Module):
    def __init__(self):
        self.first = Layer(32, normalize=True)
        self.second = Layer(32)

    def call(self, z):
        return PF.affine(self.second(self.first(z)), 2, name="out")


class Discriminator(nn.Module):
    def __init__(self):
        self.first = Layer(64)
        self.second = Layer(64)

    def call(self, x):
        return PF.affine(self.second(self.first(x)), 1, name="out")


MEAN, SPREAD = np.array([2, -1], np.float32), np.array([[1, 0], [0.6, 0.5]], np.float32)


def real_points(rng, count):
    return MEAN + rng.randn(count, 2).astype(np.float32) @ SPREAD.T


def main():
    nn.clear_parameters()
    nn.seed(7)
    rng = np.random.RandomState(7)
    generator, discriminator = Generator(), Discriminator()

    fake = generator(F.randn(shape=(BATCH, NOISE)))
    fake.persistent = True
    # The discriminator's step must not reach the generator, and uses what the generator's step made.
    fake_only = fake.get_unlinked_variable(need_grad=False)
    real = nn.Variable((BATCH, 2))
    judged = discriminator(fake)
    loss_g = F.mean(F.sigmoid_cross_entropy(judged, F.constant(1, judged.shape)))
    judged_real, judged_fake = discriminator(real), discriminator(fake_only)
    loss_d = F.mean(F.sigmoid_cross_entropy(judged_real, F.constant(1, judged_real.shape))
                    + F.sigmoid_cross_entropy(judged_fake, F.constant(0, judged_fake.shape)))

    solver_g, solver_d = S.Adam(1e-3, beta1=0.5), S.Adam(2e-3, beta1=0.5)
    solver_g.set_parameters(generator.get_parameters(grad_only=True))
    solver_d.set_parameters(discriminator.get_parameters(grad_only=True))
    losses = []
    for _ in range(STEPS):
        real.d = real_points(rng, BATCH)
        loss_g.forward(clear_no_need_grad=True)
        solver_g.zero_grad()
        loss_g.backward(clear_buffer=True)
        solver_g.update()

        loss_d.forward(clear_no_need_grad=True)
        solver_d.zero_grad()
        loss_d.backward(clear_buffer=True)
        solver_d.update()
        losses.append([float(loss_g.d), float(loss_d.d)])

    generator.training = False
    with nn.auto_forward():
        samples = generator(F.randn(shape=(1000, NOISE), seed=11)).d
    mean, covariance = samples.mean(0), np.cov(samples.T)
    assert np.abs(mean - MEAN).max() < 0.3, mean
    assert np.abs(covariance - SPREAD @ SPREAD.T).max() < 0.4, covariance
    print(json.dumps({"losses": losses[:20], "mean": mean.tolist(), "covariance": covariance.tolist(),
                      "parameters": sorted(generator.get_parameters()), "submodules": list(generator.submodules)}))


if __name__ == "__main__":
    main()
