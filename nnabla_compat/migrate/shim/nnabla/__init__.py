"""Stands for nnabla on the path of processes that `nnabla-compat run` starts, and makes way at once."""
import sys

from nnabla_compat.migrate.alias import install

del sys.modules[__name__]
install(force=True)
