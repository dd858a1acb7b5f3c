"""The ways a recorded call is repeated through this package, each giving a list of differences."""
import builtins
import json
import pathlib

import numpy as np
import torch

import nnabla_compat as nn
from oracle import drive
from oracle.compare import FLOOR, difference, relative_error

from nnabla_compat.ext_utils import get_extension_context
from nnabla_compat.registry import OPERATORS

from .differences import HALF_EXCLUDED, HALF_KEEPS, HALF_TOLERANCES, tolerance

# Function type -> the functions that are that type and nothing else.
with open(pathlib.Path(__file__).resolve().parent.parent / "names" / "operators.json") as _file:
    CLASSES = {type_name: (function, f"function_bases.{function}") for type_name, function in json.load(_file).items()}


class Recorded:
    """A case with its record, arrays resolved."""

    def __init__(self, case, entry, reader):
        self.case, self.entry = case, entry
        for name in ("inputs", "outputs", "grads", "second", "after", "imperative_outputs"):
            setattr(self, name, [reader.get(r) for r in entry[name]] if name in entry else None)


class Errors:
    """Worst relative errors seen, for the coverage page."""

    def __init__(self):
        self.forward = self.backward = self.second = None

    def note(self, kind, actual, expected, floor):
        if actual.shape == expected.shape:
            error = relative_error(actual, expected, floor) if expected.dtype.kind == "f" else float(not np.array_equal(actual, expected))
            setattr(self, kind, max(getattr(self, kind) or 0.0, error))


def agree(what, actual, expected, tol, found, errors=None, kind=None):
    if len(actual) != len(expected):
        found.append(f"{what}: {len(actual)} arrays, expected {len(expected)}")
        return
    floor = FLOOR
    if "grad" in what:  # a gradient that cancels is noise of the size of the others' rounding
        floor = max([floor] + [0.01 * float(np.abs(e).max()) for e in expected if e is not None and e.size])
    for i, (a, e) in enumerate(zip(actual, expected)):
        if e is None:
            continue
        if errors is not None:
            errors.note(kind, a, e, floor)
        text = difference(a, e, tol, floor)
        if text:
            found.append(f"{what} {i}: {text}")


def raised_as(error, name):
    return isinstance(error, getattr(builtins, name, ()))


def static(recorded, errors=None):
    """Build, forward, backward as a graph; and what Function says about itself."""
    case, entry, found = recorded.case, recorded.entry, []
    tol = tolerance(case.function)
    unsupported = "unsupported" in entry  # only shapes have a reference
    try:
        xs = drive.variables(nn, case, recorded.inputs)
        ys = drive.build(nn, case, xs)
        built = [list(y.shape) for y in ys]
        about = drive.describe(ys) if ys[0].parent is not None else {}
        outputs = drive.forward(nn, case, ys)
    except drive.Failed as e:
        if "raises" not in entry:
            found.append(str(e))
        elif (entry["raises"][0], e.stage) == ("build", "forward") or not raised_as(e.error, entry["raises"][1]):  # earlier is fine
            found.append(f"raised {e}, expected {entry['raises'][1]} at {entry['raises'][0]}")
        return found
    if "raises" in entry:
        return [f"no error, expected {entry['raises'][1]} at {entry['raises'][0]}"]
    if built != entry.get("built", built):
        found.append(f"built shapes {built}, expected {entry['built']}")
    for part in ("type", "args"):
        if part in entry and not alike(about.get(part), entry[part]):
            found.append(f"info.{part} {about.get(part)}, expected {entry[part]}")
    if unsupported:
        return found
    if not case.stream:
        return found + [f"{o.dtype} {o.shape}" for o, e in zip(outputs, recorded.outputs) if (o.dtype, o.shape) != (e.dtype, e.shape)]
    agree("output", outputs, recorded.outputs, tol, found, errors, "forward")
    if recorded.after:
        # The original turns some buffers into integers while it uses them: values count.
        after = [None if e is None else np.array(x.d).astype(e.dtype) for x, e in zip(xs, recorded.after)]
        agree("input after", after, recorded.after, tol, found)
    if recorded.grads:
        try:
            grads = drive.backward(nn, case, xs, ys, outputs)
            agree("gradient", grads, recorded.grads, tol, found, errors, "backward")
            if not case.random and not found:
                twice = drive.backward(nn, case, xs, ys, outputs, zero=False)
                agree("accumulated gradient", twice, [None if g is None else g + g for g in recorded.grads], tol, found)
        except drive.Failed as e:
            found.append(str(e))
    return found


def alike(a, b):
    """Equal structures; floats to float32 precision."""
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(alike(a[k], b[k]) for k in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(alike(x, y) for x, y in zip(a, b))
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    if isinstance(a, float) and isinstance(b, float):
        return a == b or abs(a - b) <= 1e-12 * abs(b)
    return type(a) is type(b) and a == b


def second(recorded, errors=None):
    """nn.grad, and gradients of it."""
    if not recorded.second:
        return None
    found, case = [], recorded.case
    try:
        firsts, seconds = drive.second_order(nn, case, recorded.inputs, recorded.outputs)
    except drive.Failed as e:
        return [str(e)]
    agree("nn.grad", firsts, recorded.grads, tolerance(case.function), found)
    agree("second gradient", seconds, recorded.second, 5 * tolerance(case.function), found, errors, "second")
    return found


def imperative(recorded, errors=None):
    """The call made with NdArrays."""
    how, case, found = recorded.entry.get("imperative"), recorded.case, []
    if how is None or how.startswith("raises") and not case.bad:  # graphs work there, arrays should here
        return None
    try:
        values, after = drive.imperative(nn, case, recorded.inputs)
    except drive.Failed as e:
        if not how.startswith("raises"):
            return [str(e)]
        return [] if raised_as(e.error, how.split()[1]) else [f"raised {e}, expected {how.split()[1]}"]
    if how.startswith("raises"):
        return [f"no error, expected {how.split()[1]}"]
    expected = recorded.outputs if how == "same" else recorded.imperative_outputs
    agree("output", values, expected, tolerance(case.function), found)
    if recorded.after and how == "same":
        after = [None if e is None else a.astype(e.dtype) for a, e in zip(after, recorded.after)]
        agree("input after", after, recorded.after, tolerance(case.function), found)
    return found


def auto_forward(recorded, errors=None):
    """Computing while building, then backward."""
    case, found = recorded.case, []
    if recorded.outputs is None or case.forwards > 1 or not case.stream:
        return None
    try:
        with nn.auto_forward():
            xs = drive.variables(nn, case, recorded.inputs)
            ys = drive.build(nn, case, xs)
            outputs = [np.array(y.d) for y in ys]
            agree("output", outputs, recorded.outputs, tolerance(case.function), found)
            if recorded.grads:
                grads = drive.backward(nn, case, xs, ys, outputs)
                agree("gradient", grads, recorded.grads, tolerance(case.function), found)
    except drive.Failed as e:
        return [str(e)]
    return found


def tensors(recorded, errors=None):
    """The call made with torch tensors, differentiated by torch."""
    case, found = recorded.case, []
    if recorded.outputs is None or case.forwards > 1 or case.code or not case.specs:
        return None
    xs = [torch.from_numpy(a).requires_grad_(bool(s.grad and a.dtype.kind == "f")) for s, a in zip(case.specs, recorded.inputs)]
    try:
        nn.seed(drive.STREAM_SEED)
        ys = drive.listed(drive.call(nn, case, xs))
        strangers = [type(y).__name__ for y in ys if not isinstance(y, torch.Tensor)]
        if strangers:
            return [f"returned {strangers}, not tensors"]
        agree("output", [y.detach().numpy() for y in ys], recorded.outputs, tolerance(case.function), found)
        if recorded.grads and not found:
            roots = [(y, torch.from_numpy(case.draw_gradient(y.shape, i))) for i, y in enumerate(ys) if y.requires_grad]
            wanted = [x for x in xs if x.requires_grad]
            if roots:
                grads = iter(torch.autograd.grad([y for y, _ in roots], wanted, [g for _, g in roots], allow_unused=True))
            else:
                grads = iter([None] * len(wanted))
            got = [next(grads) if x.requires_grad else None for x in xs]
            got = [np.zeros_like(e) if g is None and e is not None else g if g is None else g.numpy() for g, e in zip(got, recorded.grads)]
            agree("gradient", got, [e if x.requires_grad else None for x, e in zip(xs, recorded.grads)], tolerance(case.function), found)
    except Exception as e:
        found.append(f"{type(e).__name__}: {e}")
    return found


def function_class(recorded, errors=None):
    """The recorded function type and arguments through its class in nn.function."""
    case, entry, found = recorded.case, recorded.entry, []
    arguments = entry.get("args")
    if (recorded.outputs is None or entry.get("types") != [entry.get("type")] or case.auto or case.code or not case.stream
            or case.function not in CLASSES.get(entry["type"], ()) or None in case.args or None in case.kwargs.values()
            or any(isinstance(a, list) and a and isinstance(a[0], list) for a in case.args)  # a list that becomes an input
            or case.forwards > 1 or any(isinstance(v, str) and v.startswith("'") for v in arguments.values())):
        return None
    nn.seed(drive.STREAM_SEED)
    try:
        xs = drive.variables(nn, case, recorded.inputs)
        function = getattr(nn.function, entry["type"])(nn.get_current_context(), *arguments.values())
        ys = drive.listed(function(*xs, n_outputs=len(recorded.outputs)))
        outputs = drive.forward(nn, case, ys)
    except Exception as e:
        return [f"{type(e).__name__}: {e}"]
    if function.name != entry["type"]:
        found.append(f"name {function.name}, expected {entry['type']}")
    agree("output", outputs, recorded.outputs, tolerance(case.function), found)
    return found


def half(recorded, errors=None):
    """The graph under a half precision context, against the float32 reference."""
    case, found = recorded.case, []
    if recorded.outputs is None or case.auto or case.random or case.code or case.function in HALF_EXCLUDED:
        return None
    if any(o.size and o.dtype.kind == "f" and not np.abs(o).max() < 6e4 for o in recorded.outputs):
        return None  # more than half precision can hold
    tol = HALF_TOLERANCES.get(case.function, 1e-2)
    try:
        with nn.context_scope(get_extension_context("cpu", type_config="half")):
            xs = drive.variables(nn, case, recorded.inputs)
            ys = drive.build(nn, case, xs)
            outputs = drive.forward(nn, case, ys)
            agree("output", [wide(o) for o in outputs], recorded.outputs, tol, found)
            if case.function not in HALF_KEEPS and computed_in_half(recorded.entry) and not any(o.dtype == np.float16 or o.dtype.kind != "f" for o in outputs):
                found.append(f"output dtypes {[str(o.dtype) for o in outputs]}, expected float16")
            if recorded.grads:
                grads = drive.backward(nn, case, xs, ys, outputs)
                agree("gradient", [None if g is None else wide(g) for g in grads], recorded.grads, 3 * tol, found)
    except drive.Failed as e:
        return [str(e)]
    return found


def computed_in_half(entry):
    return OPERATORS[entry["type"]].half


def wide(array):
    return array.astype(np.float32) if array.dtype == np.float16 else array


MODES = {"static": static, "second": second, "imperative": imperative, "auto_forward": auto_forward, "tensors": tensors,
         "function_class": function_class, "half": half}
