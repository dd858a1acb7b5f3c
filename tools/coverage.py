"""Write docs/coverage.md: names, signatures and operators of this package against nnabla 1.39.

    python tools/coverage.py            # write the page (runs the recorded corpus, some seconds)
    python tools/coverage.py --check    # exit 1 when the page is not current

The inventory of names is tests/names/nnabla-1.39.0.json, the operators' references are under
tests/corpus/operators.
"""
import enum
import importlib
import inspect
import json
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "coverage.md"
INVENTORY = ROOT / "tests" / "names" / "nnabla-1.39.0.json"
for place in (ROOT, ROOT / "tests"):
    if str(place) not in sys.path:
        sys.path.insert(0, str(place))

# Members every Python object or extension class has: no part of the API.
AUTOMATIC = {"__hash__", "__reduce__", "__setstate__", "__getstate__", "__ge__", "__gt__", "__le__", "__lt__", "__cinit__",
             "EXCEPTIONS_AT_DEALLOC", "__init__", "__reduce_cython__", "__setstate_cython__"}


def ours(module):
    return module.replace("nnabla", "nnabla_compat", 1)


class Names:
    """The result of comparing the package with the inventory."""

    def __init__(self):
        self.total, self.present = {}, {}   # module -> number of names
        self.missing = {}                   # module -> names ("Class.member" for members)
        self.drift = {}                     # "module.name" -> (theirs, ours)
        self.extended = {}                  # the same, for parameters added at the end
        self.surplus = {}                   # module -> public names of ours that nnabla has not

    @property
    def missing_count(self):
        return sum(len(names) for names in self.missing.values())


def compare_names():
    with open(INVENTORY) as f:
        inventory = json.load(f)
    result = Names()
    for module, names in inventory.items():
        try:
            here = importlib.import_module(ours(module))
        except ImportError:
            here = None
        missing = result.missing.setdefault(module, [])
        total = 0
        for name, entry in names.items():
            members = {k: v for k, v in entry.items() if k and k not in AUTOMATIC} if isinstance(entry, dict) else {}
            total += 1 + len(members)
            found = getattr(here, name, None) if here is not None else None
            if here is None or not hasattr(here, name):
                missing.append(name)
                missing += [f"{name}.{m}" for m in members]
                continue
            check_signature(result, f"{module}.{name}", entry.get("") if isinstance(entry, dict) else entry, found)
            for member, signature in members.items():
                if isinstance(found, enum.EnumMeta) and member in ("name", "value"):
                    continue  # of each constant, not of the class
                if hasattr(found, member):
                    check_signature(result, f"{module}.{name}.{member}", signature, getattr(found, member))
                else:
                    missing.append(f"{name}.{member}")
        result.total[module], result.present[module] = total, total - len(missing)
        if here is not None:
            extra = [n for n, v in vars(here).items() if not n.startswith("_") and n not in names
                     and getattr(v, "__module__", None) == here.__name__ and (inspect.isclass(v) or inspect.isfunction(v))]
            if extra:
                result.surplus[module] = sorted(extra)
        if not missing:
            del result.missing[module]
    return result


def check_signature(result, where, theirs, found):
    special = where.rsplit(".", 1)[-1].startswith("__") and not where.endswith("__call__")
    if special or not theirs or "*args, **kwargs" in theirs or theirs.startswith("doc:") or not callable(found):
        return
    try:
        signature = inspect.signature(found)
    except (TypeError, ValueError):
        return
    expected = [p for p in split(theirs) if p not in ("/", "*")]
    actual = [show(p) for p in signature.parameters.values()]
    # A bound or static face may or may not show its first parameter.
    for first in ("self", "cls", "ctx"):
        if expected[:1] == [first] and actual[:1] != [first]:
            expected = expected[1:]
        elif actual[:1] == [first] and expected[:1] != [first]:
            actual = actual[1:]
    if expected[-1:] in (["**kw"], ["**kwargs"]):  # we spell out the keywords that nnabla hides
        expected.pop()
        actual = actual[:len(expected)]
    if [alike(p) for p in actual] == [alike(p) for p in expected]:
        return
    kind = result.extended if actual[:len(expected)] == expected else result.drift
    kind[where] = (", ".join(expected), ", ".join(actual))


def alike(parameter):
    """A parameter with defaults that mean the same written the same."""
    parameter = re.sub(r"=<function \S* at 0x\w+>", "=<function>", parameter)
    parameter = re.sub(r"=<\S*?(\w+) object at 0x\w+>", r"=<\1>", parameter)
    parameter = re.sub(r"=<_io\..*", "=<stream>", parameter.replace("=[]", "=()"))
    return re.sub(r"=(-?\d+)\.0$", r"=\1", parameter)


def split(signature):
    """The parameters of a signature's text, without annotations."""
    depth, parts, part = 0, [], ""
    for ch in signature[1:signature.rindex(")")]:
        depth += (ch in "([{<") - (ch in ")]}>")
        if ch == "," and depth == 0:
            parts.append(part)
            part = ""
        else:
            part += ch
    return [re.sub(r"\s+", " ", p).strip() for p in parts + [part] if p.strip()]


def show(parameter):
    prefix = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}.get(parameter.kind, "")
    if parameter.default is parameter.empty:
        return prefix + parameter.name
    default = repr(parameter.default)
    return f"{prefix}{parameter.name}={default}"


# What torch does besides computing: memory, views and copies.
DULL = {"alias", "arange", "as_strided", "clone", "constant_pad_nd", "copy_", "detach", "empty", "expand", "fill_", "full", "lift_fresh", "ones",
        "permute", "scalar_tensor", "select", "slice", "split", "split_with_sizes", "squeeze", "t", "transpose", "unbind", "unsqueeze", "view", "zeros"}


def torch_calls(case, entry, reader):
    """The functions of torch that run when a recorded call is repeated, in order; views and copies where nothing else does."""
    import nnabla_compat as nn
    import torch
    from oracle import drive
    from torch.utils._python_dispatch import TorchDispatchMode

    class Record(TorchDispatchMode):
        seen = []

        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            name = function.overloadpacket.__name__
            if name not in self.seen:
                self.seen = [*self.seen, name]
            return function(*args, **(kwargs or {}))

    records = reader(case.function)
    arrays = [torch.from_numpy(records.get(r)) for r in entry["inputs"]]
    with Record() as record, nn.auto_forward():
        drive.call(nn, case, arrays)
    names = [n.removeprefix("_") for n in record.seen]
    wanted = [n for n in names if not {n, n.removesuffix("_like"), n.removeprefix("new_").removeprefix("unsafe_")} & DULL
              and n not in ("to_copy", "local_scalar_dense")]
    return wanted or [n for n in names if n not in ("detach", "empty", "lift_fresh")]


def operator_rows(measure=True):
    """One row for every operator: type, public name, cases, worst errors, torch functions."""
    import contextlib
    import io

    from functions.modes import Errors
    from functions.test_operators import exists, reader, run
    from nnabla_compat.registry import OPERATORS
    from oracle.cases import CASES

    by_type, examples = {}, {}
    for function, cases in CASES.items():
        entries = reader(function).entries
        for case in cases:
            entry = entries.get(case.key, {})
            if "type" in entry and "raises" not in entry:
                by_type.setdefault(entry["type"], {}).setdefault(function, []).append(entry)
                if entry["types"] == [entry["type"]] and not case.code:
                    examples.setdefault(entry["type"], (case, entry))
    errors = {}
    if measure:
        for function in CASES:
            if exists(function):
                seen = errors[function] = Errors()
                with contextlib.redirect_stderr(io.StringIO()):
                    run(function, "static", seen)
                    run(function, "second", seen)
    with open(ROOT / "tests" / "names" / "operators.json") as f:
        public = json.load(f)
    rows = []
    for type_name, function in sorted(public.items()):
        entries = [e for group in by_type.get(type_name, {}).values() for e in group]
        own = [f for f in by_type.get(type_name, {}) if not f.startswith("array.")]
        main = function if function in own else (own[0] if own else None)
        seen = errors.get(main)
        rows.append([
            type_name, function, str(len(entries)),
            str(sum("unsupported" in e for e in entries)) if entries else "0",
            *(level(getattr(seen, k)) if seen else "" for k in ("forward", "backward", "second")),
            "yes" if any("second" in e for e in entries) else "",
            "**missing**" if type_name not in OPERATORS else
            ", ".join(torch_calls(*examples[type_name], reader)[:4]) if measure and type_name in examples else ""])
    return rows


def counts():
    """How much of the corpus has a reference, in words: silence is no proof."""
    from functions.test_operators import reader
    from oracle.cases import CASES

    entries = [reader(f).entries.get(c.key, {}) for f, cases in CASES.items() for c in cases]

    def having(part):
        return sum(part in e for e in entries)
    return (f"{len(entries)} recorded calls: {having('outputs')} with values, {having('grads')} with gradients, {having('second')} with "
            f"second gradients, {having('raises')} refused. Without a reference: {having('unsupported')} that the original's CPU build "
            f"lacks, {having('died')} that end its process, {having('no_reference')} bad calls it does not notice; "
            f"{having('no_second')} without second gradients because its nn.grad lacks them or contradicts its backward.")


def level(error):
    """An error rounded up to a power of ten."""
    if error is None:
        return ""
    if error == 0:
        return "0"
    for exponent in range(-8, 1):
        if error <= 10.0 ** exponent:
            return f"1e{exponent}"
    return ">1"


def render(names, rows):
    lines = ["# Coverage of nnabla 1.39", "",
             "Generated by `python tools/coverage.py`; the test `tests/names` fails when it is not current.", "",
             f"Missing names: {names.missing_count} of {sum(names.total.values())}", "",
             "This number may only fall.", "",
             "## Names", "", "| module | names | present | missing | signatures that differ |", "|---|---|---|---|---|"]
    for module in names.total:
        drifted = sum(1 for k in names.drift if k.startswith(module + ".") and k[len(module) + 1:].split(".")[0] in _names_of(module))
        lines.append(f"| `{module}` | {names.total[module]} | {names.present[module]} | {names.total[module] - names.present[module]} | {drifted} |")
    lines += ["", "### Missing", ""]
    for module, missing in names.missing.items():
        whole = [n for n in missing if "." not in n]
        parts = [n for n in missing if "." in n and n.split(".")[0] not in whole]
        lines.append(f"- `{module}`: " + ", ".join(f"`{n}`" for n in whole + parts))
    lines += ["", "### Signatures that differ", "", "| name | nnabla | here |", "|---|---|---|"]
    lines += [f"| `{k}` | `{t}` | `{o}` |" for k, (t, o) in sorted(names.drift.items())]
    lines += ["", "### Names of our own in nnabla's modules", ""]
    lines += [f"- `{ours(m)}`: " + ", ".join(f"`{n}`" for n in extra) for m, extra in names.surplus.items()]
    lines += ["", "## Operators", "", counts(), "",
              "Settings compared with recorded results of the original; those its CPU build lacks (only shapes are compared);",
              "worst relative error, rounded up, of values, gradients and second gradients (but for the calls that",
              "`tests/functions/differences.py` lists as different, with reasons); torch functions that run for the first of the settings.", "",
              "| type | function | settings | shapes only | forward | backward | second | second recorded | torch |",
              "|---|---|---|---|---|---|---|---|---|"]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def _names_of(module, _cache={}):
    if not _cache:
        with open(INVENTORY) as f:
            _cache.update(json.load(f))
    return _cache[module]


def stable(page):
    """The page without measured errors, which may differ between machines, and without notes on kernels."""
    lines, in_operators = [], False
    for line in page.splitlines():
        in_operators = in_operators or line.startswith("## Operators")
        if in_operators and line.startswith("| ") and not line.startswith("| type"):
            cells = line.split(" | ")
            line = " | ".join(cells[:4] + cells[7:8])
        lines.append(line)
    return "\n".join(lines)


def main(argv):
    if "--check" in argv:
        current = stable(render(compare_names(), operator_rows(measure=False)))
        if not PAGE.exists() or stable(PAGE.read_text()) != current:
            sys.exit("docs/coverage.md is not current: run python tools/coverage.py")
        return
    names = compare_names()
    PAGE.write_text(render(names, operator_rows()))
    print(f"{PAGE.relative_to(ROOT)}: {names.missing_count} names missing, {len(names.drift)} signatures differ")


if __name__ == "__main__":
    main(sys.argv[1:])
