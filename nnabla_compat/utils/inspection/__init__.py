"""Hooks that watch functions while a graph runs: times, bad values; and a printed graph."""
from .base import FunctionHookCallbackBase
from .pretty_print import pprint
from .profile import CpuTimerCallback, TimeProfiler
from .value_trace import NanInfTracer
