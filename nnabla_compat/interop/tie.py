"""One tensor seen by both sides: a parameter or buffer of a torch.nn.Module that a Variable holds."""
import torch

from ..engine.parameters import make_parameter


class Tie:
    """Keeps a Variable and an entry of a torch.nn.Module on the same tensor.

    Both sides may put another tensor in its place: ``Module.to`` and ``load_state_dict(assign=True)`` do on one,
    assignments of another dtype and moves to a device on the other. :meth:`sync` lets the side that did not follow.

    Args:
        owner (torch.nn.Module): Module that has the tensor itself, not a child of it.
        name (str): Name of the tensor there.
        variable (Variable): Who else holds it. What it holds now goes into the module, in the module's dtype.

    Raises:
        ValueError: the shapes differ.
    """

    __slots__ = ("name", "variable", "table", "agreed")

    def __init__(self, owner, name, variable):
        self.name, self.variable = name, variable
        self.table = owner._parameters if owner._parameters.get(name) is not None else owner._buffers
        self.agreed = mine = self.table[name]
        if variable.container.storage._tensor is not mine:
            self._hand_over(self._follow(mine, mine.dtype))

    def sync(self):
        """Let the side that is behind follow; returns whether there was anything to do."""
        mine = self.table[self.name]
        theirs = self.variable.container.storage._tensor
        if theirs is mine:
            self.agreed = mine
            return False
        if mine is self.agreed:
            mine = self._follow(mine)
        self._hand_over(mine)
        return True

    def pull(self):
        """As :meth:`sync`, but a tensor that torch has put in for the moment (``functional_call``) stays."""
        mine = self.table[self.name]
        if mine is self.agreed and self.variable.container.storage._tensor is not mine:
            self._hand_over(self._follow(mine))

    def _follow(self, mine, dtype=None):
        """Take over what the Variable holds, in ``dtype``: floating point as it comes, else as it was here."""
        theirs = self.variable.tensor.detach()
        if dtype is None:
            dtype = theirs.dtype if mine.is_floating_point() and theirs.is_floating_point() else mine.dtype
        theirs = theirs.to(dtype)
        if theirs.shape != mine.shape:
            raise ValueError(f"parameter '{self.name}': expected shape {tuple(mine.shape)}, as the torch module has it, "
                             f"received {tuple(theirs.shape)} from the parameter scope. Use another parameter_scope.")
        if isinstance(mine, torch.nn.Parameter):
            mine.data = theirs
            return mine
        self.table[self.name] = theirs
        return theirs

    def _hand_over(self, tensor):
        variable = self.variable
        variable.container.data.set_tensor(tensor)
        if isinstance(tensor, torch.nn.Parameter) and tensor.requires_grad:
            make_parameter(variable)
        self.agreed = tensor
