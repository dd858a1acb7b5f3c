"""Networks as exported programs (``.pt2``) and as ONNX, through their view as torch modules."""
import io
import logging
import os
import tempfile
import warnings
from contextlib import contextmanager

import numpy as np
import torch

from ..files.save import replacing
from ..interop import graph_to_torch
from ..optional import require
from .network_file import NetworkFile, of_batch, refuse, worst_difference
from .source_export import written


def convert(source, target, network=None, batch_size=None, parameters=None, seed=0):
    """Write a network as an exported program or as ONNX, in the state for evaluation.

    The batch size is left open where the network allows it, unless ``batch_size`` fixes it. What was written is
    loaded and compared with the network on random inputs before it takes the place of ``target``; ONNX by
    onnxruntime, which must be installed for that.

    Args:
        source (str): File of the network.
        target (str): ``.pt2`` or ``.onnx``.
        network (str): Name of the network, where the file has several.
        batch_size (int): The only batch size.
        parameters (str): File of the parameters, where the network's own lacks them.
        seed (int): Of the random inputs.

    Returns:
        list of str: what was done.

    Raises:
        NotImplementedError: operators that cannot be exported, listed with the nodes that use them.
        ValueError: the result computes something else.
        ImportError: the onnx extra is missing.
    """
    extension = os.path.splitext(target)[1]
    if extension == ".onnx":
        for name in ("onnx", "onnxscript", "onnxruntime"):
            require(name, "onnx", "writing .onnx files")
    file = NetworkFile(source, network, parameters, batch_size)
    if extension == ".pt2":
        export, run = _program, _run_program
    else:
        names = (list(file.network.inputs), list(file.network.outputs))
        export, run = (lambda *rest: _onnx(*rest, names=names)), _run_onnx
    module = file.module().eval()
    program = module._programs[False][0]
    first = max(2, program.input_shapes[0][0]) if program.any_batch and batch_size is None else None
    other = None if first is None else of_batch(source, network, parameters, first + 3)

    def check(content, networks):
        lines = []
        for one in networks:
            given = one.random_inputs(seed + 1)
            expected = NetworkFile.compute(one.evaluating(), given)
            worst, where = worst_difference(run(content, list(given.values())), expected, target)
            shapes = ", ".join(str(tuple(x.shape)) for x in given.values())
            lines.append(f"checked on random inputs {shapes}: worst difference {worst:.3g} (output '{where}')")
        return lines

    def attempts():
        """(module, inputs, open axes, networks to compare with): an open batch size is better than a fixed one, and what
        exporters cannot make of kernels they may make of the layers of written source, which ONNX knows best."""
        axes = tuple([{0: "batch"} if b else {} for b in program.batched])
        ways = [lambda size: (module, (axes,)), lambda size: (written(file, size).eval(), axes)]
        for networks in ([file, other], [file]) if other is not None else ([file],):
            for way in reversed(ways) if extension == ".onnx" else ways:
                free = len(networks) > 1
                try:
                    made, dynamic = way(program.input_shapes[0][0] if free else None)
                except Exception:       # there is no source for it: the kernels are the other way
                    continue
                yield made, tuple(file.random_inputs(seed, first if free else None).values()), dynamic if free else None, networks

    with _quiet():
        errors = []
        for made, inputs, dynamic, networks in attempts():
            try:
                content = export(made, inputs, dynamic)
                lines = check(content, networks)
                break
            except ImportError:
                raise
            except Exception as error:      # exporters fail with whatever their parts raise
                errors.append(error)
        else:
            _blame(file, errors[-1], export, run)
        with replacing(target) as f:
            f.write(content)
    return [f"{source} ({file.name}) -> {target}: {'any batch size' if len(networks) > 1 else 'of these shapes only'}", *lines]


def _blame(file, error, export, run):
    """Raise an error that names the operators that cannot be exported."""
    if isinstance(error, ValueError) and not isinstance(error, UnicodeError):
        raise error     # it can be exported, but computes something else
    failing = []
    for f in file.functions:
        variables = list(dict.fromkeys(f.function_instance.inputs))
        outputs = [file.network.variables[name] for name in f.outputs]
        values = [torch.as_tensor(np.array(v.d)) if v.parent is None else torch.zeros(v.shape) for v in variables]
        try:
            run(export(graph_to_torch(variables, outputs, {}).eval(), tuple(values), None), values)
        except Exception:
            failing.append((f.type, f.name))
    refuse("operators that cannot be exported", failing)
    reason = str(error).strip().splitlines()
    raise NotImplementedError(f"{file.path}: the network cannot be exported: "
                              f"{reason[0] if reason else type(error).__name__}") from error


@contextmanager
def _quiet():
    """Exporters report their progress; what counts is said in the end."""
    loggers = [logging.getLogger(name) for name in ("onnx_ir", "onnxscript", "torch.onnx", "torch.export", "torch.onnx._internal")]
    before = [logger.level for logger in loggers]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        try:
            yield
        finally:
            for logger, level in zip(loggers, before):
                logger.setLevel(level)


def _exported(module, inputs, dynamic):
    batch = torch.export.Dim("batch")

    def sizes(spec):
        return {axis: batch for axis in spec} if isinstance(spec, dict) else tuple(map(sizes, spec))
    with torch.no_grad():
        return torch.export.export(module, inputs, dynamic_shapes=None if dynamic is None else sizes(dynamic))


def _program(module, inputs, dynamic):
    sink = io.BytesIO()
    torch.export.save(_exported(module, inputs, dynamic), sink)
    return sink.getvalue()


def _run_program(content, inputs):
    with torch.no_grad():
        found = torch.export.load(io.BytesIO(content)).module()(*inputs)
    return [found] if isinstance(found, torch.Tensor) else found


def _onnx(module, inputs, dynamic, names=(None, None)):
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "network.onnx")
        own, reserved = zip(*[_reserved(group) for group in names])
        torch.onnx.export(_exported(module, inputs, dynamic), inputs, path, dynamo=True, verbose=False,
                          input_names=reserved[0], output_names=reserved[1], external_data=False)
        onnx = require("onnx", "onnx", "writing .onnx files")
        return _renamed(onnx.load(path), {**own[0], **own[1]}).SerializeToString()


def _reserved(names):
    """({what the exporter is told: name}, what it is told): it may give values inside the names asked for outside."""
    told = [f"{name} of the network" for name in names or ()]
    return dict(zip(told, names or ())), told or None


def _renamed(model, names):
    """A model with values renamed; those that bear the new names already move away."""
    names = {**{name: f"{name} inside" for name in names.values()}, **names}
    graph = model.graph
    for listed in (graph.input, graph.output, graph.value_info, graph.initializer):
        for value in listed:
            value.name = names.get(value.name, value.name)
    for node in graph.node:
        for places in (node.input, node.output):
            places[:] = [names.get(name, name) for name in places]
    return model


def _run_onnx(content, inputs):
    session = require("onnxruntime", "onnx", "checking .onnx files").InferenceSession(
        content, providers=["CPUExecutionProvider"])
    return session.run(None, {spec.name: x.numpy() for spec, x in zip(session.get_inputs(), inputs)})
