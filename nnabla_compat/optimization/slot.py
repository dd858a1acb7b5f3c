"""One parameter of a solver, with the state the solver keeps for it."""
import numpy as np
import torch

from ..engine.storage import WRITTEN, ZEROED, Storage
from ..engine.variable import Variable


class SolverState:
    """State of one parameter, as ``Solver.get_states`` hands it out.

    Attributes:
        t (int): Number of updates so far; a copy.
        pstate (dict): State name to Variable. Writing to the Variables changes the solver's state.
    """

    def __init__(self):
        self.pstate = {}
        self.t = 0


class Slot:
    """A parameter as the update sees it: a weight tensor, a gradient tensor, state tensors, a counter.

    The weight is held as an alias (``tensor.data``): writing through it leaves torch's version counter
    alone, so that an update between forward and backward is simply seen, as in nnabla. Making the alias
    costs as much as a small kernel, hence it is kept until the parameter gets other memory.
    """

    __slots__ = ("key", "contiguous", "container", "names", "keeps_dtype", "t", "states", "exposed",
                 "tensor", "pointer", "plain", "alias", "place")

    def __init__(self, key, parameter, names):
        self.keeps_dtype = isinstance(parameter, torch.Tensor)
        if self.keeps_dtype:
            parameter = variable_over(parameter)
        self.key, self.container = key, parameter.container
        self.tensor = None      # what the alias was made of, at the address `pointer`
        self.pointer = 0
        self.plain = False      # `tensor` has the container's shape, so its .grad can be taken as it is
        self.reset(names)

    def reset(self, names):
        """Start over: no updates yet, all states zero."""
        self.names = names
        self.t = 0
        self.states = None     # tensors, made when first needed, on the weight's device
        self.exposed = None    # name to Variable over the states, once somebody asked for them

    # -- weight and gradient -------------------------------------------------------------------------

    def weight(self):
        """The weight's alias, float32 for nnabla's variables; ``place`` is its (device, dtype)."""
        storage = self.container.storage
        tensor = storage.present()
        if tensor is None or tensor is not self.tensor or tensor.data_ptr() != self.pointer:
            self.find_weight()
        if storage.state != WRITTEN:
            storage.touched()
        return self.alias

    def find_weight(self):
        """Make the alias of a weight that is new, or has moved to other memory."""
        data = self.container.data
        tensor = data.tensor
        if not self.keeps_dtype and tensor.dtype != torch.float32:
            data.cast(np.float32)
            tensor = data.tensor
        alias = tensor.data
        if 0 in alias.stride() and alias.numel() > 1:
            data.data    # gives an expanded tensor, whose elements share memory, memory of its own
            tensor = data.tensor
            alias = tensor.data
        self.tensor, self.pointer = self.container.storage.present(), tensor.data_ptr()
        self.plain = self.tensor is tensor
        place = (alias.device, alias.dtype)
        self.alias, self.place = alias, _PLACES.setdefault(place, place)
        self.contiguous = alias.is_contiguous()
        if self.states and self.states[0] is not None and self.states[0].device != alias.device:
            self.set_states(self.t, [s.to(alias.device) for s in self.states])

    def gradient(self):
        """The gradient tensor, or None while it is lazily zero: then solvers leave the parameter alone."""
        storage = self.container.grad_storage
        if storage is not None and storage.owner is not None and storage.host is None:
            gradient = storage.owner.grad
            if gradient is not None:
                if gradient.shape != self.container.shape:
                    gradient = gradient.reshape(self.container.shape)
                return gradient
        if storage is None:
            storage = self.container.grad.storage
        if storage.zeroing:
            return None
        return self.container.grad.tensor

    def writable_gradient(self):
        """The gradient as a float tensor on the weight's device to write in place; only after :meth:`gradient`."""
        grad, device = self.container.grad, self.weight().device
        if grad.tensor.dtype != torch.float32 and not self.keeps_dtype and grad.storage.owner is None:
            grad.cast(np.float32)
        if grad.tensor.device != device:
            grad.storage.materialize(grad.shape, device)
        grad.storage.touched()
        return grad.tensor.data

    def align_gradient(self, gradient):
        """Lay the gradient out in memory as the weight is: torch's fused kernels go by memory, not by index."""
        storage = self.container.grad.storage
        storage.set(torch.empty_like(self.alias, dtype=gradient.dtype, device=gradient.device).copy_(gradient.detach()))
        return self.gradient()

    def zero_gradient(self):
        """Set the gradient to zero, lazily."""
        storage = self.container.grad_storage
        if storage is None:
            storage = self.container.grad.storage
        elif storage.state == ZEROED and storage.owner is not None and storage.host is None:
            storage.owner.grad = None    # as backward left it: what zero() comes to, for every parameter
            return
        storage.zero()

    # -- state ---------------------------------------------------------------------------------------

    def state_tensors(self):
        """The states, in the order of ``names``."""
        if self.states is None:
            weight = self.weight()
            self.states = [torch.zeros_like(weight) for _ in self.names]
        elif self.exposed is not None:
            for i, name in enumerate(self.names):
                array = self.exposed[name].container.data
                if self.states[i] is None or array.storage.present() is not self.states[i]:
                    self.states[i] = self._adopt(array)
        return self.states

    def _adopt(self, array):
        """A user's array as a state: written in place from now on, so it becomes what the weight is."""
        device, dtype = (self.weight(), self.place)[1]
        tensor = array.tensor
        if tensor.dtype != dtype or tensor.device != device:
            array.set_tensor(tensor.detach().to(device=device, dtype=dtype))
            tensor = array.tensor
        return tensor.data if tensor.requires_grad else tensor

    def set_states(self, t, states):
        """Take over a counter and state tensors, in the order of ``names``."""
        self.t, self.states = t, states
        if self.exposed is not None:
            for name, tensor in zip(self.names, states):
                self.exposed[name].container.data.set_tensor(tensor)

    def adopt_variables(self, t, variables):
        """Take over a counter and the Variables that hold the states."""
        self.t, self.exposed = t, {name: variables[name] for name in self.names}
        self.states = [None] * len(self.names)    # read from the Variables when next needed

    def expose(self):
        """The state as a SolverState over the live tensors."""
        if self.exposed is None:
            self.exposed = {name: _variable_of(tensor) for name, tensor in zip(self.names, self.state_tensors())}
        state = SolverState()
        state.t, state.pstate = self.t, dict(self.exposed)
        return state


# One tuple per (device, dtype), so that places are compared by identity.
_PLACES = {}


def collect(slots, writing=False):
    """Slots, weights and gradients of those with a gradient, as one triple of lists per device and dtype.

    With ``writing``, the gradients are aliases to write in place; else they are to be read only.

    The usual case, a torch parameter with its own ``.grad``, is written out here: it runs for every
    parameter in every update.
    """
    groups = {}
    place = chosen = weights = gradients = None
    for slot in slots:
        container, tensor = slot.container, slot.tensor
        storage, gradient_storage = container.storage, container.grad_storage
        if (tensor is not None and slot.plain and storage._tensor is tensor and storage.state == WRITTEN
                and storage.host is None and gradient_storage is not None and gradient_storage.owner is tensor
                and gradient_storage.host is None):
            gradient = tensor.grad
            if gradient is None:
                gradient = slot.gradient()
                if gradient is None:
                    continue
            if tensor.data_ptr() != slot.pointer:
                slot.find_weight()
                gradient = slot.gradient()      # which becomes float32 with the weight
            if gradient.is_contiguous() is not slot.contiguous:
                gradient = slot.align_gradient(gradient)
            if writing:
                gradient = gradient.data
        else:
            if slot.gradient() is None:
                continue
            weight = slot.weight()
            gradient = slot.gradient()          # which becomes float32 with the weight
            if gradient.is_contiguous() is not slot.contiguous:
                gradient = slot.align_gradient(gradient)
            if writing:
                gradient = slot.writable_gradient()
            elif gradient.dtype != weight.dtype or gradient.device != weight.device:
                gradient = gradient.to(weight.device, weight.dtype)
        if slot.place is not place:
            place = slot.place
            chosen, weights, gradients = groups.setdefault(place, ([], [], []))
        chosen.append(slot)
        weights.append(slot.alias)
        gradients.append(gradient)
    return groups.values()


def variable_over(tensor):
    """A Variable whose data is ``tensor`` and whose gradient is ``tensor.grad``.

    A tensor without gradient counts as lazily zero, which is how torch's optimizers treat it.
    """
    variable = Variable(tensor.shape, need_grad=tensor.requires_grad)
    container = variable.container
    container.data.set_tensor(tensor)
    gradient = container.grad_storage = Storage()
    gradient.owner, gradient.state = tensor, ZEROED
    container.storage.linked = gradient
    return variable


def _variable_of(tensor):
    variable = Variable(tensor.shape)
    variable.data.set_tensor(tensor)
    return variable
