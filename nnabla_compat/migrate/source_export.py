"""``nnabla-compat export-source``: a network as PyTorch source that needs nothing but torch."""
import os
import re
import shutil
import tempfile
import textwrap

import numpy as np
import torch

from ..optional import available
from ..utils.nnp_graph import NnpNetworkPass
from . import source_arrays, source_operators, state_dicts    # noqa: F401 (source_arrays registers writers)
from .name_map import NameMap
from .network_file import NetworkFile, of_batch, refuse, worst_difference
from .source_classes import Book, Class, Number, numbered, rolled
from .source_functions import FUNCTIONS
from .source_module import Refused, SourceModule, identifier, shape_text
from .source_statements import parse, simplified
from .source_text import WIDTH, broken


def export(source, target, network=None, parameters=None, format=None, seed=0):
    """Write a network as PyTorch source.

    The directory gets ``model.py`` (a ``torch.nn.Module`` and ``load()``), ``model.safetensors`` or ``model.pt`` (its state
    dict) and ``names.json``, with which ``nnabla-compat convert --layout torch --names`` turns a state dict of it into
    parameters of nnabla again. The source is imported and compared with the network before the directory appears: in
    evaluation and in training, for a second batch size where the file leaves it open.

    Args:
        source (str): File of the network.
        target (str): Directory to make; it may exist if it is empty.
        network (str): Name of the network, where the file has several.
        parameters (str): File of the parameters, where the network's own lacks them.
        format (str): ``"safetensors"`` (where that package is installed, the default) or ``"pt"``.
        seed (int): Of the random inputs.

    Returns:
        list of str: what was done.

    Raises:
        NotImplementedError: operators that cannot be written, listed with the nodes that use them.
        ValueError: the source computes something else.
        FileExistsError: the directory is there and not empty.
    """
    if os.path.lexists(target) and (not os.path.isdir(target) or os.listdir(target)):
        raise FileExistsError(f"{target}: exists already. Name a directory that does not.")
    format = format or ("safetensors" if available("safetensors") else "pt")
    file = NetworkFile(source, network, parameters)
    size = next((v.shape[:1] for v in file.network.inputs.values()), ())
    other = of_batch(source, network, parameters, size[0] + 3) if size else None
    target = os.path.abspath(target)
    os.makedirs(os.path.dirname(target), exist_ok=True)
    directory = tempfile.mkdtemp(prefix=os.path.basename(target) + ".", suffix=".part", dir=os.path.dirname(target))
    try:
        lines = None
        if other is not None:
            try:
                lines = _fill(directory, [file, other], size[0], format, seed)
            except (ValueError, RuntimeError):      # some function computes one batch size only
                pass
        free = lines is not None
        if not free:
            lines = _fill(directory, [file], None, format, seed)
        os.chmod(directory, 0o777 & ~_umask())
        if os.path.isdir(target):
            os.rmdir(target)
        os.rename(directory, target)
    except BaseException:
        shutil.rmtree(directory, ignore_errors=True)
        raise
    return [f"{source} ({file.name}) -> {target}: model.py, model.{format}, names.json; "
            f"{'any batch size' if free else 'of these shapes only'}", *lines]


def written(file, batch=None):
    """The module that the source of a network describes, with its parameters.

    Args:
        file (NetworkFile): The network.
        batch (int): The batch size it is built with, to leave open which one it is.

    Raises:
        NotImplementedError: operators that cannot be written.
    """
    module = _write(file, batch)
    names = {"__name__": "model", "__file__": "model.py"}
    text = _source(file, module, "model.pt")
    exec(compile(text, "model.py", "exec"), names)
    made = names[re.findall(r"^class (\w+)", text, re.M)[-1]]()
    made.load_state_dict({name: torch.from_numpy(np.array(a)) for name, a in module.state.items()})
    return made


def _fill(directory, networks, batch, format, seed):
    """Write source and parameters into a directory, and compare with the networks, which differ in batch size."""
    file, weights = networks[0], "model." + format
    module = _write(file, batch)
    source = _source(file, module, weights)
    with open(os.path.join(directory, "model.py"), "w", encoding="utf-8") as f:
        f.write(source)
    with open(os.path.join(directory, weights), "wb") as f:
        state_dicts.write(f, "." + format, module.state)
    with open(os.path.join(directory, "names.json"), "w", encoding="utf-8") as f:
        f.write(NameMap(module.names, {p: v.shape for p, v in file.parameters.items()}, module.raw).text())
    return [line for one in networks for line in _verify(directory, one, module.names, seed)]


def _umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _write(file, batch):
    module = SourceModule(file)
    refused = []
    for name in (*file.network.inputs, *file.network.outputs):     # which the others must not take the names of
        module.variable(name)
    for f in file.functions:
        try:
            made = source_operators.write(module, f, batch)
        except Refused as reason:
            refused.append((f.type, f"{f.name} ({reason})"))
            for name in f.outputs:
                module.variable(name)
            continue
        targets = [module.variable(name) for name in f.outputs]
        if len(made) == len(targets):
            module.lines += [f"{t} = {e}" for t, e in zip(targets, made)]
        else:
            module.lines.append(f"{', '.join(targets)} = {made[0]}")
    refuse("operators that cannot be written as source", refused)
    return module


def _source(file, module, weights):
    """The text of ``model.py``; gives the module's parameters their final names."""
    inputs = {module.variable(n): v for n, v in file.network.inputs.items()}
    outputs = {module.variable(n): v for n, v in file.network.outputs.items()}
    known = {*module.variables.values(), *module.temporaries}
    lines = simplified([parse(line, known, module.layers) for line in module.lines], outputs)
    buffers = {a for a, made in module.layers.items() if isinstance(made, tuple)}
    book = Book({a: numbered(made[1] if a in buffers else made) for a, made in module.layers.items()}, buffers,
                {local: file.network.variables[n].shape for n, local in module.variables.items()},
                {"torch", "nn", "F", "os", "load", *module.used})
    # An output that is an input or another output too is returned under the name it has.
    wanted = {v: v for v in outputs if v not in inputs}
    forward, init, paths = book.arrange(lines, {v: v for v in inputs}, [module.variable(n) for n in file.network.outputs],
                                        module.paths(), wanted)
    module.rename(paths)
    name = book.finish("".join(part[:1].upper() + part[1:] for part in identifier(file.name).split("_")) or "Network")
    init = rolled(["".join(p.passed(p.text) if isinstance(p, Number) else p for p in Class.expanded(line, book.classes))
                   for line in init])
    if module.frozen:
        init += [f"for name in ({', '.join(map(repr, module.frozen))},):", "    self.get_parameter(name).requires_grad_(False)"]
    shapes = [f"{what}: " + "; ".join(f"{n} {_shape(v)}" for n, v in group.items()) + "."
              for what, group in (("Inputs", inputs), ("Returns", outputs))]
    parts = [[f'"""The network {file.name!r} of {os.path.basename(file.path)}, written by nnabla-compat export-source.', "",
              "    model = load()              # for training; load().eval() for inference", '"""', "import os", "",
              "import torch", "from torch import nn", "from torch.nn import functional as F"]]
    parts += [FUNCTIONS[function].strip().split("\n") for function in sorted(module.used)]
    parts += [_class(c.name, f"In the network: {', '.join(c.scopes)}.", c.arguments, c.init, c.forward) for c in book.classes]
    parts.append(_class(name, " ".join(shapes), [], init, forward))
    read = ["from safetensors.torch import load_file", f"model = {name}()", "model.load_state_dict(load_file(path))"] \
        if weights.endswith("safetensors") else [f"model = {name}()", "model.load_state_dict(torch.load(path, weights_only=True))"]
    parts.append([f'def load(path=os.path.join(os.path.dirname(os.path.abspath(__file__)), "{weights}")):',
                  '    """The network with its trained parameters."""', *("    " + line for line in (*read, "return model"))])
    if not any("F." in line for part in parts[1:] for line in part):
        parts[0].pop()
    text = "\n\n\n".join("\n".join(_wrapped(part)) for part in parts) + "\n"
    compile(text, "model.py", "exec")
    return text


def _class(name, text, arguments, init, forward):
    return [f"class {name}(nn.Module):", f'    """{text}"""', "",
            *("    " + line for line in (f"def __init__({', '.join(('self', *arguments))}):", "    super().__init__()",
                                         *("    " + line for line in init))),
            "", *("    " + line for line in forward)]


def _shape(variable):
    return f"({shape_text(variable.shape) if variable.shape else ''})"


def _wrapped(lines):
    """Lines that are too long, broken: docstrings at blanks, code after commas."""
    for line in lines:
        if line.lstrip().startswith('"""'):
            indent = line[:len(line) - len(line.lstrip())]
            yield from textwrap.wrap(line, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
        else:
            yield from broken(line)


def _verify(directory, file, names, seed):
    """Lines that say how far the source in a directory is from the network, in evaluation and in training."""
    inputs = file.random_inputs(seed)
    shapes = ", ".join(str(tuple(x.shape)) for x in inputs.values())
    model = _load(directory)
    expected = NetworkFile.compute(file.evaluating(), inputs)
    with torch.no_grad():
        worst, where = worst_difference(_listed(model.eval()(*inputs.values())), expected, "the source, in evaluation")
    lines = [f"checked in evaluation on random inputs {shapes}: worst difference {worst:.3g} (output '{where}')"]
    if any(f.type == "Dropout" and f.args["p"] > 0 for f in file.functions):
        return lines
    # A graph in training updates running statistics, so they are put back afterwards.
    kept = {name: np.array(v.d) for name, v in file.parameters.items()}
    change = NnpNetworkPass()
    change.set_batch_normalization_batch_stat_all(True)
    try:
        expected = NetworkFile.compute(file.build(change), inputs)
        statistics = {name: np.array(v.d) for name, v in file.parameters.items() if not np.array_equal(v.d, kept[name])}
    finally:
        for name, v in file.parameters.items():
            v.d = kept[name]
    found = _listed(model.train()(*inputs.values()))
    worst, where = worst_difference(found, expected, "the source, in training")
    names = {path: name for name, path in names.items()}
    buffers = [model.state_dict()[names[path]].reshape(value.shape) for path, value in statistics.items()]
    worst_difference(buffers, statistics, "the source, after training (running statistics)")
    lines.append(f"checked in training on random inputs {shapes}: worst difference {worst:.3g} (output '{where}')")
    return lines


def _load(directory):
    path = os.path.join(directory, "model.py")
    with open(path, encoding="utf-8") as f:
        module = {"__name__": "model", "__file__": path}
        exec(compile(f.read(), path, "exec"), module)
    return module["load"]()


def _listed(found):
    return [found] if isinstance(found, torch.Tensor) else list(found)


