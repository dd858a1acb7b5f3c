"""Uses of nnabla.experimental, run alike on the real nnabla (to record) and on this package (to compare).

Each scenario takes the library's name and returns plain data; nothing here imports either library.
"""
import sys
import types
from importlib import import_module

import numpy as np

from . import description_scenarios, registry_scenarios, surface_scenarios

SCENARIOS = {**registry_scenarios.SCENARIOS, **description_scenarios.SCENARIOS, **surface_scenarios.SCENARIOS}


def scenario(f):
    SCENARIOS[f.__name__] = f
    return f


class Digraph:
    """Stands for graphviz: keeps what is drawn, with nodes numbered in order."""

    def __init__(self, format=None):
        self.lines, self.names = [["graph", format]], {}

    def _name(self, name):
        return name if "-" not in name or not name.split("-")[0].lstrip("-").isdigit() else (
            self.names.setdefault(name, f"v{len(self.names)}"))

    def attr(self, kind, **attributes):
        self.lines.append(["attr", kind, attributes])

    def node(self, name, **attributes):
        self.lines.append(["node", self._name(name), attributes])

    def edge(self, tail, head):
        self.lines.append(["edge", self._name(tail), self._name(head)])

    def render(self, *args, **kwargs):
        Digraph.rendered.append([self.lines[0], args, kwargs])

    def view(self, *args, **kwargs):
        Digraph.rendered.append([self.lines[0], args, kwargs])


@scenario
def drawings(library):
    nn, F, PF = (import_module(f"{library}{m}") for m in ("", ".functions", ".parametric_functions"))
    viewers = import_module(f"{library}.experimental.viewers")
    nn.clear_parameters()
    x = nn.Variable((2, 3, 6, 6))
    x.name = "image"
    with nn.parameter_scope("block"):
        h = F.relu(PF.batch_normalization(PF.convolution(x, 4, (3, 3), name="c"), name="n"))
    h = F.max_pooling(h, (2, 2)) * 2
    y = PF.affine(h, 3) + nn.Variable((2, 3), need_grad=True)
    fake = types.ModuleType("graphviz")
    fake.Digraph = Digraph
    before, sys.modules["graphviz"] = sys.modules.get("graphviz"), fake
    Digraph.rendered = []
    try:
        graphs = [viewers.SimpleGraph(**options).create_graphviz_digraph(y).lines for options in (
            {}, {"verbose": True, "format": "svg"},
            {"fname_color_map": {"Affine-1": "gold"}, "vname_color_map": {"image": "cyan"}})]
        viewer = viewers.SimpleGraph("pdf")
        viewer.save(y, "there", cleanup=True)
        viewer.save(y, "there", format="gif")
        viewer.view(y, "here")
        viewer.view(y, params={}, cleanup=False)
    finally:
        sys.modules.pop("graphviz")
        if before is not None:
            sys.modules["graphviz"] = before
    return graphs, Digraph.rendered


@scenario
def loss_scaling(library):
    nn, F, S = (import_module(f"{library}{m}") for m in ("", ".functions", ".solvers"))
    training = import_module(f"{library}.experimental.mixed_precision_training")
    results = []
    for options in ({}, {"accum_grad": 2, "weight_decay": 0.1, "scale": 64.0, "scaling_factor": 4.0,
                         "clear_buffer": False}):
        w = nn.Variable.from_numpy_array(np.float32([1, 2]), need_grad=True)
        x = nn.Variable((2,))
        feeds = iter([1, 1e38, 1, 1, 1, 2, np.inf, 3, 1, 1] + [1] * 40)

        def feed():
            x.d = next(feeds)

        loss = F.sum(w * x)
        solver = S.Sgd(0.1)
        solver.set_parameters({"w": w})
        updater = training.DynamicLossScalingUpdater(solver, loss, feed, N=2, **options)
        for _ in range(8):
            updater.update()
            results.append([updater.scale, w.d.copy(), updater._counter])

    def never():
        x.d = np.inf

    updater = training.DynamicLossScalingUpdater(solver, loss, never, scale=1.0)
    before = w.d.copy()
    updater.update()
    return results, bool((w.d == before).all()), np.log2(updater.scale)


@scenario
def framework_order(library):
    nn, F, S = (import_module(f"{library}{m}") for m in ("", ".functions", ".solvers"))
    framework = import_module(f"{library}.experimental.framework")
    calls = []

    class Worker(framework.Worker):
        def __getattribute__(self, name):
            value = object.__getattribute__(self, name)
            if not callable(value) or name.startswith("__") or name in ("_loopCallbackCondition", "_force_to_list"):
                return value

            def called(*args, **kwargs):
                calls.append([name, list(args)])
                return value(*args, **kwargs)
            return called

        def load_checkpoint(self):
            return 3

        def _graph_init(self):
            self.w = nn.Variable.from_numpy_array(np.float32([1, 2]), need_grad=True)

        def _loss_init(self):
            self._loss = F.sum(self.w * self.w)

        def _solver_init(self):
            self._solver = S.Sgd(0.25)
            self._solver.set_parameters({"w": self.w})

        def _comm_init(self):
            self._comm = None

        def brief(self):
            return "short"

    worker = Worker(None, max_epoch=2, iter_per_epoch=2)
    trainer = framework.Trainer(worker)
    trainer.train()
    return calls, worker.w.d, trainer.start_epoch, trainer.brief()


@scenario
def framework_updater(library):
    updater = import_module(f"{library}.experimental.framework.updater")
    evaluator = import_module(f"{library}.experimental.framework.evaluator")
    calls = []

    def note(name):
        return lambda *args: calls.append([name, list(args)])

    step = updater.Updater(note("feed"), note("zero"), note("update"), note("forward"), note("backward"),
                           loss_forward_callback_on_start=[note("a"), note("b")],
                           solver_update_callback_on_finish=note("c"),
                           comm_all_reduce=note("reduce"), comm_all_reduce_callback_on_start=note("d"), accum_grad=2,
                           comm=object(), grads=[1])
    step.update(5, 6)
    updater.Updater(note("feed"), note("zero"), note("update")).update(0, 0)
    evaluator.Evaluator(note("feed"), note("forward"), note("start"), [note("end"), note("end2")],
                        val_iter=2).evaluate(4)
    return calls


@scenario
def framework_data(library):
    nn = import_module(library)
    data = import_module(f"{library}.experimental.framework.data")
    source = import_module(f"{library}.utils.data_source")
    iterator = import_module(f"{library}.utils.data_iterator")

    class Numbers(data.Data):
        class CustomDataSource(source.DataSource):
            def __init__(self):
                super().__init__(shuffle=False)
                self._size, self._variables = 4, ("x",)

            def _get_data(self, position):
                return (np.float32([position]),)

        def __data_iterator__(self, data_source):
            return iterator.data_iterator(data_source, 2, with_memory_cache=False, with_file_cache=False)

        def next(self):
            return self._data_iterator.next()

    numbers = Numbers()
    batches = [numbers.next()[0] for _ in range(3)]
    numbers._data_iterator.close()
    return batches, data.Data.reset(numbers), data.Data.size(numbers), nn.__version__
