"""What runs compiled: a with block, single graphs, everything by configuration."""
import os
import subprocess
import sys

import pytest

import nnabla_compat as nn
import nnabla_compat.parametric_functions as PF
import nnabla_compat.solvers as S
from nnabla_compat.engine import modes

from .conftest import Loop

pytestmark = pytest.mark.usefixtures("traced")


def affine(x):
    return PF.affine(x, 4, name="a")


def test_nested_blocks(traced):
    loop = Loop(affine, S.Sgd(0.1))
    with nn.compiled():
        with nn.compiled(enabled=False):
            for _ in range(3):
                loop.step()
        assert not traced
        with nn.compiled():
            for _ in range(3):
                loop.step()
        loop.step()
    assert len(traced) == 1
    assert modes.compiler is None


def test_leaving_and_coming_back(traced):
    loop = Loop(affine, S.Sgd(0.1))
    for _ in range(3):
        with nn.compiled():
            for _ in range(3):
                loop.step()
        loop.forward()
        loop.solver.zero_grad()
        loop.loss.backward(clear_buffer=True)
    assert len(traced) == 1


def test_backward_outside_of_the_block():
    loop = Loop(affine, S.Sgd(0.1))
    with nn.compiled():
        for _ in range(3):
            loop.step()
        loop.forward()
    loop.solver.zero_grad()
    loop.loss.backward(clear_buffer=True)
    assert all(abs(p.g).sum() > 0 for p in nn.get_parameters().values())


def test_one_graph(traced):
    loop = Loop(affine, S.Sgd(0.1))
    assert nn.compiled(loop.loss) is loop.loss
    for _ in range(3):
        loop.scores.forward()
        loop.step()
    assert len(traced) == 1
    with nn.compiled(enabled=False):
        assert modes.compiler is None
    nn.compiled(loop.loss, enabled=False)
    assert modes.compiler is None


def test_marks_go_with_what_was_marked():
    loop = Loop(affine, S.Sgd(0.1))
    assert nn.compiled(loop.loss, loop.solver) == (loop.loss, loop.solver)
    assert modes.compiler is not None
    del loop
    assert modes.compiler is None


def test_targets_of_other_types():
    with pytest.raises(TypeError, match="expected Variables and Solvers, received str"):
        nn.compiled("loss")


def run(code, **environment):
    result = subprocess.run([sys.executable, "-c", code], env={**os.environ, **environment}, capture_output=True, text=True)
    return result.stdout.strip() or result.stderr.strip().splitlines()[-1]


def test_configuration(tmp_path):
    show = "import nnabla_compat; from nnabla_compat.engine import modes; print(modes.compiler is not None)"
    settings = tmp_path / "settings.conf"
    settings.write_text("[COMPILATION]\ncompiled = True\n")
    assert run(show) == "False"
    assert run(show, NNABLA_CONFIG_FILE_PATH=str(settings)) == "True"
    assert run(show, NNABLA_CONFIG_FILE_PATH=str(settings), NNABLA_COMPAT_COMPILED="0") == "False"
    assert run(show, NNABLA_COMPAT_COMPILED="yes") == "True"
    assert "expected True or False, received 'maybe'" in run(show, NNABLA_COMPAT_COMPILED="maybe")


def test_switching_it_on_imports_no_compiler():
    names = "[m for m in sys.modules if m.startswith(('torch._inductor', 'torch._dynamo'))]"
    before = run(f"import sys, torch; print(len({names}))")
    assert run(f"import sys, nnabla_compat as nn; c = nn.compiled(); c.__enter__(); print(len({names}))") == before
