"""Converted networks, built alike by the real nnabla (to record) and by this package (to compare).

Each scenario takes the library's name and returns plain data; nothing here imports either library.
"""
import contextlib
import io
from importlib import import_module

import numpy as np

SCENARIOS = {}


class Library:
    def __init__(self, name):
        self.nn = import_module(name)
        self.F = import_module(f"{name}.functions")
        self.PF = import_module(f"{name}.parametric_functions")
        self.S = import_module(f"{name}.solvers")
        self.GC = import_module(f"{name}.experimental.graph_converters")
        self.qnn = import_module(f"{name}.utils.qnn")

    def bn(self, x, **options):
        return self.PF.batch_normalization(x, batch_stat=False, **options)

    def block(self, x):
        return self.F.relu(self.bn(self.PF.convolution(x, 4, (3, 3), pad=(1, 1), with_bias=False)))

    def two_blocks(self, x):
        h = self.block(x)
        with self.nn.parameter_scope("l2"):
            h = self.bn(self.PF.convolution(h, 5, (3, 3)), name="b2")
        return self.F.mean(h, axis=(2, 3))

    def set_parameters(self, plain_statistics=False):
        rng = np.random.RandomState(1)
        for name, p in self.nn.get_parameters(grad_only=False).items():
            values = rng.rand(*p.shape) + 0.5 if name.endswith("var") else rng.randn(*p.shape)
            if plain_statistics and name.endswith("gamma"):
                values = np.ones(p.shape)
            if plain_statistics and name.endswith("var"):
                values = np.full(p.shape, 1 - 1e-5)
            p.d = values.astype(np.float32)

    def parameters(self):
        return [[name, p.shape, p.need_grad, float(np.abs(p.d).sum())]
                for name, p in self.nn.get_parameters(grad_only=False).items()]


def described(y):
    functions = []
    y.visit(lambda f: functions.append([f.info.type_name, [v.shape for v in f.inputs],
                                        [v.need_grad for v in f.inputs]]))
    return functions


def converted(library, network, convert, shape=(2, 3, 8, 8), run=True, **options):
    """The new network, what it computes, whether that is the same as before, and the parameters there are now."""
    library.nn.clear_parameters()
    x = library.nn.Variable(shape)
    x.d = np.random.RandomState(0).randn(*shape)
    y = network(library, x)
    library.set_parameters(**options)
    before = None
    if run:
        y.forward()
        before = y.d.copy()
    z = convert(library, x, y)
    z.forward()
    same = bool(np.allclose(before, z.d, atol=1e-4)) if run else None
    # without a run: for layouts, where the original names the parameters of all affine layers alike
    return described(z), z.d, same, [p if run else p[1:] for p in library.parameters()]


def scenario(network, **options):
    def register(convert):
        SCENARIOS[convert.__name__] = lambda name: converted(Library(name), network, convert, **options)
        return convert
    return register


def by(modifiers):
    return lambda library, x, y: library.GC.GraphConverter(modifiers(library.GC)).convert(y)


def simple(name, network, modifiers, **options):
    convert = by(modifiers)
    convert.__name__ = name
    scenario(network, **options)(convert)


simple("folding", Library.two_blocks, lambda GC: [GC.BatchNormalizationFoldingModifier()])
simple("folding_deconvolution", lambda n, x: n.bn(n.PF.deconvolution(x, 3, (3, 3))),
       lambda GC: [GC.BatchNormalizationFoldingModifier(opposite=False)])
# The original multiplies the bias it makes by the scale twice: equal results need scales of 1.
simple("opposite_folding", lambda n, x: n.F.relu(n.PF.convolution(n.bn(n.F.identity(x)), 4, (3, 3))),
       lambda GC: [GC.BatchNormalizationFoldingModifier(opposite=True)], plain_statistics=True)
simple("opposite_folding_with_bias", 
       lambda n, x: n.F.relu(n.PF.convolution(n.bn(n.F.identity(x)), 4, (3, 3), with_bias=False)),
       lambda GC: [GC.BatchNormalizationFoldingModifier(True)], plain_statistics=True)
simple("self_folding", Library.two_blocks, lambda GC: [GC.BatchNormalizationSelfFoldingModifier()])
simple("self_folding_named", Library.two_blocks, lambda GC: [GC.BatchNormalizationSelfFoldingModifier("other")])
simple("batch_stat", lambda n, x: n.F.relu(n.PF.batch_normalization(x)), lambda GC: [GC.BatchNormBatchStatModifier()])
simple("batch_stat_fused", lambda n, x: n.PF.fused_batch_normalization(x, n.F.identity(x)),
       lambda GC: [GC.BatchNormBatchStatModifier()])
simple("test_mode", lambda n, x: n.F.relu(n.F.dropout(n.PF.batch_normalization(x))),
       lambda GC: GC.TestModeModifier(["Dropout"]))
simple("removed", lambda n, x: n.F.relu(n.F.dropout(n.F.add2(x, x))),
       lambda GC: [GC.RemoveFunctionModifier(["Dropout", "ReLU"])])
simple("no_grad", Library.two_blocks, lambda GC: [GC.NoGradModifier()])
simple("pruned", lambda n, x: n.PF.affine(n.two_blocks(x), 4), lambda GC: [GC.PruningModifier(20.)])
simple("pruned_types", lambda n, x: n.PF.affine(n.two_blocks(x), 4),
       lambda GC: [GC.PruningModifier(5., ("Affine", "ReLU"))])
simple("unfused", lambda n, x: n.PF.fused_batch_normalization(x, n.F.identity(x), batch_stat=False),
       lambda GC: [GC.UnfusedBatchNormalizationModifier()])
simple("nested_lists", Library.two_blocks, lambda GC: [[GC.BatchNormBatchStatModifier()], [GC.NoGradModifier(), []]])


@scenario(Library.two_blocks)
def identity(n, x, y):
    other = n.nn.Variable(x.shape)
    other.d = 1
    return n.GC.GraphConverter([n.GC.IdentityModifier({x: other})]).convert(y)


@scenario(Library.two_blocks)
def identity_with_values(n, x, y):
    other = n.nn.Variable(x.shape)
    return n.GC.GraphConverter([n.GC.IdentityModifier({x: other}, copy_value=True)]).convert(y)


@scenario(Library.two_blocks)
def two_outputs(n, x, y):
    both = n.GC.GraphConverter([n.GC.BatchNormBatchStatModifier()]).convert([y, n.F.relu(y)])
    assert isinstance(both, list) and both[1].parent.inputs[0] == both[0]
    return both[1]


def _last(n, x):
    h = n.F.relu(n.bn(n.PF.convolution(n.F.identity(x), 4, (3, 3), channel_last=True), axes=[3]))
    h = n.F.max_pooling(n.F.concatenate(h, h, axis=3), (2, 2), channel_last=True)
    return n.PF.affine(h, 5)


# The original can't run channel-last layers on a CPU: only the result in the other layout can be recorded.
@scenario(_last, shape=(2, 8, 8, 3), run=False)
def channel_first(n, x, y):
    return n.GC.GraphConverter([n.GC.ChannelFirstModifier([x])]).convert(y)


def channel_last(name):
    n = Library(name)
    n.nn.clear_parameters()
    x = n.nn.Variable((2, 3, 8, 8))
    h = n.F.max_pooling(n.block(n.F.identity(x)), (2, 2))
    y = n.PF.affine(n.F.concatenate(h, h, axis=1), 5)
    n.set_parameters()
    modifier = n.GC.ChannelLastModifier([x])
    z = n.GC.GraphConverter([modifier]).convert(y)
    return described(z), [v.shape for v in modifier.inputs_cl], [p[2:] for p in n.parameters()]


SCENARIOS["channel_last"] = channel_last


def fused(name):
    n = Library(name)
    n.nn.clear_parameters()
    x = n.nn.Variable((2, 3, 4, 4))
    x.d = np.random.RandomState(0).randn(*x.shape)
    y = n.F.relu(n.bn(n.F.identity(x)) + n.F.identity(x))   # parameters as initialized: the original makes new ones
    z = n.GC.GraphConverter([n.GC.FusedBatchNormalizationModifier()]).convert(y)
    z.forward()
    return described(z), z.d


SCENARIOS["fused"] = fused


@scenario(Library.two_blocks)
def custom_modifier(n, x, y):
    class Doubled(n.GC.FunctionModifier):
        def modify(self, f, inputs):
            if f.info.type_name == "ReLU":
                return n.F.leaky_relu(inputs[0], 0.5) * 2

    return n.GC.GraphConverter([Doubled()]).convert(y)


def quantized(name, branches=True, **settings):
    """Without branches where the order of a variable's readers matters: in the original it is that of a hash table."""
    n = Library(name)
    n.nn.clear_parameters()

    class Config(n.qnn.QATTensorRTConfig):
        ext_name = "cpu"
        niter_to_recording = 1
        niter_to_training = 3

    for key, value in settings.items():
        setattr(Config, key, value(n.qnn) if callable(value) else value)
    x = n.nn.Variable((2, 3, 8, 8))
    h = n.block(x)
    for i in range(2):
        with n.nn.parameter_scope(f"q{i}"):
            g = n.bn(n.PF.convolution(h, 4, (3, 3), pad=(1, 1)))
            h = n.F.relu(g + h if branches else g + n.nn.Variable(g.shape))
    y = n.PF.affine(n.PF.affine(n.F.relu(h), 4), 3, name="last")
    n.set_parameters()
    solver = n.S.Sgd(0.5)
    solver.set_parameters(n.nn.get_parameters())
    scheduler = n.qnn.QATScheduler(Config(), solver)
    scheduler(y)
    states = []
    for i in range(5):
        with contextlib.redirect_stdout(io.StringIO()):
            scheduler.step()
        x.d = np.random.RandomState(i).randn(*x.shape)
        y.forward()
        states.append([scheduler.state.name, described(y), y.d.copy(), float(solver.learning_rate()), y.need_grad])
    return states, n.parameters()


def _recorders(activation, weight):
    return {"recorder_activation": lambda q: getattr(q, activation), "recorder_weight": lambda q: getattr(q, weight)}


SCENARIOS["quantization_aware_training"] = quantized
SCENARIOS["quantization_without_folding"] = lambda name: quantized(name, bn_folding=False, bn_self_folding=False)
SCENARIOS["quantization_all_layers"] = lambda name: quantized(
    name, False, record_layers=[], skip_inputs_layers=[], skip_outputs_layers=[],
    pow2=lambda q: q.QATConfig.RoundingMethod.NOTROUND)
SCENARIOS["quantization_min_max"] = lambda name: quantized(
    name, narrow_range=True, **_recorders("MinMaxMvaRecorderCallback", "AbsMaxRecorderCallback"))
SCENARIOS["quantization_recording_outputs"] = lambda name: quantized(
    name, False, recorder_position=lambda q: q.QATConfig.RecorderPosition.BOTH, skip_bias=True,
    round_mode="HALF_AWAY_FROM_ZERO",
    **_recorders("MaxMaxRecorderCallback", "MaxMaxRecorderCallback"))


def scheduler_errors(name):
    n = Library(name)
    errors = []
    for recording, training in ((0, -1), (-1, 3), (3, 3), (4, 3), (0, 1)):
        config = n.qnn.QATConfig()
        config.niter_to_recording, config.niter_to_training = recording, training
        try:
            n.qnn.QATScheduler(config)
            errors.append("none")
        except Exception as error:
            errors.append(type(error).__name__)
    return errors


SCENARIOS["scheduler_errors"] = scheduler_errors
