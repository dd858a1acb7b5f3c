"""nnabla's scheduler for networks larger than the GPU's memory.

It belongs to nnabla's own allocator and does nothing here; the objects keep scripts running.
"""
from .logger import logger

_SAID = False


class SwapInOutScheduler:
    """Accepted where nnabla moves arrays between host and device ahead of their use. Here nothing is moved.

    torch allocates the memory of a GPU, and arrays stay on the device that computed them, so results are the
    same and only the saving of memory is missing. To train what does not fit, mark stretches with
    ``nn.recompute``, pass ``clear_no_need_grad=True`` and ``clear_buffer=True``, or use half precision. The first
    object made says so in the log.

    Args:
        h_ctx (Context): Context of the host.
        d_ctx (Context): Context of the device.
        size (number): Bytes of device memory to use.
        prefetch_size (number): Bytes to fetch ahead.
        save_host_mem (bool): Free host memory early.
        save_host_mem_no_abort (bool): The same, leniently.
    """

    def __init__(self, h_ctx, d_ctx, size=0, prefetch_size=0, save_host_mem=False, save_host_mem_no_abort=False):
        global _SAID
        self._scheduling = False
        if not _SAID:
            _SAID = True
            logger.warning("SwapInOutScheduler moves nothing here: torch manages device memory. To save memory use "
                           "nn.recompute, clear_no_need_grad=True and clear_buffer=True, or half precision.")

    def __enter__(self):
        self.start_scheduling()
        return self

    def __exit__(self, exc_type, exc_val, exc_tb):
        self.end_scheduling()

    def start_scheduling(self):
        """Begin a stretch of computation, such as one iteration of training."""
        self._scheduling = True

    def end_scheduling(self):
        """End the stretch."""
        self._scheduling = False

    def function_pre_hook(self, func):
        """For ``function_pre_hook`` of forward and backward."""

    def function_post_hook(self, func):
        """For ``function_post_hook`` of forward and backward."""

    def update_pre_hook(self):
        """For ``pre_hook`` of solver methods."""

    def update_post_hook(self):
        """For ``post_hook`` of solver methods."""
