"""What Modules do, told by code that runs under nnabla (to record) and under this package (to test).

Each scenario takes the library's modules and returns a dict of arrays and plain values.
"""
from collections import OrderedDict

import numpy as np


def image(seed=0, shape=(2, 3, 6, 6)):
    return np.random.RandomState(seed).randn(*shape).astype(np.float32)


def define(nn, PF, F):
    """nnabla's documentation shows these two Modules; Net adds what training scripts do around them."""
    class ConvBn(nn.Module):
        def __init__(self, outmaps, kernel=1, stride=1, act=None):
            self.outmaps, self.kernel, self.stride, self.act = outmaps, kernel, stride, act

        def call(self, x):
            kernel, stride = (self.kernel,) * 2, (self.stride,) * 2
            h = PF.convolution(x, self.outmaps, kernel, (self.kernel // 2,) * 2, stride, with_bias=False)
            h = PF.batch_normalization(h, batch_stat=self.training)
            return h if self.act is None else self.act(h)

    class ResUnit(nn.Module):
        def __init__(self, channels, stride=1, skip_by_conv=True):
            self.conv1 = ConvBn(channels // 4, 1, 1, act=F.relu)
            self.conv2 = ConvBn(channels // 4, 3, stride, act=F.relu)
            self.conv3 = ConvBn(channels, 1)
            self.skip_by_conv = skip_by_conv
            self.skip = ConvBn(channels, 1, stride)

        def call(self, x):
            h = self.conv3(self.conv2(self.conv1(x)))
            s = self.skip(x) if self.skip_by_conv else x
            return F.relu(h + s)

    class Net(nn.Module):
        def __init__(self):
            self.unit1 = ResUnit(8)
            self.unit2 = ResUnit(8, 2, skip_by_conv=True)

        def call(self, x):
            h = F.global_average_pooling(self.unit2(self.unit1(x)))
            return PF.affine(h, 4, name="classifier")

    return ConvBn, ResUnit, Net


def parameters(module, **options):
    return {"names": np.array(list(module.get_parameters(**options))),
            **{"parameter " + name: p.d.copy() for name, p in module.get_parameters(**options).items()}}


def gradients(module):
    return {"gradient " + name: p.g.copy() for name, p in module.get_parameters(grad_only=True).items()}


def conv_bn(nn, PF, F, S):
    ConvBn, _, _ = define(nn, PF, F)
    module = ConvBn(2)
    y = module(nn.Variable.from_numpy_array(image()))
    record = parameters(module)
    y.forward()
    return {**record, "y": y.d.copy(), "global": np.array(len(nn.get_parameters(grad_only=False)))}


def res_unit_static(nn, PF, F, S):
    _, ResUnit, _ = define(nn, PF, F)
    module = ResUnit(8)
    x = nn.Variable.from_numpy_array(image(), need_grad=True)
    y = module(x)
    initial = {"initial " + name: p.d.copy() for name, p in module.get_parameters().items()}
    loss = F.sum(y * nn.Variable.from_numpy_array(image(1, y.shape)))
    module.zero_grad()
    x.grad.zero()
    loss.forward()
    loss.backward()
    return {**initial, **parameters(module), **gradients(module), "y": loss.d.copy(), "gx": x.g.copy()}


def res_unit_auto_forward(nn, PF, F, S):
    with nn.auto_forward():
        _, ResUnit, _ = define(nn, PF, F)
        module = ResUnit(8, 2)
        x = nn.Variable.from_numpy_array(image(), need_grad=True)
        record = {}
        for step in range(2):
            y = module(x)
            loss = F.sum(y * nn.Variable.from_numpy_array(image(1, y.shape)))
            module.zero_grad()
            x.grad.zero()
            loss.backward()
            record.update({f"step {step} {key}": value for key, value in
                           {**parameters(module), **gradients(module), "y": y.d.copy(), "gx": x.g.copy()}.items()})
        return record


def training(nn, PF, F, S):
    _, _, Net = define(nn, PF, F)
    net = Net()
    x, t = nn.Variable((4, 3, 6, 6)), nn.Variable((4, 1))
    loss = F.mean(F.softmax_cross_entropy(net(x), t))
    net.training = False
    evaluation = net(x)
    solver = S.Momentum(0.05)
    solver.set_parameters(net.get_parameters(grad_only=True))
    losses, outputs = [], []
    for step in range(6):
        x.d = image(step, x.shape)
        t.d = np.arange(4).reshape(4, 1)
        loss.forward()
        solver.zero_grad()
        loss.backward()
        solver.weight_decay(1e-3)
        solver.update()
        losses.append(float(loss.d))
        evaluation.forward()
        outputs.append(evaluation.d.copy())
    return {**parameters(net), "losses": np.array(losses), "evaluation": np.array(outputs)}


def training_auto_forward(nn, PF, F, S):
    _, _, Net = define(nn, PF, F)
    net = Net()
    solver = S.Adam(0.01)
    losses = []
    with nn.auto_forward():
        for step in range(5):
            x = nn.Variable.from_numpy_array(image(step, (4, 3, 6, 6)))
            t = nn.Variable.from_numpy_array(np.arange(4).reshape(4, 1))
            loss = F.mean(F.softmax_cross_entropy(net(x), t))
            solver.set_parameters(net.get_parameters(grad_only=True), reset=False, retain_state=True)
            solver.zero_grad()
            loss.backward()
            solver.update()
            losses.append(float(loss.d))
    return {"losses": np.array(losses)}


def sequential(nn, PF, F, S):
    ConvBn, _, _ = define(nn, PF, F)
    record = {}
    for name, module in (("plain", nn.Sequential(ConvBn(2), ConvBn(3, 3))),
                         ("named", nn.Sequential(("a", ConvBn(2)), ConvBn(3), ("c", ConvBn(2))))):
        y = module(nn.Variable.from_numpy_array(image()))
        y.forward()
        record.update({f"{name} {key}": value for key, value in parameters(module).items()})
        record[f"{name} y"] = y.d.copy()
        record[f"{name} children"] = np.array(list(module.submodules))
        record[f"{name} parents"] = np.array([child.parent is None for child in module.submodules.values()])
    return record


def structure(nn, PF, F, S):
    """Names, order, flags; no numbers."""
    class Leaf(nn.Module):
        def call(self, x):
            return PF.affine(x, 3)

    class LongNamedBlock(nn.Module):
        def __init__(self, shared):
            self.second = shared
            self.first = Leaf()
            self.first = Leaf()
            self.note = 3

        def call(self, x):
            h = PF.affine(self.first(self.second(x)), 3, name="own")
            return self.helper(h)

        def helper(self, h):
            return PF.batch_normalization(h)

    class Root(nn.Module):
        def __init__(self):
            self.shared = Leaf()
            self.block = LongNamedBlock(self.shared)

    root = Root()
    x = nn.Variable((2, 3))
    with nn.parameter_scope("outside"):
        root.block(x)
    out = OrderedDict()
    out["all"] = list(root.get_parameters())
    out["grad only"] = list(root.get_parameters(grad_only=True))
    out["own"] = list(root.block.get_parameters(recursive=False))
    out["block"] = list(root.block.get_parameters())
    out["global"] = list(nn.get_parameters(grad_only=False))
    out["scopes"] = list(root.block.parameter_scope)
    out["paths"] = [m.get_path_name() for m in (root, root.block, root.block.first, root.shared)]
    out["scope names"] = [m.get_scope_name() for m in (root, root.block, root.shared)]
    out["names"] = [m.name for m in (root, root.block, root.block.first, root.shared, LongNamedBlock(Leaf()))]
    out["repr"] = repr(root.block)
    out["len"] = [len(root), len(root.block), len(root.shared)]
    out["bool"] = [bool(root), bool(root.shared)]
    out["roots"] = [root.is_root(), root.block.is_root(), root.shared.parent is root.block]
    out["children"] = [list(root.submodules), list(root.block.submodules)]
    out["training"] = [root.training, root.shared.training]
    root.block.training = False
    out["training after"] = [root.training, root.block.training, root.shared.training, root.block.first.training]
    root.late = Leaf()
    root.training = 0
    out["training falsy"] = [root.training, root.late.training]
    root.block.training = True
    root.block.new = Leaf()
    out["training of late children"] = [root.training, root.block.new.training]
    root.block.first = None
    out["shadowed"] = [root.block.first is None, list(root.block.submodules), list(root.block.get_parameters())]
    out["missing"] = hasattr(root, "nothing")
    for name, act in (("delete child", lambda: delattr(root, "block")), ("base", lambda: nn.Module()(x)),
                      ("empty sequential", lambda: nn.Sequential()(x)), ("sequential of", lambda: nn.Sequential(3)),
                      ("pair of", lambda: nn.Sequential(("a", 3))),
                      ("key", lambda: root.set_parameter("@block", x)),
                      ("unknown child", lambda: root.set_parameter("@none/W", x, raise_if_missing=True)),
                      ("no such attribute", lambda: root.nothing)):
        try:
            act()
            out[name] = "fine"
        except Exception as error:
            out[name] = [c.__name__ for c in type(error).__mro__][0]
    root.set_parameter("@none/W", x)
    root.set_parameter("@block/@new/affine/W", x)
    out["set"] = root.block.new.get_parameters()["affine/W"] is x
    own = nn.Variable((1,))
    root.set_parameters({"a/b": own})
    out["own last"] = list(root.get_parameters())[-1]
    root.update_parameter()
    out["updated"] = list(root.get_parameters())
    root.zero_grad()
    out["zeroed"] = all(p.grad.zeroing for p in root.get_parameters().values())
    return {key: np.array(repr(value)) for key, value in out.items()}


SCENARIOS = (conv_bn, res_unit_static, res_unit_auto_forward, training, training_auto_forward, sequential, structure)
