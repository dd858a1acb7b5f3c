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


@scenario
def recomputation_flags(library, nn, F, PF):
    """Which buffers each function finds and leaves freed, with the functions that backward runs again."""
    recorder = import_module(f"{library}.testing.clear_called_flag_recorder")

    def leaf(need_grad=True):
        return nn.Variable.from_numpy_array(np.linspace(0.1, 0.9, 6, dtype=np.float32).reshape(2, 3), need_grad=need_grad)

    def marked(v):
        return v.apply(recompute=True)

    def random(x):
        return F.sum(F.sin(marked(F.sin(F.dropout(marked(F.sin(x)), seed=1)))))

    def chain(x):
        return F.sin(marked(F.identity(F.sin(marked(F.sin(marked(F.identity(x))))))))

    def kept(x):
        h = marked(F.sin(marked(F.identity(x))))
        h.persistent = True
        return F.sin(marked(F.identity(h)))

    def branches(x):
        h = marked(F.exp(x))
        return F.sum(F.mul2(marked(F.sin(h)), marked(F.cos(h))))

    def no_gradient(x):
        return F.sum(F.sin(marked(F.mul2(x, F.sin(marked(F.sin(leaf(False))))))))

    def in_place(x):
        return F.sum(F.sin(marked(F.reshape(marked(F.sin(x)), (3, 2), inplace=True))))

    def normalized(x):
        with nn.recompute():
            h = F.relu(PF.batch_normalization(PF.affine(x, 5, name="a"), name="b"))
        return F.sum(F.sin(PF.affine(h, 2, name="c")))

    flags = []
    for network in (random, chain, kept, branches, no_gradient, in_place, normalized):
        for clear in (False, True):
            nn.clear_parameters()
            y = network(leaf())
            for run in (lambda: y.forward(clear_no_need_grad=clear), lambda: y.backward(clear_buffer=True)):
                recorder.activate_clear_called_flag_recorder()
                run()
                flags.append([recorder.get_input_clear_called_flags(), recorder.get_output_clear_called_flags()])
                recorder.deactivate_clear_called_flag_recorder()
    return flags
