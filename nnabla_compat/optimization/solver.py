"""Solver: updates parameters from their gradients by an update rule."""
from collections import OrderedDict

import torch

from ..engine import hooks, modes
from ..engine.variable import Variable
from . import states_file
from .rule import Step, float32
from .slot import Slot, collect


class _Unrecorded:
    """torch.no_grad() for a ``with`` block; that one costs as much as a small kernel."""

    __slots__ = ("recording",)

    def __enter__(self):
        self.recording = torch.is_grad_enabled()
        torch._C._set_grad_enabled(False)

    def __exit__(self, *_):
        torch._C._set_grad_enabled(self.recording)


class Solver:
    """Updates parameters from their gradients.

    Solvers are made by the functions of :mod:`nnabla_compat.solvers`::

        solver = S.Adam(alpha=1e-3)
        solver.set_parameters(nn.get_parameters())
        for _ in range(iterations):
            x.d, t.d = next_batch()
            loss.forward(clear_no_need_grad=True)
            solver.zero_grad()
            loss.backward(clear_buffer=True)
            solver.weight_decay(1e-4)
            solver.update()

    A parameter whose gradient is still lazily zero, because no backward reached it since ``zero_grad``,
    is left alone by every method: no step, no weight decay, no progress of its counter.

    Every method that takes hooks calls them without arguments, once per parameter it works on: the global
    pre-hooks (``nn.set_solver_pre_hook``), the given pre-hook, the given post-hook, the global post-hooks,
    all of them before that parameter is changed. An exception of a hook reaches the caller.
    """

    __slots__ = ("_rule", "_arguments", "_info", "_rate", "_slots", "_default_decay", "_decay", "_waiting", "compiled",
                 "__weakref__")

    def __init__(self, rule=None, arguments=None):
        if rule is None:
            if type(self) is Solver:
                raise TypeError("Solver is not made directly: call one of nnabla_compat.solvers, such as Adam(alpha=1e-3)")
            return   # a subclass that wraps another solver and overrides what it is asked for
        self._rule = rule
        self._arguments = rule.coerce(arguments)
        self._info = dict(self._arguments)
        self._rate = self._arguments[rule.rate_name]
        self._slots = {}
        self._waiting = 0.0     # weight decay that compiled code is to add to the gradients when it updates
        self.compiled = None    # the updates as compiled code, once there is some
        fused = rule.fused(self._arguments)
        self._default_decay = self._arguments.get("wd", 0.0) if fused else 0.0
        self._decay = self._default_decay

    def __repr__(self):
        arguments = ", ".join(f"{k}={v:g}" if isinstance(v, float) else f"{k}={v}" for k, v in self._info.items())
        return f"<{self.name}({arguments}) of {len(self._slots)} parameters>"

    @property
    def name(self):
        """Name of the solver, such as ``'Adam'``."""
        return self._rule.name

    @property
    def info(self):
        """The constructor's arguments as they are used, floats rounded to float32."""
        return self._info

    def learning_rate(self):
        """The current learning rate."""
        return self._rate

    def set_learning_rate(self, learning_rate):
        """Use another learning rate from the next update on."""
        self._rate = float32(learning_rate)

    # -- parameters ----------------------------------------------------------------------------------

    def setup(self, params):
        """Not available, as in nnabla.

        Raises:
            RuntimeError: always; call :meth:`set_parameters`.
        """
        raise RuntimeError("Solver.setup is deprecated and does nothing. Call set_parameters(param_dict) instead.")

    def set_parameters(self, param_dict, reset=True, retain_state=False):
        """Choose the parameters to update.

        Args:
            param_dict (mapping of str to Variable): For example ``nn.get_parameters()``. A value may be a
                ``torch.Tensor`` with gradient too, such as a ``torch.nn.Parameter``.
            reset (bool): Forget the parameters set before, with their states. Otherwise new keys are added; a
                key that is already set keeps the Variable it has.
            retain_state (bool): With ``reset=False``, keys already set keep their state; else it starts over.

        Raises:
            TypeError: a key is no str, or a value no Variable.
            RuntimeError: a retained state does not fit the Variable's shape.
        """
        self.settle()
        items = list(param_dict.items())
        for key, value in items:
            if not isinstance(key, str):
                raise TypeError(f"{self.name}.set_parameters: expected names of type str, received {key!r}")
            if not isinstance(value, (Variable, torch.Tensor)):
                raise TypeError(f"{self.name}.set_parameters: expected a Variable for '{key}', received "
                                f"{type(value).__name__}")
            known = None if reset else self._slots.get(key)
            if known is not None and retain_state and tuple(value.shape) != known.container.shape:
                raise RuntimeError(f"{self.name}.set_parameters: can't retain the state of '{key}': it has shape "
                                   f"{known.container.shape}, received a Variable of shape {tuple(value.shape)}. "
                                   "Pass retain_state=False, or remove_parameters(['...']) first.")
        names = self._rule.states(self._arguments)
        slots = {} if reset else self._slots
        for key, value in items:
            if key not in slots:
                slots[key] = Slot(key, value, names)
            elif not retain_state:
                slots[key].reset(names)
        self._slots = slots

    def get_parameters(self):
        """The parameters, name to Variable, in the order they were set.

        The Variables share data and gradient with those given to :meth:`set_parameters`.
        """
        return OrderedDict((key, Variable.over(slot.container)) for key, slot in self._slots.items())

    def remove_parameters(self, keys):
        """Stop updating the named parameters and forget their states; unknown names are ignored."""
        self.settle()
        for key in keys:
            self._slots.pop(key, None)

    def clear_parameters(self):
        """Stop updating any parameter and forget all states."""
        self.settle()
        self._slots.clear()

    # -- gradients -----------------------------------------------------------------------------------

    def zero_grad(self):
        """Set every gradient to zero, lazily: nothing is written until backward, or a reader, comes along."""
        if self._waiting:
            self._take_waiting()
        for slot in self._slots.values():
            slot.zero_gradient()

    def weight_decay(self, decay_rate, pre_hook=None, post_hook=None):
        """Decay the weights at ``decay_rate``.

        Where :meth:`weight_decay_is_fused`, the rate is kept for the next update alone. Otherwise the
        weights times the rate are added to the gradients at once, so call it after backward and before
        update, in each iteration.

        Args:
            decay_rate (float): Rate; 0 does nothing, or turns the default of the next update off where fused.
            pre_hook, post_hook: See :class:`Solver`.
        """
        rate = float32(decay_rate)
        if self.weight_decay_is_fused():
            self._decay = rate
        elif rate and not (pre_hook is None and post_hook is None and self._wait(rate)):
            self._for_gradients(lambda w, g: _add(g, w, rate), pre_hook, post_hook)

    def _wait(self, rate):
        """Leave weight decay to the compiled code that updates, if there is some; whoever reads a gradient first settles it."""
        if modes.compiler is None or not modes.compiler.decays(self) or hooks.solver_pre_hooks or hooks.solver_post_hooks:
            return False
        self.settle()
        storages = [slot.container.grad_storage for slot in self._slots.values()]
        if any([s is None or s.owner is None for s in storages]):
            return False
        for storage in storages:
            storage.waiting = self.settle
        self._waiting = rate
        return True

    def _take_waiting(self):
        """The weight decay that waits; it does no longer."""
        rate, self._waiting = self._waiting, 0.0
        for slot in self._slots.values():
            if slot.container.grad_storage is not None:
                slot.container.grad_storage.waiting = None
        return rate

    def settle(self):
        """Add weight decay that waits for the update to the gradients now."""
        if self._waiting:
            rate = self._take_waiting()
            self._for_gradients(lambda w, g: _add(g, w, rate), None, None)

    def weight_decay_is_fused(self):
        """Whether weight decay is a part of the update instead of being added to the gradients."""
        return bool(self._rule.fused(self._arguments))

    def clip_grad_by_norm(self, clip_norm, pre_hook=None, post_hook=None):
        """Scale each gradient whose L2 norm is larger than ``clip_norm`` down to it, parameter by parameter.

        Args:
            clip_norm (float): Largest norm of a parameter's gradient; 0 does nothing.
            pre_hook, post_hook: See :class:`Solver`.
        """
        limit = float32(clip_norm)
        if not limit:
            return

        def clip(_, g):
            norms = torch.stack(torch._foreach_norm(g))
            if not norms.is_cpu:    # without waiting for the device
                torch._foreach_mul_(g, torch.where(norms > limit, limit / norms, 1.0).unbind())
                return
            scales = [(x, limit / norm) for x, norm in zip(g, norms.tolist()) if norm > limit]
            if scales:
                torch._foreach_mul_(*zip(*scales))
        self._for_gradients(clip, pre_hook, post_hook)

    def scale_grad(self, scale, pre_hook=None, post_hook=None):
        """Multiply the gradients with ``scale``.

        Args:
            scale (float): Factor.
            pre_hook, post_hook: See :class:`Solver`.
        """
        scale = float32(scale)
        self._for_gradients(lambda _, g: torch._foreach_mul_(g, scale), pre_hook, post_hook)

    def check_inf_grad(self, pre_hook=None, post_hook=None):
        """Whether any gradient has an infinite element. Hooks: see :class:`Solver`."""
        return self._any_gradient(torch.isinf, pre_hook, post_hook)

    def check_nan_grad(self, pre_hook=None, post_hook=None):
        """Whether any gradient has an element that is not a number. Hooks: see :class:`Solver`."""
        return self._any_gradient(torch.isnan, pre_hook, post_hook)

    def check_inf_or_nan_grad(self, pre_hook=None, post_hook=None):
        """Whether any gradient has an element that is infinite or not a number. Hooks: see :class:`Solver`."""
        return self._any_gradient(lambda g: ~torch.isfinite(g), pre_hook, post_hook)

    def _for_gradients(self, change, pre_hook, post_hook):
        """Call ``change(weights, gradients)`` on groups of like tensors; it writes the gradients in place."""
        self.settle()
        call = _hook_caller(pre_hook, post_hook)
        for part in [self._slots.values()] if call is None else self._after_hooks(call):
            with _Unrecorded():
                for _, weights, gradients in collect(part, writing=True):
                    change(weights, gradients)

    def _after_hooks(self, call):
        """Each slot with a gradient, alone in a list, after the hooks were called for it."""
        for slot in self._slots.values():
            if slot.gradient() is not None:
                call()
                yield [slot]

    def _any_gradient(self, wrong, pre_hook, post_hook):
        self.settle()
        call = _hook_caller(pre_hook, post_hook)
        by_device = {}
        for slot in self._slots.values():
            gradient = slot.gradient()
            if gradient is not None:
                if call is not None:
                    call()
                if gradient.dtype.is_floating_point and gradient.numel():
                    by_device.setdefault((gradient.device, gradient.dtype), []).append(gradient.detach())
        for gradients in by_device.values():
            # One pass and one transfer in the usual case, where all is finite: then so is the norm.
            if not torch.stack(torch._foreach_norm(gradients)).isfinite().all():
                if torch.stack([wrong(g).any() for g in gradients]).any():
                    return True
        return False

    # -- update --------------------------------------------------------------------------------------

    def update(self, update_pre_hook=None, update_post_hook=None):
        """Update every parameter that has a gradient, in place.

        Args:
            update_pre_hook, update_post_hook: See :class:`Solver`.
        """
        call = _hook_caller(update_pre_hook, update_post_hook)
        if call is not None:
            self.settle()
        waiting = self._take_waiting() if self._waiting else 0.0
        for part in [self._slots.values()] if call is None else self._after_hooks(call):
            with _Unrecorded():
                for group in collect(part):
                    self._apply(*group, waiting)
        self._decay = self._default_decay

    def _apply(self, slots, weights, gradients, waiting):
        """One step of the rule on parameters of one device and dtype, after the weight decay that waits."""
        counters = []
        for slot in slots:
            slot.t = t = slot.t + 1
            counters.append(t)
        states = list(map(list, zip(*[slot.state_tensors() for slot in slots]))) if slots[0].names else ()
        step = Step(self._rate, self._decay, counters)
        if modes.compiler is not None and modes.compiler.update(self, self._rule, self._arguments, step,
                                                                         waiting, weights, gradients, states):
            return
        if waiting:
            _add(gradients, weights, waiting)
        self._rule.update(step, weights, gradients, *states, **self._arguments)

    # -- states --------------------------------------------------------------------------------------

    def get_states(self):
        """The states, parameter name to :class:`SolverState`, in the order of :meth:`get_parameters`."""
        return OrderedDict((key, slot.expose()) for key, slot in self._slots.items())

    def set_states(self, states):
        """Take over states, as :meth:`get_states` gives them; the Variables in them become the solver's own.

        Args:
            states (mapping of str to SolverState): Parameters that are left out keep their states.

        Raises:
            RuntimeError: a name is not among the parameters, or a state is missing or has another shape.
                Nothing was changed then.
        """
        items = list(states.items())
        for key, state in items:
            slot = self._slot_of(key)
            self._check_states(slot, {name: tuple(v.shape) for name, v in state.pstate.items()})
            _check_counter(self.name, key, state.t)
        for key, state in items:
            self._slots[key].adopt_variables(int(state.t), state.pstate)

    def _slot_of(self, key):
        try:
            return self._slots[key]
        except KeyError:
            raise RuntimeError(f"{self.name}.set_states: '{key}' is not among the solver's parameters. Set weight "
                               f"parameter for {key} first, with set_parameters.") from None

    def _check_states(self, slot, shapes):
        for name in slot.names:
            if name not in shapes:
                raise RuntimeError(f"{self.name}.set_states: expected the states {', '.join(slot.names)} for "
                                   f"'{slot.key}', received {', '.join(shapes) or 'none'}. Are they another solver's?")
            if shapes[name] != slot.container.shape:
                raise RuntimeError(f"{self.name}.set_states: expected shape {slot.container.shape} for state '{name}' "
                                   f"of '{slot.key}', received {shapes[name]}.")

    def save_states(self, path):
        """Write the states to a file, ``.h5`` or ``.protobuf`` by its name; an existing file is replaced at once.

        Args:
            path (str or os.PathLike): File name.

        Raises:
            AssertionError: another extension.
        """
        states_file.save(path, self._records())

    def load_states(self, path):
        """Read states that :meth:`save_states`, here or in nnabla, has written.

        Args:
            path (str or os.PathLike): File name, ``.h5``, ``.protobuf``, ``.nntxt`` or ``.prototxt``.

        Raises:
            RuntimeError: the file has a parameter that the solver lacks, or states that do not fit it.
            OSError: the file can't be read.
            NotImplementedError: an ``.nnp`` file.

        The states stay as they were when the file can't be taken over.
        """
        records = states_file.load(path)
        if records is not None:
            self._take_over(records)

    def set_states_to_protobuf(self, optimizer):
        """Write the states into an ``Optimizer`` message, ``optimizer.solver.states``."""
        states_file.to_message(self._records(), optimizer)

    def set_states_from_protobuf(self, optimizer_proto):
        """Take over the states in an ``Optimizer`` message; raises as :meth:`load_states`."""
        self._take_over(states_file.from_message(optimizer_proto))

    def _records(self):
        """(name, counter, state name to numpy array) of every parameter."""
        return [states_file.StateRecord(key, slot.t, {name: tensor.detach().cpu().numpy() for name, tensor
                                                      in zip(slot.names, slot.state_tensors())})
                for key, slot in self._slots.items()]

    def _take_over(self, records):
        found = []
        for record in records:
            slot = self._slot_of(record.key)
            self._check_states(slot, {name: array.shape for name, array in record.states.items()})
            _check_counter(self.name, record.key, record.t)
            slot.weight()
            device, dtype = slot.place
            found.append((slot, record.t, [torch.tensor(record.states[name], dtype=dtype, device=device)
                                           for name in slot.names]))
        for slot, t, states in found:
            slot.set_states(t, states)


def _add(tensors, others, scale):
    """Add ``others`` times ``scale``."""
    if tensors[0].is_cpu and tensors[0].dtype in (torch.float32, torch.float64):
        # On the CPU torch's foreach functions loop over the tensors, its fused optimizers don't.
        torch._fused_sgd_(tensors, others, [], weight_decay=0.0, momentum=0.0, lr=-scale, dampening=0.0, nesterov=False,
                          maximize=False, is_first_step=False)
    else:
        torch._foreach_add_(tensors, others, alpha=scale)


def _check_counter(solver, key, t):
    if int(t) < 0:
        raise RuntimeError(f"{solver}.set_states: expected a number of updates for '{key}', received t={t}.")


def _hook_caller(pre, post):
    """One callable for all hooks around a parameter; None when there are none."""
    if pre is None and post is None and not hooks.solver_pre_hooks and not hooks.solver_post_hooks:
        return None
    pre = hooks.combined(hooks.solver_pre_hooks, pre)
    post = hooks.combined(hooks.solver_post_hooks, post, local_first=True)
    if pre is None or post is None:
        return pre or post

    def call():
        pre()
        post()
    return call
