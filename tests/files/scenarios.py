"""What both libraries save. ``nn`` is either; each function returns the contents for ``nnabla.utils.save.save``."""
import importlib

import numpy as np


def modules(nn):
    return [importlib.import_module(f"{nn.__name__}.{name}") for name in ("functions", "parametric_functions", "solvers")]


def training(nn):
    F, PF, S = modules(nn)
    x, t = nn.Variable((4, 3, 8, 8)), nn.Variable((4, 1))
    h = F.relu(PF.batch_normalization(PF.convolution(x, 4, (3, 3), name="c1")))
    h = F.reshape(F.max_pooling(h, (2, 2)), (4, -1))
    y = F.softmax(PF.affine(h, 5))
    loss = F.mean(F.softmax_cross_entropy(PF.affine(h, 5), t))
    z = F.clip_by_value(y * 2 - 1, -1, 1)[:, 1:3]
    solver = S.Adam(1e-2)
    solver.set_parameters(nn.get_parameters())
    return {
        "global_config": {"default_context": nn.Context(["cpu:float"], "CpuCachedArray", "0")},
        "training_config": {"max_epoch": 2, "iter_per_epoch": 3, "save_best": True},
        "networks": [{"name": "train", "batch_size": 4, "outputs": {"loss": loss}, "names": {"x": x, "t": t}},
                     {"name": "run", "batch_size": 4, "outputs": {"z": z}, "names": {"x": x, "y": y}}],
        "datasets": [{"name": "d", "uri": "a.csv", "variables": ["x", "t"], "shuffle": True, "batch_size": 4,
                      "no_image_normalization": False, "cache_dir": "cache"}],
        "optimizers": [{"name": "o", "solver": solver, "network": "train", "dataset": "d", "weight_decay": 0.1,
                        "lr_decay": 0.9, "lr_decay_interval": 2, "update_interval": 1,
                        "data_variables": {"x": "x", "t": "t"}, "generator_variables": ["t"]}],
        "monitors": [{"name": "m", "network": "train", "dataset": ["d"]}],
        "executors": [{"name": "e", "network": "run", "data": ["x"], "output": ["z", "y"], "remp": {"x": "image"},
                       "num_evaluations": 3, "need_back_propagation": False}]}


def recurrent(nn):
    F, PF, _ = modules(nn)
    x, h = nn.Variable((2, 3, 4)), nn.Variable((2, 5))
    state = h
    for step in F.split(x, axis=1):
        with nn.parameter_scope("cell"):
            state = F.tanh(PF.affine(F.concatenate(step, state, axis=1), 5))
    y = F.stack(state, F.abs(state), axis=1)
    return {"networks": [{"name": "model", "batch_size": 2, "outputs": {"y": y, "state": state}, "names": {"x": x}}],
            "executors": [{"name": "e", "network": "model"}]}


def several_inputs(nn):
    F, PF, _ = modules(nn)
    a, b = nn.Variable((3, 2, 4, 4)), nn.Variable((3, 2, 4, 4))
    h = F.add2(a, b, inplace=True)
    h = PF.prelu(PF.deconvolution(h, 2, (2, 2), stride=(2, 2), with_bias=False))
    h = F.leaky_relu(h, 0.2) + F.constant(0.5, (3, 2, 8, 8))
    k = PF.instance_normalization(h) * F.broadcast(nn.parameter.get_parameter_or_create("scale", (1, 2, 1, 1), np.ones((1, 2, 1, 1))), h.shape)
    m = F.mean(k, axis=(2, 3)) - F.dropout(F.max(h, axis=(2, 3)), 0.3)
    m = F.log_softmax(F.pad(m, (0, 0, 1, 1), "constant", 0.25))
    return {"networks": [{"name": "net", "batch_size": 3, "outputs": {"m": m, "k": k}, "names": {"a": a}}],
            "executors": [{"name": "runtime", "network": "net", "output": ["m"]}]}


def literal_batch(nn):
    F, PF, _ = modules(nn)
    x = nn.Variable((4, 3, 5))
    y = F.transpose(PF.affine(x, 7, base_axis=2), (0, 2, 1))
    return {"networks": [{"name": "net", "batch_size": 4, "outputs": {"y": F.reshape(y, (28, 3))}, "names": {}}]}


# name: (contents, whether the batch size is left open)
SCENARIOS = {"training": (training, True), "recurrent": (recurrent, True), "several_inputs": (several_inputs, False),
             "literal_batch": (literal_batch, False), "training_literal": (training, False)}


def prepare(nn, name):
    """Contents of a scenario, parameters drawn from a fixed seed."""
    nn.clear_parameters()
    nn.seed(7)
    make, variable = SCENARIOS[name]
    return make(nn), variable


def inputs(name, shape):
    return np.random.RandomState(sum(map(ord, name))).rand(*shape).astype(np.float32)
