"""Leaving nnabla: files of nnabla as PyTorch, in six steps.

    python examples/leave_nnabla.py [--keep FOLDER]

A network is trained with nnabla's API and saved as a `.nnp` and a `.h5` file, as any project has them. From these files
it becomes a torch module, a state dict, an exported program, ONNX and readable source; and what PyTorch trains goes back.
Every conversion compares its result with the network and says by how much it differs. Each of them is a command, too:

    nnabla-compat convert digits.nnp digits.safetensors --layout torch
    nnabla-compat export-source digits.nnp digits_torch

`.safetensors` and `.onnx` need the extras of these names, the rest needs only `nnabla-compat[nnp]`.
"""
import argparse
import importlib.util
import os
import pathlib
import tempfile

import numpy as np
import torch

import nnabla_compat as nn
import nnabla_compat.functions as F
import nnabla_compat.parametric_functions as PF
import nnabla_compat.solvers as S
from nnabla_compat import interop
from nnabla_compat.files.load import read_parameters
from nnabla_compat.migrate import network_export, parameter_files, source_export
from nnabla_compat.migrate.name_map import NameMap
from nnabla_compat.optional import available
from nnabla_compat.utils.nnp_graph import NnpLoader
from nnabla_compat.utils.save import save


def block(x, name, stat):
    """A residual block."""
    with nn.parameter_scope(name):
        h = PF.convolution(x, 8, (3, 3), pad=(1, 1), with_bias=False, name="conv1")
        h = F.relu(PF.batch_normalization(h, batch_stat=stat, name="bn1"))
        h = PF.convolution(h, 8, (3, 3), pad=(1, 1), with_bias=False, name="conv2")
        return F.relu(PF.batch_normalization(h, batch_stat=stat, name="bn2") + x)


def network(x, stat):
    """Three classes of 8 x 8 images."""
    h = F.relu(PF.convolution(x, 8, (3, 3), pad=(1, 1), name="stem"))
    for i in range(3):
        h = block(h, f"block{i}", stat)
    return PF.affine(F.global_average_pooling(h), 3, name="fc")


def images(count, seed):
    """Images with a bright upper half, lower half or middle, and which of these."""
    rng = np.random.RandomState(seed)
    label = rng.randint(0, 3, (count, 1))
    x = rng.rand(count, 1, 8, 8).astype(np.float32)
    for i, k in enumerate(label[:, 0]):
        x[i, 0, (0, 4, 2)[k]:(4, 8, 6)[k]] += 0.7
    return x, label


def accuracy(model):
    """Share of unseen images that a torch module gets right."""
    x, label = images(200, 99)
    with torch.no_grad():
        found = model.eval()(torch.from_numpy(x))
    found = found[0] if isinstance(found, tuple) else found
    return float((found.argmax(1).numpy() == label[:, 0]).mean())


# 1. What a project of nnabla has


def files():
    """Train with nnabla's API, save `digits.nnp` and `digits.h5`."""
    x, t = nn.Variable((32, 1, 8, 8)), nn.Variable((32, 1))
    loss = F.mean(F.softmax_cross_entropy(network(x, True), t))
    solver = S.Adam(0.01)
    solver.set_parameters(nn.get_parameters())
    for step in range(30):
        x.d, t.d = images(32, step)
        loss.forward(clear_no_need_grad=True)
        solver.zero_grad()
        loss.backward(clear_buffer=True)
        solver.update()
    y = network(x, False)
    save("digits.nnp", {"networks": [{"name": "digits", "batch_size": 32, "outputs": {"y": y}, "names": {"x": x}}],
                        "executors": []})
    nn.save_parameters("digits.h5")
    nn.clear_parameters()
    return f"loss {float(loss.d):.2f}"


# 2. A torch module, in this process


def torch_module():
    """The graph of a file, as a torch.nn.Module that shares the parameters."""
    loaded = NnpLoader("digits.nnp").get_network("digits")
    model = interop.graph_to_torch(list(loaded.inputs.values()), list(loaded.outputs.values())[0])
    right = accuracy(model)
    assert right > 0.9
    return f"{sum(p.numel() for p in model.parameters())} trainable numbers, accuracy {right:.2f}"


# 3. Parameters alone, and back


def state_dict():
    """`.h5` as a state dict that `weights_only=True` loads; the map of names leads back to the same parameters."""
    target = "digits.safetensors" if available("safetensors") else "digits.pt"
    lines = parameter_files.convert("digits.h5", target, "torch", write_names="names.json")
    parameter_files.convert(target, "back.h5", "torch", NameMap.read("names.json"))
    before, after = ({r.name: r.values for r in read_parameters(name)[0]} for name in ("digits.h5", "back.h5"))
    assert before.keys() == after.keys() and all(np.array_equal(before[k], after[k]) for k in before)
    return lines[0]


# 4. A program and ONNX


def programs():
    """`torch.export`'s format for PyTorch elsewhere, ONNX for other runtimes; any batch size."""
    targets = ["digits.pt2"]
    targets += ["digits.onnx"] if all(map(available, ("onnx", "onnxscript", "onnxruntime"))) else []
    for target in targets:
        network_export.convert("digits.nnp", target)
    program = torch.export.load("digits.pt2").module()
    x, label = images(77, 99)
    right = float((program(torch.from_numpy(x))[0].argmax(1).numpy() == label[:, 0]).mean())
    assert right > 0.9
    return f"{' and '.join(targets)}, accuracy {right:.2f}"


# 5. Source


def source():
    """A module in readable source, with classes for blocks, loops for repetitions and the names of the parameters."""
    source_export.export("digits.nnp", "digits_torch", format="pt")
    text = pathlib.Path("digits_torch/model.py").read_text()
    assert "import nnabla" not in text and "class Block(nn.Module)" in text and "for block in" in text
    model = load("digits_torch")
    assert list(dict(model.named_children())) == ["stem", "block0", "block1", "block2", "fc"] and accuracy(model) > 0.9
    return f"{len(text.splitlines())} lines that need only torch"


def load(folder):
    """What anyone does who gets the folder: import model.py, call load()."""
    spec = importlib.util.spec_from_file_location("digits_model", os.path.join(folder, "model.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.load()


# 6. And back to nnabla, trained on


def back():
    """Train the source with PyTorch; its state dict becomes a `.nnp` that nnabla reads."""
    model = load("digits_torch").train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.003)
    for step in range(30):
        x, label = images(32, 1000 + step)
        loss = torch.nn.functional.cross_entropy(model(torch.from_numpy(x)), torch.from_numpy(label[:, 0]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    torch.save(model.state_dict(), "trained.pt")
    parameter_files.convert("trained.pt", "trained.nnp", "torch", NameMap.read("digits_torch/names.json"), like="digits.nnp")

    loaded = NnpLoader("trained.nnp").get_network("digits", batch_size=200)
    x, label = images(200, 99)
    loaded.inputs["x"].d = x
    y = list(loaded.outputs.values())[0]
    y.forward()
    with torch.no_grad():
        assert np.allclose(y.d, model.eval()(torch.from_numpy(x)).numpy(), atol=1e-4)
    return f"loss {loss.item():.2f}, accuracy in nnabla's graph {float((y.d.argmax(1) == label[:, 0]).mean()):.2f}"


def main():
    """Run every step."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--keep", metavar="FOLDER", help="where to leave the files; they are deleted otherwise")
    keep = parser.parse_args().keep
    torch.set_num_threads(1)
    nn.logger.setLevel("WARNING")
    with tempfile.TemporaryDirectory() as folder:
        if keep is not None:
            os.makedirs(keep, exist_ok=True)
        os.chdir(keep or folder)
        for number, step in enumerate((files, torch_module, state_dict, programs, source, back), start=1):
            nn.clear_parameters()
            print(f"{number}. {step.__name__}: {step()}")
        os.chdir(tempfile.gettempdir())     # out of the folder before it goes


if __name__ == "__main__":
    main()
