"""One module a case: the same network written for nnabla and for torch, and its data.

    TITLE, THREADS             what the table says; threads the libraries may use
    data(rng)                  one batch: (x, t)
    nnabla_network(nn, F, PF, x, train)   scores, as nnabla code; nn may be nnabla or nnabla_compat
    torch_network(torch)       the same as a torch.nn.Module, written as one would by hand
    copy_parameters(parameters, module)   nnabla's parameters, {name: array}, into that module
"""
import importlib

NAMES = ("mlp", "lenet", "resnet14", "lstm")


def load(name):
    return importlib.import_module("cases." + name)


def copy_in_order(parameters, module):
    """For networks whose layers hold their parameters in the order in which nnabla made them."""
    import torch
    values = [torch.from_numpy(v.copy()) for v in parameters.values()]
    with torch.no_grad():
        for layer in module.modules():
            if isinstance(layer, torch.nn.Linear):
                layer.weight.copy_(values.pop(0).flatten(1).t())
                layer.bias.copy_(values.pop(0))
            elif isinstance(layer, torch.nn.Conv2d):
                layer.weight.copy_(values.pop(0))
                if layer.bias is not None:
                    layer.bias.copy_(values.pop(0))
            elif isinstance(layer, torch.nn.BatchNorm2d):
                for target in (layer.bias, layer.weight, layer.running_mean, layer.running_var):
                    target.copy_(values.pop(0).flatten())
    if values:
        raise ValueError("{} parameters of nnabla's are left over".format(len(values)))
