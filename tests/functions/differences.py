"""Where results may differ from the original's, and why.

``TOLERANCES``: function -> (relative tolerance, reason). Everything else is held to 1e-5.
``EXPECTED``: (function, mode, start of the case's key) -> reason. A listed case that agrees with
the original fails the test, so the list can only tell the truth.
"""

TOLERANCES = {
}

EXPECTED = {
}


def tolerance(function):
    return TOLERANCES.get(function, (1e-5, ""))[0]


def expected(function, mode, key):
    """The reason why this case may differ in this mode, or None."""
    for (name, where, start), reason in EXPECTED.items():
        if name == function and where in (mode, "*") and key.startswith(start):
            return reason
    return None
