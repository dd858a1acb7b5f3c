from cases import copy_in_order as copy_parameters  # noqa: F401

BATCH = 32
TITLE = f"CIFAR ResNet-14, batch {BATCH}"
THREADS = 2
STAGES = ((16, 1), (16, 1), (32, 2), (32, 1), (64, 2), (64, 1))


def data(rng):
    return rng.randn(BATCH, 3, 32, 32).astype("float32"), rng.randint(0, 10, (BATCH, 1)).astype("int32")


def nnabla_network(nn, F, PF, x, train):
    def conv_bn(h, maps, stride, name, kernel=3):
        with nn.parameter_scope(name):
            h = PF.convolution(h, maps, (kernel, kernel), pad=(kernel // 2,) * 2, stride=(stride,) * 2, with_bias=False)
            return PF.batch_normalization(h, batch_stat=train)

    h = F.relu(conv_bn(x, 16, 1, "stem"))
    for i, (maps, stride) in enumerate(STAGES):
        with nn.parameter_scope("unit{}".format(i)):
            shortcut = conv_bn(h, maps, stride, "shortcut", 1) if h.shape[1] != maps else h
            h = F.relu(conv_bn(h, maps, stride, "a"))
            h = F.relu(conv_bn(h, maps, 1, "b") + shortcut)
    return PF.affine(F.average_pooling(h, h.shape[2:]), 10)


def torch_network(torch):
    from torch import nn

    def conv_bn(maps_in, maps, stride, kernel=3):
        return nn.Sequential(nn.Conv2d(maps_in, maps, kernel, stride, kernel // 2, bias=False), nn.BatchNorm2d(maps))

    class Unit(nn.Module):
        def __init__(self, maps_in, maps, stride):
            super().__init__()
            self.shortcut = conv_bn(maps_in, maps, stride, 1) if maps_in != maps else nn.Identity()
            self.a, self.b = conv_bn(maps_in, maps, stride), conv_bn(maps, maps, 1)

        def forward(self, x):
            h = self.b(torch.relu(self.a(x)))
            return torch.relu(h + self.shortcut(x))

    maps_in, units = 16, []
    for maps, stride in STAGES:
        units.append(Unit(maps_in, maps, stride))
        maps_in = maps
    return nn.Sequential(conv_bn(3, 16, 1), nn.ReLU(), *units, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))
