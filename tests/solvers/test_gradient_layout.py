"""Gradients that lie in memory otherwise than their parameters: torch's fused kernels go by memory."""
import numpy as np
import pytest
import torch

import nnabla_compat as nn
import nnabla_compat.solvers as S


@pytest.mark.parametrize("solver", ["Sgd", "Momentum", "Adam", "AdamW", "Lamb"])
def test_a_transposed_gradient(solver):
    gradient = (torch.arange(12.0).reshape(4, 3) - 5).t()
    results = []
    for laid_out in (gradient, gradient.contiguous()):
        nn.clear_parameters()
        w = nn.parameter.get_parameter_or_create("w", (3, 4), np.arange(12, dtype=np.float32).reshape(3, 4) / 10)
        made = getattr(S, solver)()
        made.set_parameters(nn.get_parameters())
        w.grad.zero()
        for _ in range(2):
            w.tensor.grad = laid_out.clone(memory_format=torch.preserve_format)
            made.weight_decay(0.5)
            made.clip_grad_by_norm(2.0)
            made.update()
        results.append((w.d.copy(), w.g.copy()))
    (w, g), (expected_w, expected_g) = results
    np.testing.assert_array_equal(w, expected_w)
    np.testing.assert_array_equal(g, expected_g)
