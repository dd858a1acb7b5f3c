"""Lines and loops as text: expressions put together, names given out, long lines broken."""
import ast
import keyword
import re

from .source_statements import Line, Loop, Value, merged

WIDTH = 120

# How long an expression may get by taking in others, and how deep its parentheses.
LONGEST, DEEPEST = 90, 4

# From this many on numbered layers are made and run over by their numbers.
MANY = 6


def put_together(items, member_text, kept, ordered):
    """Lines with those taken in that assign what one later line reads once.

    Args:
        items (list of Line or Loop): The lines; bodies of loops are changed in place.
        member_text (mapping of str to str): How members are written.
        kept (container of str): Variables to be assigned in any case.
        ordered (set of str): Members whose uses must stay in order, because they have a state.
    """
    reads = {}
    for item in items:
        for v in item.values():
            reads[v] = reads.get(v, 0) + 1
    loose, made = {}, []
    for item in items:
        if isinstance(item, Loop):
            item.body = put_together(item.body, member_text, {c.out for c in item.carried} | set(item.collected)
                                     | _read_later(item, items, kept), ordered)
        else:
            for v in item.values():
                if v in loose and (taken := _taking_in(item, v, loose[v], member_text)) is not None:
                    item = taken
                    made = [m for m in made if m is not loose[v]]
            if len(item.targets) == 1 and item.targets[0] not in kept and reads.get(item.targets[0]) == 1 \
                    and not ordered & set(item.members()):
                loose[item.targets[0]] = item
        made.append(item)
    return made


def _read_later(loop, items, kept):
    return set(loop.targets) & (set(kept) | {v for item in items if item is not loop for v in item.values()})


def _taking_in(line, name, other, member_text):
    place = next(i for i, p in enumerate(line.parts) if p == Value(name))
    bare, safe = (merged([*line.parts[:place], *inner, *line.parts[place + 1:]])
                  for inner in (other.parts, ["(", *other.parts, ")"]))
    parts = bare if _tree(bare) == _tree(safe) else safe
    text = _plain(parts, member_text)
    return Line(line.targets, parts) if len(text) <= LONGEST and _depth(text) <= DEEPEST else None


def _tree(parts):
    return ast.dump(ast.parse(_plain(parts), mode="eval"))


def _plain(parts, member_text=None):
    return "".join(p if isinstance(p, str) else "h" if isinstance(p, Value) or member_text is None else
                   member_text.get(p.name, p.name) for p in parts)


def _depth(text):
    deepest = depth = 0
    for character in text:
        depth += (character in "([") - (character in ")]")
        deepest = max(deepest, depth)
    return deepest


class Names:
    """Gives variables their names: ``h`` for what is computed, over and over, as long as nobody reads the former.

    Args:
        member_text (dict of str to str): Members as the source writes them.
        reserved (container of str): Names not to be given out.
        wanted (mapping of str to str): Variables that have a name of their own.
        slots (mapping of str to str): What to call a loop's variable for members, by the first of them.
    """

    def __init__(self, member_text, reserved, wanted, slots):
        self.member_text, self.wanted, self.slots = dict(member_text), dict(wanted), slots
        self.reserved = {*reserved, *wanted.values(), *keyword.kwlist}

    def lines(self, items, names, kept, pinned=frozenset(), carried=None):
        """Source of items.

        Args:
            names (dict of str to str): Names so far; those given out are added.
            kept (set of str): Variables read afterwards.
            pinned (set of str): Names that must not be given out.
            carried (dict of str to str): Variables that have a certain name if it is free.
        """
        live, after = set(kept), []
        for item in reversed(items):
            after.append(live)
            live = (live - set(item.targets)) | set(item.values())
        made = []
        for item, later in zip(items, reversed(after)):
            if isinstance(item, Loop):
                made += self._loop(item, names, later, pinned | set((carried or {}).values()))
            else:
                text = self._text(item.parts, names)
                for v in item.targets:
                    names[v] = self._target(v, names, later, pinned, carried or {}, item.targets)
                if item.targets:
                    targets = ", ".join(names[v] for v in item.targets)
                    made.append(f"{targets} = {text}" if len(targets) < LONGEST else f"({targets}) = {text}")
                else:
                    made.append(f"return {text}" if len(text) < LONGEST or len(item.parts) == 1 else f"return ({text})")
        return made

    def _text(self, parts, names):
        return "".join(p if isinstance(p, str) else names[p.name] if isinstance(p, Value) else self.member_text[p.name]
                       for p in parts)

    def _target(self, variable, names, later, pinned, carried, together):
        if variable in self.wanted and variable not in carried:
            return self.wanted[variable]
        if variable not in later:
            return "_"
        taken = pinned | {names[v] for v in later if v in names and v != variable}
        wanted = carried.get(variable)
        return wanted if wanted is not None and wanted not in taken else self._free("h", taken | set(carried.values()))

    def _free(self, name, taken):
        made, n = name, 0
        while made in taken or made in self.reserved:
            n += 1
            made = f"{name}{n}"
        return made

    def _loop(self, loop, names, later, pinned):
        own = set(loop.targets) | loop.inner()
        read = {v for item in loop.body for v in item.values()} - own       # in every turn
        taken = set(pinned) | {names[v] for v in (later | read) - own if v in names}
        before_it = {names[v] for v in loop.values()}
        made, given = [], {}

        def new(name):
            taken.add(made_up := self._free(name, taken | before_it))
            return made_up

        lists = {v: new("hs") for v in loop.collected}
        made += [f"{name} = []" for name in lists.values()]
        firsts = [c.first for c in loop.carried]
        sequences = {v for c in loop.sequences for v in (c.items if not c.whole else [])}
        for c in loop.carried:
            before = names[c.first]
            if before in taken or firsts.count(c.first) > 1 or c.first in sequences:
                names[c.inside] = new("h")
                made.append(f"{names[c.inside]} = {before}")
            else:
                names[c.inside] = before
            given[c.out] = names[c.inside]
        headers = [self._members(c.items) for c in loop.members]
        headers += [self._text(c.whole, names) if c.whole else tuple(names[v] for v in c.items) for c in loop.sequences]
        pinned_inside = taken - set(given.values())
        taken |= set(given.values())
        turn = [new(self.slots.get(c.items[0], "layer")) for c in loop.members]
        pinned_inside |= set(turn)
        self.member_text.update(zip([c.name for c in loop.members], turn))
        for c in loop.sequences:
            names[c.name] = new("x_t")
            turn.append(names[c.name])
        made.append(_header(turn, headers, loop.turns))
        kept = (later & set(loop.targets)) | set(given) | set(loop.collected)
        inside = self.lines(loop.body, names, kept, frozenset(pinned_inside), given)
        inside += [f"{lists[v]}.append({names[v]})" for v in loop.collected]
        moved = [(name, names[v]) for v, name in given.items() if names[v] != name]
        if moved:
            inside.append(f"{', '.join(a for a, _ in moved)} = {', '.join(b for _, b in moved)}")
        names.update(given)
        names.update({loop.collected[v]: name for v, name in lists.items()})
        return made + ["    " + line for line in inside]


    def _members(self, items):
        """Members as a loop names them: one by one, or as a list or a part of it."""
        texts = tuple(self.member_text[m] for m in items)
        found = [re.fullmatch(r"self\.(\w*?)(0|[1-9]\d*)", t) for t in texts]
        if len(texts) >= MANY and all(found) and len({f[1] for f in found}) == 1:
            numbers = [int(f[2]) for f in found]
            if numbers == list(range(numbers[0], numbers[-1] + 1)):
                return f'[self.get_submodule(f"{found[0][1]}{{i}}") for i in range({bounds(numbers[0], numbers[-1])})]'
        name = texts[0].rpartition("[")[0]
        numbers = [int(t[len(name) + 1:-1]) for t in texts if re.fullmatch(re.escape(name) + r"\[\d+\]", t)]
        if not name or len(numbers) < len(texts) or numbers != list(range(numbers[0], numbers[0] + len(texts))):
            return texts
        last = sum(t.startswith(name + "[") for t in self.member_text.values()) - 1
        return name if len(texts) > last else f"{name}[{numbers[0] or ''}:{'' if numbers[-1] == last else numbers[-1] + 1}]"


def _header(turn, columns, turns):
    if not columns:
        return f"for _ in range({turns}):"
    if len(columns) == 1:
        over = columns[0] if isinstance(columns[0], str) else _tuple(columns[0])
    elif all(isinstance(c, tuple) for c in columns):
        over = _tuple(map(_tuple, zip(*columns)))
    else:
        over = "zip" + _tuple(c if isinstance(c, str) else _tuple(c) for c in columns)
    return f"for {', '.join(turn)} in {over}:"


def bounds(first, last):
    """The arguments of ``range`` for numbers from one to another."""
    return f"{first}, {last + 1}" if first else f"{last + 1}"


def _tuple(texts):
    return f"({', '.join(texts)})"


def broken(line):
    """A line as lines of at most WIDTH characters, broken after commas within parentheses."""
    indent = len(line) - len(line.lstrip()) + (8 if line.endswith(":") else 4)
    made = [line]
    while len(made[-1]) > WIDTH:
        last = _last_break(made[-1], 1 if len(made) > 1 else 0, indent)
        if last <= indent:
            break
        made[-1:] = [made[-1][:last].rstrip(), " " * indent + made[-1][last:].lstrip()]
    return made


def _last_break(line, depth, indent):
    """Where a line is best broken, ``depth`` being that of parentheses at its start: outside of as many as possible."""
    quote, places = None, {}
    for i, character in enumerate(line[:WIDTH]):
        if quote:
            quote = None if character == quote else quote
        elif character in "'\"":
            quote = character
        else:
            depth += (character in "([{") - (character in ")]}")
            if character == "," and depth > 0 and i > max(indent, WIDTH // 2):
                places[depth] = i + 1
    return places[min(places)] if places else 0
