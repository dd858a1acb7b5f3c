"""Changes to descriptions of networks: variables renamed, functions that copy removed."""


def rename_variable(proto_network, renames):
    """Rename variables of a network, by a dict from old to new names.

    Raises:
        ValueError: there is no such variable, or the new name is taken.
    """
    for old, new in renames.items():
        if old == new:
            continue
        if old not in proto_network.variables:
            raise ValueError(f"{old} is not found in networks! (to be renamed to {new})")
        if new in proto_network.variables or new in proto_network.parameters:
            raise ValueError(f"network '{proto_network.name}': '{old}' cannot be renamed to '{new}', that name is "
                             "taken.")
        variable = proto_network.variables[old]
        variable.name = new
        _rename_keys(proto_network.variables, old, new)
        for function in _neighbours(proto_network, variable):
            function.inputs = [new if n == old else n for n in function.inputs]
            function.outputs = [new if n == old else n for n in function.outputs]
        proto_network.inputs = [new if n == old else n for n in proto_network.inputs]
        proto_network.outputs = [new if n == old else n for n in proto_network.outputs]


def _rename_keys(mapping, old, new):
    """Rename a key where it stands."""
    items = [(new if k == old else k, v) for k, v in mapping.items()]
    mapping.clear()
    mapping.update(items)


def _neighbours(network, variable):
    names = list(variable.required)
    if variable.parent is not None:
        names.append(variable.parent)
    return [network.functions[name] for name in names]


def remove_function(pf, renamed):
    """Take a function that passes its input on out of its network.

    Input and output become one variable. It keeps the input's name when something reads the output, and the
    output's name when it is an output of the network.

    Args:
        pf (ProtoFunction): The function, with one input and one output.
        renamed (dict): Takes the vanished name, with the name that stands for it.
    """
    network = pf.owner()
    source, result = network.variable(pf.inputs[0]), network.variables[pf.outputs[0]]
    source.required.remove(pf.name)
    if result.required or source.type == "Parameter" or source.parent is None:
        for name in result.required:
            reader = network.functions[name]
            reader.inputs = [source.name if n == result.name else n for n in reader.inputs]
        source.required += result.required
        network.outputs = [source.name if n == result.name else n for n in network.outputs]
        renamed[result.name] = source.name
        del network.variables[result.name]
    else:
        parent = network.functions[source.parent]
        parent.outputs = [result.name if n == source.name else n for n in parent.outputs]
        for name in source.required:
            reader = network.functions[name]
            reader.inputs = [result.name if n == source.name else n for n in reader.inputs]
        result.parent, result.required = source.parent, source.required
        renamed[source.name] = result.name
        del network.variables[source.name]
    del network.functions[pf.name]


class IdentityRemover:
    """Removes ``Identity`` functions, called on each function of a network in forward order.

    Args:
        renamed (dict): Takes the vanished names.
        is_required: ``is_required(function)`` says whether to remove it; all by default.
    """

    def __init__(self, renamed=None, is_required=None):
        self.renamed = {} if renamed is None else renamed
        self.is_required = is_required

    def __call__(self, pf):
        if pf.type == "Identity" and (self.is_required is None or self.is_required(pf)):
            remove_function(pf, self.renamed)
