"""Loops: stretches of lines that repeat, rolled up."""
import os
from itertools import groupby

from .source_statements import Carried, Column, Line, Loop, Member, Value, item_members, merged

# A loop over more members than these at once reads worse than the lines it replaces.
MOST_MEMBERS = 4

# A loop that only makes lists must save this many lines.
WORTH_LISTS = 8


def roll(items, kept, kinds=None):
    """Roll up what repeats, the longest stretches first.

    Args:
        items (list of Line or Loop): The lines.
        kept (container of str): Variables that are read after them.
        kinds (mapping of str to str): What members are: those of one kind may take turns. Without it only lines that
            use the same members in each turn are rolled up, for example the steps of a recurrent network.

    Returns:
        list of Line or Loop
    """
    while True:
        for start, length, turns in _candidates(items, kinds):
            made = _loop(items, start, length, turns, kept)
            if made is not None:
                items = made
                break
        else:
            return items


def _signature(item, kinds):
    if isinstance(item, Loop):
        return object()     # like no other
    return (len(item.targets), *[("value",) if isinstance(p, Value) else
                                 (p.name if kinds is None else ("kind", kinds[p.name])) if isinstance(p, Member) else p
                                 for p in item.parts])


def _candidates(items, kinds):
    """(start, length, turns) of repetitions: first those that save most lines, whose turns begin with a layer
    where layers differ from turn to turn."""
    numbers = {}
    codes = [numbers.setdefault(_signature(item, kinds), len(numbers)) for item in items]
    found = []
    for length in range(1, len(codes) // 2 + 1):
        at = 0
        while at + length < len(codes):
            end = at
            while end + length < len(codes) and codes[end] == codes[end + length]:
                end += 1
            # A turn that repeats something itself is several turns.
            if end - at >= length and not any(length % part == 0 and codes[at:end] == codes[at + part:end + part]
                                              for part in range(1, length // 2 + 1)):
                for start in range(at, end - length + 1):
                    turns = (end - start) // length + 1
                    if turns > 2 or length > 3:
                        found.append((start, length, turns))
            at = end + 1
    def saved(candidate):
        start, length, turns = candidate
        begins = kinds is None or bool(item_members(items[start]))
        return (1 - turns + (not begins)) * length, not begins

    for _, equals in groupby(sorted(found, key=saved), key=saved):
        yield from sorted(equals, key=lambda c: _unlike(items, *c))


def _unlike(items, start, length, turns):
    """Smallest where the members of each turn have names in common, and the turns are short."""
    alike = sum(len(os.path.commonprefix([m for item in items[start + t * length:start + (t + 1) * length]
                                          for m in item_members(item)])) for t in range(turns))
    return -alike, length, start


def _loop(items, start, length, turns, kept):
    """Items with one stretch rolled up; None where the turns do not follow from each other."""
    stretch = [items[start + t * length:start + (t + 1) * length] for t in range(turns)]
    outside = [*items[:start], *items[start + turns * length:]]
    assigned = [[v for item in turn for v in item.targets] for turn in stretch]
    place = {v: (t, i) for t, turn in enumerate(assigned) for i, v in enumerate(turn)}
    after = {v for item in items[start + turns * length:] for v in item.values()} | set(kept)
    members, sequences, carried, inner = {}, {}, {}, {}
    body = []
    for lines in zip(*stretch):
        parts = []
        for row in zip(*[line.parts for line in lines]):
            first = row[0]
            if isinstance(first, str) or len(set(row)) == 1 and getattr(first, "name", None) not in place:
                parts.append(first)
                continue
            names = tuple(p.name for p in row)
            if isinstance(first, Member):
                parts.append(Member(members.setdefault(names, f"{first.name} in turn")))
                continue
            places = [place.get(n) for n in names]
            if all(p == (t, (places[0] or (0, 0))[1]) for t, p in enumerate(places)):
                parts.append(Value(names[-1]))      # made in the same turn
            elif places[0] is None and places[1] and all(p == (t, places[1][1]) for t, p in enumerate(places[1:])):
                inner.setdefault(names, f"{names[1]} of the turn before")
                carried[names] = assigned[-1][places[1][1]]
                parts.append(Value(inner[names]))
            elif not any(places):
                inner.setdefault(names, f"{names[0]} in turn")
                sequences[names] = ()
                parts.append(Value(inner[names]))
            else:
                return None
        body.append(Line(lines[-1].targets, parts))
    if len(members) > MOST_MEMBERS or not (members or sequences or carried):
        return None
    before = items[:start]
    collected, lists = {}, {}
    for column in zip(*assigned):
        if after & set(column[:-1]):
            collected[column[-1]] = f"all {column[-1]}"
            lists.update({v: (collected[column[-1]], i) for i, v in enumerate(column)})
    if collected and not carried and (turns - 1) * length < WORTH_LISTS:
        return None
    for names in sequences:
        # What a single line before has cut up, for this loop alone, it may run over at once.
        line = next((i for i in before if isinstance(i, Line) and tuple(i.targets) == names), None)
        uses = sum(v in names for item in outside for v in item.values()) + sum(v in kept for v in names)
        if line is not None and not uses:
            before = [i for i in before if i is not line]
            sequences[names] = tuple(line.parts)
    loop = Loop(body, turns, [Column(n, items, ()) for items, n in members.items()],
                [Column(inner[names], names, whole) for names, whole in sequences.items()],
                [Carried(inner[names], names[0], out) for names, out in carried.items()], collected)
    rest = [_reading(item, lists, turns) for item in items[start + turns * length:]]
    return None if None in rest or set(lists) & set(kept) else [*before, loop, *rest]


def _reading(item, lists, turns):
    """An item that reads elements of lists where it read the variables of single turns; None if it cannot."""
    if not set(item.values()) & set(lists):
        return item
    if isinstance(item, Loop):
        return None
    parts, i = [], 0
    while i < len(item.parts):
        part = item.parts[i]
        name, index = lists.get(part.name, (None, 0)) if isinstance(part, Value) else (None, 0)
        run = item.parts[i:i + 2 * turns - 1]
        if name is None:
            parts.append(part)
        elif index == 0 and [lists.get(p.name) for p in run[::2] if isinstance(p, Value)] == [(name, t) for t in range(turns)] \
                and set(run[1::2]) == {", "} and "".join(parts[-1:]).endswith("[") and item.parts[i + 2 * turns - 1][0] == "]":
            parts[-1] = parts[-1][:-1]
            parts += [Value(name), item.parts[i + 2 * turns - 1][1:]]
            i += 2 * turns - 1
        else:
            parts += [Value(name), f"[{index}]"]
        i += 1
    return Line(item.targets, merged(parts))
