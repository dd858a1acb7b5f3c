"""Utilities at nnabla's own paths. Modules here are imported when asked for, not by the package."""
