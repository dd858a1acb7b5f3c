"""Times of functions and of stretches of a program, by hooks."""
import csv
import os
import time
from collections import OrderedDict
from contextlib import contextmanager

import numpy as np

from ...ext_utils import import_extension_module
from .base import FunctionHookCallbackBase


class TimeProfiler(FunctionHookCallbackBase):
    """Measures every function of ``forward`` and ``backward``, by named stretches of a program::

        profiler = TimeProfiler("cpu", "0")
        for i in range(10):
            with profiler.scope("forward"):
                loss.forward(function_pre_hook=profiler.pre_hook, function_post_hook=profiler.post_hook)
            with profiler.scope("backward"):
                loss.backward(function_pre_hook=profiler.pre_hook, function_post_hook=profiler.post_hook)
            profiler.calc_elapsed_time()
        profiler()                      # prints averages
        profiler.to_csv("times")

    Args:
        ext_name (str): ``"cpu"``, ``"cuda"`` or ``"cudnn"``: what computes.
        device_id (str): Which device.

    Raises:
        NotImplementedError: Another extension.
        ModuleNotFoundError: There is no CUDA device.
    """

    def __init__(self, ext_name, device_id):
        if ext_name == "cpu":
            self.profiler = CpuTimerCallback
        elif ext_name in ("cuda", "cudnn"):
            self.profiler = import_extension_module("cuda.utils.inspection").CudaEventTimerCallback
        else:
            raise NotImplementedError(f"TimeProfiler: expected the extension 'cpu', 'cuda' or 'cudnn', received "
                                      f"{ext_name!r}")
        self.ext_name = ext_name
        self.device_id = device_id
        self._scope_name = ""
        self.profilers = {}
        self.create_new_profiler("summary")

    def create_new_profiler(self, scope_name):
        """Start measuring a scope anew."""
        self.profilers[scope_name] = self.profiler(ext_name=self.ext_name, device_id=self.device_id)

    @contextmanager
    def scope(self, scope_name):
        """A stretch of the program: it is measured as a whole, and so is each function that runs in it.

        Args:
            scope_name (str): Its name in the results.
        """
        before = self._scope_name
        if scope_name not in self.profilers:
            self.create_new_profiler(scope_name)
        self.call_pre_hook("summary", scope_name)
        self._scope_name = scope_name
        try:
            yield self
        finally:
            self._scope_name = before
            self.call_post_hook("summary", scope_name)

    @property
    def pre_hook(self):
        """For ``function_pre_hook``; read it inside of a scope."""
        return self.profilers[self._scope_name].pre_hook

    @property
    def post_hook(self):
        """For ``function_post_hook``; read it inside of a scope."""
        return self.profilers[self._scope_name].post_hook

    def call_pre_hook(self, scope_name, key):
        """Start the time of ``key`` in a scope."""
        if scope_name not in self.profilers:
            self.create_new_profiler(scope_name)
        self.profilers[scope_name].pre_hook(key)

    def call_post_hook(self, scope_name, key):
        """Stop the time of ``key`` in a scope.

        Raises:
            ValueError: There is no such scope.
        """
        if scope_name not in self.profilers:
            raise ValueError(f"TimeProfiler: there is no scope {scope_name!r}, only {sorted(self.profilers)}")
        self.profilers[scope_name].post_hook(key)

    def calc_elapsed_time(self, names=None):
        """Take over the times measured last, once per iteration.

        Args:
            names (str or list of str): Scopes; all by default.
        """
        names = [names] if isinstance(names, str) else list(self.profilers) if names is None else list(names)
        for name in names:
            self.profilers[name].calc_elapsed_time()

    def average(self, start_index=0):
        """Averages by scope and by function.

        Args:
            start_index (int): How many first measurements to leave out.

        Returns:
            dict: scope -> key -> ``{"time": ..., "num": ..., "scale": "ms"}``; the scope ``"summary"`` has the scopes
            as keys.
        """
        return {name: profiler.average(start_index) for name, profiler in self.profilers.items()}

    def get_all_results(self):
        """All single measurements: scope -> key -> list of times."""
        return {name: profiler.results for name, profiler in self.profilers.items() if profiler.results}

    def to_csv(self, out_dir="./", ignore_init=True):
        """Write ``profile_summary.csv`` and ``profile_detail.csv``.

        Args:
            out_dir (str): Folder, made if need be.
            ignore_init (bool): Leave out the first measurement, which is often slow.
        """
        os.makedirs(out_dir, exist_ok=True)
        averages = self.average(int(ignore_init))
        summary = [dict(result, scope=scope) for scope, result in averages.pop("summary").items()]
        _write_csv(os.path.join(out_dir, "profile_summary.csv"), ["scope", "time", "scale", "num"], summary)
        rows, counts, columns = {}, {}, []
        for scope, results in averages.items():
            columns += [f"{column}_{scope}" for column in ("time", "num", "scale") if results]
            for key, result in results.items():
                if key not in rows:
                    count = counts[str(key)] = counts.get(str(key), -1) + 1
                    rows[key] = {"scope": f"{key}_{count}", "original_key": key}
                rows[key].update({f"{column}_{scope}": value for column, value in result.items()})
        _write_csv(os.path.join(out_dir, "profile_detail.csv"), ["scope", "original_key", *columns], rows.values())

    def __call__(self, *args, **kwargs):
        """Print the averages, without the first measurement."""
        for name, results in self.average(start_index=1).items():
            if not results:
                continue
            print(f"### {name} ###")
            for key, result in results.items():
                print(f"{key}: {result['time']} [{result['scale']}]")
            print()


def _write_csv(path, columns, rows):
    with open(path, "w", newline="") as f:
        writer = csv.DictWriter(f, columns)
        writer.writeheader()
        writer.writerows(rows)


class CpuTimerCallback(FunctionHookCallbackBase):
    """Measures by the clock of the host, waiting for the device.

    Args:
        ext_name (str): Extension whose device to wait for.
        device_id (str): The device.

    Attributes:
        results (OrderedDict): key -> list of seconds, filled by :meth:`calc_elapsed_time`.
    """

    def __init__(self, ext_name, device_id):
        self.results = OrderedDict()
        self.device_id = str(device_id)
        self.ext_module = import_extension_module(ext_name)
        self.key_to_times = OrderedDict()

    @property
    def pre_hook(self):
        """Starts the time of the key (a function, or a name) it is called with."""
        def start(key):
            self.key_to_times.setdefault(key, [0, 0])[0] = self.timer()
        return start

    @property
    def post_hook(self):
        """Stops the time of a key; ValueError if it was never started."""
        def stop(key):
            if key not in self.key_to_times:
                raise ValueError(f"{type(self).__name__}: the time of {key} was never started: pass pre_hook as well")
            self.ext_module.synchronize(device_id=self.device_id)
            self.key_to_times[key][1] = self.timer()
        return stop

    @staticmethod
    def timer():
        """Seconds, from any moment on."""
        return time.perf_counter()

    def calc_elapsed_time(self):
        """Take over the times measured last."""
        for key, (start, end) in self.key_to_times.items():
            self.results.setdefault(key, []).append(end - start)

    def average(self, start_index=0):
        """Averages in milliseconds: key -> ``{"time": ..., "num": ..., "scale": "ms"}``.

        Args:
            start_index (int): How many first measurements to leave out.
        """
        return {key: {"time": np.mean(times[start_index:]) * 1e3 if times[start_index:] else float("nan"),
                      "num": max(0, len(times) - start_index), "scale": "ms"} for key, times in self.results.items()}
