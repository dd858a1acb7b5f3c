"""File formats, one module each. They know bytes and arrays; the registry of parameters is not theirs."""
