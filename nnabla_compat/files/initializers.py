"""Initial values that a network file asks for."""
import re

import numpy as np

_SCALED = re.compile(r"(?:(Normal)(Affine|Convolution|CLConv)(HeForward|HeBackward|He|Glorot)"
                     r"|(Uniform)(Affine|Convolution|CLConv)Glorot)$")


class FileInitializer:
    """The initializer ``type`` with its ``multiplier``, drawing from ``rng`` when it is called."""

    def __init__(self, type_, multiplier, rng):
        self.type, self.multiplier, self.rng = type_, multiplier, rng

    def __call__(self, shape):
        shape, m = tuple(shape), self.multiplier
        if self.type == "Constant":
            return np.full(shape, m, np.float32)
        if self.type == "Range":
            return np.broadcast_to(np.arange(shape[-1], dtype=np.float32) * np.float32(m), shape).copy()
        if self.type == "Normal":
            return self._normal(shape, m)
        if self.type == "Uniform":
            return self._uniform(shape, m)
        normal, place, rule, uniform, uniform_place = _SCALED.match(self.type).groups()
        fan_in, fan_out, kernel = _fans(place or uniform_place, shape)
        if uniform:
            return self._uniform(shape, np.sqrt(6 / (kernel * (fan_in + fan_out)))) * np.float32(m)
        fan = {"HeBackward": fan_out, "Glorot": fan_in + fan_out}.get(rule, fan_in)
        return self._normal(shape, np.sqrt(2 / (kernel * fan))) * np.float32(m)

    def _normal(self, shape, std):
        return (self.rng.randn(*shape) * std).astype(np.float32)

    def _uniform(self, shape, limit):
        return self.rng.uniform(-limit, limit, size=shape).astype(np.float32)


def _fans(place, shape):
    """(inputs, outputs, size of the kernel) of a weight."""
    if place == "Affine":
        return shape[0], int(np.prod(shape[1:])), 1
    if place == "Convolution":
        return shape[-3], shape[0], shape[-2] * shape[-1]
    return shape[-1], shape[0], int(np.prod(shape[1:3]))


class UnknownInitializer(FileInitializer):
    """A type that nobody knows: zeros, as in nnabla, and what the file said is written again."""

    def __call__(self, shape):
        return np.zeros(tuple(shape), np.float32)


def from_message(message, rng):
    """The initializer of a ``Variable`` message; None where there is none."""
    type_ = message.initializer.type
    if not type_:
        return None
    known = type_ in ("Normal", "Uniform", "Constant", "Range") or _SCALED.match(type_)
    return (FileInitializer if known else UnknownInitializer)(type_, message.initializer.multiplier, rng)


def fills_inputs(initializer):
    """Whether an input with this initializer starts with its values."""
    return initializer is not None and not isinstance(initializer, UnknownInitializer)


def to_message(initializer, message):
    """Write ``initializer`` into a ``Variable`` message, where a file can express it."""
    if isinstance(initializer, FileInitializer):
        message.initializer.type, message.initializer.multiplier = initializer.type, initializer.multiplier
