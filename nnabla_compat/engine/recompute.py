"""Recomputation: stretches of marked variables are dropped after forward and computed again in backward.

A stretch is a run of functions, next to each other in execution order, whose outputs are marked, and the
function after them. Only what enters a stretch is kept. As in nnabla a marked variable has its gradient after backward,
and its data again, unless that pass frees buffers.

torch.utils.checkpoint does the same, but loads torch's compiler when it is first used: seconds, and 80 MB.
"""
import weakref

import torch
from torch.autograd.graph import saved_tensors_hooks

from . import clearing
from .replay import go_to, positions
from .storage import CLEARED, WRITTEN


def run(plan):
    """Run a plan whose graph has marked variables, with history."""
    plan.start()
    dropped = {id(v) for _, variables in clearing.freed_in_forward(plan.functions, plan.starts, plan.root_ids, "recomputed")
               for v in variables}
    for stretch in _stretches(plan.functions, dropped):
        if len(stretch) == 1 and not _is_marked(stretch[0], dropped):
            plan.add_function(stretch[0])
        else:
            _run_stretch(plan, stretch, dropped)
            plan.partial = True
    plan.finish()


def _is_marked(function, dropped):
    """Whether a stretch goes on after the function. Where the user set need_grad, the plan cuts the history: it ends."""
    outputs = [v for ref in function.output_refs if (v := ref()) is not None]
    return bool(outputs) and all(id(v) in dropped and v._need_grad is None for v in outputs)


def _stretches(functions, dropped):
    """Split the functions into marked runs, each with the function after it, and single functions."""
    stretches, current = [], []
    for function in functions:
        current.append(function)
        if not _is_marked(function, dropped):
            stretches.append(current)
            current = []
    if current:
        stretches.append(current)
    return stretches


def _run_stretch(plan, functions, dropped):
    for function in functions:
        plan.fit(function)
    inside = {id(v) for f in functions for ref in f.output_refs if (v := ref()) is not None}
    entering, kinds, arguments = {}, {}, {}
    for function in functions:
        arguments[function] = []    # for each input: (made inside: id of the variable, or None; which entering tensor)
        for i, v in enumerate(function.inputs):
            if id(v) in inside:
                arguments[function].append((id(v), None))
                continue
            slot = plan.input_slot(function, i, v)
            arguments[function].append((None, entering.setdefault(slot, len(entering))))
            kinds[slot] = "tensor" if function.op.plain else function.input_kind(i)
    needed_later = _needed_after(plan, functions)
    leaving = {id(v) for f in functions for ref in f.output_refs
               if (v := ref()) is not None and (id(v) in needed_later or id(v) not in dropped)}
    results_of = [(f, [id(v) if (v := ref()) is not None else None for ref in f.output_refs]) for f in functions]
    last_reader = {made_by: f for f in functions for made_by, _ in arguments[f]
                   if made_by is not None and made_by not in leaving}
    # torch's history will hold `compute`: with references to functions it would hold itself, through their results.
    run = [(weakref.ref(f), arguments[f], made, [v for v, reader in last_reader.items() if reader is f])
           for f, made in results_of]
    left = [variable for _, made in results_of for variable in made if variable in leaving]
    is_state = [kinds[s] in ("state", "buffer") for s in entering]
    replay = _Replay(functions, [plan.env[s] for s in entering], is_state)
    edges, wanted = {}, weakref.ref(plan)

    def compute():
        with replay:
            values, results = replay.inputs(), {}
            for reference, taken, made, spent in run:
                function = reference()
                made_now = function.execute([values[entry] if made_by is None else results[made_by]
                                             for made_by, entry in taken])
                results.update(zip(made, made_now))
                for variable, container, result in zip(made, function.output_containers, made_now):
                    if variable is None or variable in leaving and (edges is not None or variable not in dropped):
                        continue
                    if edges is not None and result.grad_fn is not None:
                        edges[variable] = (result.grad_fn, result.output_nr)
                    elif edges is None and wanted().recorded:   # a backward pass that frees buffers has reset this
                        container.storage.set(result.detach())
                for variable in spent:
                    del results[variable]
        return tuple([results[variable] for variable in left])

    results = iter(_Saved(compute).record())
    edges_of, edges = edges, None
    for function, made in results_of:
        plan.adopt(function, [next(results) if variable in leaving else edges_of.get(variable) for variable in made])
        for variable, container in zip(made, function.output_containers):
            if variable in dropped:
                container.storage.drop(CLEARED)
            elif container.storage._tensor is not None:
                container.storage.state = WRITTEN


def _needed_after(plan, functions):
    """Variables that functions after the stretch, or the caller, read."""
    last = plan.functions.index(functions[-1])
    needed = {id(v) for f in plan.functions[last + 1:] for v in f.inputs}
    return needed | set(plan.root_ids)


class _Saved:
    """What autograd saves of a stretch: nothing, until backward asks for the first of it and everything is run again."""

    def __init__(self, run):
        self.run, self.holders = run, []

    def record(self):
        """What the first run returns, with history."""
        with saved_tensors_hooks(self._pack, self._unpack):
            return self.run()

    def _pack(self, tensor):
        holder = _Holder()
        self.holders.append(weakref.ref(holder))    # history holds it, and lets go of it once it is spent
        return holder

    def _unpack(self, holder):
        if holder.tensor is None:
            self._run_again()
        return holder.tensor

    def _run_again(self):
        waiting = len(self.holders)
        holders = iter(self.holders)

        def fill(tensor):
            nonlocal waiting
            holder = next(holders)()
            if holder is not None:
                holder.tensor = tensor.detach()
            waiting -= 1
            if not waiting:
                raise _Complete

        try:
            with torch.enable_grad(), saved_tensors_hooks(fill, self._unpack):
                self.run()
        except _Complete:
            pass


class _Holder:
    """The place of a saved tensor."""

    __slots__ = ("tensor", "__weakref__")

    def __init__(self):
        self.tensor = None


class _Complete(Exception):
    """A stretch that runs again has made all that was saved of it."""


class _Replay:
    """Lets a stretch run a second time with the random streams and buffers it started with."""

    def __init__(self, functions, tensors, is_state):
        self.streams = positions(functions)
        self.tensors = [None if state else t for t, state in zip(tensors, is_state)]
        self.live = [t if state else None for t, state in zip(tensors, is_state)]
        self.states = [t.clone() if state else None for t, state in zip(tensors, is_state)]
        self.runs = 0

    def inputs(self):
        """The first run updates buffers for real, later ones work on copies of their first values."""
        if self.runs == 1:
            live, self.live = self.live, None
            return [t if b is None else b for t, b in zip(self.tensors, live)]
        return [t if s is None else s.clone() for t, s in zip(self.tensors, self.states)]

    def __enter__(self):
        self.runs += 1
        self.before = None
        if self.runs > 1:
            self.before = [(rng, rng.get_state()) for rng, _ in self.streams]
            go_to(self.streams)

    def __exit__(self, *_):
        go_to(self.before or ())
