TITLE = "LSTM cell unrolled, 16 steps, 32-64, batch 32"
THREADS = 1
STEPS, INPUT, STATE = 16, 32, 64


def data(rng):
    return rng.randn(32, STEPS, INPUT).astype("float32"), rng.randint(0, 10, (32, 1)).astype("int32")


def nnabla_network(nn, F, PF, x, train):
    cell = PF.LSTMCell(x.shape[0], STATE)
    for x_t in F.split(x, axis=1):
        h = cell(x_t)
    return PF.affine(h, 10, name="score")


def torch_network(torch):
    from torch import nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.cell, self.score = nn.LSTMCell(INPUT, STATE), nn.Linear(STATE, 10)
            self.cell.bias_hh.requires_grad_(False)  # nnabla's cell has one bias

        def forward(self, x):
            state = (x.new_zeros(len(x), STATE), x.new_zeros(len(x), STATE))
            for x_t in x.unbind(1):
                state = self.cell(x_t, state)
            return self.score(state[0])

    return Net()


def copy_parameters(parameters, module):
    import torch
    w, b, w_score, b_score = [torch.from_numpy(v.copy()) for v in parameters.values()]
    # nnabla: one matrix (inputs and state, gate, state size) with the gates i, f, g, o in the order below.
    order = [0, 2, 3, 1]
    w, b = w[:, order], b[order]
    with torch.no_grad():
        module.cell.weight_ih.copy_(w[:INPUT].flatten(1).t())
        module.cell.weight_hh.copy_(w[INPUT:].flatten(1).t())
        module.cell.bias_ih.copy_(b.flatten())
        module.cell.bias_hh.zero_()
        module.score.weight.copy_(w_score.t())
        module.score.bias.copy_(b_score)
