"""Loops, as nnabla names what files say about them; :mod:`..loop_control` unrolls them."""


class RepeatInfo:
    """How many times a loop runs."""

    def __init__(self, id, times):
        self.id, self.times = id, times


class LoopControlFunction:
    """A function of a file that controls a loop and computes nothing."""

    def __init__(self):
        self.arguments = {}
