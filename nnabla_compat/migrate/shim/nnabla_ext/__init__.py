"""Stands for nnabla_ext on the path of processes that `nnabla-compat run` starts, and makes way at once."""
import sys

import nnabla_compat.ext  # noqa: F401 (loaded before install, which names what is loaded)
from nnabla_compat.migrate.alias import install

del sys.modules[__name__]
install(force=True)
