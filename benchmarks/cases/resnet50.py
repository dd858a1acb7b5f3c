from cases import copy_in_order as copy_parameters  # noqa: F401

TITLE = "ResNet-50, 64x64, batch 4"
THREADS = 2
STAGES = ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2))


def data(rng):
    return rng.randn(4, 3, 64, 64).astype("float32"), rng.randint(0, 1000, (4, 1)).astype("int32")


def nnabla_network(nn, F, PF, x, train):
    def conv_bn(h, maps, kernel, stride, name):
        with nn.parameter_scope(name):
            h = PF.convolution(h, maps, (kernel, kernel), pad=(kernel // 2,) * 2, stride=(stride,) * 2, with_bias=False)
            return PF.batch_normalization(h, batch_stat=train)

    h = F.relu(conv_bn(x, 64, 7, 2, "stem"))
    h = F.max_pooling(h, (3, 3), (2, 2), pad=(1, 1))
    for s, (maps, units, stride) in enumerate(STAGES):
        for u in range(units):
            with nn.parameter_scope("stage{}unit{}".format(s, u)):
                step = stride if u == 0 else 1
                shortcut = conv_bn(h, 4 * maps, 1, step, "shortcut") if u == 0 else h
                h = F.relu(conv_bn(h, maps, 1, 1, "a"))
                h = F.relu(conv_bn(h, maps, 3, step, "b"))
                h = F.relu(conv_bn(h, 4 * maps, 1, 1, "c") + shortcut)
    return PF.affine(F.average_pooling(h, h.shape[2:]), 1000)


def torch_network(torch):
    from torch import nn

    def conv_bn(maps_in, maps, kernel, stride):
        return nn.Sequential(nn.Conv2d(maps_in, maps, kernel, stride, kernel // 2, bias=False), nn.BatchNorm2d(maps))

    class Unit(nn.Module):
        def __init__(self, maps_in, maps, stride, first):
            super().__init__()
            self.shortcut = conv_bn(maps_in, 4 * maps, 1, stride) if first else nn.Identity()
            self.a, self.b, self.c = conv_bn(maps_in, maps, 1, 1), conv_bn(maps, maps, 3, stride), conv_bn(maps, 4 * maps, 1, 1)

        def forward(self, x):
            h = torch.relu(self.b(torch.relu(self.a(x))))
            return torch.relu(self.c(h) + self.shortcut(x))

    maps_in, layers = 64, [conv_bn(3, 64, 7, 2), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
    for maps, units, stride in STAGES:
        for u in range(units):
            layers.append(Unit(maps_in, maps, stride if u == 0 else 1, u == 0))
            maps_in = 4 * maps
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2048, 1000))
