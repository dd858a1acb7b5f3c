"""Training in float16 with a loss scale that adapts itself.

Ordinary nnabla code: it runs under Sony's nnabla as it stands, and under nnabla_compat with

    python -m nnabla_compat run examples/learning/mixed_precision.py
"""
import json

import numpy as np

import nnabla as nn
import nnabla.functions as F
import nnabla.parametric_functions as PF
import nnabla.solvers as S
from nnabla.experimental.mixed_precision_training import DynamicLossScalingUpdater
from nnabla.ext_utils import get_extension_context

BATCH, STEPS = 64, 120


def points(rng, count):
    """Two interleaved half circles, and which one each point is of."""
    label = rng.randint(0, 2, count)
    angle = rng.uniform(0, np.pi, count)
    x = np.where(label, 1 - np.cos(angle), np.cos(angle))
    y = np.where(label, 0.5 - np.sin(angle), np.sin(angle))
    return np.stack([x, y], 1) + 0.1 * rng.randn(count, 2), label[:, None]


def main():
    nn.clear_parameters()
    nn.seed(5)
    rng = np.random.RandomState(5)
    outside = nn.get_current_context()
    nn.set_default_context(get_extension_context("cpu", type_config="half"))
    try:
        x, t = nn.Variable((BATCH, 2)), nn.Variable((BATCH, 1))
        h = F.relu(PF.affine(x, 32, name="first"))
        h = F.relu(PF.affine(h, 32, name="second"))
        y = PF.affine(h, 2, name="last")
        loss = F.mean(F.softmax_cross_entropy(y, t))
        right = F.mean(1 - F.top_n_error(y, t))

        def feed():
            x.d, t.d = points(rng, BATCH)

        solver = S.Momentum(0.05, 0.9)
        solver.set_parameters(nn.get_parameters())
        # This scale is far too large for float16: the updater halves it until no gradient overflows, and doubles it
        # again after every 40 steps that went well.
        updater = DynamicLossScalingUpdater(solver, loss, feed, scale=2.0 ** 24, N=40, clear_buffer=False,
                                            weight_decay=1e-4)
        losses, scales = [], []
        for _ in range(STEPS):
            updater.update()
            losses.append(float(loss.d))
            scales.append(float(updater.scale))
        dtypes = {"output": str(y.data.dtype), "weight": str(nn.get_parameters()["first/affine/W"].data.dtype)}

        accuracy = []
        for _ in range(5):
            feed()
            right.forward()
            accuracy.append(float(right.d))
    finally:
        nn.set_default_context(outside)
    assert dtypes == {"output": "float16", "weight": "float32"}, dtypes
    assert np.mean(accuracy) > 0.95, accuracy
    assert scales[0] < 2.0 ** 24 and max(scales) > scales[0], "the scale fell, and was tried larger again"
    print(json.dumps({"losses": losses[:20], "scales": scales, "accuracy": float(np.mean(accuracy))}))


if __name__ == "__main__":
    main()
