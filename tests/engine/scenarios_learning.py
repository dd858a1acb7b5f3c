"""Scenarios in the style of reinforcement learning libraries: agents over parameter scopes, written for nnabla."""
import numpy as np

from .scenarios import caught, scenario


def modules(nn):
    return nn.parametric_functions, nn.solvers, nn.initializer


class Model:
    """A function approximator whose parameters live in a scope of its own."""

    def __init__(self, nn, scope):
        assert scope and not scope.startswith("/")
        self.nn, self.scope_name = nn, scope

    def get_parameters(self, grad_only=True):
        with self.nn.parameter_scope(self.scope_name):
            return self.nn.get_parameters(grad_only=grad_only)

    def __deepcopy__(self, memo):
        raise RuntimeError("use deepcopy(new_scope)")

    def deepcopy(self, scope):
        assert scope != self.scope_name
        copied = type(self).__new__(type(self))
        copied.__dict__.update(self.__dict__)
        copied.scope_name = scope
        parameters = self.get_parameters(grad_only=False)
        with self.nn.parameter_scope(scope):
            for key, parameter in parameters.items():
                if self.nn.parameter.get_parameter(key) is not None:
                    raise RuntimeError(f"{scope}/{key} exists")
                copy = self.nn.Variable(parameter.shape, need_grad=parameter.need_grad)
                copy.data.copy_from(parameter.data)
                self.nn.parameter.set_parameter(key, copy)
        return copied


class QFunction(Model):
    def __init__(self, nn, scope, n_action):
        super().__init__(nn, scope)
        self.n_action = n_action

    def all_q(self, s):
        nn = self.nn
        F, (PF, _, I) = nn.functions, modules(nn)
        with nn.parameter_scope(self.scope_name):
            with nn.parameter_scope("linear1"):
                h = PF.affine(s, 16, w_init=I.UniformInitializer((-0.2, 0.2)))
            h = F.relu(h)
            with nn.parameter_scope("head"):
                return PF.affine(h, self.n_action)

    def q(self, s, a):
        F = self.nn.functions
        q = self.all_q(s)
        mask = F.reshape(F.one_hot(F.reshape(a, (-1, 1), inplace=False), (q.shape[1],)), (-1, q.shape[1]))
        return F.sum(q * mask, axis=1, keepdims=True)

    def max_q(self, s):
        return self.nn.functions.max(self.all_q(s), axis=1, keepdims=True)

    def argmax(self, s):
        return self.nn.functions.max(self.all_q(s), axis=1, keepdims=True, only_index=True)


class Actor(Model):
    def pi(self, s, n_action=2):
        nn = self.nn
        F, (PF, _, I) = nn.functions, modules(nn)
        with nn.parameter_scope(self.scope_name):
            h = F.relu(PF.affine(s, 12, name="linear1"))
            h = PF.affine(h, 2 * n_action, name="linear2")
            mean, log_std = F.split(F.reshape(h, (-1, 2, n_action)), axis=1)
        return Gaussian(nn, mean, 2.0 * F.clip_by_value(log_std, -3.0, 2.0))


class Critic(Model):
    def q(self, s, a):
        F, PF = self.nn.functions, self.nn.parametric_functions
        with self.nn.parameter_scope(self.scope_name):
            h = F.concatenate(s, a, axis=1)
            for i in range(2):
                h = F.relu(PF.affine(h, 12, name=f"linear{i}"))
            return PF.affine(h, 1, name="out")


class Gaussian:
    def __init__(self, nn, mean, ln_var):
        assert isinstance(mean, nn.Variable) and isinstance(ln_var, nn.Variable)
        self.nn, self.mean, self.ln_var = nn, mean, ln_var
        self.var = nn.functions.exp(ln_var)

    def noise(self, shape, noise=None):
        if noise is not None:
            assert noise.shape == shape
            return noise
        return self.nn.functions.randn(shape=shape)

    def sample(self, noise=None):
        e = self.noise(self.mean.shape, noise)
        return self.mean + self.nn.functions.exp(self.ln_var * 0.5) * e

    def log_prob(self, x):
        F = self.nn.functions
        d = self.mean.shape[1]
        return -0.5 * (F.sum((x - self.mean) ** 2.0 / self.var + self.ln_var, axis=1, keepdims=True)
                       + d * float(np.log(2 * np.pi)))

    def kl(self, q):
        F = self.nn.functions
        return 0.5 * F.sum(q.ln_var - self.ln_var - 1.0 + (self.var + (self.mean - q.mean) ** 2.0) / q.var, axis=1,
                           keepdims=True)

    def entropy(self):
        F = self.nn.functions
        return F.sum(0.5 + 0.5 * float(np.log(2 * np.pi)) + 0.5 * self.ln_var, axis=1, keepdims=True)

    def squashed(self, noise):
        F = self.nn.functions
        x = self.sample(noise)
        action = F.tanh(x)
        log_prob = self.log_prob(x) - F.sum(F.log(1.0 - action ** 2 + 1e-6), axis=1, keepdims=True)
        return action, log_prob


def copy_parameters(source, target, tau=1.0):
    for key, target_parameter in target.items():
        if tau == 1.0:
            target_parameter.data.copy_from(source[key].data)
        else:
            target_parameter.data = source[key].data * tau + target_parameter.data * (1 - tau)


def summary(parameters):
    return {k: [v.need_grad, list(v.shape), float(v.d.sum()), float(np.abs(v.d).sum())] for k, v in parameters.items()}


class Replay:
    def __init__(self, states, actions, seed=0):
        rng = self.rng = np.random.RandomState(seed)
        n = 64
        self.data = dict(s=rng.randn(n, states), a=rng.randn(n, actions), r=rng.randn(n, 1), d=rng.rand(n, 1) > .1,
                         t=rng.randn(n, states), i=rng.randint(0, 3, (n, 1)))

    def sample(self, n):
        index = self.rng.randint(0, 64, n)
        return {k: v[index] for k, v in self.data.items()}


def start(nn, seed=1):
    nn.clear_parameters()
    nn.seed(seed)


@scenario
def rl_model_scopes(nn, F):
    start(nn)
    q = QFunction(nn, "q", 3)
    x = nn.Variable((2, 4))
    q.all_q(x)
    with nn.parameter_scope("outer"):
        other = QFunction(nn, "q", 3)
        other.all_q(x)
        inner = list(nn.get_parameters())
    target = q.deepcopy("target_" + q.scope_name)
    again = caught(lambda: q.deepcopy("target_q"))
    equal = all(np.array_equal(a.d, b.d) for a, b in zip(q.get_parameters().values(), target.get_parameters().values()))
    distinct = [a == b for a, b in zip(q.get_parameters().values(), target.get_parameters().values())]
    target.get_parameters()["head/affine/b"].d = 4
    import copy
    return (list(nn.get_parameters()), inner, summary(q.get_parameters()), summary(target.get_parameters()), again, equal, distinct,
            caught(lambda: copy.deepcopy(q)))


@scenario
def rl_dqn(nn, F):
    start(nn)
    S = nn.solvers
    q, buffer = QFunction(nn, "q", 3), Replay(4, 1)
    target = None
    batch = 8
    s, a, r, d, t = (nn.Variable((batch, 4)), nn.Variable((batch, 1)), nn.Variable((batch, 1)), nn.Variable((batch, 1)),
                     nn.Variable((batch, 4)))
    losses, solver = [], S.Adam(1e-2)
    current = q.q(s, a)
    target = q.deepcopy("target")
    with nn.no_grad():
        best = q.argmax(t)
        double = target.q(t, best)
        y = r + 0.9 * d * double
    y.need_grad = False
    error = y - current
    loss = F.mean(F.huber_loss(y, current, delta=1.0))
    error.persistent = True
    with nn.parameter_scope("q"):
        solver.set_parameters(nn.get_parameters())
    for i in range(6):
        b = buffer.sample(batch)
        s.d, a.d, r.d, d.d, t.d = b["s"], b["i"], b["r"], b["d"], b["t"]
        nn.forward_all([loss, error], clear_no_need_grad=True)
        solver.zero_grad()
        loss.backward(clear_buffer=True)
        solver.update()
        losses.append([float(loss.d), float(np.abs(error.d).sum()), str(s.data.dtype), str(a.data.dtype)])
        if i % 2:
            copy_parameters(q.get_parameters(), target.get_parameters())
    one = nn.Variable((1, 4))
    action = q.argmax(one)
    one.d = np.ones((1, 4))
    action.forward(clear_buffer=True)
    return losses, summary(q.get_parameters()), summary(target.get_parameters()), str(action.d.dtype), action.d.astype(int)


@scenario
def rl_actor_critic_soft_updates(nn, F):
    start(nn)
    S = nn.solvers
    pi, q1, q2 = Actor(nn, "pi"), Critic(nn, "q1"), Critic(nn, "q2")
    n = 8
    s, a, r, d, t = nn.Variable((n, 4)), nn.Variable((n, 2)), nn.Variable((n, 1)), nn.Variable((n, 1)), nn.Variable((n, 4))
    e, e2 = nn.Variable((n, 2)), nn.Variable((n, 2))
    q1.q(s, a), q2.q(s, a), pi.pi(s)
    t1, t2 = q1.deepcopy("t1"), q2.deepcopy("t2")
    with nn.parameter_scope("temperature"):
        log_alpha = nn.parameter.get_parameter_or_create("log_temperature", shape=(1, 1), initializer=nn.initializer.ConstantInitializer(-1.0),
                                                         need_grad=True)
    next_action, next_log_prob = pi.pi(t).squashed(e2)
    y = r + 0.95 * d * (F.minimum2(t1.q(t, next_action), t2.q(t, next_action)) - F.exp(log_alpha) * next_log_prob)
    y.need_grad = False
    td = [F.mean(0.5 * (y - q.q(s, a)) ** 2) for q in (q1, q2)]
    q_loss = td[0] + td[1]
    action, log_prob = pi.pi(s).squashed(e)
    pi_loss = F.mean(F.exp(log_alpha).get_unlinked_variable(need_grad=False).reshape((1, 1)) * log_prob
                     - F.minimum2(q1.q(s, action), q2.q(s, action)))
    unlinked = log_prob.get_unlinked_variable(need_grad=False)
    alpha_loss = -F.mean(log_alpha * (unlinked - 2.0))
    solvers = [S.Adam(1e-2), S.Adam(1e-2), S.Adam(3e-2)]
    solvers[0].set_parameters({f"{q.scope_name}/{k}": v for q in (q1, q2) for k, v in q.get_parameters().items()})
    solvers[1].set_parameters(pi.get_parameters(), reset=False, retain_state=True)
    with nn.parameter_scope("temperature"):
        solvers[2].set_parameters(nn.get_parameters())
    buffer, log = Replay(4, 2), []
    rng = np.random.RandomState(5)
    for _ in range(4):
        b = buffer.sample(n)
        s.d, a.d, r.d, d.d, t.d, e.d, e2.d = b["s"], b["a"], b["r"], b["d"], b["t"], rng.randn(n, 2), rng.randn(n, 2)
        q_loss.forward()
        solvers[0].zero_grad()
        q_loss.backward()
        pi_untouched = [float(np.abs(p.g).sum()) for p in pi.get_parameters().values()]
        solvers[0].update()
        pi_loss.forward()
        solvers[1].zero_grad()
        pi_loss.backward()
        norms = [float(np.linalg.norm(p.g)) for p in pi.get_parameters().values()]
        solvers[1].clip_grad_by_norm(0.5)
        clipped = [float(np.linalg.norm(p.g)) for p in pi.get_parameters().values()]
        solvers[1].update()
        alpha_loss.forward()
        solvers[2].zero_grad()
        alpha_loss.backward()
        solvers[2].update()
        copy_parameters(q1.get_parameters(), t1.get_parameters(), tau=0.1)
        copy_parameters(q2.get_parameters(), t2.get_parameters(), tau=0.1)
        log.append([float(q_loss.d), float(pi_loss.d), float(alpha_loss.d), float(log_alpha.d.ravel()[0]), pi_untouched, norms, clipped])
    return log, summary(t1.get_parameters()), summary(pi.get_parameters())


@scenario
def rl_distribution(nn, F):
    rng = np.random.RandomState(0)
    mean, ln_var, x = (nn.Variable.from_numpy_array(rng.randn(3, 2), need_grad=True) for _ in range(3))
    p = Gaussian(nn, mean, ln_var)
    q = Gaussian(nn, nn.Variable.from_numpy_array(rng.randn(3, 2)), nn.Variable.from_numpy_array(rng.randn(3, 2)))
    results = []
    for y in (p.log_prob(x), p.kl(q), p.entropy(), p.squashed(nn.Variable.from_numpy_array(rng.randn(3, 2)))[1]):
        for v in (mean, ln_var, x):
            v.grad.zero()
        y.forward()
        y.backward()
        results.append([y.d.copy(), mean.g.copy(), ln_var.g.copy(), x.g.copy(), str(y.d.dtype), str(mean.g.dtype)])
    nn.seed(3)
    sample = p.sample()
    sample.forward()
    first = sample.d.copy()
    sample.forward()
    return results, first, sample.d.copy(), caught(lambda: Gaussian(nn, mean.d, ln_var)), caught(lambda: p.noise((3, 2), x[0]))


@scenario
def rl_ppo(nn, F):
    start(nn)
    S = nn.solvers
    pi, v = Actor(nn, "pi"), Critic(nn, "v")
    n = 6
    rng = np.random.RandomState(1)
    s, a, adv, old, ret = [nn.Variable.from_numpy_array(rng.randn(n, k).astype(np.float32)) for k in (4, 2, 1, 1, 1)]
    zeros = nn.Variable((n, 1))
    zeros.data.zero()
    p = pi.pi(s)
    ratio = F.exp(p.log_prob(a) - old)
    clipped = F.clip_by_value(ratio, 0.8, 1.2)
    policy_loss = -F.mean(F.minimum2(ratio * adv, clipped * adv)) - 0.01 * F.mean(p.entropy())
    value_loss = F.mean(F.squared_error(v.q(s, zeros), ret))
    solvers = {"pi": S.Adam(3e-3), "v": S.Adam(3e-3)}
    solvers["pi"].set_parameters(pi.get_parameters())
    solvers["v"].set_parameters(v.get_parameters())
    log = []
    for epoch in range(3):
        F.sink(policy_loss, value_loss).forward(clear_no_need_grad=True)
        for solver in solvers.values():
            solver.zero_grad()
        (policy_loss + value_loss).forward()
        total = policy_loss + 0.5 * value_loss
        total.forward(clear_no_need_grad=True)
        total.backward(clear_buffer=True)
        for name, solver in solvers.items():
            solver.clip_grad_by_norm(0.5)
            solver.set_learning_rate(3e-3 * (1 - epoch / 3))
            solver.update()
        log.append([float(total.d), solver.learning_rate()])
    return log, summary(pi.get_parameters()), {k: s.get_states()[sorted(s.get_states())[0]].t for k, s in solvers.items()}


@scenario
def rl_trust_region(nn, F):
    start(nn)
    pi = Actor(nn, "pi")
    rng = np.random.RandomState(2)
    s = nn.Variable.from_numpy_array(rng.randn(5, 4))
    a = nn.Variable.from_numpy_array(rng.randn(5, 2))
    p = pi.pi(s)
    parameters = pi.get_parameters()
    fixed = Gaussian(nn, p.mean.get_unlinked_variable(need_grad=False), p.ln_var.get_unlinked_variable(need_grad=False))
    kl = F.mean(fixed.kl(p))
    first = nn.grad([kl], parameters.values())
    flat = F.concatenate(*[F.reshape(g, (-1,)) for g in first], axis=0)
    loss = F.mean(p.log_prob(a))
    loss_gradients = nn.grad([loss], list(parameters.values()))
    nn.forward_all([p.mean, p.ln_var, *loss_gradients])
    gradient = np.concatenate([g.d.ravel() for g in loss_gradients])

    def hvp(vector):
        v = nn.Variable.from_numpy_array(vector.astype(np.float32))
        dot = F.sum(flat * v)
        for q in parameters.values():
            q.grad.zero()
        dot.forward()
        dot.backward()
        return np.concatenate([q.g.copy().ravel() for q in parameters.values()]) + 0.1 * vector

    x, residual = np.zeros_like(gradient), gradient.copy()
    direction, rho = residual.copy(), residual.dot(residual)
    for _ in range(4):
        h = hvp(direction)
        alpha = rho / direction.dot(h)
        x += alpha * direction
        residual -= alpha * h
        new = residual.dot(residual)
        direction, rho = residual + new / rho * direction, new
    offset = 0
    for q in parameters.values():
        q.d = q.d + 0.01 * x[offset:offset + q.size].reshape(q.shape)
        offset += q.size
    kl.forward()
    return gradient, x, float(kl.d), [str(q.d.dtype) for q in parameters.values()]


@scenario
def rl_running_statistics(nn, F):
    start(nn)
    log = []
    with nn.parameter_scope("preprocessor"):
        get = nn.parameter.get_parameter_or_create
        mean = get("mean", shape=(1, 3), initializer=nn.initializer.ConstantInitializer(0.0), need_grad=False)
        var = get("var", shape=(1, 3), initializer=nn.initializer.ConstantInitializer(1.0), need_grad=False)
        count = get("count", shape=(1, 1), initializer=np.full((1, 1), 1e-4), need_grad=False)
    x = nn.Variable((4, 3))
    batch_mean = F.mean(x, axis=0, keepdims=True)
    batch_var = F.mean((x - F.broadcast(batch_mean, x.shape)) ** 2, axis=0, keepdims=True)
    n = 4.0
    total = count + n
    delta = batch_mean - mean
    new_mean = mean + delta * n / total
    new_var = (var * count + batch_var * n + delta ** 2 * count * n / total) / total
    updates = [F.assign(mean, new_mean), F.assign(var, new_var), F.assign(count, total)]
    update = F.sink(*updates)
    update.need_grad = False
    normalized = F.clip_by_value((x - mean) / (var + 1e-8) ** 0.5, -5.0, 5.0)
    rng = np.random.RandomState(0)
    for _ in range(3):
        x.d = rng.randn(4, 3) * 2 + 1
        update.forward(clear_no_need_grad=True)
        normalized.forward(clear_buffer=True)
        log.append([mean.d.copy(), var.d.copy(), count.d.copy(), normalized.d.copy()])
    with nn.parameter_scope("preprocessor"):
        found = {k: v.need_grad for k, v in nn.get_parameters(grad_only=False).items()}
        none = list(nn.get_parameters())
    return log, found, none, sorted(f.name for f in mean.function_references)


@scenario
def rl_recurrent_states(nn, F):
    start(nn)
    PF = nn.parametric_functions
    h, c = nn.Variable((2, 5)), nn.Variable((2, 5))
    h.data.zero()
    c.data.zero()
    x, reset = nn.Variable((2, 3)), nn.Variable((2, 1))
    with nn.parameter_scope("rnn"):
        h2, c2 = PF.lstm_cell(x, (1 - reset) * h, (1 - reset) * c, 5)
    h2.persistent = c2.persistent = True
    rng, log = np.random.RandomState(0), []
    for step in range(4):
        x.d, reset.d = rng.randn(2, 3), (step == 2)
        nn.forward_all([h2, c2], clear_buffer=True)
        h.d, c.d = h2.d.copy(), c2.d.copy()
        log.append([h.d.copy(), c.d.copy()])
    h.data, c.data = h2.data, c2.data     # from here on the states share the outputs' arrays
    for step in range(3):
        x.d = rng.randn(2, 3)
        nn.forward_all([h2, c2], clear_buffer=True)
        log.append([h.d.copy(), c.d.copy(), h.data == h2.data])
    return log


@scenario
def rl_unit_test_style(nn, F):
    start(nn)
    PF = nn.parametric_functions
    results = []
    with nn.auto_forward():
        x = nn.Variable.from_numpy_array(np.ones((2, 3), np.float32))
        y = PF.affine(x, 2, name="a")
        results += [isinstance(y, nn.Variable), isinstance(y.data, nn.NdArray), y.d.copy(), y.parent.name]
        with nn.no_grad():
            z = PF.affine(x, 2, name="a")
            results += [z.parent is None, z.need_grad, np.array_equal(z.d, y.d), list(nn.get_parameters())]
        loss = F.mean(y ** 2)
        for p in nn.get_parameters().values():
            p.grad.zero()
        loss.backward()
        results += [nn.get_parameters()["a/affine/W"].g.copy()]
        v = nn.Variable.from_numpy_array(np.zeros(3))
        v.d = [1, 2, 3]
        results += [F.sum(v).d.copy(), str(v.d.dtype)]
    results += [isinstance(loss, nn._variable.Variable) if hasattr(nn, "_variable") else True, nn.get_auto_forward()]
    return results


@scenario
def rl_solver_wrapper(nn, F):
    start(nn)
    PF, S, _ = modules(nn)

    class Wrapper:
        def __init__(self, solver):
            self._solver = solver
            self.calls = []

        def __getattr__(self, name):
            return getattr(self._solver, name)

        def update(self, **kwargs):
            self.calls.append(sorted(self._solver.get_parameters()))
            self._solver.update(**kwargs)

    x = nn.Variable.from_numpy_array(np.ones((2, 3), np.float32))
    loss = F.mean(PF.affine(x, 2) ** 2)
    solver = Wrapper(S.Adam(0.1))
    solver.set_parameters(nn.get_parameters())
    log = []
    for _ in range(3):
        loss.forward()
        solver.zero_grad()
        loss.backward()
        solver.weight_decay(1e-2)
        solver.update()
        log.append(float(loss.d))
    before = solver.get_states()
    solver.set_parameters(nn.get_parameters(), reset=False, retain_state=True)
    t = [s.t for s in solver.get_states().values()]
    solver.set_parameters(nn.get_parameters(), reset=True)
    t2 = [s.t for s in solver.get_states().values()]
    solver.set_states(before)
    t3 = [s.t for s in solver.get_states().values()]
    solver.clear_parameters()
    return log, solver.calls, t, t2, t3, solver.get_parameters() == {}, solver.name, sorted(solver.info) if isinstance(solver.info, dict) else []


@scenario
def rl_gradient_penalty_and_hooks(nn, F):
    start(nn)
    q = Critic(nn, "q")
    rng = np.random.RandomState(0)
    s, a = (nn.Variable.from_numpy_array(rng.randn(3, 2).astype(np.float32)) for _ in range(2))
    a.need_grad = True
    y = q.q(s, a)
    g, = nn.grad([y], [a])
    penalty = F.mean((F.sum(g ** 2, axis=1) + 1e-12) ** 0.5)
    penalty.forward(clear_no_need_grad=True)
    for p in q.get_parameters().values():
        p.grad.zero()
    penalty.backward(clear_buffer=True)
    return [float(penalty.d), {k: p.g.copy() for k, p in q.get_parameters().items()}, y.persistent]
