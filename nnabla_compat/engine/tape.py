"""Running graphs forward: a graph is sorted once into a flat list of steps, which later runs walk.

A plan belongs to its roots and lives until any graph changes (rewiring, need_grad, shapes): ``graph_changed``
counts those changes. New data in a leaf is no change, unless the leaf holds another tensor object than
before; then only that leaf is looked at again.
"""
import sys
import weakref
from contextlib import nullcontext
from functools import partial
from itertools import repeat
from operator import itemgetter

import torch

from ..registry import Operator, Prepared
from . import clearing, hooks, modes, recompute, views
from .edge import Edge, remains
from .leaf import BUFFERS, WRITABLE, input_tensor
from .storage import CLEARED, FILLED, WRITTEN

_version = 0

# Runs whose results are let go of need no records of views and versions: a fifth of the time of a small operator.
_untracked = getattr(torch._C, "_AutoDispatchBelowADInplaceOrView", nullcontext)


def graph_changed():
    """Make every plan check itself before its next run."""
    global _version
    _version += 1


def version():
    """How often graphs have changed so far."""
    return _version


def ordered_functions(roots, starts=None, whole=False):
    """Functions that the roots depend on, inputs before consumers, left to right, each once.

    ``starts``, a list, is filled with where the part of each root starts. Composites come apart, unless wanted ``whole``.
    """
    ordered, seen, apart = [], set(), False
    for root in roots:
        if starts is not None:
            starts.append(len(ordered))
        if root._parent is None or id(root._parent) in seen:
            continue
        if root._parent.composed and not whole:
            root._parent.take_apart()
            apart = True
        stack = [(root._parent, 0)]
        seen.add(id(root._parent))
        while stack:
            function, i = stack.pop()
            inputs = function.inputs
            while i < len(inputs):
                variable = inputs[i]
                i += 1
                parent = variable._parent
                if parent is not None and id(parent) not in seen:
                    if parent.composed and not whole:
                        parent.take_apart()
                        parent, apart = variable._parent, True
                    seen.add(id(parent))
                    stack.append((function, i))
                    stack.append((parent, 0))
                    break
            else:
                ordered.append(function)
    if apart:
        _refresh_nodes(ordered)     # ranks
    return ordered


def forward(root, clear_buffer, clear_no_need_grad, pre_hook, post_hook):
    """Run one root; see Variable.forward."""
    plan = root._plan
    if plan is None or plan.version != _version:
        plan = root._plan = Plan((root,), plan)
    root._run = plan
    pre, post = hooks.function_pre_hooks, hooks.function_post_hooks
    if pre or post or pre_hook is not None or post_hook is not None or clearing.recorder is not None:
        plan.run_watched(clear_buffer, clear_no_need_grad, hooks.combined(pre, pre_hook),
                         hooks.combined(post, post_hook, local_first=True))
    else:
        plan.run(clear_buffer, clear_no_need_grad)


def forward_all(variables, clear_buffer=False, clear_no_need_grad=False, function_pre_hook=None,
                function_post_hook=None):
    """Compute several variables in one pass, shared functions once.

    Args:
        variables (list or tuple of Variable): What to compute; leaves are skipped.
        clear_buffer, clear_no_need_grad, function_pre_hook, function_post_hook: As Variable.forward.
    """
    len(variables)
    try:
        roots = tuple([v for v in variables if v._parent is not None])
    except AttributeError:
        raise TypeError(f"forward_all: expected Variables, received {[type(v).__name__ for v in variables]}") from None
    if not roots:
        return
    plan = roots[0]._plan_of_many
    if plan is None or plan.version != _version or not plan.computes(roots):
        plan = roots[0]._plan_of_many = Plan(roots, plan)
    for root in roots:
        root._run = plan
    pre = hooks.combined(hooks.function_pre_hooks, function_pre_hook)
    post = hooks.combined(hooks.function_post_hooks, function_post_hook, local_first=True)
    if pre or post or clearing.recorder is not None:
        plan.run_watched(clear_buffer, clear_no_need_grad, pre, post)
    else:
        plan.run(clear_buffer, clear_no_need_grad)


def compute_missing(root):
    """Run the functions below ``root`` whose outputs hold nothing yet, on what their inputs hold."""
    for function in ordered_functions((root,)):
        if all(c.storage._tensor is not None for c in function.output_containers):
            continue
        target = function.target
        tensors = [input_tensor(v, function.input_kind(i), target) for i, v in enumerate(function.inputs)]
        for container, result in zip(function.output_containers, function.execute(tensors)):
            container.storage.set(result)


class Plan:
    """The flat list of steps that computes some roots.

    ``env`` holds a tensor for each slot; leaves keep theirs between runs. A step is
    ``(kernel, slot or None, slots getter, output slot, storage)`` for one output, or
    ``(run, None, None, None, None)`` for everything that takes more care.
    """

    def __init__(self, roots, former=None):
        self.version = _version
        self.compiled = None    # how it runs as compiled code, once it does
        self.compilation = None if former is None else former.compilation   # what that has learnt about the graph
        self.root_ids = [id(r) for r in roots]
        self.starts = []
        self.functions = ordered_functions(roots, self.starts)
        # A root's own need_grad stops nothing, unless another root is computed from it.
        consumed = {id(v) for f in self.functions for v in f.inputs} if len(roots) > 1 else ()
        self.uncut_ids = [i for i in self.root_ids if i not in consumed]
        self._root_refs = [weakref.ref(r) for r in roots]    # weak: the roots own this plan
        self.must_record = any(f.op.needs_graph for f in self.functions)
        self.record = self.must_record or any(_needs(v) for f in self.functions for v in f.inputs)
        # Only declared kernels, none of a user's that might use autograd for itself.
        self.pure = all(f.op.__class__ is Operator for f in self.functions)
        self.steps = self._intermediates = None
        self._freed = {}
        self._releases = {}
        self._walks = {}
        self.env, self._result_slots, self._step_storages = [], (), []
        self.leaves = []       # (slot, variable, kind, target, storage, tensor) held by identity
        self.fresh_leaves = []  # the same for leaves to be converted at each run
        self.copies = {}        # slot -> slots of its conversions to other dtypes or devices
        self.recorded = False   # whether the last run left a history to differentiate
        self.checkpoints = any(_recomputed(f) for f in self.functions)
        _refresh_nodes(self.functions)

    def computes(self, roots):
        """Whether this plan is for just these variables."""
        return len(roots) == len(self._root_refs) and all(ref() is r for ref, r in zip(self._root_refs, roots))

    # -- compilation ---------------------------------------------------------------------------------

    def _compile(self, frees, pre=None, post=None):
        """Build the steps while running them once: dtypes are taken as they come out."""
        self.start()
        freed = {id(f): variables for f, variables in self.freed_in_forward(frees)} if frees else {}
        for function in self.functions:
            if pre is not None:
                pre(function)
            self.add_function(function)
            if post is not None:
                post(function)
            if id(function) in freed:
                self._release(self._entries(freed[id(function)]))
            if clearing.recorder is not None:
                clearing.recorder.ran(function)
        self.finish()

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

    def finish(self):
        """The steps are complete."""
        self._releases, self._walks, self._freed = {}, {}, {}
        leaves = {entry[0] for entry in (*self.leaves, *self.fresh_leaves)}
        self._result_slots = [slot for slot in range(len(self.env)) if slot not in leaves]
        for function in self.functions:
            for container in function.output_containers:
                container.storage.computed = True

    def _new_slot(self, tensor=None):
        self.env.append(tensor)
        return len(self.env) - 1

    def input_slot(self, function, i, variable):
        op, target = function.op, function.target
        kind = "tensor" if op.plain else function.input_kind(i)
        if variable._parent is not None and id(variable) in self.slots:
            slot = self.slots[id(variable)]
            if kind in WRITABLE and slot in self.filled:
                return self._written_out(slot, variable.container)
            return self._converted(slot, kind, target)
        key = (id(variable.container), variable.need_grad, kind, target.dtype, target.device)
        slot = self.slots.get(key)
        if slot is None:
            tensor = input_tensor(variable, kind, target)
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
                storage._tensor, storage.state = result, WRITTEN

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

    def intermediates(self):
        """(container, slot, whether the function has other outputs) of each output."""
        if self._intermediates is None:
            self._intermediates = [
                (c, slot, len(outs) > 1) for function, _, _, outs in self.producers
                for c, slot in zip(function.output_containers, outs)]
        return self._intermediates

    def persistent_intermediates(self):
        """Those of the intermediates whose data and gradient survive clearing."""
        persistent = {id(v.container) for function, _, _, _ in self.producers for ref in function.output_refs
                      if (v := ref()) is not None and v._persistent}
        return [entry for entry in self.intermediates() if id(entry[0]) in persistent] if persistent else []

    def result(self, slot):
        """The result in a slot; an Edge where it was let go of, None where nothing stayed of it."""
        found = self.env[slot]
        return Edge(*found) if found.__class__ is tuple else found

    def forget_results(self):
        """Let go of everything computed; the leaves stay."""
        env = self.env
        for slot in self._result_slots:
            env[slot] = None
        self.recorded = False

    def frees(self, clear_buffer, clear_no_need_grad):
        """Which intermediates a run lets go of, in the words of clearing.freed_in_forward; None for none."""
        return ("all" if clear_buffer else "unread" if clear_no_need_grad else
                "recomputed" if self.checkpoints else None)

    def releases(self, frees):
        """For each step, the (storage or None, slot) pairs to let go of after it; None for most steps."""
        found = self._releases.get(frees)
        if found is None:
            found = self._releases[frees] = [None] * (len(self.steps) + 1)
            steps = {id(function): step for function, step, _, _ in self.producers}
            for function, variables in self.freed_in_forward(frees):
                step = steps.get(id(function), len(self.steps))     # inside a recomputed stretch: no step
                found[step] = (found[step] or []) + self._entries(variables)
        return found

    def freed_in_forward(self, frees):
        """(function, variables that a run lets go of once it ran) pairs."""
        return clearing.freed_in_forward(self.functions, self.starts, self.root_ids, frees)

    def _entries(self, variables):
        entries = []
        for variable in variables:
            variable._consumers = FreedAfterThese(variable._consumers)
            slot = self.slots.get(id(variable))
            entries.append((variable.container.storage, slot))
            entries += [(None, copy) for copy in self.copies.get(slot, ())]
        return entries

    def freed_in_backward(self, root):
        """Storages of data and of gradients that backward from ``root`` with clear_buffer lets go of."""
        found = self._freed.get(id(root))
        if found is None:
            found = self._freed[id(root)] = clearing.storages_freed_in_backward(self.functions, root)
        return found

    # -- running -------------------------------------------------------------------------------------

    def run(self, clear_buffer=False, clear_no_need_grad=False):
        """Compute every root."""
        if modes.compiler is None or not modes.compiler.run(self, clear_buffer, clear_no_need_grad):
            self.run_steps(clear_buffer, clear_no_need_grad)
        if views.watched:
            views.follow()

    def run_steps(self, clear_buffer, clear_no_need_grad):
        """Compute every root, function by function."""
        record = self.recorded = self.record and (self.must_record or not clear_buffer)
        frees = self.frees(clear_buffer, clear_no_need_grad)
        if record or not torch.is_grad_enabled():
            self._run(frees)
            return
        torch._C._set_grad_enabled(False)   # torch.no_grad() costs as much as a small kernel
        try:
            self._run(frees)
        finally:
            torch._C._set_grad_enabled(True)

    def _run(self, frees):
        if self.checkpoints and torch.is_grad_enabled():
            recompute.run(self)
            for releases in self.releases(frees):
                self._release(releases or ())
            return
        if self.steps is None or self.partial or not self._load_leaves():
            self._compile_and_check(frees)
            return
        if frees == "all" and self.pure and not self.recorded:
            with _untracked():
                self._walk_clearing(frees)
            return
        if frees is not None:
            self._walk_clearing(frees)
            return
        env = self.env
        self._drop_results()
        step = None
        try:
            for step in self.steps:
                kernel, single, getter, out, storage = step
                if out is None:
                    kernel()
                    continue
                result = kernel(env[single]) if getter is None else kernel(*getter(env))
                env[out] = result
                if storage is not None:
                    storage._tensor = result
                    storage.state = WRITTEN
        except Exception as error:
            self._explain(step, error)

    def _compile_and_check(self, frees):
        version = _version
        done = 0
        try:
            self._compile(frees)
        except Exception:
            done = len(self.producers) if self.steps is not None else 0
            self.steps = None
            _print_trace(self.functions, done)
            raise
        # Shape changes found on the way are taken in; they need no further look.
        self.version = _version if _version != version else self.version

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

    def _drop_results(self):
        """Let go of the previous run's tensors first, so that two runs' activations never coexist."""
        env = self.env
        for slot in self._result_slots:
            env[slot] = None
        for storage in self._step_storages:
            storage._tensor = None
        if views.watched:
            for storage in self._step_storages:
                storage.live = None

    def _walk_clearing(self, frees):
        env = self.env
        self._drop_results()
        walk, cleared = self._clearing_walk(frees)
        for storage in cleared:
            storage.state, storage.live = CLEARED, None
        recorded, step = self.recorded, None
        try:
            for step, slots, releases in walk:
                kernel, single, getter, out, storage = step
                if out is None:
                    kernel()
                else:
                    result = env[out] = kernel(env[single]) if getter is None else kernel(*getter(env))
                    if storage is not None:
                        storage._tensor = result
                        storage.state = WRITTEN
                if slots is not None:
                    result = None
                    for slot in slots:
                        env[slot] = remains(env[slot]) if recorded else None
                    if releases is not None:
                        self._release(releases)
        except Exception as error:
            self._explain(step, error)

    def _clearing_walk(self, frees):
        """The steps as a run that frees takes them, each with the slots and other (storage, slot) pairs to let go of
        after it; and the storages that the results let go of never get to."""
        found = self._walks.get(frees)
        if found is None:
            releases = self.releases(frees)
            ends = {id(storage) for entries in releases for storage, _ in entries or () if storage is not None}
            cleared = {id(storage): storage for _, _, _, _, storage in self.steps if id(storage) in ends}
            walk = []
            for step, entries in zip(self.steps, releases):
                if id(step[4]) in cleared:
                    step = (*step[:4], None)
                entries = entries or ()
                slots = [slot for storage, slot in entries if slot is not None and (storage is None or id(storage) in cleared)]
                others = [(storage, slot) for storage, slot in entries if storage is not None and id(storage) not in cleared]
                walk.append((step, slots if entries else None, others or None))
            found = self._walks[frees] = walk, list(cleared.values())
        return found

    def _release(self, releases):
        env = self.env
        for storage, slot in releases:
            if storage is not None:
                tensor = storage._tensor
                if tensor is not None and tensor.dtype is not torch.float32:
                    storage.dtype = tensor.dtype
                storage._tensor, storage.state, storage.live = None, CLEARED, None
            if slot is not None:
                env[slot] = remains(env[slot]) if self.recorded else None

    def _explain(self, step, error):
        done = next((i for i, s in enumerate(self.steps) if s is step), 0)
        function = next((f for f, i, _, _ in self.producers if i == done), None)
        _print_trace(self.functions, self.functions.index(function) if function in self.functions else 0)
        self.steps = None
        if function is not None and not isinstance(error, (NotImplementedError, torch.cuda.OutOfMemoryError)) \
                and isinstance(error, (ValueError, TypeError, IndexError, RuntimeError)):
            raise function.error(error, [v.shape for v in function.inputs]) from error
        raise error

    def run_watched(self, clear_buffer, clear_no_need_grad, pre, post):
        """Run with a hook before and after each function; they see buffers that are freed only then."""
        frees = self.frees(clear_buffer, clear_no_need_grad)
        self.recorded = self.record and (self.must_record or not clear_buffer)
        with torch.set_grad_enabled(self.recorded and torch.is_grad_enabled()):
            if self.steps is None or self.partial or not self._load_leaves():
                self._compile_watched(frees, pre, post)
            else:
                self._walk_watched(frees, pre, post)
        if views.watched:
            views.follow()

    def _compile_watched(self, frees, pre, post):
        try:
            self._compile(frees, pre, post)
        except Exception:
            self.steps = None
            raise
        self.version = _version

    def _walk_watched(self, frees, pre, post):
        env = self.env
        owners = {i: f for f, i, _, _ in self.producers}
        releases = self.releases(frees) if frees else [None] * len(self.steps)
        self._drop_results()
        for i, (kernel, single, getter, out, storage) in enumerate(self.steps):
            function = owners.get(i)
            if function is not None and pre is not None:
                pre(function)
            if out is None:
                kernel()
            else:
                result = kernel(env[single]) if getter is None else kernel(*getter(env))
                env[out] = result
                if storage is not None:
                    storage._tensor, storage.state = result, WRITTEN
            if function is not None and post is not None:
                post(function)
            self._release(releases[i] or ())
            if function is not None and clearing.recorder is not None:
                clearing.recorder.ran(function)


def _shows(tensor, storage, kind):
    """Whether the tensor that a leaf entered with shows what is written to the leaf's storage later."""
    held = storage._tensor
    return tensor is held or (kind == "state" and held is not None and tensor.data_ptr() == held.data_ptr())


def _needs(variable):
    return variable._parent is None and bool(variable._need_grad) or variable._need_grad is True


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


def _recomputed(function):
    return any((v := ref()) is not None and v._recompute for ref in function.output_refs)


def _refresh_nodes(functions):
    """need_grad and rank of intermediates follow the leaves as they are now."""
    for function in functions:
        need_grad, rank = False, 0
        for v in function.inputs:
            need_grad = need_grad or v.need_grad
            rank = max(rank, v.rank)
        function.need_grad, function.rank = need_grad, rank + 1
        for ref in function.output_refs:
            variable = ref()
            if variable is not None:
                variable._inferred, variable.rank = need_grad, rank + 1


def _spread(kernel, env, ins, targets):
    """A step with several outputs."""
    for (slot, storage), result in zip(targets, kernel(*[env[i] for i in ins])):
        env[slot] = storage._tensor = result
        storage.state = WRITTEN


class FreedAfterThese(list):
    """The consumers of a variable that a plan frees early: the first new one makes plans check themselves."""

    fresh = True

    def append(self, consumer):
        super().append(consumer)
        if self.fresh:
            self.fresh = False
            graph_changed()


def _print_trace(functions, failed):
    """The functions run so far and the failing one, on stderr, as nnabla shows them."""
    print("Error during forward propagation", file=sys.stderr)
    for i, function in enumerate(functions[:failed + 1]):
        print(f"  {function.name}{' <-- ERROR' if i == failed else ''}", file=sys.stderr)
