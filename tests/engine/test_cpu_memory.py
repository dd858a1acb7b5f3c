"""Freed arrays are kept for the next ones; nnabla's clear_memory_cache gives them back to the system."""
import os
import subprocess
import sys

import pytest

from nnabla_compat import cpu_memory

pytestmark = pytest.mark.skipif(cpu_memory._glibc() is None, reason="needs glibc")

FAULTS = """
import resource, nnabla_compat, torch
torch.set_num_threads(1)
x = torch.ones(1 << 20)
faults = []
for _ in range(20):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    terms = [x * 0.5 for _ in range(4)]
    del terms
    faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
print(faults[-1])
"""

GIVEN_BACK = """
import nnabla_compat, torch
from nnabla_compat.ext.cpu import clear_memory_cache

def pages():
    return int(open("/proc/self/statm").read().split()[1])

x = torch.ones(16 << 20)
del x
kept = pages()
clear_memory_cache()
print(kept - pages())
"""


def printed(script, **environment):
    result = subprocess.run([sys.executable, "-c", script], env={**os.environ, **environment}, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return int(result.stdout)


def test_steps_find_the_memory_of_the_last_one():
    assert printed(FAULTS) < 100    # four arrays of a thousand pages each


def test_settings_of_the_environment_hold():
    assert printed(FAULTS, MALLOC_TRIM_THRESHOLD_="131072", MALLOC_MMAP_THRESHOLD_="131072") > 3000


def test_clear_memory_cache_gives_memory_back():
    assert printed(GIVEN_BACK) > 10000
