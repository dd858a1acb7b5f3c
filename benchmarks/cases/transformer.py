BATCH = 8
TITLE = f"Transformer encoder block, 64 x 128, 4 heads, batch {BATCH}"
THREADS = 2
SIZE, HEADS, HIDDEN = 128, 4, 512


def data(rng):
    return rng.randn(64, BATCH, SIZE).astype("float32"), rng.randint(0, 10, (BATCH, 1)).astype("int32")


def nnabla_network(nn, F, PF, x, train):
    h = PF.transformer_encode(x, SIZE, HEADS, dim_feedforward=HIDDEN, dropout=0.0)
    return PF.affine(F.mean(h, axis=0), 10, name="score")


def torch_network(torch):
    from torch import nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.block, self.score = nn.TransformerEncoderLayer(SIZE, HEADS, HIDDEN, dropout=0.0), nn.Linear(SIZE, 10)

        def forward(self, x):
            return self.score(self.block(x).mean(0))

    return Net()


def copy_parameters(parameters, module):
    import torch
    q, k, v, out, q_bias, k_bias, v_bias, out_bias, beta1, gamma1, w1, b1, w2, b2, beta2, gamma2, w_score, b_score = [
        torch.from_numpy(p.copy()) for p in parameters.values()]
    block = module.block
    pairs = [(block.self_attn.in_proj_weight, torch.cat([q.t(), k.t(), v.t()])),
             (block.self_attn.in_proj_bias, torch.cat([q_bias, k_bias, v_bias])),
             (block.self_attn.out_proj.weight, out.t()), (block.self_attn.out_proj.bias, out_bias),
             (block.norm1.bias, beta1.flatten()), (block.norm1.weight, gamma1.flatten()),
             (block.linear1.weight, w1.t()), (block.linear1.bias, b1), (block.linear2.weight, w2.t()), (block.linear2.bias, b2),
             (block.norm2.bias, beta2.flatten()), (block.norm2.weight, gamma2.flatten()),
             (module.score.weight, w_score.t()), (module.score.bias, b_score)]
    with torch.no_grad():
        for target, value in pairs:
            target.copy_(value)
