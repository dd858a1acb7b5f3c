"""Generative models and image translation.

No bias stands in front of a batch normalization: its gradient is rounding noise, which Adam scales up.
"""
import nnabla as nn
import nnabla.functions as F
import nnabla.initializer as I
import nnabla.parametric_functions as PF
import nnabla.solvers as S
import numpy as np
from nnabla.initializer import ConstantInitializer, NormalInitializer

from .kit import bits, brief, gradients, initial, program, values


@program
def dcgan():
    def generator(z, maxh=16, test=False, output_hidden=False):
        def bn(x):
            return PF.batch_normalization(x, batch_stat=not test)

        def upsample2(x, c):
            return PF.deconvolution(x, c, kernel=(4, 4), pad=(1, 1), stride=(2, 2), with_bias=False)

        with nn.parameter_scope("gen"):
            with nn.parameter_scope("deconv1"):
                d1 = F.elu(bn(PF.deconvolution(z, maxh, (2, 2), with_bias=False)))
            with nn.parameter_scope("deconv2"):
                d2 = F.elu(bn(upsample2(d1, maxh // 2)))
            with nn.parameter_scope("conv5"):
                x = F.tanh(PF.deconvolution(d2, 1, (4, 4), pad=(1, 1), stride=(2, 2)))
        return (x, [d1, d2]) if output_hidden else x

    def discriminator(x, maxh=8, test=False):
        def bn(xx):
            return PF.batch_normalization(xx, batch_stat=not test)

        with nn.parameter_scope("dis"):
            with nn.parameter_scope("conv1"):
                c1 = F.elu(bn(PF.convolution(x, maxh, (3, 3), pad=(1, 1), stride=(2, 2), with_bias=False)))
            with nn.parameter_scope("conv2"):
                c2 = F.elu(bn(PF.convolution(c1, maxh * 2, (3, 3), pad=(1, 1), stride=(2, 2), with_bias=False)))
            with nn.parameter_scope("fc1"):
                return PF.affine(c2, 1)

    batch = 4
    z = nn.Variable([batch, 6, 1, 1])
    fake = generator(z)
    fake.persistent = True
    pred_fake = discriminator(fake)
    loss_gen = F.mean(F.sigmoid_cross_entropy(pred_fake, F.constant(1, pred_fake.shape)))
    fake_dis = fake.get_unlinked_variable(need_grad=True)
    fake_dis.need_grad = True
    pred_fake_dis = discriminator(fake_dis)
    loss_dis = F.mean(F.sigmoid_cross_entropy(pred_fake_dis, F.constant(0, pred_fake_dis.shape)))
    x = nn.Variable([batch, 1, 8, 8])
    pred_real = discriminator(x)
    loss_dis += F.mean(F.sigmoid_cross_entropy(pred_real, F.constant(1, pred_real.shape)))

    solver_gen, solver_dis = S.Adam(2e-4, beta1=0.5), S.Adam(2e-4, beta1=0.5)
    with nn.parameter_scope("gen"):
        solver_gen.set_parameters(nn.get_parameters())
    with nn.parameter_scope("dis"):
        solver_dis.set_parameters(nn.get_parameters())
    start = initial(nn.get_parameters(grad_only=False))
    rng = np.random.RandomState(7)
    curve = []
    for _ in range(12):
        x.d = rng.rand(*x.shape) * 2 - 1
        z.d = rng.randn(*z.shape)
        solver_gen.zero_grad()
        loss_gen.forward(clear_no_need_grad=True)
        loss_gen.backward(clear_buffer=True)
        solver_gen.weight_decay(1e-4)
        solver_gen.update()
        solver_dis.zero_grad()
        loss_dis.forward(clear_no_need_grad=True)
        loss_dis.backward(clear_buffer=True)
        solver_dis.weight_decay(1e-4)
        solver_dis.update()
        curve.append([float(loss_gen.d), float(loss_dis.d)])
    sample = generator(z, test=True)
    sample.forward(clear_buffer=True)
    return start, curve, values(nn.get_parameters(grad_only=False)), brief(sample.d), brief(fake.d)


@program
def wgan_gp():
    def critic(x):
        with nn.parameter_scope("critic"):
            h = F.leaky_relu(PF.convolution(x, 6, (3, 3), pad=(1, 1), stride=(2, 2), name="c1"))
            h = F.leaky_relu(PF.convolution(h, 8, (3, 3), pad=(1, 1), stride=(2, 2), name="c2"))
            return PF.affine(h, 1, name="out")

    def generator(z):
        with nn.parameter_scope("gen"):
            h = F.reshape(F.relu(PF.affine(z, 8 * 2 * 2, name="a")), (z.shape[0], 8, 2, 2))
            h = F.relu(PF.batch_normalization(PF.deconvolution(h, 6, (4, 4), (1, 1), (2, 2), with_bias=False, name="d1"), name="bn"))
            return F.tanh(PF.deconvolution(h, 1, (4, 4), (1, 1), (2, 2), name="d2"))

    b = 4
    z = F.randn(shape=(b, 5))
    x_fake = generator(z)
    p_fake = critic(x_fake)
    loss_gen = -F.mean(p_fake)
    x_fake_unlinked = x_fake.get_unlinked_variable(need_grad=False)
    x_real = nn.Variable((b, 1, 8, 8))
    eps = F.rand(shape=[b, 1, 1, 1])
    x_rmix = eps * x_real + (1.0 - eps) * x_fake_unlinked
    p_rmix = critic(x_rmix)
    x_rmix.need_grad = True
    grads = nn.grad([p_rmix], [x_rmix])
    norms = [F.sum(g ** 2.0, axis=[1, 2, 3]) ** 0.5 for g in grads]
    gp = F.mean(sum((n - 1.0) ** 2.0 for n in norms))
    gp.persistent = True
    loss_dis = F.mean(critic(x_fake_unlinked)) - F.mean(critic(x_real)) + 10.0 * gp
    solver_gen, solver_dis = S.Adam(1e-3, 0.5, 0.9), S.Adam(1e-3, 0.5, 0.9)
    with nn.parameter_scope("gen"):
        solver_gen.set_parameters(nn.get_parameters())
    with nn.parameter_scope("critic"):
        solver_dis.set_parameters(nn.get_parameters())
    rng = np.random.RandomState(7)
    curve = []
    for _ in range(6):
        for _ in range(3):
            x_fake.forward(clear_buffer=True)
            x_real.d = rng.rand(*x_real.shape)
            loss_dis.forward(clear_no_need_grad=True)
            solver_dis.zero_grad()
            loss_dis.backward(clear_buffer=True)
            solver_dis.update()
        loss_gen.forward(clear_no_need_grad=True)
        solver_gen.zero_grad()
        loss_gen.backward(clear_buffer=True)
        solver_gen.update()
        curve.append([float(loss_dis.d), float(gp.d), float(loss_gen.d)])
    return curve, initial(nn.get_parameters(grad_only=False))[0][0], values(nn.get_parameters()), [list(g.shape) for g in grads]


@program
def spectral_norm_gan_with_conditional_batch_norm():
    def sn_conv(x, maps, name):
        return PF.convolution(x, maps, (3, 3), pad=(1, 1), name=name,
                              apply_w=lambda w: PF.spectral_norm(w, dim=0, itr=1, test=False))

    def cbn(x, y, classes, name):
        with nn.parameter_scope(name):
            h = PF.batch_normalization(x, batch_stat=True, fix_parameters=True, no_scale=True, no_bias=True)
            g = PF.embed(y, classes, x.shape[1], initializer=ConstantInitializer(1.0), name="gamma")
            b = PF.embed(y, classes, x.shape[1], initializer=ConstantInitializer(0.0), name="beta")
            shape = (x.shape[0], x.shape[1], 1, 1)
            return h * F.reshape(g, shape) + F.reshape(b, shape)

    z, y = nn.Variable((3, 4)), nn.Variable((3,))
    h = F.reshape(PF.affine(z, 6 * 4 * 4, apply_w=lambda w: PF.spectral_norm(w, dim=1, itr=2)), (3, 6, 4, 4))
    h = F.relu(cbn(h, y, 5, "cbn1"))
    h = F.unpooling(h, (2, 2))
    h = F.tanh(sn_conv(h, 2, "c1"))
    d = F.leaky_relu(sn_conv(h, 5, "d1"), 0.1)
    d = F.sum(d, axis=(2, 3))
    out = PF.affine(d, 1, name="out") + F.sum(PF.embed(y, 5, 5, name="proj") * d, axis=1, keepdims=True)
    loss = F.mean(F.relu(1.0 - out)) + F.mean(F.relu(1.0 + out ** 2))
    solver = S.Adam(2e-3, 0.0, 0.9)
    solver.set_parameters(nn.get_parameters())
    start = initial(nn.get_parameters(grad_only=False))
    rng = np.random.RandomState(5)
    curve = []
    for _ in range(10):
        z.d, y.d = rng.randn(3, 4), rng.randint(0, 5, 3)
        loss.forward(clear_no_need_grad=True)
        solver.zero_grad()
        loss.backward(clear_buffer=True)
        solver.update()
        curve.append(float(loss.d))
    return start, curve, values(nn.get_parameters(grad_only=False))


def instance_block(x, maps, name, stride=1, relu=True):
    with nn.parameter_scope(name):
        h = F.pad(x, (1, 1, 1, 1), mode="reflect")
        h = PF.convolution(h, maps, (3, 3), stride=(stride, stride), w_init=NormalInitializer(0.02))
        h = PF.instance_normalization(h, eps=1e-5)
        return F.relu(h) if relu else h


@program
def cycle_gan():
    def generator(x):
        h = instance_block(x, 6, "in")
        h = instance_block(h, 8, "down", 2)
        with nn.parameter_scope("res"):
            h = h + instance_block(instance_block(h, 8, "r1"), 8, "r2", relu=False)
        h = F.interpolate(h, scale=(2, 2), mode="linear", align_corners=False)
        h = instance_block(h, 6, "up")
        h = F.pad(h, (0, 0, 2, 2, 2, 2), "reflect")
        return F.tanh(PF.convolution(h, x.shape[1], (5, 5), name="out"))

    def discriminator(x):
        h = F.leaky_relu(PF.convolution(x, 6, (4, 4), (1, 1), (2, 2), name="c1"), 0.2)
        h = F.leaky_relu(PF.instance_normalization(PF.convolution(h, 8, (4, 4), (1, 1), (2, 2), name="c2"), name="n2"), 0.2)
        return PF.convolution(h, 1, (3, 3), (1, 1), name="c3")

    def scoped(scope, f, *args):
        with nn.parameter_scope(scope):
            return f(*args)

    a, b = nn.Variable((1, 3, 12, 12)), nn.Variable((1, 3, 12, 12))
    fake_b, fake_a = scoped("gen/AB", generator, a), scoped("gen/BA", generator, b)
    fake_a.persistent, fake_b.persistent = True, True
    rec_a, rec_b = scoped("gen/BA", generator, fake_b), scoped("gen/AB", generator, fake_a)
    ua, ub = fake_a.unlinked(), fake_b.unlinked()
    ua.need_grad = ub.need_grad = False

    def lsgan(v, target):
        return F.mean(F.squared_error(v, F.constant(target, v.shape)))

    loss_gen = (lsgan(scoped("dis/A", discriminator, fake_a), 1) + lsgan(scoped("dis/B", discriminator, fake_b), 1)
                + 10.0 * F.mean(F.absolute_error(rec_a, a)) + 10.0 * F.mean(F.absolute_error(rec_b, b)))
    loss_dis = 0.5 * F.add_n(*[lsgan(scoped("dis/" + n, discriminator, v), t)
                               for n, v, t in (("A", a, 1), ("A", ua, 0), ("B", b, 1), ("B", ub, 0))])
    solvers = []
    for scope in ("gen", "dis"):
        with nn.parameter_scope(scope):
            solver = S.Adam(2e-4, beta1=0.5)
            solver.set_parameters(nn.get_parameters())
            solvers.append(solver)
    start = initial(nn.get_parameters(grad_only=False))
    rng = np.random.RandomState(11)
    curve = []
    for step in range(6):
        a.d, b.d = rng.rand(*a.shape) * 2 - 1, rng.rand(*b.shape) * 2 - 1
        for solver, loss in zip(solvers, (loss_gen, loss_dis)):
            solver.zero_grad()
            loss.forward(clear_no_need_grad=True)
            loss.backward(clear_buffer=True)
            solver.set_learning_rate(2e-4 * (1 - step / 6))
            solver.update()
        curve.append([float(loss_gen.d), float(loss_dis.d)])
    return start, curve, values({k: v for k, v in nn.get_parameters().items() if "/W" in k}), brief(fake_b.d)


@program
def pix2pix_unet():
    def unet(x, test=False):
        with nn.parameter_scope("unet"):
            with nn.parameter_scope("e1"):
                e1 = PF.convolution(x, 4, (4, 4), (1, 1), (2, 2))
            with nn.parameter_scope("e2"):
                e2 = PF.batch_normalization(PF.convolution(F.leaky_relu(e1, 0.2), 8, (4, 4), (1, 1), (2, 2), with_bias=False), batch_stat=not test)
            with nn.parameter_scope("e3"):
                e3 = PF.convolution(F.leaky_relu(e2, 0.2), 8, (4, 4), (1, 1), (2, 2))
            with nn.parameter_scope("d3"):
                d3 = PF.batch_normalization(PF.deconvolution(F.relu(e3), 8, (4, 4), (1, 1), (2, 2), with_bias=False), batch_stat=not test)
                d3 = F.dropout(d3, 0.5)
            with nn.parameter_scope("d2"):
                d2 = PF.deconvolution(F.relu(F.concatenate(d3, e2, axis=1)), 4, (4, 4), (1, 1), (2, 2))
            with nn.parameter_scope("d1"):
                d1 = PF.deconvolution(F.relu(F.concatenate(d2, e1, axis=1)), 1, (4, 4), (1, 1), (2, 2))
        return F.tanh(d1)

    x, y = nn.Variable((2, 3, 16, 16)), nn.Variable((2, 1, 16, 16))
    fake = unet(x)
    l1 = F.mean(F.absolute_error(fake, y))
    l1.persistent = True
    with nn.parameter_scope("patch"):
        h = PF.convolution(F.concatenate(x, fake, axis=1), 6, (4, 4), (1, 1), (2, 2))
        p = PF.convolution(F.leaky_relu(h, 0.2), 1, (3, 3), (1, 1), name="out")
    loss = F.mean(F.sigmoid_cross_entropy(p, F.constant(1.0, p.shape))) + 100 * l1
    solver = S.Adam(1e-3, 0.5)
    with nn.parameter_scope("unet"):
        solver.set_parameters(nn.get_parameters())
    rng = np.random.RandomState(2)
    start, curve = initial(nn.get_parameters(grad_only=False)), []
    for _ in range(8):
        x.d, y.d = rng.rand(*x.shape), rng.rand(*y.shape) - .5
        loss.forward(clear_no_need_grad=True)
        solver.zero_grad()
        loss.backward(clear_buffer=True)
        solver.update()
        curve.append([float(loss.d), float(l1.d)])
    return start, curve


@program
def variational_autoencoder():
    def sigma(log_var):
        return F.exp(0.5 * log_var)

    batch, dim = 6, 3
    x = nn.Variable((batch, 1, 8, 8))
    xa = F.reshape(x / 16.0, (batch, -1))
    h = F.relu(PF.affine(xa, 24, name="enc1"))
    mu = PF.affine(h, dim, name="fc_mu")
    logvar = PF.affine(h, dim, name="fc_logvar")
    eps = F.randn(0, 1, mu.shape)
    z = mu + sigma(logvar) * eps
    h = F.relu(PF.affine(z, 24, name="dec1"))
    prob = F.reshape(PF.affine(h, 64, name="fc_dec"), x.shape)
    elbo_rec = F.sum(F.sigmoid_cross_entropy(prob, x / 16.0)) / batch
    kl = 0.5 * F.sum(F.pow_scalar(mu, 2) + F.exp(logvar) - 1.0 - logvar) / batch
    loss = elbo_rec + kl
    solver = S.Adamax(2e-3)
    solver.set_parameters(nn.get_parameters())
    rng = np.random.RandomState(4)
    curve = []
    for _ in range(15):
        x.d = rng.randint(0, 17, x.shape)
        loss.forward(clear_no_need_grad=True)
        solver.zero_grad()
        loss.backward(clear_buffer=True)
        solver.update()
        curve.append([float(loss.d)])
    return curve, values(nn.get_parameters())


@program
def convolutional_autoencoder():
    x = nn.Variable((3, 2, 12, 12))
    c1 = F.relu(PF.convolution(x, 6, (3, 3), pad=(1, 1), name="c1"))
    p1 = F.max_pooling(c1, (2, 2))
    c2 = F.relu(PF.depthwise_convolution(p1, (3, 3), pad=(1, 1), multiplier=2, name="dw"))
    p2 = F.sum_pooling(c2, (2, 2))
    code = PF.affine(p2, 5, name="code")
    h = F.reshape(PF.affine(code, 12 * 3 * 3, name="back"), (3, 12, 3, 3))
    h = F.unpooling(F.selu(h), (2, 2))
    h = PF.deconvolution(h, 6, (3, 3), pad=(1, 1), group=2, name="d1")
    h = F.interpolate(F.softplus(h), output_size=(12, 12), mode="nearest")
    y = PF.deconvolution(h, 2, (5, 5), pad=(2, 2), dilation=(1, 1), name="d2", base_axis=1)
    loss = F.mean(F.squared_error(y, x))
    mask = nn.Variable(x.shape)
    masked = F.sum(F.absolute_error(y, x) * mask) / (F.sum(mask) + 1e-6)
    total = loss + 0.1 * masked
    solver = S.Adadelta(1.0)
    solver.set_parameters(nn.get_parameters())
    rng = np.random.RandomState(4)
    start = initial(nn.get_parameters())
    curve = []
    for _ in range(10):
        x.d, mask.d = rng.rand(*x.shape), rng.rand(*x.shape) > 0.5
        total.forward()
        solver.zero_grad()
        total.backward()
        solver.update()
        curve.append([float(total.d), float(loss.d), float(masked.d)])
    return start, curve, brief(y.g), brief(code.g), brief(c1.g), gradients(nn.get_parameters())


@program
def style_transfer_gram_and_total_variation():
    def gram(f):
        n, c, h, w = f.shape
        f = F.reshape(f, (n, c, h * w))
        return F.batch_matmul(f, f, transpose_b=True) / (c * h * w)

    def features(x):
        with nn.parameter_scope("vgg"):
            h1 = F.relu(PF.convolution(x, 4, (3, 3), pad=(1, 1), name="c1", fix_parameters=True))
            h2 = F.relu(PF.convolution(F.average_pooling(h1, (2, 2)), 6, (3, 3), pad=(1, 1), name="c2", fix_parameters=True))
        return h1, h2

    rng = np.random.RandomState(8)
    style = features(nn.Variable.from_numpy_array(rng.rand(1, 3, 10, 10)))
    targets = []
    for f in style:
        g = gram(f)
        g.forward(clear_buffer=True)
        targets.append(nn.Variable.from_numpy_array(g.d.copy()))
    image = nn.Variable((1, 3, 10, 10), need_grad=True)
    image.d = rng.rand(*image.shape)
    loss = F.add_n(*[F.sum(F.squared_error(gram(f), t)) for f, t in zip(features(image), targets)])
    tv = F.mean(F.abs(image[:, :, 1:, :] - image[:, :, :-1, :])) + F.mean(F.abs(image[:, :, :, 1:] - image[:, :, :, :-1]))
    total = 100 * loss + 0.01 * tv
    solver = S.Adam(0.02)
    solver.set_parameters({"image": image})
    curve = []
    for _ in range(20):
        solver.zero_grad()
        total.forward(clear_no_need_grad=True)
        total.backward(clear_buffer=True)
        solver.update()
        image.d = np.clip(image.d, 0, 1)
        curve.append(float(total.d))
    return curve, brief(image.d), list(nn.get_parameters()), bits(targets[0].d[:0])
