"""Attention and transformers."""
from .. import functions as F
from ..initializer import ConstantInitializer
from .affine import affine
from .api import layer
from .normalization import layer_normalization
from .weights import glorot, weight


@layer("multi_head_attention", [
    ("q_weight", "Query weights", "(E_q, E)", True), ("k_weight", "Key weights", "(E_k, E)", True),
    ("v_weight", "Value weights", "(E_v, E_v')", True), ("out_weight", "Output weights", "(E_v', out_dim)", True),
    ("q_bias", "Query bias", "(E,)", True), ("k_bias", "Key bias", "(E,)", True),
    ("v_bias", "Value bias", "(E_v',)", True), ("out_bias", "Output bias", "(out_dim,)", True),
    ("attn_bias_k", "Extra key, with add_attn_bias", "(1, 1, E)", True),
    ("attn_bias_v", "Extra value, with add_attn_bias", "(1, 1, E_v')", True)])
def multi_head_attention(query, key, value, num_heads=12, dropout=0.0, k_embed_dim=None, v_embed_dim=None,
                         out_dim=None, rng=None, with_bias=True, add_attn_bias=False, additive_mask=None,
                         key_padding_mask=None, fix_parameters=False, param_init=None):
    r"""Attention with several heads.

    Args:
        query: (target length, batch, E_q).
        key: (source length, batch, E_k).
        value: (source length, batch, E_v).
        num_heads (int): Number of heads; divides the embedding sizes.
        dropout (float): Rate of dropout on the attention weights.
        k_embed_dim (int): Size E of projected queries and keys; that of ``query`` by default.
        v_embed_dim (int): Size of projected values; that of ``value`` by default.
        out_dim (int): Size of the output; ``v_embed_dim`` by default.
        add_attn_bias (bool): Add a trained key and value to the sequence.
        additive_mask: (target length, source length), added to the attention scores.
        key_padding_mask: (batch, source length); keys where it is 1 are left out.

    Returns:
        tuple: output (target length, batch, out_dim) and attention weights (batch, target length, source length).

    Source: Vaswani et al., Attention Is All You Need, 2017.
    """
    q_dim = k_dim = query.shape[2] if k_embed_dim is None else k_embed_dim
    v_dim = value.shape[2] if v_embed_dim is None else v_embed_dim
    out_dim = v_dim if out_dim is None else out_dim
    param_init = param_init or {}

    def matrix(name, rows, columns):
        return weight(name, (rows, columns), param_init.get(name), fix_parameters, glorot, rows, columns, (1, 1), rng)

    def vector(name, size):
        return weight(name, (size,), param_init.get(name), fix_parameters, ConstantInitializer)

    def extra(name, size):
        return weight(name, (1, 1, size), param_init.get(name), fix_parameters, glorot, size, 1, (1, 1), rng)

    qw = matrix("q_weight", query.shape[2], q_dim)
    kw = matrix("k_weight", key.shape[2], k_dim)
    vw = matrix("v_weight", value.shape[2], v_dim)
    ow = matrix("out_weight", v_dim, out_dim)
    qb = kb = vb = ob = abk = abv = None
    if with_bias:
        qb, kb, vb = vector("q_bias", q_dim), vector("k_bias", k_dim), vector("v_bias", v_dim)
        ob = vector("out_bias", out_dim)
    if add_attn_bias:
        abk, abv = extra("attn_bias_k", k_dim), extra("attn_bias_v", v_dim)
    return F.multi_head_attention(query, key, value, num_heads, qw, kw, vw, ow, qb, kb, vb, ob, abk, abv, dropout,
                                  additive_mask=additive_mask, key_padding_mask=key_padding_mask)


def _attend(query, memory, num_heads, dropout, add_attn_bias, additive_mask, key_padding_mask, name, norm_name):
    """Residual attention, then layer normalization."""
    attended = multi_head_attention(query, memory, memory, num_heads=num_heads, add_attn_bias=add_attn_bias,
                                    additive_mask=additive_mask, key_padding_mask=key_padding_mask, name=name)[0]
    return layer_normalization(query + _dropout(attended, dropout), batch_axis=(0, 1), name=norm_name)


def _feed_forward(x, dim_feedforward, embed_dim, activation, dropout, prefix, norm_name):
    """Residual pair of fully connected layers, then layer normalization."""
    h = activation(affine(x, dim_feedforward, base_axis=2, name=prefix + "1"))
    h = affine(_dropout(h, dropout), embed_dim, base_axis=2, name=prefix + "2")
    return layer_normalization(x + _dropout(h, dropout), batch_axis=(0, 1), name=norm_name)


def _dropout(x, rate):
    return F.dropout(x, rate) if rate > 0 else x


@layer("transformer_encode", [
    ("src_self_attn", "Attention", "see multi_head_attention", True),
    ("enc_affine1", "First layer", "see affine", True),
    ("enc_affine2", "Second layer", "see affine", True),
    ("enc_layer_norm1", "Normalization", "see layer_normalization", True),
    ("enc_layer_norm2", "Normalization", "see layer_normalization", True)])
def transformer_encode(src, embed_dim, num_heads, dim_feedforward=2048, dropout=0.1, activation=None,
                       src_additive_mask=None, src_key_padding_mask=None, rng=None, add_attn_bias=False,
                       fix_parameters=False):
    r"""One encoder layer of a transformer: self-attention and two fully connected layers, both residual.

    Args:
        src: (source length, batch, embed_dim).
        embed_dim (int): Size of the embedding.
        num_heads (int): Number of heads.
        dim_feedforward (int): Size between the fully connected layers.
        dropout (float): Rate of dropout.
        activation (callable): Between the fully connected layers; ``F.relu`` by default.
        src_additive_mask: (source length, source length), added to the attention scores.
        src_key_padding_mask: (batch, source length); positions where it is 1 are left out.
        rng: Not used, as in nnabla.
        add_attn_bias (bool): Add a trained key and value to the sequence.
        fix_parameters (bool): Not used, as in nnabla.

    Returns:
        Array shaped as ``src``.

    Source: Vaswani et al., Attention Is All You Need, 2017.
    """
    activation = F.relu if activation is None else activation
    h = _attend(src, src, num_heads, dropout, add_attn_bias, src_additive_mask, src_key_padding_mask,
                "src_self_attn", "enc_layer_norm1")
    return _feed_forward(h, dim_feedforward, embed_dim, activation, dropout, "enc_affine", "enc_layer_norm2")


@layer("transformer_decode", [
    ("tgt_self_attn", "Attention to the target", "see multi_head_attention", True),
    ("tgt_memory_attn", "Attention to the memory", "see multi_head_attention", True),
    ("dec_affine1", "First layer", "see affine", True), ("dec_affine2", "Second layer", "see affine", True),
    ("dec_layer_norm1", "Normalization", "see layer_normalization", True),
    ("dec_layer_norm2", "Normalization", "see layer_normalization", True),
    ("dec_layer_norm3", "Normalization", "see layer_normalization", True)])
def transformer_decode(tgt, memory, embed_dim, num_heads, dim_feedforward=2048, dropout=0.1, activation=None,
                       tgt_additive_mask=None, memory_additive_mask=None, tgt_key_padding_mask=None,
                       memory_key_padding_mask=None, rng=None, add_attn_bias=False, fix_parameters=False):
    r"""One decoder layer of a transformer: attention to the target and to the memory, two fully connected layers.

    Args:
        tgt: (target length, batch, embed_dim).
        memory: Output of the encoder, (source length, batch, embed_dim).
        embed_dim (int): Size of the embedding.
        num_heads (int): Number of heads.
        dim_feedforward (int): Size between the fully connected layers.
        dropout (float): Rate of dropout.
        activation (callable): Between the fully connected layers; ``F.relu`` by default.
        tgt_additive_mask: (target length, target length), added to the scores of the self-attention.
        memory_additive_mask: (target length, source length), added to the scores of the attention to the memory.
        tgt_key_padding_mask: (batch, target length); positions where it is 1 are left out.
        memory_key_padding_mask: (batch, source length); positions of the memory where it is 1 are left out.
        rng: Not used, as in nnabla.
        add_attn_bias (bool): Add a trained key and value to the sequences.
        fix_parameters (bool): Not used, as in nnabla.

    Returns:
        Array shaped as ``tgt``.

    Source: Vaswani et al., Attention Is All You Need, 2017.
    """
    activation = F.relu if activation is None else activation
    h = _attend(tgt, tgt, num_heads, dropout, add_attn_bias, tgt_additive_mask, tgt_key_padding_mask,
                "tgt_self_attn", "dec_layer_norm1")
    h = _attend(h, memory, num_heads, dropout, add_attn_bias, memory_additive_mask, memory_key_padding_mask,
                "tgt_memory_attn", "dec_layer_norm2")
    return _feed_forward(h, dim_feedforward, embed_dim, activation, dropout, "dec_affine", "dec_layer_norm3")


@layer("transformer", [
    ("encoder{layer#}", "Encoder layers, numbered from 00", "see transformer_encode", True),
    ("decoder{layer#}", "Decoder layers, numbered from 00", "see transformer_decode", True)])
def transformer(src, tgt, embed_dim=512, num_heads=8, num_encoder_layers=6, num_decoder_layers=6, dim_feedforward=2048,
                dropout=0.1, activation=None, src_additive_mask=None, tgt_additive_mask=None, memory_additive_mask=None,
                src_key_padding_mask=None, tgt_key_padding_mask=None, memory_key_padding_mask=None, rng=None,
                add_attn_bias=False, fix_parameters=False):
    r"""A transformer: encoder layers over ``src``, decoder layers over ``tgt``.

    Args:
        src: (source length, batch, embed_dim).
        tgt: (target length, batch, embed_dim).
        embed_dim (int): Size of the embedding.
        num_heads (int): Number of heads.
        num_encoder_layers (int): Number of encoder layers.
        num_decoder_layers (int): Number of decoder layers.
        dim_feedforward (int): Size between the fully connected layers.
        dropout (float): Rate of dropout.
        activation (callable): Between the fully connected layers; ``F.relu`` by default.
        src_additive_mask, tgt_additive_mask, memory_additive_mask: Added to attention scores, see
            :func:`transformer_encode` and :func:`transformer_decode`.
        src_key_padding_mask, tgt_key_padding_mask, memory_key_padding_mask: Positions to leave out, likewise.
        rng: Not used, as in nnabla.
        add_attn_bias (bool): Add a trained key and value to the sequences.
        fix_parameters (bool): Not used, as in nnabla.

    Returns:
        Array shaped as ``tgt``.

    Source: Vaswani et al., Attention Is All You Need, 2017.
    """
    if src.shape[1] != tgt.shape[1]:
        raise AssertionError(f"transformer: expected src and tgt of one batch size (axis 1), received shapes "
                             f"{src.shape} "
                             f"and {tgt.shape}.")
    if not src.shape[2] == tgt.shape[2] == embed_dim:
        raise AssertionError(f"transformer: expected src and tgt with embed_dim={embed_dim} features (axis 2), "
                             f"received shapes {src.shape} and {tgt.shape}.")
    layers = dict(embed_dim=embed_dim, num_heads=num_heads, dim_feedforward=dim_feedforward, dropout=dropout,
                  activation=activation, rng=rng, add_attn_bias=add_attn_bias, fix_parameters=fix_parameters)
    memory = src
    for i in range(num_encoder_layers):
        memory = transformer_encode(memory, src_additive_mask=src_additive_mask,
                                    src_key_padding_mask=src_key_padding_mask, name=f"encoder{i:02d}", **layers)
    output = tgt
    for i in range(num_decoder_layers):
        output = transformer_decode(output, memory, tgt_additive_mask=tgt_additive_mask,
                                    memory_additive_mask=memory_additive_mask,
                                    tgt_key_padding_mask=tgt_key_padding_mask,
                                    memory_key_padding_mask=memory_key_padding_mask, name=f"decoder{i:02d}", **layers)
    return output
