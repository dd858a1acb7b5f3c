"""Capture and replay: the bookkeeping on any machine, CUDA graphs where there is a GPU."""
import numpy as np
import pytest
import torch

import nnabla_compat as nn
import nnabla_compat.functions as F
import nnabla_compat.parametric_functions as PF
import nnabla_compat.solvers as S
from nnabla_compat.compilation import capture, plan, update
from nnabla_compat.compilation.capture import MOST_CAPTURES, Captured, captures
from nnabla_compat.ext_utils import get_extension_context

from .conftest import Loop, assert_same

needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")


def record(function, device):
    """As capture does: runs to warm up, then results in memory that replays write to."""
    function()
    results = function()

    def replay():
        for place, value in zip(results, function()):
            place.copy_(value)
    return replay, results


def count_and_scale(tensors):
    count, x, factor = tensors
    count += 1
    return [x * factor]


def test_replays():
    count, x = torch.zeros(()), torch.ones(3)
    captured = Captured(count_and_scale, 2, [0], record)
    for k in range(1, 4):
        result, = captured([count, x, torch.tensor(float(k))])
        assert result.tolist() == [k] * 3 and count.item() == k
    assert captured.captures == 1
    first = result
    x.fill_(2)
    result, = captured([count, x, torch.tensor(5.0)])
    assert result is first and result.tolist() == [10.0] * 3


def test_tensors_that_move_are_copied():
    """From the second capture on, what had moved before it is copied to where it is read."""
    count, kept = torch.zeros(()), []
    captured = Captured(count_and_scale, 2, [0], record)
    for k in range(1, MOST_CAPTURES + 4):
        kept.append(torch.full((3,), float(k)))
        result, = captured([count, kept[-1], torch.tensor(2.0)])
        assert result.tolist() == [2.0 * k] * 3 and count.item() == k
    assert captured.captures == 2


def test_written_tensors_that_move_are_captured_again_a_few_times():
    kept = []
    captured = Captured(count_and_scale, 2, [0], record)
    for k in range(1, MOST_CAPTURES + 4):
        kept.append(torch.full((), float(k)))
        result, = captured([kept[-1], torch.ones(3), torch.tensor(2.0)])
        assert result.tolist() == [2.0] * 3 and kept[-1].item() == k + 1
    assert captured.captures == MOST_CAPTURES


def test_one_gpu_only():
    assert not captures([torch.zeros(2), torch.zeros(2)])


class ReplayedGraph:
    """Stands in for torch.cuda.CUDAGraph and its capture on machines without GPU: whole steps go through the same code."""

    count = 0

    def __init__(self, monkeypatch):
        monkeypatch.setattr(plan, "captures", lambda tensors: True)
        monkeypatch.setattr(update, "captures", lambda tensors: True)
        monkeypatch.setattr(capture, "_record", self.record)

    def record(self, function, device):
        self.count += 1
        return record(function, device)


@pytest.mark.usefixtures("traced")
@pytest.mark.parametrize("gradients", ["zeroed after forward", "zeroed before forward", "accumulated"])
def test_steps_that_overwrite_results(monkeypatch, gradients):
    """What CUDA graphs do to memory: results and gradients of a step stand where those of the last one stood."""
    graphs, results = ReplayedGraph(monkeypatch), []
    for enabled in (False, True):
        with nn.compiled(enabled=enabled):
            loop, seen = Loop(network, S.Momentum(0.1)), []
            for k in range(8):
                if gradients == "zeroed before forward":
                    loop.solver.zero_grad()
                loop.forward()
                if gradients == "zeroed after forward" or k in (0, 4):
                    loop.solver.zero_grad()
                loop.loss.backward(clear_buffer=True)
                loop.solver.weight_decay(1e-3)
                loop.solver.update()
                seen.append(float(loop.loss.d))
            results.append((seen, {k: p.g.copy() for k, p in nn.get_parameters().items()}, loop.parameters()))
    assert graphs.count >= 2
    (seen, gradients, parameters), (captured_seen, captured_gradients, captured_parameters) = results
    np.testing.assert_allclose(captured_seen, seen, rtol=1e-4)
    assert_same(captured_gradients, gradients, 1e-4)
    assert_same(captured_parameters, parameters, 1e-4)


@pytest.mark.usefixtures("traced")
def test_capture_can_be_left_out(monkeypatch):
    graphs = ReplayedGraph(monkeypatch)
    with nn.compiled(capture=False):
        loop = Loop(network, S.Momentum(0.1))
        for _ in range(4):
            loop.step()
    assert not graphs.count and loop.solver.compiled.codes


def test_what_cannot_be_captured_runs_uncaptured():
    def refuse(*_):
        raise RuntimeError("operation not permitted when stream is capturing")
    count, x = torch.zeros(()), torch.ones(3)
    captured = Captured(count_and_scale, 2, [0], refuse)
    with pytest.warns(RuntimeWarning, match="without CUDA graphs.*not permitted"):
        captured([count, x, torch.tensor(2.0)])
    result, = captured([count, x, torch.tensor(3.0)])
    assert result.tolist() == [3.0] * 3 and count.item() == 2


def network(x):
    h = F.relu(PF.batch_normalization(PF.affine(x, 5, name="a", with_bias=False)))
    return PF.affine(h, 4, name="b")


@needs_gpu
def test_training_on_a_gpu():
    results = []
    with nn.context_scope(get_extension_context("cudnn")):
        for enabled in (False, True):
            with nn.compiled(enabled=enabled):
                loop = Loop(network, S.Momentum(0.1))
                results.append(([loop.step() for _ in range(8)], loop.parameters()))
    np.testing.assert_allclose(results[1][0], results[0][0], rtol=1e-4)
    for key, value in results[0][1].items():
        np.testing.assert_allclose(results[1][1][key], value, rtol=1e-3, atol=1e-4, err_msg=key)


@needs_gpu
def test_gradients_accumulate_over_replays():
    results = []
    with nn.context_scope(get_extension_context("cudnn")):
        for enabled in (False, True):
            with nn.compiled(enabled=enabled):
                loop = Loop(network, S.Sgd(0.1))
                for k in range(8):
                    loop.forward()
                    if k % 4 == 0:
                        loop.solver.zero_grad()
                    loop.loss.backward(clear_buffer=True)
                results.append({k: np.array(p.g) for k, p in nn.get_parameters().items()})
    for key, value in results[0].items():
        np.testing.assert_allclose(results[1][key], value, rtol=1e-3, atol=1e-4, err_msg=key)


@needs_gpu
def test_a_step_does_not_wait_for_the_gpu():
    with nn.context_scope(get_extension_context("cudnn")), nn.compiled():
        loop = Loop(network, S.Momentum(0.1))
        for _ in range(4):
            loop.step()
        torch.cuda.set_sync_debug_mode("error")
        try:
            for _ in range(3):
                loop.loss.forward(clear_no_need_grad=True)
                loop.solver.zero_grad()
                loop.loss.backward(clear_buffer=True)
                loop.solver.weight_decay(1e-4)
                loop.solver.update()
        finally:
            torch.cuda.set_sync_debug_mode("default")
