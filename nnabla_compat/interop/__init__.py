"""The bridge to torch: tensors, parameters, names."""
from ..engine.function import variable_of
from .names import scope_path, torch_name
from .scopes import named_buffers, named_parameters

__all__ = ["named_buffers", "named_parameters", "scope_path", "torch_name", "variable_of"]
