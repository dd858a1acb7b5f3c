"""Language and sequence models."""
import nnabla as nn
import nnabla.functions as F
import nnabla.initializer as I
import nnabla.parametric_functions as PF
import nnabla.solvers as S
import numpy as np

from .kit import bits, brief, gradients, initial, program, values


@program
def word2vec():
    vocab, dim, negative = 30, 8, 5
    rng = np.random.RandomState(1)
    word, context = nn.Variable((6, 1)), nn.Variable((6, 1 + negative))
    v = PF.embed(word, vocab, dim, name="e1", initializer=I.NormalInitializer(0.3))
    u = PF.embed(context, vocab, dim, name="e2", initializer=I.UniformInitializer((-0.2, 0.2)))
    score = F.sum(F.broadcast(v, u.shape) * u, axis=2)
    label = nn.Variable.from_numpy_array(np.tile([1] + [0] * negative, (6, 1)))
    loss = F.mean(F.sigmoid_cross_entropy(score, label))
    solver = S.Adagrad(0.1)
    solver.set_parameters(nn.get_parameters())
    start, curve = initial(nn.get_parameters()), []
    for _ in range(20):
        word.d, context.d = rng.randint(0, vocab, word.shape), rng.randint(0, vocab, context.shape)
        solver.zero_grad()
        loss.forward(clear_no_need_grad=True)
        loss.backward(clear_buffer=True)
        solver.update()
        curve.append(float(loss.d))
    e = nn.get_parameters()["e1/embed/W"].d
    near = np.argsort(-e @ e[3])[:5]
    return start, curve, near, label.d.dtype.name, values(nn.get_parameters()), gradients(nn.get_parameters())


@program
def char_rnn_unrolled():
    vocab, hidden, steps, batch = 11, 9, 6, 3
    x, t = nn.Variable((batch, steps)), nn.Variable((batch, steps))

    def model(x, h, c):
        e = PF.embed(x, vocab, 7, name="embed")
        outs = []
        for s in F.split(e, axis=1):
            h, c = PF.lstm_cell(s, h, c, hidden, name="lstm")
            outs.append(h)
        y = F.stack(*outs, axis=1)
        return PF.affine(y, vocab, base_axis=2, name="out"), h, c

    h0, c0 = nn.Variable((batch, hidden)), nn.Variable((batch, hidden))
    h0.d = c0.d = 0
    y, h, c = model(x, h0, c0)
    h.persistent = c.persistent = True
    loss = F.mean(F.softmax_cross_entropy(y, F.reshape(t, (batch, steps, 1)), axis=2))
    solver = S.Momentum(0.5)
    solver.set_parameters(nn.get_parameters())
    rng = np.random.RandomState(1)
    start, curve = initial(nn.get_parameters()), []
    text = rng.randint(0, vocab, 400)
    for i in range(15):
        part = np.stack([text[100 * b + i * steps:100 * b + (i + 1) * steps + 1] for b in range(batch)])
        x.d, t.d = part[:, :-1], part[:, 1:]
        solver.zero_grad()
        loss.forward(clear_no_need_grad=True)
        loss.backward(clear_buffer=True)
        solver.clip_grad_by_norm(1.0)
        solver.update()
        h0.d, c0.d = h.d, c.d
        curve.append([float(loss.d), float(np.exp(loss.d))])
    # Sampling, a character at a time, with the same parameters.
    xs, hs, cs = nn.Variable((1, 1)), nn.Variable((1, hidden)), nn.Variable((1, hidden))
    e = PF.embed(xs, vocab, 7, name="embed")
    hn, cn = PF.lstm_cell(F.reshape(e, (1, 7)), hs, cs, hidden, name="lstm")
    prob = F.softmax(PF.affine(hn, vocab, name="out"))
    written = [3]
    for _ in range(10):
        xs.d = written[-1]
        nn.forward_all([prob, hn, cn], clear_buffer=True)
        hs.d, cs.d = hn.d.copy(), cn.d.copy()
        written.append(int(prob.d[0].argmax()))
    return start, curve, written, values(nn.get_parameters())


@program
def lstm_cell_object():
    cell = PF.LSTMCell(4, 6, name="mylstm")
    xs = [nn.Variable((4, 3)) for _ in range(3)]
    rng = np.random.RandomState(1)
    for x in xs:
        x.d = rng.randn(4, 3)
    for x in xs:
        h = cell(x)
    loss = F.sum(h ** 2)
    loss.forward()
    loss.backward()
    out = [initial(nn.get_parameters()), float(loss.d), gradients(nn.get_parameters())]
    cell.reset_state()
    h2 = cell(xs[0])
    h2.forward()
    return out, brief(h2.d), list(cell.h.shape), brief(cell.c.d)


@program
def recurrent_layers():
    T, B, D, H = 5, 3, 4, 6
    rng = np.random.RandomState(2)
    x = nn.Variable((T, B, D), need_grad=True)
    x.d = rng.randn(T, B, D)
    out = []
    for name, f, states in (("rnn", PF.rnn, 1), ("lstm", PF.lstm, 2), ("gru", PF.gru, 1)):
        for layers, both in ((1, False), (2, True)):
            scope = f"{name}{layers}"
            hs = [nn.Variable.from_numpy_array(rng.randn(layers, 2 if both else 1, B, H).astype(np.float32)) for _ in range(states)]
            with nn.parameter_scope(scope):
                results = f(x, *hs, training=True, num_layers=layers, bidirectional=both)
                y, rest = results[0], results[1:]
                loss = F.mean(y ** 2) + F.add_n(*[F.mean(r) for r in rest])
                loss.forward()
                x.g = 0
                params = nn.get_parameters()
                for p in params.values():
                    p.grad.zero()
                loss.backward()
                out.append([scope, list(y.shape), [list(r.shape) for r in rest], float(loss.d), brief(x.g), initial(params), gradients(params)])
                solver = S.Sgd(0.3)
                solver.set_parameters(params)
                curve = []
                for _ in range(5):
                    loss.forward(clear_no_need_grad=True)
                    solver.zero_grad()
                    loss.backward(clear_buffer=True)
                    solver.update()
                    curve.append(float(loss.d))
                out.append(curve)
    return out


@program
def gru_with_masks():
    def gru_cell(x, h, n, name):
        with nn.parameter_scope(name):
            zr = F.sigmoid(PF.affine(F.concatenate(x, h, axis=1), (2, n), name="zr"))
            z, r = F.split(zr, axis=1)
            hh = F.tanh(PF.affine(F.concatenate(x, r * h), n, name="h"))
            return (1 - z) * h + z * hh

    B, T, D, H = 4, 6, 5, 7
    x, length, t = nn.Variable((B, T)), nn.Variable((B, 1)), nn.Variable((B, 1))
    e = PF.embed(x, 20, D)
    h = F.constant(0, (B, H))
    for i, step in enumerate(F.split(e, axis=1)):
        new = gru_cell(step, h, H, "gru")
        mask = F.broadcast(F.greater_scalar(length, i), new.shape)
        mask.need_grad = False
        h = F.where(mask, new, h)
    back = F.constant(0, (B, H))
    for i in reversed(range(T)):
        back = gru_cell(e[:, i], back, H, "back")
    y = PF.affine(F.concatenate(h, back), 3)
    loss = F.mean(F.softmax_cross_entropy(y, t))
    error = F.mean(F.top_n_error(y, t, n=1))
    solver = S.Nesterov(0.1)
    solver.set_parameters(nn.get_parameters())
    rng = np.random.RandomState(2)
    start, curve = initial(nn.get_parameters()), []
    for _ in range(12):
        x.d, length.d, t.d = rng.randint(0, 20, (B, T)), rng.randint(1, T + 1, (B, 1)), rng.randint(0, 3, (B, 1))
        nn.forward_all([loss, error], clear_no_need_grad=True)
        solver.zero_grad()
        loss.backward(clear_buffer=True)
        solver.update()
        curve.append([float(loss.d), float(error.d)])
    return start, curve, values(nn.get_parameters())


@program
def transformer_encoder_by_hand():
    B, T, D, heads = 2, 6, 8, 2

    def dense(x, n, name, **kw):
        return PF.affine(x, n, base_axis=2, name=name, w_init=I.NormalInitializer(0.1), **kw)

    def attention(x, mask, name):
        with nn.parameter_scope(name):
            def heads_of(v):
                return F.transpose(F.reshape(v, (B, T, heads, D // heads)), (0, 2, 1, 3))
            q, k, v = (heads_of(dense(x, D, n)) for n in ("q", "k", "v"))
            score = F.batch_matmul(q, k, transpose_b=True) * (D // heads) ** -0.5
            score = F.where(F.broadcast(F.reshape(mask, (B, 1, 1, T)), score.shape), score, F.constant(-1e9, score.shape))
            a = F.softmax(score, axis=-1)
            o = F.reshape(F.transpose(F.batch_matmul(a, v), (0, 2, 1, 3)), (B, T, D))
            return dense(o, D, "out", with_bias=False), a

    x, mask, t = nn.Variable((B, T)), nn.Variable((B, T)), nn.Variable((B, T, 1))
    pos = nn.Variable.from_numpy_array(np.sin(np.arange(T)[:, None] / 10 ** (np.arange(D)[None] / D)))
    h = PF.embed(x, 15, D) * D ** 0.5
    h = h + F.broadcast(F.reshape(pos, (1, T, D)), h.shape)
    maps = []
    for i in range(2):
        with nn.parameter_scope(f"layer{i}"):
            n = PF.layer_normalization(h, batch_axis=(0, 1), name="ln1")
            o, a = attention(n, mask, "att")
            a.persistent = True
            maps.append(a)
            h = h + o
            n = PF.layer_normalization(h, batch_axis=(0, 1), eps=1e-6, name="ln2")
            h = h + dense(F.gelu(dense(n, 2 * D, "ff1")), D, "ff2")
    y = dense(PF.layer_normalization(h, batch_axis=[0, 1]), 15, "vocab")
    loss = F.sum(F.softmax_cross_entropy(y, t, axis=2) * F.reshape(mask, (B, T, 1))) / F.sum(mask)
    solver = S.Adam(1e-3)
    solver.set_parameters(nn.get_parameters())
    rng = np.random.RandomState(2)
    start, curve = initial(nn.get_parameters()), []
    for i in range(12):
        x.d, t.d = rng.randint(0, 15, (B, T)), rng.randint(0, 15, (B, T, 1))
        mask.d = np.arange(T)[None] < np.array([[T], [4]])
        solver.set_learning_rate(1e-3 * min((i + 1) ** -0.5, (i + 1) * 4 ** -1.5))
        solver.zero_grad()
        loss.forward(clear_no_need_grad=True)
        loss.backward(clear_buffer=True)
        solver.update()
        curve.append(float(loss.d))
    return start, curve, [brief(a.d) for a in maps], values(nn.get_parameters())


@program
def transformer_parametric_functions():
    S_, T_, B, E = 4, 3, 2, 8
    rng = np.random.RandomState(3)
    src = nn.Variable.from_numpy_array(rng.randn(S_, B, E).astype(np.float32), need_grad=True)
    tgt = nn.Variable.from_numpy_array(rng.randn(T_, B, E).astype(np.float32), need_grad=True)
    causal = nn.Variable.from_numpy_array(np.triu(np.full((T_, T_), -1e9), 1).astype(np.float32))
    out = []
    with nn.parameter_scope("mha"):
        y, w = PF.multi_head_attention(tgt, src, src, num_heads=2, dropout=0.0)
        loss = F.mean(y ** 2)
        loss.forward()
        loss.backward()
        out += [list(y.shape), list(w.shape), float(loss.d), initial(nn.get_parameters()), gradients(nn.get_parameters()), brief(src.g)]
    with nn.parameter_scope("transformer"):
        src.g = tgt.g = 0
        y = PF.transformer(src, tgt, E, num_heads=2, num_encoder_layers=1, num_decoder_layers=1, dim_feedforward=12, dropout=0.0,
                           tgt_additive_mask=causal)
        loss = F.mean(y ** 3)
        loss.forward()
        loss.backward()
        out += [list(y.shape), brief(y.d), initial(nn.get_parameters()), gradients(nn.get_parameters()), brief(src.g), brief(tgt.g)]
    return out


@program
def attention_seq2seq_with_teacher_forcing():
    B, T, V, H = 2, 4, 10, 6
    src, tgt = nn.Variable((B, T)), nn.Variable((B, T))
    enc = PF.embed(src, V, H, name="enc_embed")
    h = c = F.constant(shape=(B, H))
    hs = []
    for x in F.split(enc, axis=1):
        h, c = PF.lstm_cell(x, h, c, H, name="enc")
        hs.append(F.reshape(h, (B, 1, H)))
    memory = F.concatenate(*hs, axis=1)
    keys = PF.affine(memory, H, base_axis=2, with_bias=False, name="keys")
    losses, attention = [], []
    inputs = F.split(PF.embed(tgt, V, H, name="dec_embed"), axis=1)
    targets = F.split(tgt, axis=1)
    for x, t in zip(inputs[:-1], targets[1:]):
        q = F.reshape(PF.affine(h, H, name="query"), (B, 1, H))
        e = PF.affine(F.tanh(keys + q), 1, base_axis=2, name="energy")
        a = F.softmax(e, axis=1)
        context = F.sum(F.broadcast(a, memory.shape) * memory, axis=1)
        attention.append(F.reshape(a, (B, T)))
        h, c = PF.lstm_cell(F.concatenate(x, context, axis=1), h, c, H, name="dec")
        losses.append(F.softmax_cross_entropy(PF.affine(h, V, name="proj"), F.reshape(t, (B, 1))))
    loss = F.mean(F.stack(*losses))
    align = F.stack(*attention, axis=1)
    solver = S.AdaBelief(5e-3)
    solver.set_parameters(nn.get_parameters())
    rng = np.random.RandomState(3)
    start, curve = initial(nn.get_parameters()), []
    for _ in range(10):
        src.d, tgt.d = rng.randint(0, V, (B, T)), rng.randint(0, V, (B, T))
        F.sink(loss, align).forward(clear_no_need_grad=True)
        solver.zero_grad()
        loss.backward()
        solver.update()
        curve.append(float(loss.d))
    return start, curve, brief(align.d), bits(np.float32(align.shape)), gradients(nn.get_parameters())
