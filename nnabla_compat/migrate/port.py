"""``nnabla-compat port``: sources that import nnabla, rewritten to import this package.

Imports alone change, so that the rest of a program, its formatting and comments stay as they are: where a program says
``nnabla.functions.relu``, ``nnabla`` is from then on a name for this package. Names of nnabla that this package lacks
are reported with their lines.
"""
import difflib
import importlib
import importlib.util
import os
import re

from ..files.save import replacing
from ..optional import require
from .alias import NAMES

# What a program may hand to importlib, multiprocessing or a mock: not changed, but told.
_MODULE_IN_STRING = re.compile(r"nnabla(_ext)?(\.[A-Za-z_]\w*)*")
_IMPORTS_BY_NAME = ("import_module", "__import__", "find_spec", "patch", "run_module")


class Ported:
    """A source rewritten.

    Attributes:
        before, after (bytes): The file.
        problems (list of (int, str)): Lines that will not work here, and why.
        notes (list of (int, str)): Lines to look at.
    """

    def __init__(self, before):
        self.before, self.after, self.problems, self.notes = before, before, [], []

    @property
    def changed(self):
        return self.before != self.after


def port(source):
    """Rewrite a source.

    Args:
        source (bytes): A Python file.

    Returns:
        Ported

    Raises:
        ValueError: it is no Python that can be parsed.
        ImportError: LibCST is missing.
    """
    cst = require("libcst", purpose="rewriting sources")
    metadata = require("libcst.metadata", purpose="rewriting sources")
    try:
        tree = metadata.MetadataWrapper(cst.parse_module(source))
    except cst.ParserSyntaxError as error:
        raise ValueError(f"line {error.raw_line}: {error.message.splitlines()[0]}") from error
    except (UnicodeDecodeError, SyntaxError, LookupError) as error:
        raise ValueError(str(error)) from error
    made = Ported(source)
    tree.visit(_checker(cst, metadata, made))
    made.after = tree.module.visit(_rewriter(cst)).bytes
    made.problems.sort()
    made.notes.sort()
    return made


def new_name(name):
    """The dotted name here of a dotted name of nnabla's packages; None if it is none of theirs."""
    first, dot, rest = name.partition(".")
    return NAMES[first] + dot + rest if first in NAMES else None


def _dotted(cst, node):
    """The text of a name with dots; None for anything else."""
    if isinstance(node, cst.Name):
        return node.value
    if isinstance(node, cst.Attribute) and (before := _dotted(cst, node.value)) is not None:
        return f"{before}.{node.attr.value}"
    return None


def _node(cst, name, like=None):
    """The reverse; the last part keeps the comments and parentheses of ``like``."""
    first, *rest = name.split(".")
    made = cst.Name(first)
    for part in rest:
        made = cst.Attribute(made, cst.Name(part))
    return made if like is None else made.with_changes(lpar=like.lpar, rpar=like.rpar)


def _rewriter(cst):
    class Rewriter(cst.CSTTransformer):
        def leave_Import(self, original, updated):
            names = []
            for alias in updated.names:
                name = _dotted(cst, alias.name)
                new = new_name(name)
                if new is None:
                    names.append(alias)
                    continue
                first = name.partition(".")[0]
                if alias.asname is None:
                    # It binds the package's name, which the program uses: `nnabla` has to be there.
                    top = cst.ImportAlias(_node(cst, NAMES[first]), cst.AsName(cst.Name(first)))
                    if new == NAMES[first]:
                        names.append(top.with_changes(comma=alias.comma))
                        continue
                    names.append(top.with_changes(comma=cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))))
                names.append(alias.with_changes(name=_node(cst, new, alias.name)))
            return updated.with_changes(names=names)

        def leave_ImportFrom(self, original, updated):
            if updated.relative or updated.module is None:
                return updated
            new = new_name(_dotted(cst, updated.module))
            return updated if new is None else updated.with_changes(module=_node(cst, new, updated.module))
    return Rewriter()


def _checker(cst, metadata, made):
    class Checker(cst.CSTVisitor):
        METADATA_DEPENDENCIES = (metadata.PositionProvider, metadata.QualifiedNameProvider, metadata.ParentNodeProvider)

        def _line(self, node):
            return self.get_metadata(metadata.PositionProvider, node).start.line

        def _check(self, node, name):
            new = new_name(name)
            if new is not None and (problem := _missing(name, new)) and (entry := (self._line(node), problem)) not in made.problems:
                made.problems.append(entry)

        def visit_Import(self, node):
            for alias in node.names:
                self._check(node, _dotted(cst, alias.name))

        def visit_ImportFrom(self, node):
            if node.relative or node.module is None:
                return
            module = _dotted(cst, node.module)
            self._check(node, module)
            if not isinstance(node.names, cst.ImportStar) and new_name(module) and not _missing(module, new_name(module)):
                for alias in node.names:
                    self._check(alias, f"{module}.{alias.name.value}")

        def visit_Attribute(self, node):
            if isinstance(self.get_metadata(metadata.ParentNodeProvider, node), cst.Attribute):
                return
            found = self.get_metadata(metadata.QualifiedNameProvider, node, ())
            for one in found:
                if one.source is metadata.QualifiedNameSource.IMPORT:
                    self._check(node, one.name)

        def visit_Call(self, node):
            called = (_dotted(cst, node.func) or "").rpartition(".")[2]
            for argument in node.args:
                value = argument.value
                if called in _IMPORTS_BY_NAME and isinstance(value, cst.SimpleString) \
                        and isinstance(value.evaluated_value, str) and _MODULE_IN_STRING.fullmatch(value.evaluated_value):
                    made.notes.append((self._line(value), f"{value.value} names a module in a string, which is left as it is: "
                                       f"{new_name(value.evaluated_value)} here"))
    return Checker()


def _missing(name, new):
    """What of a dotted name does not exist here; None if all does, as far as modules and classes tell."""
    parts, old = new.split("."), name.split(".")
    extra = len(parts) - len(old)
    module = None
    for i, part in enumerate(parts):
        path = ".".join(parts[:i + 1])
        if module is None or _is_module(module) and not hasattr(module, part):
            try:
                found = importlib.import_module(path)
            except ImportError:
                if _spec(path) is not None:     # there, though not on this machine: CUDA
                    return None
                return f"{'.'.join(old[:i - extra])} has no {'module' if module is None else 'name'} '{part}' here"
            module = found
        elif _is_module(module) or isinstance(module, type):
            if not hasattr(module, part):
                return f"{'.'.join(old[:i - extra])} has no name '{part}' here"
            module = getattr(module, part)
        else:
            return None
    return None


def _spec(path):
    try:
        return importlib.util.find_spec(path)
    except ImportError:
        return None


def _is_module(value):
    return type(value).__name__ == "module"


def files_of(paths):
    """Python files: those named, and all below the directories named but in hidden ones and in environments."""
    for path in paths:
        if not os.path.isdir(path):
            yield path
            continue
        for folder, folders, files in os.walk(path):
            folders[:] = sorted(f for f in folders if not f.startswith(".") and f != "__pycache__"
                                and not os.path.exists(os.path.join(folder, f, "pyvenv.cfg")))
            yield from (os.path.join(folder, f) for f in sorted(files) if f.endswith(".py"))


def run(paths, check=False, diff=False):
    """Rewrite files in place, or only say what would change.

    Args:
        paths (sequence of str): Files and directories.
        check (bool): Write nothing.
        diff (bool): Write nothing; differences are among the lines.

    Returns:
        (list of str, bool): what was done and found, and whether all is well: every file could be read, every name exists
        here and, with ``check``, nothing is left to change.
    """
    lines, well, changed, count = [], True, 0, 0
    for path in files_of(paths):
        count += 1
        try:
            with open(path, "rb") as f:
                made = port(f.read())
        except (ValueError, OSError) as error:
            lines.append(f"{path}: not changed: {error}")
            well = False
            continue
        lines += [f"{path}:{line}: {text}" for line, text in made.problems]
        lines += [f"{path}:{line}: note: {text}" for line, text in made.notes]
        well = well and not made.problems
        if not made.changed:
            continue
        changed += 1
        well = well and not check
        if diff:
            lines += [line.rstrip("\n") for line in difflib.unified_diff(*(
                text.decode("utf-8", "replace").splitlines(True) for text in (made.before, made.after)), path, path)]
        elif check:
            lines.append(f"{path}: would change")
        else:
            with replacing(path) as f:
                f.write(made.after)
            lines.append(f"{path}: changed")
    return [*lines, f"{count} files, {changed} {'to change' if check or diff else 'changed'}"], well
