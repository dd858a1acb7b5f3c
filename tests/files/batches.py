"""Networks saved for one batch size and built for others, by each of the loaders; the same for both libraries.

What a saved batch size means is a matter of rules on shapes (which -1 goes where, what stays literal); :data:`NETWORKS` go through
all of them, and some cannot be built for another size.
"""
import importlib

import numpy as np

SAVED = 4
LOADERS = ("load", "NnpLoader", "graph_def")


def lenet(F, PF, x):
    h = F.relu(F.max_pooling(PF.convolution(x, 4, (3, 3), name="c1"), (2, 2)))
    return PF.affine(PF.batch_normalization(PF.affine(h, 6, name="a1"), batch_stat=False, name="bn"), 3, name="a2")


def recurrent(F, PF, x):
    return sum(PF.lstm_cell(x, F.constant(0, (SAVED, 4)), F.constant(0.5, (SAVED, 4)), 4))


def split(F, PF, x):
    a, b, c = F.split(x, axis=1)
    return PF.affine(F.stack(a, b, axis=1) + F.reshape(c, (SAVED, 1, 4)), 3)


# Name to (shape of a sample, network).
NETWORKS = {
    "lenet": ((1, 12, 12), lenet),
    "reshape": ((4, 6), lambda F, PF, x: F.reshape(PF.affine(x, 8), (SAVED, 2, 4))),
    "reshape, the rest": ((4, 6), lambda F, PF, x: F.reshape(PF.affine(x, 8), (SAVED, 2, -1))),
    "reshape, the batch": ((4, 6), lambda F, PF, x: F.reshape(PF.convolution(F.reshape(x, (SAVED, 4, 6, 1)), 2, (1, 1)), (-1, 12))),
    "broadcast": ((1, 6), lambda F, PF, x: F.broadcast(F.reshape(PF.affine(x, 6), (SAVED, 1, 6)), (SAVED, 5, 6))),
    "tile": ((3,), lambda F, PF, x: F.tile(PF.affine(x, 3), (1, 2))),
    "slice": ((6,), lambda F, PF, x: PF.affine(x, 6)[:, 1:4]),
    "slice of the batch": ((6,), lambda F, PF, x: PF.affine(x, 6)[0:SAVED, 1:4]),
    "concatenate": ((6,), lambda F, PF, x: F.concatenate(PF.affine(x, 6), x, axis=1)),
    "constant": ((6,), lambda F, PF, x: PF.affine(x, 6) + F.constant(1, (SAVED, 6))),
    "mean": ((6,), lambda F, PF, x: F.mean(PF.affine(x, 6), axis=1, keepdims=True)),
    "without base_axis": ((3, 4), lambda F, PF, x: PF.batch_normalization(x, batch_stat=False)),
    "without parameters": ((3, 4), lambda F, PF, x: F.relu(x) * 2),
    "base_axis 2": ((3, 4), lambda F, PF, x: PF.affine(x, 5, base_axis=2)),
    "deconvolution": ((3, 4, 4), lambda F, PF, x: PF.deconvolution(x, 2, (2, 2), stride=(2, 2))),
    "embed": ((), lambda F, PF, x: PF.affine(PF.embed(x, 7, 3), 2)),
    "one_hot": ((1,), lambda F, PF, x: PF.affine(F.one_hot(x, (5,)), 2)),
    "transpose": ((3, 4), lambda F, PF, x: PF.affine(F.transpose(x, (0, 2, 1)), 2)),
    "split": ((3, 4), split),
    "recurrent": ((3,), recurrent),
    "quantized": ((3,), lambda F, PF, x: PF.fixed_point_quantized_affine(x, 3)),
    "spectral norm": ((3,), lambda F, PF, x: PF.affine(x, 3, apply_w=lambda w: PF.spectral_norm(w, dim=1))),
}


def write(nn, name, variable, path):
    """Save a network with parameters that a formula gives."""
    nn.clear_parameters()
    shape, make = NETWORKS[name]
    x = nn.Variable((SAVED, *shape))
    y = make(*(importlib.import_module(f"{nn.__name__}.{module}") for module in ("functions", "parametric_functions")), x)
    for i, p in enumerate(nn.get_parameters(grad_only=False).values()):
        p.d = np.abs(np.sin(np.arange(p.size) + i)).reshape(p.shape) + 0.1
    save = importlib.import_module(f"{nn.__name__}.utils.save").save
    save(path, {"networks": [{"name": "net", "batch_size": SAVED, "outputs": {"y": y}, "names": {"x": x}}],
                "executors": [{"name": "run", "network": "net", "data": ["x"], "output": ["y"]}]}, variable_batch_size=variable)
    nn.clear_parameters()


def build(nn, loader, path, batch_size):
    """Inputs and outputs, by name, of the network in a file, and the names of its variables."""
    def utils(name):
        return importlib.import_module(f"{nn.__name__}.utils.{name}")
    if loader == "NnpLoader":
        network = utils("nnp_graph").NnpLoader(path).get_network("net", batch_size=batch_size)
        return network.inputs, network.outputs, sorted(network.variables)
    if loader == "load":
        network = utils("load").load([path], batch_size=batch_size).networks["net"]
    else:
        graph = nn.graph_def.load(path)
        graph(batch_size=batch_size)
        network = graph.default_graph()
    inputs, outputs = ({n: network.variables[n].variable_instance for n in names} for names in (network.inputs, network.outputs))
    return inputs, outputs, [[n, list(v.shape)] for n, v in {**network.variables, **network.parameters}.items()]


def result(nn, name, loader, path, batch_size):
    """What can be seen of a network in a file, or the class of the error."""
    nn.clear_parameters()
    try:
        inputs, outputs, names = build(nn, loader, path, batch_size)
        for x in inputs.values():
            x.d = (np.arange(x.size) % 5).reshape(x.shape)
        (y,) = outputs.values()
        y.forward()
    except (RuntimeError, ValueError, AssertionError) as error:
        return next(c.__name__ for c in (RuntimeError, ValueError, AssertionError) if isinstance(error, c))
    return [{n: list(v.shape) for n, v in inputs.items()}, list(outputs), list(y.shape), y.d.ravel()[:6].tolist(), names,
            [[n, p.need_grad] for n, p in nn.get_parameters(grad_only=False).items()]]


def results(nn, name, variable, path):
    """Results by loader and batch size; "load None" and so on."""
    write(nn, name, variable, path)
    return {f"{loader} {batch_size}": result(nn, name, loader, path, batch_size)
            for loader in LOADERS for batch_size in (None, 1, 3)}
