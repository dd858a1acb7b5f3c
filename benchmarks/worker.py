"""Measures one library on one case, in a process of its own: benchmarks/run.py starts it and tells it what to do.

    python benchmarks/worker.py LIBRARY CASE THREADS DEVICE CLOCK     LIBRARY: nnabla_compat, torch or nnabla

It reads commands as JSON lines and answers each with one: {"do": "prepare", "what": "training"|"inference", "mode":
"static"|"auto"|"compiled"|"uncaptured" (compiled, without CUDA graphs)} gives the first results and the seconds they took,
{"do": "round", "steps": n} the seconds of n steps, {"do": "memory"} the bytes that torch gives out for a step at its peak,
{"do": "parts"} what the life of a graph takes.
"""
import importlib
import json
import os
import sys
import tempfile
import time

import numpy as np

LEARNING_RATE, ADAMS_RATE, MOMENTUM, DECAY = 0.01, 2e-4, 0.9, 1e-4
BATCHES = 4


class Nnabla:
    """Steps as nnabla code, for nnabla and for nnabla_compat."""

    def __init__(self, package, case, threads, device):
        if package == "nnabla_compat":
            import torch
            torch.set_num_threads(threads)
        self.nn, self.F, self.PF, self.S = [
            importlib.import_module(package + end) for end in ("", ".functions", ".parametric_functions", ".solvers")]
        self.extension = None       # the library's, for GPUs
        if device != "cpu":
            self.extension = importlib.import_module(package + ".ext_utils").import_extension_module("cudnn")
            self.nn.set_default_context(self.extension.context())
        self.case = case
        self.version = self.nn.__version__

    def synchronize(self):
        if self.extension:
            self.extension.device_synchronize("0")

    def prepare(self, what, mode):
        self.nn.clear_parameters()
        self.nn.seed(313)
        self.batches = make_batches(self.case)
        self.training = what == "training"
        make_parameters(self.case, self.nn, self.F, self.PF, [self.nn.Variable(a.shape) for a in self.batches[0]])
        if mode == "auto":
            self._prepare_auto()
        else:
            self._prepare_static(mode)
        return self.step

    def _solver(self, scope):
        solver = self.S.Momentum(LEARNING_RATE, MOMENTUM) if self.case.SOLVER == "Momentum" else self.S.Adam(ADAMS_RATE)
        with self.nn.parameter_scope(scope):
            solver.set_parameters(self.nn.get_parameters())
        return solver

    def build(self, variables):
        """The graphs of a training step, (loss, scope) each, or of inference."""
        nn, F, PF = self.nn, self.F, self.PF
        if self.training:
            return self.case.nnabla_losses(nn, F, PF, *variables)
        return [(self.case.nnabla_network(nn, F, PF, variables[0], False), "")]

    def _prepare_static(self, mode):
        variables = [self.nn.Variable(a.shape) for a in self.batches[0]]
        graphs = [(root, scope) for root, scope in self.build(variables)]
        graphs = [(root, self._solver(scope) if self.training else None) for root, scope in graphs]
        if mode in ("compiled", "uncaptured"):
            for root, solver in graphs:
                self.nn.compiled(root, *[solver] if solver else [], capture=mode == "compiled")

        def train(*batch):
            for variable, array in zip(variables, batch):
                variable.d = array
            for loss, solver in graphs:
                loss.forward(clear_no_need_grad=True)
                solver.zero_grad()
                loss.backward(clear_buffer=True)
                solver.weight_decay(DECAY)
                solver.update()
            return loss

        root, x = graphs[0][0], variables[0]

        def infer(images, *_):
            x.d = images
            root.forward(clear_buffer=True)
            return root

        self.step, self.read = (train if self.training else infer), lambda root: np.mean(root.d)

    def _prepare_auto(self):
        nn, from_array = self.nn, self.nn.Variable.from_numpy_array
        scopes = [scope for _, scope in self.build([nn.Variable(a.shape) for a in self.batches[0]])]
        solvers = {scope: self._solver(scope) for scope in scopes}

        def train(*batch):
            with nn.auto_forward(True):
                for loss, scope in self.build([from_array(a) for a in batch]):
                    solver = solvers[scope]
                    solver.zero_grad()
                    loss.backward(clear_buffer=True)
                    solver.weight_decay(DECAY)
                    solver.update()
            return loss

        def infer(images, *_):
            with nn.auto_forward(True), nn.no_grad():
                return self.build([from_array(images)])[0][0]

        self.step, self.read = (train if self.training else infer), lambda root: np.mean(root.d)


    def parts(self):
        """Seconds that the parts of a static graph's life take, once its parameters exist; the least of three."""
        variables = [self.nn.Variable(a.shape) for a in self.batches[0]]
        for variable, array in zip(variables, self.batches[0]):
            variable.d = array
        best = {}

        def timed(part, run):
            start = time.process_time()
            result = run()
            best[part] = min(time.process_time() - start, best.get(part, float("inf")))
            return result

        with tempfile.TemporaryDirectory() as folder:
            for _ in range(3):
                (root, scope), = timed("building", lambda: list(self.build(variables)))
                timed("first forward", lambda: root.forward(clear_no_need_grad=True))
                root.backward(clear_buffer=True)
                timed("forward", lambda: root.forward(clear_no_need_grad=True))
                timed("backward", lambda: root.backward(clear_buffer=True))
                root.forward(clear_buffer=True)
                timed("inference", lambda: root.forward(clear_buffer=True))
                solver = self._solver(scope)
                solver.update()
                timed("update", solver.update)
                timed("visit", lambda: root.visit(lambda function: None))
                timed("saving", lambda: self.nn.save_parameters(os.path.join(folder, "p.protobuf")))
                timed("loading", lambda: self.nn.load_parameters(os.path.join(folder, "p.protobuf")))
        return best


class Torch:
    """The same steps as one writes them for torch, with its own fused optimizer."""

    def __init__(self, case, threads, device):
        import torch
        self.torch, self.case, self.device = torch, case, device
        torch.set_num_threads(threads)
        self.version = torch.__version__

    def synchronize(self):
        if self.device != "cpu":
            self.torch.cuda.synchronize()

    def prepare(self, what, mode):
        torch, case, device = self.torch, self.case, self.device
        self.batches = [tuple(torch.from_numpy(a) if a.dtype == np.float32 else torch.from_numpy(a).squeeze(-1).long() for a in batch)
                        for batch in make_batches(case)]
        if device != "cpu":
            self.batches = [tuple(a.pin_memory() for a in batch) for batch in self.batches]
        network = case.torch_network(torch)
        case.copy_parameters(self._initial_parameters(), network)
        network.to(device).train(what == "training")
        optimizers = {name: self._optimizer(child) for name, child in [("", network), *network.named_children()]}
        if mode == "compiled":
            network = torch.compile(network)

        def train(*batch):
            for loss, name in case.torch_losses(torch, network, *[a.to(device, non_blocking=True) for a in batch]):
                optimizer = optimizers[name]
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            return loss

        @torch.inference_mode()
        def infer(images, *_):
            return network(images.to(device, non_blocking=True))

        self.step, self.read = (train if what == "training" else infer), lambda root: root.mean().item()
        return self.step

    def _optimizer(self, network):
        parameters = [p for p in network.parameters() if p.requires_grad]
        if not parameters:
            return None
        if self.case.SOLVER == "Momentum":
            return self.torch.optim.SGD(parameters, LEARNING_RATE, MOMENTUM, weight_decay=DECAY, fused=True)
        return self.torch.optim.Adam(parameters, ADAMS_RATE, weight_decay=DECAY, fused=True)

    def _initial_parameters(self):
        """Those of nnabla, which nnabla_compat draws alike."""
        import nnabla_compat as nn
        from nnabla_compat import functions as F, parametric_functions as PF
        nn.clear_parameters()
        nn.seed(313)
        variables = [nn.Variable(a.shape) for a in make_batches(self.case)[0]]
        make_parameters(self.case, nn, F, PF, variables)
        return {k: np.array(v.d) for k, v in nn.get_parameters(grad_only=False).items()}


def make_parameters(case, nn, F, PF, variables):
    """All of them, always in the same order, so that every step starts alike."""
    if "training" in case.KINDS:
        list(case.nnabla_losses(nn, F, PF, *variables))
    else:
        case.nnabla_network(nn, F, PF, variables[0], False)


def make_batches(case):
    rng = np.random.RandomState(0)
    return [case.data(rng) for _ in range(BATCHES)]


def peak_memory(run, device):
    """Most bytes of torch's allocator that ``run``, called anew, has taken and not given back: gradients, but neither
    parameters nor the solver's states.

    What was there before is not counted, and when it goes, that isn't either: so the first of some runs shows too little.
    """
    import torch
    activities = [torch.profiler.ProfilerActivity.CPU] + [torch.profiler.ProfilerActivity.CUDA] * (device != "cpu")
    with torch.profiler.profile(activities=activities, profile_memory=True) as profile:
        run()
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "trace.json")
        profile.export_chrome_trace(path)
        with open(path) as trace:
            events = [e for e in json.load(trace)["traceEvents"] if e.get("name") == "[memory]"]
    taken, total, peak = {}, 0, 0
    for event in sorted(events, key=lambda e: e["ts"]):
        address, size = event["args"]["Addr"], event["args"]["Bytes"]
        if event["args"]["Device Type"] != (0 if device == "cpu" else 1):
            continue
        if size > 0:
            taken[address] = size
        else:
            size = -taken.pop(address, 0)
        total += size
        peak = max(peak, total)
    return peak


def main():
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever libraries print goes to stderr
    library, case, threads, device, clock = sys.argv[1:]
    now = time.perf_counter if clock == "wall" else time.process_time
    from cases import load
    case = load(case)
    side = Torch(case, int(threads), device) if library == "torch" else Nnabla(library, case, int(threads), device)

    def answer(value):
        answers.write(json.dumps(value) + "\n")
        answers.flush()

    def run(steps):
        for i in range(steps):
            result = step(*side.batches[i % BATCHES])
        return result

    answer({"version": side.version, "python": sys.version.split()[0], "numpy": np.__version__})
    step = None
    for line in sys.stdin:
        command = json.loads(line)
        if command["do"] == "prepare":
            step = side.prepare(command["what"], command["mode"])
            begin = time.perf_counter()
            first = [float(side.read(step(*side.batches[i % BATCHES]))) for i in range(6)]
            answer({"first": first, "seconds": time.perf_counter() - begin})
        elif command["do"] == "memory":
            answer({"peak": peak_memory(lambda: run(3), device)})
        elif command["do"] == "parts":
            answer({"seconds": side.parts()})
        else:
            side.synchronize()
            begin = now()
            result = run(command["steps"])
            side.synchronize()
            seconds = now() - begin
            side.read(result)
            answer({"seconds": seconds})


if __name__ == "__main__":
    main()
