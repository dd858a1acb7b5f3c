"""How an update rule is declared: one function per solver, everything public derives from it.

An update rule changes flat lists of tensors in place::

    @update_rule("Momentum", states=("m",))
    def momentum(step, w, g, m, lr=1e-3, momentum=0.9):
        torch._foreach_mul_(m, momentum)
        torch._foreach_add_(m, g, alpha=step.rate)
        torch._foreach_sub_(w, m)

``step`` tells what changes from update to update; ``w`` and ``g`` are the weights and gradients, all of
one dtype and device; one list follows per state; the rest are the constructor's arguments, the first of
which is the initial learning rate. The gradients belong to the caller: a rule only reads them.
"""
import inspect
from ctypes import c_float


class Step:
    """What an update rule sees of the current update.

    Attributes:
        rate (float): Learning rate.
        decay (float): Rate of the fused weight decay; 0 where the solver has none.
        t (list of int): How many updates each parameter has had, this one included.
        joint (bool): Whether that is the same number for all.
    """

    __slots__ = ("rate", "decay", "t", "joint")

    def __init__(self, rate, decay, t):
        self.rate, self.decay, self.t = rate, decay, t
        self.joint = t.count(t[0]) == len(t)

    def relative_rate(self, initial):
        """The learning rate as a multiple of the initial one, 1 where that is zero."""
        return self.rate / initial if initial else 1.0

    def each(self, function):
        """``function(t)`` for every parameter: one float where all counters agree, else a list.

        torch's foreach functions take either, and a single number is the faster one.
        """
        if self.joint:
            return function(self.t[0])
        values = {t: function(t) for t in set(self.t)}
        return [values[t] for t in self.t]


class UpdateRule:
    """A declared solver.

    Attributes:
        name: nnabla's name of the solver, such as ``"AdamW"``.
        update: ``update(step, weights, gradients, *states, **arguments)`` works in place.
        defaults: Constructor arguments, name to default, in public order.
        rate_name: The argument that is the initial learning rate.
    """

    def __init__(self, name, update, states, fused):
        self.name, self.update = name, update
        self._states, self._fused = states, fused
        parameters = inspect.signature(update).parameters
        self.defaults = {k: p.default for k, p in parameters.items()
                         if p.default is not p.empty and p.kind is not p.POSITIONAL_ONLY}
        self.rate_name = next(iter(self.defaults))

    def coerce(self, arguments):
        """The arguments as nnabla keeps them: bools, and floats rounded to float32."""
        return {k: bool(v) if self.defaults[k].__class__ is bool else float32(v) for k, v in arguments.items()}

    def states(self, arguments):
        """Names of the states a parameter has under these constructor arguments."""
        return self._states(arguments) if callable(self._states) else self._states

    def fused(self, arguments):
        """Weight decay is part of the update, rather than added to the gradients."""
        return self._fused(arguments) if callable(self._fused) else self._fused

    def __repr__(self):
        return f"<UpdateRule {self.name}>"


RULES = {}


def update_rule(name, *, states=(), fused=False):
    """Declare the decorated function as the update rule of solver ``name``.

    Args:
        name (str): nnabla's name of the solver.
        states: Names of the tensors kept per parameter, shaped like it and zero at first; or a
            function of the constructor arguments that gives them.
        fused: ``weight_decay`` takes effect inside the update (``step.decay``), with the argument
            ``wd``, where there is one, as its default rate; or a function of the constructor arguments.
    """
    def declare(update):
        if name in RULES:
            raise ValueError(f"solver {name} is declared twice: in {RULES[name].update.__module__} "
                             f"and in {update.__module__}")
        RULES[name] = UpdateRule(name, update, states, fused)
        return update
    return declare


def float32(value):
    """``value`` as a Python float that float32 can hold."""
    if isinstance(value, (str, bytes)) or value is None:
        raise TypeError(f"must be real number, not {type(value).__name__}")
    return c_float(float(value)).value
