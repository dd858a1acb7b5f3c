"""Time of each function of a graph, measured one by one."""
import csv
import os
import sys
import time
from collections import namedtuple

import torch

from ..engine.leaf import input_tensor
from ..ext_utils import import_extension_module
from ..parameter import get_parameters

ProfileStat = namedtuple("ProfileStat", ["parameter_scope", "inputs_shape", "args_info", "function_name", "mean_time",
                                         "n_run"])

_SCALES = {"m": 1e3, "u": 1e6, "n": 1e9}


def convert_time_scale(sec, format="m"):
    """Seconds as milli- (``"m"``), micro- (``"u"``) or nanoseconds (``"n"``).

    Raises:
        NotImplementedError: Another ``format``.
    """
    if format not in _SCALES:
        raise NotImplementedError(f"convert_time_scale: expected the format 'm', 'u' or 'n', received {format!r}")
    return sec * _SCALES[format]


class GraphProfilerCsvWriter:
    """Writes the results of a profiler as CSV; the header at once.

    Args:
        gb (GraphProfiler): The profiler.
        file: File open for writing text, with ``newline=""``.
    """

    def __init__(self, gb, file=sys.stdout):
        self.file = file
        self.gb = gb
        self.fields = ["parameter_scope", "function_name", "inputs_shape", "args_info", "forward", "backward",
                       "forward_n_run", "backward_n_run"]
        self.write_header()

    def write_header(self):
        """Write what was measured how, and the column titles."""
        from .. import __version__
        csv.writer(self.file).writerows([
            ["num. of run", self.gb.n_run], ["device id", self.gb.device_id], ["ext name", self.gb.ext_name],
            ["time scale", self.gb.time_scale], ["nnabla version", __version__], [], self.fields])

    def check_same(self, f, b):
        """Whether two results, as dicts, belong to the same function."""
        return all(f[field] == b[field] for field in self.fields[:4])

    def write(self):
        """Write the results of :meth:`GraphProfiler.run`."""
        result, rows = self.gb.result, []
        for f, b in zip(result["forward"], result["backward"]):
            assert self.check_same(f._asdict(), b._asdict()), f"forward and backward of different functions: {f}, {b}"
            args = ", ".join(f"{k}: {v}" for k, v in f.args_info)
            rows.append([f.parameter_scope, f.function_name, f.inputs_shape, args, f.mean_time, b.mean_time, f.n_run,
                         b.n_run])
        for title, key in (("forward all", "forward_all"), ("backward all", "backward_all"),
                           ("training(forward + backward + update)", "training")):
            if key in result:
                rows += [[], [title, result[key]], [f"{key}_n_run", result[f"n_run_{key}"]]]
        csv.writer(self.file).writerows(rows)


class GraphProfiler:
    """Measures the functions of a graph, each on its own, and the graph as a whole::

        profiler = GraphProfiler(loss, device_id=0, ext_name="cpu", n_run=100)
        profiler.run()
        profiler.print_result()

    Data and gradients of intermediates are overwritten. The backward time of a function is that of its
    gradient alone; a graph's as ``backward()`` takes it.

    Args:
        graph (Variable): Root of the graph.
        device_id (str): Device that computes.
        ext_name (str): Extension that computes, ``"cpu"``, ``"cuda"`` or ``"cudnn"``.
        solver (Solver): With a solver whole training steps are measured too.
        n_run (int): Most runs of each measurement.
        max_measure_execution_time (float): Seconds after which a measurement stops early.
        time_scale (str): Unit of the results, see :func:`convert_time_scale`.
        backward_accum (bool): Measure gradients with adding them to those present.

    Attributes:
        result (dict): ``forward`` and ``backward``: lists of :class:`ProfileStat`; ``forward_all``,
            ``backward_all``, ``training``: times of the whole, with the numbers of runs as ``n_run_...``.
    """

    def __init__(self, graph, device_id, ext_name, solver=None, n_run=100, max_measure_execution_time=1, time_scale="m",
                 backward_accum=False):
        assert n_run >= 1, f"GraphProfiler: expected n_run of at least 1, received {n_run}"
        self.graph = graph
        self.solver = solver
        self.n_run = n_run
        self.device_id = str(device_id)
        self.ext_name = ext_name
        self.ext_module = import_extension_module(ext_name)
        self.max_measure_execution_time = max_measure_execution_time
        self.time_scale = time_scale
        self.result = {}
        self.name2val = {v: k for k, v in get_parameters().items()}
        self.backward_accum = backward_accum

    # Programs that measure in other ways override the next two.

    def _measure_execution_time(self, execution, *execution_args):
        """Mean time as text, and how often ``execution`` ran; once more before counting."""
        def run():
            execution(*execution_args)
            self.ext_module.synchronize(device_id=self.device_id)

        run()
        begin, total, count = time.perf_counter(), 0.0, 0
        while count < self.n_run:
            start = time.perf_counter()
            run()
            stop = time.perf_counter()
            total += stop - start
            count += 1
            if stop - begin > self.max_measure_execution_time:
                break
        return f"{convert_time_scale(total / count, self.time_scale):.8}", count

    def _time_profiling(self, f, target_process):
        """Measure a function: ``"forward"`` or ``"backward"``."""
        _zero_intermediates(f)
        if target_process == "forward":
            measured = self._measure_execution_time(f.forward, f.inputs, f.outputs)
        else:
            measured = self._measure_execution_time(self._gradient_of(f))
        _zero_intermediates(f)
        scope = None
        if len(f.inputs) > 1 and f.inputs[1] in self.name2val:
            scope = os.path.dirname(self.name2val[f.inputs[1]])
        shapes = [v.shape for v in f.inputs]
        self.result[target_process].append(ProfileStat(scope, shapes, f.info.args.items(), f.name, *measured))

    def _gradient_of(self, f):
        """A callable that computes the gradients of a function once, without its forward."""
        tensors = [input_tensor(v, f.input_kind(i), f.target).detach() for i, v in enumerate(f.inputs)]
        wanted = [t.requires_grad_() for v, t in zip(f.inputs, tensors) if v.need_grad and t.is_floating_point()]
        results = [r for r in f.execute(tensors) if r.requires_grad]
        if not wanted or not results:
            return lambda: None
        seeds = [torch.zeros_like(r) for r in results]
        sums = [torch.zeros_like(t) for t in wanted] if self.backward_accum else None

        def run():
            grads = torch.autograd.grad(results, wanted, seeds, retain_graph=True, allow_unused=True)
            if sums is not None:
                for s, g in zip(sums, grads):
                    if g is not None:
                        s += g
        return run

    def time_profiling_forward(self):
        """Measure each function's forward."""
        self.result["forward"] = []
        self.graph.visit(lambda f: self._time_profiling(f, "forward"))

    def time_profiling_backward(self):
        """Measure each function's gradients."""
        self.result["backward"] = []
        self.graph.visit(lambda f: self._time_profiling(f, "backward"))

    def training_function(self):
        """One training step."""
        self.graph.forward(clear_no_need_grad=True)
        self.solver.zero_grad()
        self.graph.backward(clear_buffer=True)
        self.solver.update()

    def time_profiling_whole_graph(self):
        """Measure forward and backward of the graph, and training steps if there is a solver."""
        def measure(name, execution):
            self.result[name], self.result[f"n_run_{name}"] = self._measure_execution_time(execution)

        measure("forward_all", self.graph.forward)
        measure("backward_all", self.graph.backward)
        if self.solver is not None:
            measure("training", self.training_function)

    def run(self):
        """Measure everything."""
        self.time_profiling_forward()
        self.time_profiling_backward()
        self.time_profiling_whole_graph()

    def get_result(self):
        """:attr:`result`."""
        return self.result

    def print_result(self):
        """Print the results."""
        print(f"time scale: {self.time_scale}")
        for direction in ("forward", "backward"):
            print(f"-----------------{direction}--------------------")
            for stat in self.result[direction]:
                print(stat)
            print()
        print(f"all forward: {self.result['forward_all']}, all backward: {self.result['backward_all']}")

    def save_chrome_trace(self, fpath):
        """Write one forward and backward, kernel by kernel, as a file for chrome://tracing or Perfetto.

        Args:
            fpath (str): Path, ending in ``.json`` or ``.json.gz``.
        """
        self.graph.forward()
        with torch.profiler.profile(record_shapes=True) as trace:
            self.graph.forward()
            self.graph.backward()
            self.ext_module.synchronize(device_id=self.device_id)
        trace.export_chrome_trace(str(fpath))


def _zero_intermediates(f):
    for v in (*f.inputs, *f.outputs):
        if v.parent is not None:
            v.data.zero()
            v.grad.zero()
