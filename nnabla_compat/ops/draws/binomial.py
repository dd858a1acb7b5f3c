"""Binomial numbers."""
import math

import numpy as np

from .stretch import LENGTH, Stretch, normal_pairs, unit_doubles, walk


def binomials(rng, n, p, count):
    """``count`` numbers of the binomial distribution, of ``n`` trials that succeed with probability ``p``, as float32."""
    rare = min(p, 1 - p)
    if n == 1:
        successes = -np.log1p(-unit_doubles(rng.words(2 * count))) <= -math.log1p(-rare)
    else:
        successes = (_by_waiting if n * rare < 8 else _by_rejection)(rng, n, rare, count)
    successes = successes.astype(np.float32)
    return successes if rare == p else np.float32(n) - successes


def _by_waiting(rng, n, p, count):
    """Successes are counted until the waiting times between them exceed a limit.

    Each number takes as many uniform numbers as it has successes and one more, at most n.

    Source: Devroye, Non-uniform random variate generation, X.4.3, second waiting time algorithm.
    """
    limit, stretch, found, missing = -math.log(1 - p), Stretch(rng, double=True), [np.empty(0, np.int32)], count
    while missing:
        length = int(min(missing, 2048) * (n * p + 1) * 1.2) + 9 * n + 16
        successes = _successes_from_each(-np.log(1 - stretch.extend(max(length - len(stretch.numbers), 0))), n, limit)
        ends = np.arange(len(successes)) + np.minimum(successes + 1, n)
        places = walk(ends, 0, len(ends))[:missing + 1]
        found.append(successes[places[:-1]])
        stretch.use(int(places[-1]))
        missing -= len(places) - 1
    stretch.put_back()
    return np.concatenate(found)


def _successes_from_each(waits, n, limit):
    """How many of at most ``n`` waiting times, from each place on, pass before the limit does."""
    count = len(waits) - n
    total, successes = np.zeros(count), np.zeros(count, np.int32)
    for i in range(n):
        total += waits[i:i + count] / (n - i)
        going = total <= limit
        if not going.any():
            break
        successes += going
    return successes


def _by_rejection(rng, n, p, count):
    """Numbers for ``n p`` of 8 and more.

    The distance x from the mean is proposed from a density of four parts: halves of normal ones on both sides and exponential
    tails beyond. What the rounded mean lacks is made up for by waiting times.

    Source: Devroye, Non-uniform random variate generation, X.4.3, rejection algorithm.
    """
    mean = math.floor(n * p)
    q = mean / n
    spread, failures = math.sqrt(mean * (1 - q)), n * (1 - q)
    right = float(round(max(1.0, math.sqrt(mean * (1 - q) * math.log(32 * mean / (81 * math.pi / 4 * (1 - q)))))))
    left = float(round(max(1.0, math.sqrt(mean * (1 - q) * math.log(32 * failures / (math.pi / 4 * q))))))
    right_sigma, left_sigma = spread * (1 + right / (4 * mean)), spread * (1 + left / (4 * failures))
    right_square, left_square = right_sigma ** 2, left_sigma ** 2
    shift = 2 * right / mean
    weights = [math.exp(shift) * right_sigma * math.sqrt(math.pi / 2), left_sigma * math.sqrt(math.pi / 2),
               math.exp(right / failures) * 2 * right_square / right * math.exp(-right * right / (2 * right_square)),
               2 * left_square / left * math.exp(-left * left / (2 * left_square))]
    to_right = weights[0]
    to_left = to_right + weights[1]
    to_right_tail = to_left + weights[2]
    total = to_right_tail + weights[3]
    lacking = -math.log(1 - (p - q) / (1 - q))
    at_mean, odds = math.lgamma(mean + 1) + math.lgamma(n - mean + 1), math.log(q / (1 - q))

    def level(x):
        """The logarithm of the probability of ``x``, beside that of the mean."""
        if not -mean <= x <= n - mean:
            return -math.inf
        return at_mean - (math.lgamma(mean + x + 1) + math.lgamma(n - (mean + x) + 1)) + x * odds

    levels = {}
    stretch, found, kept = Stretch(rng, double=True), [], None
    while len(found) < count:
        u = stretch.extend(min(LENGTH // 2, 8 * (count - len(found)) + 64))
        end = len(u) - 8
        with np.errstate(all="ignore"):
            following, first, second = normal_pairs(u)
            sides, waits, following, first, second = [
                memoryview(a) for a in (total * u, -np.log(1 - u), following, np.abs(first), np.abs(second))]
        begun, begun_with = 0, kept     # where the number begins that is drawn
        place = 0
        for _ in range(count - len(found)):
            while place < end:
                side = sides[place]
                if side <= to_left:
                    if kept is None:
                        pair = following[place + 1]
                        if pair >= end:
                            place = end
                            break
                        normal, kept, place = first[pair], second[pair], pair + 2
                    else:
                        normal, kept, place = kept, None, place + 1
                    if side <= to_right:
                        y = right_sigma * normal
                        if y >= right:
                            continue
                        x, height = int(y), shift - waits[place] - normal * normal / 2
                    else:
                        y = left_sigma * normal
                        if y >= left:
                            continue
                        x, height = math.floor(-y), -waits[place] - normal * normal / 2
                    place += 1
                elif side <= to_right_tail:
                    y = right + 2 * right_square * waits[place + 1] / right
                    x, height, place = int(y), right * (1 / (n - mean) - y / (2 * right_square)) - waits[place + 2], place + 3
                else:
                    y = left + 2 * left_square * waits[place + 1] / left
                    x, height, place = math.floor(-y), -waits[place + 2] - left * y / (2 * left_square), place + 3
                if x not in levels:
                    levels[x] = level(x)
                if height <= levels[x]:
                    break
            x, waited = mean + x, 0.0
            while x < n and place < end:
                waited += waits[place] / (n - x)
                place += 1
                if waited > lacking:
                    break
                x += 1
            if place >= end:
                break
            found.append(x)
            begun, begun_with = place, kept
        kept = begun_with
        stretch.use(begun)
    stretch.put_back()
    return np.array(found, np.int32)
