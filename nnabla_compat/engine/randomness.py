"""Random streams of functions: nnabla's mt19937 generators, drawn on the host, bit for bit.

Functions with ``seed=-1`` share one stream, in execution order; a function with a seed of its own owns a
stream. On CUDA devices torch's generator draws, seeded from the same stream.
"""
import numpy as np
import torch

_TWO_32 = 2.0 ** 32
_TWO_64 = 2.0 ** 64


class FunctionRandom:
    """One stream of 32-bit words and the distributions nnabla draws from it.

    Args:
        seed (int or None): Seed of the Mersenne twister; None takes entropy from the system.
    """

    def __init__(self, seed=None):
        self.reseed(seed)

    def reseed(self, seed):
        """Start the stream again."""
        self.generator = np.random.RandomState(seed)
        self._words = self.generator._bit_generator.random_raw
        self._cuda = {}

    def words(self, count):
        """The next ``count`` 32-bit words, as uint64."""
        return self._words(count) if count else np.empty(0, np.uint64)

    def get_state(self):
        """The stream's position, for :meth:`set_state`."""
        return self.generator.get_state(), {d: g.get_state() for d, g in self._cuda.items()}

    def set_state(self, state):
        """Go back to a position."""
        position, cuda = state
        self.generator.set_state(position)
        for device, value in cuda.items():
            self.torch_generator(device).set_state(value)

    def torch_generator(self, device):
        """A torch generator on ``device``, seeded from this stream when first used."""
        if device not in self._cuda:
            self._cuda[device] = torch.Generator(device).manual_seed(int(self.words(1)[0]))
        return self._cuda[device]

    def rand(self, shape, device=torch.device("cpu"), dtype=torch.float32):
        """Uniform values in [0, 1): one word each."""
        if _elsewhere(device):
            return torch.rand(shape, device=device, generator=self.torch_generator(device)).to(dtype)
        values = self.words(_count(shape)).astype(np.float32) / np.float32(_TWO_32)
        return torch.from_numpy(values).reshape(shape).to(device=device, dtype=dtype)

    def randn(self, shape, device=torch.device("cpu"), dtype=torch.float32):
        """Standard normal values by Marsaglia's polar method, in float32."""
        if _elsewhere(device):
            return torch.randn(shape, device=device, generator=self.torch_generator(device)).to(dtype)
        values = self._polar_normal(_count(shape))
        return torch.from_numpy(values).reshape(shape).to(device=device, dtype=dtype)

    def _polar_normal(self, count):
        # Pairs are accepted one after another, so the stream must stop right after the last pair used:
        # draw an estimate from a copy of the position, then consume exactly what was needed.
        pairs = (count + 1) // 2
        if not pairs:
            return np.empty(0, np.float32)
        start = self.generator.get_state(legacy=False)
        draws = int(pairs * 1.35) + 16
        while True:
            a, b, s = _pairs(self.words(2 * draws))
            accepted = np.flatnonzero((s <= 1) & (s != 0))
            if len(accepted) >= pairs:
                break
            self.generator.set_state(start)
            draws *= 2
        accepted = accepted[:pairs]
        self.generator.set_state(start)
        self.words(2 * (int(accepted[-1]) + 1))
        a, b, s = a[accepted], b[accepted], s[accepted]
        scale = np.sqrt(np.float32(-2) * np.log(s) / s)
        values = np.empty(2 * pairs, np.float32)
        values[0::2], values[1::2] = b * scale, a * scale
        return values[:count]

    def keep_mask(self, shape, p, device=torch.device("cpu")):
        """Which elements dropout with probability ``p`` keeps: two words each."""
        if _elsewhere(device):
            return torch.rand(shape, device=device, generator=self.torch_generator(device)) >= p
        words = self.words(2 * _count(shape))
        low, high, bound = words[0::2], words[1::2], int((1 - p) * _TWO_32)
        kept = high < np.uint64(bound)
        # Only beside the bound does the lower word, or how the sum of both is rounded, decide.
        for i in np.flatnonzero(high - np.uint64(max(bound - 1, 0)) <= 2):
            kept[i] = (float(low[i]) + float(high[i]) * _TWO_32) / _TWO_64 < 1 - p
        return torch.from_numpy(kept).reshape(shape).to(device)

    def randint(self, low, high, shape, device=torch.device("cpu")):
        """Integers in [low, high), int64."""
        if _elsewhere(device):
            return torch.randint(low, high, shape, device=device, generator=self.torch_generator(device))
        words = self.words(_count(shape))
        values = (words * np.uint64(high - low) >> np.uint64(32)).astype(np.int64) + low
        return torch.from_numpy(values).reshape(shape).to(device)


def _pairs(words):
    # float32 arithmetic throughout, as the C++ generator: 2 u - 1 for each word.
    u = words.astype(np.float32) / np.float32(_TWO_32)
    a, b = np.float32(2) * u[0::2] - np.float32(1), np.float32(2) * u[1::2] - np.float32(1)
    return a, b, a * a + b * b


def _count(shape):
    return int(np.prod(shape, dtype=np.int64))


def _elsewhere(device):
    return torch.device(device).type == "cuda"


# The stream of every function without a seed of its own.
shared_stream = FunctionRandom()


def function_random(seed) -> FunctionRandom:
    """The stream for a function's ``seed`` argument: the shared one for -1 (or None)."""
    return shared_stream if seed is None or seed == -1 else FunctionRandom(int(seed) & 0xFFFFFFFF)


def set_function_seed(seed):
    """Start the shared stream again from ``seed``."""
    shared_stream.reseed(seed)
