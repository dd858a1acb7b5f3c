"""A graph of Variables as a flat list of kernel calls on torch tensors.

Arguments are those resolved when the graph was built. Those that hold the batch size (reshape, slice, broadcast)
are freed of it where the shapes show that they do; whether that was enough is checked once, by inferring every
shape for another batch size.
"""
import sys

import torch

from ..engine import tape
from ..engine.function import Function
from .randomness import torch_random
from .structure import Slot, fill
from .torch_node import TorchNode


class Step:     # without __slots__, which torch.compile of earlier releases of torch cannot read
    """One kernel call: slots of its inputs (None: left out), their kinds, and what to do with its outputs."""

    def __init__(self, kernel, arguments, inputs, kinds, cut):
        self.kernel, self.arguments, self.inputs, self.kinds, self.cut = kernel, arguments, inputs, kinds, cut
        self.last_uses = ()


class Program:
    """What :class:`~nnabla_compat.interop.network.Network` runs.

    Args:
        inputs (list of Variable): Where tensors come in, in order.
        outputs (nested tuples, lists and dicts with Slots): What is returned; the slots count ``roots``.
        roots (list of Variable): What to compute.
        network (Network): Names the tensors of other leaves, and of what functions without inputs compute.
        evaluating (bool): Compute as a network that is not in training: running statistics, no dropout.
    """

    def __init__(self, inputs, outputs, roots, network, evaluating=False):
        functions = functions_between(inputs, roots)
        self.input_shapes = [v.shape for v in inputs]
        first = self.input_shapes[0] if self.input_shapes else ()
        batch = first[0] if first else None
        self.batched = [bool(s) and s[0] == batch for s in self.input_shapes]
        arguments = {f: _arguments(f, evaluating) for f in functions}
        self.any_batch = False
        if batch is not None:
            freed = _free_of_batch(functions, inputs, self.batched, batch, arguments)
            if freed is not None:
                self.any_batch, arguments = True, freed
        self._lay_out(functions, inputs, roots, network, arguments, evaluating)
        # nn.grad differentiates what was recorded, with respect to inputs that take gradients among others.
        self.records = any(f.op.needs_graph for f in functions)
        self.need_grad = [v.need_grad for v in inputs]
        self.outputs = outputs
        self.single = isinstance(outputs, Slot)

    def _lay_out(self, functions, inputs, roots, network, arguments, evaluating):
        self.leaves, self.steps = [], []    # leaves: (path of the owner, name there, whether to cut the history)
        slots = {id(v): i for i, v in enumerate(inputs)}
        given = {id(v.container): i for i, v in enumerate(inputs)}
        leaf_slots = {}
        for v in (*[v for function in functions for v in function.inputs], *roots):
            if id(v) in slots or v._parent is not None:
                continue
            if id(v.container) in given:
                slots[id(v)] = given[id(v.container)]
                continue
            cut = not v.need_grad
            key = (id(v.container), cut)
            if key not in leaf_slots:
                leaf_slots[key] = self._add_leaf(inputs, network.leaf_name(v), cut)
            slots[id(v)] = leaf_slots[key]
        computed = []
        for function in functions:
            if function.inputs or "rng" in function.op.wants:
                computed.append(function)
                continue
            # A constant: of the module's device and dtype like its parameters.
            for ref, result in zip(function.output_refs, function.execute([])):
                slots[id(ref())] = self._add_leaf(inputs, network.constant_name(result), False)
        count = len(inputs) + len(self.leaves)
        root_ids = {id(r) for r in roots}
        for function in computed:
            ins = [slots[id(v)] for v in function.inputs]
            outs = [ref() for ref in function.output_refs]
            if evaluating and function.name == "Dropout":
                slots[id(outs[0])] = ins[0]
                continue
            kernel = _kernel(function)
            kinds = tuple([function.input_kind(i) for i in range(len(ins))])
            if function.mask is not None:
                places = iter(zip(ins, kinds))
                ins, kinds = zip(*[next(places) if present else (None, None) for present in function.mask])
            cut = tuple([v is not None and v._need_grad is False and id(v) not in root_ids for v in outs])
            self.steps.append(Step(kernel, arguments[function], tuple(ins), tuple(kinds), cut if any(cut) else None))
            for v in outs:
                if v is not None:
                    slots[id(v)] = count
                count += 1
        self.roots = tuple([slots[id(r)] for r in roots])
        self.written = {i for step in self.steps for i, kind in zip(step.inputs, step.kinds) if kind in ("state", "buffer")}
        seen = set(self.roots)
        for step in reversed(self.steps):
            last = {i for i in step.inputs if i is not None} - seen
            step.last_uses = tuple(sorted(last))
            seen |= last

    def _add_leaf(self, inputs, dotted, cut):
        *path, name = dotted.split(".")
        self.leaves.append((tuple(path), name, cut))
        return len(inputs) + len(self.leaves) - 1

    def fits(self, inputs):
        """Whether the program computes inputs of these shapes."""
        if len(inputs) != len(self.input_shapes):
            return False
        for x, shape, batched in zip(inputs, self.input_shapes, self.batched):
            if len(x.shape) != len(shape):
                return False
            if batched and self.any_batch:
                if x.shape[1:] != shape[1:]:
                    return False
            elif x.shape != shape:
                return False
        return True

    def run(self, module, inputs):
        """The outputs for input tensors, with the parameters and buffers that ``module`` holds."""
        if self.records:
            found = self._recording(module, inputs)
        else:
            found = self._roots(module, inputs)
        return found[0] if self.single else fill(self.outputs, found)

    def _recording(self, module, inputs):
        """As :meth:`_roots`, with the history that nn.grad needs, whether or not the caller wants one."""
        wanted = torch.is_grad_enabled()
        with torch.enable_grad():
            found = self._roots(module, [
                x.detach().requires_grad_() if needed and not x.requires_grad and x.is_floating_point() else x
                for x, needed in zip(inputs, self.need_grad)])
        return found if wanted else [y.detach() for y in found]

    def _roots(self, module, inputs):
        env = list(inputs)
        for path, name, cut in self.leaves:
            owner = module
            for component in path:
                owner = owner._modules[component]
            tensor = owner._parameters[name] if name in owner._parameters else owner._buffers[name]
            env.append(tensor.detach() if cut and tensor.requires_grad else tensor)
        device = env[0].device if env else None
        self._to_single(env, len(inputs))
        for step in self.steps:
            tensors = [None if i is None else as_kind(env[i], kind) for i, kind in zip(step.inputs, step.kinds)]
            results = step.kernel(*tensors, **step.arguments)
            if isinstance(results, torch.Tensor):
                results = (results,)
            if not step.inputs and device is not None:
                results = [r.to(device) for r in results]
            if step.cut is not None:
                results = [r.detach() if cut else r for r, cut in zip(results, step.cut)]
            env.extend(results)
            for i in step.last_uses:
                env[i] = None
        return [env[i] for i in self.roots]

    def _to_single(self, env, first):
        """Read leaves of float64, numpy's default, as float32 beside tensors of float32, as nnabla's functions do."""
        double = [i for i in range(first, len(env)) if env[i].dtype is torch.float64 and i not in self.written]
        if double and any([t.dtype is torch.float32 for t in env]):
            for i in double:
                env[i] = env[i].to(torch.float32)


def as_kind(tensor, kind):
    """A tensor as a kernel input of ``kind`` takes it."""
    if kind == "tensor":
        return tensor if tensor.is_floating_point() else tensor.to(torch.get_default_dtype())
    if kind == "index":
        return tensor.long()
    return tensor.detach() if kind == "state" and tensor.requires_grad else tensor


def functions_between(inputs, roots):
    """The functions that compute ``roots`` from ``inputs``, in running order; what lies above inputs is left out."""
    known = {id(v) for v in inputs}
    needed, functions = {id(r) for r in roots} - known, []
    for function in reversed(tape.ordered_functions(roots)):
        if any((v := ref()) is not None and id(v) in needed for ref in function.output_refs):
            functions.append(function)
            needed.update(id(v) for v in function.inputs if id(v) not in known)
    return functions[::-1]


def _kernel(function):
    """What computes a function from tensors alone: it holds no Variables, so it can be copied and pickled."""
    if function.__class__ is Function:
        return function.op.kernel
    if isinstance(function, TorchNode):
        return function.call
    copy = function.copy()
    copy.bind([v.shape for v in function.inputs])
    return copy.bound


def _arguments(function, evaluating):
    """The kernel's keywords: arguments as resolved, random numbers from torch."""
    if function.__class__ is not Function:
        return {}
    if function.bound is None:
        function.bind([v.shape for v in function.inputs], len(function.output_refs))
    arguments = dict(function.args_resolved)
    kept = getattr(function.bound, "keywords", {})
    if "n_outputs" in function.op.wants:
        arguments["n_outputs"] = kept["n_outputs"]
    if "rng" in function.op.wants:
        arguments["rng"] = torch_random
    if "memo" in function.op.wants:
        arguments["memo"] = {}
    if evaluating:
        if "batch_stat" in arguments and arguments.get("n_outputs", 1) <= 1:
            arguments["batch_stat"] = False
        for name, value in (("training", False), ("test", True), ("update_running_mean", False)):
            if name in arguments:
                arguments[name] = value
    return arguments


# -- batch size --------------------------------------------------------------------------------------

def _free_of_batch(functions, inputs, batched, batch, arguments):
    """``arguments`` without the batch size in them, or None where the graph computes one batch size only."""
    other = 2 * batch + 3
    shapes = {id(v): (other, *v.shape[1:]) if free else v.shape for v, free in zip(inputs, batched)}
    varying = {id(v) for v, free in zip(inputs, batched) if free}
    freed = {}
    for function in functions:
        given = [shapes.setdefault(id(v), v.shape) for v in function.inputs]
        varies = [id(v) in varying for v in function.inputs]
        freed[function] = arguments[function]
        made = [ref() for ref in function.output_refs]
        if not any(varies):
            shapes.update((id(v), v.shape) for v in made if v is not None)
            continue
        if function.op.data_dependent:
            return None
        if function.__class__ is Function:
            freed[function] = _without_batch(function, given[0], batch, other, arguments[function])
        try:
            inferred = _inferred(function, given, arguments[function], freed[function])
        except (RuntimeError, ValueError, TypeError, IndexError):
            return None
        if inferred is None:
            return None
        for v, shape, old in zip(made, inferred, [c.shape for c in function.output_containers]):
            if shape == old and old and old[0] == batch:
                return None
            if v is not None:
                shapes[id(v)] = shape
                varying.add(id(v))
    return freed


def _without_batch(function, varied, batch, other, arguments):
    """Arguments of a function without the batch size, where its first input shows which number that is.

    Args:
        varied (tuple of int): The first input's shape when the batch size is ``other``.
    """
    before, after, name = function.inputs[0].shape, function.output_containers[0].shape, function.name
    if not before or not after or varied[0] * batch != before[0] * other:
        return arguments
    kept = before[0] == after[0] == batch
    merged = before[0] == batch and len(before) > 1 and after[0] == batch * before[1]
    split = after[0] == batch and len(after) > 1 and before[0] == batch * after[1]
    if name == "Reshape" and (kept or merged or split):
        return {**arguments, "shape": (-1, *after[1:])}
    if name == "Broadcast" and kept and len(before) == len(after):
        return {**arguments, "shape": (-1, *after[1:])}
    if name == "Slice" and before[0] == batch and len(arguments["stop"]) == len(before) \
            and arguments["stop"][0] == batch and arguments["step"][0] == 1:
        return {**arguments, "stop": (sys.maxsize, *arguments["stop"][1:])}
    return arguments


def _inferred(function, shapes, arguments, freed):
    """Output shapes for other input shapes; None when other arguments would be resolved for them."""
    if function.__class__ is not Function:
        copy = function.copy()
        copy.bind(shapes)
        return copy.infer(shapes)
    copy = Function(function.op, function.given, function.context)
    copy.mask, copy.positions = function.mask, function.positions
    copy.bind(shapes, arguments.get("n_outputs", -1))
    for name, value in copy.args_resolved.items():
        if name in arguments and arguments[name] is freed[name] and value != function.args_resolved[name]:
            return None
    copy.args_resolved = {name: freed[name] for name in copy.args_resolved}
    if function.name == "Broadcast" and freed["shape"][:1] == (-1,):    # the kernel takes that, the shape rule doesn't
        copy.args_resolved["shape"] = (shapes[0][0], *freed["shape"][1:])
    return copy.infer(shapes)
