"""An actor-critic agent (PPO) learns to steer a point to the middle of a line.

Ordinary nnabla code: it runs under Sony's nnabla as it stands, and under nnabla_compat with

    python -m nnabla_compat run examples/learning/actor_critic.py

Source: Schulman et al., Proximal policy optimization algorithms, 2017.
"""
import json

import numpy as np

import nnabla as nn
import nnabla.functions as F
import nnabla.parametric_functions as PF
import nnabla.solvers as S

POINTS, HORIZON, ROUNDS, EPOCHS, DISCOUNT, CLIP, TAU = 32, 16, 30, 4, 0.9, 0.2, 0.2
ACTIONS = np.array([-0.2, 0.0, 0.2], np.float32)


class Line:
    """Points with a position and a velocity, all moved at once. The reward is minus the distance from 0."""

    def __init__(self, rng):
        self.rng = rng

    def reset(self):
        self.state = np.stack([self.rng.uniform(-1, 1, POINTS), np.zeros(POINTS)], 1).astype(np.float32)
        return self.state

    def step(self, action):
        velocity = 0.5 * self.state[:, 1] + ACTIONS[action]
        position = np.clip(self.state[:, 0] + velocity, -2, 2)
        self.state = np.stack([position, velocity], 1).astype(np.float32)
        return self.state, -np.abs(position)


def policy(state):
    with nn.parameter_scope("policy"):
        h = F.tanh(PF.affine(state, 32, name="hidden"))
        return PF.affine(h, len(ACTIONS), w_init=np.zeros((32, len(ACTIONS)), np.float32), name="out")


def value(state, scope="value"):
    with nn.parameter_scope(scope):
        h = F.tanh(PF.affine(state, 32, name="hidden"))
        return PF.affine(h, 1, name="out")


def parameters(scope):
    with nn.parameter_scope(scope):
        return nn.get_parameters()


def log_probability(logits, action):
    chosen = F.one_hot(action, (len(ACTIONS),))
    return F.sum(F.log_softmax(logits) * chosen, axis=1, keepdims=True)


class Agent:
    def __init__(self, rng):
        self.rng = rng
        # Acting: one graph for the states of all points.
        self.state = nn.Variable((POINTS, 2))
        self.probabilities = F.softmax(policy(self.state))
        # Learning: one graph for everything a round collects.
        count = POINTS * HORIZON
        self.batch, self.after = nn.Variable((count, 2)), nn.Variable((count, 2))
        self.action, self.reward = nn.Variable((count, 1)), nn.Variable((count, 1))
        self.logits, self.value = policy(self.batch), value(self.batch)
        target = self.reward + DISCOUNT * value(self.after, "target")
        self.target = target.get_unlinked_variable(need_grad=False)
        self.log_old = log_probability(self.logits, self.action)
        self.old = nn.Variable((count, 1))
        self.collected = F.sink(target, self.value)
        # The advantage is a constant to the policy: it takes the critic's value without its history.
        advantage = self.target - self.value.get_unlinked_variable(need_grad=False)
        ratio = F.exp(log_probability(self.logits, self.action) - self.old)
        clipped = F.minimum2(ratio * advantage, F.clip_by_value(ratio, 1 - CLIP, 1 + CLIP) * advantage)
        p = F.softmax(self.logits)
        entropy = -F.mean(F.sum(p * F.log_softmax(self.logits), axis=1))
        self.policy_loss = -F.mean(clipped) - 0.01 * entropy
        self.value_loss = F.mean(F.huber_loss(self.value, self.target))
        self.policy_solver, self.value_solver = S.Adam(1e-2), S.Adam(1e-2)
        self.policy_solver.set_parameters(parameters("policy"))
        self.value_solver.set_parameters(parameters("value"))
        self.follow(1.0)

    def follow(self, tau):
        """Move the target network towards the critic."""
        source = parameters("value")
        for name, p in parameters("target").items():
            p.data.copy_from((1 - tau) * p.data + tau * source[name].data)

    def act(self, state):
        self.state.d = state
        self.probabilities.forward(clear_buffer=True)
        edges = np.cumsum(self.probabilities.d, axis=1)
        return (self.rng.uniform(size=(POINTS, 1)) > edges[:, :-1]).sum(1)

    def learn(self, states, actions, rewards, after):
        self.batch.d, self.after.d = states, after
        self.action.d, self.reward.d = actions[:, None], rewards[:, None]
        self.log_old.forward(clear_buffer=True)
        self.old.d = self.log_old.d.copy()
        for _ in range(EPOCHS):
            self.collected.forward()
            self.policy_loss.forward(clear_no_need_grad=True)
            self.policy_solver.zero_grad()
            self.policy_loss.backward(clear_buffer=True)
            self.policy_solver.clip_grad_by_norm(1.0)
            self.policy_solver.update()
            self.value_loss.forward(clear_no_need_grad=True)
            self.value_solver.zero_grad()
            self.value_loss.backward(clear_buffer=True)
            self.value_solver.update()
            self.follow(TAU)
        return float(self.policy_loss.d), float(self.value_loss.d)


def main():
    nn.clear_parameters()
    nn.seed(1)
    rng = np.random.RandomState(1)
    line, agent = Line(rng), Agent(rng)
    returns, losses = [], []
    for _ in range(ROUNDS):
        state, seen = line.reset(), []
        for _ in range(HORIZON):
            action = agent.act(state)
            after, reward = line.step(action)
            seen.append((state, action, reward, after))
            state = after
        losses.append(agent.learn(*(np.concatenate(column) for column in zip(*seen))))
        returns.append(float(np.mean([reward.mean() for _, _, reward, _ in seen])))
    assert np.mean(returns[-5:]) > 0.5 * np.mean(returns[:2]), "the points stay nearer to the middle than at first"
    assert np.mean(returns[-5:]) > -0.3, returns
    print(json.dumps({"returns": returns, "losses": losses[:3], "parameters": sorted(nn.get_parameters())}))


if __name__ == "__main__":
    main()
