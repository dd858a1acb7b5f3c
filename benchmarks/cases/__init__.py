"""One module a case: the same network written for nnabla and for torch, and its data.

    TITLE, THREADS             what the table says; threads the libraries may use
    data(rng)                  one batch: (x, t), or what the losses take
    nnabla_network(nn, F, PF, x, train)   scores, as nnabla code; nn may be nnabla or nnabla_compat
    torch_network(torch)       the same as a torch.nn.Module, written as one would by hand
    copy_parameters(parameters, module)   nnabla's parameters, {name: array}, into that module

A case whose training step is no classification has, too:

    nnabla_losses(nn, F, PF, *batch)      gives pairs (loss, scope of the parameters to update), to be stepped one by one
    torch_losses(torch, network, *batch)  the same pairs with the names of the network's children
    SOLVER                     "Adam" rather than "Momentum"
    KINDS                      ("inference",) where there is no training step

Numbers of a case can be set with its name: load("mlp:BATCH=512").
"""
import importlib

NAMES = ("mlp", "actor_critic", "lenet", "resnet14", "resnet50", "lstm", "lstm_operator", "transformer", "dcgan", "unet")


class Case:
    """A module with the defaults filled in."""

    SOLVER, KINDS = "Momentum", ("training", "inference")

    def __init__(self, name):
        name, *settings = name.split(":")
        module = importlib.import_module("cases." + name)
        for setting in settings:
            number, value = setting.split("=")
            if number not in vars(module):
                raise ValueError("case {} has no number {}".format(name, number))
            setattr(module, number, int(value))
        self.__dict__.update({k: v for k, v in vars(module).items() if not k.startswith("__")})

    def nnabla_losses(self, nn, F, PF, x, t):
        yield F.mean(F.softmax_cross_entropy(self.nnabla_network(nn, F, PF, x, True), t)), ""

    def torch_losses(self, torch, network, x, t):
        yield torch.nn.functional.cross_entropy(network(x), t), ""


load = Case


def copy_in_order(parameters, module):
    """For networks whose layers hold their parameters in the order in which nnabla made them."""
    import torch
    values = [torch.from_numpy(v.copy()) for v in parameters.values()]
    with torch.no_grad():
        for layer in module.modules():
            if isinstance(layer, torch.nn.Linear):
                layer.weight.copy_(values.pop(0).flatten(1).t())
                layer.bias.copy_(values.pop(0))
            elif isinstance(layer, (torch.nn.Conv2d, torch.nn.ConvTranspose2d)):
                layer.weight.copy_(values.pop(0))
                if layer.bias is not None:
                    layer.bias.copy_(values.pop(0))
            elif isinstance(layer, torch.nn.BatchNorm2d):
                for target in (layer.bias, layer.weight, layer.running_mean, layer.running_var):
                    target.copy_(values.pop(0).flatten())
    if values:
        raise ValueError("{} parameters of nnabla's are left over".format(len(values)))
