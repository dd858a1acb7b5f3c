"""The solvers under nnabla's customary name, ``import nnabla.solvers as S``."""
from .solver import *  # noqa: F401,F403
from .solver import __all__  # noqa: F401
