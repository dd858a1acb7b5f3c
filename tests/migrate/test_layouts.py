"""The table of layouts, row by row: a parametric function and the layer of torch.nn it names compute the same."""
import numpy as np
import pytest
import torch

import nnabla_compat as nn
import nnabla_compat.parametric_functions as PF
from nnabla_compat.files.records import ParameterRecord
from nnabla_compat.migrate import layouts
from nnabla_compat.migrate.name_map import NameMap
from nnabla_compat.migrate.parameter_conversion import to_nnabla, to_torch

IMAGE = (2, 4, 7, 6)
SEQUENCE = (5, 2, 3)

CASES = {
    "affine": (IMAGE, lambda x: PF.affine(x, 5), lambda: torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(168, 5))),
    "conv": (IMAGE, lambda x: PF.convolution(x, 6, (3, 3), group=2), lambda: torch.nn.Conv2d(4, 6, 3, groups=2)),
    "deconv": (IMAGE, lambda x: PF.deconvolution(x, 6, (3, 3), group=2), lambda: torch.nn.ConvTranspose2d(4, 6, 3, groups=2)),
    "depthwise_conv": (IMAGE, lambda x: PF.depthwise_convolution(x, (3, 3), multiplier=2),
                       lambda: torch.nn.Conv2d(4, 8, 3, groups=4)),
    "depthwise_deconv": (IMAGE, lambda x: PF.depthwise_deconvolution(x, (3, 3)),
                         lambda: torch.nn.ConvTranspose2d(4, 4, 3, groups=4)),
    "embed": ((2, 3), lambda x: PF.embed(x, 7, 5), lambda: torch.nn.Embedding(7, 5)),
    "bn": (IMAGE, lambda x: PF.batch_normalization(x, batch_stat=False), lambda: torch.nn.BatchNorm2d(4)),
    "instance_normalization": (IMAGE, PF.instance_normalization, lambda: torch.nn.InstanceNorm2d(4, affine=True)),
    "group_normalization": (IMAGE, lambda x: PF.group_normalization(x, 2), lambda: torch.nn.GroupNorm(2, 4)),
    "layer_normalization": (IMAGE, PF.layer_normalization, lambda: torch.nn.LayerNorm(IMAGE[1:])),
    "prelu": (IMAGE, PF.prelu, torch.nn.PReLU),
    "rnn": (SEQUENCE, lambda x: PF.rnn(x, nn.Variable.from_numpy_array(np.zeros((2, 2, 2, 4), np.float32)), num_layers=2,
                                       bidirectional=True)[0],
            lambda: torch.nn.RNN(3, 4, 2, bidirectional=True)),
    "lstm": (SEQUENCE, lambda x: PF.lstm(x, *[nn.Variable.from_numpy_array(np.zeros((2, 2, 2, 4), np.float32))] * 2,
                                         num_layers=2, bidirectional=True)[0],
             lambda: torch.nn.LSTM(3, 4, 2, bidirectional=True)),
    "gru": (SEQUENCE, lambda x: PF.gru(x, nn.Variable.from_numpy_array(np.zeros((3, 1, 2, 4), np.float32)), num_layers=3)[0],
            lambda: torch.nn.GRU(3, 4, 3)),
}


@pytest.fixture(autouse=True)
def clean():
    nn.clear_parameters()
    yield
    nn.clear_parameters()


def test_every_row_has_a_case():
    assert set(CASES) == set(layouts.BY_SCOPE) and len(layouts.BY_SCOPE) == len(layouts.LAYOUTS)


@pytest.mark.parametrize("scope", CASES)
def test_row(scope):
    rng = np.random.RandomState(0)
    shape, call, make = CASES[scope]
    x = nn.Variable.from_numpy_array(rng.randint(0, 7, shape) if scope == "embed" else rng.randn(*shape).astype(np.float32))
    y = call(x)
    for parameter in nn.get_parameters(grad_only=False).values():    # variances among them: positive
        parameter.d = np.abs(rng.randn(*parameter.shape)) * .3 + .1
    y.forward()
    records = [ParameterRecord(k, v.d.copy(), v.need_grad) for k, v in nn.get_parameters(grad_only=False).items()]
    assert {r.name.split("/")[0] for r in records} == {scope}
    made = to_torch(records, "torch")
    assert not made.unchanged
    module = make().eval()
    arrays = {name.partition(".")[2]: torch.from_numpy(a.copy()) for name, a in made.arrays.items()}
    layer = module[1] if isinstance(module, torch.nn.Sequential) else module
    own = {k for k in layer.state_dict() if k not in layouts.DROPPED}
    assert set(arrays) == own
    layer.load_state_dict(arrays, strict=False)
    tensor = torch.from_numpy(x.d.copy())
    with torch.no_grad():
        out = module(tensor.long() if scope == "embed" else tensor)
    out = out[0] if isinstance(out, tuple) else out
    np.testing.assert_allclose(out.numpy(), y.d, atol=2e-6)
    # And back, knowing the shapes.
    back = to_nnabla(made.arrays, "torch", NameMap(shapes={r.name: r.values.shape for r in records})).records
    assert {r.name: r.need_grad for r in back} == {r.name: r.need_grad for r in records}
    for record in records:
        np.testing.assert_array_equal(next(r.values for r in back if r.name == record.name), record.values)


def test_biases_of_a_torch_lstm_are_added():
    torch.manual_seed(0)
    layer = torch.nn.LSTM(3, 4)
    arrays = {"lstm." + k: v.detach().numpy() for k, v in layer.state_dict().items()}
    bias = next(r.values for r in to_nnabla(arrays, "torch").records if r.name == "lstm/bias")
    np.testing.assert_array_equal(bias.reshape(-1), (layer.bias_ih_l0 + layer.bias_hh_l0).detach().numpy())


def test_table_names_every_leaf():
    text = "\n".join(layouts.table())
    assert all(row.scope in text and all(f"{leaf.nnabla} -> {leaf.torch}" in text for leaf in row.leaves)
               for row in layouts.LAYOUTS)
