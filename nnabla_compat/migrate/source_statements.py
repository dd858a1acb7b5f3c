"""The lines of a ``forward`` as data: what they assign, which variables they read, which members of the module they use.

A line is written as text first (``h = self.conv(x)``) and cut up here; variables are in single assignment form, every
name stands for one value, until :mod:`~nnabla_compat.migrate.source_text` gives out the final names.
"""
import re
from typing import NamedTuple


class Value(NamedTuple):
    """A variable within a line."""

    name: str


class Member(NamedTuple):
    """A layer or parameter of the module within a line, or a loop's variable that stands for one."""

    name: str


class Line:
    """An assignment, or a ``return`` where there are no targets.

    Attributes:
        targets (list of str): Variables it assigns.
        parts (list of str, Value or Member): Its right side.
    """

    def __init__(self, targets, parts):
        self.targets, self.parts = list(targets), list(parts)

    def values(self):
        """Names of the variables it reads, one for each place."""
        return [p.name for p in self.parts if isinstance(p, Value)]

    def members(self):
        """Names of the members it uses, one for each place."""
        return [p.name for p in self.parts if isinstance(p, Member)]


class Carried(NamedTuple):
    """A variable that goes from one turn of a loop to the next."""

    inside: str     # its name in the body
    first: str      # what it is in the first turn
    out: str        # what it is in the next one, assigned by the body


class Column(NamedTuple):
    """What a loop runs over: ``name`` stands for one item after the other."""

    name: str
    items: tuple    # of str: variables, or members
    whole: tuple    # parts of an expression for all items together, where there is one


class Loop:
    """A stretch of lines that repeats.

    Attributes:
        body (list of Line or Loop): One turn; it assigns what the last turn assigned.
        turns (int): How many.
        members, sequences (list of Column): What changes from turn to turn.
        carried (list of Carried): See there.
        collected (dict of str to str): Variable of the body to the variable of the list of its values.
    """

    def __init__(self, body, turns, members, sequences, carried, collected):
        self.body, self.turns, self.members, self.sequences = body, turns, members, sequences
        self.carried, self.collected = carried, collected

    @property
    def targets(self):
        """What later lines may read: what the body assigns, and lists of it."""
        return [*(t for item in self.body for t in item.targets), *self.collected.values()]

    def inner(self):
        """Variables that only the body knows."""
        return {c.name for c in self.sequences} | {c.inside for c in self.carried}

    def values(self):
        own = self.inner() | set(self.targets)
        return [*(p.name for c in self.sequences for p in c.whole if isinstance(p, Value)),
                *(v for c in self.sequences if not c.whole for v in c.items), *(c.first for c in self.carried),
                *(v for item in self.body for v in item.values() if v not in own)]

    def members_of(self):
        """Members it uses, those it runs over among them."""
        slots = {c.name for c in self.members}
        return [*(m for c in self.members for m in c.items),
                *(m for item in self.body for m in item_members(item) if m not in slots)]


def item_members(item):
    """Members that a line or a loop uses."""
    return item.members() if isinstance(item, Line) else item.members_of()


_TOKEN = re.compile(r"'[^']*'|self\.(\w+)|(?<![\w.])([A-Za-z_]\w*)(?!\w)(?!=(?!=))")


def parse(text, variables, members):
    """A line from its text.

    Args:
        text (str): ``a, b = expression``.
        variables, members (container of str): Names that are such; any others are part of the text.
    """
    left, _, right = text.partition(" = ")
    parts, end = [], 0
    for found in _TOKEN.finditer(right):
        made = Member(found[1]) if found[1] in members else Value(found[2]) if found[2] in variables else None
        if made is not None:
            parts += [right[end:found.start()], made]
            end = found.end()
    return Line(re.findall(r"\w+", left), merged([*parts, right[end:]]))


def simplified(lines, kept):
    """Lines without those that only give a variable another name, which the variables ``kept`` may have; constants first."""
    same, constants, made = {}, [], []
    for line in lines:
        line.parts = [Value(same.get(p.name, p.name)) if isinstance(p, Value) else p for p in line.parts]
        if len(line.parts) == 1 and line.values() and line.targets[0] not in kept:
            same[line.targets[0]] = line.values()[0]
        elif str(line.parts[0]).startswith("torch.full("):      # in between they would hide what repeats
            constants.append(line)
        else:
            made.append(line)
    return constants + made


def merged(parts):
    """Parts with texts that follow each other joined, and empty ones left out."""
    made = []
    for part in parts:
        if isinstance(part, str) and made and isinstance(made[-1], str):
            made[-1] += part
        elif part != "":
            made.append(part)
    return made
