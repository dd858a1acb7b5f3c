"""Running graphs forward: a graph is sorted once into a flat list of steps, which later runs walk.

A plan belongs to its roots and lives until any graph changes (``tape.changes``). New data in a leaf is no change, unless the
leaf holds another tensor object than before; then only that leaf is looked at again.
"""
import sys
import weakref
from contextlib import nullcontext

import torch

from ..registry import Operator
from . import clearing, hooks, modes, recompute, replay, tape, views
from .edge import Edge, remains
from .leaf import input_tensor
from .steps import Steps
from .storage import CLEARED, WRITTEN

# Runs whose results are let go of need no records of views and versions: a fifth of the time of a small operator.
_untracked = getattr(torch._C, "_AutoDispatchBelowADInplaceOrView", nullcontext)


def forward(root, clear_buffer, clear_no_need_grad, pre_hook, post_hook):
    """Run one root; see Variable.forward."""
    plan = root._plan
    if plan is None or plan.version != tape.changes:
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
    if plan is None or plan.version != tape.changes or not plan.computes(roots):
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
    for function in tape.ordered_functions((root,)):
        if all(c.storage._tensor is not None for c in function.output_containers):
            continue
        target = function.target
        tensors = [input_tensor(v, function.input_kind(i), target) for i, v in enumerate(function.inputs)]
        for container, result in zip(function.output_containers, function.execute(tensors)):
            container.storage.set(result)


class Plan(Steps):
    """The steps that compute some roots, and how they run."""

    def __init__(self, roots, former=None):
        self.version = tape.changes
        self.compiled = None    # how it runs as compiled code, once it does
        self.compilation = None if former is None else former.compilation   # what that has learnt about the graph
        self.root_ids = [id(r) for r in roots]
        self.starts = []
        self.functions = tape.ordered_functions(roots, self.starts)
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
        self.overwriting = [f for f in self.functions if f.spends_gradient()]
        self.checkpoints = any(_recomputed(f) for f in self.functions)
        self.drawing = [f for f in self.functions if "rng" in f.op.wants]
        self.drew_from = ()     # where their streams stood before a run that left no history of what backward may ask for
        tape.refresh_nodes(self.functions)

    def computes(self, roots):
        """Whether this plan is for just these variables."""
        return len(roots) == len(self._root_refs) and all(ref() is r for ref, r in zip(self._root_refs, roots))

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

    def finish(self):
        """The steps are complete."""
        self._releases, self._walks, self._freed = {}, {}, {}
        leaves = {entry[0] for entry in (*self.leaves, *self.fresh_leaves)}
        self._result_slots = [slot for slot in range(len(self.env)) if slot not in leaves]
        for function in self.functions:
            for container in function.output_containers:
                container.storage.computed = True

    # -- what it computes and lets go of -------------------------------------------------------------

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
        if self.drawing:
            self.drew_from = replay.positions(self.drawing) if clear_buffer and self.record else ()
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
        version = tape.changes
        done = 0
        try:
            self._compile(frees)
        except Exception:
            done = len(self.producers) if self.steps is not None else 0
            self.steps = None
            _print_trace(self.functions, done)
            raise
        # Shape changes found on the way are taken in; they need no further look.
        self.version = tape.changes if tape.changes != version else self.version

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
        self.version = tape.changes

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


def _needs(variable):
    return variable._parent is None and bool(variable._need_grad) or variable._need_grad is True


def _recomputed(function):
    return any((v := ref()) is not None and v._recompute for ref in function.output_refs)


class FreedAfterThese(list):
    """The consumers of a variable that a plan frees early: the first new one makes plans check themselves."""

    fresh = True

    def append(self, consumer):
        super().append(consumer)
        if self.fresh:
            self.fresh = False
            tape.graph_changed()


def _print_trace(functions, failed):
    """The functions run so far and the failing one, on stderr, as nnabla shows them."""
    print("Error during forward propagation", file=sys.stderr)
    for i, function in enumerate(functions[:failed + 1]):
        print(f"  {function.name}{' <-- ERROR' if i == failed else ''}", file=sys.stderr)
