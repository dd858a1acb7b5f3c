"""The engine against nnabla: scenarios by area, all in SCENARIOS."""
from . import (  # noqa: F401
    scenarios_clearing, scenarios_dtypes, scenarios_learning, scenarios_overwriting, scenarios_search, scenarios_suite,
    scenarios_surprises, scenarios_testers, scenarios_views)
from .scenarios import SCENARIOS

__all__ = ["SCENARIOS"]
