"""Converted networks compute what the network did, also where the original's converters fail or differ."""
import numpy as np
import pytest

import nnabla_compat as nn
import nnabla_compat.experimental.graph_converters as GC
import nnabla_compat.functions as F
import nnabla_compat.parametric_functions as PF
from nnabla_compat.utils import qnn


def bn(x, **options):
    return PF.batch_normalization(x, batch_stat=False, **options)


def check(network, modifiers, shape=(2, 4, 6, 6)):
    """The types of functions left, after comparing results."""
    nn.clear_parameters()
    rng = np.random.RandomState(0)
    x = nn.Variable(shape)
    x.d = rng.randn(*shape)
    y = network(x)
    for name, p in nn.get_parameters(grad_only=False).items():
        p.d = (rng.rand(*p.shape) + 0.5 if name.endswith("var") else rng.randn(*p.shape)).astype(np.float32)
    y.forward()
    before = y.d.copy()
    z = GC.GraphConverter(modifiers(x) if callable(modifiers) else modifiers).convert(y)
    z.forward()
    np.testing.assert_allclose(z.d, before, rtol=1e-3, atol=1e-3)
    types = []
    z.visit(lambda f: types.append(f.info.type_name))
    return types


LAYERS = {
    "affine": lambda x: PF.affine(x, 5),
    "affine with several output axes": lambda x: PF.affine(x, (5, 3, 2)),
    "convolution": lambda x: PF.convolution(x, 6, (3, 3), with_bias=False),
    "convolution, groups": lambda x: PF.convolution(x, 6, (3, 3), group=2),
    "convolution, channels last": lambda x: PF.convolution(x, 6, (3, 3), channel_last=True),
    "convolution, channels last, groups": lambda x: PF.convolution(x, 6, (3, 3), group=2, channel_last=True),
    "deconvolution": lambda x: PF.deconvolution(x, 6, (3, 3), with_bias=False),
    "deconvolution, groups": lambda x: PF.deconvolution(x, 6, (3, 3), group=2),
    "deconvolution, channels last": lambda x: PF.deconvolution(x, 6, (3, 3), channel_last=True),
}


@pytest.mark.parametrize("layer", LAYERS)
def test_folding_into_the_layer_before(layer):
    last = "last" in layer
    types = check(lambda x: F.tanh(bn(LAYERS[layer](x), axes=[3 if last else 1])),
                  [GC.BatchNormalizationFoldingModifier()],
                  (2, 6, 6, 4) if last else (2, 4, 6, 6))
    assert "BatchNormalization" not in types


@pytest.mark.parametrize("layer", [name for name in LAYERS if not name.startswith("deconvolution")])
def test_folding_into_the_layer_after(layer):
    last = "last" in layer
    types = check(lambda x: F.tanh(LAYERS[layer](bn(x, axes=[3 if last else 1]))),
                  [GC.BatchNormalizationFoldingModifier(opposite=True)], (2, 6, 6, 4) if last else (2, 4, 6, 6))
    assert "BatchNormalization" not in types


@pytest.mark.parametrize("group, last", [(1, False), (2, False), (1, True)])
def test_folding_into_a_deconvolution_after_it_is_exact_inside(group, last):
    nn.clear_parameters()
    rng = np.random.RandomState(0)
    x = nn.Variable.from_numpy_array(rng.randn(*((1, 7, 7, 4) if last else (1, 4, 7, 7))).astype(np.float32))
    y = PF.deconvolution(bn(x, axes=[3 if last else 1]), 4, (3, 3), group=group, channel_last=last)
    for name, p in nn.get_parameters(grad_only=False).items():
        p.d = rng.rand(*p.shape) + 0.5
    y.forward()
    before = y.d.copy()
    z = GC.GraphConverter([GC.BatchNormalizationFoldingModifier(True)]).convert(y)
    z.forward()
    inside = np.s_[:, 2:-2, 2:-2] if last else np.s_[:, :, 2:-2, 2:-2]
    np.testing.assert_allclose(z.d[inside], before[inside], rtol=1e-4)


def test_normalization_without_scale_or_bias_folds():
    types = check(lambda x: F.relu(bn(PF.convolution(x, 3, (1, 1)), no_scale=True, no_bias=True)),
                  [GC.BatchNormalizationFoldingModifier()])
    assert types == ["Convolution", "ReLU"]
    types = check(lambda x: F.relu(bn(x, no_bias=True)), [GC.BatchNormalizationSelfFoldingModifier()])
    assert types == ["Mul2", "Add2", "ReLU"]
    check(lambda x: F.relu(bn(x, no_scale=True)), [GC.BatchNormBatchStatModifier(), GC.NoGradModifier()])


def test_layers_that_others_read_are_left_alone():
    def network(x):
        h = PF.convolution(x, 4, (1, 1))
        return bn(h) + h

    assert "BatchNormalization" in check(network, [GC.BatchNormalizationFoldingModifier()])

    def network2(x):
        h = bn(x)
        return PF.convolution(h, 4, (1, 1)) + h

    assert "BatchNormalization" in check(network2, [GC.BatchNormalizationFoldingModifier(True)])


def images(x, last):
    axis = 3 if last else 1
    h = PF.convolution(x, 6, (3, 3), pad=(1, 1), channel_last=last)
    h = F.max_pooling(F.relu(bn(h, axes=[axis])), (2, 2), channel_last=last)
    h = F.concatenate(h, F.average_pooling(F.unpooling(h, (2, 2), channel_last=last), (2, 2), channel_last=last),
                      axis=axis)
    with nn.parameter_scope("up"):
        h = PF.deconvolution(h, 4, (2, 2), channel_last=last)
    with nn.parameter_scope("first"):
        h = PF.affine(h, 7)
    with nn.parameter_scope("second"):
        return PF.affine(bn(h), 3)


@pytest.mark.parametrize("last", [False, True])
def test_layouts(last):
    modifier = GC.ChannelFirstModifier if last else GC.ChannelLastModifier
    types = check(lambda x: images(x, last), lambda x: [modifier([x])], (2, 8, 8, 3) if last else (2, 3, 8, 8))
    assert "Transpose" not in types


def test_layout_and_back():
    nn.clear_parameters()
    x = nn.Variable.from_numpy_array(np.random.RandomState(0).randn(2, 3, 8, 8).astype(np.float32))
    y = F.relu(PF.convolution(x, 4, (3, 3)))
    there = GC.ChannelLastModifier([x])
    z = GC.GraphConverter([there]).convert(y)
    back = GC.GraphConverter([GC.ChannelFirstModifier(there.inputs_cl)]).convert(z)
    nn.forward_all([y, z, back])
    np.testing.assert_allclose(back.d, y.d, rtol=1e-5)
    np.testing.assert_allclose(z.d, y.d.transpose(0, 2, 3, 1), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("swapped", [False, True])
def test_fusing_keeps_trained_parameters(swapped):
    def network(x):
        a, b = bn(F.identity(x)), F.tanh(x)
        return F.relu(F.add2(b, a) if swapped else F.add2(a, b))

    types = check(network, [GC.FusedBatchNormalizationModifier()])
    assert "FusedBatchNormalization" in types and "Add2" not in types and len(nn.get_parameters(grad_only=False)) == 4
    types = check(network, [GC.FusedBatchNormalizationModifier(), GC.UnfusedBatchNormalizationModifier()])
    assert "FusedBatchNormalization" not in types


def test_several_outputs_of_a_function_and_python_functions_are_kept():
    class Twice(nn.function.PythonFunction):
        name = "Twice"

        def min_outputs(self):
            return 1

        def setup_impl(self, inputs, outputs):
            outputs[0].reset_shape(inputs[0].shape, True)

        def forward_impl(self, inputs, outputs):
            outputs[0].d = inputs[0].d * 2

    def network(x):
        a, b, c, d = F.split(Twice()(x), axis=1)
        return PF.affine(a * b + c * d, 3)

    types = check(network, [GC.IdentityModifier(), GC.NoGradModifier()])
    assert types.count("Split") == 1 and "Twice" in types


def test_a_leaf_stays_one_node_and_data_is_shared():
    nn.clear_parameters()
    x = nn.Variable((2, 3))
    z = GC.GraphConverter([GC.IdentityModifier()]).convert(F.relu(x) + F.tanh(x))
    inputs = [f.inputs[0] for f in (z.parent.inputs[0].parent, z.parent.inputs[1].parent)]
    assert inputs[0] is inputs[1] and inputs[0] == x and inputs[0] is not x
    x.d = 1
    z.forward()
    np.testing.assert_allclose(z.d, 1 + np.tanh(1), rtol=1e-6)


def test_modify_must_return_a_variable():
    class Wrong(GC.FunctionModifier):
        def modify(self, f, inputs):
            return 3

    with pytest.raises(ValueError, match="Variable"):
        GC.GraphConverter([Wrong()]).convert(F.relu(nn.Variable((2,))))


def test_identity_with_values_needs_equal_shapes():
    x = nn.Variable((2, 3))
    with pytest.raises(ValueError, match=r"\(2, 3\)"):
        GC.GraphConverter([GC.IdentityModifier({x: nn.Variable((4, 3))}, copy_value=True)]).convert(F.relu(x))


def test_recorders_pass_gradients_through():
    nn.clear_parameters()
    x = nn.Variable.from_numpy_array(np.float32([[-3, 2]]), need_grad=True)
    y = F.sum(qnn.MinMaxMinMaxRecorderCallback()(x, name="r") * 3)
    y.forward()
    y.backward()
    np.testing.assert_array_equal(x.g, 3)
    assert [p.d.item() for p in nn.get_parameters().values()] == [-3, 2]


def test_integer_precision_is_refused_with_the_reason():
    config = qnn.QATConfig()
    config.precision_mode = qnn.PrecisionMode.QNN
    with pytest.raises(NotImplementedError, match="SIM_QNN"):
        GC.QuantizeRecordingToTrainingModifier({}, config)


def test_training_goes_on_after_quantization():
    import nnabla_compat.solvers as S
    nn.clear_parameters()
    rng = np.random.RandomState(0)
    x, t = nn.Variable((8, 1, 6, 6)), nn.Variable((8, 1))
    x.d, t.d = rng.randn(*x.shape), rng.randint(0, 3, t.shape)
    with nn.parameter_scope("n"):
        h = F.relu(PF.batch_normalization(PF.convolution(x, 4, (3, 3))))
        h = F.relu(PF.convolution(h, 4, (3, 3), name="second"))
        pred = PF.affine(PF.affine(h, 8), 3, name="out")
    loss = F.mean(F.softmax_cross_entropy(pred, t))
    config = qnn.QATTensorRTConfig()
    config.ext_name, config.niter_to_recording, config.niter_to_training = "cpu", 3, 6
    config.learning_rate_scale = 1.0
    config.recorder_activation = qnn.MaxMaxRecorderCallback   # a moving average would need more steps
    solver = S.Momentum(0.05)
    solver.set_parameters(nn.get_parameters())
    scheduler = qnn.QATScheduler(config, solver)
    scheduler(pred)
    losses = []
    for _ in range(40):
        scheduler.step()
        loss.forward()
        losses.append(float(loss.d))
        solver.zero_grad()
        loss.backward()
        solver.update()
    assert scheduler.state is qnn.QNNState.TRAINING
    assert losses[-1] < 0.5 * losses[6] < losses[0]


def test_a_quantized_network_can_be_saved(tmp_path):
    pytest.importorskip("google.protobuf")
    from nnabla_compat.utils.nnp_graph import NnpLoader
    nn.clear_parameters()
    x = nn.Variable((2, 3, 6, 6))
    x.d = np.random.RandomState(0).randn(*x.shape)
    pred = PF.affine(F.relu(bn(PF.convolution(x, 4, (3, 3)))), 3)
    config = qnn.QATTensorRTConfig()
    config.ext_name, config.niter_to_recording, config.niter_to_training = "cpu", 0, 2
    config.skip_inputs_layers = config.skip_outputs_layers = []
    scheduler = qnn.QATScheduler(config)
    scheduler(pred)
    for _ in range(3):
        scheduler.step()
        pred.forward()
    assert np.isfinite(pred.d).all() and pred.d.any()
    with pytest.raises(RuntimeError, match="TRAINING"):
        qnn.QATScheduler(config).save(str(tmp_path / "early.nnp"), x, deploy=True)
    path = str(tmp_path / "net.nnp")
    scheduler.save(path, [x], batch_size=2, deploy=True)
    loaded = NnpLoader(path).get_network("net", batch_size=2)
    again = loaded.inputs["x0"]
    again.d = x.d
    y = loaded.outputs["y0"]
    y.forward()
    np.testing.assert_allclose(y.d, pred.d, rtol=1e-4, atol=1e-4)
