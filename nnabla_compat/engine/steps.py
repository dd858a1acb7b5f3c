"""What a plan runs: steps written down one function after another, while each of them runs for the first time."""
from functools import partial
from itertools import repeat
from operator import itemgetter

import torch

from ..registry import Prepared
from .leaf import BUFFERS, WRITABLE, input_tensor
from .storage import FILLED, WRITTEN


class Steps:
    """A flat list of steps and what they work on.

    ``env`` holds a tensor for each slot; leaves keep theirs between runs. A step is
    ``(kernel, slot or None, slots getter, output slot, storage)`` for one output, or
    ``(run, None, None, None, None)`` for everything that takes more care.

    Attributes of the plan that it is: ``root_ids`` and ``uncut_ids``, the ids of the variables that it computes, and of
    those among them whose own need_grad stops nothing.
    """

    def start(self):
        """Forget all steps, to be built anew."""
        self.env, self.steps, self.leaves, self.fresh_leaves = [], [], [], []
        self.slots, self.copies, self.producers, self._intermediates = {}, {}, [], None
        self.filled = set()     # slots of results that are one number in memory
        self._leaf_memory, self._step_storages = set(), []
        self.partial = False    # whether the steps leave out functions that were run by recompute

    def add_function(self, function):
        """Run a function and append the steps that run it again."""
        ins = [self.input_slot(function, i, v) for i, v in enumerate(function.inputs)]
        self._add_steps(function, ins)

    def adopt(self, function, results):
        """Take over what a function made that was run elsewhere (recomputed stretches).

        Args:
            function (Function): The function.
            results (list): For each output a tensor; or, where it was let go of, the (node, output number) at which its
                gradient will arrive, or None.
        """
        slots = [self._new_slot(result) for result in results]
        for slot, result, ref, container in zip(slots, results, function.output_refs, function.output_containers):
            if result is None or result.__class__ is tuple:
                continue
            variable = ref()
            if variable is not None:
                self.slots[id(variable)] = slot
                if id(variable) not in self.root_ids:
                    result = self.env[slot] = _cut(result, variable._need_grad)
            container.storage._tensor, container.storage.state = result, WRITTEN
        self.producers.append((function, len(self.steps), [], slots))

    def _new_slot(self, tensor=None):
        self.env.append(tensor)
        return len(self.env) - 1

    def input_slot(self, function, i, variable):
        op, target = function.op, function.target
        kind = function.input_kind(i)
        if variable._parent is not None and id(variable) in self.slots:
            slot = self.slots[id(variable)]
            if kind in WRITABLE and slot in self.filled:
                return self._written_out(slot, variable.container)
            return self._converted(slot, kind, target)
        key = (id(variable.container), variable.need_grad, kind, target.dtype, target.device)
        slot = self.slots.get(key)
        if slot is None:
            tensor = input_tensor(variable, kind, target)
            if op.needs_graph:      # what functions got, also where one of them has overwritten it since
                got = self.slots.get((*key[:2], "tensor", *key[3:]))
                if got is not None and self.env[got].dtype is tensor.dtype:
                    return got
            slot = self.slots[key] = self._new_slot(tensor)
            self._leaf_memory.add(tensor.untyped_storage().data_ptr())
            storage = variable.container.storage
            entry = [slot, variable, kind, target, storage, storage._tensor]
            (self.leaves if _shows(tensor, storage, kind) else self.fresh_leaves).append(entry)
        return slot

    def _converted(self, slot, kind, target):
        """The slot of an intermediate as ``kind`` wants it, through a conversion step where needed."""
        tensor = self.env[slot]
        if kind == "index":
            wanted = torch.int64
        elif kind == "tensor" or kind in BUFFERS:
            wanted = target.dtype if kind == "tensor" else torch.float32
        else:
            return slot
        if tensor.dtype is wanted and tensor.device == target.device:
            return slot
        key = (slot, wanted, target.device)
        if key not in self.slots:
            def convert(t, dtype=wanted, device=target.device):
                return t.to(device=device, dtype=dtype)
            self.slots[key] = self._new_slot(convert(tensor))
            self.copies.setdefault(slot, []).append(self.slots[key])
            self.steps.append((convert, slot, None, self.slots[key], None))
        return self.slots[key]

    def fit(self, function):
        """Take over the shapes that the function's inputs have now."""
        shapes = [v.container.shape for v in function.inputs]
        if shapes != function.input_shapes:
            self._reinfer(function, shapes)

    def _add_steps(self, function, ins):
        self.fit(function)
        kernel, given = function.direct or function.bound, ins
        if function.op.keeps_inputs and not self._ends_in(function):
            kernel = function.bound
        if kernel.__class__ is Prepared:
            ins = [self._prepared(slot, kernel.steps.get(i)) for i, slot in enumerate(ins)]
            kernel = kernel.kernel
        results = function.execute([self.env[i] for i in ins], kernel)
        outputs = [ref() for ref in function.output_refs]
        if function.op.aliases and function.shares_storage() and self._shares_plainly(function, outputs[0]):
            self._add_sharing_step(function, kernel, ins[0], results[0], outputs[0])
            return
        if function.direct is not None and any(map(self._shows_leaf, results)):
            kernel, ins = function.bound, given     # which copies
            results = function.execute([self.env[i] for i in ins])
        if not all(map(self._simple, repeat(function), range(len(results)), outputs, results)):
            if not ins:
                results = function.execute([])      # what a direct call gives may be one number in memory, see below
            self._add_careful_step(function, given, results, outputs)
            return
        if not ins and results[0].numel() > 1 and not any(results[0].stride()):
            self._add_filling_step(function, results[0], outputs[0])
            return
        outs = [self._new_slot(result) for result in results]
        storages = [container.storage for container in function.output_containers]
        for slot, output, storage, result in zip(outs, outputs, storages, results):
            if output is not None:
                self.slots[id(output)] = slot
            storage._tensor, storage.state = result, WRITTEN
            if result.dtype is not torch.float32:
                storage.dtype = result.dtype    # of what is written there when a run has let go of the result
        if len(outs) == 1:
            getter = itemgetter(*ins) if len(ins) > 1 else None if ins else _nothing
            self.steps.append((kernel, ins[0] if len(ins) == 1 else None, getter, outs[0], storages[0]))
        else:
            self.steps.append((partial(_spread, kernel, self.env, ins, list(zip(outs, storages))), None, None, None, None))
        self._step_storages += storages
        self.producers.append((function, len(self.steps) - 1, ins, outs))

    def _ends_in(self, function):
        """Whether a root, of which nothing else is computed, is all that the function makes."""
        return all([id(ref()) in self.uncut_ids for ref in function.output_refs])

    def input_slots(self, function):
        """The slots of what a function got."""
        return next(ins for f, _, ins, _ in reversed(self.producers) if f is function)

    def _shares_plainly(self, function, output):
        """Whether the output of a function that shares its input's storage needs nothing but another view of it."""
        return (function.output_containers[0].storage is function.inputs[0].container.storage
                and (output is None or output._need_grad is None or id(output) in self.uncut_ids))

    def _add_sharing_step(self, function, kernel, slot, result, output):
        if function.need_grad and not result.requires_grad:
            kernel, result = partial(_collecting, kernel), _collected(result)
        out = self._new_slot(result)
        if output is not None:
            self.slots[id(output)] = out
        self.steps.append((kernel, slot, None, out, None))
        self.producers.append((function, len(self.steps) - 1, [slot], [out]))

    def _add_filling_step(self, function, result, output):
        """A result that is one number in memory: functions read that, and whoever asks its storage gets an array."""
        out, env, storage = self._new_slot(), self.env, function.output_containers[0].storage
        value = result.reshape(-1)[0].item()

        def fill():
            env[out] = result
            storage._tensor, storage.state, storage.fill, storage.live = None, FILLED, value, None
        fill()
        if output is not None:
            self.slots[id(output)] = out
        self.filled.add(out)
        self.steps.append((fill, None, None, None, None))
        self.producers.append((function, len(self.steps) - 1, [], [out]))

    def _written_out(self, slot, container):
        """The slot of what the storage of a filled result holds, for functions that write there."""
        key = (slot, "written out")
        if key not in self.slots:
            def write_out(_):
                return container.storage.materialize(container.shape)
            self.slots[key] = self._new_slot(write_out(None))
            self.steps.append((write_out, slot, None, self.slots[key], None))
        return self.slots[key]

    def _prepared(self, slot, step):
        """The slot of an input after a step of its own, which all functions that want the same share."""
        if step is None:
            return slot
        key = (slot, step)
        if key not in self.slots:
            self.slots[key] = self._new_slot(step(self.env[slot]))
            self.copies.setdefault(slot, []).append(self.slots[key])
            self.steps.append((step, slot, None, self.slots[key], None))
        return self.slots[key]

    def _simple(self, function, k, output, result):
        """Whether result ``k`` of a function's may be stored as it comes."""
        container = function.output_containers[k]
        if container.storage.owner is not None or container.storage.narrowed is not None:
            return False
        if output is not None and output._need_grad is not None and output._need_grad is not result.requires_grad \
                and id(output) not in self.uncut_ids:
            return False
        if function.op.aliases and function.shares_storage():
            return False
        if _keeps_dtype(function) and _stored_otherwise(function, result) is not None:
            return False
        return result.shape == container.shape and not self._shows_leaf(result)

    def _shows_leaf(self, result):
        """Whether a view looks into memory that a user may write between runs."""
        return result._base is not None and result.untyped_storage().data_ptr() in self._leaf_memory

    def _add_careful_step(self, function, ins, results, outputs):
        containers = function.output_containers
        outs = [self._new_slot() for _ in results]
        shared = function.op.aliases and function.shares_storage()
        input_storage = function.inputs[0].container.storage if function.inputs else None
        cuts = [None if o is None or id(o) in self.uncut_ids else o._need_grad for o in outputs]
        for container, result in zip(containers, results):
            if result.shape != container.shape and not function.op.data_dependent:
                raise RuntimeError(f"{function.op.name}: inferred output shape {container.shape}, computed "
                                   f"{tuple(result.shape)}; the operator's shape rule is wrong, please report it")
        copies = [not shared and self._shows_leaf(r) for r in results]
        env = self.env
        execute = function.execute
        collects = shared and function.need_grad and cuts[0] is None
        keeps_dtype = _keeps_dtype(function)

        def store(results):
            for k, result in enumerate(results):
                container = containers[k]
                if copies[k]:
                    result = result.clone()
                result = _cut(result, cuts[k])
                env[outs[k]] = result = _collected(result) if collects else result
                storage = container.storage
                if result.shape != container.shape:   # data-dependent
                    container.reset_shape(tuple(result.shape), True)
                if shared and storage is input_storage:
                    continue
                if storage.narrowed is not None or storage.owner is not None:
                    storage.materialize(container.shape).data.copy_(result.detach().reshape(container.shape))
                    continue
                values = _stored_otherwise(function, result) if keeps_dtype else None
                if values is None:
                    storage._tensor, storage.state = result, WRITTEN
                else:
                    values = values.detach().reshape(container.shape)
                    storage.set_as_stored(values if shared else values.clone(), result)

        def run():
            store(execute([env[i] for i in ins]))

        self.steps.append((run, None, None, None, None))
        for k, output in enumerate(outputs):
            if output is not None:
                self.slots[id(output)] = outs[k]
        store(results)
        self.producers.append((function, len(self.steps) - 1, ins, outs))

    @staticmethod
    def _reinfer(function, shapes):
        """Take over changed input shapes, as nnabla does: with a line on stdout."""
        before = function.input_shapes
        function.rebind(shapes)
        if function.op.data_dependent:
            return
        for i, (old, new) in enumerate(zip(before or (), shapes)):
            if old != new:
                print(f"Inconsistent shape in input {i} of {function.name}: {old} when built, {new} now. "
                      "The function is set up again.")
                break
        shared = function.inputs[0].container.storage if function.op.aliases and function.shares_storage() else None
        for container, shape in zip(function.output_containers, function.infer(shapes)):
            container.reset_shape(shape, True, keep_data=container.storage is shared)

    def _load_leaves(self):
        """Refresh the leaves' slots; False when a leaf changed so that the steps no longer fit."""
        env = self.env
        for entry in self.leaves:
            storage = entry[4]
            if storage._tensor is not entry[5] or storage.host is not None:
                slot, variable, kind, target, storage, _ = entry
                tensor = input_tensor(variable, kind, target)
                if tensor.dtype is not env[slot].dtype or tensor.shape != env[slot].shape \
                        or not _shows(tensor, storage, kind):
                    return False
                env[slot], entry[5] = tensor, storage._tensor
        for slot, variable, kind, target, storage, tensor in self.fresh_leaves:
            env[slot] = input_tensor(variable, kind, target)
        return True


def _shows(tensor, storage, kind):
    """Whether the tensor that a leaf entered with shows what is written to the leaf's storage later."""
    held = storage._tensor
    return tensor is held or (kind == "state" and held is not None and tensor.data_ptr() == held.data_ptr())


def _keeps_dtype(function):
    return function.op.keeps_dtype and function.input_kind(0) == "stored"


def _stored_otherwise(function, result):
    """What the function's input holds if that is of another dtype than ``result``, else None."""
    tensor = function.inputs[0].container.storage.present()
    return None if tensor is None or tensor.dtype is result.dtype else tensor


def _cut(result, need_grad):
    """``result`` as the user wants its gradient: passed on, stopped, or started here (None: no wish)."""
    if need_grad is None or need_grad is result.requires_grad:
        return result
    result = result.detach()
    return result.requires_grad_() if need_grad and result.is_floating_point() else result


def _collected(result):
    """A view of an input's storage: where it is unlinked, gradients stop, and are collected, there."""
    return result if result.requires_grad or not torch.is_grad_enabled() else result.requires_grad_()


def _collecting(kernel, x):
    return _collected(kernel(x))


def _nothing(_):
    """Picks no slots."""
    return ()


def _spread(kernel, env, ins, targets):
    """A step with several outputs."""
    for (slot, storage), result in zip(targets, kernel(*[env[i] for i in ins])):
        env[slot] = storage._tensor = result
        storage.state = WRITTEN
