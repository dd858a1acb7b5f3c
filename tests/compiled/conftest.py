"""What the tests of compiled graphs share. Most of them need no machine code: they run the traced graph itself."""
import shutil

import numpy as np
import pytest

import nnabla_compat as nn
from nnabla_compat.compilation import code

needs_compiler = pytest.mark.skipif(not any(map(shutil.which, ("g++", "clang++", "c++", "cl"))), reason="there is no C++ compiler")


@pytest.fixture(autouse=True)
def fresh():
    nn.clear_parameters()
    nn.seed(313)
    code.clear_cache()
    yield
    nn.clear_parameters()


@pytest.fixture
def traced(monkeypatch):
    """Stops before inductor; gives the list of traced graphs, updates of solvers left out."""
    graphs = []

    def stop_at_graph(function, examples, options):
        from torch.fx.experimental.proxy_tensor import make_fx
        graph = make_fx(function, tracing_mode="fake")(*examples)
        if "UpdateCode" not in function.__qualname__:
            graphs.append(graph)
        return lambda tensors: graph(*tensors)
    monkeypatch.setattr(code, "machine_code", stop_at_graph)
    return graphs


class Loop:
    """A network in training: ``step()`` gives the loss; the same calls give the same data.

    Args:
        build (callable): ``build(x)`` gives scores.
        solver (Solver): Its parameters are set here.
    """

    def __init__(self, build, solver, x_shape=(8, 6), classes=4):
        import nnabla_compat.functions as F
        nn.clear_parameters()
        nn.seed(313)
        self.rng = np.random.RandomState(0)
        self.x, self.t = nn.Variable(x_shape), nn.Variable((x_shape[0], 1))
        self.classes = classes
        self.scores = build(self.x)
        self.loss = F.mean(F.softmax_cross_entropy(self.scores, self.t))
        self.solver = solver
        if solver is not None:
            solver.set_parameters(nn.get_parameters())

    def feed(self):
        self.x.d = self.rng.randn(*self.x.shape)
        self.t.d = self.rng.randint(0, self.classes, self.t.shape)

    def forward(self, **flags):
        self.feed()
        self.loss.forward(**(flags or {"clear_no_need_grad": True}))

    def step(self, clear_buffer=True, grad=1):
        self.forward()
        self.solver.zero_grad()
        self.loss.backward(grad, clear_buffer=clear_buffer)
        self.solver.weight_decay(1e-3)
        self.solver.update()
        return float(self.loss.d)

    def parameters(self):
        return {k: np.array(v.d) for k, v in nn.get_parameters(grad_only=False).items()}


def assert_same(actual, expected, tolerance=1e-5):
    assert actual.keys() == expected.keys()
    for key, value in expected.items():
        np.testing.assert_allclose(actual[key], value, rtol=tolerance, atol=tolerance, err_msg=key)
