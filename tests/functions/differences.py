"""Where results may differ from the original's, and why.

``TOLERANCES``: function -> (relative tolerance, reason). Everything else is held to 1e-5.
``EXPECTED``: (function, mode, start of the case's key) -> reason. A listed case that agrees with
the original fails the test, so the list can only tell the truth.
"""

TOLERANCES = {
    "array.div": (1e-4, "the gradient of a / a is the difference of equal numbers"),
    "multi_head_attention": (2e-4, "the gradient of the key bias is zero: what is left is rounding"),
}

EXPECTED = {
    ("mish", "static", "mish(values([[-30.0"): "finite at 30, where the gradient of the original overflows to NaN",
    ("mish", "auto_forward", "mish(values([[-30.0"): "finite at 30, where the gradient of the original overflows to NaN",
    ("mish", "tensors", "mish(values([[-30.0"): "finite at 30, where the gradient of the original overflows to NaN",
    ("assign", "static", "assign(normal(2, 3), normal(2, 3))"): "assigning has no gradient; the original hands the output's to the array it overwrote",
    ("assign", "static", "assign(normal(4), "): "assigning has no gradient; the original hands the output's to the array it overwrote",
    ("assign", "static", "assign(normal(), "): "assigning has no gradient; the original hands the output's to the array it overwrote",
    ("assign", "auto_forward", "assign(normal(2, 3), normal(2, 3))"): "assigning has no gradient; the original hands the output's to the array it overwrote",
    ("assign", "auto_forward", "assign(normal(4), "): "assigning has no gradient; the original hands the output's to the array it overwrote",
    ("assign", "auto_forward", "assign(normal(), "): "assigning has no gradient; the original hands the output's to the array it overwrote",
    ("multi_head_attention", "imperative", "multi_head_attention(normal(3, 2, 4), normal(4, 2, 4), normal(4, 2, 4), 2, normal(4, 4), normal(4, 4), normal(4, 4), normal(4, 4), key_padding_mask"):
        "masks keys with arrays as it does in graphs; the original does not",
    ("multi_head_attention", "imperative", "multi_head_attention(normal(3, 2, 4), normal(4, 2, 4), normal(4, 2, 4), 2, normal(4, 4), normal(4, 4), normal(4, 4), normal(4, 4), additive_mask=normal(3, 4).without_grad(), key"):
        "masks keys with arrays as it does in graphs; the original does not",
    ("pad_packed_sequence", "static", "pad_packed_sequence(normal(7, 2), values([3, 2, 1, 1], dtype='int64'), batch_first=True, padding"): "fills with padding_value, as documented; the original fills with 0",
    ("pad_packed_sequence", "static", "pad_packed_sequence(normal(7, 2), values([3, 2, 1, 1], dtype='int64'), batch_first=False, padding"): "fills with padding_value, as documented; the original fills with 0",
    ("pad_packed_sequence", "static", "pad_packed_sequence(normal(7), values([3, 2, 1, 1], dtype='int64'), "): "fills with padding_value, as documented; the original fills with 0",
    ("pad_packed_sequence", "imperative", "pad_packed_sequence(normal(7, 2), values([3, 2, 1, 1], dtype='int64'), batch_first=True, padding"): "fills with padding_value, as documented; the original fills with 0",
    ("pad_packed_sequence", "imperative", "pad_packed_sequence(normal(7, 2), values([3, 2, 1, 1], dtype='int64'), batch_first=False, padding"): "fills with padding_value, as documented; the original fills with 0",
    ("pad_packed_sequence", "imperative", "pad_packed_sequence(normal(7), values([3, 2, 1, 1], dtype='int64'), "): "fills with padding_value, as documented; the original fills with 0",
    ("pad_packed_sequence", "auto_forward", "pad_packed_sequence(normal(7, 2), values([3, 2, 1, 1], dtype='int64'), batch_first=True, padding"): "fills with padding_value, as documented; the original fills with 0",
    ("pad_packed_sequence", "auto_forward", "pad_packed_sequence(normal(7, 2), values([3, 2, 1, 1], dtype='int64'), batch_first=False, padding"): "fills with padding_value, as documented; the original fills with 0",
    ("pad_packed_sequence", "auto_forward", "pad_packed_sequence(normal(7), values([3, 2, 1, 1], dtype='int64'), "): "fills with padding_value, as documented; the original fills with 0",
    ("pad_packed_sequence", "tensors", "pad_packed_sequence(normal(7, 2), values([3, 2, 1, 1], dtype='int64'), batch_first=True, padding"): "fills with padding_value, as documented; the original fills with 0",
    ("pad_packed_sequence", "tensors", "pad_packed_sequence(normal(7, 2), values([3, 2, 1, 1], dtype='int64'), batch_first=False, padding"): "fills with padding_value, as documented; the original fills with 0",
    ("pad_packed_sequence", "tensors", "pad_packed_sequence(normal(7), values([3, 2, 1, 1], dtype='int64'), "): "fills with padding_value, as documented; the original fills with 0",
    ("prod", "static", "prod(values([[0.0, 2.0"): "exact where an element is zero; the original gives 0 there",
    ("prod", "auto_forward", "prod(values([[0.0, 2.0"): "exact where an element is zero; the original gives 0 there",
    ("prod", "tensors", "prod(values([[0.0, 2.0"): "exact where an element is zero; the original gives 0 there",
    ("array.setitem", "static", "y = F.identity(a); y[0] += 5"): "the original reads y before it is computed",
    ("array.setitem", "static", "y = F.identity(a); y[0] *= b"): "the original reads y before it is computed",
    ("array.setitem", "auto_forward", "y = F.identity(a); y[0] += 5"): "compared with the static record, see there",
    ("array.setitem", "auto_forward", "y = F.identity(a); y[0] *= b"): "compared with the static record, see there",
}


def tolerance(function):
    return TOLERANCES.get(function, (1e-5, ""))[0]


def expected(function, mode, key):
    """The reason why this case may differ in this mode, or None."""
    for (name, where, start), reason in EXPECTED.items():
        if name == function and where in (mode, "*") and key.startswith(start):
            return reason
    return None
