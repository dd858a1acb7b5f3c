TITLE = "LSTM operator, 32 steps, 64-128, batch 16"
THREADS = 2
STEPS, INPUT, STATE = 32, 64, 128


def data(rng):
    return rng.randn(STEPS, 16, INPUT).astype("float32"), rng.randint(0, 10, (16, 1)).astype("int32")


def nnabla_network(nn, F, PF, x, train):
    start = F.constant(0, (1, 1, x.shape[1], STATE))
    _, h, _ = PF.lstm(x, start, start, training=train)
    return PF.affine(F.reshape(h, (x.shape[1], STATE)), 10, name="score")


def torch_network(torch):
    from torch import nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.lstm, self.score = nn.LSTM(INPUT, STATE), nn.Linear(STATE, 10)
            self.lstm.bias_hh_l0.requires_grad_(False)  # nnabla's has one bias

        def forward(self, x):
            return self.score(self.lstm(x)[1][0][0])

    return Net()


def copy_parameters(parameters, module):
    import torch
    w, b, w_score, b_score = [torch.from_numpy(v.copy()) for v in parameters.values()]
    w = w.reshape(4 * STATE, INPUT + STATE)
    with torch.no_grad():
        module.lstm.weight_ih_l0.copy_(w[:, :INPUT])
        module.lstm.weight_hh_l0.copy_(w[:, INPUT:])
        module.lstm.bias_ih_l0.copy_(b.flatten())
        module.lstm.bias_hh_l0.zero_()
        module.score.weight.copy_(w_score.t())
        module.score.bias.copy_(b_score)
