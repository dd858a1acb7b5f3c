from cases import copy_in_order as copy_parameters  # noqa: F401

BATCH = 32
TITLE = f"MLP 32-64-64-10, batch {BATCH}"
THREADS = 1


def data(rng):
    return rng.randn(BATCH, 32).astype("float32"), rng.randint(0, 10, (BATCH, 1)).astype("int32")


def nnabla_network(nn, F, PF, x, train):
    h = F.relu(PF.affine(x, 64, name="a"))
    h = F.relu(PF.affine(h, 64, name="b"))
    return PF.affine(h, 10, name="c")


def torch_network(torch):
    from torch.nn import Linear, ReLU, Sequential
    return Sequential(Linear(32, 64), ReLU(), Linear(64, 64), ReLU(), Linear(64, 10))
