"""Measures one library on one case, in a process of its own: benchmarks/run.py starts it and tells it what to do.

    python benchmarks/worker.py LIBRARY CASE THREADS DEVICE CLOCK     LIBRARY: nnabla_compat, torch or nnabla

It reads commands as JSON lines and answers each with one: {"do": "prepare", "what": "training"|"inference",
"mode": "static"|"auto"|"compiled"} gives the first results, {"do": "round", "steps": n} gives the seconds of n steps.
"""
import importlib
import json
import os
import sys
import time

import numpy as np

LEARNING_RATE, MOMENTUM, DECAY = 0.01, 0.9, 1e-4
BATCHES = 4


class Nnabla:
    """Steps as nnabla code, for nnabla and for nnabla_compat."""

    def __init__(self, package, case, threads, device):
        if package == "nnabla_compat":
            import torch
            torch.set_num_threads(threads)
        self.nn, self.F, self.PF, self.S = [
            importlib.import_module(package + end) for end in ("", ".functions", ".parametric_functions", ".solvers")]
        if device != "cpu":
            ext_utils = importlib.import_module(package + ".ext_utils")
            self.nn.set_default_context(ext_utils.get_extension_context("cudnn"))
        self.device, self.case = device, case
        self.version = self.nn.__version__

    def synchronize(self):
        if self.device != "cpu":
            importlib.import_module(self.nn.__name__ + ".ext_utils").synchronize(device_id="0", ctx=None)

    def prepare(self, what, mode):
        self.nn.clear_parameters()
        self.nn.seed(313)
        self.batches = make_batches(self.case)
        self.training = what == "training"
        if mode == "auto":
            self._prepare_auto()
        else:
            self._prepare_static(mode == "compiled" and self.nn.__name__ == "nnabla_compat")
        return self.step

    def _build(self, x, t):
        y = self.case.nnabla_network(self.nn, self.F, self.PF, x, self.training)
        return self.F.mean(self.F.softmax_cross_entropy(y, t)) if self.training else y

    def _solver(self):
        solver = self.S.Momentum(LEARNING_RATE, MOMENTUM)
        solver.set_parameters(self.nn.get_parameters())
        return solver

    def _prepare_static(self, compiled):
        x, t = self.nn.Variable(self.batches[0][0].shape), self.nn.Variable(self.batches[0][1].shape)
        root = self._build(x, t)
        solver = self._solver()
        if compiled:
            self.nn.compiled(root, solver)

        def train(images, labels):
            x.d, t.d = images, labels
            root.forward(clear_no_need_grad=True)
            solver.zero_grad()
            root.backward(clear_buffer=True)
            solver.weight_decay(DECAY)
            solver.update()
            return root

        def infer(images, labels):
            x.d = images
            root.forward(clear_buffer=True)
            return root

        self.step, self.read = (train if self.training else infer), lambda root: np.mean(root.d)

    def _prepare_auto(self):
        nn = self.nn
        with nn.auto_forward(True):  # makes the parameters
            self._build(nn.Variable.from_numpy_array(self.batches[0][0]), nn.Variable.from_numpy_array(self.batches[0][1]))
        solver = self._solver()
        # Running statistics as they were, so that both modes start alike.
        for name, value in nn.get_parameters(grad_only=False).items():
            if name.endswith("bn/mean"):
                value.data.zero()
            elif name.endswith("bn/var"):
                value.data.fill(1)

        def train(images, labels):
            with nn.auto_forward(True):
                loss = self._build(nn.Variable.from_numpy_array(images), nn.Variable.from_numpy_array(labels))
            solver.zero_grad()
            loss.backward(clear_buffer=True)
            solver.weight_decay(DECAY)
            solver.update()
            return loss

        def infer(images, labels):
            with nn.auto_forward(True), nn.no_grad():
                return self._build(nn.Variable.from_numpy_array(images), None)

        self.step, self.read = (train if self.training else infer), lambda root: np.mean(root.d)


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
        torch = self.torch
        functional = torch.nn.functional
        self.batches = [(torch.from_numpy(x), torch.from_numpy(t).flatten().long()) for x, t in make_batches(self.case)]
        network = self.case.torch_network(torch)
        self.case.copy_parameters(self._initial_parameters(), network)
        network.to(self.device).train(what == "training")
        if mode == "compiled":
            network = torch.compile(network)
        optimizer = torch.optim.SGD([p for p in network.parameters() if p.requires_grad], LEARNING_RATE, MOMENTUM,
                                    weight_decay=DECAY, fused=True)

        def train(images, labels):
            loss = functional.cross_entropy(network(images.to(self.device)), labels.to(self.device))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return loss

        @torch.inference_mode()
        def infer(images, labels):
            return network(images.to(self.device))

        self.step, self.read = (train if what == "training" else infer), lambda root: root.mean().item()
        return self.step

    def _initial_parameters(self):
        """Those of nnabla, which nnabla_compat draws alike."""
        import nnabla_compat as nn
        from nnabla_compat import functions as F, parametric_functions as PF
        nn.clear_parameters()
        nn.seed(313)
        x, _ = make_batches(self.case)[0]
        self.case.nnabla_network(nn, F, PF, nn.Variable(x.shape), True)
        return {k: np.array(v.d) for k, v in nn.get_parameters(grad_only=False).items()}


def make_batches(case):
    rng = np.random.RandomState(0)
    return [case.data(rng) for _ in range(BATCHES)]


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

    answer({"version": side.version, "python": sys.version.split()[0], "numpy": np.__version__})
    step = None
    for line in sys.stdin:
        command = json.loads(line)
        if command["do"] == "prepare":
            step = side.prepare(command["what"], command["mode"])
            answer({"first": [float(side.read(step(*side.batches[i % BATCHES]))) for i in range(6)]})
        else:
            n, batches = command["steps"], side.batches
            side.synchronize()
            start = now()
            for i in range(n):
                result = step(*batches[i % BATCHES])
            side.synchronize()
            seconds = now() - start
            side.read(result)
            answer({"seconds": seconds})


if __name__ == "__main__":
    main()
