"""nnabla's Python API on PyTorch.

``import nnabla_compat as nn`` replaces ``import nnabla as nn``; ``nnabla_compat.install()`` makes
``import nnabla`` itself, in any module, resolve to this package.
"""
import gc
import importlib

# What is made from here on stays. Full collections would pass over all of torch's objects, too, and take twice as long as
# the rest of this import.
_collecting = gc.isenabled()
gc.disable()

from . import array_operators, cpu_memory, function, function_bases, functions, random, solver
from . import absent as _absent
from ._computation_graph import forward_all
from ._init import (add_available_context, array_classes, available_contexts, prefer_cached_array,
                    reset_array_preference)
from ._nd_array import NdArray
from .auto_forward import auto_forward, get_auto_forward, set_auto_forward
from .callback import (set_function_post_hook, set_function_pre_hook, set_solver_post_hook, set_solver_pre_hook,
                       unset_function_post_hook, unset_function_pre_hook, unset_solver_post_hook,
                       unset_solver_pre_hook)
from .compilation import compiled, switch_by_configuration as _switch_by_configuration
from .context import Context, context_scope, get_current_context, set_default_context
from .core.module import Module
from .core.sequential import Sequential
from .grad import grad
from .logger import logger
from .migrate.alias import install, uninstall
from .parameter import (clear_parameters, get_current_parameter_scope, get_parameters, load_parameters, no_grad,
                        parameter_scope, save_parameters)
from .random import seed
from .recompute import recompute, recompute_fn, set_global_recompute
from .variable import Variable

# Loaded when first used as an attribute; nnabla asks for an import of some of them.
_SUBMODULES = {"backward_functions", "communicators", "dtypes", "experimental", "ext_utils", "initializer",
               "monitor", "parametric_functions", "solvers", "testing", "utils"}


def __getattr__(name):
    if name in ("graph_def", "ProtoVariable"):
        graph_def = importlib.import_module("nnabla_compat.core.graph_def")
        return graph_def if name == "graph_def" else graph_def.ProtoVariable
    if name not in _SUBMODULES:
        raise AttributeError(f"module 'nnabla_compat' has no attribute {name!r}")
    return importlib.import_module(f"nnabla_compat.{name}")


_absent.install()
cpu_memory.keep_freed()
array_operators.install(NdArray, Variable)
_switch_by_configuration()

# The version of nnabla whose API this is; scripts compare it. Ours is in the package metadata.
__version__ = "1.39.0"

if _collecting:
    gc.enable()
