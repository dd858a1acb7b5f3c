"""Recurrent layers and attention."""
from ..case import bad, boolean, case, normal, values

for name, gates, states in (("rnn", 1, 1), ("lstm", 4, 2), ("gru", 3, 1)):
    for layers in (1, 2):
        for both in (False, True):
            d, h, i = (2 if both else 1), 3, 2
            for bias in (True, False):
                for training in (True, False):
                    inputs = [normal(4, 2, i)] + [normal(layers, d, 2, h) for _ in range(states)]
                    first = (d, h, i + h) if gates == 1 else (d, gates, h, i + h)
                    deep = (layers - 1, d, h, d * h + h) if gates == 1 else (layers - 1, d, gates, h, d * h + h)
                    shift = {"rnn": (layers, d, h), "lstm": (layers, d, 4, h), "gru": (layers, d, 4, h)}[name]
                    setting = dict(weight=normal(*deep) if layers > 1 else None, bias=normal(*shift) if bias else None, num_layers=layers,
                                   bidirectional=both, training=training)
                    case(name, *inputs, normal(*first), **setting).flags(backward=training)
                    if name == "rnn" and bias:
                        case(name, *inputs, normal(*first), nonlinearity="relu", **setting).flags(backward=training)
    first = (1, 3, 5) if gates == 1 else (1, gates, 3, 5)
    case(name, normal(1, 1, 2), *[normal(1, 1, 1, 3) for _ in range(states)], normal(*first), dropout=0.0)
    bad(name, normal(4, 2, 3), *[normal(1, 1, 2, 3) for _ in range(states)], normal(*first))
    bad(name, normal(4, 2), *[normal(1, 1, 2, 3) for _ in range(states)], normal(*first))


def attention(target, source, batch, embed, heads, key=None, value=None, bias=True, extra_bias=False, **setting):
    key, value = key or embed, value or embed
    inputs = [normal(target, batch, embed), normal(source, batch, key), normal(source, batch, value), heads,
              normal(embed, embed), normal(key, embed), normal(value, embed), normal(embed, embed)]
    if bias:
        setting.update(q_bias=normal(embed), k_bias=normal(embed), v_bias=normal(embed), out_bias=normal(embed))
    if extra_bias:
        setting.update(attn_bias_k=normal(1, 1, embed), attn_bias_v=normal(1, 1, embed))
    return case("multi_head_attention", *inputs, **setting)


attention(3, 4, 2, 4, 1)
attention(3, 4, 2, 4, 2)
attention(3, 3, 2, 6, 3, bias=False)
attention(2, 4, 1, 4, 2, key=3, value=5)
attention(3, 4, 2, 4, 2, extra_bias=True)
attention(3, 4, 2, 4, 2, additive_mask=normal(3, 4).without_grad())
attention(3, 4, 2, 4, 2, key_padding_mask=values([[0, 0, 0, 1], [0, 0, 1, 1]], dtype="float32").without_grad())
attention(1, 1, 1, 2, 1, bias=False)
attention(3, 4, 2, 4, 2, extra_bias=True, additive_mask=normal(3, 4).without_grad(),
          key_padding_mask=values([[0, 0, 0, 1], [0, 0, 1, 1]], dtype="float32").without_grad())
