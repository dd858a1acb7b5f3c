"""A deep network trained in less memory: its blocks are computed again in backward instead of being kept.

Ordinary nnabla code for Linux: it runs under Sony's nnabla as it stands, and under nnabla_compat with

    python -m nnabla_compat run examples/learning/recompute.py

Each way of training runs in a process of its own, of which the kernel says how much memory it took at most.
"""
import ctypes
import json
import os

import numpy as np

import nnabla as nn
import nnabla.functions as F
import nnabla.parametric_functions as PF
import nnabla.solvers as S

BATCH, WIDTH, BLOCKS, DEPTH, STEPS = 4096, 128, 8, 4, 2
M_MMAP_THRESHOLD = -3    # malloc.h


def network(x, recompute):
    h = PF.affine(x, WIDTH, name="in")
    for b in range(BLOCKS):
        # What a block returns is kept, what is inside is not.
        with nn.recompute(recompute):
            inside = h
            for d in range(DEPTH):
                with nn.parameter_scope(f"block{b}/{d}"):
                    inside = PF.affine(inside, WIDTH)
                    inside = F.tanh(PF.batch_normalization(inside))
            inside = F.dropout(inside, 0.1)
        h = h + 0.5 * inside
    return PF.affine(h, 1, name="out")


def train(recompute, batch=BATCH):
    """Train a few steps; returns what came out."""
    nn.clear_parameters()
    nn.seed(2)
    rng = np.random.RandomState(2)
    x, t = nn.Variable((batch, WIDTH)), nn.Variable((batch, 1))
    loss = F.mean(F.squared_error(network(x, recompute), t))
    solver = S.Momentum(1e-2)
    solver.set_parameters(nn.get_parameters())
    losses = []
    for _ in range(STEPS):
        x.d = rng.randn(*x.shape)
        t.d = x.d[:, :1] ** 2
        loss.forward(clear_no_need_grad=True)
        solver.zero_grad()
        loss.backward(clear_buffer=True)
        solver.update()
        losses.append(float(loss.d))
    # Running statistics too: each forward of the loss counts once, however often it is computed.
    sums = {name: float(np.abs(p.d).sum()) for name, p in nn.get_parameters(grad_only=False).items()}
    return {"losses": losses, "parameters": sums}


def in_a_process(run):
    """``run()`` in a process of its own: its result, and the most memory the process took, in MB."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.close(reading)
            # Large arrays that are freed go back to the kernel at once: what it counts is what is in use.
            ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, 1 << 18)
            with os.fdopen(writing, "w") as f:
                json.dump(run(), f)
            status = 0
        finally:
            os._exit(status)
    os.close(writing)
    with os.fdopen(reading) as f:
        text = f.read()
    _, status, usage = os.wait4(child, 0)
    assert status == 0, "the process failed"
    return json.loads(text), usage.ru_maxrss / 1024


def main():
    _, start = in_a_process(lambda: train(True, batch=16))    # what libraries and parameters take
    plain, plain_memory = in_a_process(lambda: train(False))
    recomputed, recomputed_memory = in_a_process(lambda: train(True))
    plain_memory, recomputed_memory = plain_memory - start, recomputed_memory - start
    np.testing.assert_allclose(recomputed["losses"], plain["losses"], rtol=1e-6)
    for name, value in plain["parameters"].items():
        np.testing.assert_allclose(recomputed["parameters"][name], value, rtol=1e-4, err_msg=name)
    assert recomputed_memory < 0.6 * plain_memory, (recomputed_memory, plain_memory)
    print(json.dumps({"losses": plain["losses"], "parameters": plain["parameters"],
                      "memory": {"plain": round(plain_memory), "recomputed": round(recomputed_memory)}}))


if __name__ == "__main__":
    main()
