"""Named ranges in the timeline of NVIDIA's profilers."""
import torch


def range_push(message):
    """Begin a range inside the current one."""
    torch.cuda.nvtx.range_push(message)


def range_pop():
    """End the innermost range."""
    torch.cuda.nvtx.range_pop()
