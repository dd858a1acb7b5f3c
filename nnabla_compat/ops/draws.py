"""Gamma and beta numbers by rejection, from the words of a stream as C++'s standard library takes them.

How many words a number takes hangs on the words, so one would have to draw number after number. Instead what
would come out is computed for a start at every place of a stretch of the stream; then the places that count are
followed.
"""
import numpy as np

_STRETCH = 1 << 15   # words looked at together: their arrays fit a cache
_f = np.float32


def unit_floats(rng, count):
    """``count`` uniform numbers in [0, 1) of single precision, one word each."""
    return np.minimum(rng.words(count).astype(_f) * _f(2.0 ** -32), _f(1 - 2.0 ** -24))


def gamma(rng, k, count):
    """``count`` numbers of the gamma distribution of shape ``k`` and scale 1.

    Each attempt takes a normal number n, and a word u unless :math:`v = (1 + a n)^3` is not positive. Below k = 1 a
    number accepted takes another word. Normal numbers come in pairs, by the polar method.

    Source: Marsaglia and Tsang, A simple method for generating gamma variables, 2000.
    """
    found, parts, unused, position, drawn = 0, [], np.empty(0, _f), None, 0
    with np.errstate(all="ignore"):
        while found < count:
            earlier, drawn_before = position, drawn
            position, drawn = rng.get_state(), min(_STRETCH, int(3.5 * (count - found)) + 64)
            u = np.concatenate([unused, unit_floats(rng, drawn)])
            values, ends = _gammas(u, _f(k))
            values = values[:count - found]
            found += len(values)
            parts.append(values)
            if found < count:
                unused = u[ends[-1]:]
        beyond = int(ends[len(values) - 1]) - len(unused) if count else 0    # negative: in the stretch before
    if count:
        rng.set_state(position if beyond >= 0 else earlier)
        rng.words(beyond if beyond >= 0 else drawn_before + beyond)
    return np.concatenate(parts) if parts else unused


def _gammas(u, k):
    """All numbers that the words give, and after how many of them each is complete; there is one more of the latter: how
    many pairs of attempts took in all."""
    n, boosted = len(u) - 6, bool(k < 1)
    d = (k + _f(1) if boosted else k) - _f(1) / _f(3)
    slope = _f(1) / np.sqrt(_f(9) * d)
    # A pair of normal numbers starting at each place, and the next place of the same parity where there is one.
    x = u + u - _f(1)
    square = x * x
    radius = square[:n] + square[1:n + 1]
    following = np.full(n + 8, n, np.int32)
    np.copyto(following[:n], np.arange(n, dtype=np.int32), where=(radius <= 1) & (radius != 0))
    for parity in (0, 1):
        backwards = following[parity::2][::-1]
        np.minimum.accumulate(backwards, out=backwards)
    scale = np.sqrt(_f(-2) * np.log(radius) / radius)
    normal = np.stack([x[1:n + 1] * scale, x[:n] * scale])
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
        values = np.power(u.take(ends.take(chosen) - 1), _f(1) / k) * values
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


def walk(following, start, end):
    """The places that ``following`` leads to from ``start``, before ``end``, the number of its entries."""
    strides = [np.append(np.minimum(following, end), following.dtype.type(end))]
    for _ in range(4):
        strides.append(strides[-1].take(strides[-1], mode="clip"))
    jumps, place, places = memoryview(strides.pop()), start, []
    while place < end:      # sixteen steps at a time: this loop is what costs
        places.append(place)
        place = jumps[place]
    places = np.array(places, np.int64)
    for stride in reversed(strides):
        places = np.stack([places, stride.take(places, mode="clip")], 1).ravel()
    return places[places < end]


def beta_of_powers(rng, alpha, beta, count):
    """``count`` numbers of the beta distribution whose parameters are at most 1.

    Source: Joehnk, Erzeugung von betaverteilten und gammaverteilten Zufallszahlen, 1964.
    """
    found, parts = 0, []
    while found < count:
        position = rng.get_state()
        u = unit_floats(rng, 2 * min(_STRETCH, 2 * (count - found) + 16))
        x, y = np.power(u[0::2], _f(1) / _f(alpha)), np.power(u[1::2], _f(1) / _f(beta))
        total = x + y
        chosen = np.flatnonzero(total <= 1)[:count - found]
        parts.append(x[chosen] / total[chosen])
        found += len(chosen)
    if count:
        rng.set_state(position)
        rng.words(2 * (int(chosen[-1]) + 1))
    return np.concatenate(parts) if parts else np.empty(0, _f)
