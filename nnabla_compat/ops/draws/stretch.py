"""Numbers of a stream read ahead of their use, and the places in them that a generator comes by."""
import numpy as np

# Words looked at together: their arrays fit a cache.
LENGTH = 1 << 15


def unit_floats(words):
    """Uniform numbers in [0, 1) of single precision, one word each."""
    return np.minimum(words.astype(np.float32) * np.float32(2.0 ** -32), np.float32(1 - 2.0 ** -24))


def unit_doubles(words):
    """Uniform numbers in [0, 1) of double precision, two words each, the low one first."""
    return (words[0::2] + words[1::2] * 4294967296.0) * 2.0 ** -64


class Stretch:
    """Uniform numbers that a stream gives next; those not used go back to it.

    Args:
        rng: The stream.
        double (bool): Whether the numbers are of double precision.

    Attributes:
        numbers: The numbers read and not yet used.
    """

    def __init__(self, rng, double=False):
        self._rng, self._convert, self._words_each = rng, unit_doubles if double else unit_floats, 1 + double
        self.numbers = self._convert(rng.words(0))
        self._marks = []    # where in the stream, and how many numbers from there, of all that `numbers` holds

    def extend(self, count):
        """Read ``count`` more; gives all."""
        self._marks.append((self._rng.get_state(), count))
        self.numbers = np.concatenate([self.numbers, self._convert(self._rng.words(count * self._words_each))])
        return self.numbers

    def use(self, count):
        """The first ``count`` are used."""
        self.numbers = self.numbers[count:]
        while len(self._marks) > 1 and sum(n for _, n in self._marks[1:]) >= len(self.numbers):
            del self._marks[0]

    def put_back(self):
        """Leave the stream behind the last number used."""
        if len(self.numbers):
            self._rng.set_state(self._marks[0][0])
            self._rng.words((sum(n for _, n in self._marks) - len(self.numbers)) * self._words_each)


def normal_pairs(u):
    """Pairs of standard normal numbers by the polar method, from each place of ``u`` that has eight numbers behind it.

    Returns:
        The next place of the same parity, from each place on, that gives a pair (beyond the last, places themselves);
        the first numbers of the pairs at all places, and the second ones.
    """
    n, one = len(u) - 8, u.dtype.type(1)
    x = u + u - one
    square = x * x
    radius = square[:n] + square[1:n + 1]
    following = np.arange(n + 8, dtype=np.int32)
    np.copyto(following[:n], n + (following[:n] - n & 1), where=(radius > 1) | (radius == 0))
    for parity in (0, 1):
        backwards = following[parity::2][::-1]
        np.minimum.accumulate(backwards, out=backwards)
    scale = np.sqrt(u.dtype.type(-2) * np.log(radius) / radius)
    return following, x[1:n + 1] * scale, x[:n] * scale


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
