"""The builder that functions are recorded into, set by :mod:`.recording`."""
# A ProtoGraphBuilder. It is replaced, so read it here; a copy of the name goes stale.
builder = None


def current_graph_builder():
    """The builder that functions are recorded into."""
    return builder


def current_network():
    """The network that functions are recorded into."""
    return builder.get_current()


def current_module():
    """The Module whose code is being recorded, or a stand-in."""
    return builder.get_module()
