"""Subject ``gradient_reads``: whose data each function's gradients read, by the original's own account.

One declared case of ``cases/`` is kept for each distinct answer of a function type.
"""
import json
import os

from . import drive
from .cases import CASES
from .corpus import ROOT


def account(function):
    """``["inputs read by the gradient of input 0", ...]`` and the same for outputs, as strings of 0 and 1."""
    ins, outs = range(len(function.inputs)), range(len(function.outputs))
    return [["".join("01"[bool(function.grad_depends_input_data(i, j))] for j in ins) for i in ins],
            ["".join("01"[bool(function.grad_depends_output_data(i, o))] for o in outs) for i in ins]]


def accounts(nn, case):
    """Accounts of the functions a case's call makes: type name -> list of distinct accounts."""
    ys = drive.build(nn, case, drive.variables(nn, case, case.draw_inputs()))
    found = {}

    def look(function):
        answer = account(function)
        answers = found.setdefault(function.info.type_name, [])
        if answer not in answers:
            answers.append(answer)
    for y in ys:
        y.visit(look)
    return found


def in_child(nn, case):
    """accounts() in a forked child: the original dies on some inputs."""
    receiver, sender = os.pipe()
    if os.fork() == 0:
        try:
            os.write(sender, json.dumps(accounts(nn, case)).encode())
        finally:
            os._exit(0)
    os.close(sender)
    with os.fdopen(receiver) as stream:
        text = stream.read()
    os.wait()
    return json.loads(text) if text else {}


def record(names):
    """Record all functions (``names`` is not looked at: the file is one)."""
    import nnabla as nn

    seen, kept = set(), {}
    for cases in CASES.values():
        for case in cases:
            if case.bad:
                continue
            found = in_child(nn, case)
            new = {(t, json.dumps(a)) for t, answers in found.items() for a in answers} - seen
            if new:
                seen |= new
                kept.setdefault(case.function, {})[case.key] = found
    path = ROOT / "gradient_reads.json"
    path.write_text("{\n" + ",\n".join(f"{json.dumps(f)}: {json.dumps(c)}" for f, c in kept.items()) + "\n}\n")
    print(f"{len(seen)} answers of {len({t for t, _ in seen})} function types in {path}")
