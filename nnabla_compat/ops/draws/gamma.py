"""Gamma numbers."""
import numpy as np

from .stretch import LENGTH, Stretch, normal_pairs, walk

_f = np.float32


def gammas(rng, k, count):
    """``count`` numbers of the gamma distribution of shape ``k`` and scale 1.

    Each attempt takes a normal number n, and a word u unless :math:`v = (1 + a n)^3` is not positive. Below k = 1 a
    number accepted takes another word. Normal numbers come in pairs, by the polar method.

    Source: Marsaglia and Tsang, A simple method for generating gamma variables, 2000.
    """
    stretch, parts, missing = Stretch(rng), [np.empty(0, _f)], count
    with np.errstate(all="ignore"):
        while missing:
            u = stretch.extend(min(LENGTH, int(3.5 * missing) + 64))
            values, ends = _all_gammas(u, _f(k))
            parts.append(values[:missing])
            missing -= len(parts[-1])
            stretch.use(int(ends[-1] if missing else ends[len(parts[-1]) - 1]))
    stretch.put_back()
    return np.concatenate(parts)


def scales(k):
    """The numbers d and a of gamma numbers of shape ``k``: one accepted is :math:`d (1 + a n)^3`."""
    d = (k + _f(1) if k < 1 else k) - _f(1) / _f(3)
    return d, _f(1) / np.sqrt(_f(9) * d)


def boost(k, u):
    """What numbers of a shape ``k`` below 1 are multiplied by."""
    return np.power(u, _f(1) / k)


def _all_gammas(u, k):
    """All numbers that the words give, and after how many of them each is complete; there is one more of the latter: how
    many pairs of attempts took in all."""
    n, boosted = len(u) - 8, bool(k < 1)
    d, slope = scales(k)
    following, *normal = normal_pairs(u)
    normal = np.stack(normal)
    root = _f(1) + slope * normal
    positive = root > 0
    if boosted:     # the first attempt's success moves the second's word
        first = _accepted(normal[0], root[0], u[2:n + 2], d) & positive[0]
        second_word = np.arange(2, n + 2, dtype=np.int32) + positive[0] + first
        second = _accepted(normal[1], root[1], u.take(second_word), d) & positive[1]
        end = second_word + positive[1] + second
    else:
        end = np.arange(2, n + 2, dtype=np.int32) + positive[0] + positive[1]
    pairs = walk(following.take(end), int(following[0]), n)
    normal, root, positive = [a.take(pairs, 1) for a in (normal, root, positive)]    # far faster than [:, pairs]
    if boosted:
        success, second_word = np.stack([first[pairs], second[pairs]]), second_word[pairs]
    else:
        second_word = pairs + 2 + positive[0]
        success = _accepted(normal, root, u.take(np.stack([pairs + 2, second_word])), d) & positive
    chosen = np.flatnonzero(success.T)
    cube = (root * root * root).T.ravel().take(chosen)
    ends = np.stack([second_word, end.take(pairs)], 1).ravel()
    values = d * cube
    if boosted:
        values = boost(k, u.take(ends.take(chosen) - 1)) * values
    return values, np.append(ends.take(chosen), ends[-1:] if len(ends) else 0)


def _accepted(normal, root, u, d):
    """Whether attempts succeed."""
    square = normal * normal
    sure = u < _f(1 - 1e-6) - _f(0.0331) * (square * square)
    rest = np.flatnonzero(~sure)
    if len(rest):
        x, v, w = normal.ravel()[rest].astype(np.float64), root.ravel()[rest], u.ravel()[rest]
        v = v * v * v
        refused = (w > 1.0 - 0.0331 * x * x * x * x) & (np.log(w) > 0.5 * x * x + float(d) * (1.0 - v.astype(np.float64) + np.log(v)))
        sure.ravel()[rest] = ~refused
    return sure
