"""Plans that run as compiled code: the step that a loop repeats, with as little Python around it as possible.

A compiled forward pass leaves in the variables what nnabla leaves there. Where the last pass was followed by a backward
pass, it computes the gradients along with the results; ``backward`` then hands them over. Whenever something else is
asked for (another seed, a hook, a variable's history), the plan runs again as it is, on the same random numbers, and
everything goes on as if it had never been compiled.
"""
import warnings
import weakref

import torch

from ..engine import tape
from ..engine.backward import keep_gradient
from ..engine.plan import FreedAfterThese
from ..engine.storage import CLEARED, WRITTEN
from .capture import Captured, captures
from .code import below_autograd, code_of
from .program import Backward, Program, Uncompilable, first_line
from .streams import Draws, replaced

# How often a graph is compiled for changed shapes, and run again for surprises, before it is left alone.
MOST_COMPILATIONS = 16
MOST_REPETITIONS = 8


class History:
    """What is known of a graph beyond the life of one plan."""

    def __init__(self):
        self.runs = self.compilations = self.repetitions = 0
        self.backward = None      # the backward pass that followed last time
        self.seed = 1.0           # and the gradient it started from
        self.given_up = False

    def give_up(self, reason):
        """Run the graph as it is from now on, and say why."""
        self.given_up = True
        warnings.warn(f"nnabla_compat: a graph runs uncompiled, because {reason}.", RuntimeWarning, stacklevel=2)


class CompiledPlan:
    """A plan's compiled runs: one :class:`Execution` for each way of clearing buffers.

    Args:
        plan (Plan): The plan.
        history (History): That of its graph.
        settings (Settings): How it is to be compiled.
    """

    def __init__(self, plan, history, settings):
        self.plan, self.history, self.settings = weakref.proxy(plan), history, settings      # the plan holds this
        self.executions = {}
        self.last = None     # the execution that ran last, as long as its run may be asked for gradients or history

    def run(self, clear_buffer, clear_no_need_grad):
        """Run the plan; False where it is to be run as it is."""
        frees = self.plan.frees(clear_buffer, clear_no_need_grad)
        execution = self.executions.get(frees)
        if execution is None:
            return not self.history.given_up and self._first_run(frees, clear_buffer, clear_no_need_grad)
        try:
            if execution.run():
                self.last = execution
                return True
        except Uncompilable as reason:
            self.history.give_up(reason)
        except Exception as failure:
            self.executions, self.last = {}, None
            execution.run_steps()       # says what is wrong with the data, if it is that
            self.history.give_up(f"its compiled code fails ({first_line(failure)})")
            return True
        self.executions, self.last = {}, None
        return False

    def _first_run(self, frees, clear_buffer, clear_no_need_grad):
        history, plan = self.history, self.plan
        self.last = None
        history.runs += 1
        if history.runs == 1 or any([v.container.shape for v in f.inputs] != f.input_shapes for f in plan.functions):
            return False        # whether a backward pass follows, and what shapes come out, shows when it runs
        try:
            program = Program(plan, frees, None if frees == "all" or not plan.record else history.backward)
            code, new = code_of(program, self.settings.options)
            execution = Execution(self, program, code, clear_buffer, clear_no_need_grad)
            if new:
                history.compilations += 1
                if history.compilations > MOST_COMPILATIONS:
                    raise Uncompilable(f"its shapes keep changing: it was compiled {MOST_COMPILATIONS} times")
                execution.check()
        except Uncompilable as reason:
            history.give_up(reason)
            return False
        self.executions[frees] = execution
        if new:
            return True
        if plan.recorded:
            plan.forget_results()
        if execution.run():
            self.last = execution
            return True
        return False

    # -- backward ------------------------------------------------------------------------------------

    def backward(self, root, grad, clear_buffer, watched):
        """Do the backward pass with gradients at hand; False where the history has to be differentiated."""
        execution = self.last
        if execution is not None and execution.results is None:
            execution = None
        if execution is not None and not watched and execution.fits(root, grad, clear_buffer):
            execution.give_gradients()
            return True
        self._learn(root, grad, clear_buffer, watched)
        if execution is not None and execution.has_written(root.container.storage):
            self._repeat("its backward pass differs from time to time")
        return False

    def _learn(self, root, grad, clear_buffer, watched):
        """Expect the same backward pass after the next forward pass."""
        history = self.history
        if history.given_up:
            return
        if watched or grad.__class__ not in (int, float):
            history.give_up("hooks or callbacks watch its backward pass" if watched
                            else "its backward pass starts from an array")
            self.executions = {}
            return
        if id(root) not in self.plan.root_ids:
            return
        seen = Backward(self.plan.root_ids.index(id(root)), bool(clear_buffer))
        if seen != history.backward:
            history.backward, self.executions = seen, {}
        if grad != history.seed:
            history.seed = float(grad)
            for execution in self.executions.values():
                execution.expect(history.seed)

    def _repeat(self, reason):
        """Run again, as it is, what ran compiled last."""
        execution, self.last = self.last, None
        self.history.repetitions += 1
        if self.history.repetitions > MOST_REPETITIONS and not self.history.given_up:
            self.executions = {}
            self.history.give_up(reason)
        execution.repeat()

    def restore_history(self, storage):
        """Give the content of a storage its history, where the last compiled run has put it there without."""
        execution = self.last
        if execution is not None and execution.results is not None and execution.has_written(storage):
            self._repeat("gradients are wanted of what it computes within")


class Execution:
    """A program bound to the storages of its plan.

    Attributes:
        results: What the last run has returned; None once it was handed over and freed.
    """

    def __init__(self, owner, program, code, clear_buffer, clear_no_need_grad):
        self.program, self.code, self.plan = program, code, program.plan
        self.clears = clear_buffer, clear_no_need_grad
        self.call = code.call
        self.storages, self.kept = program.storages, [c.storage for c, _ in program.kept]
        self.cleared = program.cleared
        self.inputs = program.arguments()
        self.pointers = [t.data_ptr() for t in self.inputs]
        self.draws = [(program.streams[program.functions[i]], method, given) for i, method, given in code.requests]
        self.drawn, self.results = [], None
        n_kept, n_gradients, n_inner = code.counts
        self.gradients_from, self.inner_from = n_kept, n_kept + n_gradients
        self.before_from = n_kept + n_gradients + n_inner
        self.targets, self.gradients_given = [], False
        self.learn_targets()
        backward = program.backward
        if backward is not None:
            self.inputs.append(torch.empty((), device=self.inputs[0].device))
            self.expect(owner.history.seed)
            missing = iter(code.missing[len(program.gradients):])
            results = iter(range(self.inner_from, self.before_from))
            self.inner = [(c, None if next(missing) else next(results), siblings) for c, _, siblings in program.intermediates]
            places = {id(storage): k for k, storage in enumerate(self.kept)}
            self.root_place = places[id(program.root.storage)]
            self.freed = [(storage, places.get(id(storage))) for storage in self.plan.freed_in_backward(program.root_variable())] \
                if backward.clear_buffer else []
        self.captured = owner.settings.capture and captures(self.inputs)
        if self.captured:
            self.call = Captured(code.call, len(self.inputs), program.buffers)
        for variable in program.freed:
            if variable._consumers.__class__ is not FreedAfterThese:
                variable._consumers = FreedAfterThese(variable._consumers)
        if self.plan.record and not clear_buffer:
            reference = weakref.ref(owner)
            for storage in self.kept:
                storage.compiled, storage.regular = reference, False

    def learn_targets(self):
        """Which leaf tensors take the gradients, and where the engine looks for them."""
        found = {}
        for leaf, k in zip(self.program.leaves, self.program.gradient_numbers):
            if k is not None:
                found[k] = (leaf[0].tensor, leaf[0].variable.container)
        self.targets = [found[k] for k in sorted(found) if not self.code.missing[k]] if self.program.backward else []

    def expect(self, seed):
        """Compute the gradients of backward passes that start from ``seed``."""
        if self.program.backward is not None:
            self.seed_value = seed
            self.inputs[-1].fill_(seed)

    # -- forward -------------------------------------------------------------------------------------

    def run(self):
        """Compute everything; False where the code doesn't fit what the leaves hold now."""
        for storage, tensor, pointer in zip(self.storages, self.inputs, self.pointers):
            if storage._tensor is not tensor or tensor.data_ptr() != pointer or storage.host is not None:
                if not self._refresh():
                    return False
                break
        kept = self.kept
        self.results = None
        for storage in kept:
            storage._tensor = None
        if self.captured:
            self._part_from_gradients()
        if self.draws:
            self.drawn = [getattr(stream, method)(*given) for stream, method, given in self.draws]
        with below_autograd():
            self.results = results = self.call(self.inputs + self.drawn)
        for storage, result in zip(kept, results):
            storage._tensor = result
            storage.state = WRITTEN
        for storage in self.cleared:
            storage._tensor = None
            storage.state = CLEARED
        self.gradients_given = False
        return True

    def _part_from_gradients(self):
        """Move the leaves' gradients away from where the next run writes its own."""
        leaves = [tensor for tensor, _ in self.targets if tensor.grad is not None]
        if leaves:
            copies = torch._foreach_mul([tensor.grad.detach() for tensor in leaves], 1.0)     # one kernel for all
            for tensor, gradient in zip(leaves, copies):
                tensor.grad = gradient

    def _refresh(self):
        """Take up the tensors that the leaves hold now."""
        program, inputs = self.program, self.inputs
        for leaf, _ in program.leaves:
            tensor, pointer = inputs[leaf.place], self.pointers[leaf.place]
            if leaf.storage._tensor is not tensor or tensor.data_ptr() != pointer or leaf.storage.host is not None:
                before = leaf.seen
                leaf.look()
                if leaf.seen != before:
                    return False
        if program.number_gradients() != program.gradient_numbers:
            return False
        inputs[:len(self.storages)] = program.arguments()
        self.pointers = [t.data_ptr() for t in inputs[:len(self.storages)]]
        self.learn_targets()
        return True

    # -- backward ------------------------------------------------------------------------------------

    def fits(self, root, grad, clear_buffer):
        """Whether the gradients at hand are those of this backward pass."""
        program = self.program
        if program.backward is None or id(root) != program.root_id or self.gradients_given or clear_buffer is not \
                program.backward.clear_buffer or grad != self.seed_value or grad.__class__ not in (int, float) \
                or self.plan.version != tape.changes or program.root.storage._tensor is not self.results[self.root_place]:
            return False
        for tensor, container in self.targets:
            if container.grad_storage.owner is not tensor:
                return False
        return True

    def give_gradients(self):
        """Add the gradients to what the leaves have, and let go of what the backward pass frees."""
        results, k = self.results, self.gradients_from
        for tensor, container in self.targets:
            if tensor.grad is None:
                tensor.grad = results[k]
            else:
                tensor.grad.data.add_(results[k])
            k += 1
        for container, place, siblings in self.inner:
            keep_gradient(container, None if place is None else results[place], siblings)
        for storage, place in self.freed:
            storage._tensor, storage.state = None, CLEARED
        self.gradients_given = True
        if self.program.backward.clear_buffer:
            self.results = None

    # -- as it is ------------------------------------------------------------------------------------

    def has_written(self, storage):
        """Whether the storage holds what the last run has put there."""
        return any(s is storage and s._tensor is result for s, result in zip(self.kept, self.results))

    def repeat(self):
        """Run the functions one by one on the same draws and buffers, for the history they leave."""
        buffers = [self.inputs[place].data for place in self.program.buffers]
        now = [b.clone() for b in buffers]
        for buffer, value in zip(buffers, self.results[self.before_from:]):
            buffer.copy_(value)
        self.results = None
        try:
            self.run_steps()
        finally:
            for buffer, value in zip(buffers, now):
                buffer.copy_(value)

    def run_steps(self):
        """Run the functions one by one, on the draws at hand."""
        with replaced(self.program.streams, Draws(self.drawn)), torch.enable_grad():
            self.plan.run_steps(*self.clears)

    def check(self):
        """Run both ways, leave what the functions compute, and compare.

        Raises:
            Uncompilable: the code fails, or computes something else.
        """
        changed = {place: self.inputs[place].detach().clone() for place in self.program.buffers}
        self.drawn = [getattr(stream, method)(*given) for stream, method, given in self.draws]
        inputs = [changed.get(place, tensor) for place, tensor in enumerate(self.inputs)]
        failure = None
        try:
            with below_autograd():
                results = self.code.call(inputs + self.drawn)
        except Exception as error:      # of a compiler, or of the data: then the functions raise it, too
            failure = error
        self.run_steps()
        if failure is not None:
            raise Uncompilable(f"its compiled code fails ({first_line(failure)})") from failure
        pairs = [(c.storage.materialize(c.shape), result) for (c, _), result in zip(self.program.kept, results)]
        pairs += [(self.inputs[place], value) for place, value in changed.items()]
        if not all(_agree(a.detach(), b, 0) for a, b in pairs) or not self._gradients_agree(results):
            raise Uncompilable("its compiled code computes something else than the functions do")

    def _gradients_agree(self, results):
        if not self.targets:
            return True
        container = self.program.root
        root = container.storage.autograd_tensor(container.shape)
        seed = torch.full_like(root, self.seed_value)
        expected = torch.autograd.grad(root, [t for t, _ in self.targets], seed, retain_graph=True, allow_unused=True)
        found = results[self.gradients_from:]
        if any(g is None or f.stride() != t.stride() for g, f, (t, _) in zip(expected, found, self.targets)):
            return False
        largest = max([float(g.abs().max()) for g in expected if g.numel()], default=0.0)
        return all(_agree(a, b, largest) for a, b in zip(expected, found))


def _agree(a, b, scale):
    """Whether two results differ by rounding only; gradients that cancel out to about nothing count against ``scale``."""
    if a.shape != b.shape or a.dtype is not b.dtype:
        return False
    if not a.is_floating_point() or not a.numel():
        return True
    tolerance = 0.05 if a.dtype in (torch.float32, torch.float64) else 0.2
    a, b = [torch.nan_to_num(t.to(torch.float64)) for t in (a, b)]
    return float((a - b).norm()) <= tolerance * max(float(a.norm()), scale) + 1e-12
