"""A plan as a pure function of tensors: leaves and random draws in; results, buffers and gradients out."""
from typing import NamedTuple

import torch
from torch.overrides import TorchFunctionMode

from ..engine.function import Function
from ..engine.leaf import BUFFERS, input_tensor
from .streams import streams_of


class Uncompilable(Exception):
    """Why a graph is run as it is. The text completes 'not compiled, because ...'."""


class Backward(NamedTuple):
    """A backward pass as a program computes it along with the forward pass."""

    root: int             # which of the plan's roots
    clear_buffer: bool


class Leaf:
    """A leaf of the graph as the functions that read it want it. Several may be fed from one storage.

    Attributes:
        place: Which argument of the program it is made from.
        seen: What compiled code depends on of what was found.
        tensor: What the engine makes of it: where its gradient goes, if that tensor requires one.
    """

    __slots__ = ("variable", "kind", "target", "storage", "place", "tensor", "seen")

    def __init__(self, variable, kind, target):
        self.variable, self.kind, self.target = variable, kind, target
        self.storage = variable.container.storage
        self.look()

    def look(self):
        """See what the variable holds now.

        Raises:
            Uncompilable: it is not simply the memory of its storage.
        """
        tensor = self.tensor = input_tensor(self.variable, self.kind, self.target)
        storage = self.storage
        held = storage._tensor
        if held is None:
            raise Uncompilable(f"an input of shape {self.variable.shape} is a part of another array")
        if held.device != self.target.device:
            raise Uncompilable(f"an input of shape {self.variable.shape} is used on several devices")
        if tensor.requires_grad:
            source = getattr(tensor, "made_from", None)
            if not tensor.is_leaf or (tensor.data_ptr() != held.data_ptr() and (source is None or source() is not held)):
                raise Uncompilable(f"the gradient of an input of shape {self.variable.shape} goes on into other computations")
            if tensor._backward_hooks or tensor._post_accumulate_grad_hooks:
                raise Uncompilable(f"a hook of torch watches the gradient of an input of shape {self.variable.shape}")

        self.seen = (self.kind, self.target.dtype, self.variable.shape, held.dtype, tuple(held.shape), held.stride(),
                     held.device, tensor.requires_grad and tensor.dtype)


class Program:
    """What one run of a plan computes.

    Args:
        plan (Plan): The graph, sorted; a weak reference, since the plan holds what is made of this.
        frees: What the run lets go of, in the words of ``Plan.frees``.
        backward (Backward or None): The backward pass to compute with it.

    Attributes:
        kept: (container, slot) of what the run leaves to be read.
        cleared: Storages of what it lets go of.
        buffers: Places of arguments that kernels may write.
        repeatable: Whether the run may be asked for its history.
        gradients: The leaf tensors that take a gradient.
        intermediates: (container, slot, has siblings) whose gradients are kept.

    Raises:
        Uncompilable: with the reason.
    """

    def __init__(self, plan, frees, backward):
        self.plan, self.backward = plan, backward
        self.repeatable = plan.record and frees != "all"
        self.history = backward is not None or plan.must_record
        self.functions, self.leaves, self.steps = plan.functions, [], []
        self._slots, self._leaf_slots, self._n_slots = {}, {}, 0
        self.streams = streams_of(self.functions)
        if plan.checkpoints and plan.record and frees != "all":
            raise Uncompilable("variables are to be recomputed")
        self.freed = [v for _, variables in plan.freed_in_forward(frees) for v in variables] if frees else []
        self.cleared = list({id(v.container.storage): v.container.storage for v in self.freed}.values())
        for function in self.functions:
            self._add(function)
        self._share_arguments()
        self._keep()
        if backward is not None:
            self._differentiate(backward)

    # -- lowering ------------------------------------------------------------------------------------

    def _add(self, function):
        op = function.op
        if function.__class__ is not Function and not op.needs_graph:
            raise Uncompilable(f"{function.name} is written in Python or torch")
        if op.data_dependent:
            raise Uncompilable(f"the shape of {op.name}'s output depends on data")
        if "memo" in op.wants:
            raise Uncompilable(f"{op.name} remembers earlier runs")
        if any(a.type is object for a in op.arguments):
            raise Uncompilable(f"{op.name} works with other processes")
        ins = []
        for i, variable in enumerate(function.inputs):
            kind = "tensor" if op.plain else function.input_kind(i)
            slot = self._slots.get(id(variable)) if variable._parent is not None else None
            if kind == "own" and self.history and variable.need_grad:
                raise Uncompilable(f"{op.name} writes into an input that takes a gradient")
            ins.append((self._leaf(variable, kind, function.target) if slot is None else slot, kind))
        outs, cuts = [], []
        for ref in function.output_refs:
            variable = ref()
            outs.append(self._new_slot())
            cuts.append(None if variable is None or id(variable) in self.plan.uncut_ids else variable._need_grad)
            if variable is not None:
                self._slots[id(variable)] = outs[-1]
        aliased = op.aliases and function.shares_storage()
        collects = aliased and function.need_grad and cuts[0] is None
        self.steps.append((function, ins, outs, cuts, aliased, collects))

    def _new_slot(self):
        self._n_slots += 1
        return self._n_slots - 1

    def _leaf(self, variable, kind, target):
        key = (id(variable.container), variable.need_grad, kind, target.dtype, target.device)
        if key not in self._leaf_slots:
            slot = self._leaf_slots[key] = self._new_slot()
            self.leaves.append((Leaf(variable, kind, target), slot))
        return self._leaf_slots[key]

    def _share_arguments(self):
        """One argument for each storage; one gradient for each leaf tensor."""
        places, self.storages = {}, []
        if not self.leaves:
            raise Uncompilable("it has no inputs")
        for leaf, _ in self.leaves:
            storage = leaf.storage
            if id(storage) not in places:
                places[id(storage)] = len(self.storages)
                self.storages.append(storage)
            leaf.place = places[id(storage)]
        pointers = [s._tensor.data_ptr() for s in self.storages if s._tensor.numel()]
        if len(set(pointers)) < len(pointers):
            raise Uncompilable("inputs share memory")
        self.gradient_numbers = self.number_gradients()
        self.buffers = sorted({leaf.place for leaf, _ in self.leaves if leaf.kind in BUFFERS})

    def number_gradients(self):
        """For each leaf, the number of the tensor that takes its gradient, or None; fills ``gradients``."""
        numbers, self.gradients = {}, []
        for leaf, _ in self.leaves:
            tensor = leaf.tensor
            if self.history and tensor.requires_grad and id(tensor) not in numbers:
                numbers[id(tensor)] = len(self.gradients)
                self.gradients.append(tensor)
        return tuple([numbers.get(id(leaf.tensor)) for leaf, _ in self.leaves])

    def _keep(self):
        cleared, kept = {id(s) for s in self.cleared}, {}
        for function, ins, outs, _, aliased, _ in self.steps:
            given = function.inputs[0].container.storage if aliased else None
            for container, slot in zip(function.output_containers, outs):
                storage = container.storage
                if storage.owner is not None or storage.narrowed is not None:
                    raise Uncompilable(f"{function.op.name} writes into a given array that is a part of another")
                if storage is not given and id(storage) not in cleared:
                    kept[id(storage)] = (container, slot)
        if any(id(s) in kept for s in self.storages):
            raise Uncompilable("a result is written over an input")
        self.kept = list(kept.values())

    def _differentiate(self, backward):
        self.root_id = self.plan.root_ids[backward.root]
        root = self.root_variable()
        self.root, self.root_slot = root.container, self._slots[self.root_id]
        if root._parent.op.keeps_inputs and root._parent.args_resolved.get("one_input_grad") is False:
            raise Uncompilable("its backward pass starts from gradients that were stored")
        self.intermediates = []
        for function, _, outs, *_ in self.steps:
            for ref, container, slot in zip(function.output_refs, function.output_containers, outs):
                variable = ref()
                if container is not self.root and \
                        (not backward.clear_buffer or (variable is not None and variable._persistent)):
                    self.intermediates.append((container, slot, len(outs) > 1))

    def root_variable(self):
        """The root of the backward pass, which the program doesn't keep alive."""
        return next(v for f in reversed(self.functions) for ref in f.output_refs if id(v := ref()) == self.root_id)

    def key(self):
        """Programs with equal keys are the same function of their arguments."""
        key = [self.repeatable, self.backward is not None and (self.root_slot, tuple([slot for _, slot, _ in self.intermediates])),
               tuple([(slot, leaf.place, leaf.seen) for leaf, slot in self.leaves]), self.gradient_numbers,
               tuple([slot for _, slot in self.kept])]
        for function, ins, outs, cuts, aliased, collects in self.steps:
            target = function.target
            given = (function.bound.func.__name__, function.bound.args) if function.op.needs_graph else \
                tuple(function.args_resolved.items())
            key.append((function.op.type_name, str(given), function.mask, tuple(function.input_shapes), tuple(ins), tuple(outs),
                        tuple(cuts), collects, target.dtype, target.device))
        return tuple(key)

    # -- the function --------------------------------------------------------------------------------

    def arguments(self):
        """The tensors to run on."""
        return [s._tensor for s in self.storages]

    def compute(self, arguments, seed):
        """The results, as lists: what is kept, gradients of leaves, gradients of intermediates, buffers as they were.

        Args:
            arguments (list of Tensor): As :meth:`arguments`.
            seed (Tensor): The root's gradient, a scalar.
        """
        before = [arguments[place].clone() for place in self.buffers] if self.repeatable else []
        env, wanted = [None] * self._n_slots, [None] * len(self.gradients)
        with torch.set_grad_enabled(self.history), _Traceable():
            for (leaf, slot), k in zip(self.leaves, self.gradient_numbers):
                tensor = arguments[leaf.place].detach()
                if k is not None:
                    if wanted[k] is None:
                        wanted[k] = tensor.to(leaf.tensor.dtype).requires_grad_()
                    tensor = wanted[k]
                if tensor.shape != leaf.variable.shape:
                    tensor = tensor.reshape(leaf.variable.shape)
                env[slot] = tensor
            for function, ins, outs, cuts, _, collects in self.steps:
                target = function.target
                try:
                    results = function.bound(*[_as_kind(env[slot], kind, target) for slot, kind in ins])
                except Exception as error:
                    raise Uncompilable(f"{function.op.name} can't be traced ({first_line(error)})") from error
                results = (results,) if isinstance(results, torch.Tensor) else results
                for slot, result, cut in zip(outs, results, cuts):
                    if cut is not None and cut is not result.requires_grad:
                        result = result.detach()
                        result = result.requires_grad_() if cut and self.history and result.is_floating_point() else result
                    if collects and self.history and not result.requires_grad:
                        result = result.requires_grad_()
                    env[slot] = result
            gradients = [None] * (len(wanted) + (0 if self.backward is None else len(self.intermediates)))
            if self.backward is not None and env[self.root_slot].requires_grad:
                root = env[self.root_slot]
                sources = [*wanted, *[env[slot] for _, slot, _ in self.intermediates]]
                known = [k for k, t in enumerate(sources) if t.requires_grad]
                found = torch.autograd.grad(root, [sources[k] for k in known], seed.to(root.dtype).expand(root.shape),
                                            allow_unused=True)
                for k, gradient in zip(known, found):
                    # Leaves and their gradients lie alike in memory: torch's fused optimizers rely on it.
                    gradients[k] = gradient if k >= len(wanted) or gradient is None else _laid_out_like(gradient, wanted[k])
        taken = {_memory(t) for t in (*arguments, seed)}
        return [[_separate(env[slot], taken) for _, slot in self.kept],
                *[[None if g is None else _separate(g, taken) for g in part]
                  for part in (gradients[:len(wanted)], gradients[len(wanted):])], before]


def _as_kind(tensor, kind, target):
    """A tensor as a kernel input of ``kind`` takes it."""
    if kind == "index":
        return tensor.detach().to(torch.int64)
    if kind == "tensor":
        return tensor.to(device=target.device, dtype=target.dtype)
    return tensor.detach() if kind == "state" else tensor


def _separate(tensor, taken):
    """A result with memory of its own, each element once."""
    tensor = tensor.detach()
    if _memory(tensor) in taken or (0 in tensor.stride() and tensor.numel() > 1):
        tensor = tensor.clone(memory_format=torch.contiguous_format)
    taken.add(_memory(tensor))
    return tensor


def _laid_out_like(tensor, model):
    if tensor.stride() == model.stride():
        return tensor
    return torch.empty_like(model, requires_grad=False).copy_(tensor.detach())


def _memory(tensor):
    return tensor.untyped_storage()._cdata


def first_line(error):
    """An error in one line."""
    return f"{type(error).__name__}: {error}".splitlines()[0][:200]


class _Traceable(TorchFunctionMode):
    """Lets writes through ``tensor.data`` be traced, which tracers don't see."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        if getattr(function, "__self__", None) is torch.Tensor.data and function.__name__ == "__get__":
            return args[0].detach()
        return function(*args, **(kwargs or {}))
