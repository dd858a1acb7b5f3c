"""Subject ``half``: declared calls under a half precision context, a few settings of each function.

Inputs are drawn anew from the case's text, so only results are kept: outputs, gradients, and inputs that the
call changes. Functions that the original computes in float32 here (it has no half precision kernel
for them on the CPU) are kept as well: their outputs' dtype shows it. Names are ignored: one file holds all.
"""
import importlib
import time

import numpy as np

from . import drive
from .cases import CASES
from .corpus import ROOT, Reader, Writer
from .record_operators import in_child

SETTINGS = 4  # of each function


def spread(cases, count=SETTINGS):
    """Up to ``count`` of the cases, from the first to the last."""
    if len(cases) <= count:
        return list(cases)
    return [cases[round(i * (len(cases) - 1) / (count - 1))] for i in range(count)]


def settings(name):
    """The settings recorded for a function, out of those that work in single precision."""
    entries = Reader(ROOT / "operators", name).entries
    return spread([c for c in CASES[name] if not (c.bad or c.code or c.auto) and "outputs" in entries.get(c.key, ())])


def observe(nn, case):
    context = importlib.import_module(f"{nn.__name__}.ext_utils").get_extension_context("cpu", type_config="half")
    arrays = case.draw_inputs()
    try:
        with nn.context_scope(context):
            xs = drive.variables(nn, case, arrays)
            ys = drive.build(nn, case, xs)
            entry = {"outputs": drive.forward(nn, case, ys)}
            after = [np.array(x.d) for x in xs]
            changed = [None if np.array_equal(a.astype(np.float32), b.astype(np.float16).astype(np.float32), equal_nan=True)
                       or np.array_equal(a, b) else a for a, b in zip(after, arrays)]
            if any(c is not None for c in changed):
                entry["after"] = changed
            if case.backward and any(s.grad for s in case.specs):
                try:
                    entry["grads"] = drive.backward(nn, case, xs, ys, entry["outputs"])
                except drive.Failed as e:
                    entry["no_gradient"] = " ".join(str(e).split())[:80]
    except drive.Failed as e:
        return {"fails": " ".join(str(e).split())[:80]}
    return entry


def record(names):
    import nnabla as nn

    start, writer, entries = time.time(), Writer(), {}
    for name in CASES:
        for case in settings(name):
            entry = in_child(lambda: observe(nn, case)) or {"fails": "died"}
            if "fails" in entry:
                print(f"FAILS    {case}\n         {entry['fails']}", flush=True)
            for part in ("outputs", "grads", "after"):
                if part in entry:
                    entry[part] = [None if a is None else writer.put(a) for a in entry[part]]
            entries[case.key] = entry
    writer.save(ROOT / "half", "operators", entries)
    print(f"{len(entries)} cases of {len(CASES)} names in {time.time() - start:.1f} s")
