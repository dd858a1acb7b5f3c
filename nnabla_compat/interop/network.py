"""The torch.nn.Module that runs networks of nnabla."""
import numpy as np
import torch

from ..engine import tape
from ..engine.nd_array import NdArray
from ..engine.parameters import make_parameter
from ..engine.storage import FRESH
from ..engine.variable import Variable
from .names import torch_name
from .program import Program
from .structure import flatten
from .tie import Tie


class Scope(torch.nn.Module):
    """A scope within a :class:`Network`: its parameters and buffers, its scopes as children."""

    def forward(self, *inputs):
        raise NotImplementedError("this is a parameter scope of nnabla: it holds parameters and computes nothing")


class Network(Scope):
    """A torch.nn.Module over parameters of nnabla, made by :func:`to_torch`, :func:`graph_to_torch`, :func:`scope_to_torch`.

    Its parameters are the very ``torch.nn.Parameter`` that the Variables hold, its buffers the tensors of those
    without gradient; ``to``, ``load_state_dict``, optimizers and solvers on either side are seen on the other. A
    deep copy or a pickle is a torch module of its own, without ties.

    It runs kernels on the tensors as they are: contexts, buffers kept for ``Variable.d`` and hooks play no part.
    """

    def __init__(self):
        super().__init__()
        self._ties, self._programs, self._build = [], {}, None
        self._names = {}         # id of a container -> dotted name
        self._available = {}     # id of a container -> (path, Variable), of parameters that graphs may use
        self.register_load_state_dict_post_hook(_loaded)
        self.register_state_dict_pre_hook(_about_to_save)

    def _add(self, name, variable, persistent=True):
        if id(variable.container) in self._names:
            return
        make_parameter(variable, variable.need_grad)
        tensor, owner = variable.tensor, self
        *path, leaf = name.split(".")
        for component in path:
            owner = owner._modules.setdefault(component, Scope())
        if isinstance(tensor, torch.nn.Parameter):
            owner.register_parameter(leaf, tensor)
        else:
            owner.register_buffer(leaf, tensor, persistent)
        self._names[id(variable.container)] = name
        self._ties.append(Tie(owner, leaf, variable))

    def make_available(self, parameters):
        """Name the parameters that graphs may use (path -> Variable)."""
        self._available = {id(v.container): (path, v) for path, v in parameters.items()}

    def add_all(self):
        """Hold every available parameter, used or not."""
        for path, variable in self._available.values():
            self._add(torch_name(path), variable)

    def leaf_name(self, variable):
        """The name of a leaf of the graph; one that is no parameter becomes a constant."""
        container = variable.container
        if id(container) in self._available:
            path, registered = self._available[id(container)]
            self._add(torch_name(path), registered)
        if id(container) not in self._names:
            if container.storage.state == FRESH:
                raise ValueError(f"to_torch: a leaf of shape {variable.shape} (name '{variable.name}') is no input and no "
                                 "parameter, and holds no values. List it among the inputs, or write its values first.")
            if isinstance(container.storage._tensor, torch.nn.Parameter):
                raise ValueError(f"to_torch: the graph uses a parameter of shape {variable.shape} (name '{variable.name}') "
                                 "that is not among the given ones. Pass parameters=net.get_parameters(grad_only=False) for "
                                 "a Module, or call inside its parameter_scope.")
            # A tie keeps the container alive, so that its id stays its own.
            self._add(self._new_constant(), variable, persistent=False)
        return self._names[id(container)]

    def constant_name(self, tensor):
        """The name of a tensor that a function without inputs has computed."""
        for name, known in self._buffers.items():
            if name.startswith("constant") and known.dtype is tensor.dtype and torch.equal(known, tensor):
                return name
        name = self._new_constant()
        self.register_buffer(name, tensor, persistent=False)
        return name

    def _new_constant(self):
        return next(name for i in range(len(self._buffers) + len(self._parameters) + 1)
                    if not hasattr(self, name := f"constant{i}"))

    # -- running -------------------------------------------------------------------------------------

    def forward(self, *inputs):
        """Compute the network on torch tensors.

        Raises:
            ValueError: the shapes are other than those it was made for, and not just in the batch size.
        """
        if not torch.compiler.is_compiling():
            for tie in self._ties:
                tie.pull()
        programs = self._programs.get(self.training)
        if programs is None:
            raise NotImplementedError("this module holds the parameters of an nnabla scope and computes nothing; "
                                      "interop.to_torch makes one that does")
        for program in programs:
            if program.fits(inputs):
                return program.run(self, inputs)
        return self._other_program(inputs).run(self, inputs)

    def _other_program(self, inputs):
        if self._build is None or torch.compiler.is_compiling():
            known = "; ".join(str([tuple(s) for s in p.input_shapes]) + (" of any batch size" if p.any_batch else "")
                              for p in self._programs[self.training])
            raise ValueError(f"expected inputs of shapes {known}, received {[tuple(x.shape) for x in inputs]}. Make another "
                             "module for these, with to_torch, or graph_to_torch of a graph built for them.")
        return self._build(self, self.training, [new_input(x) for x in inputs])

    def add_program(self, training, inputs, outputs, evaluating):
        """Keep the program that computes ``outputs`` (Variables, nested) from ``inputs`` in one phase."""
        roots = []
        structure = flatten(outputs, Variable, roots)
        if not roots:
            raise TypeError("to_torch: expected Variables as outputs, received none")
        program = Program(inputs, structure, roots, self, evaluating)
        self._programs.setdefault(training, []).append(program)
        return program

    # -- keeping together with nnabla ----------------------------------------------------------------

    def _apply(self, fn, recurse=True):
        super()._apply(fn, recurse)
        self._sync()
        tape.graph_changed()    # a parameter stays the same object: graphs that use it could not tell
        return self

    def _sync(self):
        for tie in self._ties:
            tie.sync()

    def __getstate__(self):
        return {**self.__dict__, "_ties": [], "_build": None, "_names": {}, "_available": {}}


def _loaded(network, keys):
    network._sync()


def _about_to_save(network, prefix, keep_vars):
    for tie in network._ties:
        tie.pull()


def new_input(example):
    """A new leaf like an example input, with its values for operators whose output shape depends on them."""
    if isinstance(example, tuple):
        return Variable(example)
    variable = Variable(tuple(example.shape))
    if isinstance(example, (Variable, NdArray)):
        array = example.data if isinstance(example, Variable) else example
        if array.storage.present() is not None:
            variable.data.set_tensor(array.tensor.detach())
    elif isinstance(example, np.ndarray):
        variable.d = example
    else:
        variable.data.set_tensor(example.detach())
    return variable
