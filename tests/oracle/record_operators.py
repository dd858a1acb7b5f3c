"""Subject ``operators``: every declared call of nnabla.functions and of the arrays' own operators.

Each case runs in a forked child, because the original dies on some inputs instead of raising.
"""
import os
import pickle
import resource
import signal
import sys
import time

import numpy as np

from . import drive
from .cases import CASES
from .corpus import ROOT, Writer


def observe(nn, case, forward_only=False):
    """Everything the original does with ``case``, as plain data."""
    arrays = case.draw_inputs()
    entry = {"inputs": arrays}
    try:
        xs = drive.variables(nn, case, arrays)
        ys = drive.build(nn, case, xs)
        entry["built"] = [list(y.shape) for y in ys]
        try:
            entry.update(drive.describe(ys))
        except Exception:
            pass
        outputs = drive.forward(nn, case, ys)
    except drive.Failed as e:
        if "not_implemented error" in str(e.error) or e.stage == "forward" and ("not_implemented" in str(e.error) or "not supported in CPU" in str(e.error)):
            entry["unsupported"] = True  # by this build of the original; other builds may compute it
            return entry
        entry["raises"] = [e.stage, type(e.error).__name__]
        entry["message"] = str(e.error)
        return entry
    entry["outputs"] = outputs
    if forward_only:
        entry["no_gradient"] = "the original dies"
        return entry
    after = [np.array(x.d) for x in xs]
    entry["after"] = [None if same(a, b) else b for a, b in zip(arrays, after)]
    wanted = case.backward and any(s.grad for s in case.specs) and any(drive.floating(outputs))
    if wanted:
        try:
            grads = drive.backward(nn, case, xs, ys, outputs)
            entry["grads"] = grads
        except drive.Failed as e:
            entry["no_gradient"] = f"{type(e.error).__name__}: {e.error}"
            wanted = False
    if wanted and case.second and not case.random:
        try:
            firsts, seconds = drive.second_order(nn, case, arrays, outputs)
            if all(close(a, b) for a, b in zip(firsts, grads) if a is not None):
                entry["second"] = seconds
            else:
                entry["no_second"] = "nn.grad differs from backward in the original"
        except drive.Failed as e:
            entry["no_second"] = f"{type(e.error).__name__}: {str(e.error).splitlines()[0] if str(e.error) else ''}"
    if case.imperative and case.specs and not (case.random and case.forwards > 1):
        try:
            values, _ = drive.imperative(nn, case, arrays)
            if case.random or all(same(a, b) for a, b in zip(values, outputs)):
                entry["imperative"] = "same"
            else:
                entry["imperative"] = "differs"
                entry["imperative_outputs"] = values
        except drive.Failed as e:
            entry["imperative"] = f"raises {type(e.error).__name__}"
    return entry


def same(a, b):
    return a.dtype == b.dtype and a.shape == b.shape and np.array_equal(a, b, equal_nan=a.dtype.kind == "f")


def close(a, b):
    return a.shape == b.shape and np.allclose(a, b, rtol=1e-3, atol=1e-3 * (np.abs(b).max() if b.size else 1), equal_nan=True)


def in_child(work):
    """The result of ``work()`` in a forked process; None when that dies."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        status = 1
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        signal.alarm(10)
        try:
            quiet = os.open(os.devnull, os.O_WRONLY)
            os.dup2(quiet, 2)
            os.dup2(quiet, 1)
            data = pickle.dumps(work())
            with os.fdopen(write, "wb") as f:
                f.write(data)
            status = 0
        finally:
            os._exit(status)
    os.close(write)
    with os.fdopen(read, "rb") as f:
        data = f.read()
    os.waitpid(pid, 0)
    return pickle.loads(data) if data else None


REFERENCES = ("inputs", "outputs", "after", "grads", "second", "imperative_outputs")


def record(names):
    import nnabla as nn

    unknown = set(names) - set(CASES)
    if unknown:
        sys.exit(f"no cases for {sorted(unknown)}")
    start, count = time.time(), 0
    for name in names or list(CASES):
        writer, entries = Writer(), {}
        for case in CASES[name]:
            count += 1
            entry = in_child(lambda: observe(nn, case))
            if entry is None:  # forward alone may still work
                entry = in_child(lambda: observe(nn, case, forward_only=True))
                print(f"DIED     {case}" + (" (backward)" if entry else ""), flush=True)
            if entry is None:
                entries[case.key] = {"died": True}
                continue
            message = entry.pop("message", "")
            if ("raises" in entry) != case.bad:
                print(f"{'RAISED  ' if 'raises' in entry else 'NO ERROR'} {case}\n         {' '.join(message.split())[:300]}")
            if "no_gradient" in entry and not case.bad and "not_implemented" not in entry["no_gradient"]:
                print(f"NO GRAD  {case}\n         {' '.join(entry['no_gradient'].split())[:300]}")
            if case.bad and "raises" not in entry:
                entry["no_reference"] = "declared bad, and the original does not notice"
            if entry.get("no_second", "").startswith("nn.grad differs"):
                print(f"NN.GRAD DIFFERS  {case}")
            entry["no_gradient" if "no_gradient" in entry else "bad"] = entry.get("no_gradient", case.bad)
            for part in REFERENCES:
                if part in entry:
                    entry[part] = [None if a is None else writer.put(a) for a in entry[part]]
            if not any(entry.get("after", [])):
                entry.pop("after", None)
            if not entry.get("bad", True):
                entry.pop("bad")
            if "no_gradient" in entry:
                entry["no_gradient"] = " ".join(entry["no_gradient"].split())[:80]
            entries[case.key] = entry
        writer.save(ROOT / "operators", name, entries)
    if not names:
        for path in (ROOT / "operators").iterdir():
            if path.suffix in (".npz", ".json") and path.stem not in CASES:
                path.unlink()
    print(f"{count} cases of {len(names or CASES)} names in {time.time() - start:.1f} s")
