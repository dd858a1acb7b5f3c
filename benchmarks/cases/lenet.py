from cases import copy_in_order as copy_parameters  # noqa: F401

BATCH = 64
TITLE = f"LeNet 28x28, batch {BATCH}"
THREADS = 2


def data(rng):
    return rng.randn(BATCH, 1, 28, 28).astype("float32"), rng.randint(0, 10, (BATCH, 1)).astype("int32")


def nnabla_network(nn, F, PF, x, train):
    h = F.relu(F.max_pooling(PF.convolution(x, 16, (5, 5), name="a"), (2, 2)))
    h = F.relu(F.max_pooling(PF.convolution(h, 16, (5, 5), name="b"), (2, 2)))
    h = F.relu(PF.affine(h, 50, name="c"))
    return PF.affine(h, 10, name="d")


def torch_network(torch):
    from torch.nn import Conv2d, Flatten, Linear, MaxPool2d, ReLU, Sequential
    return Sequential(Conv2d(1, 16, 5), MaxPool2d(2), ReLU(), Conv2d(16, 16, 5), MaxPool2d(2), ReLU(),
                      Flatten(), Linear(256, 50), ReLU(), Linear(50, 10))
