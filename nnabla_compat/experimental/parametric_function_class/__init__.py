"""Layers as classes: each instance holds its parameters as attributes."""
