"""Times on a CUDA device."""
from collections import OrderedDict

import numpy as np
import torch

from ....utils.inspection.base import FunctionHookCallbackBase


class CudaEventTimerCallback(FunctionHookCallbackBase):
    """Measures by events on the device's current stream, without stopping it.

    Args:
        ext_name (str): Extension that computes.
        device_id (str): The device.

    Attributes:
        results (OrderedDict): key -> list of milliseconds, filled by :meth:`calc_elapsed_time`.
    """

    def __init__(self, ext_name, device_id):
        self.results = OrderedDict()
        self.device_id = int(device_id)
        self.key_to_events = OrderedDict()

    def _record(self):
        event = torch.cuda.Event(enable_timing=True)
        event.record(torch.cuda.current_stream(self.device_id))
        return event

    @property
    def pre_hook(self):
        """Starts the time of the key it is called with."""
        def start(key):
            self.key_to_events[key] = [self._record(), None]
        return start

    @property
    def post_hook(self):
        """Stops the time of a key; ValueError if it was never started."""
        def stop(key):
            if key not in self.key_to_events:
                raise ValueError(f"{type(self).__name__}: the time of {key} was never started: pass pre_hook as well")
            self.key_to_events[key][1] = self._record()
        return stop

    def calc_elapsed_time(self):
        """Wait for the device and take over the times measured last."""
        torch.cuda.synchronize(self.device_id)
        for key, (start, end) in self.key_to_events.items():
            if end is not None:
                self.results.setdefault(key, []).append(start.elapsed_time(end))

    def average(self, start_index=0):
        """Averages: key -> ``{"time": ..., "num": ..., "scale": "ms"}``.

        Args:
            start_index (int): How many first measurements to leave out.
        """
        return {key: {"time": np.mean(times[start_index:]) if times[start_index:] else float("nan"),
                      "num": max(0, len(times) - start_index), "scale": "ms"} for key, times in self.results.items()}
