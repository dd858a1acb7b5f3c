"""What load makes of the parts of a file, and of files of earlier versions."""
import io

import numpy as np
import pytest

import nnabla_compat as nn
import nnabla_compat.functions as F
import nnabla_compat.parametric_functions as PF
from nnabla_compat.core import graph_def
from nnabla_compat.files.errors import FileFormatError
from nnabla_compat.function import PythonFunction
from nnabla_compat.utils.learning_rate_scheduler import (CosineScheduler, ExponentialScheduler, LinearWarmupScheduler,
                                                         PolynomialScheduler, StepScheduler)
from nnabla_compat.utils.load import load
from nnabla_compat.utils.nnp_graph import NnpLoader

NETWORK = """
network { name: "n" batch_size: 2
  variable { name: "x" type: "Buffer" shape { dim: -1 dim: 3 } }
  variable { name: "y" type: "Buffer" shape { dim: -1 dim: 4 } }
  variable { name: "z" type: "Buffer" shape { dim: -1 dim: 4 } }
  variable { name: "a[0]/W" type: "Parameter" shape { dim: 3 dim: 4 } initializer { type: "Constant" multiplier: 0.5 } }
  variable { name: "b" type: "Parameter" shape { dim: 4 } }
  function { name: "f" type: "Affine" input: "x" input: "a[0]/W" input: "b" output: "y" affine_param { base_axis: 1 } }
  function { name: "g" type: "ReLU" input: "y" output: "z" }
}
"""
OPTIMIZER = """
optimizer { name: "o" network_name: "n" loss_variable { variable_name: "z" } solver { %s }
  parameter_variable { variable_name: "a{loop}/W" learning_rate_multiplier: 1 }
  parameter_variable { variable_name: "b" learning_rate_multiplier: 0 } }
"""


def read(more="", network=NETWORK, **options):
    return load(io.StringIO(network + more), **options)


def optimizer(solver):
    return read(OPTIMIZER % solver).optimizers["o"]


def test_components():
    info = read("""
        dataset { name: "d" uri: "data.csv" batch_size: 2 no_image_normalization: true }
        monitor { name: "m" network_name: "n" dataset_name: "d" data_variable { variable_name: "x" data_name: "image" }
                  monitor_variable { variable_name: "z" } }
        executor { name: "e" network_name: "n" need_back_propagation: true num_evaluations: 0
                   generator_variable { variable_name: "x" type: "Uniform" multiplier: 2 }
                   output_variable { variable_name: "z" type: "t" data_name: "out" } loss_variable { variable_name: "z" }
                   parameter_variable { variable_name: "b" learning_rate_multiplier: 0.5 } }""", prepare_data_iterator=None)
    assert info.datasets["d"].data_iterator is None and not info.datasets["d"].normalize
    monitor, executor = info.monitors["m"], info.executors["e"]
    assert [(v.name, d) for v, d in monitor.dataset_assign.items()] == [("x", "image")]
    assert [v.name for v in monitor.monitor_variables] == ["z"] and monitor.data_iterators == {"d": None}
    assert executor.num_evaluations == 1
    (v, generator), = executor.generator_assign.items()
    v.variable_instance.d = generator(v.variable_instance.shape)
    executor.forward_target.forward()
    (z, assigned), = executor.output_assign.items()
    assert assigned == ["t", "out"] and z.variable_instance.shape == (2, 4)
    assert {v.name: m for v, m in executor.parameter_learning_rate_multipliers.items()} == {"b": 0.5}
    assert {v.name: n for v, n in executor.parameters.items()} == {"b": "b"}
    executor.backward_target.forward()
    executor.backward_target.backward()
    assert not hasattr(info, "training_config")


def test_optimizer():
    o = optimizer('type: "Momentum" momentum_param { lr: 0.5 momentum: 0.25 } weight_decay: 0.125')
    assert o.solver.info == {"lr": 0.5, "momentum": 0.25} and o.weight_decay == 0.125
    assert (o.lr_decay, o.lr_decay_interval, o.update_interval, o.start_iter, o.end_iter) == (1.0, 1, 1, 0, 0)
    assert list(o.parameters) == list(o.solver.get_parameters()) == ["a[0]/W"]
    np.testing.assert_array_equal(o.loss_variables[0].variable_instance.g, np.full((2, 4), 1 / 8, np.float32))
    assert o.target is o.loss_variables[0].variable_instance
    assert nn.get_parameters()["a[0]/W"].d[0, 0] == 0.5


def test_solver_without_arguments_gets_the_defaults():
    assert optimizer('type: "AdamW"').solver.info["alpha"] == pytest.approx(1e-3)
    assert optimizer('type: "SGD" sgd_param { lr: 2 }').solver.info == {"lr": 2.0}
    with pytest.raises(ValueError, match='Solver "Eve" is not supported'):
        optimizer('type: "Eve"')


SCHEDULERS = [
    ("lr_decay: 0.5 lr_decay_interval: 2", ExponentialScheduler, [1, 1, .5, .5, .25]),
    ('lr_scheduler_type: "Polynomial" polynomial_scheduler_param { max_iter: 4 power: 2 }', PolynomialScheduler,
     [1, .5625, .25, .0625, 0]),
    ('lr_scheduler_type: "Cosine" cosine_scheduler_param { max_iter: 4 }', CosineScheduler, [1, .853553, .5, .146447, 0]),
    ('lr_scheduler_type: "Exponential" exponential_scheduler_param { gamma: 0.5 iter_interval: 3 }', ExponentialScheduler,
     [1, 1, 1, .5, .5]),
    ('lr_scheduler_type: "Step" step_scheduler_param { gamma: 0.5 iter_steps: 1 iter_steps: 3 }', StepScheduler,
     [1, .5, .5, .25, .25]),
    ('lr_warmup_scheduler_type: "Linear" linear_warmup_scheduler_param { warmup_iter: 2 }', LinearWarmupScheduler,
     [.5, 1, 1, 1, 1]),
    ("", ExponentialScheduler, [1, 1, 1, 1, 1]),
]


@pytest.mark.parametrize("text, kind, rates", SCHEDULERS)
def test_schedulers(text, kind, rates):
    scheduler = optimizer('type: "Sgd" sgd_param { lr: 1 } ' + text).scheduler
    assert type(scheduler) is kind
    np.testing.assert_allclose([scheduler.get_learning_rate(i) for i in range(5)], rates, atol=1e-6)


CONTEXTS = [
    ('backends: "cpu:half" backends: "cpu:float"', ["cpu:half", "cpu:float"]),
    ('backend: "cpu" array_class: "CpuArray"', ["cpu:float"]),
]


@pytest.mark.parametrize("text, backends", CONTEXTS)
def test_contexts(text, backends):
    info = read("global_config { default_context { %s } }" % text)
    assert info.default_context.backend == info.global_config.default_context.backend == backends
    assert nn.get_current_context().backend == backends


@pytest.mark.parametrize("text", ['backends: "cudnn:float" device_id: "99"', 'backend: "cpu|cuda" compute_backend: "default|cudnn"'])
def test_contexts_that_are_not_there_fall_back(text, monkeypatch):
    import torch
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert read("global_config { default_context { %s } }" % text).default_context.backend == ["cpu:float"]


WRONG = [
    ('executor { name: "e" network_name: "q" }', KeyError, "is to run network 'q', there are: n"),
    ('executor { name: "e" network_name: "n" output_variable { variable_name: "q" } }', KeyError, "uses variable 'q'"),
    ('executor { name: "e" network_name: "n" parameter_variable { variable_name: "q{i}" } }', ValueError, 'Variable "q{i}" is not found'),
    ('monitor { name: "m" network_name: "n" dataset_name: "q" }', KeyError, "is to read data set 'q'"),
    ('executor { name: "e" network_name: "n" generator_variable { variable_name: "x" type: "Q" } }', ValueError, 'Generator type "Q"'),
    (OPTIMIZER % 'type: "Sgd" lr_scheduler_type: "Custom"', NotImplementedError, "'Custom' is not supported"),
    (OPTIMIZER % 'type: "Sgd" lr_scheduler_type: "Q"', ValueError, 'Scheduler "Q" is not supported'),
    ("global_config { default_context { } }", ValueError, "Invalid context"),
    ('network { name: "m" function { name: "f" type: "ReLU" input: "x" output: "y" } }', KeyError, "declared neither as Buffer"),
    ('network { name: "m" variable { name: "x" type: "Buffer" } function { name: "f" type: "Foo" input: "x" output: "x" } }',
     ValueError, 'Function "Foo" is not supported'),
    ('network { name: "m" variable { name: "x" type: "Buffer" shape { dim: 2 } } variable { name: "y" type: "Buffer" } '
     'variable { name: "z" type: "Buffer" } function { name: "f" type: "ReLU" input: "z" output: "y" } '
     'function { name: "g" type: "Add2" input: "y" input: "x" output: "z" } variable { name: "w" type: "Buffer" }'
     'function { name: "h" type: "ReLU" input: "y" output: "w" } }', ValueError, "depends on its own output"),
    ('network { name: "m" variable { name: "x" type: "Buffer" shape { dim: 2 } } variable { name: "y" type: "Buffer" } '
     'function { name: "f" type: "ReLU" input: "x" output: "y" } function { name: "g" type: "ReLU" input: "x" output: "y" } }',
     ValueError, "is function 'f''s too"),
]


@pytest.mark.parametrize("text, error, message", WRONG, ids=[w[2] for w in WRONG])
def test_wrong_parts(text, error, message):
    with pytest.raises(error, match=message) as raised:
        read(text)
    assert isinstance(raised.value, FileFormatError)
    assert not nn.get_parameters()


def test_missing_scalars_are_zero():
    network = NETWORK.replace("affine_param { base_axis: 1 }", "")
    with pytest.raises(RuntimeError, match="base_axis=0"):
        read(network=network)


def test_options():
    parameters = 'parameter { variable_name: "b" shape { dim: 4 } data: 1 data: 2 data: 3 data: 4 need_grad: true }'
    assert (read(parameters).networks["n"].parameters["b"].variable_instance.d == [1, 2, 3, 4]).all()
    nn.clear_parameters()
    assert (read(parameters, exclude_parameter=True).networks["n"].parameters["b"].variable_instance.d == 0).all()
    nn.clear_parameters()
    assert not read(parameters, parameter_only=True).networks and not nn.get_parameters()
    info = read(parameters, batch_size=5)
    assert info.networks["n"].batch_size == 2 and info.networks["n"].variables["z"].variable_instance.shape == (5, 4)
    assert info.networks["n"].variables["z"].shape == (-1, 4)
    with nn.parameter_scope("inside"):
        read(parameters)
    assert "inside/b" in nn.get_parameters()
    assert read(context="cpu").default_context.backend == ["cpu:float"]


def test_existing_parameters_are_used():
    kept = nn.parameter.get_parameter_or_create("b", (4,), np.ones(4), need_grad=False)
    network = read().networks["n"]
    assert network.parameters["b"].variable_instance == kept and nn.get_parameters()["b"] == kept
    nn.clear_parameters()
    nn.parameter.get_parameter_or_create("b", (5,))
    with pytest.raises(ValueError, match="has shape \\(5,\\)"):
        read()


def test_text_with_parameters_is_merged_once():
    proto = read('parameter { variable_name: "b" shape { dim: 4 } data: 1 data: 2 data: 3 data: 4 }').proto
    assert len(proto.network) == len(proto.parameter) == 1


def test_what_cannot_be_named(tmp_path):
    x = nn.Variable((2, 3), need_grad=True)
    y = F.sum(F.tanh(x))
    grad, = nn.grad([y], [x])
    with pytest.raises(ValueError, match="cannot be described in a file"):
        graph_def.create_graph_from_variable("n", grad)

    class Twice(PythonFunction):
        @property
        def name(self):
            return "Twice"

        def min_outputs(self):
            return 1

        def setup_impl(self, inputs, outputs):
            outputs[0].reset_shape(inputs[0].shape, True)

        def forward_impl(self, inputs, outputs):
            outputs[0].data.copy_from(inputs[0].data)
    y = PF.affine(Twice(nn.get_current_context())(x), 4)
    path = str(tmp_path / "n.nnp")
    graph_def.save(path, [graph_def.create_graph_from_variable("n", y)])
    with pytest.raises(ValueError, match='Function "Twice" is not supported'):
        NnpLoader(path)
