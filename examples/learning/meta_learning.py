"""Meta-learning (MAML): weights from which one gradient step fits a sine, found by differentiating through that step.

Ordinary nnabla code: it runs under Sony's nnabla as it stands, and under nnabla_compat with

    python -m nnabla_compat run examples/learning/meta_learning.py

Source: Finn et al., Model-agnostic meta-learning for fast adaptation of deep networks, 2017.
"""
import json

import numpy as np

import nnabla as nn
import nnabla.functions as F
import nnabla.initializer as I
import nnabla.parametric_functions as PF
import nnabla.solvers as S

TASKS, SHOTS, HIDDEN, INNER_RATE, STEPS = 4, 10, 24, 0.05, 200


def initial_weights():
    weights = {}
    for name, shape in (("w1", (1, HIDDEN)), ("b1", (HIDDEN,)), ("w2", (HIDDEN, HIDDEN)), ("b2", (HIDDEN,)),
                        ("w3", (HIDDEN, 1)), ("b3", (1,))):
        init = I.NormalInitializer(1 / np.sqrt(shape[0])) if name[0] == "w" else None
        weights[name] = PF.get_parameter_or_create(name, shape, init)
    return weights


def network(x, w):
    h = F.tanh(F.affine(x, w["w1"], w["b1"]))
    h = F.tanh(F.affine(h, w["w2"], w["b2"]))
    return F.affine(h, w["w3"], w["b3"])


def error(x, t, weights):
    return F.mean(F.squared_error(network(x, weights), t))


def adapted(x, t, weights):
    """The weights after one step of gradient descent, as a function of the weights before it."""
    gradients = nn.grad([error(x, t, weights)], list(weights.values()))
    return {name: w - INNER_RATE * g for (name, w), g in zip(weights.items(), gradients)}


class Task:
    """A sine of some amplitude and phase: points to adapt to (support) and to be judged by (query)."""

    def __init__(self, weights):
        self.support, self.query = ((nn.Variable((SHOTS, 1)), nn.Variable((SHOTS, 1))) for _ in range(2))
        self.before = error(*self.query, weights)
        self.after = error(*self.query, adapted(*self.support, weights))

    def draw(self, rng):
        amplitude, phase = rng.uniform(0.5, 2), rng.uniform(0, np.pi)
        for x, t in (self.support, self.query):
            x.d = rng.uniform(-3, 3, x.shape)
            t.d = amplitude * np.sin(x.d + phase)


def main():
    nn.clear_parameters()
    nn.seed(3)
    rng = np.random.RandomState(3)
    weights = initial_weights()
    tasks = [Task(weights) for _ in range(TASKS)]
    meta_loss = sum(t.after for t in tasks) / TASKS
    # Gradients of gradients, as variables; bound to the parameters' .grad, from where the solver takes them.
    parameters = nn.get_parameters()
    meta_gradients = nn.grad([meta_loss], list(parameters.values()), bind_grad_output=True)
    everything = [meta_loss] + meta_gradients

    solver = S.Adam(5e-3)
    solver.set_parameters(parameters)
    losses = []
    for _ in range(STEPS):
        for t in tasks:
            t.draw(rng)
        nn.forward_all(everything)
        solver.update()
        losses.append(float(meta_loss.d))

    # The same gradients by the other way: backward through the graph that nn.grad made.
    bound = {name: p.g.copy() for name, p in parameters.items()}
    for p in parameters.values():
        p.grad = nn.NdArray(p.shape)
    meta_loss.forward()
    solver.zero_grad()
    meta_loss.backward()
    forward_again = nn.grad([meta_loss], list(parameters.values()))
    nn.forward_all(forward_again)
    for (name, p), g in zip(parameters.items(), forward_again):
        np.testing.assert_allclose(p.g, g.d, rtol=1e-3, atol=1e-4, err_msg=name)

    before, after = [], []
    for _ in range(50):
        tasks[0].draw(rng)
        nn.forward_all([tasks[0].before, tasks[0].after])
        before.append(float(tasks[0].before.d))
        after.append(float(tasks[0].after.d))
    assert np.mean(after) < 0.6 * np.mean(before), (np.mean(before), np.mean(after))
    print(json.dumps({"losses": losses[:20], "gradient norms": {k: float(np.linalg.norm(g)) for k, g in bound.items()},
                      "before": float(np.mean(before)), "after": float(np.mean(after))}))


if __name__ == "__main__":
    main()
