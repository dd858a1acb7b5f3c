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
from . import code
from .capture import Captured
from .program import first_line

# For how many kinds of updates (decay rates, sets of parameters with gradients) code is made.
MOST_COMPILATIONS = 8


class CompiledUpdates:
    """The compiled updates of one solver.

    Args:
        rule (UpdateRule): What the solver does.
        arguments (dict): Its arguments.
        options (tuple of pairs): Settings of inductor.
    """

    def __init__(self, rule, arguments, options):
        self.rule, self.arguments, self.options = rule, arguments, dict(options)
        self.codes, self.known, self.given_up = {}, (None, (), None), False
        # Rate, number of the update and waiting decay; the code reads them where they are written here.
        self.scalars = torch.zeros(3, dtype=torch.float64)
        self.numbers, self.scalar_tensors = self.scalars.numpy(), list(self.scalars.unbind())

    def update(self, step, waiting, weights, gradients, states):
        """Do one update; False where the rule has to be called.

        Args:
            step (Step): As rules get it.
            waiting (float): Weight decay to add to the gradients first.
            weights, gradients (list of Tensor), states (list of lists of Tensor): As rules get them.
        """
        if self.given_up or not step.joint:
            return False
        tensors = [*weights, *gradients]
        for state in states:
            tensors += state
        count = len(weights)
        key = (step.decay, waiting != 0, count, *[t.stride() for t in gradients])
        fixed = [*weights, *tensors[2 * count:]]
        known_key, known, call = self.known
        if key != known_key or len(known) != len(fixed) or not all(map(operator.is_, known, fixed)):
            call = self._find(key, tensors, step, waiting, weights, gradients, states)
            if call is None:
                return False
            self.known = key, fixed, call
        self.numbers[:] = step.rate, step.t[0], waiting
        call(tensors + self.scalar_tensors)
        return True

    def _find(self, key, tensors, step, waiting, weights, gradients, states):
        """The code for these tensors, once they have come twice; None until then."""
        key = (key, *[(t.shape, t.stride(), t.dtype, t.device) for t in tensors])
        call = self.codes.get(key)
        if key not in self.codes:
            self.codes[key] = None
        elif call is None:
            try:
                call = self.codes[key] = self._compiled(tensors, step, waiting, weights, gradients, states)
            except Exception as error:      # of the tracer or the compiler: the rule itself does the same
                self.given_up = True
                warnings.warn(f"nnabla_compat: {self.rule.name} updates uncompiled, because torch can't compile it "
                              f"({first_line(error)}).", RuntimeWarning, stacklevel=2)
        return call

    def _compiled(self, tensors, step, waiting, weights, gradients, states):
        if sum(call is not None for call in self.codes.values()) == MOST_COMPILATIONS:
            raise RuntimeError(f"it was compiled {MOST_COMPILATIONS} times for other decay rates or parameters")
        if len({t.data_ptr() for t in tensors if t.numel()}) < sum(t.numel() > 0 for t in tensors):
            raise RuntimeError("its parameters share memory")
        start = time.perf_counter()
        count, decay = len(weights), step.decay

        def function(*tensors):
            rate, number, decay_waiting = tensors[-3:]
            w, g, *states = [list(tensors[k:k + count]) for k in range(0, len(tensors) - 3, count)]
            with _Spelt():
                if waiting:
                    for gradient, weight in zip(g, w):
                        gradient.add_(weight * decay_waiting)
                self.rule.update(_TracedStep(rate, decay, number, count), w, g, *states, **self.arguments)
            return []
        copies = [t.detach().clone() for t in tensors]
        scalars = [t.to(tensors[0].device) for t in self.scalar_tensors]
        call = code.machine_code(function, copies + scalars, self.options)
        expected = [t.detach().clone() for t in tensors]
        self.numbers[:] = step.rate, step.t[0], waiting
        with torch.no_grad():
            call(copies + [t.to(tensors[0].device) for t in self.scalar_tensors])
            w, g, *s = [expected[k:k + count] for k in range(0, len(expected), count)]
            if waiting:
                torch._foreach_add_(g, w, alpha=waiting)
            self.rule.update(step, w, g, *s, **self.arguments)
        for a, b in zip(expected, copies):
            if not torch.allclose(a, b, rtol=1e-3, atol=1e-5, equal_nan=True):
                raise RuntimeError("the code computes something else")
        if weights[0].is_cuda:
            call = Captured(call, len(tensors), range(len(tensors)))
        logger.info("Compiled %s's update of %d parameters in %.1f s.", self.rule.name, count, time.perf_counter() - start)
        return call


class _TracedStep:
    """A :class:`~nnabla_compat.optimization.rule.Step` whose numbers are tensors, so that code serves every update."""

    def __init__(self, rate, decay, number, count):
        self.rate, self.decay, self.number, self.t = rate, decay, number, [number] * count

    def relative_rate(self, initial):
        return self.rate / initial if initial else 1.0

    def each(self, function):
        return function(self.number)


class _Spelt(TorchFunctionMode):
    """Functions on lists of tensors as functions on each: these take tensors for numbers."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        name, kwargs = getattr(function, "__name__", ""), kwargs or {}
        if name == "_fused_sgd_":
            return _sgd(*args, **kwargs)
        if not name.startswith("_foreach_"):
            return function(*args, **kwargs)
        lists = [a if isinstance(a, (list, tuple)) else [a] * len(args[0]) for a in args]
        return [_one(name[len("_foreach_"):], *values, **kwargs) for values in zip(*lists)]


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


def _sgd(weights, gradients, momenta, *, weight_decay, momentum, lr, dampening, nesterov, maximize, is_first_step):
    for w, g, m in zip(weights, gradients, momenta):
        m.copy_(momentum * m + (1 - dampening) * g)
        w.sub_(lr * m)
