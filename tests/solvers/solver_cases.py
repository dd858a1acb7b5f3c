"""The recorded training runs of each solver: what to run, and how. Knows numpy only.

Both sides run the same body: `tests/oracle/record_solvers.py` with the real nnabla, to record, and
`test_solver_updates.py` with this package, to compare.
"""
import numpy as np

SHAPES = {"conv/W": (4, 3), "conv/b": (5,), "scale": (1,)}
UPDATES = 24
# Parameters that backward does not reach in these iterations: their gradient stays lazily zero.
UNREACHED = {"conv/b": (0, 5, 6, 7, 15), "scale": (3, 6, 7, 20)}


class Case:
    """One run: a solver's arguments and the schedule around its updates.

    Args:
        solver, arguments: ``getattr(S, solver)(**arguments)``.
        decay: Iteration -> rate handed to ``weight_decay`` before that update.
        rates: Iteration -> learning rate set before that update.
        scale: Size of the gradients.
        clip: Norm handed to ``clip_grad_by_norm``.
        all_reached: No gradient is left out.
    """

    def __init__(self, solver, *, decay=None, rates=None, scale=1.0, clip=None, all_reached=False, **arguments):
        self.solver, self.arguments = solver, arguments
        self.decay, self.rates, self.scale, self.clip = decay or {}, rates or {}, scale, clip
        self.all_reached = all_reached

    @property
    def label(self):
        parts = [f"{k}={v}" for k, v in self.arguments.items()]
        parts += ["decay"] * bool(self.decay) + ["rates"] * bool(self.rates) + ["clip"] * bool(self.clip)
        parts += [f"gradients*{self.scale:g}"] * (self.scale != 1) + ["all_reached"] * self.all_reached
        return f"{self.solver}({', '.join(parts)})"


EVERY = {i: 0.05 for i in range(UPDATES)}
SOME = {i: 0.01 * (i + 1) for i in range(0, UPDATES, 3)}
DROP = {6: 0.004, 12: 0.0005, 18: 0.02}


def _common(solver, *settings):
    """The schedules every solver is run under, then its own argument settings."""
    yield Case(solver)
    yield Case(solver, all_reached=True, scale=0.01)
    yield Case(solver, decay=EVERY, rates=DROP)
    yield Case(solver, decay=SOME, clip=0.7)
    for s in settings:
        yield Case(solver, **s)


CASES = [case for cases in (
    _common("Sgd", dict(lr=0.1), dict(lr=0.3, decay=SOME)),
    _common("SgdW", dict(lr=0.1, momentum=0.5, wd=0.01), dict(lr=0.05, momentum=0.0, wd=0.1, rates=DROP),
            dict(lr=0.05, wd=0.02, decay=SOME, rates=DROP)),
    _common("Momentum", dict(lr=0.05), dict(lr=0.1, momentum=0.5, decay=SOME), dict(lr=0.02, momentum=0.99)),
    _common("Nesterov", dict(lr=0.05), dict(lr=0.1, momentum=0.5, decay=SOME), dict(lr=0.02, momentum=0.99)),
    _common("Adam", dict(alpha=0.1), dict(alpha=0.02, beta1=0.5, beta2=0.9, eps=1e-3), dict(eps=0.1, scale=1e-4)),
    _common("AdamW", dict(alpha=0.1, wd=0.01), dict(alpha=0.02, beta1=0.5, beta2=0.9, eps=1e-3, wd=0.1),
            dict(alpha=0.02, wd=0.1, decay=SOME, rates=DROP)),
    _common("Adamax", dict(alpha=0.1), dict(alpha=0.02, beta1=0.5, beta2=0.9, eps=1e-2)),
    _common("AMSGRAD", dict(alpha=0.1), dict(alpha=0.02, beta1=0.5, beta2=0.9, eps=1e-3),
            dict(alpha=0.05, bias_correction=True), dict(alpha=0.05, beta2=0.9, bias_correction=True, decay=SOME)),
    _common("AMSBound", dict(alpha=0.1, gamma=0.1), dict(alpha=0.02, final_lr=0.01, gamma=0.5, eps=1e-3),
            dict(alpha=0.01, gamma=0.3, final_lr=0.05, bias_correction=True, rates=DROP),
            dict(beta1=0.5, beta2=0.9, bias_correction=True, decay=SOME)),
    _common("AdaBound", dict(alpha=0.1, gamma=0.1), dict(alpha=0.02, final_lr=0.01, gamma=0.5, eps=1e-3),
            dict(alpha=0.01, gamma=0.3, final_lr=0.05, rates=DROP), dict(beta1=0.5, beta2=0.9, scale=30.0)),
    _common("AdaBelief", dict(alpha=0.05), dict(alpha=0.02, eps=1e-3), dict(alpha=0.02, amsgrad=True, beta2=0.8),
            dict(alpha=0.02, weight_decouple=True, wd=0.1), dict(alpha=0.02, weight_decouple=True, fixed_decay=True, wd=0.01),
            dict(alpha=0.02, weight_decouple=True, wd=0.1, decay=SOME, rates=DROP),
            dict(alpha=0.02, weight_decouple=True, fixed_decay=True, decay=SOME, rates=DROP),
            dict(alpha=0.02, rectify=True), dict(alpha=0.02, rectify=True, amsgrad=True, beta2=0.95),
            dict(alpha=0.02, rectify=True, weight_decouple=True, wd=0.1, rates=DROP),
            dict(alpha=0.02, wd=0.1, decay=SOME)),
    _common("Adagrad", dict(lr=0.1), dict(lr=0.1, eps=0.1, decay=SOME)),
    _common("Adadelta", dict(lr=0.5, decay_=0.8), dict(eps=1e-2, rates=DROP)),
    _common("RMSprop", dict(lr=0.05), dict(lr=0.05, decay_=0.5, eps=1e-2)),
    _common("RMSpropGraves", dict(lr=0.05), dict(lr=0.05, decay_=0.5, momentum=0.3, eps=1e-2)),
    _common("Lamb", dict(eta=0.05), dict(eta=0.05, bias_correction=True), dict(eta=0.02, beta1=0.5, beta2=0.9, eps=1e-2),
            dict(eta=0.05, gamma_l=0.5, gamma_u=1.5), dict(eta=0.05, bias_correction=True, gamma_l=3.0, decay=SOME)),
    _common("Lars", dict(lr=0.5), dict(lr=2.0, momentum=0.5, coefficient=0.02), dict(lr=1.0, eps=0.1, decay=EVERY),
            dict(lr=1.0, coefficient=0.1, scale=1e-5, eps=1e-3)),
    _common("Lion", dict(lr=0.01), dict(lr=0.02, beta1=0.5, beta2=0.7, decay=SOME, rates=DROP)),
) for case in cases]

# `decay` is both a schedule here and an argument of three solvers, which therefore spell it `decay_`.
for _case in CASES:
    if "decay_" in _case.arguments:
        _case.arguments["decay"] = _case.arguments.pop("decay_")
LABELS = [case.label for case in CASES]
assert len(set(LABELS)) == len(CASES), "two cases share a label"


def start():
    """The parameters' first values."""
    rng = np.random.RandomState(7)
    return {key: rng.randn(*shape).astype(np.float32) for key, shape in SHAPES.items()}


def gradients(scale):
    """One dict of gradients per update."""
    rng = np.random.RandomState(11)
    return [{key: (scale * (1 + 0.2 * i) * rng.randn(*shape)).astype(np.float32) for key, shape in SHAPES.items()}
            for i in range(UPDATES)]


def run(nn, S, case):
    """Run ``case`` with a library.

    Returns:
        dict: ``weights``, all parameters joined, a row per update; the last ``t`` per parameter; and each state as
        ``state/<name>``, joined like the weights.
    """
    parameters = {}
    for key, value in start().items():
        parameters[key] = nn.Variable.from_numpy_array(value, need_grad=True)
    solver = getattr(S, case.solver)(**case.arguments)
    solver.set_parameters(parameters)
    weights = []
    for i, grads in enumerate(gradients(case.scale)):
        solver.zero_grad()
        for key, grad in grads.items():
            if case.all_reached or i not in UNREACHED.get(key, ()):
                parameters[key].g = grad
        if i in case.rates:
            solver.set_learning_rate(case.rates[i])
        if i in case.decay:
            solver.weight_decay(case.decay[i])
        if case.clip:
            solver.clip_grad_by_norm(case.clip)
        solver.update()
        weights.append(np.concatenate([np.ravel(p.d.copy()) for p in parameters.values()]))
    recorded = {"weights": np.stack(weights).astype(np.float32)}
    states = solver.get_states()
    recorded["t"] = np.array([states[key].t for key in SHAPES])
    for name in sorted(states["scale"].pstate):
        recorded[f"state/{name}"] = np.concatenate([np.ravel(states[key].pstate[name].d) for key in SHAPES])
    return recorded
