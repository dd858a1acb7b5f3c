"""Solvers' updates as compiled code: the rules as they are declared, with loops over lists of tensors spelt out.

Weight decay that is not part of a rule waits for the update and becomes one function with it. Whoever asks for a gradient
in between, through a Variable or the solver, gets it decayed.
"""
import operator
import time
import warnings

import torch
from torch.overrides import TorchFunctionMode

from ..logger import logger
from . import code as compiler
from .capture import Captured, captures
from .program import first_line

# For how many kinds of updates (decay rates, sets of parameters with gradients) code is made.
MOST_COMPILATIONS = 8
# Code of more parameters takes minutes to compile, and the rules' own fused kernels have little to lose there.
MOST_PARAMETERS = 32


class CompiledUpdates:
    """The compiled updates of one solver.

    Args:
        rule (UpdateRule): What the solver does.
        arguments (dict): Its arguments.
        settings (Settings): How they are to be compiled.
    """

    def __init__(self, rule, arguments, settings):
        self.rule, self.arguments, self.settings = rule, arguments, settings
        self.codes, self.known, self.given_up = {}, (None, (), None), False

    def update(self, step, waiting, weights, gradients, states):
        """Do one update; False where the rule has to be called.

        Args:
            step (Step): As rules get it.
            waiting (float): Weight decay to add to the gradients first.
            weights, gradients (list of Tensor), states (list of lists of Tensor): As rules get them.
        """
        count = len(weights)
        if self.given_up or count > MOST_PARAMETERS or not step.joint:
            return False
        tensors = [*weights, *gradients]
        for state in states:
            tensors += state
        key = (step.decay, waiting != 0, count, *[t.stride() for t in gradients])
        fixed = [*weights, *tensors[2 * count:]]
        known_key, known, code = self.known
        if key != known_key or len(known) != len(fixed) or not all(map(operator.is_, known, fixed)):
            code = self._find(key, tensors, step, waiting, weights, gradients, states)
            if code is None:
                return False
            self.known = key, fixed, code
        with compiler.below_autograd():
            code.run(tensors, step, waiting)
        return True

    def _find(self, key, tensors, step, waiting, weights, gradients, states):
        """The code for these tensors, once they have come twice; None until then."""
        key = (key, *[(t.shape, t.stride(), t.dtype, t.device) for t in tensors])
        code = self.codes.get(key)
        if key not in self.codes:
            self.codes[key] = None
        elif code is None:
            try:
                code = self.codes[key] = self._compiled(tensors, step, waiting, weights, gradients, states)
            except Exception as error:      # of the tracer or the compiler: the rule itself does the same
                self.given_up = True
                warnings.warn(f"nnabla_compat: {self.rule.name} updates uncompiled, because torch can't compile it "
                              f"({first_line(error)}).", RuntimeWarning, stacklevel=2)
        return code

    def _compiled(self, tensors, step, waiting, weights, gradients, states):
        if sum(code is not None for code in self.codes.values()) == MOST_COMPILATIONS:
            raise RuntimeError(f"it was compiled {MOST_COMPILATIONS} times for other decay rates or parameters")
        if len({t.data_ptr() for t in tensors if t.numel()}) < sum(t.numel() > 0 for t in tensors):
            raise RuntimeError("its parameters share memory")
        start = time.perf_counter()
        code = _UpdateCode(self, tensors, step, waiting, len(weights))
        copies, expected = [[t.detach().clone() for t in tensors] for _ in range(2)]
        with torch.no_grad():
            code.run(copies, step, waiting)
            w, g, *s = _lists(expected, len(weights))
            if waiting:
                torch._foreach_add_(g, w, alpha=waiting)
            self.rule.update(step, w, g, *s, **self.arguments)
        for a, b in zip(expected, copies):
            if not torch.allclose(a, b, rtol=1e-3, atol=1e-5, equal_nan=True):
                raise RuntimeError("the code computes something else")
        code.capture(tensors)
        logger.info("Compiled %s's update of %d parameters in %.1f s.", self.rule.name, len(weights),
                    time.perf_counter() - start)
        return code


class _UpdateCode:
    """The code of one kind of update.

    The numbers that differ from update to update are computed on the host, as the rule does it, and read by the code
    from one small tensor: computed in the code, they would be computed again for each element.
    """

    def __init__(self, updates, tensors, step, waiting, count):
        self.updates, self.decays, self.decay, self.count = updates, waiting != 0, step.decay, count
        copies = [t.detach().clone() for t in tensors]
        dtype = torch.float64 if copies[0].dtype is torch.float64 else torch.float32
        self.values = self._compute(copies, step, waiting, lambda number: torch.tensor(number, dtype=dtype))
        self.scalars = torch.zeros(len(self.values), dtype=dtype)
        self.numbers = self.scalars.numpy()
        self.takes_host_memory = copies[0].is_cpu

        def function(*tensors):
            scalars = iter(tensors[-1].unbind())
            self._compute(tensors[:-1], step, waiting, lambda number: next(scalars))
            return []
        self.call = compiler.machine_code(function, [*copies, self.scalars.to(copies[0].device)], dict(updates.settings.options))

    def _compute(self, tensors, step, waiting, tensor_of):
        """Do the update, with loops over lists spelt out.

        Returns:
            How to compute the numbers that the code reads: functions of a step and of the decay that waits, in the order
            in which ``tensor_of`` was asked to give tensors for them.
        """
        trace = _Trace(step, waiting, tensor_of)
        w, g, *states = _lists(tensors, self.count)
        with _Spelt():
            if self.decays:
                torch._foreach_add_(g, w, alpha=trace.number(lambda step, waiting: waiting))
            self.updates.rule.update(_TracedStep(trace, self.decay, self.count), w, g, *states, **self.updates.arguments)
        return trace.values

    def capture(self, tensors):
        """Replay it as a CUDA graph from now on, on a GPU."""
        if self.updates.settings.capture and captures(tensors):
            self.call, self.takes_host_memory = Captured(self.call, len(tensors), range(len(tensors))), True

    def run(self, tensors, step, waiting):
        """Do one update."""
        self.numbers[:] = [value(step, waiting) for value in self.values]
        self.call([*tensors, self.scalars if self.takes_host_memory else self.scalars.to(tensors[0].device, non_blocking=True)])


def _lists(tensors, count):
    return [list(tensors[k:k + count]) for k in range(0, len(tensors), count)]


class _Trace:
    """The numbers that an update takes from its step.

    Args:
        step (Step), waiting (float): The update that is traced.
        tensor_of (callable): Gives the tensor to read a number from.
    """

    def __init__(self, step, waiting, tensor_of):
        self.step, self.waiting, self.tensor_of, self.values = step, waiting, tensor_of, []

    def number(self, value):
        """The number that ``value(step, waiting)`` gives."""
        number = _Number(value(self.step, self.waiting))
        number.trace, number.value, number.tensor = self, value, None
        return number


class _Number(float):
    """A number that differs from update to update: arithmetic on it notes how others come from it."""

    def as_tensor(self):
        """What code reads it from."""
        if self.tensor is None:
            self.trace.values.append(self.value)
            self.tensor = self.trace.tensor_of(float(self))
        return self.tensor

    def __mul__(self, other):
        if isinstance(other, torch.Tensor):
            return self.as_tensor() * other
        return self.trace.number(lambda step, waiting: self.value(step, waiting) * other)

    __rmul__ = __mul__

    def __neg__(self):
        return -1 * self

    def __truediv__(self, other):
        return self.trace.number(lambda step, waiting: self.value(step, waiting) / other)

    def __rsub__(self, other):
        return self.trace.number(lambda step, waiting: other - self.value(step, waiting))

    # What no rule does would go unnoticed.
    __add__ = __radd__ = __sub__ = __rtruediv__ = __pow__ = __rpow__ = None


class _TracedStep:
    """A :class:`~nnabla_compat.optimization.rule.Step` whose numbers are noted, so that code serves every update."""

    def __init__(self, trace, decay, count):
        self.trace, self.decay, self.t = trace, decay, [None] * count
        self.rate = trace.number(lambda step, waiting: step.rate)

    def relative_rate(self, initial):
        return self.rate / initial if initial else 1.0

    def each(self, function):
        def value(step, waiting):
            found = function(step.t[0])
            return found.value(step, waiting) if isinstance(found, _Number) else found
        return self.trace.number(value)


class _Spelt(TorchFunctionMode):
    """Functions on lists of tensors as functions on each: these take tensors for numbers, and fuse."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        name = getattr(function, "__name__", "")
        args, kwargs = [_read(a) for a in args], {k: _read(a) for k, a in (kwargs or {}).items()}
        if name in _FUSED:
            return _FUSED[name](*args, **kwargs)
        if not name.startswith("_foreach_"):
            return function(*args, **kwargs)
        lists = [a if isinstance(a, (list, tuple)) else [a] * len(args[0]) for a in args]
        return [_one(name[len("_foreach_"):], *values, **kwargs) for values in zip(*lists)]


def _read(argument):
    return argument.as_tensor() if isinstance(argument, _Number) else argument


def _one(name, x, *others, alpha=1, value=1):
    plain = name.rstrip("_")
    if plain in ("addcmul", "addcdiv"):
        a, b, *factor = others
        result = x + (factor[0] if factor else value) * (a * b if plain == "addcmul" else a / b)
    elif plain in ("add", "sub"):
        result = getattr(torch, plain)(x, others[0] * alpha)
    elif plain == "norm":
        result = torch.linalg.vector_norm(x)
    else:
        result = getattr(torch, plain)(x, *others)
    return x.copy_(result) if name.endswith("_") else result


def _sgd(weights, gradients, momenta, *, momentum, lr, dampening, **others):
    for w, g, m in zip(weights, gradients, momenta):
        m.copy_(momentum * m + (1 - dampening) * g)
        w.sub_(lr * m)


def _adam(weights, gradients, means, squares, *_, lr, beta1, beta2, eps, **others):
    for w, g, m, v in zip(weights, gradients, means, squares):
        m.copy_(beta1 * m + (1 - beta1) * g)
        v.copy_(beta2 * v + (1 - beta2) * g * g)
        w.sub_(lr * m / (v.sqrt() + eps))


# As far as the rules use them: without torch's own weight decay, Adam's correction in the rate.
_FUSED = {"_fused_sgd_": _sgd, "_fused_adam_": _adam}
