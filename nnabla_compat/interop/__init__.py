"""The bridge to torch: one graph, one set of parameters, seen from both sides.

=============================  ==========================================================================
a torch tensor in nnabla       :func:`variable_of`, :func:`array_of`; operators take tensors as they are
a Variable in torch            ``Variable.tensor``, ``NdArray.tensor``
a torch.nn.Module in nnabla    :func:`call_torch` as a function, :class:`FromTorch` as a Module
nnabla as a torch.nn.Module    :func:`to_torch`, :func:`graph_to_torch`, :func:`scope_to_torch`
parameters                     :func:`named_parameters`, :func:`named_buffers`; a solver's ``set_parameters`` takes
                               ``dict(module.named_parameters())``
names                          :func:`torch_name`, :func:`scope_path`
data                           :func:`data_source_of`, :func:`data_iterator_of`, :func:`dataset_of`; a data source is a
                               data set
=============================  ==========================================================================
"""
from .data import data_iterator_of, data_source_of, dataset_of
from .from_torch import FromTorch
from .names import scope_path, torch_name
from .scopes import named_buffers, named_parameters
from .tensors import array_of, variable_of
from .to_torch import graph_to_torch, scope_to_torch, to_torch
from .torch_node import call_torch

__all__ = ["FromTorch", "array_of", "call_torch", "data_iterator_of", "data_source_of", "dataset_of", "graph_to_torch", "named_buffers", "named_parameters", "scope_path",
           "scope_to_torch", "to_torch", "torch_name", "variable_of"]
