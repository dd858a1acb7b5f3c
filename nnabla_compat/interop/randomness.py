"""Random numbers from torch, for operators that run inside a torch.nn.Module."""
import numpy as np
import torch


class TorchRandom:
    """Stands in for a function's stream (:class:`nnabla_compat.engine.randomness.FunctionRandom`).

    It draws from torch's own generator, so ``torch.manual_seed`` rules and compiled code draws on the device.
    Seeds given to single functions do not count here.
    """

    def rand(self, shape, device=None, dtype=torch.float32):
        """Uniform values in [0, 1)."""
        return torch.rand(shape, device=device, dtype=dtype)

    def randn(self, shape, device=None, dtype=torch.float32):
        """Standard normal values."""
        return torch.randn(shape, device=device, dtype=dtype)

    def keep_mask(self, shape, p, device=None):
        """Which elements dropout with probability ``p`` keeps."""
        return torch.rand(shape, device=device) >= p

    def randint(self, low, high, shape, device=None):
        """Integers in [low, high)."""
        return torch.randint(low, high, shape, device=device)

    def words(self, count):
        """``count`` random 32-bit words on the host, as uint64."""
        return torch.randint(0, 2 ** 32, (count,)).numpy().astype(np.uint64)

    def get_state(self):
        """The position of torch's generators, for :meth:`set_state`."""
        return torch.get_rng_state(), torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else []

    def set_state(self, state):
        """Go back to a position."""
        cpu, cuda = state
        torch.set_rng_state(cpu)
        if cuda:
            torch.cuda.set_rng_state_all(cuda)


torch_random = TorchRandom()
