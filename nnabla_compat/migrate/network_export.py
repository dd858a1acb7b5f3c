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
from .network_file import NetworkFile, refuse, worst_difference


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
    other = None if first is None else _of_batch(source, network, parameters, first + 3)
    def check(content, networks):
        lines = []
        for one in networks:
            given = one.random_inputs(seed + 1)
            expected = NetworkFile.compute(one.evaluating(), given)
            worst, where = worst_difference(run(content, list(given.values())), expected, target)
            shapes = ", ".join(str(tuple(x.shape)) for x in given.values())
            lines.append(f"checked on random inputs {shapes}: worst difference {worst:.3g} (output '{where}')")
        return lines

    with _quiet():
        content = None
        if other is not None:
            try:
                content = export(module, tuple(file.random_inputs(seed, first).values()), program.batched)
                check(content, [file, other])
            except ImportError:
                raise
            except Exception:       # open is a courtesy, a batch size of its own will do
                content, other = None, None
        if content is None:
            content = _attempt(file, module, tuple(file.random_inputs(seed).values()), export, run)
        with replacing(target) as f:
            f.write(content)
            f.flush()
            f.seek(0)
            lines = check(f.read(), [file] if other is None else [file, other])
    size = "any batch size" if other is not None else "of these shapes only"
    return [f"{source} ({file.name}) -> {target}: {size}", *lines]


def _of_batch(source, network, parameters, size):
    """The network for another batch size; None where the file fixes it."""
    try:
        other = NetworkFile(source, network, parameters, size)
        first = next(iter(other.network.inputs.values()))
        return other if first.shape[:1] == (size,) and other.compute(other.network, other.random_inputs()) else None
    except (RuntimeError, ValueError):
        return None


def _attempt(file, module, inputs, export, run):
    """The exported bytes; where that fails, find out which operators it is."""
    try:
        content = export(module, inputs, None)
        run(content, list(inputs))
        return content
    except ImportError:
        raise
    except Exception as error:
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


def _dynamic(batched):
    batch = torch.export.Dim("batch")
    return (tuple([{0: batch} if b else {} for b in batched]),)


def _exported(module, inputs, batched):
    with torch.no_grad():
        return torch.export.export(module, inputs, dynamic_shapes=None if batched is None else _dynamic(batched))


def _program(module, inputs, batched):
    sink = io.BytesIO()
    torch.export.save(_exported(module, inputs, batched), sink)
    return sink.getvalue()


def _run_program(content, inputs):
    with torch.no_grad():
        found = torch.export.load(io.BytesIO(content)).module()(*inputs)
    return [found] if isinstance(found, torch.Tensor) else found


def _onnx(module, inputs, batched, names=(None, None)):
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "network.onnx")
        torch.onnx.export(_exported(module, inputs, batched), inputs, path, dynamo=True, verbose=False,
                          input_names=names[0], output_names=names[1], external_data=False)
        with open(path, "rb") as f:
            return f.read()


def _run_onnx(content, inputs):
    session = require("onnxruntime", "onnx", "checking .onnx files").InferenceSession(
        content, providers=["CPUExecutionProvider"])
    return session.run(None, {spec.name: x.numpy() for spec, x in zip(session.get_inputs(), inputs)})
