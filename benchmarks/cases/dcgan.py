from cases import copy_in_order as copy_parameters  # noqa: F401

TITLE = "DCGAN, both updates, 32x32, batch 16"
THREADS = 2
SOLVER = "Adam"
SIZE, MAPS = 64, (128, 64, 32)


def data(rng):
    """Noise and real images."""
    return rng.randn(16, SIZE, 1, 1).astype("float32"), rng.randn(16, 1, 32, 32).astype("float32")


def nnabla_network(nn, F, PF, x, train):
    with nn.parameter_scope("generator"):
        h = x
        for i, maps in enumerate(MAPS):
            with nn.parameter_scope(str(i)):
                h = PF.deconvolution(h, maps, (4, 4), pad=(min(i, 1),) * 2, stride=(2, 2), with_bias=False)
                h = F.relu(PF.batch_normalization(h, batch_stat=train))
        return F.tanh(PF.deconvolution(h, 1, (4, 4), pad=(1, 1), stride=(2, 2), name="last"))


def _discriminator(nn, F, PF, x):
    with nn.parameter_scope("discriminator"):
        h = x
        for i, maps in enumerate(MAPS[::-1]):
            with nn.parameter_scope(str(i)):
                h = PF.convolution(h, maps, (4, 4), pad=(1, 1), stride=(2, 2), with_bias=False)
                h = F.leaky_relu(PF.batch_normalization(h), 0.2)
        return PF.convolution(h, 1, (4, 4), name="last")


def nnabla_losses(nn, F, PF, noise, images):
    def loss(scores, label):
        return F.mean(F.sigmoid_cross_entropy(scores, F.constant(label, scores.shape)))

    fake = nnabla_network(nn, F, PF, noise, True)
    fake.persistent = True
    yield loss(_discriminator(nn, F, PF, fake), 1), "generator"
    unlinked = fake.get_unlinked_variable(need_grad=False)
    yield loss(_discriminator(nn, F, PF, unlinked), 0) + loss(_discriminator(nn, F, PF, images), 1), "discriminator"


def torch_network(torch):
    from torch import nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            maps_in, layers = SIZE, []
            for i, maps in enumerate(MAPS):
                layers += [nn.ConvTranspose2d(maps_in, maps, 4, 2, min(i, 1), bias=False), nn.BatchNorm2d(maps), nn.ReLU()]
                maps_in = maps
            self.generator = nn.Sequential(*layers, nn.ConvTranspose2d(maps_in, 1, 4, 2, 1), nn.Tanh())
            maps_in, layers = 1, []
            for maps in MAPS[::-1]:
                layers += [nn.Conv2d(maps_in, maps, 4, 2, 1, bias=False), nn.BatchNorm2d(maps), nn.LeakyReLU(0.2)]
                maps_in = maps
            self.discriminator = nn.Sequential(*layers, nn.Conv2d(maps_in, 1, 4))

        def forward(self, x):
            return self.generator(x)

    return Net()


def torch_losses(torch, network, noise, images):
    def loss(scores, label):
        return torch.nn.functional.binary_cross_entropy_with_logits(scores, torch.full_like(scores, label))

    fake = network.generator(noise)
    yield loss(network.discriminator(fake), 1.0), "generator"
    yield loss(network.discriminator(fake.detach()), 0.0) + loss(network.discriminator(images), 1.0), "discriminator"
