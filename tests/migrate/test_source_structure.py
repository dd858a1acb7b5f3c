"""Structure of written source: scopes become classes, what repeats becomes loops, names stay. Each export compares itself."""
import pathlib
import random
import re

import pytest
import torch

import nnabla_compat as nn
import nnabla_compat.functions as F
import nnabla_compat.parametric_functions as PF
from nnabla_compat.migrate import source_export
from nnabla_compat.utils.save import save


@pytest.fixture(autouse=True)
def inside(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    nn.clear_parameters()
    yield
    nn.clear_parameters()


def exported(build, *shapes):
    """(text of the network's ``forward``, the whole source, the module) of what ``build`` makes."""
    xs = [nn.Variable(s) for s in shapes or [(2, 3, 8, 8)]]
    for x in xs:
        x.d = 1
    ys = build(*xs)
    ys = ys if isinstance(ys, (list, tuple)) else [ys]
    names = {f"y{i}": y for i, y in enumerate(ys)}
    network = {"name": "net", "batch_size": 2, "outputs": names, "names": {f"x{i}": x for i, x in enumerate(xs)}}
    save("n.nnp", {"networks": [network], "executors": []})
    nn.clear_parameters()
    source_export.export("n.nnp", "out", format="pt")
    text = pathlib.Path("out/model.py").read_text()
    assert max(map(len, text.splitlines())) <= 120
    module = {"__name__": "model", "__file__": "out/model.py"}
    exec(text, module)
    own = text[text.index("class Net(nn.Module)"):text.index("def load(")]
    return own[own.index("def forward"):].split("\n", 1)[1], text, module["load"]()


def unit(x, name, channels, stride=1, active=True):
    with nn.parameter_scope(name):
        h = PF.convolution(x, channels, (3, 3), pad=(1, 1), stride=(stride, stride), with_bias=False)
        h = PF.batch_normalization(h, batch_stat=False)
        return F.relu(h) if active else h


def block(x, name, channels, stride=1):
    with nn.parameter_scope(name):
        h = unit(unit(x, "a", channels, stride), "b", channels, active=False)
        return F.relu(h + (x if stride == 1 else unit(x, "down", channels, stride, active=False)))


def test_residual_network():
    def build(x):
        h = unit(x, "stem", 4)
        for name, channels, stride in (("res2", 4, 1), ("res3", 8, 2), ("res4", 16, 2)):
            h = block(h, name + "_1", channels, stride)
            h = block(h, name + "_2", channels)
        return PF.affine(h, 3, name="fc")

    forward, text, module = exported(build)
    classes = re.findall(r"class (\w+)", text)
    assert len(classes) <= 7 and "In the network: res2_1, res2_2, res3_2, res4_2." in text
    assert "h = self.res3_1(self.res2_2(self.res2_1(self.stem(x0))))\n" in forward
    assert "return F.relu(self.b(self.a(x)) + x)" in text and "return F.relu(self.b(self.a(x)) + self.down(x))" in text
    names = set(module.state_dict())
    assert {"stem.conv.weight", "res3_1.down.bn.running_mean", "res4_2.b.conv.weight", "fc.bias"} <= names


def test_many_blocks_alike():
    def build(x):
        h = unit(x, "stem", 4)
        for i in range(8):
            h = block(h, f"block{i}", 4)
        return h

    forward, text, module = exported(build)
    assert 'for block in [self.get_submodule(f"block{i}") for i in range(8)]:\n            h = block(h)' in forward
    assert 'for i in range(8):\n            self.add_module(f"block{i}", AB())' in text or "Block()" in text
    assert "block7.b.bn.weight" in module.state_dict()


def test_layers_without_scopes_of_their_own():
    def build(x):
        for i in range(3):
            h = PF.convolution(x, 3, (3, 3), pad=(1, 1), name=f"conv{i}")
            x = F.relu(PF.batch_normalization(h, name=f"bn{i}", batch_stat=False))
        return x

    forward, _, module = exported(build)
    assert "for conv, bn in ((self.conv0, self.bn0), (self.conv1, self.bn1), (self.conv2, self.bn2)):" in forward
    assert "conv0.weight" in module.state_dict()


def test_lists_of_modules():
    def build(x):
        for i in range(3):
            with nn.parameter_scope(f"@layers.{i}"):
                x = x + PF.affine(F.tanh(PF.affine(x, 8, name="up")), 6, name="down")
        return x

    forward, text, module = exported(build, (2, 6))
    assert "self.layers = nn.ModuleList([Layer(), Layer(), Layer()])" in text
    assert "for layer in self.layers:\n            x0 = layer(x0)\n        return x0" in forward
    assert "layers.2.up.weight" in module.state_dict()


def test_recurrent_network():
    def build(x, h, c):
        steps = []
        for step in F.split(x, axis=1):
            with nn.parameter_scope("cell"):
                z = F.concatenate(step, h)
                c = F.sigmoid(PF.affine(z, 5, name="f")) * c + F.tanh(PF.affine(z, 5, name="g"))
                h = F.tanh(c)
            steps.append(h)
        return F.stack(*steps, axis=1), c

    forward, text, _ = exported(build, (2, 7, 4), (2, 5), (2, 5))
    assert "for x_t in torch.unbind(x1, 1):" in text and "hs.append(" in text
    assert "torch.stack(self.cell(x0, x1, x2), 1)" in forward
    assert text.count("self.f(") == text.count("torch.cat(") == 1


def test_sum_of_a_loop_and_its_last_value():
    def build(x):
        first = h = PF.affine(x, 6, name="first")
        for _ in range(4):
            h = F.tanh(PF.affine(h, 6, name="again")) + first
        return h

    forward, _, _ = exported(build, (2, 6))
    assert "for _ in range(4):" in forward and "torch.tanh(self.again(" in forward


def test_numbers_that_differ_become_arguments():
    def build(x):
        for i, channels in enumerate((4, 6, 8)):
            with nn.parameter_scope(f"stage{i}"):
                h = F.relu(PF.convolution(x, channels, (3, 3), pad=(1, 1), name="c1"))
                x = PF.convolution(h, channels, (1, 1), name="c2")
        return x

    _, text, _ = exported(build)
    assert "def __init__(self, in_channels, out_channels):" in text and "Stage(3, 4)" in text and "Stage(6, 8)" in text
    assert text.count("class Stage") == 1


def test_uses_of_a_layer_with_a_state_stay_in_order():
    """Running statistics depend on it; the comparison in training sees to that."""
    exported(lambda x: PF.batch_normalization(F.sin(x), name="b") - PF.batch_normalization(x * 2, name="b"), (2, 6))


def random_network(seed):
    """Layers in chains, fans and with links backwards; names that repeat, share scopes, or look like numbers."""
    draw = random.Random(seed)

    def apply(kind, a, b, name):
        if kind == "layer":
            return [F.relu(PF.affine(a, 6, name=name))]
        if kind == "residual":
            return [F.tanh(PF.affine(F.tanh(PF.affine(a, 6, name=name + "/p")), 6, name=name + "/q")) + a]
        if kind == "cell":
            h = PF.affine(a * b, 6, name=name)
            return [F.tanh(h) * b, F.sigmoid(h) + a]
        if kind == "statistics":
            return [PF.batch_normalization(a, name=name) - b]
        if kind == "pair":
            return [PF.affine(a, 6, name=name + "/u"), F.relu(PF.affine(b, 6, name=name + "/v"))]
        return [F.sin(a) * b]

    def build(*live):
        live = list(live)
        for group in range(draw.randint(1, 4)):
            kind = draw.choice(["layer", "residual", "cell", "statistics", "pair", "plain"])
            scope = draw.choice(["layer", "b", f"s{group}/t"])
            pattern = draw.choice(["{0}{1}", "{0}/{1}", "{0}.{1}", "{0}_{1}_"]).format(scope, "{}")
            shared, mode, made = draw.random() < 0.3, draw.choice(["chain", "fan", "dense", "mixed"]), []
            a, b = draw.sample(live, 2)
            for i in range(draw.randint(1, 5)):
                found = apply(kind, a, b, pattern.format(0 if shared else i))
                made += found
                if mode == "chain":
                    a, b = found[0], found[1] if len(found) > 1 else b
                elif mode == "dense":
                    a, b = found[-1], draw.choice(live)
                elif mode == "mixed":
                    a, b = b, found[0]
            keep = draw.choice(["last", "all", "mix"])
            if keep == "mix":
                made = [PF.affine(sum(made[1:], made[0]), 6, name=f"mix{group}")]
            live += made if keep == "all" else made[-1:]
        return draw.sample(live[2:], min(draw.randint(1, 3), len(live) - 2))
    return build


@pytest.mark.parametrize("seed", range(24))
def test_random_networks(seed):
    forward, text, module = exported(random_network(seed), (2, 6), (2, 6))
    assert "return" in forward and all(isinstance(p, torch.nn.Parameter) for p in module.parameters())
