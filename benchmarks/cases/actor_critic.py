from cases import copy_in_order as copy_parameters  # noqa: F401

TITLE = "Actor-critic update, 8-64-64, batch 64"
THREADS = 1
SOLVER = "Adam"


def data(rng):
    """Observations, actions and returns."""
    return rng.randn(64, 8).astype("float32"), rng.randint(0, 4, (64, 1)).astype("int32"), rng.randn(64, 1).astype("float32")


def _tower(nn, F, PF, x, outputs, name):
    with nn.parameter_scope(name):
        h = F.tanh(PF.affine(x, 64, name="a"))
        h = F.tanh(PF.affine(h, 64, name="b"))
        return PF.affine(h, outputs, name="c")


def nnabla_network(nn, F, PF, x, train):
    return _tower(nn, F, PF, x, 4, "actor")


def nnabla_losses(nn, F, PF, x, actions, returns):
    value = _tower(nn, F, PF, x, 1, "critic")
    yield F.mean(F.squared_error(value, returns)), "critic"
    advantage = returns - _tower(nn, F, PF, x, 1, "critic").apply(need_grad=False)
    loss = F.softmax_cross_entropy(_tower(nn, F, PF, x, 4, "actor"), actions)
    yield F.mean(loss * advantage), "actor"


def torch_network(torch):
    from torch.nn import Linear, Module, Sequential, Tanh

    class Net(Module):
        def __init__(self):
            super().__init__()
            self.critic = Sequential(Linear(8, 64), Tanh(), Linear(64, 64), Tanh(), Linear(64, 1))
            self.actor = Sequential(Linear(8, 64), Tanh(), Linear(64, 64), Tanh(), Linear(64, 4))

        def forward(self, x):
            return self.actor(x)

    return Net()


def torch_losses(torch, network, x, actions, returns):
    yield torch.nn.functional.mse_loss(network.critic(x), returns), "critic"
    with torch.no_grad():
        advantage = returns - network.critic(x)
    loss = torch.nn.functional.cross_entropy(network.actor(x), actions, reduction="none")
    yield (loss * advantage.squeeze(1)).mean(), "actor"
