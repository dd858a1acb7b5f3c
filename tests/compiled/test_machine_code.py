"""The whole way to machine code, on networks that are compiled in seconds."""
import logging
import re

import numpy as np
import pytest
import torch

import nnabla_compat as nn
import nnabla_compat.functions as F
import nnabla_compat.parametric_functions as PF
import nnabla_compat.solvers as S

from .conftest import Loop, assert_same, needs_compiler

pytestmark = [needs_compiler, pytest.mark.filterwarnings("error:nnabla_compat.*uncompiled")]
newer_torch = pytest.mark.skipif(torch.__version__.startswith("2.4."), reason="inductor of torch 2.4 fails at its own LSTM")


def mlp(x):
    return PF.affine(F.relu(PF.affine(x, 5, name="a")), 4, name="b")


def lenet(x):
    h = F.relu(F.max_pooling(PF.convolution(x, 4, (3, 3), name="c"), (2, 2)))
    h = F.max_pooling(F.dropout(PF.batch_normalization(h), 0.2), (2, 2), stride=(1, 1))
    return PF.affine(h, 4, name="d")


def lstm(x):
    state = F.constant(0, (1, 1, x.shape[0], 5))
    _, h, _ = PF.lstm(F.transpose(F.reshape(x, (x.shape[0], 2, 3)), (1, 0, 2)), state, state, training=True)
    return PF.affine(F.reshape(h, (x.shape[0], 5)), 4, name="d")


@pytest.mark.parametrize("build, solver, shape", [
    (mlp, S.Momentum, (8, 6)), (lenet, S.Adam, (4, 1, 10, 10)), pytest.param(lstm, S.Adam, (8, 6), marks=newer_torch)])
def test_training(build, solver, shape, caplog):
    results = []
    with caplog.at_level(logging.INFO, "nnabla"):
        for enabled in (False, True):
            with nn.compiled(enabled=enabled):
                loop = Loop(build, solver(0.01), shape)
                losses = [loop.step() for _ in range(6)]
                loop.scores.forward()    # the buffers were updated, too
                results.append((losses, loop.parameters(), np.array(loop.scores.d)))
    (losses, parameters, scores), (compiled_losses, compiled_parameters, compiled_scores) = results
    np.testing.assert_allclose(compiled_losses, losses, rtol=1e-4)
    np.testing.assert_allclose(compiled_scores, scores, rtol=1e-3, atol=1e-4)
    assert_same(compiled_parameters, parameters, 1e-3)
    said = [m for m in caplog.messages if m.startswith("Compiled")]
    assert [re.sub(r"[\d.]+ s\.", "... s.", m) for m in said] == [
        f"Compiled a graph of {len(_functions(loop.loss))} functions (Mean), forward and backward, in ... s.",
        f"Compiled {loop.solver.name}'s update of {len(loop.solver.get_parameters())} parameters in ... s."]


def _functions(root):
    found = []
    root.visit(found.append)
    return found


def test_options_reach_the_compiler():
    with nn.compiled(options={"no_such_setting": 1}):
        loop = Loop(mlp, S.Sgd(0.1))
        loop.step()
        with pytest.warns(RuntimeWarning, match="no_such_setting"):
            loop.step()
