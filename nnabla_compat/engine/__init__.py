"""What runs: storage, arrays, variables, functions, tapes. Knows no operator by name."""
from .context import Context, context_scope, get_current_context, set_default_context
from .calls import call
from .function import Function
from .nd_array import NdArray
from .python_function import PythonFunction
from .plan import forward_all
from .variable import Variable

__all__ = ["Context", "Function", "NdArray", "PythonFunction", "Variable", "call", "context_scope",
           "forward_all", "get_current_context", "set_default_context"]
