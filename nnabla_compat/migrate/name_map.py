"""Names of parameters on both sides: the rule of :mod:`nnabla_compat.interop.names`, and exceptions from a file.

The file is JSON, torch's names to nnabla's::

    {"names": {"classifier": "fc/affine", "head.weight": "out/affine/W"},
     "shapes": {"norm/bn/gamma": [1, 64, 1, 1]},
     "raw": ["gate.W"]}

An entry names a parameter, or a module and the scope it stands for (the longest fitting one counts). ``shapes`` are those
that nnabla gives to parameters, where torch's do not say; ``raw`` are names whose arrays are nnabla's own whatever the
layout. A file with names only may leave ``"names"`` out.
"""
import json

from ..interop.names import scope_component, scope_path, torch_component


class NameMap:
    """Names of parameters, both ways.

    Args:
        names (mapping of str to str): torch's names to nnabla's paths, of parameters or of modules and scopes.
        shapes (mapping of str to sequence of int): nnabla's shapes by path.
        raw (sequence of str): torch's names of arrays that no layer of torch.nn has.

    Raises:
        ValueError: two names of torch stand for the same path.
    """

    def __init__(self, names=None, shapes=None, raw=()):
        self.paths, self.raw = dict(names or {}), set(raw)
        self.shapes = {path: tuple(shape) for path, shape in (shapes or {}).items()}
        self.names = {path: name for name, path in self.paths.items()}
        if len(self.names) < len(self.paths):
            twice = next(p for n, p in self.paths.items() if self.names[p] != n)
            raise ValueError(f"the names '{self.names[twice]}' and another both stand for '{twice}'")

    @staticmethod
    def read(path):
        """The map in a file.

        Raises:
            ValueError: the file is no such map.
        """
        try:
            with open(path, encoding="utf-8") as f:
                content = json.load(f)
            if not isinstance(content, dict):
                raise ValueError(f"expected an object of names, received {type(content).__name__}")
            if not isinstance(content.get("names"), dict) and not isinstance(content.get("shapes"), dict):
                content = {"names": content}
            names, shapes, raw = content.get("names", {}), content.get("shapes", {}), content.get("raw", [])
            if not all(isinstance(value, str) for value in names.values()):
                raise ValueError("expected names to stand for names")
            if not all(isinstance(shape, list) and all(isinstance(s, int) for s in shape) for shape in shapes.values()):
                raise ValueError("expected shapes to be lists of int")
            if not isinstance(raw, list) or not all(isinstance(name, str) for name in raw):
                raise ValueError("expected raw to be a list of names")
            return NameMap(names, shapes, raw)
        except ValueError as error:     # json's own errors among them
            raise ValueError(f"{path}: {error}") from error

    def text(self):
        """The map as the content of a file."""
        return json.dumps({"names": self.paths, "shapes": {p: list(s) for p, s in self.shapes.items()},
                           "raw": sorted(self.raw)}, indent=2) + "\n"

    def name_of(self, scope, leaf, torch_leaf=None):
        """torch's name of the parameter ``leaf`` of a scope; ``torch_leaf`` is what torch calls the leaf.

        Args:
            scope (str): Path, "" for the root.
            leaf (str): nnabla's name in the scope; None where nothing of nnabla's stands for it alone.
        """
        path = None if leaf is None else _join("/", scope, leaf)
        if path in self.names:
            return self.names[path]
        last = torch_component(leaf) if torch_leaf is None else torch_leaf
        rest, parts = [last], scope.split("/") if scope else []
        while parts:
            if (known := self.names.get("/".join(parts))) is not None:
                return _join(".", known, ".".join(rest))
            rest.insert(0, torch_component(parts.pop()))
        return ".".join(rest)

    def place_of(self, name):
        """(scope, last component, whether that component is nnabla's own) of torch's name."""
        if name in self.paths:
            scope, _, leaf = self.paths[name].rpartition("/")
            return scope, leaf, True
        *parts, last = name.split(".")
        for end in range(len(parts), 0, -1):
            if (known := self.paths.get(".".join(parts[:end]))) is not None:
                inside = [scope_component(p) for p in parts[end:]]
                return "/".join([known, *inside]), last, False
        return scope_path(".".join(parts)) if parts else "", last, False


def _join(separator, first, second):
    return first + separator + second if first else second


