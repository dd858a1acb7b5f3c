"""Parameters of nnabla as a state dict of torch, and back: names by a NameMap, arrays by the table of layouts."""
from collections import OrderedDict

import numpy as np

from ..files.records import ParameterRecord
from ..interop.names import scope_component
from .layouts import BY_SCOPE, DROPPED, layout_of
from .name_map import NameMap

RAW, TORCH = "raw", "torch"    # layouts: nnabla's own arrays; those of torch.nn's layers


class Converted:
    """What a conversion made.

    Attributes:
        arrays (OrderedDict): torch's names to arrays; or ``records``, a list of ParameterRecord.
        unchanged (list of str): Parameters that no row of the table knows; they are as they were.
        dropped (list of str): What nnabla has no use for.
    """

    def __init__(self):
        self.arrays, self.records, self.unchanged, self.dropped = OrderedDict(), [], [], []


def to_torch(records, layout=RAW, names=None):
    """nnabla's parameters under torch's names.

    Args:
        records (sequence of ParameterRecord): The parameters.
        layout (str): ``"raw"`` or ``"torch"``.
        names (NameMap): Names that the rule does not give.

    Returns:
        Converted

    Raises:
        ValueError: two parameters would have the same name.
    """
    names = names or NameMap()
    made = Converted()
    for scope, members in _groups(records):
        raw = any(names.name_of(scope, leaf) in names.raw for leaf in members)
        row = layout_of(scope, members, "nnabla") if layout == TORCH and not raw else None
        if row is None:
            found = {names.name_of(scope, leaf): record.values for leaf, record in members.items()}
            made.unchanged += [record.name for record in members.values()]
        else:
            leaves = {leaf.torch: leaf.nnabla for leaf in row.leaves}
            try:
                values = row.to_torch({leaf: record.values for leaf, record in members.items()})
            except (ValueError, IndexError) as error:
                raise _shapes_error(scope, row, members, error) from error
            found = {names.name_of(scope, leaves.get(leaf), leaf): value for leaf, value in values.items()}
        for name, value in found.items():
            if name in made.arrays:
                raise ValueError(f"two parameters would be called '{name}' in torch, one of them in scope '{scope}'. "
                                 "Name them in the file of --names.")
            made.arrays[name] = value
    return made


def to_nnabla(arrays, layout=RAW, names=None, like=None):
    """A state dict of torch as nnabla's parameters.

    Args:
        arrays (mapping of str to numpy array): The state dict.
        layout (str): What its arrays are: ``"raw"``, nnabla's own, or ``"torch"``, those of torch.nn's layers.
        names (NameMap): Names that the rule does not give, and shapes.
        like (sequence of ParameterRecord): Parameters to be replaced: they give order, shapes and ``need_grad``, and
            the conversion must give exactly these.

    Returns:
        Converted

    Raises:
        ValueError: names or shapes do not fit.
    """
    names = names or NameMap()
    made = Converted()
    shapes = {**names.shapes, **{record.name: record.values.shape for record in like or ()}}
    groups = OrderedDict()
    for name, value in arrays.items():
        scope, leaf, own = names.place_of(name)
        if layout == TORCH and not own and leaf in DROPPED:
            made.dropped.append(name)
            continue
        members = groups.setdefault(scope, OrderedDict())
        key = (leaf, own)
        if key in members:
            raise ValueError(f"'{members[key][0]}' and '{name}' stand for the same parameter of scope '{scope}'.")
        members[key] = (name, value)
    for scope, members in groups.items():
        raw = any(name in names.raw for name, _ in members.values())
        _group_to_nnabla(made, scope, members, RAW if raw else layout, shapes)
    _check(made, like, shapes)
    return made


def _group_to_nnabla(made, scope, members, layout, shapes):
    row, values = None, {}
    if layout == TORCH:
        for (leaf, own), (_, value) in members.items():
            values[_torch_leaf(scope, leaf) if own else leaf] = value
        row = layout_of(scope, values, "torch") if len(values) == len(members) else None
    known = {path.rpartition("/")[2]: shape for path, shape in shapes.items() if path.rpartition("/")[0] == scope}
    if row is None:
        found = {leaf if own else scope_component(leaf): value for (leaf, own), (_, value) in members.items()}
    else:
        try:
            found = row.to_nnabla(values, known)
        except (ValueError, IndexError, KeyError) as error:
            raise ValueError(f"scope '{scope}' ({row.scope}, torch.nn.{row.torch_layer}): {error}; received "
                             + ", ".join(f"{name} {value.shape}" for name, value in members.values()) + ".") from error
    for leaf, value in found.items():
        path = f"{scope}/{leaf}" if scope else leaf
        kind = row or BY_SCOPE.get(scope.rpartition("/")[2])
        made.records.append(ParameterRecord(path, np.asarray(value), kind is None or kind.need_grad(leaf)))
        if row is None:
            made.unchanged.append(path)


def _torch_leaf(scope, leaf):
    row = BY_SCOPE.get(scope.rpartition("/")[2])
    return next((entry.torch for entry in row.leaves if entry.nnabla == leaf), leaf) if row else leaf


def _check(made, like, shapes):
    """Against the parameters that are to be replaced, whose order and ``need_grad`` are taken over."""
    by_name = {}
    for record in made.records:
        if by_name.setdefault(record.name, record) is not record:
            raise ValueError(f"two parameters of torch stand for '{record.name}'.")
        expected = shapes.get(record.name)
        if expected is not None and record.values.shape != expected:
            raise ValueError(f"'{record.name}': expected shape {expected}, received {record.values.shape}.")
    if like is None:
        return
    missing = [r.name for r in like if r.name not in by_name]
    known = {r.name for r in like}
    surplus = [name for name in by_name if name not in known]
    if missing or surplus:
        raise ValueError("the parameters are not those of the file of --like. " +
                         "; ".join(f"{what}: {', '.join(found[:8])}{' ...' if len(found) > 8 else ''}"
                                   for what, found in (("missing", missing), ("surplus", surplus)) if found) +
                         ". Give their names with --names.")
    made.records = [ParameterRecord(r.name, by_name[r.name].values, r.need_grad) for r in like]


def _groups(records):
    groups = OrderedDict()
    for record in records:
        scope, _, leaf = record.name.rpartition("/")
        groups.setdefault(scope, OrderedDict())[leaf] = record
    return groups.items()


def _shapes_error(scope, row, members, error):
    given = ", ".join(f"{r.name} {r.values.shape}" for r in members.values())
    return ValueError(f"scope '{scope}' does not look like what {row.scope} makes ({error}); received {given}. "
                      "Convert with --layout raw.")
