"""Scope paths of nnabla and dotted names of torch, both ways and without loss.

``conv1/conv/W`` is ``conv1.conv.W``. A Module's child keeps its mark: ``@cb1/conv/W`` is
``@cb1.conv.W``. A dot inside a component, which torch does not allow there, is written ``%2E``
(``@layers.0/conv/W`` is ``@layers%2E0.conv.W``), a percent sign ``%25`` and an empty component ``%``. What is an
attribute of every torch.nn.Module, or a Python keyword, gets a percent sign in front: ``forward/affine/W`` is ``%forward.affine.W``.
"""
import keyword

import torch

_TAKEN = frozenset(dir(torch.nn.Module())) | frozenset(keyword.kwlist)


def torch_component(component):
    """One component of a scope path as torch may name a child or a parameter."""
    if not component:
        return "%"
    if component in _TAKEN:
        return "%" + component
    if "%" in component or "." in component:
        return component.replace("%", "%25").replace(".", "%2E")
    return component


def scope_component(name):
    """Inverse of :func:`torch_component`."""
    if name[:1] == "%" and (name == "%" or name[1:] in _TAKEN):
        return name[1:]
    if "%" in name:
        return name.replace("%2E", ".").replace("%25", "%")
    return name


def torch_name(path):
    """The torch name of a parameter: ``torch_name("conv1/conv/W") == "conv1.conv.W"``."""
    return ".".join([torch_component(c) for c in path.split("/")])


def scope_path(name):
    """The scope path of a torch name: ``scope_path("conv1.conv.W") == "conv1/conv/W"``."""
    return "/".join([scope_component(c) for c in name.split(".")])
