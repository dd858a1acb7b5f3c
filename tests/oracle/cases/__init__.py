"""The declared cases, by family. Importing this package collects them all into ``CASES``."""
import importlib
import pkgutil
from collections import Counter

from ..case import CASES

for _found in sorted(m.name for m in pkgutil.iter_modules(__path__)):
    importlib.import_module(f"{__name__}.{_found}")

_twice = [key for cases in CASES.values() for key, n in Counter(c.key for c in cases).items() if n > 1]
if _twice:
    raise ValueError("cases declared twice: " + "; ".join(_twice))

__all__ = ["CASES"]
