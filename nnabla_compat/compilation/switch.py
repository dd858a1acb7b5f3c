"""What runs compiled: everything inside ``with compiled():``, what ``compiled(...)`` was told of, or all by configuration."""
import os
import weakref
from contextlib import contextmanager
from typing import NamedTuple

from ..config import nnabla_config
from ..engine import modes
from ..engine.variable import Variable
from ..optimization.solver import Solver


class Settings(NamedTuple):
    """How something is compiled."""

    options: tuple = ()         # pairs: settings of inductor
    capture: bool = True        # whether code of GPUs is captured as CUDA graphs


class Compiler:
    """Decides for each plan and solver whether it runs compiled. The engine asks it while it is ``modes.compiler``."""

    def __init__(self):
        self.everything, self.settings = None, Settings()     # everything: whether a block, or the configuration, says so
        self.marked = {}      # id -> (weak reference, settings) of single roots and solvers

    def take_effect(self):
        """Let the engine ask only where the answer may be yes."""
        wanted = self.marked if self.everything is None else self.everything
        modes.compiler = self if wanted else None

    def mark(self, target, settings):
        """Let one root or solver run compiled wherever it runs."""
        key = id(target)

        def forget(_):
            del self.marked[key]
            self.take_effect()
        self.marked[key] = weakref.ref(target, forget), settings

    def unmark(self, target):
        """Undo :meth:`mark`."""
        self.marked.pop(id(target), None)

    def run(self, plan, clear_buffer, clear_no_need_grad):
        """Run a plan compiled; False where it is to be run as it is."""
        if not self.everything and plan.root_ids[0] not in self.marked:
            return False
        if plan.compiled is None:
            from .plan import CompiledPlan, History
            if plan.compilation is None:
                plan.compilation = History()
            _, settings = self.marked.get(plan.root_ids[0], (None, self.settings))
            plan.compiled = CompiledPlan(plan, plan.compilation, settings)
        return plan.compiled.run(clear_buffer, clear_no_need_grad)

    def decays(self, solver):
        """Whether weight decay may wait for the solver's update: code for it exists."""
        updates = solver.compiled
        return updates is not None and not updates.given_up and (self.everything or id(solver) in self.marked)

    def update(self, solver, rule, arguments, step, waiting, weights, gradients, states):
        """Do a solver's update compiled; False where its rule has to be called."""
        if not self.everything and id(solver) not in self.marked:
            return False
        if solver.compiled is None:
            from .update import CompiledUpdates
            _, settings = self.marked.get(id(solver), (None, self.settings))
            solver.compiled = CompiledUpdates(rule, arguments, settings)
        return solver.compiled.update(step, waiting, weights, gradients, states)


_compiler = Compiler()


def compiled(*targets, enabled=True, options=None, capture=True):
    """Run static graphs and solvers' updates as compiled code, by torch's inductor.

    ``with compiled():`` does so with all that runs inside; ``compiled(loss, solver)`` with the graph of ``loss``
    and with the updates of ``solver``, wherever they run. Results are the same up to rounding. A graph runs uncompiled
    for the first time, is compiled in its second run (seconds, logged), and again only for other shapes, dtypes and
    ``need_grad``. What can't be compiled runs as it is, with one warning that says why.

    Args:
        targets (Variable or Solver): Roots of graphs, as ``forward`` is called on, and solvers. None: the ``with`` block.
        enabled (bool): False leaves what runs inside, or the targets, uncompiled.
        options (dict): Settings of inductor, such as ``{"cpp_wrapper": True}``; none by default.
        capture (bool): Replay code of GPUs as CUDA graphs, one launch for a step.

    Returns:
        The context manager; or the target, or a tuple of them.

    Raises:
        TypeError: a target is neither Variable nor Solver.
    """
    settings = Settings(tuple(sorted((options or {}).items())), bool(capture))
    if not targets:
        return _everything(bool(enabled), settings)
    for target in targets:
        if not isinstance(target, (Variable, Solver)):
            raise TypeError(f"compiled: expected Variables and Solvers, received {type(target).__name__}")
    for target in targets:
        if enabled:
            _compiler.mark(target, settings)
        else:
            _compiler.unmark(target)
    _compiler.take_effect()
    return targets[0] if len(targets) == 1 else targets


@contextmanager
def _everything(enabled, settings):
    before = _compiler.everything, _compiler.settings
    _compiler.everything, _compiler.settings = enabled, settings
    _compiler.take_effect()
    try:
        yield
    finally:
        _compiler.everything, _compiler.settings = before
        _compiler.take_effect()


def switch_by_configuration():
    """Compile everything where ``NNABLA_COMPAT_COMPILED`` or ``nnabla.conf`` says so; the environment comes first."""
    text = os.environ.get("NNABLA_COMPAT_COMPILED") or nnabla_config.get("COMPILATION", "compiled")
    try:
        _compiler.everything = nnabla_config.BOOLEAN_STATES[text.strip().lower()] or None
    except KeyError:
        raise ValueError(f"NNABLA_COMPAT_COMPILED, or compiled in section COMPILATION of nnabla.conf: expected True or "
                         f"False, received {text!r}") from None
    _compiler.take_effect()
