"""Classes: the scopes of a network as torch.nn.Modules of their own, one class for all that are built alike."""
import ast
import inspect
import re
from collections import Counter
from itertools import zip_longest
from typing import NamedTuple

import torch

from .source_loops import roll
from .source_statements import Line, Loop, Member, Value, item_members
from .source_text import MANY, Names, bounds, put_together

# More inputs than these say that a scope is no part on its own.
MOST_INPUTS = 4

class Number(NamedTuple):
    """A number in what makes a layer: where those of several instances differ it becomes an argument of their class."""

    text: str
    name: str               # of the argument of the torch layer
    default: str = None     # with which it may be left out

    def passed(self, text):
        """The part of the call that passes ``text`` here."""
        return text if self.default is None else "" if text == self.default else f", {self.name}={text}"


class Instance(NamedTuple):
    """A class of the source, called: number of the class, number of the instance."""

    kind: int
    which: int


class Class:
    """A class of the source.

    Attributes:
        name (str): Its name.
        forward (list of str): Its ``forward``, with the ``def``.
        instances (list of list): For each the lines of ``__init__``, as parts.
        scopes (list of str): Where they are.
    """

    def __init__(self, forward):
        self.forward = forward
        self.instances, self.scopes, self.calls = [], [], []

    def base(self):
        """What its scopes are called, or what it consists of where they are called differently."""
        names = {_base(tuple(scope.split("/"))) for scope in self.scopes}
        name = names.pop()
        if names or len(name) < 2:
            members = [_base((re.match(r"self\.(\w+)|$", line[0])[1] or "",)) for line in self.instances[0]]
            name = "_".join(dict.fromkeys(members)) if len(members) < 4 else "block"
        return "".join(part[:1].upper() + part[1:] for part in name.split("_"))

    def finish(self, classes):
        """Lines of ``__init__`` and how each instance is made, once all instances are known."""
        filled = [[self.expanded(line, classes) for line in lines] for lines in self.instances]
        names, seen = [], {}
        flat = [[p for line in lines for p in line if isinstance(p, Number)] for lines in filled]
        chosen = []
        for column in zip(*flat):
            values = tuple(p.text for p in column)
            if len(set(values)) == 1:
                chosen.append(values[0])
                continue
            if values not in seen:
                base = column[0].name
                n = sum(re.fullmatch(re.escape(base) + r"\d*", known) is not None for known in names)
                names.append(f"{base}{n + 1}" if n else base)
                seen[values] = names[-1]
            chosen.append(seen[values])
        numbers = iter(chosen)
        self.arguments = names
        self.init = rolled(["".join(p.passed(next(numbers)) if isinstance(p, Number) else p for p in line)
                            for line in filled[0]])
        self.calls = [[f"{self.name}(", *_between([Number(values[i], name) for values, name in seen.items()]), ")"]
                      for i in range(len(filled))]

    @staticmethod
    def expanded(line, classes):
        """Parts of a line of ``__init__`` with the calls of finished classes."""
        return [q for p in line for q in (classes[p.kind].calls[p.which] if isinstance(p, Instance) else [p])]


def rolled(lines):
    """Lines of ``__init__`` with a loop for many layers of one kind that are numbered."""
    made, parts = [], [re.fullmatch(r"self\.(\w*?)(0|[1-9]\d*) = (.*)", line) for line in lines]
    i = 0
    while i < len(lines):
        end = i + 1
        while parts[i] and end < len(lines) and parts[end] and parts[end][1] == parts[i][1] and \
                parts[end][3] == parts[i][3] and int(parts[end][2]) == int(parts[i][2]) + end - i:
            end += 1
        if end - i < MANY:
            made += lines[i:end]
        else:
            made += [f"for i in range({bounds(int(parts[i][2]), int(parts[end - 1][2]))}):",
                     f'    self.add_module(f"{parts[i][1]}{{i}}", {parts[i][3]})']
        i = end
    return made


def _between(parts):
    return [q for i, p in enumerate(parts) for q in ([", ", p] if i else [p])]


def numbered(expression):
    """What makes a layer, with its numbers apart; those that it leaves out, because they are the default, among them."""
    call = ast.parse(expression, mode="eval").body
    layer = getattr(torch.nn, call.func.attr, None)
    if layer in (torch.nn.Parameter, None):     # or a buffer, torch.empty(...)
        made, end = [], 0
        for found in re.finditer(r"\d+", expression):
            made += [expression[end:found.start()], Number(found[0], "size")]
            end = found.end()
        return [*made, expression[end:]]
    known = inspect.signature(layer).parameters     # recurrent layers tell nothing: (*args, **kwargs)
    made = [f"nn.{call.func.attr}("]
    for i, (node, name) in enumerate(zip_longest(call.args, list(known)[:len(call.args)])):
        made += [", "] if i else []
        made.append(Number(ast.unparse(node), name if known.keys() - {'args'} else 'size') if _is_number(node) else ast.unparse(node))
    given = {k.arg: k.value for k in call.keywords}
    for name in (*[n for n in known if n not in given][len(call.args):], *given):
        default = known[name].default if name in known else None
        if name not in given:
            if type(default) in (int, float):
                made.append(Number(repr(default), name, repr(default)))
        elif type(default) in (int, float) and _is_number(given[name]):
            made.append(Number(ast.unparse(given[name]), name, repr(default)))
        else:
            made.append(f", {name}={ast.unparse(given[name])}")
    return [*made, ")"]


def _is_number(node):
    return isinstance(node, ast.Constant) and type(node.value) in (int, float)


class Book:
    """Takes a flat ``forward`` apart into classes and loops.

    Args:
        layers (mapping of str to list): Member to what makes it, as parts, see :func:`numbered`.
        buffers (container of str): Members that are registered as buffers.
        shapes (mapping of str to tuple of int): Those of variables.
        reserved (container of str): Names that mean something else in the source.

    Attributes:
        classes (list of Class): In the order they must be defined.
    """

    def __init__(self, layers, buffers, shapes, reserved):
        self.layers, self.buffers, self.reserved = dict(layers), set(buffers), set(reserved)
        self.shapes = shapes
        self._order = {m: i for i, m in enumerate(self.layers)}
        self.classes, self._known = [], {}

    def arrange(self, items, inputs, outputs, members, wanted, where=()):
        """The source of a module.

        Args:
            items (list of Line): What it computes.
            inputs (mapping of str to str): Variables that are its inputs, and their names.
            outputs (list of str): Variables it returns.
            members (mapping of str to tuple of str): Its members, those of modules below too, and their paths from here.
            wanted (mapping of str to str): Other variables that have a name of their own.
            where (tuple of str): Path of the module.

        Returns:
            (list of str, list, dict of str to tuple): ``forward``, lines of ``__init__`` as parts, and the final paths
            of members from here.
        """
        final, members = {}, dict(members)
        items = roll(items, outputs)
        for key in _scopes(members):
            items = self._part(items, key, members, outputs, final, where)
        items = roll(items, outputs, {m: self._kind(m) for m in members})
        texts, lines, paths = self._places(members)
        final.update(paths)
        uses = Counter(m for item in items for m in item_members(item))
        items = put_together([*items, Line([], _between([Value(v) for v in outputs]))], texts,
                             set(outputs) if len(outputs) > 1 else set(),
                             {m for m in members if uses[m] > 1 and "BatchNorm" in str(self.layers[m][0])})
        names = Names(texts, {*self.reserved, *inputs.values()}, wanted, {m: _base(paths[m]) for m in members})
        forward = names.lines(items, dict(inputs), set())
        return ([f"def forward(self, {', '.join(inputs.values())}):", *("    " + line for line in forward)], lines, final)

    def _kind(self, member):
        first = self.layers[member][0]
        return f"class {first.kind}" if isinstance(first, Instance) else first.split("(")[0]

    def _part(self, items, key, members, outputs, final, where):
        """Items with those that belong to a scope replaced by the call of a module, where they are a stretch of their own."""
        own = [m for m, path in members.items() if path[:len(key)] == key and len(path) > len(key)]
        places = [i for i, item in enumerate(items) if set(own) & set(item_members(item))]
        if not places or len(own) < 2:
            return items
        first, last = places[0], places[-1]
        if any(not set(item_members(item)) <= set(own) for item in items[first:last + 1]):
            if first == last and isinstance(items[first], Loop):
                loop = items[first]
                kept = {c.out for c in loop.carried} | set(loop.collected) | (set(loop.targets) & self._read(items, outputs, loop))
                loop.body = self._part(loop.body, key, members, kept, final, where)
            return items
        # Weights may be computed from parameters first: what they are for belongs to the scope, too.
        while not (inputs := _inputs(items[first:last + 1])) and last + 1 < len(items) and not item_members(items[last + 1]):
            last += 1
        while last + 1 < len(items) and self._finishes(items, first, last, inputs, outputs):
            last += 1
        stretch = items[first:last + 1]
        later = set(outputs) | {v for item in items[last + 1:] for v in item.values()}
        results = [v for item in stretch for v in item.targets if v in later]
        if not 0 < len(inputs) <= MOST_INPUTS or not results or len(stretch) < 2 and not isinstance(stretch[0], Loop):
            return items
        scope = "/".join((*where, *key))
        name = scope + "/"      # unlike that of any layer
        below = {m: members[m][len(key):] for m in own}
        given = [f"x{i}" if len(inputs) > 1 else "x" for i in range(1, len(inputs) + 1)]
        forward, lines, paths = self.arrange(stretch, dict(zip(inputs, given)), results, below, {}, (*where, *key))
        instance = self._instance(key, scope, forward, lines)
        self.layers[name], self._order[name] = [instance], min(map(self._order.get, own))
        members[name] = key
        final.update({m: (*key, *path) for m, path in paths.items()})
        for m in own:
            del members[m]
        parts = [Member(name), "(", *_between([Value(v) for v in inputs]), ")"]
        return [*items[:first], Line(results, parts), *items[last + 1:]]

    def _finishes(self, items, first, last, inputs, outputs):
        """Whether the line after a stretch goes on with its result as it is, an activation or the sum of a residual block."""
        line, made = items[last + 1], {v for item in items[first:last + 1] for v in item.targets}
        if not isinstance(line, Line) or line.members() or len(line.targets) != 1:
            return False
        read, after = set(line.values()), self._read(items[last + 2:], outputs)
        return bool(read & made) and read <= made | set(inputs) and not made & after and \
            all(self.shapes.get(v) == self.shapes.get(line.targets[0]) for v in read)

    @staticmethod
    def _read(items, outputs, loop=None):
        return set(outputs) | {v for item in items if item is not loop for v in item.values()}

    def _instance(self, key, scope, forward, lines):
        shape = (tuple(forward), tuple(tuple((p.name, p.default) if isinstance(p, Number) else
                                             p.kind if isinstance(p, Instance) else p for p in line) for line in lines))
        kind = self._known.setdefault(shape, len(self.classes))
        if kind == len(self.classes):
            self.classes.append(Class(forward))
        self.classes[kind].instances.append(lines)
        self.classes[kind].scopes.append(scope)
        return Instance(kind, len(self.classes[kind].instances) - 1)

    def finish(self, name):
        """Name the classes, the outermost ``name``, and complete them; returns that name."""
        taken = set(self.reserved)
        for made in self.classes:
            made.name = _unique_name(taken, made.base())
            made.finish(self.classes)
        return _unique_name(taken, name)

    def _places(self, members):
        """How a module's members are written, the lines of ``__init__`` that make them, and their paths."""
        tree, texts, paths = {}, {}, {}
        for m in sorted(members, key=self._order.get):
            path = members[m]
            layer = not str(self.layers[m][0]).startswith("nn.Parameter") and m not in self.buffers
            if not layer:
                path = ("_".join(path),)
            paths[m] = path
            level = tree
            for component in path[:-1]:
                level = level.setdefault(component, {})
            level[path[-1]] = m
        lines = []
        for component, below in tree.items():
            if isinstance(below, str) and below in self.buffers:
                lines.append([f'self.register_buffer("{component}", ', *self.layers[below], ")"])
            else:
                lines.append([f"self.{component} = ", *self._made(below, tree)])
        for m, path in paths.items():
            text, level = f"self.{path[0]}", tree[path[0]]
            for component in path[1:]:
                text += f"[{component}]" if _is_list(level) else f'["{component}"]'
                level = level[component]
            texts[m] = text
        return texts, lines, paths

    def _made(self, below, tree):
        if isinstance(below, str):
            return self.layers[below]
        if _is_list(below):
            return ["nn.ModuleList([", *_joined([self._made(v, tree) for v in below.values()]), "])"]
        return ["nn.ModuleDict({", *_joined([[f'"{k}": ', *self._made(v, tree)] for k, v in below.items()]), "})"]


def _inputs(items):
    """Variables that lines read and do not assign."""
    made = {v for item in items for v in item.targets}
    return list(dict.fromkeys(v for item in items for v in item.values() if v not in made))


def _unique_name(taken, name):
    made, n = name, 1
    while made in taken:
        n += 1
        made = f"{name}{n}"
    taken.add(made)
    return made


def _base(path):
    """What one of several is called: ``block`` for block1, ``layer`` for the first of layers."""
    last = [component for component in path if not component.isdigit()][-1]
    last = last[:-1] if path[-1].isdigit() and last.endswith("s") else last
    return last.strip("0123456789_") if last.strip("0123456789_")[:1].isalpha() else "block"


def _joined(entries):
    return [q for i, entry in enumerate(entries) for q in ([", ", *entry] if i else entry)]


def _is_list(level):
    return list(level) == [str(i) for i in range(len(level))]


def _scopes(members):
    """The scopes that may become modules of their own; those of a list by their numbers."""
    firsts = {}
    for path in members.values():
        if len(path) > 1:
            firsts.setdefault(path[0], set()).add(path[1])
    made = {}
    for path in members.values():
        if len(path) > 1:
            numbers = firsts[path[0]]
            listed = numbers == {str(i) for i in range(len(numbers))}
            made.setdefault(path[:2] if listed else path[:1])
    return list(made)
