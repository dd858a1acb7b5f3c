"""A network of many small layers: what each of them costs, whatever their number. Not one of the networks of the tables."""
from cases import copy_in_order as copy_parameters  # noqa: F401

TITLE = "tanh layers of 16, batch 8"
THREADS = 1
LAYERS = 100


def data(rng):
    return rng.randn(8, 16).astype("float32"), rng.randint(0, 10, (8, 1)).astype("int32")


def nnabla_network(nn, F, PF, x, train):
    h = x
    for i in range(LAYERS):
        h = F.tanh(PF.affine(h, 16, name=str(i)))
    return PF.affine(h, 10, name="score")


def torch_network(torch):
    from torch.nn import Linear, Sequential, Tanh
    return Sequential(*[module for _ in range(LAYERS) for module in (Linear(16, 16), Tanh())], Linear(16, 10))
