"""Beta numbers."""
import math

import numpy as np

from .gamma import boost, scales
from .stretch import LENGTH, Stretch, normal_pairs

_f = np.float32


def betas(rng, alpha, beta, count):
    """``count`` numbers of the beta distribution: of powers of uniform numbers if no parameter is above 1, else of gamma numbers."""
    with np.errstate(all="ignore"):
        x, y = (_powers if alpha <= 1 and beta <= 1 else _gammas_in_turn)(rng, (_f(alpha), _f(beta)), count)
        return x / (x + y)


def _powers(rng, shapes, count):
    """Pairs of powers of uniform numbers whose sums are at most 1.

    Source: Joehnk, Erzeugung von betaverteilten und gammaverteilten Zufallszahlen, 1964.
    """
    stretch, parts, missing = Stretch(rng), [np.empty((2, 0), _f)], count
    while missing:
        u = stretch.extend(2 * min(LENGTH, 2 * missing + 16))
        powers = np.stack([np.power(u[i::2], _f(1) / k) for i, k in enumerate(shapes)])
        chosen = np.flatnonzero(powers[0] + powers[1] <= 1)[:missing]
        parts.append(powers.take(chosen, 1))
        missing -= len(chosen)
        stretch.use(len(u) if missing else 2 * (int(chosen[-1]) + 1))
    stretch.put_back()
    return np.concatenate(parts, 1)


def _gammas_in_turn(rng, shapes, count):
    """Pairs of gamma numbers, whose two generators draw from one stream by turns.

    Each keeps the second normal number of a pair for its next attempt. Whenever none is kept a cycle starts: if all goes
    well, two attempts with new pairs and two with the numbers kept give four gamma numbers. Whether all goes well
    is known for cycles from every place at once; where it does not, attempts are made one by one until none is kept.
    """
    stretch, turn, found, missing = Stretch(rng), 0, ([], []), 2 * count
    while missing:
        turns = _Turns(stretch.extend(min(LENGTH, 3 * missing + 64)), shapes, turn)
        place = turns.follow()
        normal, ends = [a[:missing] for a in turns.read()]
        for generator in (0, 1):
            own = slice(generator ^ turn, None, 2)
            found[generator].append(turns.values(generator, normal[own], ends[own]))
        turn, missing = (turn + len(ends)) % 2, missing - len(ends)
        stretch.use(place if missing else int(ends[-1]))
    stretch.put_back()
    return [np.concatenate(parts or [np.empty(0, _f)]) for parts in found]


class _Turns:
    """What two generators of gamma numbers make of the numbers ``u``, from the ``turn`` of one of them on."""

    def __init__(self, u, shapes, turn):
        self.u, self.shapes, self.turn = u, shapes, turn
        self.end = len(u) - 8
        self.following, *self.normal = normal_pairs(u)
        self.scales = [scales(k) for k in shapes]
        self.words = np.array([1 + int(k < 1) for k in shapes], np.int32)   # that a number takes beside a normal one
        self.drawn, self.single_ends = [], []   # places of cycles, ~(2 pair + which) of single numbers; places behind these

    def follow(self):
        """Draw until the numbers end; gives the place of the first cycle that they don't suffice for."""
        levels = [[_level(normal, *s) for normal in self.normal] for s in self.scales]
        cycles = [memoryview(self._cycles(np.log(self.u), levels, turn)) for turn in (0, 1)]
        generators = [(float(d), float(slope), int(words) - 1) for (d, slope), words in zip(self.scales, self.words)]
        views = [memoryview(a) for a in (self.u, self.following, *self.normal)]
        place, turn, add = int(self.following[0]), self.turn, self.drawn.append
        while True:
            jump = cycles[turn]
            while (behind := jump[place]) >= 0:
                add(place)
                place = behind
            singles = _singles(*views, self.end, generators, place, turn)
            if singles is None:
                return place
            drawn, ends, place = singles
            turn = (turn + len(drawn)) % 2
            self.drawn += drawn
            self.single_ends += ends

    def _cycles(self, log, levels, turn):
        """Where the cycle after one from each place starts, -1 where that does not go well."""
        n, other, words, others = self.end, 1 - turn, self.words[turn], self.words[1 - turn]
        pair = self.following[2 + words:n + 2 + words]      # the other generator's
        well = np.zeros(n + 8, bool)
        well[:n] = (log[2:n + 2] < levels[other][0]) & (log[2 + words + others:n + 2 + words + others] < levels[other][1])
        well = well.take(pair) & (log[2:n + 2] < levels[turn][0]) & (log.take(pair + 2 + others, mode="clip") < levels[turn][1])
        behind = np.full(n + 8, -1, np.int32)
        np.copyto(behind[:n], self.following.take(pair + 2 + 2 * others + words, mode="clip"), where=well)
        return behind

    def read(self):
        """The normal numbers of all that was drawn, and the places behind."""
        drawn = np.array(self.drawn, np.int32)
        single = drawn < 0
        counts = np.where(single, 1, 4)
        starts = np.cumsum(counts) - counts
        numbers, ends = np.empty((2, int(counts.sum())), np.int32)
        numbers[starts[single]], ends[starts[single]] = ~drawn[single], self.single_ends
        at, pair = starts[~single], drawn[~single]
        turn = (at + self.turn) & 1
        words, others = self.words[turn], self.words[1 - turn]
        other = self.following.take(pair + 2 + words)
        middle = other + 2 + others
        for i, (number, end) in enumerate(((2 * pair, pair + 2 + words), (2 * other, middle), (2 * pair + 1, middle + words),
                                           (2 * other + 1, middle + words + others))):
            numbers[at + i], ends[at + i] = number, end
        return np.stack(self.normal, 1).ravel().take(numbers), ends

    def values(self, generator, normal, ends):
        """Gamma numbers of one of the generators."""
        d, slope = self.scales[generator]
        root, k = _f(1) + slope * normal, self.shapes[generator]
        values = d * (root * root * root)
        return boost(k, self.u.take(ends - 1)) * values if k < 1 else values


def _singles(u, following, first, second, end, generators, place, turn):
    """Numbers one by one from a place on until no normal number is kept: what they are, where they end, and what place
    it is then; None where the numbers don't suffice."""
    kept, drawn, ends = [-1, -1], [], []
    while place < end:
        pair = kept[turn]
        if pair < 0:
            pair = kept[turn] = following[place]
            if pair >= end:
                break
            place, normal, number = pair + 2, first[pair], ~(2 * pair)
        else:
            kept[turn], normal, number = -1, second[pair], ~(2 * pair + 1)
        d, slope, more = generators[turn]
        root = 1 + slope * normal
        if root <= 0:
            continue
        word, square = u[place], normal * normal
        place += 1
        if word > 1 - 0.0331 * square * square and word:
            cube = root * root * root
            if math.log(word) > 0.5 * square + d * (1 - cube + math.log(cube)):
                continue
        place += more
        drawn.append(number)
        ends.append(place)
        turn = 1 - turn
        if kept[0] == kept[1]:
            return drawn, ends, following[place]
    return None


def _level(normal, d, slope):
    """Below which the logarithm of a uniform number surely makes an attempt with a normal number succeed; nan where none does."""
    root = _f(1) + slope * normal
    cube = root * root * root
    return _f(0.5) * (normal * normal) + (d * (_f(1) - cube + np.log(cube)) - _f(1e-6) * (_f(1) + d))
