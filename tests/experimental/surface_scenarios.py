"""Corners of the Python surface that programs and tests look at, alike on both libraries."""
from importlib import import_module

import numpy as np

SCENARIOS = {}


def scenario(f):
    def run(library):
        parts = ("", ".functions", ".parametric_functions")
        nn, F, PF = (import_module(library + part) for part in parts)
        nn.clear_parameters()
        return f(library, nn, F, PF)
    SCENARIOS[f.__name__] = run
    return f


def raises(call, *args, **kwargs):
    try:
        call(*args, **kwargs)
    except Exception as e:
        return type(e).__name__
    return None


@scenario
def array_preferences(library, nn, F, PF):
    context = import_module(f"{library}.ext_utils").get_extension_context
    seen = []
    for change in (lambda: None, lambda: nn.prefer_cached_array(False), lambda: nn.prefer_cached_array(True),
                   nn.reset_array_preference):
        change()
        seen.append([nn.array_classes(), context("cpu").array_class])
    nn.prefer_cached_array(True)
    return seen


@scenario
def unavailable_backends(library, nn, F, PF):
    x, seen = nn.Variable((2,)), []
    for backend in (["nonsense:float"], ["nonsense:float", "cpu:float"], ["cpu:nonsense"]):
        with nn.context_scope(nn.Context(backend, "CpuCachedArray", "0")):
            seen += [raises(F.relu, x), raises(F.relu, x.data)]
    return seen


@scenario
def absent_scales(library, nn, F, PF):
    x = nn.Variable((2, 4, 3, 3))
    graphs = []
    for options in ({}, {"no_scale": True}, {"no_bias": True}, {"no_scale": True, "no_bias": True}):
        for f in (PF.batch_normalization, PF.fused_batch_normalization):
            function = f(x, **options).parent
            graphs.append([function.name, [[list(v.shape), v.parent.name if v.parent is not None else None]
                                           for v in function.inputs]])
    return graphs


@scenario
def python_function_facts(library, nn, F, PF):
    class Scale(import_module(f"{library}.function").PythonFunction):
        def __init__(self, factor):
            super().__init__()
            self.factor = factor

        name = "Scale"
        args = property(lambda self: {"factor": self.factor})
        tags = property(lambda self: {"kind": "mine"})

        def min_outputs(self):
            return 1

        def grad_depends_output_data(self, i, o):
            return False

        def grad_depends_input_data(self, i, j):
            return False

        def setup_impl(self, inputs, outputs):
            outputs[0].reset_shape(inputs[0].shape, True)

        def forward_impl(self, inputs, outputs):
            outputs[0].d = inputs[0].d * self.factor

        def backward_impl(self, inputs, outputs, propagate_down, accum):
            if propagate_down[0]:
                inputs[0].g = outputs[0].g * self.factor + (inputs[0].g if accum[0] else 0)
    x = nn.Variable.from_numpy_array(np.arange(3, dtype=np.float32), need_grad=True)
    y = Scale(3)(x)
    y.forward()
    y.backward()
    f = y.parent
    return [y.d.copy(), x.g.copy(), f.name, f.info.type_name, f.info.args, f.info.tags, f.grad_depends_input_data(0, 0)]


@scenario
def chains_of_pairs(library, nn, F, PF):
    class Double(nn.Module):
        def call(self, x):
            return x * 2

    chain = nn.Sequential(("first", Double(), "unused"), ("second", Double()))
    y = chain(nn.Variable.from_numpy_array(np.ones(2, np.float32)))
    y.forward()
    return [list(chain.submodules), y.d.copy()]
