"""The engine against nnabla: scenarios by area, all in SCENARIOS."""
from . import scenarios_clearing, scenarios_learning, scenarios_search, scenarios_suite, scenarios_surprises  # noqa: F401
from .scenarios import SCENARIOS

__all__ = ["SCENARIOS"]
