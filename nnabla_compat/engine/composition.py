"""Functions that run as one in dynamic mode, and come apart when somebody looks at the graph."""
import weakref

import torch

from ..registry import Operator
from . import context, modes
from .dynamic import run_operator
from .function import Function
from .variable import Variable


class Composition(Operator):
    """A kernel that computes what several functions do, where they are called to compute at once.

    Args:
        type_name (str): Its name, for messages.
        kernel (callable): Function of tensors, which returns a tuple of them.
        parts (callable): The same as a function of Variables: what graphs consist of.
    """

    __slots__ = ("parts",)

    def __init__(self, type_name, kernel, parts):
        super().__init__(type_name, kernel)
        self.parts = parts

    def __call__(self, *inputs):
        if modes.auto_forward and all([x.__class__ is Variable for x in inputs]):
            return run_operator(self, inputs, {}, -1, Composite)
        return self.parts(*inputs)


class Composite(Function):
    """The node of a composition that has run. Users never see it: ``Variable.parent``, ``visit`` and plans take it apart.

    The variables between its functions then hold what they would have held. The history of its outputs stays what it
    is, so that a backward pass finds no gradients for them.
    """

    composed = True

    def take_apart(self):
        """Put the functions in its place."""
        self.composed = False
        inputs, later = list({id(v): v for v in self.inputs}.values()), []
        for v in inputs:
            i = next(i for i, ref in enumerate(v._consumers) if ref() is self)
            later.append([ref for ref in v._consumers[i:] if ref() is not self])
            del v._consumers[i:]
        kept = not any([v.container.storage.clear_called for v in self.inputs])
        with (modes.switched("auto_forward", kept), modes.switched("no_grad", False), torch.no_grad(),
              context.context_scope(self.context)):
            made = self.op.parts(*self.inputs)
        for v, consumers in zip(inputs, later):
            v._consumers += consumers
        for ref, container, part in zip(self.output_refs, self.output_containers, made):
            variable = ref()
            if variable is None:
                part._parent.output_containers = [container if c is part.container else c for c in part._parent.output_containers]
                part.container = container
                continue
            consumers = part.function_references
            for function in consumers:
                function.inputs = [variable if v is part else v for v in function.inputs]
            variable._consumers = [*map(weakref.ref, consumers), *(variable._consumers or ())]
            variable._parent, variable.rank = part._parent, part.rank
            part._parent.replace_output(part, variable)
