"""Static graphs as compiled code.

    switch.py    what runs compiled: ``nnabla_compat.compiled``
    plan.py      a plan's compiled runs, and what they leave in variables
    program.py   a plan as a pure function of tensors
    streams.py   random numbers, drawn beforehand
    code.py      tracing, inductor, and the cache of what was compiled
    update.py    solvers' updates
    capture.py   CUDA graphs

Only the switch is imported with the package.
"""
from .switch import compiled, switch_by_configuration

__all__ = ["compiled", "switch_by_configuration"]
