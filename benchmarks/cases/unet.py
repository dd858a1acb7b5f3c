from cases import copy_in_order as copy_parameters  # noqa: F401

TITLE = "U-Net, 64x64, batch 2"
THREADS = 2
KINDS = ("inference",)
MAPS = (16, 32, 64)


def data(rng):
    return rng.randn(2, 3, 64, 64).astype("float32"),


def nnabla_network(nn, F, PF, x, train):
    def block(h, maps, name):
        with nn.parameter_scope(name):
            for i in range(2):
                with nn.parameter_scope(str(i)):
                    h = PF.convolution(h, maps, (3, 3), pad=(1, 1), with_bias=False)
                    h = F.relu(PF.batch_normalization(h, batch_stat=train))
            return h

    h, skips = x, []
    for i, maps in enumerate(MAPS):
        h = block(h, maps, "down{}".format(i))
        skips.append(h)
        h = F.max_pooling(h, (2, 2))
    h = block(h, 2 * MAPS[-1], "bottom")
    for i, maps in reversed(list(enumerate(MAPS))):
        h = PF.deconvolution(h, maps, (2, 2), stride=(2, 2), name="up{}".format(i))
        h = block(F.concatenate(skips.pop(), h, axis=1), maps, "block{}".format(i))
    return PF.convolution(h, 2, (1, 1), name="score")


def torch_network(torch):
    from torch import nn

    def block(maps_in, maps):
        return nn.Sequential(nn.Conv2d(maps_in, maps, 3, 1, 1, bias=False), nn.BatchNorm2d(maps), nn.ReLU(),
                             nn.Conv2d(maps, maps, 3, 1, 1, bias=False), nn.BatchNorm2d(maps), nn.ReLU())

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            ends = (3, *MAPS, 2 * MAPS[-1])
            self.down = nn.ModuleList([block(a, b) for a, b in zip(ends, ends[1:])])
            self.up = nn.ModuleList()
            for maps in reversed(MAPS):
                self.up += [nn.ConvTranspose2d(2 * maps, maps, 2, 2), block(2 * maps, maps)]
            self.score = nn.Conv2d(MAPS[0], 2, 1)
            self.pool = nn.MaxPool2d(2)

        def forward(self, x):
            *down, bottom = self.down
            skips = []
            for block in down:
                x = block(x)
                skips.append(x)
                x = self.pool(x)
            x = bottom(x)
            for i in range(0, len(self.up), 2):
                x = self.up[i + 1](torch.cat([skips.pop(), self.up[i](x)], 1))
            return self.score(x)

    return Net()
